using System.Buffers.Binary;
using System.Text;
using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>The way back that needs a member who is online: the device asks with a key package, a member commits Remove and Add, a Welcome follows.</summary>
public sealed partial class ConversationManager
{
    /// <summary>Adds devices of members again that have asked for it, because external commits are off for them or fail. <see cref="ConversationEvents.FollowAsync"/> does it by itself.</summary>
    /// <remarks>An account without a device in the group is added by nobody's client alone: that is for <see cref="AddMembersAsync"/>.</remarks>
    /// <returns>False where nobody waits, or others have answered.</returns>
    /// <exception cref="MlsClientException">The service's refusal.</exception>
    public Task<bool> AnswerRejoinRequestsAsync(string conversationId, CancellationToken cancellation = default) =>
        With(
            conversationId,
            async conversation =>
            {
                if (conversation.Group is not { HasEnded: false })
                    return false;
                await CatchUp(conversation, mayRejoin: true, cancellation).ConfigureAwait(false);
                var open = (
                    await _service
                        .Call(
                            Lexicons.GetRejoinRequests,
                            new GetRejoinRequestsParameters { ConvoId = conversationId },
                            cancellation
                        )
                        .ConfigureAwait(false)
                ).Requests;
                var asked = open.Select(static request => (Id: request.RequestId, Package: PackageOf(request)))
                    .Where(static one => one.Package is not null)
                    .ToList();
                List<string> ids = [];
                try
                {
                    return await CommitIfNeeded(
                            conversation,
                            group =>
                            {
                                var waiting = asked.Where(one => Waits(group, one.Package!)).ToList();
                                ids = [.. waiting.Select(static one => one.Id)];
                                return waiting.Count == 0
                                    ? null
                                    : new()
                                    {
                                        Add = [.. waiting.Select(static one => one.Package!)],
                                        Remove =
                                        [
                                            .. group
                                                .Members.Where(member =>
                                                    waiting.Exists(one =>
                                                        one.Package!.LeafNode.Credential.SameAs(member.Leaf.Credential)
                                                    )
                                                )
                                                .Select(static member => member.Index),
                                        ],
                                        TreeInWelcome = false,
                                    };
                            },
                            (pending, token) => SendAdds(conversationId, pending, ids, token),
                            cancellation
                        )
                        .ConfigureAwait(false);
                }
                catch (MlsClientException answered) when (answered.Rule == "delivery.rejoin-request-answered")
                {
                    return false;
                }
            },
            cancellation
        );

    /// <summary>Only a device of an account that is in the group, and not yet by this key package: a service must not be able to let anybody else in.</summary>
    private static bool Waits(PublicGroup group, UnverifiedKeyPackage package)
    {
        string? did = DidOf(package.LeafNode.Credential);
        return group.Members.Any(member => did is not null && DidOf(member.Leaf.Credential) == did)
            && !group.Members.Any(member =>
                member.Leaf.EncryptionKey.Span.SequenceEqual(package.LeafNode.EncryptionKey.Span)
            );
    }

    /// <returns>Null for one that is not what the service says it is; it must not keep others waiting.</returns>
    private static UnverifiedKeyPackage? PackageOf(RejoinRequestView request)
    {
        try
        {
            var package = UnverifiedKeyPackage.Decode(Convert.FromBase64String(request.KeyPackage));
            return package.LeafNode.Credential.Identity.Span.SequenceEqual(
                Encoding.UTF8.GetBytes($"{request.Did}#{request.DeviceId}")
            )
                ? package
                : null;
        }
        catch (Exception broken) when (broken is MlsException or FormatException)
        {
            return null;
        }
    }

    /// <summary>Where external commits do not lead in: asks the members, and waits a while for the Welcome of one who is online.</summary>
    private async Task<RejoinResult> JoinByMember(
        Conversation conversation,
        Progress progress,
        MlsClientException failure,
        CancellationToken cancellation
    )
    {
        progress.Way = RejoinWay.Legacy;
        try
        {
            await AskMembers(conversation, failure.Error, cancellation).ConfigureAwait(false);
        }
        catch (MlsClientException refused) when (refused.Status > 0 && refused.Error != NotApproved)
        {
            throw new MlsClientException(
                ClientErrors.RejoinFailed,
                $"External commits did not lead into {conversation.Id} after {progress.Attempts} tries ({failure.Error}), and the members cannot be asked: {refused.Message}",
                refused
            )
            {
                RetryAfter = refused.RetryAfter,
                Rule = refused.Rule,
            };
        }
        long asked = _options.Clock.GetTimestamp();
        for (int polls = 1; ; polls++)
        {
            if (await AcceptWaiting(conversation, cancellation).ConfigureAwait(false))
                return Result(conversation, RejoinWay.Legacy, progress);
            if (_options.Clock.GetElapsedTime(asked) >= _options.MemberWait)
                return Result(conversation, RejoinWay.Legacy, progress, joined: false);
            // The Welcome is asked for ever more rarely: a member may need a while to come online, and there need be no event stream.
            await Task.Delay(TimeSpan.FromMilliseconds(100 << Math.Min(polls, 4)), _options.Clock, cancellation)
                .ConfigureAwait(false);
        }
    }

    /// <summary>A request that waits for a member.</summary>
    /// <param name="At">When it was made.</param>
    /// <param name="KeyPackage">Base64.</param>
    private sealed record Request(DateTimeOffset At, string KeyPackage);

    private static string NameOfRequest(string conversationId) => $"request/{conversationId}";

    // int64 at, in milliseconds; the key package in base64
    private async Task<Request?> OpenRequest(string conversationId, CancellationToken cancellation) =>
        await Store.ReadAsync(NameOfRequest(conversationId), cancellation).ConfigureAwait(false) is { } saved
            ? new(
                DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64BigEndian(saved)),
                Encoding.ASCII.GetString(saved.AsSpan(8))
            )
            : null;

    /// <summary>Asks, or asks again with the key package of the request that waits: the service takes that as the same.</summary>
    private async Task AskMembers(Conversation conversation, string reason, CancellationToken cancellation)
    {
        string name = NameOfRequest(conversation.Id);
        if (await OpenRequest(conversation.Id, cancellation).ConfigureAwait(false) is { } before)
        {
            if (await Ask(before.KeyPackage).ConfigureAwait(false))
                return;
            // It has expired, or was answered by a Welcome that could not be opened.
            await Store.WriteAsync(cancellation, new KeyValuePair<string, byte[]?>(name, null)).ConfigureAwait(false);
        }
        string package = await _keys
            .NewAsync(await SuiteOf(conversation, cancellation).ConfigureAwait(false), cancellation)
            .ConfigureAwait(false);
        var saved = new byte[8 + package.Length];
        BinaryPrimitives.WriteInt64BigEndian(saved, _options.Clock.GetUtcNow().ToUnixTimeMilliseconds());
        Encoding.ASCII.GetBytes(package, saved.AsSpan(8));
        await Ask(package).ConfigureAwait(false);
        await Store.WriteAsync(cancellation, new KeyValuePair<string, byte[]?>(name, saved)).ConfigureAwait(false);

        async Task<bool> Ask(string keyPackage) =>
            (
                await _service
                    .Call(
                        Lexicons.Rejoin,
                        new()
                        {
                            ConvoId = conversation.Id,
                            KeyPackage = keyPackage,
                            Reason = reason,
                        },
                        cancellation
                    )
                    .ConfigureAwait(false)
            ).Pending;
    }

    private async Task<ushort> SuiteOf(Conversation conversation, CancellationToken cancellation)
    {
        if (conversation.Group is { } known)
            return known.PublicGroup.CipherSuite;
        try
        {
            return (ushort)
                (
                    await _service
                        .Call(Lexicons.GetConvo, new GetConvoParameters { ConvoId = conversation.Id }, cancellation)
                        .ConfigureAwait(false)
                )
                    .Convo
                    .CipherSuite;
        }
        catch (MlsClientException refused) when (refused.Error == "Unauthorized")
        {
            // Who has left is told nothing of a conversation, but may ask to be added again.
            return _options.CipherSuite;
        }
    }
}
