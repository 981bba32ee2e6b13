using MlsConsole.Lexicon;

namespace MlsConsole.Clients;

/// <summary>Admins and bans: what the service alone keeps of members, so that nothing is committed for it.</summary>
internal sealed class MemberRoles(ServiceConnection service)
{
    public Task PromoteAdminAsync(string conversationId, string did, CancellationToken cancellation) =>
        service.CallAsync(Lexicons.PromoteAdmin, new() { ConvoId = conversationId, TargetDid = did }, cancellation);

    public Task DemoteAdminAsync(string conversationId, string did, CancellationToken cancellation) =>
        service.CallAsync(Lexicons.DemoteAdmin, new() { ConvoId = conversationId, TargetDid = did }, cancellation);

    public Task BanAsync(string conversationId, string did, string? reason, CancellationToken cancellation) =>
        service.CallAsync(
            Lexicons.BanMember,
            new()
            {
                ConvoId = conversationId,
                TargetDid = did,
                Reason = reason,
            },
            cancellation
        );

    public Task UnbanAsync(string conversationId, string did, string? reason, CancellationToken cancellation) =>
        service.CallAsync(
            Lexicons.UnbanMember,
            new()
            {
                ConvoId = conversationId,
                TargetDid = did,
                Reason = reason,
            },
            cancellation
        );
}
