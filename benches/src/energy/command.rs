//! `inbetween energy`: measures with the meters of Linux, reads logs of any meter, and says what a model may claim.
//! **Invariant:** every figure is printed with the word that its validation allows.
//! It does not change profiles.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command as Process, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

use super::{
    collect,
    log::{self, LEAST_RUNS, Meter, Run},
    profile::{Counts, Profiles},
    sustained,
    sysfs::{self, Source},
    validation::{Pair, Validation, Validations},
};
use crate::{cli::EnergyCommand, record::write_pretty, terminal::say};

/// Between two readings of a meter.
const STEP: Duration = Duration::from_millis(100);

/// The command.
///
/// # Errors
/// When a file cannot be read or written, there is no meter, or a rule of the protocol is broken.
pub fn command(what: &EnergyCommand) -> anyhow::Result<()> {
    match what {
        EnergyCommand::Profiles => profiles(),
        EnergyCommand::Measure { log, workload, seconds, runs, root, command } => {
            measure(log, workload, *seconds, *runs, root, command)
        }
        EnergyCommand::Collect(what) => collect::command(what),
        EnergyCommand::Script => {
            say(collect::android::SCRIPT);
            Ok(())
        }
        EnergyCommand::Sustained(args) => sustained::command(args),
        EnergyCommand::Read { log } => {
            for m in log::measured(&runs_of(log)?)? {
                let (joules, spread) = (m.joules, 100.0 * m.spread);
                say(format_args!(
                    "{}: {joules:.4e} J an iteration (± {spread:.0}% between runs, {} runs)",
                    m.workload, m.runs
                ));
            }
            Ok(())
        }
        EnergyCommand::Validate { log, counts, device, json } => {
            validate(log, counts, device, json.as_deref())
        }
    }
}

fn runs_of(log: &Path) -> anyhow::Result<Vec<Run>> {
    let text = fs::read_to_string(log).with_context(|| format!("cannot read {}", log.display()))?;
    log::read(&text).with_context(|| format!("{} is no log", log.display()))
}

fn profiles() -> anyhow::Result<()> {
    let Profiles { version, profiles, cores } = Profiles::shipped()?;
    let validations = Validations::shipped()?;
    say(format_args!("version {version}"));
    for p in profiles {
        let (claim, devices) = (validations.claim(&p.name, &p.devices), p.devices.len());
        say(format_args!("{}: {} It stands for {devices} validated devices: {claim}.", p.name, p.text));
        for (what, c) in [
            ("joule_per_mac", &p.joule_per_mac),
            ("joule_per_byte", &p.joule_per_byte),
            ("core_watt", &p.core_watt),
            ("joule_per_wake", &p.joule_per_wake),
        ] {
            say(format_args!("  {what} = {:.3e} ± {:.0}%: {}", c.value, 100.0 * c.error, c.source));
        }
    }
    for c in cores {
        let k = &c.picojoule_per_cycle;
        say(format_args!(
            "{} {}: {} pJ a cycle ± {:.0}%: {}",
            c.chip,
            c.core,
            k.value,
            100.0 * k.error,
            k.source
        ));
    }
    Ok(())
}

fn measure(
    log_file: &Path,
    workload: &str,
    seconds: f64,
    runs: usize,
    root: &Path,
    command: &[String],
) -> anyhow::Result<()> {
    ensure!((log::LEAST_S..3600.0).contains(&seconds), "a run is {} s at least", log::LEAST_S);
    ensure!(runs >= LEAST_RUNS, "{LEAST_RUNS} runs at least");
    ensure!(
        (workload == "idle") == command.is_empty(),
        "`idle` takes no command, any other workload takes one"
    );
    let found = sysfs::find(root);
    let Some(source) = found.first() else {
        bail!(
            "no meter below {}: neither RAPL nor an energy or power monitor",
            root.join("sys/class").display()
        );
    };
    for _ in 0..runs {
        let run = once(source, workload, Duration::from_secs_f64(seconds), root, command)?;
        log::append(log_file, &run)?;
        say(format_args!(
            "{workload}: {:.2} J in {:.1} s, {} iterations",
            run.joules, run.seconds, run.iterations
        ));
    }
    Ok(())
}

fn once(
    source: &Source,
    workload: &str,
    least: Duration,
    root: &Path,
    command: &[String],
) -> anyhow::Result<Run> {
    let (start, mut readings, mut mhz, mut iterations) =
        (Instant::now(), vec![source.reading()?], Vec::new(), 0);
    let mut child = None;
    while start.elapsed() < least || child.is_some() {
        if let [program, arguments @ ..] = command
            && child.is_none()
        {
            let mut process = Process::new(program);
            process.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
            child = Some(process.spawn().with_context(|| format!("cannot run {program}"))?);
        }
        std::thread::sleep(STEP);
        readings.push(source.reading()?);
        mhz.push(sysfs::mhz(root)?);
        if let Some(running) = &mut child
            && let Some(status) = running.try_wait()?
        {
            ensure!(status.success(), "{}: {status}", command.join(" "));
            (child, iterations) = (None, iterations + 1);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    Ok(Run {
        workload: workload.to_owned(),
        seconds,
        joules: source.joules(&readings, seconds / (readings.len() - 1) as f64)?,
        iterations,
        temperature_c: sysfs::temperature_c(root)?,
        mhz: mhz.iter().sum::<f64>() / mhz.len().max(1) as f64,
        meter: if matches!(source, Source::Rapl(_)) { Meter::Rapl } else { Meter::Hwmon },
        instructions: None,
    })
}

fn validate(log: &Path, counts: &Path, device: &str, json: Option<&Path>) -> anyhow::Result<()> {
    let text = fs::read_to_string(counts).with_context(|| format!("cannot read {}", counts.display()))?;
    let counts: BTreeMap<String, Counts> = serde_json::from_str(&text).context("the counts are none")?;
    let measured = log::measured(&runs_of(log)?)?;
    let mut validations = Vec::new();
    for profile in &Profiles::shipped()?.profiles {
        let pair = |m: &log::Measured| {
            let counts = counts.get(&m.workload).with_context(|| format!("no counts of `{}`", m.workload))?;
            let (modelled_j, _) = profile.energy(counts);
            Ok(Pair { workload: m.workload.clone(), measured_j: m.joules, modelled_j })
        };
        let pairs: Vec<Pair> = measured.iter().map(pair).collect::<anyhow::Result<_>>()?;
        let v = Validation::of(device, &pairs)?;
        say(format_args!(
            "{} on {device}: tau {:.2} ({:.2} to {:.2}), {:.0}% off when left out: {}",
            profile.name,
            v.tau,
            v.ci.0,
            v.ci.1,
            100.0 * v.mape,
            v.claim()
        ));
        validations.push((profile.name.clone(), v));
    }
    if let Some(path) = json {
        let all: BTreeMap<_, _> = validations.into_iter().collect();
        write_pretty(path, &all)?;
    }
    Ok(())
}
