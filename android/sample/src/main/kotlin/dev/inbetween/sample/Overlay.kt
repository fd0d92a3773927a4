package dev.inbetween.sample

import android.content.Context
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.util.Size
import android.view.View
import dev.inbetween.Carry
import dev.inbetween.PackedAnswer
import dev.inbetween.Rotation
import dev.inbetween.Source
import dev.inbetween.WorkerObserver
import java.util.concurrent.atomic.AtomicInteger

/** Draws the boxes of the newest answer and the rates. For the main thread, but for [problem]. */
internal class Overlay(context: Context, private val rates: Rates) : View(context) {
    /** What went wrong last; shown until the next. */
    @Volatile
    var problem: String = ""

    private var answer: PackedAnswer? = null
    private var upright = Size(1, 1)
    private val frame = Paint().apply {
        style = Paint.Style.STROKE
        strokeWidth = STROKE_PIXELS
    }
    private val text = Paint().apply {
        color = Color.WHITE
        textSize = TEXT_PIXELS
    }

    /** The size of the upright frame: what boxes are in pixels of. */
    fun upright(buffer: Size, rotation: Rotation) {
        val turned = rotation == Rotation.CW90 || rotation == Rotation.CW270
        upright = if (turned) Size(buffer.height, buffer.width) else buffer
    }

    fun show(answer: PackedAnswer) {
        this.answer = answer
        rates.refresh()
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        val answer = answer ?: return
        val across = width.toFloat() / upright.width
        val down = height.toFloat() / upright.height
        frame.color = colorOf(answer.source)
        frame.alpha = if (answer.withinTolerance) OPAQUE else FAINT
        if (answer.kind == PackedAnswer.Kind.BOXES) {
            for (n in 0 until answer.count) {
                canvas.drawRect(
                    answer.left(n) * across,
                    answer.top(n) * down,
                    answer.right(n) * across,
                    answer.bottom(n) * down,
                    frame,
                )
            }
        }
        canvas.drawText(rates.line(), TEXT_PIXELS, 2 * TEXT_PIXELS, text)
        canvas.drawText(problem, TEXT_PIXELS, 4 * TEXT_PIXELS, text)
    }

    private fun colorOf(source: Source): Int = when (source) {
        Source.Model -> Color.GREEN
        Source.Cached -> Color.CYAN
        Source.Interpolated -> Color.BLUE
        is Source.Predicted -> if (source.carry == Carry.PIXELS) Color.YELLOW else Color.MAGENTA
        else -> Color.GRAY
    }

    private companion object {
        const val STROKE_PIXELS = 6f
        const val TEXT_PIXELS = 36f
        const val OPAQUE = 255
        const val FAINT = 96
    }
}

/** Frames, runs of the model and refreshes in the last whole second. */
internal class Rates(private val clock: () -> Long = System::nanoTime) : WorkerObserver {
    private val frames = AtomicInteger()
    private val runs = AtomicInteger()
    private val refreshes = AtomicInteger()
    private var since = clock()
    private var shown = ""

    fun frame() {
        frames.incrementAndGet()
    }

    fun refresh() {
        refreshes.incrementAndGet()
    }

    override fun onRun(durationNanos: Long) {
        runs.incrementAndGet()
    }

    /** The line to show; made anew once a second. */
    fun line(): String {
        val now = clock()
        if (now - since >= SECOND_NANOS) {
            since = now
            val (seen, run, drawn) = listOf(frames, runs, refreshes).map { it.getAndSet(0) }
            shown = "$seen frames/s · $run runs/s · $drawn refreshes/s"
        }
        return shown
    }

    private companion object {
        const val SECOND_NANOS = 1_000_000_000L
    }
}

/** Passes what the worker says to each of [observers]. */
internal class Observers(private vararg val observers: WorkerObserver) : WorkerObserver {
    override fun onStarted() = observers.forEach { it.onStarted() }

    override fun onRun(durationNanos: Long) = observers.forEach { it.onRun(durationNanos) }
}
