using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MlsConsole.Clients.Native;

/// <summary>The functions of mls_client.h, in the order of that header, which says what they promise.</summary>
internal static unsafe class Exports
{
    [UnmanagedCallersOnly(EntryPoint = "mls_last_error", CallConvs = [typeof(CallConvCdecl)])]
    public static ErrorAbi* LastError()
    {
        try
        {
            return Failure.Last is { } failure ? failure.ToBlock() : null;
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_free", CallConvs = [typeof(CallConvCdecl)])]
    public static void Free(void* block) => Block.Free(block);

    [UnmanagedCallersOnly(EntryPoint = "mls_client_open", CallConvs = [typeof(CallConvCdecl)])]
    public static int Open(OptionsAbi* options, nint* client)
    {
        Clear(client);
        return Call.Run(() => *Given(client, "client") = Opening.Open(options));
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_client_did", CallConvs = [typeof(CallConvCdecl)])]
    public static int Did(nint client, byte** did)
    {
        if (did is not null)
            *did = null;
        return Call.Run(
            client,
            (open, _) =>
                Task.FromResult(did is null ? throw new InvalidArgumentException("did is missing.") : open.Did),
            text => *did = Block.OfText(text)
        );
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_client_close", CallConvs = [typeof(CallConvCdecl)])]
    public static int Close(nint client) => Call.Run(() => OpenClient.Close(client));

    [UnmanagedCallersOnly(EntryPoint = "mls_client_start", CallConvs = [typeof(CallConvCdecl)])]
    public static int Start(nint client, RecoveriesAbi** recoveries)
    {
        if (recoveries is not null)
            *recoveries = null;
        return Call.Run(
            client,
            static (open, token) => open.Client.StartAsync(token),
            result =>
            {
                if (recoveries is not null)
                    *recoveries = result.ToBlock();
            }
        );
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_join_by_external_commit", CallConvs = [typeof(CallConvCdecl)])]
    public static int JoinByExternalCommit(nint client, byte* conversationId, RejoinAbi* result)
    {
        Clear(result);
        return Call.Run(
            client,
            (open, token) => open.Client.JoinByExternalCommitAsync(Conversation(conversationId), token),
            rejoin => Put(result, RejoinAbi.Of(rejoin))
        );
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_rejoin", CallConvs = [typeof(CallConvCdecl)])]
    public static int Rejoin(nint client, byte* conversationId, RejoinAbi* result)
    {
        Clear(result);
        return Call.Run(
            client,
            (open, token) => open.Client.Conversations.RejoinAsync(Conversation(conversationId), token),
            rejoin => Put(result, RejoinAbi.Of(rejoin))
        );
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_recover_lost_conversations", CallConvs = [typeof(CallConvCdecl)])]
    public static int RecoverLostConversations(nint client, RecoveriesAbi** recoveries)
    {
        if (recoveries is not null)
            *recoveries = null;
        return Call.Run(
            client,
            static (open, token) => open.Client.Conversations.RecoverLostConversationsAsync(token),
            result =>
            {
                if (recoveries is not null)
                    *recoveries = result.ToBlock();
            }
        );
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_accept_welcomes", CallConvs = [typeof(CallConvCdecl)])]
    public static int AcceptWelcomes(nint client, nuint* joined)
    {
        Clear(joined);
        return Call.Run(
            client,
            static (open, token) => open.Client.Conversations.AcceptWelcomesAsync(token),
            result => Put(joined, (nuint)result.Count)
        );
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_keep_key_packages", CallConvs = [typeof(CallConvCdecl)])]
    public static int KeepKeyPackages(nint client) =>
        Call.Run(client, static (open, token) => open.Client.KeepKeyPackagesAsync(token));

    [UnmanagedCallersOnly(EntryPoint = "mls_forget", CallConvs = [typeof(CallConvCdecl)])]
    public static int Forget(nint client, byte* conversationId) =>
        Call.Run(client, (open, token) => open.Client.Conversations.ForgetAsync(Conversation(conversationId), token));

    [UnmanagedCallersOnly(EntryPoint = "mls_create_conversation", CallConvs = [typeof(CallConvCdecl)])]
    public static int CreateConversation(nint client, byte* metadata, byte** conversationId)
    {
        if (conversationId is not null)
            *conversationId = null;
        return Call.Run(
            client,
            (open, token) =>
            {
                if (conversationId is null)
                    throw new InvalidArgumentException("conversation_id is missing.");
                return open.Client.Conversations.CreateAsync(Arguments.Text(metadata, "metadata"), token);
            },
            id => *conversationId = Block.OfText(id)
        );
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_add_members", CallConvs = [typeof(CallConvCdecl)])]
    public static int AddMembers(nint client, byte* conversationId, byte** dids, nuint count, RecordedAbi* recorded)
    {
        Clear(recorded);
        return Call.Run(
            client,
            (open, token) =>
            {
                if (dids is null || count is 0 or > 10_000)
                    throw new InvalidArgumentException("dids has to have 1 to 10000 of them.");
                var names = new string[count];
                for (int i = 0; i < names.Length; i++)
                    names[i] = Arguments.Required(dids[i], "a DID");
                return open.Client.Conversations.AddMembersAsync(Conversation(conversationId), names, token);
            },
            result => Put(recorded, RecordedAbi.Of(result))
        );
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_leave", CallConvs = [typeof(CallConvCdecl)])]
    public static int Leave(nint client, byte* conversationId, long* leftAtMs)
    {
        Clear(leftAtMs);
        return Call.Run(
            client,
            (open, token) => open.Client.Conversations.LeaveAsync(Conversation(conversationId), token),
            leftAt => Put(leftAtMs, leftAt.ToUnixTimeMilliseconds())
        );
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_remove_member", CallConvs = [typeof(CallConvCdecl)])]
    public static int RemoveMember(nint client, byte* conversationId, byte* did, RecordedAbi* recorded)
    {
        Clear(recorded);
        return Call.Run(
            client,
            (open, token) =>
            {
                string whom = Arguments.Required(did, "did");
                if (whom == open.Did)
                    throw new InvalidArgumentException("To go oneself there is mls_leave.");
                return open.Client.Conversations.RemoveMemberAsync(Conversation(conversationId), whom, token);
            },
            result => Put(recorded, RecordedAbi.Of(result))
        );
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_ban_member", CallConvs = [typeof(CallConvCdecl)])]
    public static int BanMember(nint client, byte* conversationId, byte* did, byte* reason) =>
        Call.Run(
            client,
            (open, token) =>
                open.Client.Conversations.BanMemberAsync(
                    Conversation(conversationId),
                    Arguments.Required(did, "did"),
                    Arguments.Text(reason, "reason"),
                    token
                )
        );

    [UnmanagedCallersOnly(EntryPoint = "mls_unban_member", CallConvs = [typeof(CallConvCdecl)])]
    public static int UnbanMember(nint client, byte* conversationId, byte* did, byte* reason) =>
        Call.Run(
            client,
            (open, token) =>
                open.Client.Conversations.UnbanMemberAsync(
                    Conversation(conversationId),
                    Arguments.Required(did, "did"),
                    Arguments.Text(reason, "reason"),
                    token
                )
        );

    [UnmanagedCallersOnly(EntryPoint = "mls_promote_admin", CallConvs = [typeof(CallConvCdecl)])]
    public static int PromoteAdmin(nint client, byte* conversationId, byte* did) =>
        Call.Run(
            client,
            (open, token) =>
                open.Client.Conversations.PromoteAdminAsync(
                    Conversation(conversationId),
                    Arguments.Required(did, "did"),
                    token
                )
        );

    [UnmanagedCallersOnly(EntryPoint = "mls_demote_admin", CallConvs = [typeof(CallConvCdecl)])]
    public static int DemoteAdmin(nint client, byte* conversationId, byte* did) =>
        Call.Run(
            client,
            (open, token) =>
                open.Client.Conversations.DemoteAdminAsync(
                    Conversation(conversationId),
                    Arguments.Required(did, "did"),
                    token
                )
        );

    [UnmanagedCallersOnly(EntryPoint = "mls_set_device_approval", CallConvs = [typeof(CallConvCdecl)])]
    public static int SetDeviceApproval(nint client, byte* conversationId, int required) =>
        Call.Run(
            client,
            (open, token) =>
                open.Client.Conversations.SetDeviceApprovalAsync(
                    Conversation(conversationId),
                    required is 0 or 1 ? required == 1 : throw new InvalidArgumentException("required is 0 or 1."),
                    token
                )
        );

    [UnmanagedCallersOnly(EntryPoint = "mls_approve_device", CallConvs = [typeof(CallConvCdecl)])]
    public static int ApproveDevice(
        nint client,
        byte* conversationId,
        byte* deviceId,
        byte* signatureKey,
        nuint length,
        long* approvedAtMs
    )
    {
        Clear(approvedAtMs);
        return Call.Run(
            client,
            (open, token) =>
            {
                var key = Arguments.Bytes(signatureKey, length, "signature_key");
                if (key.Length is 0 or > 1024)
                    throw new InvalidArgumentException("signature_key has to have 1 to 1024 bytes.");
                return open.Client.Conversations.ApproveDeviceAsync(
                    Conversation(conversationId),
                    Arguments.Required(deviceId, "device_id"),
                    key.ToArray(),
                    token
                );
            },
            approvedAt => Put(approvedAtMs, approvedAt.ToUnixTimeMilliseconds())
        );
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_signature_key", CallConvs = [typeof(CallConvCdecl)])]
    public static int SignatureKey(nint client, byte* conversationId, BytesAbi** signatureKey)
    {
        if (signatureKey is not null)
            *signatureKey = null;
        return Call.Run(
            client,
            (open, token) =>
            {
                if (signatureKey is null)
                    throw new InvalidArgumentException("signature_key is missing.");
                return open.Client.Conversations.SignatureKeyAsync(Conversation(conversationId), token);
            },
            key => *signatureKey = key.ToBlock()
        );
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_update", CallConvs = [typeof(CallConvCdecl)])]
    public static int Update(nint client, byte* conversationId, RecordedAbi* recorded)
    {
        Clear(recorded);
        return Call.Run(
            client,
            (open, token) => open.Client.Conversations.UpdateAsync(Conversation(conversationId), token),
            result => Put(recorded, RecordedAbi.Of(result))
        );
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_send", CallConvs = [typeof(CallConvCdecl)])]
    public static int Send(nint client, byte* conversationId, byte* data, nuint length, RecordedAbi* recorded)
    {
        Clear(recorded);
        return Call.Run(
            client,
            (open, token) =>
                open.SendAsync(Conversation(conversationId), Arguments.Bytes(data, length, "data").ToArray(), token),
            result => Put(recorded, RecordedAbi.Of(result))
        );
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_sync", CallConvs = [typeof(CallConvCdecl)])]
    public static int Sync(nint client, byte* conversationId, SyncAbi* result)
    {
        Clear(result);
        return Call.Run(
            client,
            (open, token) => open.Client.Conversations.SyncAsync(Conversation(conversationId), token),
            sync => Put(result, SyncAbi.Of(sync))
        );
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_view", CallConvs = [typeof(CallConvCdecl)])]
    public static int View(nint client, byte* conversationId, ConversationAbi** conversation)
    {
        if (conversation is not null)
            *conversation = null;
        return Call.Run(
            client,
            (open, token) =>
            {
                if (conversation is null)
                    throw new InvalidArgumentException("conversation is missing.");
                return open.Client.Conversations.ViewAsync(Conversation(conversationId), token);
            },
            view =>
                *conversation = (
                    view
                    ?? throw new MlsClientException(
                        ClientErrors.NoState,
                        "The device is not in the group of this conversation: it has to join or rejoin."
                    )
                ).ToBlock()
        );
    }

    [UnmanagedCallersOnly(EntryPoint = "mls_next_event", CallConvs = [typeof(CallConvCdecl)])]
    public static int NextEvent(nint client, int timeoutMs, EventAbi** one)
    {
        if (one is not null)
            *one = null;
        bool timedOut = false;
        int status = Call.Run(
            client,
            (open, token) =>
            {
                if (one is null)
                    throw new InvalidArgumentException("event is missing.");
                return open.Events.NextAsync(open.Client, TimeSpan.FromMilliseconds(timeoutMs), token);
            },
            next =>
            {
                timedOut = next is null;
                if (next is not null)
                    *one = next.ToBlock();
            }
        );
        return timedOut ? Call.Fail(new(Status.TimedOut, "TimedOut", "Nothing happened in that time.")) : status;
    }

    private static string Conversation(byte* id) => Arguments.Required(id, "conversation_id");

    private static T* Given<T>(T* to, string name)
        where T : unmanaged => to is null ? throw new InvalidArgumentException($"{name} is missing.") : to;

    private static void Clear<T>(T* to)
        where T : unmanaged => Put(to, default);

    private static void Put<T>(T* to, T value)
        where T : unmanaged
    {
        if (to is not null)
            *to = value;
    }
}
