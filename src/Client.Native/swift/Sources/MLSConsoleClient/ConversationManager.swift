import Foundation
import MLSClientNative

/// An event in one of the account's conversations, after the device has taken it. Messages come to `onMessage` instead.
public struct ConversationEvent: Sendable {
    public enum Kind: Sendable { case changed, removed, rejoined, failed, other }

    public let kind: Kind
    /// The service's name of the event: commit, welcome, membership, newDevice, ...
    public let name: String
    public let conversationId: String?
    public let seq: Int64
    public let did: String?
    public let detail: String?
    public let errorId: String?

    init(_ event: mls_event) {
        switch Int(event.kind) {
        case MLS_EVENT_CHANGED: kind = .changed
        case MLS_EVENT_REMOVED: kind = .removed
        case MLS_EVENT_REJOINED: kind = .rejoined
        case MLS_EVENT_FAILED: kind = .failed
        default: kind = .other
        }
        name = String(cString: event.name)
        conversationId = event.conversation_id.map { String(cString: $0) }
        seq = event.seq
        did = event.did.map { String(cString: $0) }
        detail = event.detail.map { String(cString: $0) }
        errorId = event.error_id.map { String(cString: $0) }
    }
}

/// The account's conversations, as this device takes part in them.
public struct ConversationManager: Sendable {
    let client: MLSClient

    /// Creates a conversation whose only member is this device.
    public func create() async throws -> String {
        try await client.call { client in
            var id: UnsafeMutablePointer<CChar>?
            try MLSClient.check(mls_create_conversation(client, nil, &id))
            defer { mls_free(id) }
            return String(cString: id!)
        }
    }

    /// Adds all devices of an account.
    public func addMember(_ did: String, to conversationId: String) async throws {
        try await client.call { client in
            try did.withCString { text in
                var dids: [UnsafePointer<CChar>?] = [text]
                try MLSClient.check(mls_add_members(client, conversationId, &dids, 1, nil))
            }
        }
    }

    /// Removes all devices of another account.
    public func removeMember(_ did: String, from conversationId: String) async throws {
        try await client.call { try MLSClient.check(mls_remove_member($0, conversationId, did, nil)) }
    }

    /// Keeps an account out until it is unbanned. Once its leaves are gone, the account has to be added again. Only
    /// admins may.
    public func ban(_ did: String, in conversationId: String, reason: String? = nil) async throws {
        try await client.call { try MLSClient.check(mls_ban_member($0, conversationId, did, reason)) }
    }

    public func unban(_ did: String, in conversationId: String, reason: String? = nil) async throws {
        try await client.call { try MLSClient.check(mls_unban_member($0, conversationId, did, reason)) }
    }

    /// Makes a member an admin. Only admins may.
    public func promoteAdmin(_ did: String, in conversationId: String) async throws {
        try await client.call { try MLSClient.check(mls_promote_admin($0, conversationId, did)) }
    }

    /// Makes an admin a member like others. The last admin stays an admin.
    public func demoteAdmin(_ did: String, in conversationId: String) async throws {
        try await client.call { try MLSClient.check(mls_demote_admin($0, conversationId, did)) }
    }

    /// Sets whether a new device is let in only after another device of its account has approved it. Only admins may,
    /// and once in an epoch.
    public func setDeviceApproval(required: Bool, in conversationId: String) async throws {
        try await client.call { try MLSClient.check(mls_set_device_approval($0, conversationId, required ? 1 : 0)) }
    }

    /// Lets another device of the account in, for one join.
    /// - Parameter signatureKey: the other device's `signatureKey(in:)`, taken from that device, such as by a QR code:
    ///   never from the service.
    /// - Returns: from when the other device may join.
    public func approveDevice(_ deviceId: String, signatureKey: Data, in conversationId: String) async throws -> Date {
        try await client.call { client in
            var approvedAt: Int64 = 0
            try signatureKey.withUnsafeBytes { key in
                let start = key.bindMemory(to: UInt8.self).baseAddress
                try MLSClient.check(
                    mls_approve_device(client, conversationId, deviceId, start, key.count, &approvedAt))
            }
            return Date(timeIntervalSince1970: TimeInterval(approvedAt) / 1000)
        }
    }

    /// The public key with which this device joins the conversation, for another device that approves it.
    public func signatureKey(in conversationId: String) async throws -> Data {
        try await client.call { client in
            var key: UnsafeMutablePointer<mls_bytes>?
            try MLSClient.check(mls_signature_key(client, conversationId, &key))
            defer { mls_free(key) }
            return Data(bytes: key!.pointee.data, count: key!.pointee.length)
        }
    }

    /// Leaves a conversation with all devices of the account.
    /// - Returns: from when the days to come back by `rejoin` are counted.
    public func leave(_ conversationId: String) async throws -> Date {
        try await client.call { client in
            var leftAt: Int64 = 0
            try MLSClient.check(mls_leave(client, conversationId, &leftAt))
            return Date(timeIntervalSince1970: TimeInterval(leftAt) / 1000)
        }
    }

    /// Joins the conversations whose Welcome waits for this device.
    public func acceptWelcomes() async throws -> Int {
        try await client.call { client in
            var joined = 0
            try MLSClient.check(mls_accept_welcomes(client, &joined))
            return joined
        }
    }

    /// Sends an application message.
    /// - Returns: the message's place in the conversation's log.
    public func send(_ data: Data, to conversationId: String) async throws -> Int64 {
        try await client.call { client in
            var recorded = mls_recorded()
            try data.withUnsafeBytes { bytes in
                let start = bytes.bindMemory(to: UInt8.self).baseAddress
                try MLSClient.check(mls_send(client, conversationId, start, bytes.count, &recorded))
            }
            return recorded.seq
        }
    }

    /// Takes all that happened since the last time.
    /// - Returns: whether the device is still a member.
    public func sync(_ conversationId: String) async throws -> Bool {
        try await client.call { client in
            var result = mls_sync_result()
            try MLSClient.check(mls_sync(client, conversationId, &result))
            return result.removed == 0
        }
    }

    /// The events, as they happen, until the task is cancelled or the client is closed.
    public func events() -> AsyncThrowingStream<ConversationEvent, Error> {
        AsyncThrowingStream { continuation in
            let task = Task {
                do {
                    while !Task.isCancelled {
                        let one: ConversationEvent? = try await client.call { client in
                            var event: UnsafeMutablePointer<mls_event>?
                            let status = mls_next_event(client, 5000, &event)
                            if status == Int32(MLS_TIMED_OUT) { return nil }
                            try MLSClient.check(status)
                            defer { mls_free(event) }
                            return ConversationEvent(event!.pointee)
                        }
                        if let one { continuation.yield(one) }
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
