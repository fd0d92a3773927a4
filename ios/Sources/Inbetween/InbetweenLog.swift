// Where the core's log goes: nowhere by default, the system's log, or code of the app.
// **Invariant:** one sink for the process; one that throws is not called again, and the call that had something to say goes on.
// It does not keep messages.

import Foundation

#if canImport(os)
    import os
#endif

/// The log of the SDK. Messages below the level are not even put into words.
public enum InbetweenLog {
    /// Sends messages down to `level` to `sink`, on the thread of the call that said them; it may call the SDK.
    ///
    /// - Throws: ``LogSinkError`` when another part of the process has taken the core's log.
    public static func send(
        downTo level: LogLevel, to sink: @escaping @Sendable (LogLevel, String, String) throws -> Void
    ) throws {
        try setLogSink(sink: Sink(sink), level: level)
    }

    #if canImport(os)
        /// Sends messages down to `level` to the system's log, with one category for each part of the SDK.
        public static func sendToSystem(downTo level: LogLevel = .warn) throws {
            try send(downTo: level) { level, target, message in
                os.Logger(subsystem: "dev.inbetween", category: target).log(
                    level: level.system, "\(message, privacy: .public)")
            }
        }
    #endif

    /// Sends nothing any more.
    public static func stop() {
        try? setLogSink(sink: nil, level: .off)
    }

    /// Why the sink is not called any more, if it threw.
    public static var problem: String? { logProblem() }
}

private final class Sink: LogSink {
    private let write: @Sendable (LogLevel, String, String) throws -> Void

    init(_ write: @escaping @Sendable (LogLevel, String, String) throws -> Void) {
        self.write = write
    }

    func log(level: LogLevel, target: String, message: String) throws {
        do {
            try write(level, target, message)
        } catch {
            throw LogSinkError.Host(reason: "\(error)")
        }
    }
}

#if canImport(os)
    extension LogLevel {
        fileprivate var system: OSLogType {
            switch self {
            case .off, .error: .error
            case .warn: .default
            case .info: .info
            case .debug, .trace: .debug
            }
        }
    }
#endif
