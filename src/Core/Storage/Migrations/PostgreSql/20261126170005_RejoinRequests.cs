using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace MlsConsole.Core.Storage.Migrations.PostgreSql
{
    /// <inheritdoc />
    public partial class RejoinRequests : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "rejoin_requests",
                columns: table => new
                {
                    id = table.Column<string>(type: "text", nullable: false),
                    convo_id = table.Column<string>(type: "text", nullable: false),
                    device_row = table.Column<long>(type: "bigint", nullable: false),
                    key_package_row = table.Column<long>(type: "bigint", nullable: false),
                    reason = table.Column<string>(type: "text", nullable: true),
                    created_at = table.Column<long>(type: "bigint", nullable: false),
                    expires_at = table.Column<long>(type: "bigint", nullable: false),
                    answered_at = table.Column<long>(type: "bigint", nullable: true)
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
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "rejoin_requests");
        }
    }
}
