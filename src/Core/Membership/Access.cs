using Microsoft.EntityFrameworkCore;

namespace MlsConsole.Core;

/// <summary>What the service knows of an account in a conversation, read at one time.</summary>
/// <param name="Conversation">The conversation.</param>
/// <param name="Entry">The account's entry in its roster.</param>
/// <param name="Devices">The account's devices with their keys, without deleted ones.</param>
internal sealed record Access(Conversation Conversation, RosterEntry Entry, IReadOnlyList<Device> Devices)
{
    /// <summary>Reads the conversation for a member; everybody else gets the one Unauthorized.</summary>
    /// <remarks>The same commands run whatever the answer is, so that time tells nothing either.</remarks>
    public static async Task<Access> RequireMemberAsync(MlsDbContext context, Caller caller, string convoId, CancellationToken cancellation)
    {
        string did = caller.Did.Value;
        var conversation = await context.Set<Conversation>().AsNoTracking().FirstOrDefaultAsync(row => row.Id == convoId, cancellation);
        var entry = await context.Set<RosterEntry>().AsNoTracking().FirstOrDefaultAsync(row => row.ConvoId == convoId && row.Did == did, cancellation);
        var devices = await context.Set<Device>().AsNoTracking().Include(device => device.Keys).Where(device => device.Did == did && device.DeletedAt == null).AsSingleQuery().ToListAsync(cancellation);
        var reason = RejoinPolicy.Decide(entry?.State, devices.Count > 0);
        if (reason != RejoinReason.Member) throw Refusal.Unauthorized(reason.ToString()).AsException();
        return new(conversation!, entry!, devices);
    }
}
