using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace MlsConsole.Core.Storage.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class Events : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "outbox",
                columns: table => new
                {
                    id = table.Column<long>(type: "INTEGER", nullable: false)
                        .Annotation("Sqlite:Autoincrement", true),
                    seq = table.Column<long>(type: "INTEGER", nullable: true),
                    kind = table.Column<int>(type: "INTEGER", nullable: false),
                    audience = table.Column<int>(type: "INTEGER", nullable: false),
                    convo_id = table.Column<string>(type: "TEXT", nullable: true),
                    log_seq = table.Column<long>(type: "INTEGER", nullable: true),
                    epoch = table.Column<long>(type: "INTEGER", nullable: true),
                    did = table.Column<string>(type: "TEXT", nullable: true),
                    device_id = table.Column<string>(type: "TEXT", nullable: true),
                    detail = table.Column<string>(type: "TEXT", nullable: true),
                    created_at = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_outbox", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "subscription_tickets",
                columns: table => new
                {
                    hash = table.Column<byte[]>(type: "BLOB", nullable: false),
                    did = table.Column<string>(type: "TEXT", nullable: false),
                    expires_at = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_subscription_tickets", x => x.hash);
                });

            migrationBuilder.CreateIndex(
                name: "ix_log_created_at_of_messages",
                table: "log",
                column: "created_at",
                filter: "kind = 3");

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
                name: "ix_outbox_seq",
                table: "outbox",
                column: "seq",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_subscription_tickets_expires_at",
                table: "subscription_tickets",
                column: "expires_at");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "outbox");

            migrationBuilder.DropTable(
                name: "subscription_tickets");

            migrationBuilder.DropIndex(
                name: "ix_log_created_at_of_messages",
                table: "log");
        }
    }
}
