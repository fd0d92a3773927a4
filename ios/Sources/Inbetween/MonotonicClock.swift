// The one clock of a session: capture times, `now` and display times are all of it.
// **Invariant:** the system's clock does not go backwards and does not run while the device sleeps.
// It does not know dates.

import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Nanoseconds of one monotonic clock.
///
/// On Apple's systems `system` is the clock of `CACurrentMediaTime`, `CADisplayLink` and the host time of
/// `CMSampleBuffer`: their times need no conversion but that of seconds to nanoseconds (``nanoseconds(seconds:)``).
public struct MonotonicClock: Sendable {
    private let read: @Sendable () -> Int64

    /// A clock that `read` reads: for tests and replays.
    public init(_ read: @escaping @Sendable () -> Int64) {
        self.read = read
    }

    /// The time.
    public func now() -> Int64 { read() }

    /// The system's clock.
    public static let system = MonotonicClock {
        #if canImport(Darwin)
            Int64(clamping: clock_gettime_nsec_np(CLOCK_UPTIME_RAW))
        #else
            monotonicNanoseconds()
        #endif
    }

    /// A time in seconds, as display links and media times have it, in nanoseconds; 0 for what is no time.
    public static func nanoseconds(seconds: Double) -> Int64 {
        guard seconds.isFinite, seconds > 0 else { return 0 }
        return Int64(exactly: (seconds * 1e9).rounded()) ?? .max
    }
}

#if !canImport(Darwin)
    private func monotonicNanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
#endif
