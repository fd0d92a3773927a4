package dev.inbetween

import java.io.File
import java.nio.ByteBuffer

/** The test model, which outlines a bright spot, and pictures for it. */
object Spot {
    const val SIDE = 64
    const val MS = 1_000_000L
    val root = File(requireNotNull(System.getProperty("inbetween.root")) { "run `cargo xtask test kotlin`" })
    private val models = File(root, "core/tests/models")
    val card: String = File(models, "bright_spot.toml").readText()
    val modelBytes: ByteArray = File(models, "bright_spot.onnx").readBytes()
    val model: ByteBuffer get() = direct(modelBytes)

    fun direct(bytes: ByteArray): ByteBuffer = ByteBuffer.allocateDirect(bytes.size).apply {
        put(bytes)
        rewind()
    }

    /** Dark, with a bright square of one of the model's cells. */
    fun picture(column: Int = 2, row: Int = 1): ByteArray = ByteArray(SIDE * SIDE) {
        val (x, y) = it % SIDE to it / SIDE
        if (x / 16 == column && y / 16 == row) 0xf0.toByte() else 0x14
    }

    fun geometry(
        width: Int = SIDE,
        height: Int = SIDE,
        planes: List<PlaneLayout> = listOf(PlaneLayout(0u, SIDE.toUInt())),
        format: PixelFormat = PixelFormat.GRAY8,
        region: Rect? = null,
    ) = ImageGeometry(format, width.toUInt(), height.toUInt(), planes, Rotation.UPRIGHT, false, region)

    /** A clock that the test turns. */
    class Clock(@Volatile var now: Long = 1000 * MS) : NanoClock {
        override fun nanos() = now
    }

    fun open(fast: Boolean = true, clock: NanoClock = Clock(), observer: WorkerObserver? = null, seed: Long = 1) =
        InbetweenSession.open(card, model, SessionOptions(seed, clock, observer, fast))

    /** Waits until [condition] holds; whether it came to hold within half a minute. */
    fun eventually(condition: () -> Boolean): Boolean {
        repeat(3_000) {
            if (condition()) return true
            Thread.sleep(10)
        }
        return false
    }

    /** A frame at the clock's time, and what came of its run, if it asked for one. */
    fun InbetweenSession.live(clock: Clock, pixels: ByteBuffer, stepMs: Long = 33): FramePlan {
        clock.now += stepMs * MS
        val captured = clock.now - 2 * MS
        val plan = handleFrame(captured, geometry(), pixels)
        if (plan is FramePlan.Run) {
            check(eventually { answerAt(clock.now + MS).keyFrameNanos == captured }) { "no result" }
        }
        return plan
    }

    val Answer.box: DetectedBox get() = (value as Value.Boxes).boxes.single()
}
