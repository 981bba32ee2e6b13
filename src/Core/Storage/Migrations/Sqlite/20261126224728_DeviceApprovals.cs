using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace MlsConsole.Core.Storage.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class DeviceApprovals : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(
                name: "approved_by",
                table: "rejoin_requests",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "approval_epoch",
                table: "conversations",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<bool>(
                name: "requires_approval",
                table: "conversations",
                type: "INTEGER",
                nullable: false,
                defaultValue: false);

            migrationBuilder.CreateTable(
                name: "device_approvals",
                columns: table => new
                {
                    convo_id = table.Column<string>(type: "TEXT", nullable: false),
                    device_row = table.Column<long>(type: "INTEGER", nullable: false),
                    signature_key = table.Column<byte[]>(type: "BLOB", nullable: false),
                    approved_by = table.Column<long>(type: "INTEGER", nullable: false),
                    epoch = table.Column<long>(type: "INTEGER", nullable: false),
                    approved_at = table.Column<long>(type: "INTEGER", nullable: false),
                    ended_at = table.Column<long>(type: "INTEGER", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_device_approvals", x => new { x.convo_id, x.device_row, x.signature_key });
                    table.ForeignKey(
                        name: "fk_device_approvals_conversations_convo_id",
                        column: x => x.convo_id,
                        principalTable: "conversations",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_device_approvals_devices_approved_by",
                        column: x => x.approved_by,
                        principalTable: "devices",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_device_approvals_devices_device_row",
                        column: x => x.device_row,
                        principalTable: "devices",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_device_approvals_approved_by",
                table: "device_approvals",
                column: "approved_by");

            migrationBuilder.CreateIndex(
                name: "ix_device_approvals_device_row",
                table: "device_approvals",
                column: "device_row");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "device_approvals");

            migrationBuilder.DropColumn(
                name: "approved_by",
                table: "rejoin_requests");

            migrationBuilder.DropColumn(
                name: "approval_epoch",
                table: "conversations");

            migrationBuilder.DropColumn(
                name: "requires_approval",
                table: "conversations");
        }
    }
}
