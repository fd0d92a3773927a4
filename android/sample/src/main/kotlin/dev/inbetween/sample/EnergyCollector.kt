package dev.inbetween.sample

import android.annotation.SuppressLint
import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.os.BatteryManager
import android.os.Build
import android.os.OutcomeReceiver
import android.os.PowerMonitor
import android.os.PowerMonitorReadings
import android.os.SystemClock
import android.os.health.SystemHealthManager
import androidx.annotation.RequiresApi
import java.io.File
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlin.coroutines.suspendCoroutine
import org.json.JSONObject

/**
 * One run beside the device's own meter, as a line of the log that `inbetween energy read` takes: power monitors from Android
 * 15 on, before that the battery's charge.
 *
 * **Invariant:** a line is given only for a run that the protocol allows (`benches/energy/README.md`): long enough, not
 * charging, with temperature and frequency. It does not subtract idle energy: log runs of `idle` as well.
 */
public class EnergyCollector(private val context: Context) {
    /** Energy since some time, or coulombs that were taken and the voltage. */
    private class Reading(val amount: Double, val volts: Double?, val nanos: Long) {
        fun joulesSince(before: Reading): Double {
            val mean = if (volts != null && before.volts != null) (volts + before.volts) / 2 else 1.0
            return (amount - before.amount) * mean
        }
    }

    /** Runs [work], which says how often it did the [workload] (0 for `idle`), and gives the line. */
    public suspend fun run(workload: String, work: suspend () -> Long): String {
        val rails = Build.VERSION.SDK_INT >= Build.VERSION_CODES.VANILLA_ICE_CREAM
        val before = if (rails) monitors() else charge()
        val iterations = work()
        val after = if (rails) monitors() else charge()
        val seconds = (after.nanos - before.nanos) / 1e9
        val least = if (rails) RAILS_SECONDS else BATTERY_SECONDS
        check(seconds >= least) { "a run of $seconds s: $least s at least, so repeat the work" }
        return JSONObject()
            .put("workload", workload)
            .put("seconds", seconds)
            .put("joules", after.joulesSince(before))
            .put("iterations", iterations)
            .put("temperature_c", battery().getIntExtra(BatteryManager.EXTRA_TEMPERATURE, 0) / 10.0)
            .put("mhz", megahertz())
            .put("meter", if (rails) "android-power-monitor" else "android-battery")
            .toString()
    }

    @RequiresApi(Build.VERSION_CODES.VANILLA_ICE_CREAM)
    private suspend fun monitors(): Reading {
        val health = checkNotNull(context.getSystemService(SystemHealthManager::class.java)) { "no power monitors" }
        val all = suspendCoroutine<List<PowerMonitor>> { health.getSupportedPowerMonitors(null, it::resume) }
        val wanted = all.filter { monitor ->
            monitor.type == PowerMonitor.POWER_MONITOR_TYPE_MEASUREMENT && RAILS.any { it in monitor.name }
        }
        check(wanted.isNotEmpty()) { "this device has no power monitors of cores and memory" }
        val readings = suspendCoroutine<PowerMonitorReadings> { waiting ->
            val receiver = object : OutcomeReceiver<PowerMonitorReadings, RuntimeException> {
                override fun onResult(result: PowerMonitorReadings) = waiting.resume(result)

                override fun onError(error: RuntimeException) = waiting.resumeWithException(error)
            }
            health.getPowerMonitorReadings(wanted, null, receiver)
        }
        val microwattSeconds = wanted.map { readings.getConsumedEnergy(it) }
        check(microwattSeconds.none { it == PowerMonitorReadings.ENERGY_UNAVAILABLE.toLong() }) { "a monitor says nothing" }
        return Reading(microwattSeconds.sum() * 1e-6, null, SystemClock.elapsedRealtimeNanos())
    }

    /** What was taken from the battery: the charge that is left, with the sign turned. */
    private fun charge(): Reading {
        val state = battery()
        check(state.getIntExtra(BatteryManager.EXTRA_PLUGGED, 0) == 0) { "the device is charging: unplug it" }
        val manager = context.getSystemService(Context.BATTERY_SERVICE) as BatteryManager
        val microampereHours = manager.getLongProperty(BatteryManager.BATTERY_PROPERTY_CHARGE_COUNTER)
        check(microampereHours > 0) { "this device does not count its battery's charge" }
        val volts = state.getIntExtra(BatteryManager.EXTRA_VOLTAGE, 0) / 1e3
        return Reading(-microampereHours * 3.6e-3, volts, SystemClock.elapsedRealtimeNanos())
    }

    @SuppressLint("UnspecifiedRegisterReceiverFlag") // nothing is registered: the last broadcast is read
    private fun battery(): Intent =
        checkNotNull(context.registerReceiver(null, IntentFilter(Intent.ACTION_BATTERY_CHANGED))) { "no battery" }

    /** The quickest core now. Where apps may not see it, `inbetween energy collect android` can, over `adb`. */
    private fun megahertz(): Double {
        val cores = File("/sys/devices/system/cpu").listFiles { file -> file.name.matches(Regex("cpu\\d+")) }.orEmpty()
        val kilohertz = cores.mapNotNull { core ->
            runCatching { File(core, "cpufreq/scaling_cur_freq").readText().trim().toDouble() }.getOrNull()
        }
        return checkNotNull(kilohertz.maxOrNull()) { "this device hides its frequencies from apps" } / 1e3
    }

    private companion object {
        /** The protocol's least length of a run. */
        const val RAILS_SECONDS = 10.0

        /** A battery's counter moves in steps of a milliampere-hour or so. */
        const val BATTERY_SECONDS = 120.0

        /** As `inbetween energy collect android`. */
        val RAILS = listOf("CPU", "GPU", "G3D", "TPU", "MIF", "DDR")
    }
}
