using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace MlsConsole.Core.Storage.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class JoinTurns : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(
                name: "joined_by",
                table: "log",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "join_line",
                columns: table => new
                {
                    convo_id = table.Column<string>(type: "TEXT", nullable: false),
                    device_row = table.Column<long>(type: "INTEGER", nullable: false),
                    place = table.Column<long>(type: "INTEGER", nullable: false),
                    turn_id = table.Column<string>(type: "TEXT", nullable: true),
                    until = table.Column<long>(type: "INTEGER", nullable: false),
                    epoch = table.Column<long>(type: "INTEGER", nullable: false),
                    unused = table.Column<int>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_join_line", x => new { x.convo_id, x.device_row });
                    table.ForeignKey(
                        name: "fk_join_line_conversations_convo_id",
                        column: x => x.convo_id,
                        principalTable: "conversations",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_log_of_joins",
                table: "log",
                columns: new[] { "convo_id", "joined_by", "created_at" },
                filter: "joined_by IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_audit_of_refused_external_commits",
                table: "audit",
                columns: new[] { "actor", "subject", "at" },
                filter: "action = 'processExternalCommit' AND outcome NOT IN ('accepted', 'Unauthorized', 'ExternalCommitsDisabled')");

            migrationBuilder.CreateIndex(
                name: "ix_join_line_convo_id_of_turns",
                table: "join_line",
                column: "convo_id",
                unique: true,
                filter: "turn_id IS NOT NULL");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "join_line");

            migrationBuilder.DropIndex(
                name: "ix_log_of_joins",
                table: "log");

            migrationBuilder.DropIndex(
                name: "ix_audit_of_refused_external_commits",
                table: "audit");

            migrationBuilder.DropColumn(
                name: "joined_by",
                table: "log");
        }
    }
}
