// Frames of Apple's cameras, without a copy.
// **Invariant:** a pixel buffer is locked for the call and unlocked after it, whatever happens.
// It does not convert colours: the formats that cameras give are taken as they are.

#if canImport(CoreVideo)
    import CoreVideo
    import Foundation

    /// Why a pixel buffer cannot be a frame.
    public enum PixelBufferError: Error, Equatable {
        /// A format that the core does not read; ask the camera for 420f, 420v or BGRA.
        case format(OSType)
        /// Its memory cannot be reached.
        case locked(CVReturn)
        /// Its planes lie further apart than a frame is large.
        case scattered
    }

    extension InbetweenSession {
        /// Takes a pixel buffer of the camera, captured at `capturedNanos` of the session's clock.
        ///
        /// - Throws: ``PixelBufferError`` for a buffer that cannot be read, otherwise as ``submit(_:)``.
        @discardableResult
        public func submit(
            _ buffer: CVPixelBuffer, capturedNanos: Int64, rotation: Rotation = .upright, mirror: Bool = false
        ) throws -> FramePlan {
            let status = CVPixelBufferLockBaseAddress(buffer, .readOnly)
            guard status == kCVReturnSuccess else { throw PixelBufferError.locked(status) }
            defer { CVPixelBufferUnlockBaseAddress(buffer, .readOnly) }
            let (geometry, pixels) = try buffer.layout(rotation: rotation, mirror: mirror)
            return try submit(PixelFrame(geometry: geometry, pixels: pixels, capturedNanos: capturedNanos))
        }
    }

    extension CVPixelBuffer {
        /// How the locked buffer lies, over its own memory.
        fileprivate func layout(rotation: Rotation, mirror: Bool) throws -> (ImageGeometry, Data) {
            let format: PixelFormat =
                switch CVPixelBufferGetPixelFormatType(self) {
                case kCVPixelFormatType_420YpCbCr8BiPlanarFullRange,
                    kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange:
                    .nv12
                case kCVPixelFormatType_32BGRA: .bgra8
                case kCVPixelFormatType_32RGBA: .rgba8
                case kCVPixelFormatType_OneComponent8: .gray8
                case let other: throw PixelBufferError.format(other)
                }
            let planar = CVPixelBufferIsPlanar(self)
            let parts: [(start: UnsafeMutableRawPointer?, stride: Int, rows: Int)] =
                planar
                ? (0..<CVPixelBufferGetPlaneCount(self)).map {
                    (
                        CVPixelBufferGetBaseAddressOfPlane(self, $0), CVPixelBufferGetBytesPerRowOfPlane(self, $0),
                        CVPixelBufferGetHeightOfPlane(self, $0)
                    )
                }
                : [
                    (
                        CVPixelBufferGetBaseAddress(self), CVPixelBufferGetBytesPerRow(self),
                        CVPixelBufferGetHeight(self)
                    )
                ]
            let starts = parts.compactMap(\.start)
            guard starts.count == parts.count, let base = starts.min() else { throw PixelBufferError.locked(0) }
            let ends = zip(starts, parts).map { $0 + $1.stride * $1.rows }
            let length = (ends.max() ?? base) - base
            guard length <= 4 * parts.reduce(0, { $0 + $1.stride * $1.rows }) else { throw PixelBufferError.scattered }
            let geometry = ImageGeometry(
                format: format, width: UInt32(clamping: CVPixelBufferGetWidth(self)),
                height: UInt32(clamping: CVPixelBufferGetHeight(self)),
                planes: zip(starts, parts).map {
                    PlaneLayout(offset: UInt32(clamping: $0 - base), rowStride: UInt32(clamping: $1.stride))
                },
                rotation: rotation, mirror: mirror, region: nil)
            return (geometry, Data(bytesNoCopy: base, count: length, deallocator: .none))
        }
    }
#endif

#if canImport(AVFoundation) && !os(watchOS)
    import AVFoundation

    /// Hands each frame of an `AVCaptureVideoDataOutput` to a session.
    ///
    /// Set it as the output's delegate with a serial queue, and `alwaysDiscardsLateVideoFrames` on.
    public final class CameraFeed: NSObject, AVCaptureVideoDataOutputSampleBufferDelegate, Sendable {
        private let session: InbetweenSession
        private let rotation: Rotation
        private let mirror: Bool
        private let problem: @Sendable (any Error) -> Void

        /// `problem` is told of frames that were refused, on the capture queue.
        public init(
            _ session: InbetweenSession, rotation: Rotation = .upright, mirror: Bool = false,
            problem: @escaping @Sendable (any Error) -> Void = { _ in }
        ) {
            self.session = session
            self.rotation = rotation
            self.mirror = mirror
            self.problem = problem
        }

        public func captureOutput(
            _ output: AVCaptureOutput, didOutput sample: CMSampleBuffer, from connection: AVCaptureConnection
        ) {
            guard let buffer = CMSampleBufferGetImageBuffer(sample) else { return }
            let seconds = CMSampleBufferGetPresentationTimeStamp(sample).seconds
            do {
                try session.submit(
                    buffer, capturedNanos: MonotonicClock.nanoseconds(seconds: seconds), rotation: rotation,
                    mirror: mirror)
            } catch {
                problem(error)
            }
        }
    }
#endif
