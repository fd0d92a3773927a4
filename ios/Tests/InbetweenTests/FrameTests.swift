// How pixels reach the core: formats, strides, slices, rotation.
// **Invariant:** the same picture gives the same boxes in every format and layout.
// It does not test colours: the core's own tests do.

import XCTest

@testable import Inbetween

final class FrameTests: XCTestCase {
    private func found(_ geometry: ImageGeometry, _ pixels: Data) throws -> PixelRect {
        let session = try core()
        let ticket = try XCTUnwrap(session.take(pixels, at: 1000, geometry: geometry).ticket)
        _ = try session.run(ticket: ticket)
        _ = try session.handleCompletion(nowNanos: 1009 * ms, ticket: ticket)
        return try XCTUnwrap(session.answerAt(displayNanos: 1010 * ms).boxes.first).bounds
    }

    private func expect(_ box: PixelRect, column: Float, row: Float, line: UInt = #line) {
        XCTAssertEqual(box.x0, column * 16, accuracy: 1.5, line: line)
        XCTAssertEqual(box.y0, row * 16, accuracy: 1.5, line: line)
    }

    func testGray() throws {
        expect(try found(.packed(.gray8, width: side, height: side), picture()), column: 2, row: 1)
    }

    func testNv12AndNv21() throws {
        let pixels = picture() + Data(repeating: 128, count: side * side / 2)
        for format in [PixelFormat.nv12, .nv21] {
            expect(try found(.packed(format, width: side, height: side), pixels), column: 2, row: 1)
        }
    }

    func testI420() throws {
        let pixels = picture() + Data(repeating: 128, count: side * side / 2)
        expect(try found(.packed(.i420, width: side, height: side), pixels), column: 2, row: 1)
    }

    func testFourBytes() throws {
        let pixels = Data(picture().flatMap { [$0, $0, $0, 255] })
        for format in [PixelFormat.rgba8, .bgra8] {
            expect(try found(.packed(format, width: side, height: side), pixels), column: 2, row: 1)
        }
    }

    func testThreeBytes() throws {
        let pixels = Data(picture().flatMap { [$0, $0, $0] })
        expect(try found(.packed(.rgb8, width: side, height: side), pixels), column: 2, row: 1)
    }

    func testPaddedRowsAndAnOffset() throws {
        var pixels = Data(repeating: 255, count: 7)
        for row in 0..<side {
            pixels += picture()[row * side..<(row + 1) * side]
            pixels += Data(repeating: 255, count: 16)
        }
        var geometry = ImageGeometry.packed(.gray8, width: side, height: side)
        geometry.planes = [PlaneLayout(offset: 7, rowStride: 80)]
        expect(try found(geometry, pixels), column: 2, row: 1)
    }

    /// A slice of `Data` keeps the indices of the whole: its bytes must be taken all the same.
    func testASliceOfALargerBuffer() throws {
        let whole = Data(repeating: 255, count: 1000) + picture() + Data(repeating: 255, count: 50)
        let slice = whole[1000..<1000 + side * side]
        XCTAssertEqual(slice.startIndex, 1000)
        expect(try found(.packed(.gray8, width: side, height: side), slice), column: 2, row: 1)
    }

    func testMemoryThatIsNotCopied() throws {
        let bytes = [UInt8](picture())
        try bytes.withUnsafeBytes { raw in
            let data = Data(
                bytesNoCopy: UnsafeMutableRawPointer(mutating: raw.baseAddress!), count: raw.count, deallocator: .none)
            expect(try found(.packed(.gray8, width: side, height: side), data), column: 2, row: 1)
        }
    }

    func testRotations() throws {
        let places: [(Rotation, Float, Float)] = [(.upright, 2, 1), (.cw90, 2, 2), (.cw180, 1, 2), (.cw270, 1, 1)]
        for (rotation, column, row) in places {
            let geometry = ImageGeometry.packed(.gray8, width: side, height: side, rotation: rotation)
            expect(try found(geometry, picture()), column: column, row: row)
        }
    }

    func testMirroring() throws {
        let geometry = ImageGeometry.packed(.gray8, width: side, height: side, mirror: true)
        expect(try found(geometry, picture()), column: 1, row: 1)
    }

    func testOddSidesRoundChromaUp() {
        let geometry = ImageGeometry.packed(.i420, width: 5, height: 3)
        XCTAssertEqual(geometry.planes.map(\.rowStride), [5, 3, 3])
        XCTAssertEqual(geometry.planes.map(\.offset), [0, 15, 21])
        XCTAssertEqual(ImageGeometry.packed(.nv12, width: 5, height: 3).planes.map(\.rowStride), [5, 6])
    }

    func testSidesThatNoBufferHasAreRefusedNotTrapped() throws {
        for (width, height) in [(-1, 64), (0, 0), (.max, .max), (64, .min)] {
            let frame = PixelFrame(.nv12, width: width, height: height, pixels: picture(), capturedNanos: ms)
            let session = try InbetweenSession(card: fixtures.card, model: fixtures.model)
            XCTAssertEqual(refused(try session.submit(frame))?.code(), 201)
        }
    }
}

final class ClockTests: XCTestCase {
    func testSecondsBecomeNanoseconds() {
        XCTAssertEqual(MonotonicClock.nanoseconds(seconds: 1.5), 1_500_000_000)
        XCTAssertEqual(MonotonicClock.nanoseconds(seconds: 86_400.000_000_001), 86_400_000_000_001)
    }

    func testWhatIsNoTimeIsZeroOrTheEnd() {
        for seconds in [-1, -0.0, .nan, -.infinity] as [Double] {
            XCTAssertEqual(MonotonicClock.nanoseconds(seconds: seconds), 0)
        }
        XCTAssertEqual(MonotonicClock.nanoseconds(seconds: .infinity), 0)
        XCTAssertEqual(MonotonicClock.nanoseconds(seconds: 1e300), .max)
    }

    func testTheSystemsClockGoesOn() {
        let before = MonotonicClock.system.now()
        Thread.sleep(forTimeInterval: 0.01)
        XCTAssertGreaterThanOrEqual(MonotonicClock.system.now() - before, 10 * ms)
        XCTAssertGreaterThan(before, 0)
    }
}
