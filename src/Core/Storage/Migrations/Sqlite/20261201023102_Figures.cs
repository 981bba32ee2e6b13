using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace MlsConsole.Core.Storage.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class Figures : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "details",
                table: "audit",
                type: "TEXT",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "episode_events",
                columns: table => new
                {
                    id = table.Column<long>(type: "INTEGER", nullable: false)
                        .Annotation("Sqlite:Autoincrement", true),
                    at = table.Column<long>(type: "INTEGER", nullable: false),
                    did = table.Column<string>(type: "TEXT", nullable: false),
                    convo_id = table.Column<string>(type: "TEXT", nullable: false),
                    kind = table.Column<string>(type: "TEXT", nullable: false),
                    cohort = table.Column<string>(type: "TEXT", nullable: false),
                    stage = table.Column<long>(type: "INTEGER", nullable: false),
                    stage_began_at = table.Column<long>(type: "INTEGER", nullable: true),
                    milliseconds = table.Column<int>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_episode_events", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "figures",
                columns: table => new
                {
                    id = table.Column<long>(type: "INTEGER", nullable: false)
                        .Annotation("Sqlite:Autoincrement", true),
                    writer = table.Column<string>(type: "TEXT", nullable: false),
                    width = table.Column<int>(type: "INTEGER", nullable: false),
                    starts_at = table.Column<long>(type: "INTEGER", nullable: false),
                    cohort = table.Column<string>(type: "TEXT", nullable: false),
                    counts = table.Column<string>(type: "TEXT", nullable: false),
                    outcomes = table.Column<string>(type: "TEXT", nullable: false),
                    latency = table.Column<byte[]>(type: "BLOB", nullable: false),
                    rolled_up = table.Column<bool>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_figures", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "flag_sightings",
                columns: table => new
                {
                    version = table.Column<long>(type: "INTEGER", nullable: false),
                    host_id = table.Column<string>(type: "TEXT", nullable: false),
                    host_name = table.Column<string>(type: "TEXT", nullable: false),
                    seen_at = table.Column<long>(type: "INTEGER", nullable: false),
                    delay_milliseconds = table.Column<long>(type: "INTEGER", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_flag_sightings", x => new { x.version, x.host_id });
                });

            migrationBuilder.CreateTable(
                name: "hosts",
                columns: table => new
                {
                    id = table.Column<string>(type: "TEXT", nullable: false),
                    name = table.Column<string>(type: "TEXT", nullable: false),
                    started_at = table.Column<long>(type: "INTEGER", nullable: false),
                    seen_at = table.Column<long>(type: "INTEGER", nullable: false),
                    stopped_at = table.Column<long>(type: "INTEGER", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_hosts", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "rejoin_episodes",
                columns: table => new
                {
                    id = table.Column<long>(type: "INTEGER", nullable: false)
                        .Annotation("Sqlite:Autoincrement", true),
                    account = table.Column<byte[]>(type: "BLOB", nullable: false),
                    convo_id = table.Column<string>(type: "TEXT", nullable: false),
                    started_at = table.Column<long>(type: "INTEGER", nullable: false),
                    stage = table.Column<long>(type: "INTEGER", nullable: false),
                    cohort = table.Column<string>(type: "TEXT", nullable: false),
                    counts = table.Column<bool>(type: "INTEGER", nullable: false),
                    mismatched = table.Column<bool>(type: "INTEGER", nullable: false),
                    attempts = table.Column<int>(type: "INTEGER", nullable: false),
                    slowest_milliseconds = table.Column<int>(type: "INTEGER", nullable: false),
                    last_at = table.Column<long>(type: "INTEGER", nullable: false),
                    outcome = table.Column<string>(type: "TEXT", nullable: true),
                    ended_at = table.Column<long>(type: "INTEGER", nullable: true),
                    fell_back = table.Column<bool>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_rejoin_episodes", x => x.id);
                });

            migrationBuilder.CreateIndex(
                name: "ix_episode_events_at_id",
                table: "episode_events",
                columns: new[] { "at", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_figures_width_id",
                table: "figures",
                columns: new[] { "width", "id" },
                filter: "NOT rolled_up");

            migrationBuilder.CreateIndex(
                name: "ix_figures_width_starts_at",
                table: "figures",
                columns: new[] { "width", "starts_at" });

            migrationBuilder.CreateIndex(
                name: "ix_figures_writer_id",
                table: "figures",
                columns: new[] { "writer", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_figures_writer_width_starts_at_cohort",
                table: "figures",
                columns: new[] { "writer", "width", "starts_at", "cohort" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_hosts_seen_at",
                table: "hosts",
                column: "seen_at");

            migrationBuilder.CreateIndex(
                name: "ix_rejoin_episodes_account_convo_id_started_at",
                table: "rejoin_episodes",
                columns: new[] { "account", "convo_id", "started_at" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_rejoin_episodes_convo_id_started_at",
                table: "rejoin_episodes",
                columns: new[] { "convo_id", "started_at" });

            migrationBuilder.CreateIndex(
                name: "ix_rejoin_episodes_last_at",
                table: "rejoin_episodes",
                column: "last_at",
                filter: "outcome IS NULL");

            migrationBuilder.CreateIndex(
                name: "ix_rejoin_episodes_started_at",
                table: "rejoin_episodes",
                column: "started_at");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "episode_events");

            migrationBuilder.DropTable(
                name: "figures");

            migrationBuilder.DropTable(
                name: "flag_sightings");

            migrationBuilder.DropTable(
                name: "hosts");

            migrationBuilder.DropTable(
                name: "rejoin_episodes");

            migrationBuilder.DropColumn(
                name: "details",
                table: "audit");
        }
    }
}
