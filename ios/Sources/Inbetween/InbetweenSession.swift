// A session with a worker of its own: frames in, answers out, the model in the background.
// **Invariant:** `submit` and `answer` never wait for the model; after `close` the model is freed and every call throws.
// It does not choose threads for its callers: call it from any.

import Foundation

/// One model on one stream of pictures.
///
/// ```swift
/// let session = try await InbetweenSession.open(card: card, model: model)
/// // Capture queue, for each camera frame:
/// try session.submit(PixelFrame(.nv12, width: 1280, height: 720, pixels: bytes, capturedNanos: time))
/// // Display, for each refresh:
/// for try await answer in session.answers(on: DisplayTimer(hertz: 60)) {
///     overlay.show(answer.boxes, sure: answer.withinTolerance)
/// }
/// ```
///
/// A session may be used from any thread or task. `submit` copies what the model needs of a frame when the plan is
/// to run, hands it to the session's worker and returns; most frames are skipped, and the answers follow their pixels.
public final class InbetweenSession: Sendable {
    /// The clock of all times.
    public let clock: MonotonicClock
    /// What the session has to tell, newest last; at most ``eventBacklog`` wait. Ends when the session is closed.
    public let events: AsyncStream<SessionEvent>

    /// How many events wait for a reader; older ones are dropped then.
    public static let eventBacklog = 256

    private let core: Session
    private let worker: DispatchQueue
    private let upkeep: Upkeep
    private let told: AsyncStream<SessionEvent>.Continuation

    /// Opens a session on the calling thread, which takes tens of milliseconds: prefer ``open(card:model:seed:clock:)``
    /// on the main thread.
    ///
    /// - Parameters:
    ///   - card: the text of the system card.
    ///   - model: the bytes of the ONNX file that the card names.
    ///   - seed: decides which frames are audited and nothing else; the same seed and calls give the same answers.
    ///   - clock: the clock of all times.
    /// - Throws: ``SdkError`` when the card is refused or the model cannot be used, with what to mend.
    public init(card: String, model: Data, seed: UInt64 = 0, clock: MonotonicClock = .system) throws {
        core = try Session(card: card, model: model, seed: seed)
        self.clock = clock
        worker = DispatchQueue(label: "dev.inbetween.worker", qos: .userInitiated)
        (events, told) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.eventBacklog))
        upkeep = Upkeep(core: core, clock: clock, told: told)
    }

    /// Opens a session in the background.
    ///
    /// - Throws: ``SdkError`` when the card is refused or the model cannot be used, with what to mend.
    public static func open(
        card: String, model: Data, seed: UInt64 = 0, clock: MonotonicClock = .system
    ) async throws -> InbetweenSession {
        try await withCheckedThrowingContinuation { opened in
            DispatchQueue.global(qos: .userInitiated).async {
                opened.resume(with: Result { try InbetweenSession(card: card, model: model, seed: seed, clock: clock) })
            }
        }
    }

    deinit {
        close()
    }

    /// Takes a frame. When the plan is to run the model, the session's worker does so; the plan is returned for
    /// counting and display.
    ///
    /// - Throws: ``SdkError/Frame(fault:problem:)`` when the frame is not what the card promises: the session is as
    ///   before, and the next good frame is taken. ``SdkError/ShutDown`` after ``close()``.
    @discardableResult
    public func submit(_ frame: PixelFrame) throws -> FramePlan {
        let plan = try core.handleFrame(
            nowNanos: clock.now(), capturedNanos: frame.capturedNanos, image: frame.geometry, pixels: frame.pixels)
        if case .run(let ticket, _, _) = plan {
            worker.async { [core, clock, upkeep] in
                // Neither can throw but after `close`: then there is nobody to tell.
                _ = try? core.run(ticket: ticket)
                _ = try? core.handleCompletion(nowNanos: clock.now(), ticket: ticket)
                upkeep.tell()
            }
        }
        return plan
    }

    /// The answer for the refresh that is seen at `displayNanos`. Cheap: call it for every refresh.
    ///
    /// - Throws: ``SdkError/ShutDown`` after ``close()``. That there is nothing to show is an answer.
    public func answer(at displayNanos: Int64) throws -> Answer {
        try core.answerAt(displayNanos: displayNanos)
    }

    /// An answer for each refresh of `display`, until the session is closed (the sequence ends) or fails (it throws).
    /// A reader that is late gets the newest only.
    public func answers(on display: some DisplayClock) -> AsyncThrowingStream<Answer, any Error> {
        AsyncThrowingStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let ticking = display.start { [weak self] displayNanos in
                guard let self else { return continuation.finish() }
                do {
                    continuation.yield(try self.answer(at: displayNanos))
                } catch SdkError.ShutDown {
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in ticking.cancel() }
        }
    }

    /// The item that is the dearest to leave unseen, for a person who is free now; see ``SessionEvent/review(item:)``.
    ///
    /// - Throws: ``SdkError/ShutDown`` after ``close()``.
    public func takeReview() throws -> ReviewItem? {
        try core.takeReview()
    }

    /// Takes the truth for the prediction that an answer named, as it becomes known: days later, as a rule.
    ///
    /// - Throws: ``SdkError/ShutDown`` after ``close()``. A label that meets no prediction is a result.
    public func label(_ prediction: UInt64, _ truth: Truth) throws -> Labelled {
        try core.handleLabel(nowNanos: clock.now(), prediction: prediction, truth: truth)
    }

    /// States the group of a slice that holds from now on, as the camera in use; whether the card has it.
    ///
    /// - Throws: ``SdkError/ShutDown`` after ``close()``.
    public func setSlice(_ slice: String, to value: String) throws -> Bool {
        try core.setSlice(slice: slice, value: value)
    }

    /// Says that another session of use begins, as when another person takes the device.
    ///
    /// - Throws: ``SdkError/ShutDown`` after ``close()``.
    public func beginSession() throws {
        try core.beginSession()
    }

    /// The last full window of the monitor as a message of OpenTelemetry's protocol, to be posted to `/v1/metrics`; none
    /// before the first ``SessionEvent/windowClosed``, and when the card watches nothing.
    ///
    /// - Throws: ``SdkError/ShutDown`` after ``close()``.
    public func metrics(from sender: MetricsSender) throws -> Data? {
        try core.metrics(sender: sender)
    }

    /// Tells what changed about the device; ``DeviceMonitor`` does so by itself.
    ///
    /// - Throws: ``SdkError`` when a time is negative or the session is closed.
    public func update(_ environment: DeviceEnvironment) throws {
        try core.handleEnvironment(nowNanos: clock.now(), environment: environment)
    }

    /// Spends from a budget that other sessions share from now on. With more asked for than there is, each gets a share in
    /// proportion to its `weight`.
    ///
    /// - Throws: ``SdkError/ShutDown`` after ``close()``.
    public func share(_ budget: SharedBudget, weight: Float = 1) throws {
        try core.shareBudget(budget: budget, weight: weight)
    }

    /// Forgets all results, as after a suspend. Runs under way come to nothing.
    ///
    /// - Throws: ``SdkError/ShutDown`` after ``close()``.
    public func reset() throws {
        try core.reset()
    }

    /// Frees the model, whatever references to the session remain. A run that is under way stops and frees its part
    /// then. Closing again does nothing.
    public func close() {
        upkeep.stop()
        try? core.shutdown()
        told.finish()
    }
}
