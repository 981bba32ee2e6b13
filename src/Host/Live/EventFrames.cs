using MlsConsole.Core.Events;
using MlsConsole.Core.Outbox;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Live;

/// <summary>Encodes events as frames of subscribeConvoEvents.</summary>
internal static class EventFrames
{
    /// <returns>Null if the event's log entry has been pruned, and for events that subscribers are not told.</returns>
    public static byte[]? Of(ConvoEvent one) =>
        MessageOf(one) is { } message ? Lexicons.SubscribeConvoEvents.WriteFrame(message) : null;

    public static byte[] Info(string name, string message) =>
        Lexicons.SubscribeConvoEvents.WriteFrame(new SubscribeConvoEventsInfo { Name = name, Message = message });

    private static SubscribeConvoEventsEvent? MessageOf(ConvoEvent one)
    {
        if (
            one.Kind is EventKind.SubscriptionsEnded
            || (one.Kind is EventKind.Commit or EventKind.Proposal or EventKind.Message && one.Log is null)
        )
            return null;
        long epoch = (long)(one.Epoch ?? 0);
        string convo = one.ConvoId ?? "",
            did = one.Did ?? "",
            device = one.DeviceId ?? "",
            detail = one.Detail ?? "";
        return one.Kind switch
        {
            EventKind.Commit => new SubscribeConvoEventsCommit
            {
                Seq = one.Seq,
                Time = one.At,
                ConvoId = convo,
                Commit = Commit(one.Log!),
            },
            EventKind.Proposal => new SubscribeConvoEventsProposal
            {
                Seq = one.Seq,
                Time = one.At,
                ConvoId = convo,
                Message = Message(one.Log!, "proposal"),
            },
            EventKind.Message => new SubscribeConvoEventsMessage
            {
                Seq = one.Seq,
                Time = one.At,
                ConvoId = convo,
                Message = Message(one.Log!, "message"),
            },
            EventKind.Welcome => new SubscribeConvoEventsWelcome
            {
                Seq = one.Seq,
                Time = one.At,
                ConvoId = convo,
                Did = did,
                DeviceId = device,
                WelcomeId = detail,
                Epoch = epoch,
            },
            EventKind.Membership => new SubscribeConvoEventsMembership
            {
                Seq = one.Seq,
                Time = one.At,
                ConvoId = convo,
                Did = did,
                Change = detail,
            },
            EventKind.GroupInfoRefreshRequested => new SubscribeConvoEventsGroupInfoRefreshRequested
            {
                Seq = one.Seq,
                Time = one.At,
                ConvoId = convo,
                Epoch = epoch,
            },
            EventKind.RemovalRequested => new SubscribeConvoEventsRemovalRequested
            {
                Seq = one.Seq,
                Time = one.At,
                ConvoId = convo,
                Did = did,
                Epoch = epoch,
            },
            EventKind.RejoinRequested => new SubscribeConvoEventsRejoinRequested
            {
                Seq = one.Seq,
                Time = one.At,
                ConvoId = convo,
                Did = did,
                DeviceId = device,
                RequestId = detail,
            },
            EventKind.NewDevice => new SubscribeConvoEventsNewDevice
            {
                Seq = one.Seq,
                Time = one.At,
                ConvoId = one.ConvoId,
                Did = did,
                DeviceId = device,
            },
            EventKind.DeviceApproved => new SubscribeConvoEventsDeviceApproved
            {
                Seq = one.Seq,
                Time = one.At,
                ConvoId = convo,
                Did = did,
                DeviceId = device,
            },
            EventKind.DeviceApprovalSet => new SubscribeConvoEventsDeviceApprovalSet
            {
                Seq = one.Seq,
                Time = one.At,
                ConvoId = convo,
                Did = did,
                Required = detail == "required",
            },
            EventKind.EpochAcknowledged => new SubscribeConvoEventsEpochAcknowledged
            {
                Seq = one.Seq,
                Time = one.At,
                ConvoId = convo,
                Did = did,
                DeviceId = device,
                Epoch = epoch,
                Agreed = detail == "agreed",
            },
            _ => throw new InvalidOperationException($"Unknown kind of event {one.Kind}."),
        };
    }

    private static CommitView Commit(LoggedMessage log) =>
        new()
        {
            Epoch = (long)log.Epoch,
            Seq = log.Seq,
            Commit = Convert.ToBase64String(log.Message),
            External = log.External,
            CreatedAt = log.CreatedAt,
        };

    private static MessageView Message(LoggedMessage log, string kind) =>
        new()
        {
            Seq = log.Seq,
            Epoch = (long)log.Epoch,
            Kind = kind,
            Message = Convert.ToBase64String(log.Message),
            CreatedAt = log.CreatedAt,
        };
}
