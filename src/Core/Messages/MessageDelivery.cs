using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Log;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Messages;

/// <summary>The input of sendMessage.</summary>
/// <param name="ConvoId">The conversation.</param>
/// <param name="Message">The application message: an MLSMessage with a PrivateMessage (RFC 9420 §6.3).</param>
/// <param name="IdempotencyKey">
/// The caller's key for retries; the hash of conversation and message stands in for null.
/// </param>
public sealed record SendMessageRequest(string ConvoId, ReadOnlyMemory<byte> Message, string? IdempotencyKey);

/// <summary>The answer to sendMessage.</summary>
/// <param name="Seq">The message's sequence number in the conversation's log.</param>
/// <param name="Epoch">The epoch that the message was sent in.</param>
/// <param name="ReceivedAt">When the service accepted the message.</param>
public sealed record SendMessageResult(long Seq, ulong Epoch, DateTimeOffset ReceivedAt);

/// <summary>The input of getMessages.</summary>
/// <param name="ConvoId">The conversation.</param>
/// <param name="SinceSeq">The entries after this sequence number are returned; 0 for all entries.</param>
/// <param name="Limit">The largest number of entries in the answer.</param>
public sealed record GetMessagesRequest(string ConvoId, long SinceSeq, int Limit);

/// <summary>An entry of a conversation's log.</summary>
/// <param name="Seq">The sequence number.</param>
/// <param name="Epoch">The epoch that a commit creates, or that a proposal or message was sent in.</param>
/// <param name="Kind"><c>commit</c>, <c>proposal</c> or <c>message</c>.</param>
/// <param name="Message">The commit, proposal or message as an MLSMessage.</param>
/// <param name="CreatedAt">When the service accepted the entry.</param>
public sealed record StoredMessage(long Seq, ulong Epoch, string Kind, byte[] Message, DateTimeOffset CreatedAt);

/// <summary>The answer to getMessages.</summary>
/// <param name="Messages">The entries in the order of their sequence numbers.</param>
/// <param name="LastSeq">The last sequence number in the conversation's log; 0 for an empty log.</param>
public sealed record GetMessagesResult(IReadOnlyList<StoredMessage> Messages, long LastSeq);

/// <summary>
/// Takes and hands out messages (delivery-service §12.1). Application messages are opaque for the service, except for
/// the group id and the epoch in their framing.
/// </summary>
public sealed class MessageDelivery
{
    /// <summary>
    /// A message is taken in its epoch and in so many epochs after that, because the message may have been on its way
    /// when an epoch began.
    /// </summary>
    public const ulong PastEpochs = 2;

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;

    internal MessageDelivery(CallRunner calls, Database database, CoreSettings settings, TimeProvider clock) =>
        (_calls, _database, _settings, _clock) = (calls, database, settings, clock);

    /// <summary>Appends an application message to the conversation's log.</summary>
    /// <exception cref="RefusedException">
    /// Unauthorized, MessageTooLarge, EpochMismatch, IdempotencyConflict, or InvalidRequest: the message is not an
    /// application message of this conversation.
    /// </exception>
    public Task<SendMessageResult> SendMessageAsync(
        Caller caller,
        SendMessageRequest input,
        CancellationToken cancellation
    )
    {
        var call = Call.Procedure(
            caller,
            MethodNames.SendMessage,
            input.ConvoId,
            input.IdempotencyKey ?? Call.KeyOf(input.ConvoId, input.Message),
            input.ConvoId,
            input.Message
        );
        return _calls.RunAsync<SendMessageResult>(
            call,
            async () =>
            {
                await using var context = _database.Read();
                var access = await Access.RequireMemberAsync(context, caller, input.ConvoId, cancellation);
                if (input.Message.Length > _settings.MaxMessageBytes)
                    throw Refusal.MessageTooLarge.AsException();
                ulong epoch = EpochOf(input.Message, access.Conversation);
                var now = _clock.GetUtcNow();
                var entry = new LogEntry
                {
                    ConvoId = input.ConvoId,
                    Kind = LogKind.Message,
                    Epoch = (long)epoch,
                    Message = input.Message.ToArray(),
                    Sender = caller.Did.Value,
                    CreatedAt = now,
                };
                return new StatementsChange<SendMessageResult>(
                    StatementsOf(entry),
                    seq => new(new(seq, epoch, now)),
                    (current, _) =>
                        Task.FromResult(current <= epoch + PastEpochs ? null : Refusal.EpochMismatch(current, epoch))
                );
            },
            cancellation
        );
    }

    /// <summary>
    /// The statements that append a message, if the epoch of the conversation still allows the message.
    /// </summary>
    internal static Statements StatementsOf(LogEntry entry)
    {
        long lastEpoch = entry.Epoch + (long)PastEpochs;
        var statements = new Statements(
            $"""
            UPDATE conversations SET next_seq = next_seq + 1
            WHERE id = {entry.ConvoId} AND epoch >= {entry.Epoch} AND epoch <= {lastEpoch}
            RETURNING next_seq - 1 AS "Value"
            """
        );
        statements.AppendUnlessBanned(entry, lastEpoch);
        return statements;
    }

    /// <summary>The epoch of an application message, which has to be one in which the message is taken.</summary>
    /// <exception cref="RefusedException">InvalidRequest or EpochMismatch</exception>
    private static ulong EpochOf(ReadOnlyMemory<byte> bytes, Conversation conversation)
    {
        try
        {
            if (
                MlsMessage.Decode(bytes).PrivateMessage is not { ContentType: ContentType.Application } message
                || !message.GroupId.Span.SequenceEqual(conversation.GroupId)
            )
                throw new MlsException(DeliveryRules.ApplicationMessage);
            ulong current = (ulong)conversation.Epoch;
            if (message.Epoch > current || message.Epoch + PastEpochs < current)
                throw Refusal.EpochMismatch(current, message.Epoch).AsException();
            return message.Epoch;
        }
        catch (MlsException broken)
        {
            throw Refusal.InvalidMessage(broken.Rule.Id).AsException();
        }
    }

    /// <summary>The entries of a conversation's log after a sequence number, in order.</summary>
    /// <exception cref="RefusedException">Unauthorized</exception>
    public async Task<GetMessagesResult> GetMessagesAsync(
        Caller caller,
        GetMessagesRequest input,
        CancellationToken cancellation
    )
    {
        await using var context = _database.Read();
        var (access, rows) = await _calls.AskAsync(
            Call.Query(caller, MethodNames.GetMessages, input.ConvoId),
            async () =>
            {
                var member = await Access.RequireMemberAsync(context, caller, input.ConvoId, cancellation);
                var entries = await EntriesForAsync(context, caller, input, cancellation);
                // Nothing was found although the log goes on: either the entries are pruned, or the caller has ceased
                // to be a member since the first question.
                if (entries.Count == 0 && member.Conversation.NextSeq - 1 > input.SinceSeq)
                    member = await Access.RequireMemberAsync(context, caller, input.ConvoId, cancellation);
                return (member, entries);
            }
        );
        return new(
            [
                .. rows.Select(row => new StoredMessage(
                    row.Seq,
                    (ulong)row.Epoch,
                    KindName(row.Kind),
                    row.Message,
                    row.CreatedAt
                )),
            ],
            Math.Max(access.Conversation.NextSeq - 1, rows.Count == 0 ? 0 : rows[^1].Seq)
        );
    }

    /// <summary>
    /// Entries of the log, if the caller is a member in the moment in which they are read: whoever leaves or is banned
    /// gets nothing that is recorded afterwards (delivery-service §10.2), so the first look at the membership is not
    /// enough.
    /// </summary>
    private static Task<List<LogEntry>> EntriesForAsync(
        MlsDbContext context,
        Caller caller,
        GetMessagesRequest input,
        CancellationToken cancellation
    )
    {
        string did = caller.Did.Value;
        var members = context.Members();
        return context
            .Set<LogEntry>()
            .Where(row => row.ConvoId == input.ConvoId && row.Seq > input.SinceSeq)
            .Where(_ => members.Any(entry => entry.ConvoId == input.ConvoId && entry.Did == did))
            .OrderBy(row => row.Seq)
            .Take(input.Limit)
            .ToListAsync(cancellation);
    }

    private static string KindName(LogKind kind) =>
        kind switch
        {
            LogKind.Commit => "commit",
            LogKind.Proposal => "proposal",
            _ => "message",
        };
}
