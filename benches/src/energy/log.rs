//! A session with a meter as a file of lines, and whether it follows the protocol.
//! **Invariant:** an energy is a median of runs of which idle energy is subtracted; a log that breaks a rule gives none.
//! It does not read meters: [`sysfs`](super::sysfs) does on Linux, tools of the makers elsewhere.

use std::{fs::OpenOptions, io::Write as _, path::Path};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

/// A run takes at least so long: meters are slow, and MLPerf Tiny asks for the same.
pub const LEAST_S: f64 = 10.0;
/// The same beside a battery's counter, which moves in steps of a milliampere-hour or so: some ten joules.
pub const LEAST_BATTERY_S: f64 = 120.0;
/// Runs of each workload.
pub const LEAST_RUNS: usize = 5;
/// A device that warms by more than this during a session is another device at its end.
const MOST_WARMING_C: f64 = 10.0;

/// One run: a line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// What ran; `idle` for the same time with nothing.
    pub workload: String,
    /// How long, in seconds.
    pub seconds: f64,
    /// What the meter said, in joules.
    pub joules: f64,
    /// Times that the workload was done (answers, frames, model runs).
    pub iterations: u64,
    /// Temperature at the end, in degrees Celsius.
    pub temperature_c: f64,
    /// Frequency of the core, mean over the run, in megahertz.
    pub mhz: f64,
    /// Which meter.
    pub meter: Meter,
    /// Instructions, where a counter was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<u64>,
}

/// Where the energy came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meter {
    /// RAPL counters of Linux (`powercap`): the processor alone.
    Rapl,
    /// An INA226 or the like under Linux' `hwmon`: what flows through its shunt.
    Hwmon,
    /// `perf stat` with an energy event.
    Perf,
    /// `PowerMonitor` of Android 15 (API 35): rails of the device.
    AndroidPowerMonitor,
    /// Charge and voltage of the battery: for A against B on one device only.
    AndroidBattery,
    /// Energy and instructions of `XCTCPUMetric` or `powermetrics`.
    Apple,
}

/// What a workload takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Its name.
    pub workload: String,
    /// Joules of one iteration, idle subtracted: the median of the runs.
    pub joules: f64,
    /// Share by which the runs in the middle half differ from each other.
    pub spread: f64,
    /// How many runs.
    pub runs: usize,
}

/// Reads a log: one JSON object a line.
///
/// # Errors
/// The line that is none.
pub fn read(text: &str) -> anyhow::Result<Vec<Run>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(i, line)| serde_json::from_str(line).with_context(|| format!("line {}", i + 1))).collect()
}

/// Adds a run to a log, which is made when it is not there.
///
/// # Errors
/// When it cannot be written.
pub fn append(log: &Path, run: &Run) -> anyhow::Result<()> {
    let line = serde_json::to_string(run)? + "\n";
    let file = OpenOptions::new().create(true).append(true).open(log);
    file.and_then(|mut file| file.write_all(line.as_bytes()))
        .with_context(|| format!("cannot write {}", log.display()))
}

/// What the protocol asks of one run.
///
/// # Errors
/// The rule that it breaks, with what to do.
pub fn check(run: &Run) -> anyhow::Result<()> {
    let Run { workload, seconds, joules, temperature_c, mhz, .. } = run;
    let least = if run.meter == Meter::AndroidBattery { LEAST_BATTERY_S } else { LEAST_S };
    ensure!(
        *seconds >= least,
        "{workload}: a run of {seconds} s; {least} s at least, so repeat the workload"
    );
    ensure!(joules.is_finite() && *joules >= 0.0, "{workload}: {joules} J; did the counter wrap?");
    ensure!(temperature_c.is_finite() && *mhz > 0.0, "{workload}: temperature and frequency must be logged");
    ensure!(run.iterations > 0 || workload == IDLE, "{workload}: no iteration in a run");
    Ok(())
}

/// What each workload takes, in the order in which they come first.
///
/// # Errors
/// The rule of the protocol that the log breaks, with what to do.
pub fn measured(runs: &[Run]) -> anyhow::Result<Vec<Measured>> {
    runs.iter().try_for_each(check)?;
    ensure!(runs.windows(2).all(|r| r[0].meter == r[1].meter), "one session has one meter");
    let temperatures = || runs.iter().map(|r| r.temperature_c);
    let warming = temperatures().fold(f64::MIN, f64::max) - temperatures().fold(f64::MAX, f64::min);
    ensure!(warming <= MOST_WARMING_C, "the device warmed by {warming:.0} °C: let it cool between runs");
    let of = |name: &str| runs.iter().filter(|r| r.workload == name).collect::<Vec<_>>();
    let idle = of(IDLE);
    ensure!(idle.len() >= LEAST_RUNS, "{} runs of `idle`: {LEAST_RUNS} at least", idle.len());
    let idle_watt = median(idle.iter().map(|r| r.joules / r.seconds).collect());
    let mut names: Vec<&str> = Vec::new();
    for run in runs.iter().filter(|r| r.workload != IDLE) {
        if !names.contains(&&*run.workload) {
            names.push(&run.workload);
        }
    }
    names.into_iter().map(|name| workload(name, &of(name), idle_watt)).collect()
}

/// The workload that does nothing.
pub const IDLE: &str = "idle";

fn workload(name: &str, runs: &[&Run], idle_watt: f64) -> anyhow::Result<Measured> {
    ensure!(runs.len() >= LEAST_RUNS, "{} runs of `{name}`: {LEAST_RUNS} at least", runs.len());
    let each: Vec<f64> =
        runs.iter().map(|r| (r.joules - idle_watt * r.seconds) / r.iterations as f64).collect();
    let joules = median(each.clone());
    ensure!(joules > 0.0, "{name} takes no more than idle: more iterations a run, or a better meter");
    let mut sorted = each;
    sorted.sort_by(f64::total_cmp);
    let spread = (sorted[sorted.len() * 3 / 4] - sorted[sorted.len() / 4]) / joules;
    Ok(Measured { workload: name.to_owned(), joules, spread, runs: runs.len() })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n % 2 == 1 { values[n / 2] } else { f64::midpoint(values[n / 2 - 1], values[n / 2]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Breaks = fn(&mut Vec<Run>);

    fn run(workload: &str, joules: f64) -> Run {
        Run {
            workload: workload.to_owned(),
            seconds: 10.0,
            joules,
            iterations: 100,
            temperature_c: 40.0,
            mhz: 1800.0,
            meter: Meter::Rapl,
            instructions: None,
        }
    }

    fn session() -> Vec<Run> {
        let idle = [20.0, 21.0, 20.0, 19.0, 20.0].map(|j| run("idle", j));
        let busy = [40.0, 41.0, 40.0, 80.0, 39.0].map(|j| run("demo", j));
        idle.into_iter().chain(busy).collect()
    }

    #[test]
    fn idle_is_subtracted_and_the_median_taken() {
        let measured = measured(&session()).unwrap();
        assert_eq!((measured.len(), measured[0].runs), (1, 5));
        assert!((measured[0].joules - 0.2).abs() < 1e-9, "one run of 80 J does not matter: {measured:?}");
    }

    #[test]
    fn each_rule_of_the_protocol_is_held() {
        let broken: [(&str, Breaks); 8] = [
            ("10 s at least", |s| s[7].seconds = 9.0),
            ("runs of `demo`", |s| drop(s.pop())),
            ("runs of `idle`", |s| drop(s.remove(0))),
            ("warmed", |s| s[9].temperature_c = 60.0),
            ("frequency", |s| s[3].mhz = 0.0),
            ("120 s at least", |s| s.iter_mut().for_each(|r| r.meter = Meter::AndroidBattery)),
            ("one meter", |s| s[9].meter = Meter::Apple),
            ("no more than idle", |s| s.iter_mut().for_each(|r| r.joules = 20.0)),
        ];
        for (says, break_it) in broken {
            let mut session = session();
            break_it(&mut session);
            let error = measured(&session).unwrap_err().to_string();
            assert!(error.contains(says), "{says}: {error}");
        }
        assert!(measured(&[]).is_err());
    }

    #[test]
    fn logs_are_lines_of_json() {
        let text: String = session().iter().map(|r| serde_json::to_string(r).unwrap() + "\n").collect();
        assert_eq!(read(&text).unwrap(), session());
        assert!(read("{\"workload\": 1}").unwrap_err().to_string().contains("line 1"));
    }
}
