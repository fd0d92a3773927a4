package dev.inbetween

import android.content.Context
import android.graphics.ImageFormat
import android.graphics.PixelFormat as AndroidPixelFormat
import android.hardware.camera2.CameraCharacteristics
import android.media.Image
import android.media.ImageReader
import android.os.Handler
import android.os.HandlerThread
import android.os.Looper
import android.os.PerformanceHintManager
import android.os.PowerManager
import android.util.Log
import android.view.Choreographer
import dev.inbetween.Spot.MS
import dev.inbetween.Spot.SIDE
import dev.inbetween.Spot.box
import dev.inbetween.Spot.direct
import dev.inbetween.Spot.eventually
import dev.inbetween.Spot.picture
import java.io.FileNotFoundException
import java.nio.ByteBuffer
import java.time.Duration
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertSame
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.mockito.Mockito.mock
import org.mockito.Mockito.never
import org.mockito.Mockito.times
import org.mockito.Mockito.verify
import org.mockito.Mockito.`when`
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.annotation.Implementation
import org.robolectric.annotation.Implements
import org.robolectric.shadows.ShadowChoreographer
import org.robolectric.shadows.ShadowLog
import org.robolectric.shadows.ShadowPowerManager

/** Robolectric has no shadow of the thermal headroom. */
@Implements(PowerManager::class)
class HeadroomShadow : ShadowPowerManager() {
    @Implementation
    fun getThermalHeadroom(seconds: Int): Float {
        asked += seconds
        return answer
    }

    companion object {
        val asked = mutableListOf<Int>()
        var answer = 0.5f
    }
}

/** Everything that touches Android, on its real framework classes. */
@RunWith(RobolectricTestRunner::class)
class PlatformTest {
    private val context: Context = RuntimeEnvironment.getApplication()
    private val clock = Spot.Clock()

    @After
    fun quiet() = InbetweenLog.off()

    private fun image(format: Int = ImageFormat.YUV_420_888, timestamp: Long = clock.now): Image {
        val luma = if (format == AndroidPixelFormat.RGBA_8888) {
            val gray = picture()
            direct(ByteArray(4 * SIDE * SIDE) { gray[it / 4] })
        } else {
            direct(picture())
        }
        val chroma = direct(ByteArray(SIDE * SIDE / 2) { 128.toByte() })
        fun plane(buffer: ByteBuffer, rowStride: Int, pixelStride: Int): Image.Plane {
            val plane = mock(Image.Plane::class.java)
            `when`(plane.buffer).thenReturn(buffer)
            `when`(plane.rowStride).thenReturn(rowStride)
            `when`(plane.pixelStride).thenReturn(pixelStride)
            return plane
        }
        val second = (chroma.duplicate().position(1) as ByteBuffer).slice()
        chroma.limit(chroma.limit() - 1)
        val planes = when (format) {
            AndroidPixelFormat.RGBA_8888 -> arrayOf(plane(luma, 4 * SIDE, 4))
            else -> arrayOf(plane(luma, SIDE, 1), plane(chroma, SIDE, 2), plane(second, SIDE, 2))
        }
        val image = mock(Image::class.java)
        `when`(image.format).thenReturn(format)
        `when`(image.width).thenReturn(SIDE)
        `when`(image.height).thenReturn(SIDE)
        `when`(image.timestamp).thenReturn(timestamp)
        `when`(image.planes).thenReturn(planes)
        return image
    }

    private fun found(session: InbetweenSession, captured: Long = clock.now): DetectedBox {
        assertTrue(eventually { session.answerAt(clock.now).keyFrameNanos == captured })
        return session.answerAt(clock.now).box
    }

    @Test
    fun `the fast path works beside Android's classes`() = assertTrue(FastPath.available)

    @Test
    fun `a camera's image becomes an answer`() = Spot.open(clock = clock).use { session ->
        val image = image()
        session.handleImage(image, clock.now)
        assertEquals(32f, found(session).bounds.x0, 1f)
        verify(image, never()).close()
    }

    @Test
    fun `a picture of four channels becomes an answer`() = Spot.open(clock = clock).use { session ->
        session.handleImage(image(AndroidPixelFormat.RGBA_8888), clock.now, Rotation.CW180)
        assertEquals(16f, found(session).bounds.x0, 1f)
    }

    @Test
    fun `other formats are refused by name`() = Spot.open(clock = clock).use { session ->
        val error = assertThrows(SdkException.Frame::class.java) {
            session.handleImage(image(ImageFormat.JPEG), clock.now)
        }
        assertEquals(FrameFault.Format, error.fault)
        assertTrue(error.problem.contains("YUV_420_888"))
    }

    @Test
    fun `a reader's newest image is taken and closed`() = Spot.open(clock = clock).use { session ->
        val (reader, image) = mock(ImageReader::class.java) to image(timestamp = clock.now + 7)
        `when`(reader.acquireLatestImage()).thenReturn(image, null as Image?)
        val frames = ImageFrames(session, Rotation.UPRIGHT, timestamps = { it - 7 })
        frames.onImageAvailable(reader)
        frames.onImageAvailable(reader) // none there
        found(session)
        verify(image, times(1)).close()
    }

    @Test
    fun `a refused image is closed and told, one for a closed session only closed`() {
        val reader = mock(ImageReader::class.java)
        val images = List(2) { image(ImageFormat.JPEG) }
        `when`(reader.acquireLatestImage()).thenReturn(images[0], images[1])
        val refused = mutableListOf<SdkException>()
        val session = Spot.open(clock = clock)
        val frames = ImageFrames(session, Rotation.UPRIGHT) { refused += it }
        frames.onImageAvailable(reader)
        assertEquals(1, refused.size)
        session.close()
        `when`(images[1].format).thenReturn(ImageFormat.YUV_420_888)
        frames.onImageAvailable(reader)
        assertEquals(1, refused.size)
        images.forEach { verify(it, times(1)).close() }
    }

    @Test
    fun `rotations follow sensor, display and side`() {
        assertEquals(Rotation.CW90, rotationOf(90, 0, false))
        assertEquals(Rotation.UPRIGHT, rotationOf(90, 90, false))
        assertEquals(Rotation.CW180, rotationOf(90, 270, false))
        assertEquals(Rotation.CW270, rotationOf(270, 0, true))
        assertEquals(Rotation.UPRIGHT, rotationOf(270, 90, true))
        assertEquals(Rotation.CW270, rotationOf(-90))
        assertThrows(IllegalArgumentException::class.java) { rotationOf(45) }
        val camera = mock(CameraCharacteristics::class.java)
        `when`(camera.get(CameraCharacteristics.LENS_FACING)).thenReturn(CameraCharacteristics.LENS_FACING_FRONT)
        `when`(camera.get(CameraCharacteristics.SENSOR_ORIENTATION)).thenReturn(270)
        assertEquals(Rotation.UPRIGHT, rotationOf(camera, 90))
    }

    @Test
    fun `a camera's clock is told by its characteristics`() {
        val camera = mock(CameraCharacteristics::class.java)
        assertSame(CameraTimestamps.MONOTONIC, CameraTimestamps.of(camera))
        `when`(camera.get(CameraCharacteristics.SENSOR_INFO_TIMESTAMP_SOURCE))
            .thenReturn(CameraCharacteristics.SENSOR_INFO_TIMESTAMP_SOURCE_REALTIME)
        assertTrue(CameraTimestamps.of(camera) is RealtimeTimestamps)
        assertEquals(5, CameraTimestamps.MONOTONIC.toSession(5))
    }

    @Test
    fun `time that was slept is taken off, and measured again`() {
        var (monotonic, slept) = 5_000 * MS to 100 * MS
        val timestamps = RealtimeTimestamps({ monotonic + slept }, { monotonic })
        assertEquals(monotonic, timestamps.toSession(monotonic + slept))
        slept = 900 * MS
        monotonic += 999 * MS
        assertEquals(monotonic + 800 * MS, timestamps.toSession(monotonic + slept))
        monotonic += 2 * MS
        assertEquals(monotonic, timestamps.toSession(monotonic + slept))
    }

    private fun refreshes(millis: Long = 16) {
        ShadowChoreographer.setPaused(true)
        ShadowChoreographer.setFrameDelay(Duration.ofMillis(millis))
    }

    private fun pass(times: Int, looper: Looper = Looper.getMainLooper()) =
        repeat(times) { shadowOf(looper).idleFor(Duration.ofMillis(16)) }

    @Test
    @Config(sdk = [35])
    fun `the display clock says when a frame will be seen, until it is stopped`() {
        refreshes()
        val seen = mutableListOf<Long>()
        val clock = DisplayClock(Looper.getMainLooper()) { 5 * MS }
        clock.start { seen += it }
        pass(5)
        assertTrue("$seen", seen.size >= 4) // Robolectric's timelines say nothing of time
        clock.stop()
        val before = seen.size
        pass(3)
        assertEquals(before, seen.size)
    }

    @Test
    fun `where the platform says when a frame will be seen, that is the time`() {
        refreshes()
        val timeline = mock(Choreographer.FrameTimeline::class.java)
        `when`(timeline.expectedPresentationTimeNanos).thenReturn(77)
        val data = mock(Choreographer.FrameData::class.java)
        `when`(data.preferredFrameTimeline).thenReturn(timeline)
        val seen = mutableListOf<Long>()
        val ticker = TimelineTicker { seen += it }
        ticker.onVsync(data)
        ticker.active = false
        ticker.onVsync(data)
        assertEquals(listOf(77L), seen)
    }

    @Test
    fun `without timelines a frame is seen a period later`() {
        refreshes()
        val seen = mutableListOf<Long>()
        val frames = mutableListOf<Long>()
        FrameTicker({ 7 * MS }) { seen += it }.next()
        FrameTicker({ 0 }) { frames += it }.next()
        pass(4)
        assertTrue(seen.size >= 3)
        assertEquals(frames.map { it + 7 * MS }, seen)
    }

    @Test
    fun `a stopped ticker is silent though a callback is on its way`() {
        refreshes()
        val seen = mutableListOf<Long>()
        val ticker = FrameTicker({ 0 }) { seen += it }
        ticker.next()
        ticker.active = false
        pass(3)
        assertEquals(listOf<Long>(), seen)
    }

    @Test
    fun `starting again replaces the callback`() {
        refreshes()
        val (first, second) = mutableListOf<Long>() to mutableListOf<Long>()
        val clock = DisplayClock()
        clock.start { first += it }
        pass(2)
        clock.start { second += it }
        val before = first.size
        pass(3)
        assertEquals(before, first.size)
        assertTrue(second.size >= 2)
        clock.stop()
    }

    @Test
    fun `refreshes flow while they are collected`() {
        refreshes()
        val seen = mutableListOf<Long>()
        runBlocking {
            val collecting = launch(Dispatchers.Default) { DisplayClock(context).refreshes().take(3).toList(seen) }
            assertTrue(
                eventually {
                    pass(1)
                    collecting.isCompleted
                },
            )
        }
        assertEquals(3, seen.size)
    }

    @Test
    fun `another thread than the display's may start the clock`() {
        refreshes()
        val seen = mutableListOf<Long>()
        val clock = DisplayClock()
        Thread { clock.start { seen += it } }.apply {
            start()
            join()
        }
        pass(4)
        assertTrue(seen.isNotEmpty())
        clock.stop()
    }

    @Test
    fun `the period is the display's`() {
        val period = DisplayClock.periodOf(DisplayClock.defaultDisplay(context))
        assertTrue("$period", period in 4 * MS..34 * MS)
        assertEquals(DisplayClock.SIXTIETH_NANOS, DisplayClock.periodOf(null))
    }

    @Test
    @Config(shadows = [HeadroomShadow::class])
    fun `the device is asked at most once a second`() {
        HeadroomShadow.asked.clear()
        HeadroomShadow.answer = 0.5f
        val device = DeviceState(context)
        val first = requireNotNull(device.poll(0))
        assertEquals(0.5f, first.thermalHeadroom)
        assertNotNull(first.displayPeriodNanos)
        assertNull(device.poll(999 * MS))
        assertNotNull(device.poll(1000 * MS))
        assertEquals(listOf(10, 10), HeadroomShadow.asked)
    }

    @Test
    @Config(shadows = [HeadroomShadow::class])
    fun `a headroom that is no number is none`() {
        for (none in listOf(Float.NaN, Float.POSITIVE_INFINITY, -1f)) {
            HeadroomShadow.answer = none
            assertNull(DeviceState(context).poll(0)?.thermalHeadroom)
        }
    }

    @Test
    @Config(shadows = [HeadroomShadow::class])
    fun `saving power is seen`() {
        val power = context.getSystemService(Context.POWER_SERVICE) as PowerManager
        assertEquals(false, DeviceState(context).poll(0)?.powerSaving)
        shadowOf(power).setIsPowerSaveMode(true)
        assertEquals(true, DeviceState(context).poll(0)?.powerSaving)
    }

    @Test
    @Config(shadows = [HeadroomShadow::class])
    fun `a session that follows the device ends with it`() = runBlocking {
        val session = Spot.open(clock = clock)
        val following = launch(Dispatchers.Default) { session.follow(DeviceState(context)) }
        session.close()
        following.join()
    }

    @Test
    fun `hints are given for the worker's thread and its runs`() {
        val manager = mock(PerformanceHintManager::class.java)
        val hinting = mock(PerformanceHintManager.Session::class.java)
        val context = mock(Context::class.java)
        `when`(context.getSystemService(Context.PERFORMANCE_HINT_SERVICE)).thenReturn(manager)
        val thread = android.os.Process.myTid()
        `when`(manager.createHintSession(intArrayOf(thread), 30 * MS)).thenReturn(hinting)
        PerformanceHints(context, 30 * MS).use {
            it.onStarted()
            it.onRun(12 * MS)
            it.onRun(0) // the platform refuses no time at all
        }
        verify(hinting, times(1)).reportActualWorkDuration(12 * MS)
        verify(hinting).close()
    }

    @Test
    fun `where the platform has no hints nothing happens`() {
        val context = mock(Context::class.java)
        PerformanceHints(context, 30 * MS).use {
            it.onStarted()
            it.onRun(12 * MS)
        }
        verify(context).getSystemService(Context.PERFORMANCE_HINT_SERVICE)
    }

    @Test
    fun `the log reaches logcat`() {
        ShadowLog.clear()
        InbetweenLog.toLogcat(LogLevel.DEBUG)
        InbetweenSession.open(Spot.card, Spot.model).close()
        val lines = ShadowLog.getLogsForTag("Inbetween")
        assertTrue("$lines", lines.any { it.type == Log.DEBUG && it.msg.startsWith("inbetween_infer") })
    }

    @Test
    fun `every level has a priority`() {
        val priorities = LogLevel.values().map { InbetweenLog.priority(it) }
        assertEquals(listOf(Log.ERROR, Log.ERROR, Log.WARN, Log.INFO, Log.DEBUG, Log.VERBOSE), priorities)
    }

    @Test
    fun `a bundle in a folder is opened`() {
        val bundle = ModelAssets.read(Spot.root.resolve("core/tests/models"), "bright_spot")
        InbetweenSession.open(bundle.card, bundle.model, SessionOptions(clock = clock)).use {
            it.handleImage(image(), clock.now)
            found(it)
        }
        assertThrows(java.io.IOException::class.java) { ModelAssets.read(Spot.root, "bright_spot") }
    }

    @Test
    fun `a bundle in the assets is copied when it is compressed`() {
        val assets = mock(android.content.res.AssetManager::class.java)
        `when`(assets.open("spot.toml")).thenAnswer { Spot.card.byteInputStream() }
        `when`(assets.open("spot.onnx")).thenAnswer { Spot.modelBytes.inputStream() }
        `when`(assets.openFd("spot.onnx")).thenThrow(FileNotFoundException("compressed"))
        val bundle = ModelAssets.read(assets, "spot")
        assertEquals(Spot.card, bundle.card)
        assertTrue(bundle.model.isDirect)
        assertEquals(Spot.model, bundle.model)
    }

    @Test
    fun `a bundle that is missing is named`() {
        val error = assertThrows(FileNotFoundException::class.java) { ModelAssets.read(context.assets, "no-such") }
        assertTrue("$error", error.message.orEmpty().contains("no-such"))
    }

    @Test
    fun `frames may come from a handler of their own`() = Spot.open(clock = clock).use { session ->
        val thread = HandlerThread("camera").apply { start() }
        Handler(thread.looper).post { session.handleImage(image(), clock.now) }
        shadowOf(thread.looper).idle()
        found(session)
        thread.quit()
        Unit
    }
}
