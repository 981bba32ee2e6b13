using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Log;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Messages;

public sealed record SendMessageInput(string ConvoId, ReadOnlyMemory<byte> Message, string? IdempotencyKey);

public sealed record SendMessageResult(long Seq, ulong Epoch, DateTimeOffset ReceivedAt);

public sealed record GetMessagesInput(string ConvoId, long SinceSeq, int Limit);

/// <param name="Kind"><c>commit</c>, <c>proposal</c> or <c>message</c>.</param>
/// <param name="Epoch">The epoch that a commit creates, or that a message was sent in.</param>
public sealed record MessageView(long Seq, ulong Epoch, string Kind, byte[] Message, DateTimeOffset CreatedAt);

/// <param name="LastSeq">The last sequence number of the conversation.</param>
public sealed record GetMessagesResult(IReadOnlyList<MessageView> Messages, long LastSeq);

/// <summary>Application messages: opaque, but for the group and epoch of their framing.</summary>
public sealed class MessageDelivery
{
    /// <summary>Messages of the current epoch and of so many before it are taken: they may have been on their way when it began.</summary>
    public const ulong PastEpochs = 2;

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;

    internal MessageDelivery(CallRunner calls, Database database, CoreSettings settings, TimeProvider clock) =>
        (_calls, _database, _settings, _clock) = (calls, database, settings, clock);

    /// <summary>Appends a PrivateMessage to the conversation's log.</summary>
    public Task<SendMessageResult> SendMessageAsync(
        Caller caller,
        SendMessageInput input,
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

    internal static Statements StatementsOf(LogEntry entry)
    {
        long last = entry.Epoch + (long)PastEpochs;
        var statements = new Statements(
            $"""
            UPDATE conversations SET next_seq = next_seq + 1 WHERE id = {entry.ConvoId} AND epoch >= {entry.Epoch} AND epoch <= {last} RETURNING next_seq - 1 AS "Value"
            """
        );
        statements.AppendUnlessBanned(entry, last);
        return statements;
    }

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

    /// <summary>The log after a sequence number, in order.</summary>
    public async Task<GetMessagesResult> GetMessagesAsync(
        Caller caller,
        GetMessagesInput input,
        CancellationToken cancellation
    )
    {
        await using var context = _database.Read();
        var access = await _calls.AskAsync(
            Call.Query(caller, MethodNames.GetMessages, input.ConvoId),
            () => Access.RequireMemberAsync(context, caller, input.ConvoId, cancellation)
        );
        var rows = await context
            .Set<LogEntry>()
            .Where(row => row.ConvoId == input.ConvoId && row.Seq > input.SinceSeq)
            .OrderBy(row => row.Seq)
            .Take(input.Limit)
            .ToListAsync(cancellation);
        return new(
            [
                .. rows.Select(row => new MessageView(
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

    private static string KindName(LogKind kind) =>
        kind switch
        {
            LogKind.Commit => "commit",
            LogKind.Proposal => "proposal",
            _ => "message",
        };
}
