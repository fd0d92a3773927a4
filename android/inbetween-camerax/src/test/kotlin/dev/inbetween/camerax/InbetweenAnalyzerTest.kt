package dev.inbetween.camerax

import android.graphics.Rect
import androidx.camera.core.ImageInfo
import androidx.camera.core.ImageProxy
import dev.inbetween.DetectedBox
import dev.inbetween.InbetweenSession
import dev.inbetween.SdkException
import dev.inbetween.Spot
import dev.inbetween.Spot.MS
import dev.inbetween.Spot.SIDE
import dev.inbetween.Spot.direct
import dev.inbetween.Spot.eventually
import dev.inbetween.Value
import java.nio.ByteBuffer
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

/** CameraX's adapter, against signatures of its own: CameraX is not on the registry that this runs with. */
@RunWith(RobolectricTestRunner::class)
class InbetweenAnalyzerTest {
    private val clock = Spot.Clock()

    private class Proxy(
        private val captured: Long,
        private val degrees: Int,
        private val crop: Rect = Rect(0, 0, SIDE, SIDE),
        luma: ByteArray = Spot.picture(),
    ) : ImageProxy {
        var closed = 0
        private val views = listOf(direct(luma), direct(ByteArray(SIDE * SIDE / 4)), direct(ByteArray(SIDE * SIDE / 4)))

        override fun close() {
            closed += 1
        }

        override fun getWidth() = SIDE

        override fun getHeight() = SIDE

        override fun getCropRect() = crop

        override fun getPlanes(): Array<ImageProxy.PlaneProxy> = Array(3) { index ->
            object : ImageProxy.PlaneProxy {
                override fun getRowStride() = if (index == 0) SIDE else SIDE / 2

                override fun getPixelStride() = 1

                override fun getBuffer(): ByteBuffer = views[index]
            }
        }

        override fun getImageInfo() = object : ImageInfo {
            override fun getTimestamp() = captured

            override fun getRotationDegrees() = degrees
        }
    }

    private fun found(proxy: Proxy, mirror: Boolean = false): DetectedBox = boxes(proxy, mirror).single()

    private fun boxes(proxy: Proxy, mirror: Boolean, crop: Boolean = false): List<DetectedBox> =
        Spot.open(clock = clock).use { session ->
            InbetweenAnalyzer(session, mirror, { it - MS }, crop) { throw it }.analyze(proxy)
            assertEquals(1, proxy.closed)
            awaitAnswer(session)
            (session.answerAt(clock.now).value as Value.Boxes).boxes
        }

    private fun awaitAnswer(session: InbetweenSession) =
        assertTrue(eventually { session.answerAt(clock.now).keyFrameNanos == clock.now })

    @Test
    fun `an image is turned, stamped and closed`() {
        val box = found(Proxy(clock.now + MS, 90))
        assertEquals(32f, box.bounds.x0, 1f)
        assertEquals(32f, box.bounds.y0, 1f)
    }

    @Test
    fun `an image of the front camera is flipped`() =
        assertEquals(16f, found(Proxy(clock.now + MS, 0), mirror = true).bounds.x0, 1f)

    @Test
    fun `the model looks at the crop rectangle, however the image is turned`() {
        val (above, below) = Rect(0, 0, SIDE, SIDE / 2) to Rect(0, SIDE / 2, SIDE, SIDE)
        for (degrees in listOf(0, 90, 180, 270)) {
            for (mirror in listOf(false, true)) {
                val where = "$degrees° mirrored: $mirror"
                assertTrue(where, boxes(Proxy(clock.now + MS, degrees, above), mirror, crop = true).isNotEmpty())
                assertTrue(where, boxes(Proxy(clock.now + MS, degrees, below), mirror, crop = true).isEmpty())
            }
        }
    }

    @Test
    fun `a crop rectangle is turned with the image`() = Spot.open(clock = clock).use { session ->
        fun turned(degrees: Int, mirror: Boolean) = InbetweenAnalyzer(session, mirror)
            .upright(Proxy(0, degrees, Rect(10, 20, 30, 60)))
        assertEquals(dev.inbetween.Rect(10f, 20f, 30f, 60f), turned(0, false))
        assertEquals(dev.inbetween.Rect(34f, 20f, 54f, 60f), turned(0, true))
        assertEquals(dev.inbetween.Rect(4f, 10f, 44f, 30f), turned(90, false))
        assertEquals(dev.inbetween.Rect(34f, 4f, 54f, 44f), turned(180, false))
        assertEquals(dev.inbetween.Rect(20f, 34f, 60f, 54f), turned(270, false))
        assertEquals(dev.inbetween.Rect(4f, 34f, 44f, 54f), turned(270, true))
    }

    @Test
    fun `a refused image is told and closed, one for a closed session only closed`() {
        val refused = mutableListOf<SdkException>()
        val session = Spot.open(clock = clock)
        val analyzer = InbetweenAnalyzer(session) { refused += it }
        val short = Proxy(clock.now, 0, luma = ByteArray(10))
        analyzer.analyze(short)
        session.close()
        val late = Proxy(clock.now, 0)
        analyzer.analyze(late)
        assertEquals(listOf(1, 1, 1), listOf(short.closed, late.closed, refused.size))
    }
}
