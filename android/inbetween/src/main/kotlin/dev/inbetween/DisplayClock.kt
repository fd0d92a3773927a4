package dev.inbetween

import android.content.Context
import android.hardware.display.DisplayManager
import android.os.Build
import android.os.Handler
import android.os.Looper
import android.view.Choreographer
import android.view.Display
import androidx.annotation.RequiresApi
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.channels.BufferOverflow

/**
 * The display's refreshes: for each, when what is drawn now will be seen.
 *
 * **Invariant:** callbacks come on the thread of [looper], once for each refresh while started, and never after [stop] on
 * that thread. Times are those of [System.nanoTime].
 *
 * @param looper the thread that draws.
 * @param periodNanos the display's refresh period, for platforms that do not say when a frame will be seen.
 */
public class DisplayClock(
    private val looper: Looper = Looper.getMainLooper(),
    private val periodNanos: () -> Long = { SIXTIETH_NANOS },
) {
    /** The clock of the default display of [context]. */
    public constructor(context: Context) : this(
        Looper.getMainLooper(),
        defaultDisplay(context).let { display -> { periodOf(display) } },
    )

    private val handler = Handler(looper)
    private var running: Ticker? = null

    /** Calls [onRefresh] with the display time of each refresh, on [looper]. Starting again replaces the callback. */
    public fun start(onRefresh: (displayNanos: Long) -> Unit) {
        onLooper {
            running?.active = false
            running = ticker(onRefresh).also { it.next() }
        }
    }

    /** No more callbacks. */
    public fun stop() {
        onLooper {
            running?.active = false
            running = null
        }
    }

    /** The display time of each refresh, while collected. A slow collector gets the newest. */
    public fun refreshes(): Flow<Long> = callbackFlow {
        val clock = DisplayClock(looper, periodNanos)
        clock.start { trySend(it) }
        awaitClose { clock.stop() }
    }.buffer(1, BufferOverflow.DROP_OLDEST)

    private fun ticker(onRefresh: (Long) -> Unit): Ticker =
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) {
            TimelineTicker(onRefresh)
        } else {
            FrameTicker(periodNanos, onRefresh)
        }

    private fun onLooper(action: () -> Unit) {
        if (Looper.myLooper() == looper) action() else handler.post(action)
    }

    internal companion object {
        /** A display of 60 Hz. */
        const val SIXTIETH_NANOS: Long = 16_666_667

        fun defaultDisplay(context: Context): Display? =
            (context.getSystemService(Context.DISPLAY_SERVICE) as DisplayManager?)
                ?.getDisplay(Display.DEFAULT_DISPLAY)

        fun periodOf(display: Display?): Long {
            val rate = display?.refreshRate ?: 0f
            return if (rate > 1) (1e9 / rate).toLong() else SIXTIETH_NANOS
        }
    }
}

/** Asks for one refresh after another. */
internal abstract class Ticker {
    var active = true

    abstract fun next()
}

/** A frame that is drawn now is seen one refresh after the vsync that it is drawn for. */
internal class FrameTicker(private val periodNanos: () -> Long, private val onRefresh: (Long) -> Unit) :
    Ticker(),
    Choreographer.FrameCallback {
    override fun next() = Choreographer.getInstance().postFrameCallback(this)

    override fun doFrame(frameTimeNanos: Long) {
        if (!active) return
        next()
        onRefresh(frameTimeNanos + periodNanos())
    }
}

/** The platform says when a frame will be seen. */
@RequiresApi(Build.VERSION_CODES.TIRAMISU)
internal class TimelineTicker(private val onRefresh: (Long) -> Unit) : Ticker(), Choreographer.VsyncCallback {
    override fun next() = Choreographer.getInstance().postVsyncCallback(this)

    override fun onVsync(data: Choreographer.FrameData) {
        if (!active) return
        next()
        onRefresh(data.preferredFrameTimeline.expectedPresentationTimeNanos)
    }
}
