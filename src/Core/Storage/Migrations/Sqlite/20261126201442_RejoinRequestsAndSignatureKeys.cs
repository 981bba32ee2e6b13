using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace MlsConsole.Core.Storage.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class RejoinRequestsAndSignatureKeys : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "seq",
                table: "pending_removals");

            migrationBuilder.AddColumn<long>(
                name: "proposed_epoch",
                table: "pending_removals",
                type: "INTEGER",
                nullable: true);

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

            migrationBuilder.AddColumn<long>(
                name: "signature_key_id",
                table: "conversations",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "rejoin_requests",
                columns: table => new
                {
                    id = table.Column<string>(type: "TEXT", nullable: false),
                    convo_id = table.Column<string>(type: "TEXT", nullable: false),
                    device_row = table.Column<long>(type: "INTEGER", nullable: false),
                    key_package_row = table.Column<long>(type: "INTEGER", nullable: false),
                    reason = table.Column<string>(type: "TEXT", nullable: true),
                    created_at = table.Column<long>(type: "INTEGER", nullable: false),
                    expires_at = table.Column<long>(type: "INTEGER", nullable: false),
                    answered_at = table.Column<long>(type: "INTEGER", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_rejoin_requests", x => x.id);
                    table.ForeignKey(
                        name: "fk_rejoin_requests_conversations_convo_id",
                        column: x => x.convo_id,
                        principalTable: "conversations",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_rejoin_requests_devices_device_row",
                        column: x => x.device_row,
                        principalTable: "devices",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_rejoin_requests_key_packages_key_package_row",
                        column: x => x.key_package_row,
                        principalTable: "key_packages",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

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
                name: "ix_rejoin_requests_device_row",
                table: "rejoin_requests",
                column: "device_row");

            migrationBuilder.CreateIndex(
                name: "ix_rejoin_requests_expires_at",
                table: "rejoin_requests",
                column: "expires_at");

            migrationBuilder.CreateIndex(
                name: "ix_rejoin_requests_key_package_row",
                table: "rejoin_requests",
                column: "key_package_row",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_rejoin_requests_open",
                table: "rejoin_requests",
                columns: new[] { "convo_id", "device_row" },
                unique: true,
                filter: "answered_at IS NULL");

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
                name: "rejoin_requests");

            migrationBuilder.DropTable(
                name: "signature_keys");

            migrationBuilder.DropIndex(
                name: "ix_conversations_signature_key_id",
                table: "conversations");

            migrationBuilder.DropColumn(
                name: "proposed_epoch",
                table: "pending_removals");

            migrationBuilder.DropColumn(
                name: "seq",
                table: "idempotency");

            migrationBuilder.DropColumn(
                name: "left_seq",
                table: "conversations");

            migrationBuilder.DropColumn(
                name: "signature_key_id",
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
