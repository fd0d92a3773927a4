package dev.inbetween

import dev.inbetween.Spot.MS
import dev.inbetween.Spot.SIDE
import dev.inbetween.Spot.box
import dev.inbetween.Spot.direct
import dev.inbetween.Spot.eventually
import dev.inbetween.Spot.geometry
import dev.inbetween.Spot.live
import dev.inbetween.Spot.picture
import java.nio.ByteBuffer
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.flow.asFlow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.ValueSource

class SessionTest {
    private val clock = Spot.Clock()

    @Test
    fun `the native fast path is there`() = assertTrue(FastPath.available)

    @Test
    fun `the version is told`() = assertTrue(Regex("""\d+\.\d+\.\d+""").matches(InbetweenSession.version))

    @ParameterizedTest
    @ValueSource(booleans = [true, false])
    fun `a frame becomes an answer`(fast: Boolean) = Spot.open(fast, clock).use { session ->
        assertEquals(Source.Unavailable, session.answerAt(clock.now).source)
        val plan = session.live(clock, direct(picture()))
        assertEquals(RunReason.FIRST, (plan as FramePlan.Run).reason)
        assertEquals(1uL, plan.ticket)
        assertTrue(plan.expiresNanos > clock.now)
        val answer = session.answerAt(clock.now + 16 * MS)
        assertEquals(clock.now - 2 * MS, answer.keyFrameNanos)
        assertEquals(18 * MS, answer.ageNanos)
        assertEquals(1u, answer.modelVersion)
        assertEquals(32f, answer.box.bounds.x0, 1f)
        assertEquals(16f, answer.box.bounds.y0, 1f)
        assertNotNull(answer.box.identity)
        Unit
    }

    @ParameterizedTest
    @ValueSource(booleans = [true, false])
    fun `a still picture is run rarely`(fast: Boolean) = Spot.open(fast, clock).use { session ->
        val pixels = direct(picture())
        val plans = List(60) { session.live(clock, pixels) }
        val runs = plans.count { it is FramePlan.Run }
        assertTrue(runs in 1..20, "$runs runs")
    }

    @ParameterizedTest
    @ValueSource(booleans = [true, false])
    fun `a buffer counts from its position`(fast: Boolean) = Spot.open(fast, clock).use { session ->
        val shifted = ByteBuffer.allocateDirect(SIDE * SIDE + 999)
        repeat(555) { shifted.put(0xff.toByte()) }
        shifted.put(picture())
        shifted.flip().position(555)
        session.live(clock, shifted)
        assertEquals(32f, session.answerAt(clock.now).box.bounds.x0, 1f)
        assertEquals(555 to 555 + SIDE * SIDE, shifted.position() to shifted.limit())
    }

    @ParameterizedTest
    @ValueSource(booleans = [true, false])
    fun `a buffer counts to its limit`(fast: Boolean) = Spot.open(fast, clock).use { session ->
        val short = direct(picture() + ByteArray(50))
        short.limit(SIDE * SIDE - 1)
        val error = frameFault { session.handleFrame(clock.now, geometry(), short) }
        val (found, needed) = (SIDE * SIDE - 1).toULong() to (SIDE * SIDE).toULong()
        assertEquals(FrameFault.PlaneLength(0u, found, needed), error)
    }

    @ParameterizedTest
    @ValueSource(booleans = [true, false])
    fun `a buffer of the heap is copied`(fast: Boolean) = Spot.open(fast, clock).use { session ->
        val heap = ByteBuffer.wrap(ByteArray(9) + picture())
        heap.position(9)
        session.live(clock, heap)
        assertEquals(32f, session.answerAt(clock.now).box.bounds.x0, 1f)
        assertEquals(9, heap.position())
    }

    @ParameterizedTest
    @ValueSource(booleans = [true, false])
    fun `planes have offsets and strides`(fast: Boolean) = Spot.open(fast, clock).use { session ->
        val padded = ByteBuffer.allocateDirect(7 + 80 * SIDE)
        for (index in 0 until padded.capacity()) padded.put(index, 0x7f)
        picture().forEachIndexed { n, byte -> padded.put(7 + n / SIDE * 80 + n % SIDE, byte) }
        clock.now += MS
        session.handleFrame(clock.now, geometry(planes = listOf(PlaneLayout(7u, 80u))), padded)
        assertTrue(eventually { session.answerAt(clock.now).keyFrameNanos == clock.now })
        assertEquals(32f, session.answerAt(clock.now).box.bounds.x0, 1f)
        assertEquals(16f, session.answerAt(clock.now).box.bounds.y0, 1f)
    }

    @ParameterizedTest
    @ValueSource(booleans = [true, false])
    fun `the buffer may change after the call`(fast: Boolean) = Spot.open(fast, clock).use { session ->
        val pixels = direct(picture(0, 3))
        clock.now += MS
        session.handleFrame(clock.now, geometry(), pixels)
        pixels.put(picture(3, 0)).rewind()
        assertTrue(eventually { session.answerAt(clock.now).keyFrameNanos == clock.now })
        assertEquals(0f, session.answerAt(clock.now).box.bounds.x0, 1f)
    }

    @ParameterizedTest
    @ValueSource(booleans = [true, false])
    fun `bad frames are told apart and poison nothing`(fast: Boolean) = Spot.open(fast, clock).use { session ->
        val pixels = direct(picture())
        fun fault(image: ImageGeometry) = frameFault { session.handleFrame(clock.now, image, pixels) }
        assertEquals(
            FrameFault.Stride(0u, 63u, 64u),
            fault(geometry(planes = listOf(PlaneLayout(0u, 63u)))),
        )
        val small = fault(geometry(width = 4)) as FrameFault.Size
        assertEquals(4u to 16u, small.width to small.min)
        assertEquals(FrameFault.Region, fault(geometry(region = Rect(Float.NaN, 0f, 1f, 1f))))
        for (planes in listOf(listOf(), listOf(PlaneLayout(UInt.MAX_VALUE, 64u)))) {
            val error = fault(geometry(planes = planes))
            assertTrue(error is FrameFault.PlaneLength || error is FrameFault.Stride, "$error")
        }
        assertTrue(session.live(clock, pixels) is FramePlan.Run)
    }

    @ParameterizedTest
    @ValueSource(booleans = [true, false])
    fun `negative times are refused`(fast: Boolean) = Spot.open(fast, clock).use { session ->
        fun refused(call: () -> Unit): SdkException.NegativeTime = thrown(call)
        val error = refused { session.handleFrame(-5, geometry(), direct(picture())) }
        assertEquals("captured_nanos" to -5L, error.argument to error.nanos)
        assertEquals(301u, error.code())
        assertEquals("display_nanos", refused { session.answerAt(Long.MIN_VALUE) }.argument)
        clock.now = -1
        assertEquals("now_nanos", refused { session.handleFrame(0, geometry(), direct(picture())) }.argument)
        assertEquals("now_nanos", refused { session.handleEnvironment(Environment(null, false, null)) }.argument)
        clock.now = 1
        val error2 = refused { session.handleEnvironment(Environment(0.5f, true, -7)) }
        assertEquals("display_period_nanos", error2.argument)
    }

    @Test
    fun `the end of time is an answer`() = Spot.open(clock = clock).use { session ->
        session.live(clock, direct(picture()))
        assertEquals(Source.Unavailable, session.answerAt(Long.MAX_VALUE).source)
    }

    @Test
    fun `a reset forgets`() = Spot.open(clock = clock).use { session ->
        session.live(clock, direct(picture()))
        session.reset()
        assertEquals(Source.Unavailable, session.answerAt(clock.now).source)
        assertTrue(session.live(clock, direct(picture(3, 3))) is FramePlan.Run)
    }

    @Test
    fun `a bad card names line and field`() {
        val card = Spot.card.replace("epsilon = 20", "epsilom = 20")
        val error = thrown<SdkException.Card> { InbetweenSession.open(card, Spot.model) }
        assertEquals("tolerance.epsilom", error.field)
        assertEquals(101u, error.code())
        assertTrue(error.describe().contains("line ${error.line}"))
    }

    @Test
    fun `a bad model is told apart`() {
        for (bytes in listOf(byteArrayOf(), "not a model".toByteArray(), Spot.modelBytes.copyOf(300))) {
            val error = thrown<SdkException.Model> { InbetweenSession.open(Spot.card, direct(bytes)) }
            assertEquals(104u, error.code())
        }
        val card = Spot.card.replace("height = 16", "height = 32")
        val error = thrown<SdkException.Model> { InbetweenSession.open(card, Spot.model) }
        assertEquals(ModelFault.MISMATCH, error.fault)
    }

    @Test
    fun `a model may lie anywhere`() {
        val shifted = direct(ByteArray(3) + Spot.modelBytes)
        shifted.position(3)
        InbetweenSession.open(Spot.card, shifted).close()
        InbetweenSession.open(Spot.card, ByteBuffer.wrap(ByteArray(3) + Spot.modelBytes, 3, Spot.modelBytes.size))
            .close()
    }

    @Test
    fun `another model than the card's is refused`() {
        val card = Spot.card.replace("version = 1", "version = 1\nsha256 = \"${"0".repeat(64)}\"")
        val error = thrown<SdkException.Digest> { InbetweenSession.open(card, Spot.model) }
        assertEquals("0".repeat(64), error.stated)
    }

    @Test
    fun `files are found by the card's names`() {
        InbetweenSession.open(Spot.card, mapOf("bright_spot.onnx" to Spot.modelBytes)).use {
            assertEquals("bright-spot", it.modelName(0))
            assertEquals(listOf(null, null, null), listOf(-1, 1, 256).map { n -> it.modelName(n) })
        }
        val error = thrown<SdkException.Missing> { InbetweenSession.open(Spot.card, mapOf("x" to Spot.modelBytes)) }
        assertEquals("bright_spot.onnx" to 105u, error.file to error.code())
    }

    @Test
    fun `a bundle is opened off the calling thread`() = runBlocking {
        InbetweenSession.open(ModelBundle(Spot.card, Spot.model)).use {
            assertEquals(Source.Unavailable, it.answerAt(0).source)
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = [true, false])
    fun `events reach collectors`(fast: Boolean) = runBlocking {
        Spot.open(fast, clock).use { session ->
            val event = async(Dispatchers.Default, CoroutineStart.UNDISPATCHED) { session.events.first { it is Event.ClockRegressed } }
            session.live(clock, direct(picture()))
            clock.now -= 500 * MS // the clock stumbles
            session.handleFrame(clock.now, geometry(), direct(picture()))
            assertEquals(Event.ClockRegressed(500 * MS), withTimeout(30_000) { event.await() })
        }
    }

    @Test
    fun `a worker's observer is told`() {
        val told = CopyOnWriteArrayList<String>()
        val observer = object : WorkerObserver {
            override fun onStarted() {
                told += Thread.currentThread().name
            }

            override fun onRun(durationNanos: Long) {
                told += "run"
            }
        }
        Spot.open(clock = clock, observer = observer).use { session ->
            session.live(clock, direct(picture()))
            assertTrue(eventually { told.size == 2 })
            assertEquals(listOf("inbetween-worker", "run"), told)
        }
    }

    @Test
    fun `answers come for each display time and end with the session`() = runBlocking {
        val session = Spot.open(clock = clock)
        session.live(clock, direct(picture()))
        val times = listOf(1L, 2L, 3L).map { clock.now + it * MS }
        assertEquals(times.map { it - clock.now + 2 * MS }, session.answers(times.asFlow()).toList().map { it.ageNanos })
        val asked = AtomicInteger()
        val endless = flow {
            while (true) {
                if (asked.incrementAndGet() == 5) session.close()
                emit(clock.now)
            }
        }
        assertEquals(4, session.answers(endless).toList().size)
    }

    @Test
    fun `the environment is taken`() = Spot.open(clock = clock).use { session ->
        session.handleEnvironment(Environment(0.5f, false, 8 * MS))
        session.handleEnvironment(Environment(null, true, null))
        assertTrue(session.live(clock, direct(picture())) is FramePlan.Run)
    }

    @Test
    fun `a run that nobody waits for any more is told`() {
        val slow = Spot.Clock()
        val blocked = java.util.concurrent.CountDownLatch(1)
        val observer = object : WorkerObserver {
            override fun onStarted() = blocked.await()
        }
        Spot.open(clock = slow, observer = observer).use { session ->
            val events = CopyOnWriteArrayList<Event>()
            runBlocking {
                val collecting = async(Dispatchers.Default, CoroutineStart.UNDISPATCHED) {
                    session.events.first {
                        events += it
                        it is Event.TicketExpired
                    }
                }
                session.handleFrame(slow.now, geometry(), direct(picture()))
                slow.now += 10_000 * MS
                session.handleFrame(slow.now, geometry(), direct(picture()))
                assertEquals(Event.TicketExpired(1uL), withTimeout(30_000) { collecting.await() })
            }
            blocked.countDown()
            assertTrue(eventually { session.answerAt(slow.now).keyFrameNanos == slow.now })
        }
    }

    @Test
    fun `nothing is left of a closed session but the error`() {
        val session = Spot.open(clock = clock)
        session.live(clock, direct(picture()))
        session.close()
        session.close()
        assertTrue(session.awaitWorker(30_000))
        for (call in listOf<() -> Any?>(
            { session.handleFrame(clock.now, geometry(), direct(picture())) },
            { session.answerAt(clock.now) },
            { session.answerInto(clock.now, PackedAnswer()) },
            { session.reset() },
            { session.handleEnvironment(Environment(null, false, null)) },
        )) {
            assertEquals(401u, thrown<SdkException.ShutDown> { call() }.code())
        }
    }

    companion object {
        inline fun <reified T : Throwable> thrown(noinline call: () -> Unit): T =
            org.junit.jupiter.api.Assertions.assertThrows(T::class.java) { call() }

        fun frameFault(call: () -> Unit): FrameFault {
            val error = thrown<SdkException.Frame> { call() }
            assertEquals(201u, error.code())
            return error.fault
        }
    }
}
