package dev.inbetween

import dev.inbetween.Spot.MS
import dev.inbetween.Spot.SIDE
import dev.inbetween.Spot.box
import dev.inbetween.Spot.eventually
import dev.inbetween.Spot.picture
import java.nio.ByteBuffer
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.CsvSource
import org.junit.jupiter.params.provider.ValueSource

/** Three-plane images as cameras lay them out. */
class YuvImageTest {
    private val clock = Spot.Clock()

    /** `NV12` and `NV21` are views of one buffer a byte apart, as the platform gives them: the last byte is left out. */
    private fun image(layout: String, rotation: Rotation = Rotation.UPRIGHT, heap: Boolean = false): YuvImage {
        val stride = 80
        fun buffer(size: Int) = if (heap) ByteBuffer.allocate(size) else ByteBuffer.allocateDirect(size)
        fun cut(memory: ByteBuffer, from: Int, to: Int): ByteBuffer {
            memory.clear()
            memory.position(from)
            memory.limit(to)
            return memory.slice()
        }
        val luma = buffer(11 + stride * SIDE)
        picture(2, 1).forEachIndexed { n, byte -> luma.put(11 + n / SIDE * stride + n % SIDE, byte) }
        luma.position(11)
        val pairs = buffer(stride * SIDE / 2)
        val last = (SIDE / 2 - 1) * stride + SIDE
        for (n in 0 until pairs.capacity()) pairs.put(n, 128.toByte())
        val (u, v) = when (layout) {
            "NV12" -> cut(pairs, 0, last - 1) to cut(pairs, 1, last)
            "NV21" -> cut(pairs, 1, last) to cut(pairs, 0, last - 1)
            else -> buffer(stride * SIDE / 2) to buffer(stride * SIDE / 2)
        }
        return YuvImage(SIDE, SIDE, luma, u, v, stride, stride, if (layout.startsWith("NV")) 2 else 1, rotation)
    }

    @ParameterizedTest
    @CsvSource("NV12,true", "NV21,true", "I420,true", "NV12,false", "NV21,false", "I420,false")
    fun `every layout is read in place or copied`(layout: String, fast: Boolean) {
        val image = image(layout)
        assertEquals(PixelFormat.valueOf(layout), image.formatInPlace())
        found(image, fast).let {
            assertEquals(32f, it.bounds.x0, 1f)
            assertEquals(16f, it.bounds.y0, 1f)
        }
    }

    @ParameterizedTest
    @CsvSource("UPRIGHT,32,16", "CW90,32,32", "CW180,16,32", "CW270,16,16")
    fun `an image is turned upright`(rotation: Rotation, left: Float, top: Float) {
        val box = found(image("NV12", rotation), true)
        assertEquals(left, box.bounds.x0, 1f)
        assertEquals(top, box.bounds.y0, 1f)
    }

    @Test
    fun `planes that are no format of ours are copied`() {
        val stray = image("I420").let {
            YuvImage(it.width, it.height, it.y, it.u, it.v, it.yRowStride, it.chromaRowStride, 2)
        }
        assertNull(stray.formatInPlace())
        assertEquals(32f, found(stray, true).bounds.x0, 1f)
    }

    @ParameterizedTest
    @ValueSource(strings = ["NV12", "I420"])
    fun `planes of the heap are copied`(layout: String) {
        val image = image(layout, heap = true)
        assertNull(image.formatInPlace())
        assertEquals(32f, found(image, true).bounds.x0, 1f)
    }

    @ParameterizedTest
    @ValueSource(booleans = [true, false])
    fun `a plane that is too short is told`(fast: Boolean) {
        val image = image("I420")
        image.y.limit(image.y.limit() - 80)
        Spot.open(fast, clock).use { session ->
            val fault = SessionTest.frameFault { session.handleFrame(clock.now, image) } as FrameFault.PlaneLength
            assertEquals(0u, fault.plane)
            assertTrue(fault.found < fault.needed)
        }
    }

    @Test
    fun `a stride that is too short is told when copied`() = Spot.open(false, clock).use { session ->
        val good = image("NV12")
        val bad = YuvImage(SIDE, SIDE, good.y, good.u, good.v, good.yRowStride, SIDE - 2, 2)
        val fault = SessionTest.frameFault { session.handleFrame(clock.now, bad) }
        assertEquals(FrameFault.Stride(1u, (SIDE - 2).toULong(), (SIDE - 1).toULong()), fault)
    }

    @Test
    fun `positions and limits stay as they are`() {
        val image = image("NV21")
        val before = listOf(image.y, image.u, image.v).map { it.position() to it.limit() }
        found(image, true)
        found(image, false)
        assertEquals(before, listOf(image.y, image.u, image.v).map { it.position() to it.limit() })
    }

    private fun found(image: YuvImage, fast: Boolean): DetectedBox = Spot.open(fast, clock).use { session ->
        clock.now += MS
        session.handleFrame(clock.now, image)
        assertTrue(eventually { session.answerAt(clock.now).keyFrameNanos == clock.now })
        session.answerAt(clock.now).box
    }
}
