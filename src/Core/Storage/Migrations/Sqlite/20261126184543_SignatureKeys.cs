using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace MlsConsole.Core.Storage.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class SignatureKeys : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(
                name: "proposed_epoch",
                table: "pending_removals",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "signature_key_id",
                table: "conversations",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "signature_keys",
                columns: table => new
                {
                    id = table.Column<long>(type: "INTEGER", nullable: false)
                        .Annotation("Sqlite:Autoincrement", true),
                    signature_scheme = table.Column<int>(type: "INTEGER", nullable: false),
                    public_key = table.Column<byte[]>(type: "BLOB", nullable: false),
                    protected_private_key = table.Column<byte[]>(type: "BLOB", nullable: false),
                    created_at = table.Column<long>(type: "INTEGER", nullable: false),
                    retired_at = table.Column<long>(type: "INTEGER", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_signature_keys", x => x.id);
                });

            migrationBuilder.CreateIndex(
                name: "ix_conversations_signature_key_id",
                table: "conversations",
                column: "signature_key_id");

            migrationBuilder.CreateIndex(
                name: "ix_signature_keys_of_the_current",
                table: "signature_keys",
                column: "signature_scheme",
                unique: true,
                filter: "retired_at IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_signature_keys_public_key",
                table: "signature_keys",
                column: "public_key",
                unique: true);

            migrationBuilder.AddForeignKey(
                name: "fk_conversations_signature_key_signature_key_id",
                table: "conversations",
                column: "signature_key_id",
                principalTable: "signature_keys",
                principalColumn: "id");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropForeignKey(
                name: "fk_conversations_signature_key_signature_key_id",
                table: "conversations");

            migrationBuilder.DropTable(
                name: "signature_keys");

            migrationBuilder.DropIndex(
                name: "ix_conversations_signature_key_id",
                table: "conversations");

            migrationBuilder.DropColumn(
                name: "proposed_epoch",
                table: "pending_removals");

            migrationBuilder.DropColumn(
                name: "signature_key_id",
                table: "conversations");
        }
    }
}
