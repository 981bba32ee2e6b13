using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace MlsConsole.Core.Storage.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class AnswersOfTheLog : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "seq",
                table: "pending_removals");

            migrationBuilder.AddColumn<long>(
                name: "seq",
                table: "idempotency",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "left_seq",
                table: "conversations",
                type: "INTEGER",
                nullable: false,
                defaultValue: 0L);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "seq",
                table: "idempotency");

            migrationBuilder.DropColumn(
                name: "left_seq",
                table: "conversations");

            migrationBuilder.AddColumn<long>(
                name: "seq",
                table: "pending_removals",
                type: "INTEGER",
                nullable: false,
                defaultValue: 0L);
        }
    }
}
