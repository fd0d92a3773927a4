package dev.inbetween

import dev.inbetween.Spot.MS
import dev.inbetween.Spot.box
import dev.inbetween.Spot.direct
import dev.inbetween.Spot.eventually
import dev.inbetween.Spot.geometry
import dev.inbetween.Spot.live
import dev.inbetween.Spot.picture
import java.io.File
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import kotlin.concurrent.thread
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.ValueSource

/** Sessions that come and go, and code of the app that throws. */
class LifetimeTest {
    private val clock = Spot.Clock()

    @ParameterizedTest
    @ValueSource(booleans = [true, false])
    fun `sessions that were closed leave nothing`(fast: Boolean) {
        val pixels = direct(picture())
        fun one() = Spot.open(fast, clock).use {
            it.live(clock, pixels)
            it
        }
        repeat(WARM) { one() }
        val kept = mutableListOf<InbetweenSession>() // references remain: closing must free the models all the same
        val grown = List(BATCHES) {
            val before = resident()
            repeat(COUNTED) {
                val session = one()
                if (kept.size < 2 * WARM) kept += session
            }
            assertTrue(kept.all { it.awaitWorker(30_000) })
            resident() - before
        }
        println("resident after each $COUNTED sessions (fast path: $fast): ${grown.map { it / 1024 }} KiB more")
        // A model and its runner take more than 100 KiB; the virtual machine still grows by a third of that at first.
        assertTrue(grown.min() < COUNTED * 64L * 1024, "$grown bytes more after each $COUNTED sessions")
        assertEquals(0, Thread.getAllStackTraces().keys.count { it.name == "inbetween-worker" && it.isAlive })
    }

    @ParameterizedTest
    @ValueSource(booleans = [true, false])
    fun `closing during calls and runs is an error of its own kind`(fast: Boolean) {
        repeat(50) {
            val clock = Spot.Clock()
            val session = Spot.open(fast, clock)
            val unexpected = CopyOnWriteArrayList<Throwable>()
            val started = CountDownLatch(2)
            val callers = listOf<(Int) -> Any?>(
                { n -> session.handleFrame(n * 40 * MS, geometry(), direct(picture(n % 4, n / 4 % 4))) },
                { n -> session.answerAt(n * 40 * MS) },
            ).map { call ->
                thread {
                    try {
                        for (n in 1..100_000) {
                            clock.now += MS
                            call(n)
                            if (n == 2) started.countDown()
                        }
                    } catch (_: SdkException.ShutDown) {
                        // what is promised
                    } catch (e: Throwable) {
                        unexpected += e
                    }
                }
            }
            started.await()
            session.close()
            callers.forEach { it.join(30_000) }
            assertTrue(unexpected.isEmpty(), "$unexpected")
            assertTrue(session.awaitWorker(30_000))
        }
    }

    @Test
    fun `two sessions on two threads do not mix`() {
        val found = arrayOfNulls<DetectedBox>(2)
        val threads = List(2) { index ->
            thread {
                val clock = Spot.Clock()
                Spot.open(clock = clock, seed = index.toLong()).use { session ->
                    val pixels = direct(picture(3 * index, index))
                    repeat(60) { session.live(clock, pixels) }
                    found[index] = session.answerAt(clock.now).box
                }
            }
        }
        threads.forEach { it.join(60_000) }
        assertEquals(0f, found[0]!!.bounds.x0, 1f)
        assertEquals(48f, found[1]!!.bounds.x0, 1f)
    }

    @Test
    fun `an observer that throws ends nothing`() = runBlocking {
        val observer = object : WorkerObserver {
            override fun onRun(durationNanos: Long): Unit = throw IllegalArgumentException("planted")
        }
        Spot.open(clock = clock, observer = observer).use { session ->
            val problem = async(Dispatchers.Default, CoroutineStart.UNDISPATCHED) { session.problems.first() }
            session.live(clock, direct(picture(0, 0)))
            assertEquals("planted", withTimeout(30_000) { problem.await() }.cause?.message)
            clock.now += 2_000 * MS
            assertTrue(session.live(clock, direct(picture(3, 3))) is FramePlan.Run)
        }
    }

    @Test
    fun `a log sink is told what the level lets through, and may call the session`() {
        val told = CopyOnWriteArrayList<String>()
        Spot.open(clock = clock).use { session ->
            InbetweenLog.to(LogLevel.TRACE) { level, target, message ->
                session.answerAt(clock.now) // would not return if a lock were held
                told += "$level $target $message"
            }
            InbetweenSession.open(Spot.card, Spot.model).close()
            assertTrue(told.any { it.startsWith("DEBUG inbetween_infer") }, "$told")
            told.clear()
            InbetweenLog.to(LogLevel.WARN) { _, _, message -> told += message }
            InbetweenSession.open(Spot.card, Spot.model).close()
            assertTrue(told.isEmpty(), "$told")
            InbetweenLog.to(LogLevel.TRACE) { _, _, message -> told += message }
            InbetweenLog.off()
            InbetweenSession.open(Spot.card, Spot.model).close()
            assertTrue(told.isEmpty(), "$told")
        }
    }

    @Test
    fun `a log sink that throws is dropped and named`() {
        var calls = 0
        InbetweenLog.to(LogLevel.TRACE) { _, _, _ ->
            calls += 1
            throw IllegalArgumentException("planted")
        }
        repeat(3) { InbetweenSession.open(Spot.card, Spot.model).close() }
        assertEquals(1, calls)
        assertTrue(InbetweenLog.problem.orEmpty().contains("planted"), InbetweenLog.problem)
        InbetweenLog.off()
        assertNull(InbetweenLog.problem)
    }

    @Test
    fun `a callback that throws in an answer's collector reaches its caller`() = runBlocking {
        Spot.open(clock = clock).use { session ->
            val times = kotlinx.coroutines.flow.flowOf(clock.now)
            val thrown = runCatching { session.answers(times).collect { error("planted") } }
            assertEquals("planted", thrown.exceptionOrNull()?.message)
            assertNotNull(session.answerAt(clock.now))
        }
    }

    @Test
    fun `a slow run does not hold up answers`() {
        // The worker stands still before its first run; nothing else waits for it.
        val gate = CountDownLatch(1)
        val observer = object : WorkerObserver {
            override fun onStarted() = gate.await()
        }
        Spot.open(clock = clock, observer = observer).use { session ->
            session.handleFrame(clock.now, geometry(), direct(picture()))
            repeat(100) { assertEquals(Source.Unavailable, session.answerAt(clock.now + it * MS).source) }
            gate.countDown()
            assertTrue(eventually { session.answerAt(clock.now).keyFrameNanos == clock.now })
        }
    }

    private fun resident(): Long {
        repeat(3) {
            System.gc()
            Thread.sleep(50)
        }
        return File("/proc/self/statm").readText().split(' ')[1].toLong() * PAGE
    }

    private companion object {
        /** What the virtual machine needs to settle. */
        const val WARM = 300
        const val BATCHES = 4

        /** Sessions of a batch; `-Dinbetween.sessions=25000` makes it the long test. */
        val COUNTED = System.getProperty("inbetween.sessions")?.toIntOrNull() ?: 100
        const val PAGE = 4096L
    }
}
