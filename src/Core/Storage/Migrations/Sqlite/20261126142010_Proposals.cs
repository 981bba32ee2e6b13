using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace MlsConsole.Core.Storage.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class Proposals : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<byte[]>(
                name: "reference",
                table: "log",
                type: "BLOB",
                nullable: true);

            migrationBuilder.CreateIndex(
                name: "ix_log_convo_id_epoch_reference_of_proposals",
                table: "log",
                columns: new[] { "convo_id", "epoch", "reference" },
                unique: true,
                filter: "kind = 2");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_log_convo_id_epoch_reference_of_proposals",
                table: "log");

            migrationBuilder.DropColumn(
                name: "reference",
                table: "log");
        }
    }
}
