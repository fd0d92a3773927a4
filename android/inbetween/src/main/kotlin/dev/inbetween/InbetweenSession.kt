package dev.inbetween

import java.nio.ByteBuffer
import java.util.concurrent.atomic.AtomicBoolean
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.SharedFlow
import kotlinx.coroutines.flow.transformWhile
import kotlinx.coroutines.withContext

/**
 * One model on one stream of images, with the one thread that runs it.
 *
 * Give it each camera frame with [handleFrame] (or an adapter: [ImageFrames], `InbetweenAnalyzer`) and ask for an answer
 * at each display refresh with [answerAt], [answerInto] or [answers]. Whether the model runs on a frame is the engine's
 * decision; the session's worker runs it, and hands results on, by itself.
 *
 * All methods may be called from any thread, and none waits for a run of the model. Times are nanoseconds of
 * [SessionOptions.clock].
 *
 * [close] frees the model at once, whatever references remain and also while it runs. Every later call throws
 * [SdkException.ShutDown]. If the SDK itself fails inside, [Event.SessionFailed] is told once and every later call throws
 * [SdkException.Failed]: close the session and open another.
 */
public class InbetweenSession private constructor(private val core: Session, options: SessionOptions) :
    AutoCloseable {
    private val clock = options.clock
    private val closed = AtomicBoolean(false)
    private val hot: HotPath =
        if (options.nativeFastPath && FastPath.available) JniPath(core) else PlainPath(core)
    private val frames = Any()
    private val news = News(core)
    private val worker = Worker(core, hot, clock, news, options.observer)

    /** One for each thread that asks for plain answers. */
    private val packed = object : ThreadLocal<PackedAnswer>() {
        override fun initialValue() = PackedAnswer()
    }

    /** What the engine has to tell. Slow collectors lose the oldest. */
    public val events: SharedFlow<Event> get() = news.events

    /** What was thrown by code of the app that the session called. Slow collectors lose the oldest. */
    public val problems: SharedFlow<HostCallbackException> get() = news.problems

    /**
     * Takes a frame whose planes are in one buffer, from its position to its limit; reads it during the call only.
     *
     * Direct buffers are read in place. When the returned plan is to run, the worker has it already. One thread at a time
     * gets in; others wait for it.
     *
     * @param capturedNanos when the frame was sensed; see [CameraTimestamps].
     * @throws SdkException.Frame when it is not what the card promises. The session is as before.
     */
    @Throws(SdkException::class)
    public fun handleFrame(capturedNanos: Long, image: ImageGeometry, pixels: ByteBuffer): FramePlan =
        unlessClosed { take { hot.handleFrame(clock.nanos(), capturedNanos, image, pixels) } }

    /** The same for a camera's three planes; see [YuvImage]. */
    @Throws(SdkException::class)
    public fun handleFrame(capturedNanos: Long, image: YuvImage): FramePlan =
        unlessClosed { take { hot.handleYuv(clock.nanos(), capturedNanos, image) } }

    /** The answer for the refresh that is shown at [displayNanos]. That there is nothing to show is an answer too. */
    @Throws(SdkException::class)
    public fun answerAt(displayNanos: Long): Answer {
        val packed = requireNotNull(packed.get())
        answerInto(displayNanos, packed)
        return packed.toAnswer()
    }

    /** The same without garbage, into an answer that is used again and again. */
    @Throws(SdkException::class)
    public fun answerInto(displayNanos: Long, into: PackedAnswer) {
        unlessClosed { hot.answerInto(displayNanos, into) }
    }

    /** An answer for each display time, such as those of [DisplayClock.refreshes]; ends when the session is closed. */
    public fun answers(displayTimes: Flow<Long>): Flow<Answer> = displayTimes.transformWhile { displayNanos ->
        val answer = answerUnlessClosed(displayNanos)
        if (answer != null) emit(answer)
        answer != null
    }

    /** Takes what changed about the device; at most once a second is enough. [DeviceState] gathers it. */
    @Throws(SdkException::class)
    public fun handleEnvironment(environment: Environment) {
        unlessClosed { core.handleEnvironment(clock.nanos(), environment) }
    }

    /**
     * Spends from a budget that other sessions share from now on. With more asked for than there is, each gets a share in
     * proportion to its [weight].
     */
    @JvmOverloads
    @Throws(SdkException::class)
    public fun shareBudget(budget: InbetweenBudget, weight: Float = 1f) {
        unlessClosed { core.shareBudget(budget.core, weight) }
    }

    /** The name in the card of the model that an answer's `variant` counts; null when there is none. */
    @Throws(SdkException::class)
    public fun modelName(variant: Int): String? =
        unlessClosed { if (variant in 0..UByte.MAX_VALUE.toInt()) core.modelName(variant.toUByte()) else null }

    /** The item that is the dearest to leave unseen, for a person who is free now; see [Event.Review]. */
    @Throws(SdkException::class)
    public fun takeReview(): ReviewItem? = unlessClosed { core.takeReview() }

    /** Takes the truth for the prediction that an answer named, as it becomes known: days later, as a rule. */
    @Throws(SdkException::class)
    public fun handleLabel(prediction: Long, truth: Truth): Labelled =
        unlessClosed { core.handleLabel(clock.nanos(), prediction.toULong(), truth) }

    /** States the group of a slice that holds from now on, as the camera in use; whether the card has it. */
    @Throws(SdkException::class)
    public fun setSlice(slice: String, value: String): Boolean = unlessClosed { core.setSlice(slice, value) }

    /** Says that another session of use begins, as when another person takes the device. */
    @Throws(SdkException::class)
    public fun beginSession() {
        unlessClosed { core.beginSession() }
    }

    /**
     * The last full window of the monitor as a message of OpenTelemetry's protocol, to be posted to `/v1/metrics`; null before
     * the first [Event.WindowClosed], and when the card watches nothing.
     */
    @Throws(SdkException::class)
    public fun metrics(sender: MetricsSender): ByteArray? = unlessClosed { core.metrics(sender) }

    /** Forgets all results, as after a suspend, but for the cache of exact ones: the next answer waits for a frame. */
    @Throws(SdkException::class)
    public fun reset() {
        unlessClosed { core.reset() }
    }

    /** Frees the model and ends the worker. Does not wait for a run: it stops between two operators of the model. */
    override fun close() {
        if (!closed.compareAndSet(false, true)) return
        core.shutdown()
        worker.stop()
        core.destroy()
    }

    /** Waits until the worker's thread has ended after [close]; whether it has. */
    internal fun awaitWorker(millis: Long): Boolean = worker.await(millis)

    private inline fun take(call: () -> FramePlan): FramePlan {
        val plan = synchronized(frames) {
            val plan = call()
            // Under the same lock, so that tickets reach the worker in their order.
            if (plan is FramePlan.Run) worker.submit(plan.ticket)
            plan
        }
        if (hot.hasEvent()) news.drain()
        return plan
    }

    private fun answerUnlessClosed(displayNanos: Long): Answer? = try {
        answerAt(displayNanos)
    } catch (_: SdkException.ShutDown) {
        null
    }

    /** [call], unless the session is closed. It may be closed during the call. */
    private inline fun <T> unlessClosed(call: () -> T): T {
        if (closed.get()) throw SdkException.ShutDown()
        try {
            return call()
        } catch (e: IllegalStateException) {
            if (closed.get()) throw SdkException.ShutDown() else throw e
        }
    }

    public companion object {
        /** The version of the SDK. */
        @JvmStatic
        public val version: String get() = sdkVersion()

        /**
         * Opens a session from a card's text and a model's bytes, which are copied. Takes tens of milliseconds, the first
         * time in a process some hundreds more: not on the main thread.
         *
         * @throws SdkException when the card is refused or the model cannot be used; it says why and what would mend it.
         */
        @JvmStatic
        @JvmOverloads
        @Throws(SdkException::class)
        public fun open(
            card: String,
            model: ByteBuffer,
            options: SessionOptions = SessionOptions(),
        ): InbetweenSession {
            val bytes = if (model.isDirect) {
                model.slice()
            } else {
                ByteBuffer.allocateDirect(model.remaining()).apply {
                    put(model.duplicate())
                    rewind()
                }
            }
            return InbetweenSession(Session(card, bytes, options.seed.toULong()), options)
        }

        /** Opens a session whose model has variants: [files] has the bytes of each file that the card names. */
        @JvmStatic
        @JvmOverloads
        @Throws(SdkException::class)
        public fun open(
            card: String,
            files: Map<String, ByteArray>,
            options: SessionOptions = SessionOptions(),
        ): InbetweenSession =
            InbetweenSession(Session.withFiles(card, files, options.seed.toULong()), options)

        /** Opens a session from [bundle], off the calling thread. */
        public suspend fun open(
            bundle: ModelBundle,
            options: SessionOptions = SessionOptions(),
        ): InbetweenSession = withContext(Dispatchers.IO) { open(bundle.card, bundle.model, options) }
    }
}
