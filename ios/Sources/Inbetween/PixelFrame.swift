// One picture of a camera: bytes, how they lie, and when they were sensed.
// **Invariant:** making a frame copies no pixels.
// It does not check sizes: the session refuses what its card does not allow, with a typed error.

import Foundation

/// A picture and the time at which it was sensed.
///
/// The bytes are read during ``InbetweenSession/submit(_:)`` only; the camera may have its buffer back after that.
public struct PixelFrame: Sendable {
    /// How the bytes lie.
    public var geometry: ImageGeometry
    /// The bytes of all planes.
    public var pixels: Data
    /// When it was sensed, in nanoseconds of the session's clock.
    public var capturedNanos: Int64

    /// A picture whose planes lie as `geometry` says.
    public init(geometry: ImageGeometry, pixels: Data, capturedNanos: Int64) {
        self.geometry = geometry
        self.pixels = pixels
        self.capturedNanos = capturedNanos
    }

    /// A picture without padding between its rows or planes.
    ///
    /// `width` × `height` is the buffer, before `rotation`.
    public init(
        _ format: PixelFormat, width: Int, height: Int, pixels: Data, capturedNanos: Int64,
        rotation: Rotation = .upright, mirror: Bool = false, region: PixelRect? = nil
    ) {
        self.init(
            geometry: .packed(
                format, width: width, height: height, rotation: rotation, mirror: mirror, region: region),
            pixels: pixels, capturedNanos: capturedNanos)
    }
}

extension ImageGeometry {
    /// The layout of a buffer without padding between rows or planes. Sides that no buffer can have (negative, or
    /// larger than 32 bits hold) become 0 or the largest side, which every session refuses.
    public static func packed(
        _ format: PixelFormat, width: Int, height: Int, rotation: Rotation = .upright, mirror: Bool = false,
        region: PixelRect? = nil
    ) -> ImageGeometry {
        let (w, h) = (UInt64(UInt32(clamping: width)), UInt64(UInt32(clamping: height)))
        let half = ((w + 1) / 2, (h + 1) / 2)
        let rows: [(start: UInt64, stride: UInt64)] =
            switch format {
            case .nv12, .nv21: [(0, w), (w * h, half.0 * 2)]
            case .i420: [(0, w), (w * h, half.0), (w * h + half.0 * half.1, half.0)]
            case .rgba8, .bgra8: [(0, w * 4)]
            case .rgb8: [(0, w * 3)]
            case .gray8: [(0, w)]
            }
        return ImageGeometry(
            format: format, width: UInt32(w), height: UInt32(h),
            planes: rows.map { PlaneLayout(offset: UInt32(clamping: $0.start), rowStride: UInt32(clamping: $0.stride)) },
            rotation: rotation, mirror: mirror, region: region)
    }
}
