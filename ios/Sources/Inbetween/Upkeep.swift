// What a session does besides frames and refreshes: timeouts, and telling events.
// **Invariant:** it runs four times a second at most by itself, and never after `stop` has returned.
// It does not run the model.

import Foundation

/// Does what is due and hands events on. Frames make most of it needless: time goes on with each of them.
final class Upkeep: Sendable {
    private let core: Session
    private let clock: MonotonicClock
    private let told: AsyncStream<SessionEvent>.Continuation
    private let timer: Ticking

    init(core: Session, clock: MonotonicClock, told: AsyncStream<SessionEvent>.Continuation) {
        self.core = core
        self.clock = clock
        self.told = told
        timer = Ticking(everyNanos: 250_000_000, on: DispatchQueue(label: "dev.inbetween.upkeep", qos: .utility)) {
            if let due = try? core.pollTimeout(), due.atNanos <= clock.now() {
                try? core.handleTimeout(nowNanos: clock.now())
            }
            Self.tell(core, told)
        }
    }

    /// Hands on the events that wait.
    func tell() {
        Self.tell(core, told)
    }

    func stop() {
        tell()
        timer.cancel()
    }

    private static func tell(_ core: Session, _ told: AsyncStream<SessionEvent>.Continuation) {
        while let event = try? core.pollEvent() {
            told.yield(event)
        }
    }
}
