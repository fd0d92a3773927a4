// The border of the core from Swift: tickets, times, plans, shutdown.
// **Invariant:** every refusal is an `SdkError` with its stable code.
// It does not use the wrapper.

import XCTest

@testable import Inbetween

final class CoreTests: XCTestCase {
    func testAFrameBecomesAnAnswer() throws {
        let session = try core()
        XCTAssertEqual(try session.answerAt(displayNanos: 0).source, .unavailable)
        guard case .run(let ticket, let reason, let expires) = try session.take(at: 1000) else {
            return XCTFail("the first frame is run")
        }
        XCTAssertEqual(ticket, 1)
        XCTAssertEqual(reason, .first)
        XCTAssertGreaterThan(expires, 1002 * ms)
        guard case .value = try session.run(ticket: ticket) else { return XCTFail("the run gives a value") }
        XCTAssertEqual(try session.handleCompletion(nowNanos: 1009 * ms, ticket: ticket), .admitted)
        let answer = try session.answerAt(displayNanos: 1016 * ms)
        XCTAssertEqual(answer.keyFrameNanos, 1000 * ms)
        XCTAssertEqual(answer.ageNanos, 16 * ms)
        XCTAssertEqual(answer.modelVersion, 1)
        let box = try XCTUnwrap(answer.boxes.first)
        XCTAssertEqual(box.bounds.x0, 32, accuracy: 1)
        XCTAssertEqual(box.bounds.y1, 32, accuracy: 1)
        XCTAssertNotNil(box.identity)
    }

    func testMostFramesAreSkipped() throws {
        let session = try core()
        var runs = 0
        for time in stride(from: Int64(1000), to: 4000, by: 33) {
            if let ticket = try session.take(picture(Int(time / 1000) - 1, 1), at: time).ticket {
                runs += 1
                _ = try session.run(ticket: ticket)
                _ = try session.handleCompletion(nowNanos: (time + 9) * ms, ticket: ticket)
            }
            XCTAssertFalse(try session.answerAt(displayNanos: (time + 16) * ms).value == nil)
        }
        XCTAssertGreaterThan(runs, 1)
        XCTAssertLessThan(runs, 45)
    }

    func testTheBufferMayChangeAfterTheCall() throws {
        let session = try core()
        var pixels = picture(0, 3)
        let ticket = try XCTUnwrap(session.take(pixels, at: 1000).ticket)
        pixels.resetBytes(in: 0..<pixels.count)
        _ = try session.run(ticket: ticket)
        _ = try session.handleCompletion(nowNanos: 1009 * ms, ticket: ticket)
        XCTAssertEqual(try session.answerAt(displayNanos: 1010 * ms).boxes.first?.bounds.x0 ?? 99, 0, accuracy: 1)
    }

    func testATicketEndsOnce() throws {
        let session = try core()
        let ticket = try XCTUnwrap(session.take(at: 1000).ticket)
        XCTAssertEqual(refused(try session.handleCompletion(nowNanos: 1003 * ms, ticket: ticket))?.code(), 303)
        guard case .value = try session.run(ticket: ticket) else { return XCTFail("it gives a value") }
        XCTAssertEqual(try session.run(ticket: ticket), .gone)
        XCTAssertEqual(try session.handleCompletion(nowNanos: 1009 * ms, ticket: ticket), .admitted)
        XCTAssertEqual(try session.handleCompletion(nowNanos: 1010 * ms, ticket: ticket), .unknownTicket)
    }

    func testATicketThatWasNeverGivenOutIsRefused() throws {
        let session = try core().answered()
        for ticket in [0, 2, UInt64.max] {
            XCTAssertEqual(refused(try session.run(ticket: ticket)), .UnknownTicket(ticket: ticket))
            XCTAssertEqual(refused(try session.cancel(ticket: ticket))?.code(), 302)
            XCTAssertEqual(refused(try session.handleCompletion(nowNanos: ms, ticket: ticket))?.code(), 302)
        }
    }

    func testACancelledRunIsAResult() throws {
        let session = try core()
        let ticket = try XCTUnwrap(session.take(at: 1000).ticket)
        try session.cancel(ticket: ticket)
        XCTAssertEqual(try session.run(ticket: ticket), .gone)
        XCTAssertEqual(try session.handleCompletion(nowNanos: 1004 * ms, ticket: ticket), .cancelled)
    }

    func testAResetEndsAll() throws {
        let session = try core()
        let ticket = try XCTUnwrap(session.take(at: 1000).ticket)
        try session.reset()
        XCTAssertEqual(try session.run(ticket: ticket), .gone)
        XCTAssertEqual(try session.handleCompletion(nowNanos: 1009 * ms, ticket: ticket), .unknownTicket)
        XCTAssertEqual(try session.answerAt(displayNanos: 1010 * ms).source, .unavailable)
        XCTAssertNotNil(try session.take(at: 1033).ticket)
    }

    func testARepeatedFrameIsSkipped() throws {
        let session = try core().answered()
        XCTAssertEqual(try session.take(at: 1000).skipped, .repeatedFrame)
        XCTAssertEqual(try session.take(at: 900).skipped, .lateFrame)
    }

    func testTimeoutsAreToldAndDone() throws {
        let session = try core()
        XCTAssertNil(try session.pollTimeout())
        guard case .run(let ticket, _, let expires) = try session.take(at: 1000) else { return XCTFail("it is run") }
        XCTAssertEqual(try session.pollTimeout(), SessionTimeout(atNanos: expires, reason: .ticket(ticket: ticket)))
        try session.handleTimeout(nowNanos: expires)
        XCTAssertEqual(try session.pollEvent(), .ticketExpired(ticket: ticket))
        XCTAssertNil(try session.pollEvent())
    }

    func testNegativeTimesAreRefused() throws {
        let session = try core()
        let geometry = ImageGeometry.packed(.gray8, width: side, height: side)
        XCTAssertEqual(
            refused(try session.handleFrame(nowNanos: -1, capturedNanos: 0, image: geometry, pixels: picture())),
            .NegativeTime(argument: "now_nanos", nanos: -1))
        XCTAssertEqual(
            refused(try session.handleFrame(nowNanos: 0, capturedNanos: .min, image: geometry, pixels: picture()))?
                .code(), 301)
        XCTAssertEqual(refused(try session.answerAt(displayNanos: -1))?.code(), 301)
        XCTAssertEqual(refused(try session.handleTimeout(nowNanos: -1))?.code(), 301)
        XCTAssertEqual(refused(try session.handleCompletion(nowNanos: -1, ticket: 1))?.code(), 301)
        let backwards = DeviceEnvironment(thermalHeadroom: nil, powerSaving: false, displayPeriodNanos: -1)
        XCTAssertEqual(refused(try session.handleEnvironment(nowNanos: 0, environment: backwards))?.code(), 301)
    }

    func testExtremeTimesAreAnswers() throws {
        let session = try core().answered()
        XCTAssertEqual(try session.answerAt(displayNanos: .max).source, .unavailable)
        XCTAssertNoThrow(try session.handleTimeout(nowNanos: .max))
    }

    func testAfterShutdownEveryCallIsRefused() throws {
        let session = try core().answered()
        try session.shutdown()
        try session.shutdown()
        XCTAssertEqual(refused(try session.take(at: 2000)), .ShutDown)
        XCTAssertEqual(refused(try session.run(ticket: 1)), .ShutDown)
        XCTAssertEqual(refused(try session.answerAt(displayNanos: 2000 * ms))?.code(), 401)
        XCTAssertEqual(refused(try session.pollEvent()), .ShutDown)
        XCTAssertEqual(refused(try session.pollTimeout()), .ShutDown)
        XCTAssertEqual(refused(try session.reset()), .ShutDown)
        XCTAssertEqual(refused(try session.handleTimeout(nowNanos: 0)), .ShutDown)
        XCTAssertEqual(refused(try session.cancel(ticket: 1)), .ShutDown)
    }

    func testTheVersionHasThreeNumbers() {
        XCTAssertEqual(sdkVersion().split(separator: ".").compactMap { Int($0) }.count, 3)
    }
}

final class BundleErrorTests: XCTestCase {
    func testABadCardNamesLineAndField() throws {
        let card = fixtures.card.replacingOccurrences(of: "epsilon = 20", with: "epsilom = 20")
        guard case .Card(let line, let field, let problem)? = refused(try Session(card: card, model: fixtures.model, seed: 1))
        else { return XCTFail("the card is refused") }
        XCTAssertEqual(field, "tolerance.epsilom")
        let before = card[..<card.range(of: "epsilom")!.lowerBound]
        XCTAssertEqual(Int(line), before.filter { $0 == "\n" }.count + 1)
        XCTAssertFalse(problem.isEmpty)
    }

    func testAValueOutOfRangeIsNamed() throws {
        let card = fixtures.card.replacingOccurrences(of: "miss_rate = 0.05", with: "miss_rate = 7")
        let error = refused(try Session(card: card, model: fixtures.model, seed: 1))
        XCTAssertEqual(error?.code(), 101)
        XCTAssertTrue(error?.describe().contains("tolerance.miss_rate") ?? false)
    }

    func testAnEmptyCardIsRefused() {
        XCTAssertEqual(refused(try Session(card: "", model: fixtures.model, seed: 1))?.code(), 101)
    }

    func testBrokenModelsAreRefused() {
        for model in [Data(), Data("not a model".utf8), fixtures.model.prefix(300), Data(repeating: 7, count: 9999)] {
            XCTAssertEqual(refused(try Session(card: fixtures.card, model: model, seed: 1))?.code(), 104)
        }
    }

    func testAModelThatIsNotTheCardsIsAMismatch() {
        let card = fixtures.card.replacingOccurrences(of: "height = 16", with: "height = 32")
        guard case .Model(let fault, let problem)? = refused(try Session(card: card, model: fixtures.model, seed: 1))
        else { return XCTFail("the model is refused") }
        XCTAssertEqual(fault, .mismatch)
        XCTAssertTrue(problem.contains("[1, 1, 16, 16]"), problem)
    }

    func testAnotherFileThanTheCardNamesIsRefused() {
        let stated = String(repeating: "0", count: 64)
        let card = fixtures.card.replacingOccurrences(of: "version = 1", with: "version = 1\nsha256 = \"\(stated)\"")
        guard case .Digest(let found, let said)? = refused(try Session(card: card, model: fixtures.model, seed: 1))
        else { return XCTFail("the model is refused") }
        XCTAssertEqual(said, stated)
        XCTAssertEqual(found.count, 64)
    }

    func testErrorsSayHowToMendThem() {
        let error: any Error = SdkError.ShutDown
        XCTAssertTrue(error.localizedDescription.contains("open a new one"), error.localizedDescription)
    }
}

final class FrameErrorTests: XCTestCase {
    private func fault(
        of pixels: Data = picture(), _ change: (inout ImageGeometry) -> Void = { _ in }
    ) throws -> FrameFault? {
        let session = try core()
        var geometry = ImageGeometry.packed(.gray8, width: side, height: side)
        change(&geometry)
        guard case .Frame(let fault, let problem)? = refused(try session.take(pixels, at: 1000, geometry: geometry))
        else {
            XCTFail("the frame is refused")
            return nil
        }
        XCTAssertFalse(problem.isEmpty)
        XCTAssertNotNil(try session.take(at: 1000).ticket, "the next good frame is taken as usual")
        return fault
    }

    func testTooFewBytes() throws {
        XCTAssertEqual(try fault(of: picture().dropLast()), .planeLength(plane: 0, found: 4095, needed: 4096))
    }

    func testNoBytes() throws {
        XCTAssertEqual(try fault(of: Data()), .planeLength(plane: 0, found: 0, needed: 4096))
    }

    func testAStrideBelowTheWidth() throws {
        let found = try fault { $0.planes[0].rowStride = 63 }
        XCTAssertEqual(found, .stride(plane: 0, found: 63, needed: 64))
    }

    func testAPictureThatIsTooSmall() throws {
        guard case .size(let width, _, let least, _)? = try fault({ $0.width = 4 }) else {
            return XCTFail("the size is refused")
        }
        XCTAssertEqual(width, 4)
        XCTAssertEqual(least, 16)
    }

    func testNoPlanes() throws {
        XCTAssertNotNil(try fault { $0.planes = [] })
    }

    func testAnOffsetPastTheBuffer() throws {
        XCTAssertNotNil(try fault { $0.planes[0].offset = .max })
    }

    func testARegionThatIsNone() throws {
        let nowhere = PixelRect(x0: .nan, y0: 0, x1: 1, y1: 1)
        XCTAssertEqual(try fault { $0.region = nowhere }, .region)
    }

    func testChromaThatIsMissing() throws {
        let found = try fault { $0 = .packed(.nv12, width: side, height: side) }
        guard case .planeLength(let plane, _, _)? = found else { return XCTFail("\(String(describing: found))") }
        XCTAssertEqual(plane, 1)
    }
}
