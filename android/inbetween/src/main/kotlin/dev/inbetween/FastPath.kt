package dev.inbetween

import java.nio.ByteBuffer

/**
 * The native methods of the hot calls. They allocate nothing and cost well under a microsecond beside what the core does.
 *
 * **Invariant:** what a method returns is what the plain call gives, as a number; [FAILED] leaves the reason for
 * [takeFastError] on the same thread. It holds no pointer: a session is a number that names nothing once it is closed.
 */
internal object FastPath {
    /** The call was refused. Less than this: the buffer is too short by the needed bytes, counted down from here. */
    const val FAILED: Int = -1

    /** Added when `pollEvent` has something to tell. */
    const val EVENT: Int = 1 shl 16

    /** Added to the reason's number when the plan is to run. */
    const val RUN: Int = 1 shl 8

    /** Whether the library could be loaded for these calls; else the plain path serves. */
    val available: Boolean = try {
        System.loadLibrary("inbetween_ffi")
        true
    } catch (_: UnsatisfiedLinkError) {
        false
    } catch (_: SecurityException) {
        false
    }

    @JvmStatic
    external fun handleFrame(
        session: Long,
        nowNanos: Long,
        capturedNanos: Long,
        block: ByteBuffer,
        plane0: ByteBuffer,
        plane1: ByteBuffer?,
        plane2: ByteBuffer?,
    ): Int

    @JvmStatic
    external fun answerInto(session: Long, displayNanos: Long, out: ByteBuffer): Int

    @JvmStatic
    external fun handleCompletion(session: Long, nowNanos: Long, ticket: Long): Int

    /** How many bytes the memory of [other] begins behind that of [one]; `Long.MAX_VALUE` when either is not direct. */
    @JvmStatic
    external fun distance(one: ByteBuffer, other: ByteBuffer): Long
}
