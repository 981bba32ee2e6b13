import Foundation
import MLSClientNative

/// What an app does after a rejoin did not succeed.
public enum AfterRejoin: Sendable {
    /// The account does not belong there (any more): show it, do not try again.
    case notAMember
    /// The service was not reached, or asked to wait: try again after that time.
    case later(TimeInterval)
    /// The service's group does not descend from the group that the device knows. A person decides whether to trust the
    /// service again; `forget` does so.
    case untrusted
    /// The device rejoins again and again: something else is wrong with it.
    case ill
    /// A member has to add the device.
    case needsAMember
}

extension ConversationManager {
    /// Brings the device (back) into a conversation: by a Welcome that waits, else by an external commit in turn, else
    /// by a member.
    public func rejoin(_ conversationId: String) async throws -> RejoinResult {
        try await client.call { client in
            var result = mls_rejoin_result()
            try MLSClient.check(mls_rejoin(client, conversationId, &result))
            return RejoinResult(result)
        }
    }

    /// Forgets what the device knows of a conversation: a later rejoin has nothing left to verify the service's group
    /// against.
    public func forget(_ conversationId: String) async throws {
        try await client.call { try MLSClient.check(mls_forget($0, conversationId)) }
    }

    /// What the error of a rejoin asks of the app.
    public static func after(_ error: MLSError) -> AfterRejoin {
        switch error.id {
        case "Unauthorized": return .notAMember
        case "OtherBranch": return .untrusted
        case "RejoinLoop": return .ill
        case "RejoinFailed": return error.retryAfter.map { .later($0) } ?? .needsAMember
        default: return .later(error.retryAfter ?? 30)
        }
    }
}
