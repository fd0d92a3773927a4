//! Apple: what `powermetrics` prints about a Mac, sample by sample, as text or as property lists.
//! **Invariant:** energy is the power of each sample times its length; a device under thermal pressure gives no run.
//! It does not start `powermetrics`, which needs root on a Mac: files are read. Its powers are estimates of Apple's.

use anyhow::{Context as _, ensure};

use super::text_of;
use crate::{
    cli::AppleArgs,
    energy::log::{Meter, Run},
};

/// The only pressure at which frequencies are those of a cool device.
const NOMINAL: &str = "Nominal";

/// One sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sample {
    seconds: f64,
    /// The whole chip's where it is said, else the sum of its parts.
    milliwatt: Option<f64>,
    parts: f64,
    mhz: f64,
}

/// The run that a file shows, without its name.
///
/// # Errors
/// When there is no sample, a sample without power or frequency, thermal pressure, or no temperature.
pub fn run(text: &str, temperature_c: Option<f64>) -> anyhow::Result<Run> {
    let samples = if text.contains("<plist") { lists(text) } else { prose(text) };
    ensure!(
        !samples.is_empty(),
        "no sample of powermetrics: save `powermetrics --samplers cpu_power,gpu_power,thermal -i 1000 -n 12`"
    );
    let (mut joules, mut seconds, mut cycles) = (0.0, 0.0, 0.0);
    for sample in &samples {
        let milliwatt = sample.milliwatt.unwrap_or(sample.parts);
        ensure!(milliwatt > 0.0, "a sample has no power: the sampler `cpu_power` is missing");
        joules += milliwatt * 1e-3 * sample.seconds;
        cycles += sample.mhz * sample.seconds;
        seconds += sample.seconds;
    }
    for pressure in pressures(text) {
        ensure!(pressure == NOMINAL, "thermal pressure is {pressure}: let the device cool, then run again");
    }
    let temperature_c = temperature_c.or_else(|| temperature(text)).context(
        "no temperature: add the output of `ioreg -rn AppleSmartBattery` to the file, or say it with --temperature-c",
    )?;
    let mhz = cycles / seconds;
    Ok(Run {
        seconds,
        joules,
        temperature_c,
        mhz,
        meter: Meter::Apple,
        workload: String::new(),
        iterations: 0,
        instructions: None,
    })
}

/// Samples of the text format.
fn prose(text: &str) -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("*** Sampled system activity") {
            // (…) (1003.24ms elapsed)
            let ms = line.split("ms elapsed").next().and_then(|l| l.rsplit('(').next()?.parse::<f64>().ok());
            samples.extend(ms.map(|ms| Sample { seconds: ms * 1e-3, ..Sample::default() }));
            continue;
        }
        let (Some(sample), Some((key, value))) = (samples.last_mut(), line.split_once(": ")) else {
            continue;
        };
        let Some(number) = value.split([' ', 'W']).next().and_then(|n| n.parse::<f64>().ok()) else {
            continue;
        };
        match key {
            "Combined Power (CPU + GPU + ANE)" | "Package Power" => sample.milliwatt = Some(number),
            "Intel energy model derived package power (CPUs+GT+SA)" => sample.milliwatt = Some(number * 1e3),
            "CPU Power" | "GPU Power" | "ANE Power" => sample.parts += number,
            _ if key.ends_with("-Cluster HW active frequency") => sample.mhz = sample.mhz.max(number),
            "CPU Average frequency as fraction of nominal" => {
                // 60.12% (1202.40 Mhz)
                let mhz = value.split(['(', ' ']).filter_map(|n| n.parse::<f64>().ok()).next_back();
                sample.mhz = mhz.unwrap_or(sample.mhz);
            }
            _ => {}
        }
    }
    samples
}

/// Samples of the property lists, which follow each other.
fn lists(text: &str) -> Vec<Sample> {
    let sample = |list: &str| {
        let one = |key: &str| values(list, key).next();
        let mhz = values(list, "freq_hz").fold(0.0, f64::max) * 1e-6;
        let parts = ["cpu_power", "gpu_power", "ane_power"].iter().filter_map(|key| one(key)).sum();
        let milliwatt = one("combined_power").or_else(|| one("package_watts").map(|w| w * 1e3));
        Some(Sample { seconds: one("elapsed_ns")? * 1e-9, milliwatt, parts, mhz })
    };
    text.split("<plist").skip(1).filter_map(sample).collect()
}

/// Numbers under a key of a property list.
fn values<'a>(list: &'a str, key: &str) -> impl Iterator<Item = f64> + use<'a> {
    let mark = format!("<key>{key}</key>");
    let places: Vec<usize> = list.match_indices(&mark).map(|(at, mark)| at + mark.len()).collect();
    places.into_iter().filter_map(|at| element(&list[at..])?.parse().ok())
}

/// The text of the element that begins here.
fn element(text: &str) -> Option<&str> {
    text.split_once('>')?.1.split('<').next()
}

fn pressures(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.lines().filter_map(|l| l.trim().strip_prefix("Current pressure level: "));
    prose.chain(text.split("<key>thermal_pressure</key>").skip(1).filter_map(element)).map(str::trim)
}

/// Of the battery, in hundredths of a degree (`ioreg`), or of the die (sampler `smc` of Macs with Intel).
fn temperature(text: &str) -> Option<f64> {
    let number =
        |line: &str, key: &str| line.trim().strip_prefix(key)?.split_whitespace().next()?.parse::<f64>().ok();
    let battery = text.lines().filter_map(|l| number(l, "\"Temperature\" = ")).next_back();
    let die = || text.lines().filter_map(|l| number(l, "CPU die temperature: ")).next_back();
    battery.map(|hundredths| hundredths / 100.0).or_else(die)
}

/// The command: one run for each file.
///
/// # Errors
/// As [`run`]; and when a rule of the protocol is broken.
pub fn collect(args: &AppleArgs) -> anyhow::Result<()> {
    let iterations = args.common.iterations(args.iterations)?;
    for file in &args.from {
        let run =
            run(&text_of(file)?, args.temperature_c).with_context(|| format!("in {}", file.display()))?;
        let run = Run { workload: args.common.workload.clone(), iterations, ..run };
        args.common.add(&run).with_context(|| format!("in {}", file.display()))?;
    }
    Ok(())
}
