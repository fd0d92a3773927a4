package dev.inbetween

import java.nio.ByteBuffer

/**
 * A camera's image of three planes, as `YUV_420_888` gives it: luma, and two half-size planes that may be interleaved.
 *
 * Positions and limits of the buffers count; nothing is changed or kept. Direct buffers whose layout is one of the
 * SDK's formats (all that cameras give today) are read in place, others are copied.
 *
 * @property width buffer width in pixels, before [rotation].
 * @property height buffer height in pixels.
 * @property y luma.
 * @property u first chroma plane.
 * @property v second chroma plane.
 * @property yRowStride bytes from one row of luma to the next.
 * @property chromaRowStride bytes from one row of chroma to the next.
 * @property chromaPixelStride bytes from one chroma value to the next: 1 when planes are apart, 2 when interleaved.
 * @property rotation the clockwise turn that makes the buffer upright.
 * @property mirror whether the upright picture is flipped left–right (front cameras).
 * @property region the part that the model looks at, in pixels of the upright frame; all of it when left out.
 * @property motion how the camera moved since the frame before, if the app knows ([motionOfTurn]).
 */
public class YuvImage(
    public val width: Int,
    public val height: Int,
    public val y: ByteBuffer,
    public val u: ByteBuffer,
    public val v: ByteBuffer,
    public val yRowStride: Int,
    public val chromaRowStride: Int,
    public val chromaPixelStride: Int,
    public val rotation: Rotation = Rotation.UPRIGHT,
    public val mirror: Boolean = false,
    public val region: Rect? = null,
    public val motion: CameraMotion? = null,
) {
    /** The format that the planes have as they are, without a copy; null when they have none. */
    internal fun formatInPlace(): PixelFormat? {
        if (!y.isDirect || !u.isDirect || !v.isDirect) return null
        return when (chromaPixelStride) {
            1 -> PixelFormat.I420
            2 -> when (FastPath.distance(u, v) + v.position() - u.position()) {
                1L -> PixelFormat.NV12
                -1L -> PixelFormat.NV21
                else -> null
            }
            else -> null
        }
    }

    private val chromaWidth: Int get() = (width + 1) / 2
    private val chromaHeight: Int get() = (height + 1) / 2

    /** Bytes of the image as [packInto] writes it. */
    internal val packedSize: Int
        get() {
            val size = width.toLong() * height + 2L * chromaWidth * chromaHeight
            if (width < 0 || height < 0 || size > Int.MAX_VALUE) {
                throw frameFault(FrameFault.Other, "an image of $width × $height pixels cannot be copied")
            }
            return size.toInt()
        }

    /** Copies the image without padding into the start of [out]; how it lies there. */
    internal fun packInto(out: ByteBuffer): ImageGeometry {
        out.clear()
        copyPlane(0, y, width, height, yRowStride, 1, out)
        copyPlane(1, u, chromaWidth, chromaHeight, chromaRowStride, chromaPixelStride, out)
        copyPlane(2, v, chromaWidth, chromaHeight, chromaRowStride, chromaPixelStride, out)
        out.rewind()
        val chroma = width * height
        return ImageGeometry(
            format = PixelFormat.I420,
            width = width.toUInt(),
            height = height.toUInt(),
            planes = listOf(
                PlaneLayout(0u, width.toUInt()),
                PlaneLayout(chroma.toUInt(), chromaWidth.toUInt()),
                PlaneLayout((chroma + chromaWidth * chromaHeight).toUInt(), chromaWidth.toUInt()),
            ),
            rotation = rotation,
            mirror = mirror,
            region = region,
            motion = motion,
        )
    }

    private fun copyPlane(
        index: Int,
        from: ByteBuffer,
        columns: Int,
        rows: Int,
        rowStride: Int,
        pixelStride: Int,
        out: ByteBuffer,
    ) {
        val row = (columns - 1).toLong() * pixelStride + 1
        if (pixelStride < 1 || rowStride < row) {
            val fault = FrameFault.Stride(index.toUInt(), rowStride.toLong().toULong(), row.toULong())
            throw frameFault(fault, "plane $index has a row stride of $rowStride bytes, a row needs $row")
        }
        val needed = (rows - 1).toLong() * rowStride + row
        if (from.remaining() < needed) {
            val fault = FrameFault.PlaneLength(index.toUInt(), from.remaining().toULong(), needed.toULong())
            throw frameFault(fault, "plane $index has ${from.remaining()} bytes and needs $needed")
        }
        val source = from.duplicate()
        for (line in 0 until rows) {
            val start = from.position() + line * rowStride
            if (pixelStride == 1) {
                source.limit(start + columns)
                source.position(start)
                out.put(source)
                source.clear()
            } else {
                for (column in 0 until columns) out.put(from.get(start + column * pixelStride))
            }
        }
    }

    private fun frameFault(fault: FrameFault, problem: String) = SdkException.Frame(fault, problem)
}
