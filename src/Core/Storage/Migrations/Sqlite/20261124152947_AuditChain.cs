using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace MlsConsole.Core.Storage.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class AuditChain : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<byte[]>(
                name: "hash",
                table: "audit",
                type: "BLOB",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "position",
                table: "audit",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "times",
                table: "audit",
                type: "INTEGER",
                nullable: false,
                defaultValue: 1);

            migrationBuilder.CreateTable(
                name: "leases",
                columns: table => new
                {
                    name = table.Column<string>(type: "TEXT", nullable: false),
                    holder = table.Column<string>(type: "TEXT", nullable: false),
                    expires_at = table.Column<long>(type: "INTEGER", nullable: false),
                    position = table.Column<long>(type: "INTEGER", nullable: false),
                    hash = table.Column<byte[]>(type: "BLOB", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_leases", x => x.name);
                });

            migrationBuilder.CreateIndex(
                name: "ix_audit_id_of_unlinked",
                table: "audit",
                column: "id",
                filter: "position IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_audit_position",
                table: "audit",
                column: "position",
                unique: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "leases");

            migrationBuilder.DropIndex(
                name: "ix_audit_id_of_unlinked",
                table: "audit");

            migrationBuilder.DropIndex(
                name: "ix_audit_position",
                table: "audit");

            migrationBuilder.DropColumn(
                name: "hash",
                table: "audit");

            migrationBuilder.DropColumn(
                name: "position",
                table: "audit");

            migrationBuilder.DropColumn(
                name: "times",
                table: "audit");
        }
    }
}
