package dev.inbetween

import dev.inbetween.Spot.MS
import dev.inbetween.Spot.direct
import dev.inbetween.Spot.eventually
import dev.inbetween.Spot.geometry
import dev.inbetween.Spot.picture
import java.util.concurrent.CountDownLatch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.ValueSource

/** Sessions on one budget, and what an app knows about its camera. */
class SharedBudgetTest {
    private val limits = SharedLimits(duty = 0.5f, runsAtATime = 1u)

    @ParameterizedTest
    @ValueSource(booleans = [true, false])
    fun `a session waits for its turn`(fast: Boolean) {
        val clock = Spot.Clock()
        val gate = CountDownLatch(1)
        val observer = object : WorkerObserver {
            override fun onStarted() = gate.await()
        }
        InbetweenBudget(limits).use { budget ->
            Spot.open(fast, clock, observer).use { first ->
                Spot.open(fast, clock).use { second ->
                    first.shareBudget(budget, 2f)
                    second.shareBudget(budget)
                    assertTrue(first.handleFrame(clock.now, geometry(), direct(picture())) is FramePlan.Run)
                    assertEquals(1, budget.runsUnderWay)
                    val plan = second.handleFrame(clock.now, geometry(), direct(picture()))
                    assertEquals(FramePlan.Skip(SkipReason.SHARED), plan)
                    gate.countDown()
                    assertTrue(eventually { budget.runsUnderWay == 0 })
                }
            }
        }
    }

    @Test
    fun `limits out of range are typed`() {
        assertThrows(SdkException.Config::class.java) { InbetweenBudget(limits.copy(duty = -1f)) }
    }

    @Test
    fun `heat and a reset are taken and a bad time is typed`() {
        InbetweenBudget(limits).use { budget ->
            budget.handleEnvironment(5 * MS, Environment(1.2f, true, null))
            budget.reset(6 * MS)
            assertThrows(SdkException.NegativeTime::class.java) { budget.reset(-1) }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = [true, false])
    fun `a camera motion that no frame can have is typed`(fast: Boolean) {
        val clock = Spot.Clock()
        Spot.open(fast, clock).use { session ->
            val moved = geometry().copy(motion = CameraMotion(1e6f, 0f, 0f, 0f, 0f, 0f))
            val thrown = assertThrows(SdkException.Frame::class.java) {
                session.handleFrame(clock.now, moved, direct(picture()))
            }
            assertEquals(FrameFault.Motion, thrown.fault)
            assertTrue(session.handleFrame(clock.now, geometry(), direct(picture())) is FramePlan.Run)
        }
    }

    @Test
    fun `a turn to the right moves the picture to the left`() {
        assertEquals(-10f, motionOfTurn(0f, 0.01f, 0f, 1000f).shiftX, 0.01f)
    }
}
