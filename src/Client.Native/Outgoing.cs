namespace MlsConsole.Clients.Native;

/// <summary>Puts what is handed out to the caller into blocks.</summary>
internal static unsafe class Outgoing
{
    public static nuint Room(this IncomingMessage message) =>
        Block.Room<MessageAbi>()
        + Block.Room(message.ConversationId)
        + Block.Room((message.Sender ?? default).Span)
        + Block.Room(message.Data);

    public static MessageAbi* Put(this IncomingMessage message, ref Block block)
    {
        var to = block.Put<MessageAbi>();
        var sender = (message.Sender ?? default).Span;
        *to = new()
        {
            ConversationId = block.Put(message.ConversationId),
            Seq = message.Seq,
            Epoch = message.Epoch,
            Sender = block.Put(sender),
            SenderLength = (nuint)sender.Length,
            Data = block.Put(message.Data),
            DataLength = (nuint)message.Data.Length,
            SentAtMs = message.SentAt.ToUnixTimeMilliseconds(),
        };
        return to;
    }

    public static EventAbi* ToBlock(this NativeEvent one)
    {
        var block = new Block(
            Block.Room<EventAbi>()
                + Block.Room(one.Name)
                + Block.Room(one.ConversationId)
                + Block.Room(one.Did)
                + Block.Room(one.Detail)
                + (one.Message?.Room() ?? 0)
                + Block.Room(one.Failure?.Error)
                + Block.Room(one.Failure?.Message)
        );
        var to = block.Put<EventAbi>();
        *to = new()
        {
            Kind = (int)one.Kind,
            Name = block.Put(one.Name),
            ConversationId = block.Put(one.ConversationId),
            Seq = one.Seq,
            Did = block.Put(one.Did),
            Detail = block.Put(one.Detail),
            Message = one.Message is { } message ? message.Put(ref block) : null,
            ErrorId = block.Put(one.Failure?.Error),
            ErrorMessage = block.Put(one.Failure?.Message),
        };
        return to;
    }

    public static RecoveriesAbi* ToBlock(this IReadOnlyList<Recovery> recoveries)
    {
        nuint room = Block.Room<RecoveriesAbi>() + Block.Room<RecoveryAbi>(recoveries.Count);
        foreach (var one in recoveries)
            room += Block.Room(one.ConversationId) + Block.Room(one.Failure?.Error) + Block.Room(one.Failure?.Message);
        var block = new Block(room);
        var to = block.Put<RecoveriesAbi>();
        *to = new() { Count = (nuint)recoveries.Count, Items = block.Put<RecoveryAbi>(recoveries.Count) };
        for (int i = 0; i < recoveries.Count; i++)
        {
            var one = recoveries[i];
            to->Items[i] = new()
            {
                ConversationId = block.Put(one.ConversationId),
                ErrorId = block.Put(one.Failure?.Error),
                ErrorMessage = block.Put(one.Failure?.Message),
                Rejoin = one.Rejoin is { } rejoin ? RejoinAbi.Of(rejoin) : default,
            };
        }
        return to;
    }

    public static BytesAbi* ToBlock(this byte[] bytes)
    {
        var block = new Block(Block.Room<BytesAbi>() + Block.Room(bytes));
        var to = block.Put<BytesAbi>();
        *to = new() { Data = block.Put(bytes), Length = (nuint)bytes.Length };
        return to;
    }

    public static ConversationAbi* ToBlock(this ConversationView view)
    {
        nuint room =
            Block.Room<ConversationAbi>()
            + Block.Room(view.EpochAuthenticator)
            + Block.Room<BytesAbi>(view.Members.Count);
        foreach (var member in view.Members)
            room += Block.Room(member.Span);
        var block = new Block(room);
        var to = block.Put<ConversationAbi>();
        *to = new()
        {
            Epoch = view.Epoch,
            Seq = view.Seq,
            EpochAuthenticator = new()
            {
                Data = block.Put(view.EpochAuthenticator),
                Length = (nuint)view.EpochAuthenticator.Length,
            },
            MemberCount = (nuint)view.Members.Count,
            Members = block.Put<BytesAbi>(view.Members.Count),
        };
        for (int i = 0; i < view.Members.Count; i++)
            to->Members[i] = new() { Data = block.Put(view.Members[i].Span), Length = (nuint)view.Members[i].Length };
        return to;
    }
}
