// What sessions share: a budget, and the process's log; and what an app knows about its camera.
// **Invariant:** the log is given back after each test.
// It does not test the system's own log.

import XCTest

@testable import Inbetween

final class SharedTests: XCTestCase {
    private let limits = SharedLimits(duty: 0.5, runsAtATime: 1)

    override func tearDown() {
        InbetweenLog.stop()
    }

    func testASessionWaitsForItsTurn() throws {
        let budget = try SharedBudget(limits: limits)
        let (first, second) = (try core(seed: 1), try core(seed: 2))
        try first.shareBudget(budget: budget, weight: 2)
        try second.shareBudget(budget: budget, weight: 1)
        let ticket = try XCTUnwrap(first.take(at: 1000).ticket)
        XCTAssertEqual(try budget.runsUnderWay(), 1)
        XCTAssertEqual(try second.take(at: 1001).skipped, .shared)
        _ = try first.run(ticket: ticket)
        _ = try first.handleCompletion(nowNanos: 1010 * ms, ticket: ticket)
        XCTAssertEqual(try budget.runsUnderWay(), 0)
    }

    func testTheWrapperJoinsABudget() throws {
        let budget = try SharedBudget(limits: limits)
        let session = try InbetweenSession(card: fixtures.card, model: fixtures.model)
        try session.share(budget)
        session.close()
        XCTAssertThrowsError(try session.share(budget)) { XCTAssertEqual(($0 as? SdkError)?.code(), 401) }
    }

    func testLimitsOutOfRangeAreTyped() {
        XCTAssertThrowsError(try SharedBudget(limits: SharedLimits(duty: -1))) {
            XCTAssertEqual(($0 as? SdkError)?.code(), 103)
        }
    }

    func testABudgetTakesHeatAndAReset() throws {
        let budget = try SharedBudget(limits: limits)
        let hot = DeviceEnvironment(thermalHeadroom: 1.2, powerSaving: true, displayPeriodNanos: nil)
        try budget.handleEnvironment(nowNanos: 5 * ms, environment: hot)
        try budget.reset(nowNanos: 6 * ms)
        XCTAssertThrowsError(try budget.reset(nowNanos: -1)) { XCTAssertEqual(($0 as? SdkError)?.code(), 301) }
    }

    func testAMotionThatNoFrameCanHaveIsTyped() throws {
        let session = try core()
        var moved = frame(at: 1000)
        moved.geometry.motion = CameraMotion(shiftX: 1e6, shiftY: 0, xx: 0, xy: 0, yx: 0, yy: 0)
        XCTAssertThrowsError(
            try session.handleFrame(
                nowNanos: 1002 * ms, capturedNanos: 1000 * ms, image: moved.geometry, pixels: moved.pixels)
        ) {
            guard case SdkError.Frame(let fault, _) = $0 else { return XCTFail("\($0)") }
            XCTAssertEqual(fault, .motion)
        }
        XCTAssertNotNil(try session.take(at: 1033).ticket)
    }

    func testATurnToTheRightMovesThePictureToTheLeft() {
        XCTAssertEqual(cameraMotionFromTurn(right: 0, down: 0.01, forward: 0, focalPx: 1000).shiftX, -10, accuracy: 0.01)
    }

    func testASinkIsToldWhatTheLevelLetsThroughAndMayCallTheSession() throws {
        let told = Lines()
        let session = try core()
        try InbetweenLog.send(downTo: .trace) { level, target, message in
            _ = try session.answerAt(displayNanos: ms)  // would not return if a lock were held
            told.add("\(level) \(target) \(message)")
        }
        _ = try core()
        XCTAssertTrue(told.all.contains { $0.hasPrefix("debug inbetween_infer") }, "\(told.all)")
        let before = told.all.count
        try InbetweenLog.send(downTo: .warn) { _, _, message in told.add(message) }
        _ = try core()
        XCTAssertEqual(told.all.count, before)
    }

    func testASinkThatThrowsIsDroppedAndNamed() throws {
        struct Planted: Error {}
        let calls = Lines()
        try InbetweenLog.send(downTo: .trace) { _, _, _ in
            calls.add("called")
            throw Planted()
        }
        for _ in 0..<3 { _ = try core() }
        XCTAssertEqual(calls.all.count, 1)
        XCTAssertTrue(InbetweenLog.problem?.contains("Planted") ?? false, InbetweenLog.problem ?? "none")
        InbetweenLog.stop()
        XCTAssertNil(InbetweenLog.problem)
    }
}

private final class Lines: @unchecked Sendable {
    private let lock = NSLock()
    private var lines: [String] = []

    func add(_ line: String) { lock.withLock { lines.append(line) } }
    var all: [String] { lock.withLock { lines } }
}
