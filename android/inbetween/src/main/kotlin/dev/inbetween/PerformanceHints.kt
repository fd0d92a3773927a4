package dev.inbetween

import android.content.Context
import android.os.Build
import android.os.PerformanceHintManager
import android.os.Process
import androidx.annotation.RequiresApi

/**
 * Tells the system how long the model's runs take, so that it clocks the worker's core as needed (Android 12 and newer).
 *
 * Pass it as [SessionOptions.observer], one for each session. Where the platform has no hints it does nothing.
 *
 * @param targetNanos how long a run should take: the card's deadline.
 */
public class PerformanceHints(context: Context, private val targetNanos: Long) : WorkerObserver, AutoCloseable {
    private val service: Any? =
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) {
            context.getSystemService(Context.PERFORMANCE_HINT_SERVICE)
        } else {
            null
        }
    private var session: AutoCloseable? = null

    @Synchronized
    override fun onStarted() {
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) session = begin(service, Process.myTid(), targetNanos)
    }

    @Synchronized
    override fun onRun(durationNanos: Long) {
        val session = session
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S && session is Hints && durationNanos > 0) {
            session.report(durationNanos)
        }
    }

    @Synchronized
    override fun close() {
        session?.close()
        session = null
    }

    @RequiresApi(Build.VERSION_CODES.S)
    private class Hints(private val session: PerformanceHintManager.Session) : AutoCloseable {
        fun report(durationNanos: Long) = session.reportActualWorkDuration(durationNanos)

        override fun close() = session.close()
    }

    private companion object {
        @RequiresApi(Build.VERSION_CODES.S)
        fun begin(service: Any?, thread: Int, targetNanos: Long): AutoCloseable? {
            val manager = service as? PerformanceHintManager ?: return null
            // Devices that know no hints give no session.
            return manager.createHintSession(intArrayOf(thread), targetNanos)?.let { Hints(it) }
        }
    }
}
