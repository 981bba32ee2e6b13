using Microsoft.EntityFrameworkCore;

namespace MlsConsole.Core;

/// <summary>What the service knows of an account in a conversation, read at one time.</summary>
/// <param name="Conversation">The conversation.</param>
/// <param name="Entry">The account's entry in its roster.</param>
/// <param name="Devices">The account's devices with their keys, without deleted ones.</param>
/// <param name="Leaves">Whose leaves of the conversation are the account's: all its devices, and deleted ones that have a leaf still.</param>
/// <param name="Standing">What was decided from.</param>
internal sealed record Access(Conversation Conversation, RosterEntry Entry, IReadOnlyList<Device> Devices, LeafOwners Leaves, Standing Standing)
{
    private static readonly CompiledQuery<Func<MlsDbContext, string, string, IAsyncEnumerable<EntryRow>>> s_entry = new(() => EF.CompileAsyncQuery((MlsDbContext context, string convoId, string did) =>
        from conversation in context.Set<Conversation>().AsNoTracking()
        where conversation.Id == convoId
        join entry in context.Set<RosterEntry>().Where(entry => entry.Did == did) on conversation.Id equals entry.ConvoId into entries
        from entry in entries.DefaultIfEmpty()
        select new EntryRow(conversation, entry, context.Set<Ban>().Any(ban => ban.Did == did && (ban.ConvoId == convoId || ban.ConvoId == Ban.FromService)))));

    private static readonly CompiledQuery<Func<MlsDbContext, string, string, IAsyncEnumerable<DeviceRow>>> s_devices = new(() => EF.CompileAsyncQuery((MlsDbContext context, string convoId, string did) =>
        context.Set<Device>().AsNoTracking().Include(device => device.Keys).Where(device => device.Did == did && (device.DeletedAt == null || context.Set<Leaf>().Any(leaf => leaf.ConvoId == convoId && leaf.DeviceRow == device.Id)))
            .Select(device => new DeviceRow(device, context.Set<Leaf>().Any(leaf => leaf.ConvoId == convoId && leaf.DeviceRow == device.Id))).AsSingleQuery()));

    /// <summary>Reads the conversation for a member; everybody else gets the one Unauthorized.</summary>
    public static Task<Access> RequireMemberAsync(MlsDbContext context, Caller caller, string convoId, CancellationToken cancellation) =>
        // For somebody who is no member it makes no difference how long ago they left.
        RequireAsync(context, caller, convoId, standing => RejoinPolicy.Decide(standing, default, TimeSpan.MaxValue), RejoinPolicy.IsMember, cancellation);

    /// <summary>Reads the conversation for somebody who may join; everybody else gets the one Unauthorized.</summary>
    public static Task<Access> RequireJoinerAsync(MlsDbContext context, Caller caller, string convoId, DateTimeOffset now, TimeSpan grace, CancellationToken cancellation) =>
        RequireAsync(context, caller, convoId, standing => RejoinPolicy.Decide(standing, now, grace), RejoinPolicy.Allows, cancellation);

    /// <remarks>The same commands run whatever the answer is, so that time tells nothing either.</remarks>
    private static async Task<Access> RequireAsync(MlsDbContext context, Caller caller, string convoId, Func<Standing, RejoinReason> decide, Func<RejoinReason, bool> allows, CancellationToken cancellation)
    {
        string did = caller.Did.Value;
        var row = await s_entry.For(context)(context, convoId, did).FirstOrDefaultAsync(cancellation);
        var devices = await s_devices.For(context)(context, convoId, did).ToListAsync(cancellation);
        var enrolled = devices.FindAll(device => device.Device.DeletedAt is null);
        var standing = new Standing(row?.Entry?.State, row?.Entry?.EndedAt, enrolled.Exists(device => device.HasLeaf), enrolled.Count > 0, row?.IsBanned == true);
        var reason = decide(standing);
        if (!allows(reason)) throw Refusal.Unauthorized(reason.ToString()).AsException();
        return new(row!.Conversation, row.Entry!, [.. enrolled.Select(device => device.Device)], new(devices.Select(device => device.Device)), standing);
    }

    /// <summary>The caller's device of that name, if it has a leaf in the conversation.</summary>
    /// <exception cref="RefusedException">Unauthorized</exception>
    public async Task<Device> RequireLeafAsync(MlsDbContext context, string deviceId, CancellationToken cancellation)
    {
        string id = Conversation.Id;
        var device = Devices.SingleOrDefault(device => device.DeviceId == deviceId) ?? throw Refusal.Unauthorized(nameof(RejoinReason.NoDevice)).AsException();
        return await context.Set<Leaf>().AnyAsync(leaf => leaf.ConvoId == id && leaf.DeviceRow == device.Id, cancellation) ? device : throw Refusal.Unauthorized("NoLeaf").AsException();
    }

    /// <summary>Judges what is meant for the epoch that was read here. What is judged by is read after it, and may be a later epoch's: what that has brought about is not the caller's fault.</summary>
    /// <exception cref="RefusedException">EpochMismatch, where the epoch is over; else the judgement's own.</exception>
    public async Task<T> JudgeAsync<T>(MlsDbContext context, Func<Task<T>> judge)
    {
        try
        {
            return await judge();
        }
        catch (RefusedException refused) when (refused.Refusal.Error != nameof(Refusal.EpochMismatch))
        {
            string id = Conversation.Id;
            long now = await context.Set<Conversation>().Where(row => row.Id == id).Select(row => row.Epoch).SingleAsync(CancellationToken.None);
            if (now != Conversation.Epoch) throw Refusal.EpochMismatch((ulong)now, (ulong)Conversation.Epoch).AsException();
            throw;
        }
    }

    private sealed record EntryRow(Conversation Conversation, RosterEntry? Entry, bool IsBanned);

    private sealed record DeviceRow(Device Device, bool HasLeaf);
}
