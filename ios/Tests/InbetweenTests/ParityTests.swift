// The scenario that every language replays: the facade's own answers are the expectation, floats by their bits.
// **Invariant:** every call of the vectors is made, and every one is compared.
// It does not go through the wrapper: the core's border is compared here.

import XCTest

@testable import Inbetween

final class ParityTests: XCTestCase {
    private var session: Session!
    private var compared: [String: Int] = [:]

    override func setUpWithError() throws {
        session = try Session(card: fixtures.card, model: fixtures.model, seed: fixtures.seed)
    }

    func testEveryCallAnswersAsTheFacadeDoes() throws {
        for (index, call) in fixtures.calls.enumerated() {
            let kind = try XCTUnwrap(call["call"] as? String)
            try replay(kind, call, "call \(index), \(kind)")
            compared[kind, default: 0] += 1
        }
        XCTAssertGreaterThan(compared["frame", default: 0], 240)
        XCTAssertGreaterThan(compared["answer", default: 0], 400)
        XCTAssertGreaterThan(compared["completion", default: 0], 10)
        for kind in ["environment", "reset", "timeout", "event"] {
            XCTAssertGreaterThan(compared[kind, default: 0], 0, kind)
        }
    }

    private func replay(_ kind: String, _ call: [String: Any], _ place: String) throws {
        func time(_ key: String) -> Int64 { (call[key] as? NSNumber)?.int64Value ?? -1 }
        switch kind {
        case "frame":
            try compare(frame: call, now: time("now"), captured: time("captured"), place)
        case "completion":
            let ticket = UInt64(time("ticket"))
            _ = try session.run(ticket: ticket)
            let admission = try session.handleCompletion(nowNanos: time("now"), ticket: ticket)
            let wanted = try XCTUnwrap(call["gives"] as? String)
            XCTAssertEqual(rust(admission), String(wanted.prefix { $0 != "(" }), place)
        case "answer":
            let answer = try session.answerAt(displayNanos: time("display"))
            try compare(answer: answer, XCTUnwrap(call["gives"] as? [Any]), place)
        case "environment":
            let hot = call["hot"] as? Bool ?? false
            let environment = DeviceEnvironment(
                thermalHeadroom: hot ? 1.1 : nil, powerSaving: hot, displayPeriodNanos: nil)
            try session.handleEnvironment(nowNanos: time("now"), environment: environment)
        case "reset":
            try session.reset()
        case "timeout":
            let timeout = try XCTUnwrap(session.pollTimeout(), place)
            let gives = try XCTUnwrap(call["gives"] as? [Any])
            XCTAssertEqual(timeout.atNanos, (gives[0] as? NSNumber)?.int64Value, place)
            XCTAssertEqual(rust(timeout.reason), gives[1] as? String, place)
        case "event":
            let event = try XCTUnwrap(session.pollEvent(), place)
            XCTAssertEqual(rust(event), call["gives"] as? String, place)
        default:
            XCTFail("\(place): no such call")
        }
    }

    private func compare(frame call: [String: Any], now: Int64, captured: Int64, _ place: String) throws {
        func number(_ key: String) -> UInt32 { (call[key] as? NSNumber)?.uint32Value ?? 0 }
        let offsets = try XCTUnwrap(call["offsets"] as? [NSNumber])
        let turned = call["turned"] as? Bool ?? false
        let geometry = ImageGeometry(
            format: call["format"] as? String == "Nv12" ? .nv12 : .gray8, width: number("width"),
            height: number("height"),
            planes: offsets.map { PlaneLayout(offset: $0.uint32Value, rowStride: number("stride")) },
            rotation: turned ? .cw90 : .upright, mirror: turned, region: nil,
            motion: (call["motion"] as? [NSNumber]).map { m in
                CameraMotion(
                    shiftX: m[0].floatValue, shiftY: m[1].floatValue, xx: m[2].floatValue, xy: m[3].floatValue,
                    yx: m[4].floatValue, yy: m[5].floatValue)
            })
        let pixels = fixtures.pictures[Int(number("picture"))]
        let gives = try XCTUnwrap(call["gives"] as? [String: Any])
        do {
            let plan = try session.handleFrame(nowNanos: now, capturedNanos: captured, image: geometry, pixels: pixels)
            switch plan {
            case .skip(let reason):
                XCTAssertEqual(rust(reason), gives["skip"] as? String, place)
            case .run(let ticket, let reason, let expires):
                let run = try XCTUnwrap(gives["run"] as? [Any], place)
                XCTAssertEqual(ticket, (run[0] as? NSNumber)?.uint64Value, place)
                XCTAssertEqual(rust(reason), run[1] as? String, place)
                XCTAssertEqual(expires, (run[2] as? NSNumber)?.int64Value, place)
            }
        } catch let error as SdkError {
            XCTAssertEqual(error.describe(), gives["error"] as? String, place)
        }
    }

    private func compare(answer: Answer, _ gives: [Any], _ place: String) throws {
        let boxes: [[Any]]? = answer.value.map { _ in
            answer.boxes.map { box in
                let r = box.bounds
                let bits = [r.x0, r.y0, r.x1, r.y1, box.score].map { NSNumber(value: $0.bitPattern) }
                let identity: Any = box.identity.map { NSNumber(value: $0) } ?? NSNull()
                return [bits, NSNumber(value: box.classIndex), identity]
            }
        }
        let source =
            switch answer.source {
            case .predicted(let carry): "Predicted \(rust(carry))"
            case let other: rust(other)
            }
        func optional(_ number: Int64?) -> Any { number.map { NSNumber(value: $0) } ?? NSNull() }
        let found: [Any] = [
            boxes ?? NSNull(), source, optional(answer.keyFrameNanos), NSNumber(value: answer.ageNanos),
            NSNumber(value: answer.horizonNanos), NSNumber(value: answer.uncertainty.bitPattern),
            NSNumber(value: answer.withinTolerance), NSNumber(value: answer.modelVersion),
            answer.degraded.map { rust($0) } ?? NSNull(), answer.prediction.map { NSNumber(value: $0) } ?? NSNull(),
        ]
        XCTAssertTrue(NSArray(array: found).isEqual(NSArray(array: gives)), "\(place): \(found) is not \(gives)")
    }

    /// A case as Rust writes it: `withinTolerance` as `WithinTolerance`.
    private func rust(_ value: Any) -> String {
        let name = "\(value)".prefix { $0 != "(" }
        return name.prefix(1).uppercased() + name.dropFirst()
    }
}
