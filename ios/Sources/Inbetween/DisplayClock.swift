// When the display refreshes, and for which time an answer is wanted.
// **Invariant:** a clock calls with the time at which the refresh will be seen, in nanoseconds of the monotonic clock.
// It does not draw.

import Foundation

/// Something that ticks once for each refresh of a display.
public protocol DisplayClock: Sendable {
    /// Calls `refresh` with the time at which each refresh is seen, until the result is cancelled.
    func start(_ refresh: @escaping @Sendable (Int64) -> Void) -> Ticking
}

/// A display clock from a timer: for tests, servers and screens that no display link drives.
public struct DisplayTimer: DisplayClock {
    private let periodNanos: Int64
    private let clock: MonotonicClock

    /// Ticks `hertz` times a second, from 1 to 240; each tick is seen one period later.
    public init(hertz: Int, clock: MonotonicClock = .system) {
        periodNanos = 1_000_000_000 / Int64(min(max(hertz, 1), 240))
        self.clock = clock
    }

    public func start(_ refresh: @escaping @Sendable (Int64) -> Void) -> Ticking {
        let queue = DispatchQueue(label: "dev.inbetween.display", qos: .userInteractive)
        return Ticking(everyNanos: periodNanos, on: queue) { [periodNanos, clock] in
            refresh(clock.now() + periodNanos)
        }
    }
}

#if canImport(QuartzCore) && !os(macOS)
    import QuartzCore

    /// The refreshes of the main screen, from a `CADisplayLink` on the main run loop.
    public struct DisplayLink: DisplayClock {
        private let hertz: ClosedRange<Float>

        /// Asks for a rate within `hertz`.
        public init(hertz: ClosedRange<Float> = 30...120) {
            self.hertz = hertz
        }

        public func start(_ refresh: @escaping @Sendable (Int64) -> Void) -> Ticking {
            let target = Target(refresh)
            let range = CAFrameRateRange(
                minimum: hertz.lowerBound, maximum: hertz.upperBound, preferred: hertz.upperBound)
            Task { @MainActor in target.start(range) }
            return Ticking { Task { @MainActor in target.stop() } }
        }

        @MainActor private final class Target {
            private let refresh: @Sendable (Int64) -> Void
            private var link: CADisplayLink?
            private var stopped = false

            nonisolated init(_ refresh: @escaping @Sendable (Int64) -> Void) {
                self.refresh = refresh
            }

            func start(_ range: CAFrameRateRange) {
                guard !stopped else { return }
                let link = CADisplayLink(target: self, selector: #selector(tick))
                link.preferredFrameRateRange = range
                link.add(to: .main, forMode: .common)
                self.link = link
            }

            func stop() {
                stopped = true
                link?.invalidate()
                link = nil
            }

            @objc private func tick(_ link: CADisplayLink) {
                refresh(MonotonicClock.nanoseconds(seconds: link.targetTimestamp))
            }
        }
    }
#endif
