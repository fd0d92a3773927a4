package dev.inbetween

/** A monotonic clock in nanoseconds: the one that display times are of. */
public fun interface NanoClock {
    /** Now. */
    public fun nanos(): Long
}

/**
 * Told on the worker thread when it starts and after each run of the model; see [PerformanceHints].
 *
 * An exception that it throws ends nothing: it is passed to [InbetweenSession.problems].
 */
public interface WorkerObserver {
    /** The worker's thread has started; this is it. */
    public fun onStarted() {}

    /** A run of the model took [durationNanos]. */
    public fun onRun(durationNanos: Long) {}
}

/** The code of the app that a session called threw [cause]. The session goes on. */
public class HostCallbackException(message: String, cause: Throwable) : RuntimeException(message, cause)

/**
 * How a session behaves, beside its card.
 *
 * @property seed decides the audits and nothing else: the same seed and calls give the same plans and answers.
 * @property clock the clock that capture and display times are of. [System.nanoTime] is that of `Choreographer`.
 * @property observer told about the worker's runs.
 * @property nativeFastPath whether the hot calls may go round JNA. Off only to compare.
 */
public class SessionOptions(
    public val seed: Long = 0,
    public val clock: NanoClock = NanoClock { System.nanoTime() },
    public val observer: WorkerObserver? = null,
    public val nativeFastPath: Boolean = true,
)
