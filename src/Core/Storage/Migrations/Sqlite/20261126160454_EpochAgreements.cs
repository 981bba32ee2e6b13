using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace MlsConsole.Core.Storage.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class EpochAgreements : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "acknowledgements",
                columns: table => new
                {
                    convo_id = table.Column<string>(type: "TEXT", nullable: false),
                    epoch = table.Column<long>(type: "INTEGER", nullable: false),
                    device_row = table.Column<long>(type: "INTEGER", nullable: false),
                    authenticator_hash = table.Column<byte[]>(type: "BLOB", nullable: false),
                    at = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_acknowledgements", x => new { x.convo_id, x.epoch, x.device_row });
                    table.ForeignKey(
                        name: "fk_acknowledgements_conversation_convo_id",
                        column: x => x.convo_id,
                        principalTable: "conversations",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_acknowledgements_device_device_row",
                        column: x => x.device_row,
                        principalTable: "devices",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "epoch_agreements",
                columns: table => new
                {
                    convo_id = table.Column<string>(type: "TEXT", nullable: false),
                    epoch = table.Column<long>(type: "INTEGER", nullable: false),
                    authenticator_hash = table.Column<byte[]>(type: "BLOB", nullable: true),
                    disputed_at = table.Column<long>(type: "INTEGER", nullable: true),
                    external_pub_disputed_at = table.Column<long>(type: "INTEGER", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_epoch_agreements", x => new { x.convo_id, x.epoch });
                    table.ForeignKey(
                        name: "fk_epoch_agreements_conversations_convo_id",
                        column: x => x.convo_id,
                        principalTable: "conversations",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "group_info_refreshes",
                columns: table => new
                {
                    convo_id = table.Column<string>(type: "TEXT", nullable: false),
                    requested_at = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_group_info_refreshes", x => x.convo_id);
                    table.ForeignKey(
                        name: "fk_group_info_refreshes_conversations_convo_id",
                        column: x => x.convo_id,
                        principalTable: "conversations",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_acknowledgements_at",
                table: "acknowledgements",
                column: "at");

            migrationBuilder.CreateIndex(
                name: "ix_acknowledgements_device_row",
                table: "acknowledgements",
                column: "device_row");

            migrationBuilder.CreateIndex(
                name: "ix_epoch_agreements_disputed_at",
                table: "epoch_agreements",
                column: "disputed_at",
                filter: "disputed_at IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_epoch_agreements_external_pub_disputed_at",
                table: "epoch_agreements",
                column: "external_pub_disputed_at",
                filter: "external_pub_disputed_at IS NOT NULL");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "acknowledgements");

            migrationBuilder.DropTable(
                name: "epoch_agreements");

            migrationBuilder.DropTable(
                name: "group_info_refreshes");
        }
    }
}
