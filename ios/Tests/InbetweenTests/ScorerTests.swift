// Independent events: rows that the facade has scored in Rust, with the same bits here.
// **Invariant:** every row of the vectors is scored and compared.
// It does not test decisions themselves: the core's own tests do.

import XCTest

@testable import Inbetween

final class ScorerTests: XCTestCase {
    private var events: [String: Any] = [:]
    private var buckets: [[String]] = []

    override func setUpWithError() throws {
        let folder = try XCTUnwrap(ProcessInfo.processInfo.environment["INBETWEEN_VECTORS"])
        let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/vectors.json"))
        let json = try XCTUnwrap(JSONSerialization.jsonObject(with: bytes) as? [String: Any])
        events = try XCTUnwrap(json["events"] as? [String: Any])
        buckets = try XCTUnwrap(json["buckets"] as? [[String]])
    }

    private func scorer() throws -> Scorer {
        let files = try XCTUnwrap(events["files"] as? [String: String])
        return try Scorer(card: XCTUnwrap(events["card"] as? String), files: files.mapValues { data(hex: $0) })
    }

    func testTenThousandRowsHaveTheBitsOfTheCore() throws {
        let scorer = try scorer()
        let names = try XCTUnwrap(events["features"] as? [String])
        let rows = try XCTUnwrap(events["rows"] as? [[String]])
        let gives = try XCTUnwrap(events["gives"] as? [String])
        XCTAssertEqual(rows.count, 10_000)
        for (n, (row, wanted)) in zip(rows, gives).enumerated() {
            let at = Int64(1 + n) * 1000 * ms
            let event = try scorer.score(
                nowNanos: at, capturedNanos: at, features: zip(names, row).map { feature($0, $1) })
            let decision = try XCTUnwrap(event.decision)
            let hex = String(decision.probability.bitPattern, radix: 16)
            let bits = String(repeating: "0", count: 16 - hex.count) + hex
            guard "\(bits) \(word(decision.action)) \(word(decision.rung))" == wanted else {
                return XCTFail("row \(n): \(decision) is not \(wanted)")
            }
        }
        XCTAssertGreaterThan(try XCTUnwrap(scorer.takeReview()).saves, 0)
    }

    func testAMissingFileIsTyped() throws {
        let card = try XCTUnwrap(events["card"] as? String)
        XCTAssertThrowsError(try Scorer(card: card, files: [:])) { XCTAssertEqual(($0 as? SdkError)?.code(), 105) }
    }

    func testANegativeTimeIsTyped() throws {
        XCTAssertThrowsError(try scorer().score(nowNanos: -1, capturedNanos: 0, features: [])) {
            XCTAssertEqual(($0 as? SdkError)?.code(), 301)
        }
    }

    func testBucketsAreFrozen() throws {
        XCTAssertGreaterThanOrEqual(buckets.count, 60)
        for entry in buckets {
            let wanted = try XCTUnwrap(UInt32(entry[2]))
            XCTAssertEqual(UInt32(bucket(namespace: entry[0], unit: entry[1])), wanted, "\(entry)")
        }
    }

    private func feature(_ name: String, _ text: String) -> Feature {
        if let number = Double(text) { return Feature(name: name, number: number) }
        return Feature(name: name, category: text.isEmpty ? nil : text)
    }

    private func word(_ value: Any) -> String {
        let name = "\(value)"
        return name.prefix(1).uppercased() + name.dropFirst()
    }

    private func data(hex: String) -> Data {
        let digits = hex.utf8.map { UInt8($0 > 57 ? $0 - 87 : $0 - 48) }
        return Data(stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
    }
}
