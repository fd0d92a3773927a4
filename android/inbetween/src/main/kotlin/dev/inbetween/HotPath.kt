package dev.inbetween

import java.nio.ByteBuffer

/**
 * The calls that are made for each frame and refresh, by JNI or by the generated bindings.
 *
 * **Invariant:** both give the same results and throw the same errors. Neither is for more than one capture thread at
 * once; [InbetweenSession] sees to that.
 */
internal interface HotPath {
    /** Takes a frame whose planes are in one buffer. */
    fun handleFrame(nowNanos: Long, capturedNanos: Long, image: ImageGeometry, pixels: ByteBuffer): FramePlan

    /** Takes a frame whose planes are where the camera put them. */
    fun handleYuv(nowNanos: Long, capturedNanos: Long, image: YuvImage): FramePlan

    /** Hands on how a run ended. */
    fun handleCompletion(nowNanos: Long, ticket: ULong): Admission

    /** The answer at a display time. */
    fun answerInto(displayNanos: Long, into: PackedAnswer)

    /** Whether the last call on this thread left something to poll. */
    fun hasEvent(): Boolean
}

/** By the generated bindings: microseconds and kilobytes for each call. */
internal class PlainPath(private val core: Session) : HotPath {
    private var copy = ByteBuffer.allocateDirect(0)

    override fun handleFrame(
        nowNanos: Long,
        capturedNanos: Long,
        image: ImageGeometry,
        pixels: ByteBuffer,
    ): FramePlan {
        // The generated code passes a buffer's base address whatever its position is: a slice begins at 0.
        val direct = if (pixels.isDirect) pixels.slice() else copied(pixels)
        return core.handleFrame(nowNanos, capturedNanos, image, direct)
    }

    override fun handleYuv(nowNanos: Long, capturedNanos: Long, image: YuvImage): FramePlan {
        val needed = image.packedSize
        if (copy.capacity() < needed) copy = ByteBuffer.allocateDirect(needed)
        return core.handleFrame(nowNanos, capturedNanos, image.packInto(copy), copy)
    }

    override fun handleCompletion(nowNanos: Long, ticket: ULong): Admission =
        core.handleCompletion(nowNanos, ticket)

    override fun answerInto(displayNanos: Long, into: PackedAnswer) = into.set(core.answerAt(displayNanos))

    override fun hasEvent(): Boolean = true

    private fun copied(pixels: ByteBuffer): ByteBuffer {
        if (copy.capacity() != pixels.remaining()) copy = ByteBuffer.allocateDirect(pixels.remaining())
        copy.clear()
        copy.put(pixels.duplicate())
        copy.rewind()
        return copy
    }
}

/** By JNI. Where a buffer is not direct, or planes are laid out as none of the SDK's formats, the [plain] path copies. */
internal class JniPath(core: Session) : HotPath {
    private val plain = PlainPath(core)
    private val session = core.fastId().toLong()
    private val block = FrameBlock()

    @Volatile
    private var event = false

    override fun handleFrame(
        nowNanos: Long,
        capturedNanos: Long,
        image: ImageGeometry,
        pixels: ByteBuffer,
    ): FramePlan {
        if (!pixels.isDirect) return plain.handleFrame(nowNanos, capturedNanos, image, pixels).also { event = true }
        block.describe(
            image.format,
            image.width.toInt(),
            image.height.toInt(),
            image.rotation,
            image.mirror,
            image.region,
            image.motion,
        )
        val planes = image.planes
        val remaining = pixels.remaining()
        for (index in 0 until minOf(planes.size, FrameBlock.PLANES)) {
            val plane = planes[index]
            // An offset past the end, or past what an Int holds, leaves an empty plane, which is refused by type.
            val offset = plane.offset.toLong().coerceAtMost(remaining.toLong()).toInt()
            block.plane(index, pixels.position() + offset, plane.rowStride.toInt(), remaining - offset)
        }
        return plan(FastPath.handleFrame(session, nowNanos, capturedNanos, block.memory, pixels, null, null))
    }

    override fun handleYuv(nowNanos: Long, capturedNanos: Long, image: YuvImage): FramePlan {
        val format = image.formatInPlace()
            ?: return plain.handleYuv(nowNanos, capturedNanos, image).also { event = true }
        block.describe(
            format,
            image.width,
            image.height,
            image.rotation,
            image.mirror,
            image.region,
            image.motion,
        )
        block.plane(0, image.y.position(), image.yRowStride, image.y.remaining())
        block.plane(1, image.u.position(), image.chromaRowStride, image.u.remaining())
        block.plane(2, image.v.position(), image.chromaRowStride, image.v.remaining())
        return plan(
            FastPath.handleFrame(session, nowNanos, capturedNanos, block.memory, image.y, image.u, image.v),
        )
    }

    override fun handleCompletion(nowNanos: Long, ticket: ULong): Admission {
        val result = FastPath.handleCompletion(session, nowNanos, ticket.toLong())
        if (result < 0) refuse()
        event = result and FastPath.EVENT != 0
        return admission(result and FastPath.EVENT.inv())
    }

    override fun answerInto(displayNanos: Long, into: PackedAnswer) {
        var result = FastPath.answerInto(session, displayNanos, into.memory)
        if (result < FastPath.FAILED) {
            into.grow(FastPath.FAILED - result)
            result = FastPath.answerInto(session, displayNanos, into.memory)
        }
        if (result < 0) refuse()
    }

    override fun hasEvent(): Boolean = event

    private fun plan(result: Int): FramePlan {
        if (result < 0) refuse()
        event = result and FastPath.EVENT != 0
        val reason = result and 0xff
        return if (result and FastPath.RUN == 0) {
            SKIPS[reason]
        } else {
            FramePlan.Run(block.ticket.toULong(), RUN_REASONS[reason], block.expiresNanos)
        }
    }

    private fun refuse(): Nothing {
        takeFastError()
        throw SdkException.Other("a native call was refused without a reason")
    }

    private companion object {
        val SKIPS = SkipReason.values().map { FramePlan.Skip(it) }
        val RUN_REASONS = RunReason.values()
        val FAULTS = ValueFault.values()
        val MODEL_FAILURES = listOf(RunFailure.Model, RunFailure.Panicked, RunFailure.TimedOut, RunFailure.Other)

        fun admission(number: Int): Admission = when (number) {
            0 -> Admission.Admitted
            1 -> Admission.Superseded
            2 -> Admission.UnknownTicket
            3 -> Admission.Cancelled
            in 16..19 -> Admission.Failed(MODEL_FAILURES[number - 16])
            in 32 until 32 + FAULTS.size -> Admission.Failed(RunFailure.Refused(FAULTS[number - 32]))
            else -> Admission.Other
        }
    }
}
