package dev.inbetween

import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * The flat block that describes a frame to [FastPath].
 *
 * **Invariant:** the layout is that of `bindings/src/fast/block.rs`. It does not hold pixels and is not shared by threads.
 */
internal class FrameBlock {
    val memory: ByteBuffer = ByteBuffer.allocateDirect(SIZE).order(ByteOrder.nativeOrder())

    val ticket: Long get() = memory.getLong(72)
    val expiresNanos: Long get() = memory.getLong(80)

    /** What does not depend on where the planes are. */
    fun describe(
        format: PixelFormat,
        width: Int,
        height: Int,
        rotation: Rotation,
        mirror: Boolean,
        region: Rect?,
        motion: CameraMotion?,
    ) {
        memory.putInt(0, VERSION)
        memory.put(4, format.ordinal.toByte())
        memory.put(5, rotation.ordinal.toByte())
        memory.put(6, if (mirror) 1 else 0)
        memory.put(7, if (region != null) 1 else 0)
        memory.putInt(8, width)
        memory.putInt(12, height)
        if (region != null) {
            memory.putFloat(16, region.x0)
            memory.putFloat(20, region.y0)
            memory.putFloat(24, region.x1)
            memory.putFloat(28, region.y1)
        }
        for (index in 0 until PLANES) plane(index, 0, 0, 0)
        memory.put(68, if (motion != null) 1 else 0)
        if (motion != null) {
            memory.putFloat(88, motion.shiftX)
            memory.putFloat(92, motion.shiftY)
            memory.putFloat(96, motion.xx)
            memory.putFloat(100, motion.xy)
            memory.putFloat(104, motion.yx)
            memory.putFloat(108, motion.yy)
        }
    }

    /** Where a plane is, from the start of its buffer's memory whatever the position, in bytes. */
    fun plane(index: Int, offset: Int, rowStride: Int, length: Int) {
        val at = 32 + 12 * index
        memory.putInt(at, offset)
        memory.putInt(at + 4, rowStride)
        memory.putInt(at + 8, length)
    }

    companion object {
        const val SIZE: Int = 112
        const val PLANES: Int = 3
        private const val VERSION = 2
    }
}
