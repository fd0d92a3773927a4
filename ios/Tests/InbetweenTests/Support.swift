// What the tests share: the vectors' card and model, pictures, and a session that is driven by hand.
// **Invariant:** times are those of the test, never the machine's, but where a test says so.
// It does not assert.

import Foundation
import XCTest

@testable import Inbetween

/// The folder with `vectors.json`, as `cargo xtask test swift` says.
let fixtures = Vectors.load()

/// A scenario with what the facade answers to it, call by call.
struct Vectors: @unchecked Sendable {
    let card: String
    let model: Data
    let seed: UInt64
    let pictures: [Data]
    let calls: [[String: Any]]

    static func load() -> Vectors {
        guard let folder = ProcessInfo.processInfo.environment["INBETWEEN_VECTORS"],
            let bytes = FileManager.default.contents(atPath: folder + "/vectors.json"),
            let json = try? JSONSerialization.jsonObject(with: bytes) as? [String: Any],
            let card = json["card"] as? String, let model = json["model"] as? String,
            let seed = json["seed"] as? Int, let pictures = json["pictures"] as? [String],
            let calls = json["calls"] as? [[String: Any]]
        else {
            fatalError("INBETWEEN_VECTORS is not a folder with vectors.json: run `cargo xtask test swift`")
        }
        return Vectors(
            card: card, model: Data(hex: model), seed: UInt64(seed), pictures: pictures.map(Data.init(hex:)),
            calls: calls)
    }
}

extension Data {
    init(hex: String) {
        let digits = hex.utf8.map { UInt8($0 > 57 ? $0 - 87 : $0 - 48) }
        self.init(stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
    }
}

let ms: Int64 = 1_000_000
let side = 64

/// Dark, with a bright square in one of the model's 16 cells.
func picture(_ column: Int = 2, _ row: Int = 1) -> Data {
    var bytes = Data(repeating: 0x14, count: side * side)
    for y in row * 16..<row * 16 + 16 {
        bytes.replaceSubrange(y * side + column * 16..<y * side + column * 16 + 16, with: repeatElement(0xf0, count: 16))
    }
    return bytes
}

/// A frame of the picture, captured at a time in milliseconds.
func frame(_ pixels: Data = picture(), at time: Int64) -> PixelFrame {
    PixelFrame(.gray8, width: side, height: side, pixels: pixels, capturedNanos: time * ms)
}

/// A clock that a test sets.
final class HandClock: @unchecked Sendable {
    private let lock = NSLock()
    private var time: Int64 = 0

    var nanos: Int64 {
        get { lock.withLock { time } }
        set { lock.withLock { time = newValue } }
    }

    var clock: MonotonicClock { MonotonicClock { [self] in nanos } }
}

/// Something counted from several threads.
final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var number = 0

    var count: Int { lock.withLock { number } }

    func add() { lock.withLock { number += 1 } }
}

func core(seed: UInt64 = 1) throws -> Session {
    try Session(card: fixtures.card, model: fixtures.model, seed: seed)
}

extension Session {
    @discardableResult
    func take(_ pixels: Data = picture(), at time: Int64, geometry: ImageGeometry? = nil) throws -> FramePlan {
        try handleFrame(
            nowNanos: (time + 2) * ms, capturedNanos: time * ms,
            image: geometry ?? .packed(.gray8, width: side, height: side), pixels: pixels)
    }

    /// Takes a frame, runs the model and hands its end on.
    @discardableResult
    func answered(_ pixels: Data = picture(), at time: Int64 = 1000) throws -> Session {
        let ticket = try XCTUnwrap(take(pixels, at: time).ticket)
        _ = try run(ticket: ticket)
        _ = try handleCompletion(nowNanos: (time + 9) * ms, ticket: ticket)
        return self
    }
}

extension FramePlan {
    var ticket: UInt64? {
        if case .run(let ticket, _, _) = self { ticket } else { nil }
    }

    var skipped: SkipReason? {
        if case .skip(let reason) = self { reason } else { nil }
    }
}

/// The error that `call` throws.
func refused<T>(
    _ call: @autoclosure () throws -> T, file: StaticString = #filePath, line: UInt = #line
) -> SdkError? {
    do {
        _ = try call()
        XCTFail("nothing was thrown", file: file, line: line)
    } catch let error as SdkError {
        return error
    } catch {
        XCTFail("\(error) is no SdkError", file: file, line: line)
    }
    return nil
}

/// Waits until `condition` holds, at most `seconds`.
func eventually(
    _ seconds: Double = 20, _ what: String = "it", file: StaticString = #filePath, line: UInt = #line,
    _ condition: () throws -> Bool
) rethrows {
    let end = Date(timeIntervalSinceNow: seconds)
    while try !condition() {
        if Date() > end {
            return XCTFail("\(what) did not happen within \(seconds) s", file: file, line: line)
        }
        Thread.sleep(forTimeInterval: 0.002)
    }
}

/// Resident memory of this process in bytes.
func residentBytes() throws -> Int {
    let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[1]
    return try XCTUnwrap(Int(pages)) * 4096
}
