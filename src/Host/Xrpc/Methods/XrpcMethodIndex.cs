namespace MlsConsole.Host.Xrpc.Methods;

/// <summary>
/// Lists the methods of this folder, which has one file for each method that the service implements. A call of any
/// other NSID is answered as not implemented.
/// </summary>
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
