using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace MlsConsole.Core.Storage.Migrations.PostgreSql
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
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    at = table.Column<long>(type: "bigint", nullable: false),
                    actor = table.Column<string>(type: "text", nullable: false),
                    action = table.Column<string>(type: "text", nullable: false),
                    subject = table.Column<string>(type: "text", nullable: true),
                    outcome = table.Column<string>(type: "text", nullable: false),
                    reason = table.Column<string>(type: "text", nullable: true),
                    epoch_before = table.Column<decimal>(type: "numeric(20,0)", nullable: true),
                    epoch_after = table.Column<decimal>(type: "numeric(20,0)", nullable: true),
                    correlation_id = table.Column<string>(type: "text", nullable: false),
                    times = table.Column<int>(type: "integer", nullable: false, defaultValue: 1),
                    position = table.Column<long>(type: "bigint", nullable: true),
                    hash = table.Column<byte[]>(type: "bytea", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_audit", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "bans",
                columns: table => new
                {
                    did = table.Column<string>(type: "text", nullable: false),
                    convo_id = table.Column<string>(type: "text", nullable: false),
                    created_at = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_bans", x => new { x.did, x.convo_id });
                });

            migrationBuilder.CreateTable(
                name: "devices",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    did = table.Column<string>(type: "text", nullable: false),
                    device_id = table.Column<string>(type: "text", nullable: false),
                    device_name = table.Column<string>(type: "text", nullable: false),
                    identity = table.Column<byte[]>(type: "bytea", nullable: false),
                    registered_at = table.Column<long>(type: "bigint", nullable: false),
                    deleted_at = table.Column<long>(type: "bigint", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_devices", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "idempotency",
                columns: table => new
                {
                    caller = table.Column<string>(type: "text", nullable: false),
                    method = table.Column<string>(type: "text", nullable: false),
                    key = table.Column<string>(type: "text", nullable: false),
                    request_hash = table.Column<byte[]>(type: "bytea", nullable: false),
                    content = table.Column<byte[]>(type: "bytea", nullable: false),
                    created_at = table.Column<long>(type: "bigint", nullable: false),
                    seq = table.Column<long>(type: "bigint", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_idempotency", x => new { x.caller, x.method, x.key });
                });

            migrationBuilder.CreateTable(
                name: "key_package_claims",
                columns: table => new
                {
                    claimer = table.Column<string>(type: "text", nullable: false),
                    device_row = table.Column<long>(type: "bigint", nullable: false),
                    slot = table.Column<int>(type: "integer", nullable: false),
                    at = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_key_package_claims", x => new { x.claimer, x.device_row, x.slot });
                });

            migrationBuilder.CreateTable(
                name: "leases",
                columns: table => new
                {
                    name = table.Column<string>(type: "text", nullable: false),
                    holder = table.Column<string>(type: "text", nullable: false),
                    expires_at = table.Column<long>(type: "bigint", nullable: false),
                    position = table.Column<long>(type: "bigint", nullable: false),
                    hash = table.Column<byte[]>(type: "bytea", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_leases", x => x.name);
                });

            migrationBuilder.CreateTable(
                name: "outbox",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    seq = table.Column<long>(type: "bigint", nullable: true),
                    kind = table.Column<int>(type: "integer", nullable: false),
                    audience = table.Column<int>(type: "integer", nullable: false),
                    convo_id = table.Column<string>(type: "text", nullable: true),
                    log_seq = table.Column<long>(type: "bigint", nullable: true),
                    epoch = table.Column<long>(type: "bigint", nullable: true),
                    did = table.Column<string>(type: "text", nullable: true),
                    device_id = table.Column<string>(type: "text", nullable: true),
                    detail = table.Column<string>(type: "text", nullable: true),
                    created_at = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_outbox", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "rate_windows",
                columns: table => new
                {
                    key = table.Column<byte[]>(type: "bytea", nullable: false),
                    window_start = table.Column<long>(type: "bigint", nullable: false),
                    used = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_rate_windows", x => new { x.key, x.window_start });
                });

            migrationBuilder.CreateTable(
                name: "rollout_flags",
                columns: table => new
                {
                    name = table.Column<string>(type: "text", nullable: false),
                    state = table.Column<string>(type: "text", nullable: false),
                    percentage = table.Column<int>(type: "integer", nullable: false),
                    version = table.Column<long>(type: "bigint", nullable: false),
                    changed_at = table.Column<long>(type: "bigint", nullable: false),
                    reason = table.Column<string>(type: "text", nullable: false),
                    actor = table.Column<string>(type: "text", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_rollout_flags", x => x.name);
                });

            migrationBuilder.CreateTable(
                name: "signature_keys",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    signature_scheme = table.Column<int>(type: "integer", nullable: false),
                    public_key = table.Column<byte[]>(type: "bytea", nullable: false),
                    protected_private_key = table.Column<byte[]>(type: "bytea", nullable: false),
                    created_at = table.Column<long>(type: "bigint", nullable: false),
                    retired_at = table.Column<long>(type: "bigint", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_signature_keys", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "subscription_tickets",
                columns: table => new
                {
                    hash = table.Column<byte[]>(type: "bytea", nullable: false),
                    did = table.Column<string>(type: "text", nullable: false),
                    expires_at = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_subscription_tickets", x => x.hash);
                });

            migrationBuilder.CreateTable(
                name: "used_tokens",
                columns: table => new
                {
                    issuer = table.Column<string>(type: "text", nullable: false),
                    jti = table.Column<string>(type: "text", nullable: false),
                    expires_at = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_used_tokens", x => new { x.issuer, x.jti });
                });

            migrationBuilder.CreateTable(
                name: "device_keys",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    device_row = table.Column<long>(type: "bigint", nullable: false),
                    signature_key = table.Column<byte[]>(type: "bytea", nullable: false),
                    added_at = table.Column<long>(type: "bigint", nullable: false),
                    retired_at = table.Column<long>(type: "bigint", nullable: true)
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
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    device_row = table.Column<long>(type: "bigint", nullable: false),
                    reference = table.Column<byte[]>(type: "bytea", nullable: false),
                    cipher_suite = table.Column<int>(type: "integer", nullable: false),
                    key_package = table.Column<byte[]>(type: "bytea", nullable: false),
                    last_resort = table.Column<bool>(type: "boolean", nullable: false),
                    not_after = table.Column<long>(type: "bigint", nullable: false),
                    claimed_at = table.Column<long>(type: "bigint", nullable: true)
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
                name: "conversations",
                columns: table => new
                {
                    id = table.Column<string>(type: "text", nullable: false),
                    group_id = table.Column<byte[]>(type: "bytea", nullable: false),
                    cipher_suite = table.Column<int>(type: "integer", nullable: false),
                    epoch = table.Column<long>(type: "bigint", nullable: false),
                    next_seq = table.Column<long>(type: "bigint", nullable: false),
                    left_seq = table.Column<long>(type: "bigint", nullable: false),
                    group_info = table.Column<byte[]>(type: "bytea", nullable: false),
                    group_info_updated_at = table.Column<long>(type: "bigint", nullable: false),
                    group_info_epoch = table.Column<long>(type: "bigint", nullable: false),
                    metadata = table.Column<string>(type: "text", nullable: true),
                    signature_key_id = table.Column<long>(type: "bigint", nullable: true),
                    created_at = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_conversations", x => x.id);
                    table.ForeignKey(
                        name: "fk_conversations_signature_key_signature_key_id",
                        column: x => x.signature_key_id,
                        principalTable: "signature_keys",
                        principalColumn: "id");
                });

            migrationBuilder.CreateTable(
                name: "acknowledgements",
                columns: table => new
                {
                    convo_id = table.Column<string>(type: "text", nullable: false),
                    epoch = table.Column<long>(type: "bigint", nullable: false),
                    device_row = table.Column<long>(type: "bigint", nullable: false),
                    authenticator_hash = table.Column<byte[]>(type: "bytea", nullable: false),
                    at = table.Column<long>(type: "bigint", nullable: false)
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
                    convo_id = table.Column<string>(type: "text", nullable: false),
                    epoch = table.Column<long>(type: "bigint", nullable: false),
                    authenticator_hash = table.Column<byte[]>(type: "bytea", nullable: true),
                    disputed_at = table.Column<long>(type: "bigint", nullable: true),
                    external_pub_disputed_at = table.Column<long>(type: "bigint", nullable: true)
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
                    convo_id = table.Column<string>(type: "text", nullable: false),
                    requested_at = table.Column<long>(type: "bigint", nullable: false)
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

            migrationBuilder.CreateTable(
                name: "join_line",
                columns: table => new
                {
                    convo_id = table.Column<string>(type: "text", nullable: false),
                    device_row = table.Column<long>(type: "bigint", nullable: false),
                    place = table.Column<long>(type: "bigint", nullable: false),
                    turn_id = table.Column<string>(type: "text", nullable: true),
                    until = table.Column<long>(type: "bigint", nullable: false),
                    epoch = table.Column<long>(type: "bigint", nullable: false),
                    unused = table.Column<int>(type: "integer", nullable: false)
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

            migrationBuilder.CreateTable(
                name: "leaves",
                columns: table => new
                {
                    convo_id = table.Column<string>(type: "text", nullable: false),
                    leaf_index = table.Column<long>(type: "bigint", nullable: false),
                    device_row = table.Column<long>(type: "bigint", nullable: false)
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
                name: "log",
                columns: table => new
                {
                    convo_id = table.Column<string>(type: "text", nullable: false),
                    seq = table.Column<long>(type: "bigint", nullable: false),
                    kind = table.Column<int>(type: "integer", nullable: false),
                    epoch = table.Column<long>(type: "bigint", nullable: false),
                    message = table.Column<byte[]>(type: "bytea", nullable: false),
                    reference = table.Column<byte[]>(type: "bytea", nullable: true),
                    sender = table.Column<string>(type: "text", nullable: false),
                    external = table.Column<bool>(type: "boolean", nullable: false),
                    joined_by = table.Column<long>(type: "bigint", nullable: true),
                    created_at = table.Column<long>(type: "bigint", nullable: false)
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
                name: "pending_removals",
                columns: table => new
                {
                    convo_id = table.Column<string>(type: "text", nullable: false),
                    did = table.Column<string>(type: "text", nullable: false),
                    kind = table.Column<int>(type: "integer", nullable: false),
                    proposed_epoch = table.Column<long>(type: "bigint", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_pending_removals", x => new { x.convo_id, x.did });
                    table.ForeignKey(
                        name: "fk_pending_removals_conversations_convo_id",
                        column: x => x.convo_id,
                        principalTable: "conversations",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

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

            migrationBuilder.CreateTable(
                name: "roster",
                columns: table => new
                {
                    convo_id = table.Column<string>(type: "text", nullable: false),
                    did = table.Column<string>(type: "text", nullable: false),
                    state = table.Column<int>(type: "integer", nullable: false),
                    is_admin = table.Column<bool>(type: "boolean", nullable: false),
                    joined_at = table.Column<long>(type: "bigint", nullable: false),
                    ended_at = table.Column<long>(type: "bigint", nullable: true)
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
                    convo_id = table.Column<string>(type: "text", nullable: false),
                    epoch = table.Column<long>(type: "bigint", nullable: false),
                    state = table.Column<byte[]>(type: "bytea", nullable: false)
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
                    convo_id = table.Column<string>(type: "text", nullable: false),
                    epoch = table.Column<long>(type: "bigint", nullable: false),
                    welcome = table.Column<byte[]>(type: "bytea", nullable: false),
                    ratchet_tree = table.Column<byte[]>(type: "bytea", nullable: false)
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
                name: "welcome_recipients",
                columns: table => new
                {
                    id = table.Column<string>(type: "text", nullable: false),
                    convo_id = table.Column<string>(type: "text", nullable: false),
                    epoch = table.Column<long>(type: "bigint", nullable: false),
                    device_row = table.Column<long>(type: "bigint", nullable: false),
                    created_at = table.Column<long>(type: "bigint", nullable: false),
                    confirmed_at = table.Column<long>(type: "bigint", nullable: true),
                    success = table.Column<bool>(type: "boolean", nullable: true),
                    error_details = table.Column<string>(type: "text", nullable: true)
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
                name: "ix_acknowledgements_at",
                table: "acknowledgements",
                column: "at");

            migrationBuilder.CreateIndex(
                name: "ix_acknowledgements_device_row",
                table: "acknowledgements",
                column: "device_row");

            migrationBuilder.CreateIndex(
                name: "ix_audit_at",
                table: "audit",
                column: "at");

            migrationBuilder.CreateIndex(
                name: "ix_audit_of_refused_external_commits",
                table: "audit",
                columns: new[] { "actor", "subject", "at" },
                filter: "action = 'processExternalCommit' AND outcome NOT IN ('accepted', 'Unauthorized', 'ExternalCommitsDisabled')");

            migrationBuilder.CreateIndex(
                name: "ix_audit_position",
                table: "audit",
                column: "position",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_conversations_group_id",
                table: "conversations",
                column: "group_id",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_conversations_signature_key_id",
                table: "conversations",
                column: "signature_key_id");

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
                name: "ix_epoch_agreements_disputed_at",
                table: "epoch_agreements",
                column: "disputed_at",
                filter: "disputed_at IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_epoch_agreements_external_pub_disputed_at",
                table: "epoch_agreements",
                column: "external_pub_disputed_at",
                filter: "external_pub_disputed_at IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_idempotency_created_at",
                table: "idempotency",
                column: "created_at");

            migrationBuilder.CreateIndex(
                name: "ix_join_line_convo_id_of_turns",
                table: "join_line",
                column: "convo_id",
                unique: true,
                filter: "turn_id IS NOT NULL");

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
                name: "ix_log_convo_id_epoch_reference_of_proposals",
                table: "log",
                columns: new[] { "convo_id", "epoch", "reference" },
                unique: true,
                filter: "kind = 2");

            migrationBuilder.CreateIndex(
                name: "ix_log_created_at_of_messages",
                table: "log",
                column: "created_at",
                filter: "kind = 3");

            migrationBuilder.CreateIndex(
                name: "ix_log_of_joins",
                table: "log",
                columns: new[] { "convo_id", "joined_by", "created_at" },
                filter: "joined_by IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "ix_outbox_seq",
                table: "outbox",
                column: "seq",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_rate_windows_window_start",
                table: "rate_windows",
                column: "window_start");

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
                name: "ix_roster_did_convo_id",
                table: "roster",
                columns: new[] { "did", "convo_id" });

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

            migrationBuilder.CreateIndex(
                name: "ix_subscription_tickets_expires_at",
                table: "subscription_tickets",
                column: "expires_at");

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
                name: "acknowledgements");

            migrationBuilder.DropTable(
                name: "audit");

            migrationBuilder.DropTable(
                name: "bans");

            migrationBuilder.DropTable(
                name: "device_keys");

            migrationBuilder.DropTable(
                name: "epoch_agreements");

            migrationBuilder.DropTable(
                name: "group_info_refreshes");

            migrationBuilder.DropTable(
                name: "idempotency");

            migrationBuilder.DropTable(
                name: "join_line");

            migrationBuilder.DropTable(
                name: "key_package_claims");

            migrationBuilder.DropTable(
                name: "leases");

            migrationBuilder.DropTable(
                name: "leaves");

            migrationBuilder.DropTable(
                name: "log");

            migrationBuilder.DropTable(
                name: "outbox");

            migrationBuilder.DropTable(
                name: "pending_removals");

            migrationBuilder.DropTable(
                name: "rate_windows");

            migrationBuilder.DropTable(
                name: "rejoin_requests");

            migrationBuilder.DropTable(
                name: "rollout_flags");

            migrationBuilder.DropTable(
                name: "roster");

            migrationBuilder.DropTable(
                name: "snapshots");

            migrationBuilder.DropTable(
                name: "subscription_tickets");

            migrationBuilder.DropTable(
                name: "used_tokens");

            migrationBuilder.DropTable(
                name: "welcome_recipients");

            migrationBuilder.DropTable(
                name: "key_packages");

            migrationBuilder.DropTable(
                name: "welcomes");

            migrationBuilder.DropTable(
                name: "devices");

            migrationBuilder.DropTable(
                name: "conversations");

            migrationBuilder.DropTable(
                name: "signature_keys");
        }
    }
}
