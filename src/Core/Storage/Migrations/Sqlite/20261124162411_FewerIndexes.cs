using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace MlsConsole.Core.Storage.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class FewerIndexes : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_outbox_created_at",
                table: "outbox");

            migrationBuilder.DropIndex(
                name: "ix_outbox_id_of_waiting",
                table: "outbox");

            migrationBuilder.DropIndex(
                name: "ix_audit_id_of_unlinked",
                table: "audit");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateIndex(
                name: "ix_outbox_created_at",
                table: "outbox",
                column: "created_at");

            migrationBuilder.CreateIndex(
                name: "ix_outbox_id_of_waiting",
                table: "outbox",
                column: "id",
                filter: "seq IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_audit_id_of_unlinked",
                table: "audit",
                column: "id",
                filter: "position IS NULL");
        }
    }
}
