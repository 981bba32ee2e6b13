using System.Buffers.Binary;
using Microsoft.Extensions.Logging;
using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

public sealed partial class ConversationManager
{
    /// <summary>
    /// Brings the device (back) into a conversation: by a Welcome that waits, else by an external commit in turn, tried again within bounds when the epoch moves, else by a member who is asked to add it again.
    /// </summary>
    /// <remarks>Where the device still knows an old epoch, the group that it joins must descend from it.</remarks>
    /// <returns>How, or that the device awaits approval: then it costs nothing to ask again, and <see cref="ConversationEvents.FollowAsync"/> does when the approval comes.</returns>
    /// <exception cref="MlsClientException">
    /// The service's refusal (<c>Unauthorized</c> is final), <see cref="ClientErrors.OtherBranch"/>, <see cref="ClientErrors.RejoinLoop"/> or <see cref="ClientErrors.RejoinFailed"/>.
    /// </exception>
    public Task<RejoinResult> RejoinAsync(string conversationId, CancellationToken cancellation = default) =>
        With(conversationId, conversation => Rejoin(conversation, cancellation), cancellation);

    /// <summary>Joins by external commit and no other way, with a fresh GroupInfo for each try.</summary>
    /// <exception cref="MlsClientException">The last refusal.</exception>
    public Task<RejoinResult> JoinByExternalCommitAsync(
        string conversationId,
        CancellationToken cancellation = default
    ) =>
        With(
            conversationId,
            conversation => RejoinAndReport(conversation, static (_, failure) => throw failure, cancellation),
            cancellation
        );

    /// <summary>Joins every conversation that the account belongs to and this device has no live state of: after a reinstall, all of them.</summary>
    /// <exception cref="MlsClientException">The list could not be had; what fails for one conversation is in its result.</exception>
    public async Task<IReadOnlyList<Recovery>> RecoverLostConversationsAsync(CancellationToken cancellation = default)
    {
        var expected = await _service
            .Call(
                Lexicons.GetExpectedConversations,
                new GetExpectedConversationsParameters { DeviceId = _options.DeviceId },
                cancellation
            )
            .ConfigureAwait(false);
        var recoveries = new System.Collections.Concurrent.ConcurrentBag<Recovery>();
        await Parallel
            .ForEachAsync(
                expected.Conversations.Where(static one => one.ShouldBeInGroup),
                new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = cancellation },
                async (one, token) =>
                {
                    if (one.DeviceInGroup && await ViewAsync(one.ConvoId, token).ConfigureAwait(false) is not null)
                        return;
                    try
                    {
                        recoveries.Add(
                            new(one.ConvoId, await RejoinAsync(one.ConvoId, token).ConfigureAwait(false), null)
                        );
                    }
                    catch (MlsClientException failure)
                    {
                        recoveries.Add(new(one.ConvoId, null, failure));
                    }
                }
            )
            .ConfigureAwait(false);
        return [.. recoveries];
    }

    private Task<RejoinResult> Rejoin(Conversation conversation, CancellationToken cancellation) =>
        RejoinAndReport(
            conversation,
            (progress, failure) =>
                failure.Error == NotApproved
                    ? Task.FromResult(
                        Result(conversation, progress.Way, progress, joined: false) with
                        {
                            AwaitsApproval = true,
                        }
                    )
                    : JoinByMember(conversation, progress, failure, cancellation),
            cancellation
        );

    /// <summary>How far a rejoin has come.</summary>
    private sealed class Progress(long started)
    {
        public long Started => started;
        public int Attempts { get; set; }
        public int Turns { get; set; }
        public RejoinWay Way { get; set; } = RejoinWay.ExternalCommit;
        public string? LastError { get; set; }

        /// <summary>All ways together.</summary>
        public int Tries => Math.Max(1, Attempts + (Way == RejoinWay.Legacy ? 1 : 0));
        public TimeSpan Waited { get; set; }
    }

    private async Task<RejoinResult> RejoinAndReport(
        Conversation conversation,
        Func<Progress, MlsClientException, Task<RejoinResult>> otherwise,
        CancellationToken cancellation
    )
    {
        await RequireNoLoop(conversation, cancellation).ConfigureAwait(false);
        await ForgetLeave(conversation, cancellation).ConfigureAwait(false);
        var progress = new Progress(_options.Clock.GetTimestamp());
        try
        {
            var result =
                await AcceptWaiting(conversation, cancellation).ConfigureAwait(false)
                    ? Result(conversation, RejoinWay.Welcome, progress)
                : await JoinByExternalCommits(conversation, progress, cancellation).ConfigureAwait(false) is { } failure
                    ? await otherwise(progress, failure).ConfigureAwait(false)
                : Result(conversation, RejoinWay.ExternalCommit, progress);
            if (!result.Joined)
                return result;
            LogRejoined(result.Way, result.Epoch, result.Attempts, result.Elapsed.TotalMilliseconds);
            // A Welcome is the work of a member who added the device again.
            await Report(
                    conversation,
                    result.Way,
                    progress.Tries,
                    result.Elapsed,
                    progress.LastError,
                    succeeded: true,
                    cancellation
                )
                .ConfigureAwait(false);
            await KeepKeyPackages(cancellation).ConfigureAwait(false);
            return result;
        }
        catch (MlsClientException waiting) when (waiting.Error == NotApproved)
        {
            // It has cost the group nothing, and is no figure of the service's.
            await ForgetTry(conversation, cancellation).ConfigureAwait(false);
            return await otherwise(progress, waiting).ConfigureAwait(false);
        }
        catch (MlsClientException failure)
        {
            LogRejoinFailed(failure.Error, progress.Attempts);
            // Of who may not, the service takes no reports.
            if (failure.Error is not (ClientErrors.Unreachable or "Unauthorized"))
                await Report(
                        conversation,
                        progress.Way,
                        progress.Tries,
                        _options.Clock.GetElapsedTime(progress.Started),
                        failure.Error,
                        succeeded: false,
                        cancellation
                    )
                    .ConfigureAwait(false);
            throw;
        }
    }

    private Task Report(
        Conversation conversation,
        RejoinWay way,
        int tries,
        TimeSpan elapsed,
        string? lastError,
        bool succeeded,
        CancellationToken cancellation
    ) =>
        _reports.Add(
            new()
            {
                ConvoId = conversation.Id,
                DeviceId = _options.DeviceId,
                Way = way == RejoinWay.ExternalCommit ? "externalCommit" : "legacy",
                Outcome = succeeded ? "succeeded" : "failed",
                Attempts = tries,
                ElapsedMs = (long)elapsed.TotalMilliseconds,
                LastError = lastError is { Length: > 0 } error && error.All(char.IsAsciiLetter) ? error : null,
            },
            cancellation
        );

    private RejoinResult Result(Conversation conversation, RejoinWay way, Progress progress, bool joined = true) =>
        new(
            conversation.Id,
            way,
            joined,
            joined ? conversation.Group!.CurrentEpoch : 0,
            progress.Attempts,
            _options.Clock.GetElapsedTime(progress.Started),
            progress.Waited
        );

    /// <summary>A device that rejoins again and again is ill, and each time costs the group an epoch.</summary>
    private async Task RequireNoLoop(Conversation conversation, CancellationToken cancellation)
    {
        long now = _options.Clock.GetUtcNow().ToUnixTimeMilliseconds(),
            hourAgo = now - 3_600_000;
        string name = NameOfTries(conversation);
        var saved = await Store.ReadAsync(name, cancellation).ConfigureAwait(false) ?? [];
        List<long> times =
        [
            .. Enumerable
                .Range(0, saved.Length / 8)
                .Select(i => BinaryPrimitives.ReadInt64BigEndian(saved.AsSpan(8 * i)))
                .Where(time => time > hourAgo && time <= now),
        ];
        if (times.Count >= _options.RejoinsPerHour)
            throw new MlsClientException(
                ClientErrors.RejoinLoop,
                $"The conversation was rejoined {times.Count} times within an hour."
            )
            {
                RetryAfter = TimeSpan.FromMilliseconds(times[0] - hourAgo),
            };
        times.Add(now);
        var bytes = new byte[8 * times.Count];
        for (int i = 0; i < times.Count; i++)
            BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(8 * i), times[i]);
        await Store.WriteAsync(cancellation, new KeyValuePair<string, byte[]?>(name, bytes)).ConfigureAwait(false);
    }

    private static string NameOfTries(Conversation conversation) => $"rejoins/{conversation.Id}";

    private async Task ForgetTry(Conversation conversation, CancellationToken cancellation)
    {
        if (
            await Store.ReadAsync(NameOfTries(conversation), cancellation).ConfigureAwait(false) is
            { Length: >= 8 } saved
        )
            await Store
                .WriteAsync(cancellation, new KeyValuePair<string, byte[]?>(NameOfTries(conversation), saved[..^8]))
                .ConfigureAwait(false);
    }

    /// <summary>Tries external commits within the bounds.</summary>
    /// <returns>Null when the device is in; else why another way must be found.</returns>
    private async Task<MlsClientException?> JoinByExternalCommits(
        Conversation conversation,
        Progress progress,
        CancellationToken cancellation
    )
    {
        while (true)
        {
            try
            {
                progress.Attempts++;
                await JoinByExternalCommit(conversation, cancellation).ConfigureAwait(false);
                return null;
            }
            catch (MlsClientException failure)
            {
                progress.LastError = failure.Error;
                var decision = RejoinDecision.After(failure, progress.Attempts, progress.Turns, _options);
                switch (decision.Step)
                {
                    case RejoinStep.GiveUp:
                        throw;
                    case RejoinStep.Legacy:
                        return failure;
                    case RejoinStep.WaitForTurn:
                        progress.Attempts--;
                        progress.Turns++;
                        break;
                }
                var wait = decision.Wait + Jitter(progress.Attempts);
                progress.Waited += wait;
                await Task.Delay(wait, _options.Clock, cancellation).ConfigureAwait(false);
            }
        }
    }

    private async Task JoinByExternalCommit(Conversation conversation, CancellationToken cancellation)
    {
        var served = await _service
            .Call(
                Lexicons.GetGroupInfo,
                new GetGroupInfoParameters
                {
                    ConvoId = conversation.Id,
                    IncludeTree = true,
                    DeviceId = _options.DeviceId,
                    Turn = true,
                },
                cancellation
            )
            .ConfigureAwait(false);
        var (groupInfo, before) = Served(() =>
        {
            var info = UnverifiedGroupInfo.Decode(Convert.FromBase64String(served.GroupInfo));
            return (
                info,
                PublicGroup.FromGroupInfo(info, served.RatchetTree is { } tree ? Convert.FromBase64String(tree) : null)
            );
        });
        await RequireDescent(conversation, before, cancellation).ConfigureAwait(false);
        var client = await _keys.ForAsync(before.CipherSuite, cancellation).ConfigureAwait(false);
        LeafIndex? own = null;
        foreach (var (index, leaf) in before.Members)
            if (leaf.Credential.SameAs(client.Credential))
                own = index;

        // Who has left is out with the same commit. Of the own account nobody is: it is coming back.
        var selfRemoves = Served(() =>
            (served.SelfRemoves ?? [])
                .Select(Public)
                .Where(one => DidOf(before.Leaf(new(one.Content.Sender.Index))?.Credential) != _options.Did)
                .ToList()
        );
        var joined = Served(() =>
            Group.JoinByExternalCommit(client, groupInfo, before, own, null, selfRemoves: selfRemoves)
        );
        try
        {
            var answer = await _service
                .Call(
                    Lexicons.ProcessExternalCommit,
                    new()
                    {
                        ConvoId = conversation.Id,
                        ExternalCommit = Convert.ToBase64String(joined.Pending!.Commit),
                        GroupInfo = Convert.ToBase64String(joined.Pending.GroupInfo),
                        TurnId = served.Turn?.Id,
                    },
                    cancellation
                )
                .ConfigureAwait(false);
            joined.MergePendingCommit();
            conversation.Take(joined, answer.Seq);
        }
        catch
        {
            joined.Dispose();
            throw;
        }
        await conversation.SaveAsync(Store, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Verifies that a group descends from the epoch that the device knows: the public commits since then are replayed on it, and must lead to the same group.
    /// So a dishonest service cannot lead the device into another branch.
    /// </summary>
    private async Task RequireDescent(Conversation conversation, PublicGroup to, CancellationToken cancellation)
    {
        if (conversation.Group?.PublicGroup is not { } known)
            return;
        if (to.Epoch < known.Epoch)
            throw OtherBranch($"It is in epoch {to.Epoch}, and the device was in {known.Epoch}.");
        while (known.Epoch < to.Epoch)
        {
            var page = await _service
                .Call(
                    Lexicons.GetCommits,
                    new GetCommitsParameters
                    {
                        ConvoId = conversation.Id,
                        FromEpoch = ServiceConnection.Decimal(known.Epoch),
                        ToEpoch = ServiceConnection.Decimal(to.Epoch),
                    },
                    cancellation
                )
                .ConfigureAwait(false);
            if (page.Commits.Count == 0)
                throw OtherBranch($"The service's log ends in epoch {known.Epoch}.");
            try
            {
                foreach (var entry in page.Commits)
                {
                    var proposals = (entry.Proposals ?? [])
                        .Select(proposal => known.Authenticate(Public(proposal)))
                        .ToList();
                    known = known.Stage(known.Authenticate(Public(entry.Commit)), proposals, null).Follow();
                }
            }
            catch (Exception broken) when (broken is MlsException or FormatException)
            {
                throw OtherBranch($"The commit after epoch {known.Epoch} does not hold: {broken.Message}", broken);
            }
        }
        if (
            !known.Context.Encoded.Span.SequenceEqual(to.Context.Encoded.Span)
            || !known.ConfirmationTag.Span.SequenceEqual(to.ConfirmationTag.Span)
        )
            throw OtherBranch($"The commits since the device's epoch lead to another epoch {to.Epoch}.");
    }

    private static PublicMessage Public(string message) =>
        MlsMessage.Decode(Convert.FromBase64String(message)).PublicMessage
        ?? throw new FormatException("A handshake is no PublicMessage.");

    private static MlsClientException OtherBranch(string why, Exception? inner = null) =>
        new(
            ClientErrors.OtherBranch,
            $"The group that the service offers does not descend from the one that the device knows. {why}",
            inner
        );

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Rejoined by {Way} in epoch {Epoch} after {Attempts} tries, {Milliseconds} ms"
    )]
    private partial void LogRejoined(RejoinWay way, ulong epoch, int attempts, double milliseconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A rejoin failed with {Error} after {Attempts} tries")]
    private partial void LogRejoinFailed(string error, int attempts);
}
