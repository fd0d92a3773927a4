package dev.inbetween

import android.hardware.camera2.CameraCharacteristics
import android.os.SystemClock

/**
 * From a camera's timestamps to the session's clock.
 *
 * Cameras stamp frames by one of two clocks: the one that `Choreographer` and [System.nanoTime] use, which stands still in
 * suspend, or the one of [SystemClock.elapsedRealtimeNanos], which does not. Mixing them up makes every answer wrong by
 * the time that the device ever slept.
 */
public fun interface CameraTimestamps {
    /** The camera's [timestampNanos] on the session's clock. */
    public fun toSession(timestampNanos: Long): Long

    public companion object {
        /** Taken as they are: the camera's clock is the session's. */
        @JvmField
        public val MONOTONIC: CameraTimestamps = CameraTimestamps { it }

        /** From [SystemClock.elapsedRealtimeNanos] to [System.nanoTime]. */
        @JvmStatic
        public fun realtime(): CameraTimestamps =
            RealtimeTimestamps(SystemClock::elapsedRealtimeNanos, System::nanoTime)

        /** What the camera with [characteristics] uses. */
        @JvmStatic
        public fun of(characteristics: CameraCharacteristics): CameraTimestamps {
            val source = characteristics.get(CameraCharacteristics.SENSOR_INFO_TIMESTAMP_SOURCE)
            val realtime = CameraCharacteristics.SENSOR_INFO_TIMESTAMP_SOURCE_REALTIME
            return if (source == realtime) realtime() else MONOTONIC
        }
    }
}

/** The difference of the two clocks changes in suspend only; it is measured again once a second. */
internal class RealtimeTimestamps(private val realtime: () -> Long, private val monotonic: () -> Long) :
    CameraTimestamps {
    private var measured = Long.MIN_VALUE
    private var ahead = 0L

    @Synchronized
    override fun toSession(timestampNanos: Long): Long {
        val now = monotonic()
        if (measured == Long.MIN_VALUE || now - measured >= AGAIN_NANOS) {
            measured = now
            ahead = realtime() - now
        }
        return timestampNanos - ahead
    }

    private companion object {
        const val AGAIN_NANOS = 1_000_000_000L
    }
}
