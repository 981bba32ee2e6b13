using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rollouts;

/// <summary>
/// The row in which the flag is stored. It is created once with the database, and from then on only changed together
/// with an audit entry.
/// </summary>
internal sealed class FlagStore(Database database, AuditLog audit, TimeProvider clock)
{
    private const string Name = ExternalCommitsDefinition.FlagName;

    /// <summary>
    /// Writes the first state, unless there is a state already: what people have set outlives every restart.
    /// </summary>
    /// <returns>Whether there was no state.</returns>
    public Task<bool> CreateAsync(FlagState initial, CancellationToken cancellation) =>
        database.WriteAsync(
            async context =>
            {
                if (await context.Set<Row>().AnyAsync(row => row.Name == Name, CancellationToken.None))
                    return false;
                context.Add(
                    new Row
                    {
                        Name = Name,
                        State = initial,
                        Percentage = initial == FlagState.On ? 100 : 0,
                        Version = 1,
                        ChangedAt = clock.GetUtcNow(),
                        Reason = "first state",
                        Actor = "configuration",
                    }
                );
                return true;
            },
            cancellation
        );

    /// <exception cref="InvalidOperationException">No host has written the first state yet.</exception>
    public async Task<FlagView> ReadAsync(CancellationToken cancellation)
    {
        await using MlsDbContext context = database.Read();
        return (await context.Set<Row>().SingleAsync(row => row.Name == Name, cancellation)).View();
    }

    /// <summary>Writes state, version and audit entry in one transaction.</summary>
    /// <returns>The state that is stored now.</returns>
    /// <exception cref="RefusedException">Forbidden: the actor may not turn the flag up, or not at all.</exception>
    /// <exception cref="FlagOvertakenException">
    /// Another version than the expected one is stored. Nothing was written.
    /// </exception>
    public async Task<FlagView> ChangeAsync(
        FlagState state,
        int percentage,
        string reason,
        Actor actor,
        long? expectedVersion,
        CancellationToken cancellation
    )
    {
        (FlagView after, AuditEntry entry) = await database.WriteAsync(
            async context =>
            {
                Row row = await context
                    .Set<Row>()
                    .AsTracking()
                    .SingleAsync(row => row.Name == Name, CancellationToken.None);
                FlagView before = row.View();
                if (expectedVersion is { } expected && expected != before.Version)
                    throw new FlagOvertakenException(before);
                bool turnsUp = FlagView.ShareOf(state, percentage) > FlagView.ShareOf(before.State, before.Percentage);
                actor.Require(turnsUp ? ConsoleRole.Approver : ConsoleRole.Operator);
                row.State = state;
                row.Percentage = percentage;
                // The version is a concurrency token. Of two hosts that change the flag at once, the second finds the
                // state that the first wrote and names that state in its audit entry, or its change fails.
                row.Version++;
                row.ChangedAt = Now();
                row.Reason = reason;
                row.Actor = actor.Name;
                AuditEntry entry = new()
                {
                    At = row.ChangedAt,
                    Actor = actor.Name,
                    Action = "setFlag",
                    Subject = $"{Name}: {before.Words} -> {row.View().Words}",
                    Details = new AuditDetails()
                        .Add("before", DetailsOf(before))
                        .Add("after", DetailsOf(row.View()))
                        .ToString(),
                    Outcome = RequestOutcomes.Accepted,
                    Reason = reason,
                    CorrelationId = Guid.CreateVersion7().ToString("N"),
                };
                context.Add(entry);
                if (context.Database.IsNpgsql())
                    await context.Database.ExecuteSqlAsync($"SELECT pg_notify({FlagWatch.Channel}, '')");
                // Hosts measure from here how soon they follow. What comes before can take a second in a process that
                // has just started, such as a command; what comes after is one statement and the commit.
                await context.SaveChangesAsync(CancellationToken.None);
                row.ChangedAt = Now();
                return (row.View(), entry);
            },
            cancellation
        );
        audit.Announce(entry);
        return after;
    }

    /// <summary>The time to the millisecond, as it is stored, so that every host has the same view.</summary>
    private DateTimeOffset Now() => DateTimeOffset.FromUnixTimeMilliseconds(clock.GetUtcNow().ToUnixTimeMilliseconds());

    private static AuditDetails DetailsOf(FlagView view) =>
        new AuditDetails()
            .Add("state", view.State.ToString())
            .Add("percentage", view.Percentage)
            .Add("version", view.Version);

    internal sealed class Row
    {
        public required string Name { get; init; }
        public required FlagState State { get; set; }
        public required int Percentage { get; set; }
        public required long Version { get; set; }
        public required DateTimeOffset ChangedAt { get; set; }
        public required string Reason { get; set; }
        public required string Actor { get; set; }

        public FlagView View() => new(State, Percentage, Version, ChangedAt, Reason, Actor);

        internal sealed class Table : IEntityTypeConfiguration<Row>
        {
            public void Configure(EntityTypeBuilder<Row> builder)
            {
                builder.ToTable("rollout_flags");
                builder.HasKey(row => row.Name);
                // The state is stored as a word, because a number would change its meaning when the enumeration
                // changes.
                builder.Property(row => row.State).HasConversion<string>();
                builder.Property(row => row.Version).IsConcurrencyToken();
            }
        }
    }
}
