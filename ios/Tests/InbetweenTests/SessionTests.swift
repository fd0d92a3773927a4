// The wrapper: a worker of its own, answers and events as sequences, and its end.
// **Invariant:** nothing here sleeps for a fixed time where it could wait for what must happen.
// It does not measure time: the machine is shared.

import XCTest

@testable import Inbetween

final class SessionTests: XCTestCase {
    private let hand = HandClock()

    private func session(seed: UInt64 = 1) throws -> InbetweenSession {
        hand.nanos = 1002 * ms
        return try InbetweenSession(card: fixtures.card, model: fixtures.model, seed: seed, clock: hand.clock)
    }

    /// A session whose first run has ended.
    private func answered() throws -> InbetweenSession {
        let session = try session()
        XCTAssertNotNil(try session.submit(frame(at: 1000)).ticket)
        try eventually { try session.answer(at: 1010 * ms).isAvailable }
        return session
    }

    func testTheWorkerRunsTheModel() throws {
        let answer = try answered().answer(at: 1010 * ms)
        XCTAssertEqual(answer.boxes.first?.bounds.x0 ?? 0, 32, accuracy: 1)
        XCTAssertEqual(answer.keyFrameNanos, 1000 * ms)
    }

    func testSubmitDoesNotWaitForTheModel() throws {
        let session = try session()
        try session.submit(frame(at: 1000))
        XCTAssertNotNil(try session.submit(frame(at: 1033)).skipped)
    }

    func testFramesThatNeedNoRunAreSkipped() throws {
        let session = try answered()
        hand.nanos = 1035 * ms
        XCTAssertEqual(try session.submit(frame(at: 1033)), .skip(reason: .withinTolerance))
    }

    func testOpeningInTheBackground() async throws {
        let session = try await InbetweenSession.open(card: fixtures.card, model: fixtures.model)
        XCTAssertEqual(try session.answer(at: ms).source, .unavailable)
    }

    func testOpeningFailsWithATypedError() async {
        do {
            _ = try await InbetweenSession.open(card: "nonsense", model: fixtures.model)
            XCTFail("it opened")
        } catch {
            XCTAssertEqual((error as? SdkError)?.code(), 101)
        }
    }

    func testAnswersComeAsASequence() async throws {
        let session = try answered()
        let clock = DisplayTimer(hertz: 120, clock: MonotonicClock { 1010 * ms })
        var seen = 0
        for try await answer in session.answers(on: clock) {
            XCTAssertTrue(answer.isAvailable)
            seen += 1
            if seen == 5 { break }
        }
        XCTAssertEqual(seen, 5)
    }

    func testClosingEndsTheSequence() async throws {
        let session = try answered()
        var seen = 0
        for try await _ in session.answers(on: DisplayTimer(hertz: 240, clock: hand.clock)) {
            seen += 1
            if seen == 2 { session.close() }
        }
        XCTAssertGreaterThanOrEqual(seen, 2)
    }

    func testASequenceDoesNotKeepTheSession() throws {
        var session: InbetweenSession? = try answered()
        weak var gone = session
        let answers = session?.answers(on: DisplayTimer(hertz: 240, clock: hand.clock))
        session = nil
        eventually { gone == nil }
        _ = answers
    }

    func testEventsAreTold() async throws {
        let session = try answered()
        hand.nanos = 5000 * ms
        try session.submit(frame(at: 5000)) // a gap of four seconds
        for await event in session.events {
            if case .gap(let length) = event {
                XCTAssertGreaterThan(length, 3000 * ms)
                return
            }
        }
        XCTFail("no gap was told")
    }

    func testEventsEndWithTheSession() async throws {
        let session = try session()
        session.close()
        for await _ in session.events {}
    }

    func testClosingTwiceDoesNothing() throws {
        let session = try session()
        session.close()
        session.close()
        XCTAssertEqual(refused(try session.submit(frame(at: 1000))), .ShutDown)
    }

    func testAfterCloseEveryCallIsRefused() throws {
        let session = try answered()
        session.close()
        XCTAssertEqual(refused(try session.answer(at: 1010 * ms)), .ShutDown)
        XCTAssertEqual(refused(try session.reset()), .ShutDown)
        let cool = DeviceEnvironment(thermalHeadroom: 0.1, powerSaving: false, displayPeriodNanos: nil)
        XCTAssertEqual(refused(try session.update(cool)), .ShutDown)
    }

    func testClosingDuringARun() throws {
        for _ in 0..<50 {
            let session = try session()
            try session.submit(frame(at: 1000))
            session.close()
        }
    }

    func testAResetForgetsResults() throws {
        let session = try answered()
        try session.reset()
        XCTAssertFalse(try session.answer(at: 1010 * ms).isAvailable)
    }

    func testTwoSessionsOnTwoThreadsDoNotMix() throws {
        let sessions = [try session(seed: 1), try session(seed: 2)]
        let done = DispatchGroup()
        for (index, session) in sessions.enumerated() {
            DispatchQueue.global().async(group: done) {
                for time in stride(from: Int64(1000), to: 3000, by: 33) {
                    _ = try? session.submit(frame(picture(index * 3, index), at: time))
                }
            }
        }
        done.wait()
        for (index, session) in sessions.enumerated() {
            try eventually { try session.answer(at: 3000 * ms).isAvailable || hand.advance(session, index) }
            let box = try XCTUnwrap(session.answer(at: 3010 * ms).boxes.first)
            XCTAssertEqual(box.bounds.x0, Float(index) * 48, accuracy: 1.5)
        }
    }

    func testSubmittingFromManyThreads() throws {
        let session = try answered()
        let plans = Counter()
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for step in 0..<50 {
                let time = Int64(1033 + step * 8 + thread)
                if (try? session.submit(frame(at: time))) != nil { plans.add() }
                _ = try? session.answer(at: (time + 10) * ms)
            }
        }
        XCTAssertEqual(plans.count, 400)
    }
}

extension HandClock {
    /// One more frame, later: what was in flight when frames were fed faster than they ran has ended by then.
    fileprivate func advance(_ session: InbetweenSession, _ index: Int) -> Bool {
        nanos = max(nanos, 3000 * ms) + 20 * ms
        _ = try? session.submit(frame(picture(index * 3, index), at: nanos / ms - 2))
        return false
    }
}

final class LifetimeTests: XCTestCase {
    func testOpeningAndClosingLeavesNothing() throws {
        func live(_ count: Int) throws {
            for _ in 0..<count {
                let session = try core().answered()
                try session.shutdown()
            }
        }
        try live(300)
        let before = try residentBytes()
        try live(3000)
        XCTAssertLessThan(try residentBytes() - before, 8 << 20)
    }

    func testAWrapperThatIsDroppedIsClosed() throws {
        func live(_ count: Int) throws {
            for _ in 0..<count {
                _ = try InbetweenSession(card: fixtures.card, model: fixtures.model).submit(frame(at: 1))
            }
        }
        try live(200)
        let before = try residentBytes()
        try live(1000)
        XCTAssertLessThan(try residentBytes() - before, 16 << 20)
    }
}

final class DeviceTests: XCTestCase {
    func testStepsOfHeatRise() {
        let steps = (0..<4).compactMap(DeviceMonitor.headroom)
        XCTAssertEqual(steps.count, 4)
        XCTAssertEqual(steps, steps.sorted())
        XCTAssertGreaterThanOrEqual(steps[2], 1)
        XCTAssertLessThan(steps[1], 1)
        XCTAssertNil(DeviceMonitor.headroom(step: 4))
        XCTAssertNil(DeviceMonitor.headroom(step: -1))
    }

    func testTheDeviceIsReadAgainAndAgain() throws {
        let session = try InbetweenSession(card: fixtures.card, model: fixtures.model)
        let reads = Counter()
        let monitor = DeviceMonitor(session, everyNanos: 2 * ms) {
            reads.add()
            return DeviceEnvironment(thermalHeadroom: 0.5, powerSaving: false, displayPeriodNanos: nil)
        }
        eventually { reads.count > 3 }
        monitor.cancel()
    }

    func testAMonitorDoesNotKeepTheSession() throws {
        var session: InbetweenSession? = try InbetweenSession(card: fixtures.card, model: fixtures.model)
        weak var gone = session
        let monitor = DeviceMonitor(session!)
        session = nil
        eventually { gone == nil }
        monitor.cancel()
    }

    func testATimerStopsWhenItIsCancelled() {
        let ticks = Counter()
        let ticking = DisplayTimer(hertz: 240).start { _ in ticks.add() }
        eventually { ticks.count > 2 }
        ticking.cancel()
        ticking.cancel()
        Thread.sleep(forTimeInterval: 0.02)
        let seen = ticks.count
        Thread.sleep(forTimeInterval: 0.05)
        XCTAssertEqual(ticks.count, seen)
    }

    func testATimerAsksForTheTimeOfTheRefresh() {
        let times = Counter()
        let ticking = DisplayTimer(hertz: 100, clock: MonotonicClock { 5 * ms }).start { display in
            if display == 15 * ms { times.add() }
        }
        eventually { times.count > 0 }
        ticking.cancel()
    }

    func testRatesThatNoDisplayHasAreClamped() {
        for hertz in [0, -5, 100_000, Int.max] {
            let ticks = Counter()
            let ticking = DisplayTimer(hertz: hertz).start { _ in ticks.add() }
            eventually { ticks.count > 0 }
            ticking.cancel()
        }
    }
}

final class ModelAssetTests: XCTestCase {
    func testACardAndItsModelAreRead() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (card, model) = (folder.appendingPathComponent("spot.toml"), folder.appendingPathComponent("spot.onnx"))
        try Data(fixtures.card.utf8).write(to: card)
        try fixtures.model.write(to: model)
        let asset = try ModelAsset(card: card, model: model)
        XCTAssertEqual(asset.model, fixtures.model)
        XCTAssertNoThrow(try InbetweenSession(card: asset.card, model: asset.model))
    }

    func testAFileThatIsMissingIsNamed() {
        let nowhere = URL(fileURLWithPath: "/nowhere/card.toml")
        XCTAssertThrowsError(try ModelAsset(card: nowhere, model: nowhere)) { error in
            XCTAssertEqual((error as? ModelAsset.Missing)?.path, "/nowhere/card.toml")
            XCTAssertTrue(error.localizedDescription.contains("resources"))
        }
    }

    func testAResourceThatIsMissingIsNamed() {
        XCTAssertThrowsError(try ModelAsset(named: "no-such-model")) { error in
            XCTAssertEqual((error as? ModelAsset.Missing)?.path, "no-such-model.toml")
        }
    }
}
