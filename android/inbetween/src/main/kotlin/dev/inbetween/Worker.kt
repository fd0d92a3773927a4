package dev.inbetween

import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.channels.BufferOverflow
import kotlinx.coroutines.flow.MutableSharedFlow

/**
 * The thread that runs the model, hands on how runs ended, and does what is due.
 *
 * **Invariant:** one run at a time, in the order of the tickets; nothing that is thrown ends it but the end of the session.
 * It holds no lock while the model runs.
 */
internal class Worker(
    private val core: Session,
    private val hot: HotPath,
    private val clock: NanoClock,
    private val news: News,
    private val observer: WorkerObserver?,
) {
    private val tickets = LinkedBlockingQueue<Long>()

    @Volatile
    private var stopped = false
    private val thread = Thread(::work, "inbetween-worker").apply {
        isDaemon = true
        start()
    }

    fun submit(ticket: ULong) {
        tickets.put(ticket.toLong())
    }

    fun stop() {
        stopped = true
        tickets.put(WAKE)
    }

    fun await(millis: Long): Boolean {
        thread.join(millis)
        return !thread.isAlive
    }

    private fun work() {
        tell { it.onStarted() }
        try {
            while (!stopped) {
                val ticket = next()
                if (ticket != null && ticket != WAKE && !stopped) run(ticket.toULong())
                due()
            }
        } catch (_: SdkException) {
            // Shut down, or failed: the event says so, and so does every call.
            news.drain()
        } catch (e: IllegalStateException) {
            if (!stopped) throw e
        }
    }

    /** The next ticket; null when something is due before it comes. */
    private fun next(): Long? {
        val due = core.pollTimeout() ?: return tickets.take()
        val wait = (due.atNanos - clock.nanos()).coerceIn(0, LONGEST_WAIT_NANOS)
        return tickets.poll(wait + ROUNDING_NANOS, TimeUnit.NANOSECONDS)
    }

    private fun run(ticket: ULong) {
        val started = clock.nanos()
        val end = core.run(ticket)
        val ended = clock.nanos()
        if (end !is RunEnd.Gone) hot.handleCompletion(ended, ticket)
        news.drain()
        tell { it.onRun(ended - started) }
    }

    private fun due() {
        val due = core.pollTimeout() ?: return
        val now = clock.nanos()
        if (due.atNanos <= now) {
            core.handleTimeout(now)
            news.drain()
        }
    }

    private inline fun tell(call: (WorkerObserver) -> Unit) {
        val observer = observer ?: return
        try {
            call(observer)
        } catch (e: Exception) {
            news.problem(HostCallbackException("the worker's observer threw", e))
        }
    }

    private companion object {
        /** No ticket: they count from 1. */
        const val WAKE = 0L

        /** A clock of the app may jump: what is due is looked at again at least this often. */
        const val LONGEST_WAIT_NANOS = 1_000_000_000L

        /** Waits end a little early at times; a millisecond more saves a second look. */
        const val ROUNDING_NANOS = 1_000_000L
    }
}

/** What a session has to tell, on its way to the app. It never waits for a collector. */
internal class News(private val core: Session) {
    val events = MutableSharedFlow<Event>(extraBufferCapacity = KEPT, onBufferOverflow = BufferOverflow.DROP_OLDEST)
    val problems = MutableSharedFlow<HostCallbackException>(
        extraBufferCapacity = KEPT,
        onBufferOverflow = BufferOverflow.DROP_OLDEST,
    )

    /** Hands on what the engine has to tell; stops runs that are of no use any more. */
    fun drain() {
        try {
            while (true) events.tryEmit(core.pollEvent() ?: return)
        } catch (_: SdkException) {
            // shut down, or failed and told
        } catch (_: IllegalStateException) {
            // closed meanwhile
        }
    }

    fun problem(problem: HostCallbackException) {
        problems.tryEmit(problem)
    }

    private companion object {
        /** Events that wait for a collector; the engine keeps about as many. */
        const val KEPT = 64
    }
}
