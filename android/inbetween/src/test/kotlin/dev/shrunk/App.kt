package dev.shrunk

import dev.inbetween.FramePlan
import dev.inbetween.ImageGeometry
import dev.inbetween.InbetweenLog
import dev.inbetween.InbetweenSession
import dev.inbetween.LogLevel
import dev.inbetween.PackedAnswer
import dev.inbetween.PixelFormat
import dev.inbetween.PlaneLayout
import dev.inbetween.Rotation
import dev.inbetween.SdkException
import dev.inbetween.SessionOptions
import java.io.File
import java.nio.ByteBuffer

/** An app that knows nothing of the SDK's rules: run whole and shrunk, it must print the same. */
object App {
    private const val SIDE = 64

    @JvmStatic
    fun main(arguments: Array<String>) {
        val (card, model) = arguments.map { File(it) }
        var logged = 0
        InbetweenLog.to(LogLevel.TRACE) { _, _, _ -> logged += 1 }
        for (fast in listOf(true, false)) {
            val options = SessionOptions(nativeFastPath = fast)
            InbetweenSession.open(card.readText(), direct(model.readBytes()), options).use { session ->
                println(if (fast) "fast ${show(session)}" else "plain ${show(session)}")
            }
        }
        try {
            InbetweenSession.open("nonsense", direct(ByteArray(1)))
        } catch (e: SdkException.Card) {
            println("refused in line ${e.line} ${logged > 0}")
        }
    }

    private fun show(session: InbetweenSession): Int {
        val pixels = direct(ByteArray(SIDE * SIDE) { if (it % SIDE in 32..47 && it / SIDE in 16..31) -16 else 20 })
        val plane = PlaneLayout(0u, SIDE.toUInt())
        val image = ImageGeometry(
            PixelFormat.GRAY8,
            SIDE.toUInt(),
            SIDE.toUInt(),
            listOf(plane),
            Rotation.UPRIGHT,
            false,
            null,
        )
        check(session.handleFrame(System.nanoTime(), image, pixels) is FramePlan.Run)
        val answer = PackedAnswer()
        for (attempt in 0 until 3_000) {
            session.answerInto(System.nanoTime(), answer)
            if (answer.kind == PackedAnswer.Kind.BOXES && answer.count > 0) return answer.left(0).toInt()
            Thread.sleep(10)
        }
        error("no answer")
    }

    private fun direct(bytes: ByteArray) = ByteBuffer.allocateDirect(bytes.size).apply {
        put(bytes)
        rewind()
    }
}
