//! Android: rails of power monitors, or charge of the battery, in snapshots before and after a run.
//! **Invariant:** time, energy, frequency and temperature of a run come from the device alone; a counter that went back is an error.
//! It does not wake the device while a run goes on: `adb` is asked before and after each repetition only.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    process::{Command as Process, Stdio},
};

use anyhow::{Context as _, bail, ensure};

use super::text_of;
use crate::{
    cli::AndroidArgs,
    energy::log::{self, LEAST_RUNS, LEAST_S, Meter, Run},
};

/// What is asked of a device, in one `adb shell`.
///
/// # Source
/// Rails: `energy_value` of the Pixels' on-device power monitors, else the dump of the power statistics HAL. Battery and
/// temperatures: `dumpsys battery`, `dumpsys thermalservice`. Frequencies: `time_in_state` of `cpufreq`, in hundredths of seconds.
pub const SCRIPT: &str = "\
echo == uptime; cat /proc/uptime
echo == rails; cat /sys/bus/iio/devices/iio:device*/energy_value 2>/dev/null || dumpsys android.hardware.power.stats.IPowerStats/default 2>/dev/null
echo == battery; dumpsys battery
echo == thermal; dumpsys thermalservice
for p in /sys/devices/system/cpu/cpufreq/policy*; do echo == frequency $p; cat $p/stats/time_in_state; done
true";

/// Rails that a model's runs load: cores, graphics, accelerator, memory.
const RAILS: [&str; 6] = ["CPU", "GPU", "G3D", "TPU", "MIF", "DDR"];

/// Throttling status 0 to 6; the type of a processor's temperature.
const CPU_TEMPERATURE: &str = "mType=0";

/// A device at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    uptime_s: f64,
    /// Microwatt-seconds since the start.
    rails: BTreeMap<String, f64>,
    /// Microampere-hours that are left.
    charge_uah: Option<f64>,
    millivolt: Option<f64>,
    plugged: bool,
    battery_c: Option<f64>,
    /// The hottest core.
    cpu_c: Option<f64>,
    /// Of each group of cores: time in each frequency, by kilohertz.
    states: BTreeMap<String, BTreeMap<u64, f64>>,
}

impl Snapshot {
    /// Reads what the script printed.
    ///
    /// # Errors
    /// When there is no uptime, without which nothing can be said.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let (mut snapshot, mut section) = (Self::default(), "");
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix("== ") {
                section = name;
                continue;
            }
            match section.split_once(' ').unwrap_or((section, "")) {
                ("uptime", _) => {
                    let seconds = line.split_whitespace().next().and_then(|n| n.parse().ok());
                    snapshot.uptime_s = seconds.unwrap_or(snapshot.uptime_s);
                }
                ("rails", _) => snapshot.rails.extend(rail(line)),
                ("battery", _) => snapshot.battery(line),
                ("thermal", _) if line.contains(CPU_TEMPERATURE) => {
                    let celsius = after(line, "mValue=").and_then(|v| v.split(',').next()?.parse().ok());
                    snapshot.cpu_c = snapshot.cpu_c.into_iter().chain(celsius).reduce(f64::max);
                }
                ("frequency", policy) => {
                    if let Some((khz, ticks)) = line.split_once(' ')
                        && let (Ok(khz), Ok(ticks)) = (khz.parse(), ticks.trim().parse())
                    {
                        snapshot.states.entry(policy.to_owned()).or_default().insert(khz, ticks);
                    }
                }
                _ => {}
            }
        }
        ensure!(
            snapshot.uptime_s > 0.0,
            "no snapshot: there is no uptime in it; `inbetween energy script` prints how to make one"
        );
        Ok(snapshot)
    }

    fn battery(&mut self, line: &str) {
        let Some((key, value)) = line.split_once(": ") else { return };
        match key {
            "Charge counter" => self.charge_uah = value.parse().ok(),
            "voltage" => self.millivolt = value.parse().ok(),
            "temperature" => self.battery_c = value.parse().ok().map(|tenths: f64| tenths / 10.0),
            "AC powered" | "USB powered" | "Wireless powered" | "Dock powered" => {
                self.plugged |= value == "true";
            }
            _ => {}
        }
    }

    /// The frequency of the group of cores that was quickest in the mean since `before`, in megahertz.
    fn mhz_since(&self, before: &Self) -> Option<f64> {
        let mean = |policy: &String, states: &BTreeMap<u64, f64>| {
            let earlier = before.states.get(policy)?;
            let spent = |khz: &u64, ticks: &f64| ticks - earlier.get(khz).copied().unwrap_or(0.0);
            let all: f64 = states.iter().map(|(khz, ticks)| spent(khz, ticks)).sum();
            let weighted: f64 = states.iter().map(|(khz, ticks)| *khz as f64 * spent(khz, ticks)).sum();
            (all > 0.0).then(|| weighted / all / 1e3)
        };
        self.states.iter().filter_map(|(policy, states)| mean(policy, states)).reduce(f64::max)
    }
}

/// `CH3(T=358356)[S2M_VDD_CPUCL2], 761330` in microwatt-seconds, or `[S2M_VDD_CPUCL2]:CPU   761.33 mWs` of the dump.
fn rail(line: &str) -> Option<(String, f64)> {
    let (name, rest) = after(line, "[")?.split_once(']')?;
    let energy = if let Some(number) = rest.strip_prefix(',') {
        number.trim().parse::<f64>().ok()?
    } else {
        let number = rest.split(" mWs").next()?.split_whitespace().last()?;
        number.parse::<f64>().ok()? * 1e3
    };
    Some((name.to_owned(), energy))
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(_, rest)| rest)
}

/// The run between two snapshots, without its name.
///
/// # Errors
/// When the device was restarted or charged, has neither monitor nor battery, or shows no frequency or temperature.
pub fn run(before: &Snapshot, after: &Snapshot, patterns: &[String]) -> anyhow::Result<Run> {
    let seconds = after.uptime_s - before.uptime_s;
    ensure!(seconds > 0.0, "the device was restarted between the snapshots");
    let (joules, meter) = if before.rails.is_empty() {
        (from_battery(before, after)?, Meter::AndroidBattery)
    } else {
        (from_rails(before, after, patterns)?, Meter::AndroidPowerMonitor)
    };
    let mhz = after.mhz_since(before).context(
        "no frequencies: /sys/devices/system/cpu/cpufreq/policy*/stats/time_in_state is empty; the protocol needs them",
    )?;
    let temperature_c = after.cpu_c.or(after.battery_c);
    let temperature_c =
        temperature_c.context("no temperature in `dumpsys thermalservice` or `dumpsys battery`")?;
    Ok(Run {
        seconds,
        joules,
        temperature_c,
        mhz,
        meter,
        workload: String::new(),
        iterations: 0,
        instructions: None,
    })
}

fn from_rails(before: &Snapshot, after: &Snapshot, patterns: &[String]) -> anyhow::Result<f64> {
    let wanted = |name: &str| {
        if patterns.is_empty() {
            RAILS.iter().any(|p| name.contains(p))
        } else {
            patterns.iter().any(|p| name.contains(p.as_str()))
        }
    };
    let mut sum = None;
    for (name, start) in before.rails.iter().filter(|(name, _)| wanted(name)) {
        let end =
            after.rails.get(name).with_context(|| format!("rail {name} is gone in the second snapshot"))?;
        ensure!(end >= start, "rail {name} went back from {start} to {end}: was the device restarted?");
        sum = Some(sum.unwrap_or(0.0) + (end - start) * 1e-6);
    }
    let names: Vec<&str> = before.rails.keys().map(String::as_str).collect();
    sum.with_context(|| format!("no rail with such a name: --rail takes parts of {}", names.join(", ")))
}

/// Charge times the voltage in the middle.
fn from_battery(before: &Snapshot, after: &Snapshot) -> anyhow::Result<f64> {
    ensure!(
        !before.plugged && !after.plugged,
        "the device is being charged, and a battery's counter then says nothing: use `adb tcpip 5555` and unplug it"
    );
    let nothing =
        "neither power monitors nor a battery's charge counter: this device cannot be measured from here";
    let used = before.charge_uah.context(nothing)? - after.charge_uah.context(nothing)?;
    ensure!(
        used > 0.0,
        "the battery's counter did not move: it is coarse, so make runs longer with --seconds"
    );
    let millivolt = f64::midpoint(before.millivolt.context(nothing)?, after.millivolt.context(nothing)?);
    // Microampere-hours to coulombs, millivolts to volts.
    Ok(used * 3.6e-3 * millivolt * 1e-3)
}

/// The command: one run of saved snapshots, or several with a device.
///
/// # Errors
/// As [`run`]; and when `adb` cannot be used or a rule of the protocol is broken.
pub fn collect(args: &AndroidArgs) -> anyhow::Result<()> {
    if let [before, after] = &args.from[..] {
        let iterations = args.common.iterations(args.iterations)?;
        let read = |file| Snapshot::parse(&text_of(file)?).with_context(|| format!("in {}", file.display()));
        let run = run(&read(before)?, &read(after)?, &args.rail)?;
        return args.common.add(&Run { workload: args.common.workload.clone(), iterations, ..run });
    }
    ensure!((LEAST_S..3600.0).contains(&args.seconds), "a run is {LEAST_S} s at least");
    ensure!(args.runs >= LEAST_RUNS, "{LEAST_RUNS} runs at least");
    ensure!(
        args.common.is_idle() == args.command.is_empty(),
        "`idle` takes no command, any other workload takes one after `--`"
    );
    let adb = Adb { serial: args.serial.as_deref() };
    for _ in 0..args.runs {
        let run = adb.run(args)?;
        args.common.add(&run)?;
    }
    Ok(())
}

/// A device on the other end.
struct Adb<'a> {
    serial: Option<&'a str>,
}

impl Adb<'_> {
    fn shell(&self, script: &str) -> anyhow::Result<String> {
        let mut adb = Process::new("adb");
        if let Some(serial) = self.serial {
            adb.args(["-s", serial]);
        }
        let done = match adb.args(["shell", script]).stdin(Stdio::null()).output() {
            Ok(done) => done,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!("no `adb` on PATH: install the platform tools of the Android SDK")
            }
            Err(error) => return Err(error).context("cannot run adb"),
        };
        let said = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "adb shell {script}: {}: {}", done.status, said.trim());
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }

    fn snapshot(&self) -> anyhow::Result<Snapshot> {
        Snapshot::parse(&self.shell(SCRIPT)?)
    }

    /// Repeats the command until the device says that enough time has passed.
    fn run(&self, args: &AndroidArgs) -> anyhow::Result<Run> {
        // A device that is idle is not asked how idle it is.
        let command = if args.common.is_idle() {
            format!("sleep {}", args.seconds.ceil())
        } else {
            args.command.join(" ")
        };
        let before = self.snapshot()?;
        ensure!(
            !before.rails.is_empty() || args.seconds >= log::LEAST_BATTERY_S,
            "no power monitors, only a battery, whose counter is coarse: --seconds {} at least",
            log::LEAST_BATTERY_S
        );
        let mut iterations = 0;
        loop {
            self.shell(&command)?;
            iterations += 1;
            let uptime = self.shell("cat /proc/uptime")?;
            let now: f64 =
                uptime.split_whitespace().next().and_then(|n| n.parse().ok()).context("no uptime")?;
            if now - before.uptime_s >= args.seconds {
                break;
            }
        }
        let after = self.snapshot()?;
        let iterations = if args.common.is_idle() { 0 } else { iterations };
        Ok(Run { workload: args.common.workload.clone(), iterations, ..run(&before, &after, &args.rail)? })
    }
}
