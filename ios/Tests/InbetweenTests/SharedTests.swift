// What sessions share: the process's log.
// **Invariant:** the log is given back after each test.
// It does not test the system's own log.

import XCTest

@testable import Inbetween

final class SharedTests: XCTestCase {
    override func tearDown() {
        InbetweenLog.stop()
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
