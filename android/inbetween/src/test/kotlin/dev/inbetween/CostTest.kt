package dev.inbetween

import dev.inbetween.Spot.MS
import dev.inbetween.Spot.direct
import dev.inbetween.Spot.geometry
import dev.inbetween.Spot.live
import dev.inbetween.Spot.picture
import java.lang.management.ManagementFactory
import java.util.concurrent.locks.LockSupport
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** What a call costs: processor time and garbage. Times are printed, garbage is checked: it does not depend on the load. */
class CostTest {
    private val threads = ManagementFactory.getThreadMXBean() as com.sun.management.ThreadMXBean

    @Test
    fun `the fast path makes no garbage and the plain one is bounded`() {
        for (fast in listOf(true, false)) {
            val clock = Spot.Clock()
            Spot.open(fast, clock).use { session ->
                val pixels = direct(picture())
                session.live(clock, pixels)
                val image = geometry()
                val packed = PackedAnswer()
                // The same capture time again is skipped before the gate: what is left is the way there and back.
                val captured = clock.now - 2 * MS
                report(fast, "handleFrame", if (fast) 0 else 64_000) { session.handleFrame(captured, image, pixels) }
                report(fast, "answerInto", if (fast) 0 else 64_000) { session.answerInto(clock.now, packed) }
            }
            Session(Spot.card, Spot.model, 1u).use { core ->
                // One that was handed on before: known, and counted.
                val hot = if (fast) JniPath(core) else PlainPath(core)
                val plan = core.handleFrame(2 * MS, 0, geometry(), direct(picture())) as FramePlan.Run
                core.run(plan.ticket)
                assertEquals(Admission.Admitted, hot.handleCompletion(9 * MS, plan.ticket))
                report(fast, "handleCompletion", if (fast) 0 else 64_000) { hot.handleCompletion(9 * MS, plan.ticket) }
            }
        }
    }

    @Test
    fun `reading a packed answer makes no garbage`() {
        val packed = PackedAnswer()
        val box = DetectedBox(Rect(1f, 2f, 3f, 4f), 0.5f, 1u, 2u)
        packed.set(PackedAnswerTest.answer(Value.Boxes(List(10) { box }), Source.Predicted(Carry.PIXELS)))
        var sum = 0f
        assertEquals(0, garbage(20_000) {
            for (n in 0 until packed.count) sum += packed.left(n) + packed.score(n) + packed.identity(n)
            if (packed.source is Source.Predicted && packed.withinTolerance) sum += packed.uncertainty
        })
        assertTrue(sum > 0)
    }

    private fun report(fast: Boolean, what: String, most: Long, call: () -> Unit) {
        repeat(if (fast) 20_000 else 4_000) { call() }
        val rounds = if (fast) 20_000 else 2_000
        val bytes = garbage(rounds, call)
        val hot = List(20) { cpu { repeat(rounds / 20) { call() } } / (rounds / 20) }.min()
        val paced = LongArray(PACED) {
            LockSupport.parkNanos(PERIOD_NANOS)
            val before = System.nanoTime()
            call()
            System.nanoTime() - before
        }.sorted()
        println(
            "COST ${if (fast) "fast" else "plain"} $what: hot ${hot / 1e3} µs, " +
                "paced p50 ${paced[PACED / 2] / 1e3} µs, p99 ${paced[PACED * 99 / 100] / 1e3} µs, $bytes bytes",
        )
        assertTrue(bytes <= most, "$what makes $bytes bytes of garbage")
    }

    private fun garbage(rounds: Int, call: () -> Unit): Long {
        repeat(rounds) { call() }
        val before = threads.currentThreadAllocatedBytes
        repeat(rounds) { call() }
        return (threads.currentThreadAllocatedBytes - before) / rounds
    }

    private fun cpu(call: () -> Unit): Long {
        val before = threads.currentThreadCpuTime
        call()
        return threads.currentThreadCpuTime - before
    }

    private companion object {
        /** 240 Hz, in nanoseconds. */
        const val PERIOD_NANOS = 4_166_667L

        /** Paced calls: a little over a second. */
        const val PACED = 300
    }
}
