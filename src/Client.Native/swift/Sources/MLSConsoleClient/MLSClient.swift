import Foundation
import MLSClientNative

/// Why a call did not succeed.
public struct MLSError: Error, Sendable {
    /// A name that never changes its meaning: the service's name of the refusal, or a name that mls_client.h lists.
    public let id: String
    /// For people and logs.
    public let message: String
    public let method: String?
    public let rule: String?
    public let httpStatus: Int
    public let retryAfter: TimeInterval?
    public let currentEpoch: UInt64?

    /// Takes the last error of the calling thread.
    static func last(_ status: mls_status) -> MLSError {
        guard let error = mls_last_error() else {
            return MLSError(
                id: "Internal", message: "status \(status)", method: nil, rule: nil, httpStatus: 0,
                retryAfter: nil, currentEpoch: nil)
        }
        defer { mls_free(error) }
        let it = error.pointee
        return MLSError(
            id: String(cString: it.id), message: String(cString: it.message),
            method: it.method.map { String(cString: $0) }, rule: it.rule.map { String(cString: $0) },
            httpStatus: Int(it.http_status),
            retryAfter: it.retry_after_ms < 0 ? nil : TimeInterval(it.retry_after_ms) / 1000,
            currentEpoch: it.current_epoch < 0 ? nil : UInt64(it.current_epoch))
    }
}

/// An application message of another member.
public struct MLSMessage: Sendable {
    public let conversationId: String
    public let seq: Int64
    public let epoch: UInt64
    /// `did#device`; nil for a late message of an epoch that ended before this process began.
    public let sender: String?
    public let data: Data
    public let sentAt: Date

    init(_ message: mls_message) {
        conversationId = String(cString: message.conversation_id)
        seq = message.seq
        epoch = message.epoch
        sender = message.sender.map {
            String(decoding: UnsafeBufferPointer(start: $0, count: message.sender_length), as: UTF8.self)
        }
        data = message.data.map { Data(bytes: $0, count: message.data_length) } ?? Data()
        sentAt = Date(timeIntervalSince1970: TimeInterval(message.sent_at_ms) / 1000)
    }
}

/// One device of one account at an MLS delivery service.
public final class MLSClient: @unchecked Sendable {
    public struct Options: Sendable {
        public var service: URL
        public var serviceDID: String
        public var did: String
        /// The device's name for itself, the same after a reinstall: keep it in the keychain.
        public var deviceId: String
        public var deviceName: String?
        public var storePath: String
        /// 32 bytes, from the keychain.
        public var storeKey: Data
        /// Makes a service token: asks the PDS by com.atproto.server.getServiceAuth with `aud` and `lxm`.
        public var serviceToken: @Sendable (_ audience: String, _ method: String) async throws -> String
        /// Keeps a message durably before the message's key is gone. If this throws, the message comes again.
        public var onMessage: @Sendable (MLSMessage) throws -> Void

        public init(
            service: URL, serviceDID: String, did: String, deviceId: String, deviceName: String? = nil,
            storePath: String, storeKey: Data,
            serviceToken: @escaping @Sendable (String, String) async throws -> String,
            onMessage: @escaping @Sendable (MLSMessage) throws -> Void
        ) {
            self.service = service
            self.serviceDID = serviceDID
            self.did = did
            self.deviceId = deviceId
            self.deviceName = deviceName
            self.storePath = storePath
            self.storeKey = storeKey
            self.serviceToken = serviceToken
            self.onMessage = onMessage
        }
    }

    /// What the C callbacks find behind `context`. It is alive until the client is closed.
    private final class Callbacks {
        let options: Options
        init(_ options: Options) { self.options = options }
    }

    private let handle: OpaquePointer
    private let callbacks: Unmanaged<Callbacks>
    /// The threads of calls. Calls block, so they must not run on the threads of Swift's concurrency.
    private let queue = DispatchQueue(label: "mls-client", qos: .userInitiated, attributes: .concurrent)

    public private(set) lazy var conversations = ConversationManager(client: self)

    public init(_ options: Options) throws {
        callbacks = Unmanaged.passRetained(Callbacks(options))
        var native = mls_client_options()
        native.size = MemoryLayout<mls_client_options>.size
        native.context = callbacks.toOpaque()
        native.token_source = { context, audience, method, token, capacity in
            guard let context, let audience, let method, let token else { return -1 }
            let options = Unmanaged<Callbacks>.fromOpaque(context).takeUnretainedValue().options
            let (forWhom, forWhat) = (String(cString: audience), String(cString: method))
            // The library calls this on a thread that may wait.
            let done = DispatchSemaphore(value: 0)
            let answer = Answer()
            Task {
                answer.token = try? await options.serviceToken(forWhom, forWhat)
                done.signal()
            }
            done.wait()
            guard let bytes = answer.token?.utf8, !bytes.isEmpty, bytes.count <= capacity else { return -1 }
            for (i, byte) in bytes.enumerated() { token[i] = CChar(bitPattern: byte) }
            return Int32(bytes.count)
        }
        native.on_message = { context, message in
            guard let context, let message else { return -1 }
            do {
                let options = Unmanaged<Callbacks>.fromOpaque(context).takeUnretainedValue().options
                try options.onMessage(MLSMessage(message.pointee))
                return 0
            } catch {
                return -1
            }
        }
        var opened: OpaquePointer?
        let status = options.service.absoluteString.withCString { service in
            options.serviceDID.withCString { serviceDID in
                options.did.withCString { did in
                    options.deviceId.withCString { deviceId in
                        (options.deviceName ?? options.deviceId).withCString { deviceName in
                            options.storePath.withCString { path in
                                options.storeKey.withUnsafeBytes { key in
                                    native.service_url = service
                                    native.service_did = serviceDID
                                    native.did = did
                                    native.device_id = deviceId
                                    native.device_name = deviceName
                                    native.store_path = path
                                    native.store_key = key.bindMemory(to: UInt8.self).baseAddress
                                    native.store_key_length = key.count
                                    return mls_client_open(&native, &opened)
                                }
                            }
                        }
                    }
                }
            }
        }
        guard status == Int32(MLS_OK), let opened else {
            let error = MLSError.last(status)
            callbacks.release()
            throw error
        }
        handle = opened
    }

    /// Ends the calls that are under way, forgets all secrets in memory and closes the store.
    public func close() async {
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            queue.async { [handle, callbacks] in
                // After a second close there is nothing left to release.
                if mls_client_close(handle) == Int32(MLS_OK) { callbacks.release() }
                done.resume()
            }
        }
    }

    /// Runs a blocking call, and reads its error on the thread that made the call.
    func call<T: Sendable>(_ body: @escaping @Sendable (OpaquePointer) throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<T, Error>) in
            queue.async { [handle] in done.resume(with: Result { try body(handle) }) }
        }
    }

    static func check(_ status: mls_status) throws {
        if status != Int32(MLS_OK) { throw MLSError.last(status) }
    }
}

private final class Answer: @unchecked Sendable {
    var token: String?
}
