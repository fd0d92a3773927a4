//! Energy, temperature and frequency as Linux shows them in files, below any folder: the system's own, or a copy.
//! **Invariant:** a counter that wraps between two readings is taken as having wrapped once; a missing file is named.
//! It does not wait and does not run workloads: it reads.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};

/// An energy meter that Linux shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A counter of RAPL: `energy_uj`, which wraps at `max_energy_range_uj`.
    Rapl(PathBuf),
    /// A counter of a monitor: `energy1_input`, in microjoules.
    Counter(PathBuf),
    /// A monitor that shows power alone: `power1_input`, in microwatts (INA226). To be read often and added up.
    Power(PathBuf),
}

/// Finds the meters below `root` (usually `/`): packages of RAPL, then monitors with energy or power.
pub fn find(root: &Path) -> Vec<Source> {
    let mut found = Vec::new();
    for zone in folders(&root.join("sys/class/powercap")) {
        // Packages, not the cores and memories in them, which would count twice: `intel-rapl:0`, not `intel-rapl:0:1`.
        let name = zone.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.matches(':').count() == 1 && zone.join("energy_uj").is_file() {
            found.push(Source::Rapl(zone));
        }
    }
    for monitor in folders(&root.join("sys/class/hwmon")) {
        if monitor.join("energy1_input").is_file() {
            found.push(Source::Counter(monitor));
        } else if monitor.join("power1_input").is_file() {
            found.push(Source::Power(monitor));
        }
    }
    found
}

fn folders(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|e| e.path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    folders
}

fn number(file: &Path) -> anyhow::Result<f64> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let number: f64 = text.trim().parse().with_context(|| format!("{} holds no number", file.display()))?;
    ensure!(number.is_finite(), "{} holds no number", file.display());
    Ok(number)
}

impl Source {
    /// What it shows: microjoules since some time, or microwatts now.
    ///
    /// # Errors
    /// When the file cannot be read; RAPL needs root.
    pub fn reading(&self) -> anyhow::Result<f64> {
        match self {
            Self::Rapl(zone) => number(&zone.join("energy_uj")),
            Self::Counter(monitor) => number(&monitor.join("energy1_input")),
            Self::Power(monitor) => number(&monitor.join("power1_input")),
        }
    }

    /// Joules between readings that were taken `step_s` seconds apart.
    ///
    /// # Errors
    /// When there are fewer than two, or a counter went back further than a wrap explains.
    pub fn joules(&self, readings: &[f64], step_s: f64) -> anyhow::Result<f64> {
        ensure!(readings.len() >= 2, "energy needs two readings at least");
        let micro = match self {
            Self::Power(_) => {
                // Trapezoids: each reading stands for half a step on either side.
                readings.windows(2).map(|w| f64::midpoint(w[0], w[1]) * step_s).sum::<f64>()
            }
            Self::Rapl(zone) => {
                let range = number(&zone.join("max_energy_range_uj"))?;
                readings.windows(2).map(|w| if w[1] < w[0] { w[1] + range - w[0] } else { w[1] - w[0] }).sum()
            }
            Self::Counter(_) => {
                if let Some([before, after, ..]) = readings.windows(2).find(|w| w[1] < w[0]) {
                    bail!("the counter went back from {before} to {after}: was it reset?");
                }
                readings[readings.len() - 1] - readings[0]
            }
        };
        ensure!(micro >= 0.0, "the counter went back further than a wrap explains");
        Ok(micro * 1e-6)
    }
}

/// The hottest zone, in degrees Celsius.
///
/// # Errors
/// When the system shows none: the protocol needs it.
pub fn temperature_c(root: &Path) -> anyhow::Result<f64> {
    let zones = folders(&root.join("sys/class/thermal"));
    let read = |zone: &PathBuf| number(&zone.join("temp")).ok();
    let hottest = zones.iter().filter_map(read).max_by(f64::total_cmp);
    Ok(hottest.context("no thermal zone below sys/class/thermal: the protocol needs a temperature")? / 1000.0)
}

/// The frequency of the quickest core now, in megahertz.
///
/// # Errors
/// As [`temperature_c`].
pub fn mhz(root: &Path) -> anyhow::Result<f64> {
    let cores = folders(&root.join("sys/devices/system/cpu"));
    let read = |core: &PathBuf| number(&core.join("cpufreq/scaling_cur_freq")).ok();
    let quickest = cores.iter().filter_map(read).max_by(f64::total_cmp);
    Ok(quickest.context("no cpufreq below sys/devices/system/cpu: the protocol needs a frequency")? / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with files, gone at the end.
    struct Fixture(PathBuf);

    impl Fixture {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("inbetween-sysfs-{name}-{}", std::process::id()));
            for (file, text) in files {
                let path = root.join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Self(root)
        }
    }

    impl Drop for Fixture {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_desk_with_rapl_counts_packages_once_and_wraps() {
        let desk = Fixture::new(
            "rapl",
            &[
                ("sys/class/powercap/intel-rapl:0/energy_uj", "900000\n"),
                ("sys/class/powercap/intel-rapl:0/max_energy_range_uj", "1000000\n"),
                ("sys/class/powercap/intel-rapl:0:0/energy_uj", "1\n"),
            ],
        );
        let found = find(&desk.0);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].reading().unwrap(), 900_000.0);
        let joules = found[0].joules(&[900_000.0, 100_000.0, 300_000.0], 1.0).unwrap();
        assert!((joules - 0.4).abs() < 1e-9, "{joules}");
    }

    #[test]
    fn a_board_with_an_ina226_adds_power_up() {
        let board = Fixture::new(
            "ina",
            &[
                ("sys/class/hwmon/hwmon0/temp1_input", "40000"),
                ("sys/class/hwmon/hwmon1/name", "ina226"),
                ("sys/class/hwmon/hwmon1/power1_input", "2000000"),
                ("sys/class/thermal/thermal_zone0/temp", "41500\n"),
                ("sys/class/thermal/thermal_zone1/temp", "39000\n"),
                ("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1800000\n"),
            ],
        );
        let found = find(&board.0);
        assert!(matches!(&found[..], [Source::Power(_)]), "{found:?}");
        assert_eq!(found[0].joules(&[2e6, 4e6, 2e6], 0.5).unwrap(), 3.0);
        assert_eq!((temperature_c(&board.0).unwrap(), mhz(&board.0).unwrap()), (41.5, 1800.0));
    }

    #[test]
    fn a_counter_that_was_reset_and_a_board_without_meters_are_said() {
        let board = Fixture::new("counter", &[("sys/class/hwmon/hwmon0/energy1_input", "5\n")]);
        let found = find(&board.0);
        assert!(found[0].joules(&[5.0, 4.0], 1.0).is_err() && found[0].joules(&[5.0], 1.0).is_err());
        assert!(find(Path::new("no-such-folder")).is_empty());
        assert!(temperature_c(&board.0).is_err() && mhz(&board.0).is_err());
    }
}
