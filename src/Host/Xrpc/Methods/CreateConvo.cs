using MlsConsole.Core;
using MlsConsole.Lexicon;
using ConvoView = MlsConsole.Core.ConvoView;

namespace MlsConsole.Host;

internal static class CreateConvo
{
    public static XrpcMethod Method { get; } = new ProcedureMethod<Lexicon.CreateConvoInput, CreateConvoOutput>(Lexicons.CreateConvo, BodyLimit.Message, async (call, input) =>
    {
        var convo = await call.Feature<Conversations>().CreateConvo(call.Caller,
            new(WireValues.Bytes("groupInfo", input.GroupInfo), WireValues.OptionalBytes("ratchetTree", input.RatchetTree), input.Metadata, input.IdempotencyKey), call.Cancellation);
        (call.ConvoId, call.Epoch) = (convo.ConvoId, convo.Epoch);
        return new() { Convo = View(convo) };
    });

    private static Lexicon.ConvoView View(ConvoView convo) => new()
    {
        ConvoId = convo.ConvoId, GroupId = convo.GroupId, Epoch = (long)convo.Epoch, CipherSuite = convo.CipherSuite, Metadata = convo.Metadata, CreatedAt = convo.CreatedAt,
        Members = [.. convo.Members.Select(member => new MemberView { Did = member.Did, DeviceId = member.DeviceId, LeafIndex = member.LeafIndex, IsAdmin = member.IsAdmin })],
    };
}
