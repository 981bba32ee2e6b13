import Foundation
import MLSClientNative

/// How a device came (back) into a conversation.
public enum RejoinWay: Int32, Sendable {
    case welcome = 1
    case externalCommit = 2
    case member = 3
}

/// What came of a rejoin.
public struct RejoinResult: Sendable {
    public let way: RejoinWay
    /// False with `.member`, where a Welcome may come later, and with `awaitsApproval`.
    public let joined: Bool
    public let epoch: UInt64
    public let attempts: Int
    /// Whether another device of the account has to approve this device first.
    public let awaitsApproval: Bool
    public let elapsed: TimeInterval
    /// The part of `elapsed` in which the device waited between external commits.
    public let waited: TimeInterval

    init(_ result: mls_rejoin_result) {
        way = RejoinWay(rawValue: result.way) ?? .member
        joined = result.joined != 0
        epoch = result.epoch
        attempts = Int(result.attempts)
        awaitsApproval = result.awaits_approval != 0
        elapsed = TimeInterval(result.elapsed_ms) / 1000
        waited = TimeInterval(result.waited_ms) / 1000
    }
}

/// What came of one conversation whose state was lost.
public struct Recovery: Sendable {
    public let conversationId: String
    public let rejoin: RejoinResult?
    public let errorId: String?
    public let errorMessage: String?

    init(_ recovery: mls_recovery) {
        conversationId = String(cString: recovery.conversation_id)
        errorId = recovery.error_id.map { String(cString: $0) }
        errorMessage = recovery.error_message.map { String(cString: $0) }
        rejoin = recovery.error_id == nil ? RejoinResult(recovery.rejoin) : nil
    }

    static func all(_ recoveries: UnsafeMutablePointer<mls_recoveries>?) -> [Recovery] {
        guard let recoveries else { return [] }
        return (0..<recoveries.pointee.count).map { Recovery(recoveries.pointee.items[$0]) }
    }
}

extension MLSClient {
    /// Enrols the device where it is not enrolled, publishes key packages, and brings back every conversation whose
    /// state was lost. Call this once after opening.
    public func start() async throws -> [Recovery] {
        try await call { client in
            var recoveries: UnsafeMutablePointer<mls_recoveries>?
            try MLSClient.check(mls_client_start(client, &recoveries))
            defer { mls_free(recoveries) }
            return Recovery.all(recoveries)
        }
    }

    /// Joins a conversation that the account belongs to, at once and with nobody's help.
    public func joinByExternalCommit(_ conversationId: String) async throws -> RejoinResult {
        try await call { client in
            var result = mls_rejoin_result()
            try MLSClient.check(mls_join_by_external_commit(client, conversationId, &result))
            return RejoinResult(result)
        }
    }

    /// Rejoins every conversation that the account belongs to and the device has no live state of.
    public func recoverLostConversations() async throws -> [Recovery] {
        try await call { client in
            var recoveries: UnsafeMutablePointer<mls_recoveries>?
            try MLSClient.check(mls_recover_lost_conversations(client, &recoveries))
            defer { mls_free(recoveries) }
            return Recovery.all(recoveries)
        }
    }

    /// Publishes key packages when few are left. Call this now and then, such as in a background task.
    public func keepKeyPackages() async throws {
        try await call { try MLSClient.check(mls_keep_key_packages($0)) }
    }
}
