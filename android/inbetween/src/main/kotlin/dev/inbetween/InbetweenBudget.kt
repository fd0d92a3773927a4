package dev.inbetween

/**
 * One budget for several sessions: time, energy, heat, and the number of runs at a time. Give it to each with
 * [InbetweenSession.shareBudget].
 *
 * All methods may be called from any thread. Sessions keep what they need of it: closing it early does no harm.
 *
 * @throws SdkException.Config when a limit is out of range.
 */
public class InbetweenBudget
@Throws(SdkException::class)
constructor(limits: SharedLimits) : AutoCloseable {
    internal val core = SharedBudget(limits)

    /** How many runs are under way, over all sessions. */
    public val runsUnderWay: Int
        @Throws(SdkException::class)
        get() = core.runsUnderWay().toInt()

    /** Takes what changed about the device: heat and power saving slow the budget down. Sessions are told by themselves. */
    @Throws(SdkException::class)
    public fun handleEnvironment(nowNanos: Long, environment: Environment) {
        core.handleEnvironment(nowNanos, environment)
    }

    /** Forgets who waits and what is under way, as after a suspend. What was spent stays spent. */
    @Throws(SdkException::class)
    public fun reset(nowNanos: Long) {
        core.reset(nowNanos)
    }

    override fun close() {
        core.destroy()
    }
}

/**
 * The motion of the picture that a turn of the camera causes: radians about the axes to the right, downwards and forwards
 * (right-handed), as a gyroscope sums them up, and the focal length in pixels of the upright frame.
 */
public fun motionOfTurn(right: Float, down: Float, forward: Float, focalPx: Float): CameraMotion =
    cameraMotionFromTurn(right, down, forward, focalPx)
