package dev.inbetween

import android.content.Context
import android.os.Build
import android.os.PowerManager
import androidx.annotation.RequiresApi
import kotlinx.coroutines.delay
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.isActive

/**
 * How hot the device is, and whether the user asked to save power.
 *
 * **Invariant:** the system is asked at most once a second, as the platform demands for the thermal headroom; in between
 * [poll] says nothing.
 */
public class DeviceState internal constructor(
    private val power: PowerManager,
    private val periodNanos: () -> Long?,
) {
    /** The state of the device that [context] is on. */
    public constructor(context: Context) : this(
        context.getSystemService(Context.POWER_SERVICE) as PowerManager,
        DisplayClock.defaultDisplay(context).let { display -> { display?.let(DisplayClock::periodOf) } },
    )

    private var polled = Long.MIN_VALUE

    /** What the engine should know, or null when the last time was less than a second before [nowNanos]. */
    @Synchronized
    public fun poll(nowNanos: Long = System.nanoTime()): Environment? {
        if (polled != Long.MIN_VALUE && nowNanos - polled < INTERVAL_NANOS) return null
        polled = nowNanos
        return Environment(
            thermalHeadroom = headroom(),
            powerSaving = power.isPowerSaveMode,
            displayPeriodNanos = periodNanos(),
        )
    }

    private fun headroom(): Float? {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.R) return null
        // Not a number where the device does not say, or was asked too often.
        return headroom30().takeIf { it.isFinite() && it >= 0 }
    }

    @RequiresApi(Build.VERSION_CODES.R)
    private fun headroom30(): Float = power.getThermalHeadroom(FORECAST_SECONDS)

    internal companion object {
        /** As often as `PowerManager.getThermalHeadroom` may be asked. */
        const val INTERVAL_NANOS: Long = 1_000_000_000

        /** How far ahead the headroom is forecast: a run that is begun later can still be spared. */
        const val FORECAST_SECONDS: Int = 10
    }
}

/** Tells the session about the device once a second, until it is closed or the coroutine is cancelled. */
public suspend fun InbetweenSession.follow(device: DeviceState) {
    while (currentCoroutineContext().isActive) {
        try {
            device.poll()?.let { handleEnvironment(it) }
        } catch (_: SdkException.ShutDown) {
            return
        }
        delay(DeviceState.INTERVAL_NANOS / 1_000_000)
    }
}
