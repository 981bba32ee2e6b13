using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace MlsConsole.Core.Storage.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class DevicesEnd : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            // Claims are numbered for each device from now; those of the last day are forgotten.
            migrationBuilder.Sql("DELETE FROM key_package_claims");

            migrationBuilder.DropIndex(
                name: "ix_roster_did",
                table: "roster");

            migrationBuilder.DropPrimaryKey(
                name: "pk_key_package_claims",
                table: "key_package_claims");

            migrationBuilder.DropIndex(
                name: "ix_key_package_claims_claimer_at",
                table: "key_package_claims");

            migrationBuilder.RenameColumn(
                name: "id",
                table: "key_package_claims",
                newName: "slot");

            migrationBuilder.AlterColumn<int>(
                name: "slot",
                table: "key_package_claims",
                type: "INTEGER",
                nullable: false,
                oldClrType: typeof(long),
                oldType: "INTEGER")
                .OldAnnotation("Sqlite:Autoincrement", true);

            migrationBuilder.AddColumn<long>(
                name: "deleted_at",
                table: "devices",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "retired_at",
                table: "device_keys",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddPrimaryKey(
                name: "pk_key_package_claims",
                table: "key_package_claims",
                columns: new[] { "claimer", "device_row", "slot" });

            migrationBuilder.CreateIndex(
                name: "ix_roster_did_convo_id",
                table: "roster",
                columns: new[] { "did", "convo_id" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_roster_did_convo_id",
                table: "roster");

            migrationBuilder.DropPrimaryKey(
                name: "pk_key_package_claims",
                table: "key_package_claims");

            migrationBuilder.DropColumn(
                name: "deleted_at",
                table: "devices");

            migrationBuilder.DropColumn(
                name: "retired_at",
                table: "device_keys");

            migrationBuilder.RenameColumn(
                name: "slot",
                table: "key_package_claims",
                newName: "id");

            migrationBuilder.AlterColumn<long>(
                name: "id",
                table: "key_package_claims",
                type: "INTEGER",
                nullable: false,
                oldClrType: typeof(int),
                oldType: "INTEGER")
                .Annotation("Sqlite:Autoincrement", true);

            migrationBuilder.AddPrimaryKey(
                name: "pk_key_package_claims",
                table: "key_package_claims",
                column: "id");

            migrationBuilder.CreateIndex(
                name: "ix_roster_did",
                table: "roster",
                column: "did");

            migrationBuilder.CreateIndex(
                name: "ix_key_package_claims_claimer_at",
                table: "key_package_claims",
                columns: new[] { "claimer", "at" });
        }
    }
}
