using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Figures;

namespace MlsConsole.Core.Episodes;

/// <summary>What an event says of a rejoin.</summary>
internal enum EpisodeEventKind
{
    /// <summary>An attempt was accepted.</summary>
    Accepted,

    /// <summary>An attempt ended with EpochMismatch; the device may try again.</summary>
    Mismatched,

    /// <summary>An attempt failed, and the device may try again.</summary>
    Failed,

    /// <summary>An attempt failed, and no retry helps.</summary>
    FailedForGood,

    /// <summary>The device reported that it came back, or tried to, by the help of a member.</summary>
    FellBack,

    /// <summary>The device reported that it could not come back by external commit.</summary>
    GaveUp,
}

/// <summary>
/// Something that happened to a rejoin of an account in a conversation, on whichever host. The row waits until
/// <see cref="EpisodeJudge"/> has judged it, and is deleted with the judgement.
/// </summary>
internal sealed class EpisodeEvent
{
    public long Id { get; init; }
    public required DateTimeOffset At { get; init; }
    public required string Did { get; init; }
    public required string ConvoId { get; init; }
    public required EpisodeEventKind Kind { get; init; }
    public required Cohort Cohort { get; init; }

    /// <summary>The version of the flag by which the cohort was evaluated: the stage of the rollout.</summary>
    public required long Stage { get; init; }

    /// <summary>
    /// When that stage began; null for the first state of a database, which is no stage of a rollout.
    /// </summary>
    public DateTimeOffset? StageBeganAt { get; init; }

    /// <summary>The latency of the attempt; 0 for a report.</summary>
    public required int Milliseconds { get; init; }

    public bool IsAttempt => Kind is not (EpisodeEventKind.FellBack or EpisodeEventKind.GaveUp);

    /// <returns>Null if the request says nothing about a rejoin of a known member.</returns>
    public static EpisodeEventKind? KindOf(RequestAnswered request)
    {
        if (request.Account is null || request.ConvoId is null)
            return null;
        if (request.Outcome == RequestOutcomes.Accepted && request.Rejoin is { } rejoin)
            return (rejoin.Way, rejoin.Succeeded) switch
            {
                // A device for which external commits are off has no other way, so it did not fall back.
                (RejoinWay.Legacy, _) => request.Cohort.IsIn() ? EpisodeEventKind.FellBack : null,
                (_, false) => EpisodeEventKind.GaveUp,
                _ => null,
            };
        // Whoever is not admitted is perhaps no member, so that the id of the conversation is only the caller's text.
        if (!request.Admitted || Attempt.Of(request) is not { } attempt)
            return null;
        return attempt.Result switch
        {
            AttemptResult.Accepted => EpisodeEventKind.Accepted,
            AttemptResult.Mismatched => EpisodeEventKind.Mismatched,
            _ => attempt.RetryMayHelp ? EpisodeEventKind.Failed : EpisodeEventKind.FailedForGood,
        };
    }

    internal sealed class Table : IEntityTypeConfiguration<EpisodeEvent>
    {
        public void Configure(EntityTypeBuilder<EpisodeEvent> builder)
        {
            builder.ToTable("episode_events");
            builder.HasKey(row => row.Id);
            builder.Property(row => row.Id).ValueGeneratedOnAdd();
            builder.Property(row => row.Kind).HasConversion<string>();
            builder.Property(row => row.Cohort).HasConversion<string>();
            builder.HasIndex(row => new { row.At, row.Id });
        }
    }
}
