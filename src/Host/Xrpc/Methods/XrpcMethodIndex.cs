namespace MlsConsole.Host.Xrpc.Methods;

/// <summary>The table of contents of this folder: one file for each method that works. Every other NSID is not implemented.</summary>
internal static class XrpcMethodIndex
{
    public static IReadOnlyList<XrpcMethod> All { get; } =
    [
        GetServiceInfo.Method,
        RegisterDevice.Method,
        ListDevices.Method,
        DeleteDevice.Method,
        ApproveDevice.Method,
        PublishKeyPackages.Method,
        ClaimKeyPackages.Method,
        GetKeyPackageStats.Method,
        GetConvos.Method,
        GetConvo.Method,
        GetExpectedConversations.Method,
        CreateConvo.Method,
        AddMembers.Method,
        Commit.Method,
        GetCommits.Method,
        GetGroupInfo.Method,
        ProcessExternalCommit.Method,
        Rejoin.Method,
        GetRejoinRequests.Method,
        AcknowledgeEpoch.Method,
        UpdateGroupInfo.Method,
        GroupInfoRefresh.Method,
        ReportRejoinOutcome.Method,
        GetWelcomes.Method,
        ConfirmWelcome.Method,
        RemoveMember.Method,
        LeaveConvo.Method,
        PromoteAdmin.Method,
        DemoteAdmin.Method,
        BanMember.Method,
        UnbanMember.Method,
        SetDeviceApproval.Method,
        SendProposal.Method,
        SendMessage.Method,
        GetMessages.Method,
        GetSubscriptionTicket.Method,
        SubscribeConvoEvents.Method,
    ];
}
