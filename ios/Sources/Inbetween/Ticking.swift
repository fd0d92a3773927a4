// A timer that can be stopped from any thread.
// **Invariant:** after `cancel` its body starts no more; cancelling again does nothing.
// It does not catch up: ticks that were missed are gone.

import Foundation

/// A timer on a queue, or anything else that ticks until it is cancelled.
public final class Ticking: Sendable {
    private let stop: @Sendable () -> Void

    /// Something that `stop` stops; it may be called more than once.
    public init(stop: @escaping @Sendable () -> Void) {
        self.stop = stop
    }

    /// Calls `body` every `everyNanos` nanoseconds on `queue`.
    convenience init(everyNanos: Int64, on queue: DispatchQueue, body: @escaping @Sendable () -> Void) {
        let source = DispatchSource.makeTimerSource(queue: queue)
        let every = DispatchTimeInterval.nanoseconds(Int(max(everyNanos, 1_000_000)))
        source.schedule(deadline: .now() + every, repeating: every)
        source.setEventHandler(handler: body)
        source.resume()
        let timer = Timer(source: source)
        self.init { timer.source.cancel() }
    }

    /// Stops it.
    public func cancel() {
        stop()
    }

    deinit {
        stop()
    }

    /// Dispatch sources may be cancelled from any thread; not every platform's headers say so.
    private struct Timer: @unchecked Sendable {
        let source: any DispatchSourceTimer
    }
}
