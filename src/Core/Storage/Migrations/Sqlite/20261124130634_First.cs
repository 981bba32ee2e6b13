using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace MlsConsole.Core.Storage.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class First : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "audit",
                columns: table => new
                {
                    id = table.Column<long>(type: "INTEGER", nullable: false)
                        .Annotation("Sqlite:Autoincrement", true),
                    at = table.Column<long>(type: "INTEGER", nullable: false),
                    actor = table.Column<string>(type: "TEXT", nullable: false),
                    action = table.Column<string>(type: "TEXT", nullable: false),
                    subject = table.Column<string>(type: "TEXT", nullable: true),
                    outcome = table.Column<string>(type: "TEXT", nullable: false),
                    reason = table.Column<string>(type: "TEXT", nullable: true),
                    epoch_before = table.Column<ulong>(type: "INTEGER", nullable: true),
                    epoch_after = table.Column<ulong>(type: "INTEGER", nullable: true),
                    correlation_id = table.Column<string>(type: "TEXT", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_audit", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "conversations",
                columns: table => new
                {
                    id = table.Column<string>(type: "TEXT", nullable: false),
                    group_id = table.Column<byte[]>(type: "BLOB", nullable: false),
                    cipher_suite = table.Column<int>(type: "INTEGER", nullable: false),
                    epoch = table.Column<long>(type: "INTEGER", nullable: false),
                    next_seq = table.Column<long>(type: "INTEGER", nullable: false),
                    group_info = table.Column<byte[]>(type: "BLOB", nullable: false),
                    group_info_updated_at = table.Column<long>(type: "INTEGER", nullable: false),
                    group_info_epoch = table.Column<long>(type: "INTEGER", nullable: false),
                    metadata = table.Column<string>(type: "TEXT", nullable: true),
                    created_at = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_conversations", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "devices",
                columns: table => new
                {
                    id = table.Column<long>(type: "INTEGER", nullable: false)
                        .Annotation("Sqlite:Autoincrement", true),
                    did = table.Column<string>(type: "TEXT", nullable: false),
                    device_id = table.Column<string>(type: "TEXT", nullable: false),
                    device_name = table.Column<string>(type: "TEXT", nullable: false),
                    identity = table.Column<byte[]>(type: "BLOB", nullable: false),
                    registered_at = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_devices", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "idempotency",
                columns: table => new
                {
                    caller = table.Column<string>(type: "TEXT", nullable: false),
                    method = table.Column<string>(type: "TEXT", nullable: false),
                    key = table.Column<string>(type: "TEXT", nullable: false),
                    request_hash = table.Column<byte[]>(type: "BLOB", nullable: false),
                    content = table.Column<byte[]>(type: "BLOB", nullable: false),
                    created_at = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_idempotency", x => new { x.caller, x.method, x.key });
                });

            migrationBuilder.CreateTable(
                name: "key_package_claims",
                columns: table => new
                {
                    id = table.Column<long>(type: "INTEGER", nullable: false)
                        .Annotation("Sqlite:Autoincrement", true),
                    claimer = table.Column<string>(type: "TEXT", nullable: false),
                    device_row = table.Column<long>(type: "INTEGER", nullable: false),
                    at = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_key_package_claims", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "rollout_flags",
                columns: table => new
                {
                    name = table.Column<string>(type: "TEXT", nullable: false),
                    state = table.Column<string>(type: "TEXT", nullable: false),
                    percentage = table.Column<int>(type: "INTEGER", nullable: false),
                    version = table.Column<long>(type: "INTEGER", nullable: false),
                    changed_at = table.Column<long>(type: "INTEGER", nullable: false),
                    reason = table.Column<string>(type: "TEXT", nullable: false),
                    actor = table.Column<string>(type: "TEXT", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_rollout_flags", x => x.name);
                });

            migrationBuilder.CreateTable(
                name: "used_tokens",
                columns: table => new
                {
                    issuer = table.Column<string>(type: "TEXT", nullable: false),
                    jti = table.Column<string>(type: "TEXT", nullable: false),
                    expires_at = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_used_tokens", x => new { x.issuer, x.jti });
                });

            migrationBuilder.CreateTable(
                name: "log",
                columns: table => new
                {
                    convo_id = table.Column<string>(type: "TEXT", nullable: false),
                    seq = table.Column<long>(type: "INTEGER", nullable: false),
                    kind = table.Column<int>(type: "INTEGER", nullable: false),
                    epoch = table.Column<long>(type: "INTEGER", nullable: false),
                    message = table.Column<byte[]>(type: "BLOB", nullable: false),
                    sender = table.Column<string>(type: "TEXT", nullable: false),
                    external = table.Column<bool>(type: "INTEGER", nullable: false),
                    created_at = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_log", x => new { x.convo_id, x.seq });
                    table.ForeignKey(
                        name: "fk_log_conversations_convo_id",
                        column: x => x.convo_id,
                        principalTable: "conversations",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "roster",
                columns: table => new
                {
                    convo_id = table.Column<string>(type: "TEXT", nullable: false),
                    did = table.Column<string>(type: "TEXT", nullable: false),
                    state = table.Column<int>(type: "INTEGER", nullable: false),
                    is_admin = table.Column<bool>(type: "INTEGER", nullable: false),
                    joined_at = table.Column<long>(type: "INTEGER", nullable: false),
                    ended_at = table.Column<long>(type: "INTEGER", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_roster", x => new { x.convo_id, x.did });
                    table.ForeignKey(
                        name: "fk_roster_conversations_convo_id",
                        column: x => x.convo_id,
                        principalTable: "conversations",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "snapshots",
                columns: table => new
                {
                    convo_id = table.Column<string>(type: "TEXT", nullable: false),
                    epoch = table.Column<long>(type: "INTEGER", nullable: false),
                    state = table.Column<byte[]>(type: "BLOB", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_snapshots", x => new { x.convo_id, x.epoch });
                    table.ForeignKey(
                        name: "fk_snapshots_conversations_convo_id",
                        column: x => x.convo_id,
                        principalTable: "conversations",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "welcomes",
                columns: table => new
                {
                    convo_id = table.Column<string>(type: "TEXT", nullable: false),
                    epoch = table.Column<long>(type: "INTEGER", nullable: false),
                    welcome = table.Column<byte[]>(type: "BLOB", nullable: false),
                    ratchet_tree = table.Column<byte[]>(type: "BLOB", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_welcomes", x => new { x.convo_id, x.epoch });
                    table.ForeignKey(
                        name: "fk_welcomes_conversations_convo_id",
                        column: x => x.convo_id,
                        principalTable: "conversations",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "device_keys",
                columns: table => new
                {
                    id = table.Column<long>(type: "INTEGER", nullable: false)
                        .Annotation("Sqlite:Autoincrement", true),
                    device_row = table.Column<long>(type: "INTEGER", nullable: false),
                    signature_key = table.Column<byte[]>(type: "BLOB", nullable: false),
                    added_at = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_device_keys", x => x.id);
                    table.ForeignKey(
                        name: "fk_device_keys_devices_device_row",
                        column: x => x.device_row,
                        principalTable: "devices",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "key_packages",
                columns: table => new
                {
                    id = table.Column<long>(type: "INTEGER", nullable: false)
                        .Annotation("Sqlite:Autoincrement", true),
                    device_row = table.Column<long>(type: "INTEGER", nullable: false),
                    reference = table.Column<byte[]>(type: "BLOB", nullable: false),
                    cipher_suite = table.Column<int>(type: "INTEGER", nullable: false),
                    key_package = table.Column<byte[]>(type: "BLOB", nullable: false),
                    last_resort = table.Column<bool>(type: "INTEGER", nullable: false),
                    not_after = table.Column<long>(type: "INTEGER", nullable: false),
                    claimed_at = table.Column<long>(type: "INTEGER", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_key_packages", x => x.id);
                    table.ForeignKey(
                        name: "fk_key_packages_devices_device_row",
                        column: x => x.device_row,
                        principalTable: "devices",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "leaves",
                columns: table => new
                {
                    convo_id = table.Column<string>(type: "TEXT", nullable: false),
                    leaf_index = table.Column<long>(type: "INTEGER", nullable: false),
                    device_row = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_leaves", x => new { x.convo_id, x.leaf_index });
                    table.ForeignKey(
                        name: "fk_leaves_conversations_convo_id",
                        column: x => x.convo_id,
                        principalTable: "conversations",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_leaves_devices_device_row",
                        column: x => x.device_row,
                        principalTable: "devices",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "welcome_recipients",
                columns: table => new
                {
                    id = table.Column<string>(type: "TEXT", nullable: false),
                    convo_id = table.Column<string>(type: "TEXT", nullable: false),
                    epoch = table.Column<long>(type: "INTEGER", nullable: false),
                    device_row = table.Column<long>(type: "INTEGER", nullable: false),
                    created_at = table.Column<long>(type: "INTEGER", nullable: false),
                    confirmed_at = table.Column<long>(type: "INTEGER", nullable: true),
                    success = table.Column<bool>(type: "INTEGER", nullable: true),
                    error_details = table.Column<string>(type: "TEXT", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_welcome_recipients", x => x.id);
                    table.ForeignKey(
                        name: "fk_welcome_recipients_devices_device_row",
                        column: x => x.device_row,
                        principalTable: "devices",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_welcome_recipients_welcomes_convo_id_epoch",
                        columns: x => new { x.convo_id, x.epoch },
                        principalTable: "welcomes",
                        principalColumns: new[] { "convo_id", "epoch" },
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_audit_at",
                table: "audit",
                column: "at");

            migrationBuilder.CreateIndex(
                name: "ix_conversations_group_id",
                table: "conversations",
                column: "group_id",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_device_keys_device_row",
                table: "device_keys",
                column: "device_row");

            migrationBuilder.CreateIndex(
                name: "ix_device_keys_signature_key",
                table: "device_keys",
                column: "signature_key",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_devices_did_device_id",
                table: "devices",
                columns: new[] { "did", "device_id" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_devices_identity",
                table: "devices",
                column: "identity",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_idempotency_created_at",
                table: "idempotency",
                column: "created_at");

            migrationBuilder.CreateIndex(
                name: "ix_key_package_claims_claimer_at",
                table: "key_package_claims",
                columns: new[] { "claimer", "at" });

            migrationBuilder.CreateIndex(
                name: "ix_key_packages_device_row_cipher_suite_claimed_at",
                table: "key_packages",
                columns: new[] { "device_row", "cipher_suite", "claimed_at" });

            migrationBuilder.CreateIndex(
                name: "ix_key_packages_reference",
                table: "key_packages",
                column: "reference",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_leaves_convo_id_device_row",
                table: "leaves",
                columns: new[] { "convo_id", "device_row" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_leaves_device_row",
                table: "leaves",
                column: "device_row");

            migrationBuilder.CreateIndex(
                name: "ix_log_convo_id_epoch_of_commits",
                table: "log",
                columns: new[] { "convo_id", "epoch" },
                unique: true,
                filter: "kind = 1");

            migrationBuilder.CreateIndex(
                name: "ix_roster_did",
                table: "roster",
                column: "did");

            migrationBuilder.CreateIndex(
                name: "ix_used_tokens_expires_at",
                table: "used_tokens",
                column: "expires_at");

            migrationBuilder.CreateIndex(
                name: "ix_welcome_recipients_convo_id_epoch",
                table: "welcome_recipients",
                columns: new[] { "convo_id", "epoch" });

            migrationBuilder.CreateIndex(
                name: "ix_welcome_recipients_device_row_confirmed_at",
                table: "welcome_recipients",
                columns: new[] { "device_row", "confirmed_at" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "audit");

            migrationBuilder.DropTable(
                name: "device_keys");

            migrationBuilder.DropTable(
                name: "idempotency");

            migrationBuilder.DropTable(
                name: "key_package_claims");

            migrationBuilder.DropTable(
                name: "key_packages");

            migrationBuilder.DropTable(
                name: "leaves");

            migrationBuilder.DropTable(
                name: "log");

            migrationBuilder.DropTable(
                name: "rollout_flags");

            migrationBuilder.DropTable(
                name: "roster");

            migrationBuilder.DropTable(
                name: "snapshots");

            migrationBuilder.DropTable(
                name: "used_tokens");

            migrationBuilder.DropTable(
                name: "welcome_recipients");

            migrationBuilder.DropTable(
                name: "devices");

            migrationBuilder.DropTable(
                name: "welcomes");

            migrationBuilder.DropTable(
                name: "conversations");
        }
    }
}
