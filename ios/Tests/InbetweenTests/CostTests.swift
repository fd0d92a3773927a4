// What a call costs: processor time hot, wall time at 240 Hz. Printed as one line each for `cargo xtask calls`.
// **Invariant:** what is called does its work each time: nothing is measured on a path that is refused.
// It does not judge times: the machine is shared.

import Foundation
import XCTest

@testable import Inbetween

final class CostTests: XCTestCase {
    func testCallsAreMeasured() throws {
        let session = try core().answered()
        let image = frame(at: 1000)
        // The same capture time again is skipped before the gate: what is left is the way there and back.
        report("handleFrame") {
            _ = try? session.handleFrame(
                nowNanos: 1040 * ms, capturedNanos: 1000 * ms, image: image.geometry, pixels: image.pixels)
        }
        report("answer") { _ = try? session.answerAt(displayNanos: 1040 * ms) }
        // One that was handed on before: known, and counted.
        report("handleCompletion") { _ = try? session.handleCompletion(nowNanos: 1040 * ms, ticket: 1) }
        XCTAssertEqual(try session.handleCompletion(nowNanos: 1040 * ms, ticket: 1), .unknownTicket)
    }

    private func report(_ name: String, _ call: () -> Void) {
        let rounds = 20_000
        for _ in 0..<rounds { call() }
        let hot: UInt64 = (0..<20).map { _ -> UInt64 in
            let before = processorNanos()
            for _ in 0..<rounds / 20 { call() }
            return (processorNanos() - before) / UInt64(rounds / 20)
        }.min() ?? 0
        let paced: [Int64] = (0..<300).map { _ -> Int64 in
            usleep(4_167)
            let before = MonotonicClock.system.now()
            call()
            return MonotonicClock.system.now() - before
        }.sorted()
        print(
            "COST swift \(name): hot \(Double(hot) / 1e3) µs, paced p50 \(Double(paced[150]) / 1e3) µs, "
                + "p99 \(Double(paced[297]) / 1e3) µs")
        XCTAssertGreaterThan(hot, 0)
    }

    private func processorNanos() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
