//! `inbetween energy sustained`: half an hour of a device that heats up and slows down by steps of frequency, phase by phase.
//! **Invariant:** all policies meet the same frames in virtual time, each with a worker, a heat and a governor of its own.
//! It does not measure: powers are those that the scene states, and energy is called what its validation allows.

use anyhow::ensure;
use comfy_table::{Table, presets};
use inbetween_sim::{Report, SceneSpec, Setup, SimulatedDetector, policy, run};
use serde_json::json;

use super::word;
use crate::{cli::SustainedArgs, record::write_pretty, scenes, terminal::say};

/// The scene.
const SCENE: &str = include_str!("../../energy/sustained.toml");

/// The command.
///
/// # Errors
/// When the scene has no frequency steps or cannot be built, there is no such policy, or a file cannot be written.
pub fn command(args: &SustainedArgs) -> anyhow::Result<()> {
    let mut spec = match &args.scene {
        Some(file) => scenes::read(file)?,
        None => SceneSpec::parse(SCENE)?,
    };
    if let Some(seconds) = args.seconds {
        ensure!((1.0..=86_400.0).contains(&seconds), "seconds must be from 1 to 86400");
        spec.duration_s = seconds;
    }
    ensure!(!spec.latency.steps.is_empty(), "scene {} has no `[[latency.steps]]`", spec.name);
    let reports = reports(&spec, &args.policy, args.seed)?;
    say(format_args!(
        "scene {}, seed {}; energy of the runs is {}: powers are the scene's",
        spec.name,
        args.seed,
        word()
    ));
    say(table(&reports));
    if let Some(file) = &args.json {
        let policies: Vec<_> = reports
            .iter()
            .map(|r| json!({ "policy": r.row.policy, "row": r.row, "phases": r.phases }))
            .collect();
        let all = json!({ "scene": spec.name, "seed": args.seed, "energy_is": word(), "policies": policies });
        write_pretty(file, &all)?;
    }
    Ok(())
}

fn reports(spec: &SceneSpec, names: &[String], seed: u64) -> anyhow::Result<Vec<Report>> {
    let policies = names.iter().map(|name| policy::by_name(name, spec, seed));
    let mut policies = policies.collect::<Result<Vec<_>, _>>()?;
    let mut scene = spec.build(seed);
    let mut detector = SimulatedDetector::new(&scene);
    Ok(run(&mut scene, &mut policies, &mut detector, Setup { seed, ..Setup::default() }))
}

fn table(reports: &[Report]) -> Table {
    let mut table = Table::new();
    let joules = format!("{} J", word());
    let heads = ["policy", "minutes", "runs/s", "ms a run", "MHz (least)", &joules, "violations"];
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(heads);
    for report in reports {
        for p in &report.phases {
            let (seconds, refreshes) = ((p.to_s - p.from_s).max(1e-9), p.refreshes.max(1) as f64);
            table.add_row([
                report.row.policy.clone(),
                format!("{:.1} to {:.1}", p.from_s / 60.0, p.to_s / 60.0),
                format!("{:.1}", p.runs as f64 / seconds),
                format!("{:.1}", p.run_ms),
                format!("{:.0} ({:.0})", p.mhz, p.least_mhz),
                format!("{:.1}", p.joules),
                format!("{:.2}%", 100.0 * p.violations as f64 / refreshes),
            ]);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_runs_always_is_slowed_down_and_who_runs_seldom_is_not() {
        let spec = SceneSpec::parse(SCENE).unwrap();
        let names = ["every-frame", "every-nth-kalman:12"].map(str::to_owned);
        let reports = reports(&spec, &names, 0).unwrap();
        let [always, seldom] = &reports[..] else { panic!("{} reports", reports.len()) };
        let (first, last) = (&always.phases[0], &always.phases[5]);
        assert_eq!((first.from_s, last.to_s), (0.0, spec.duration_s));
        // Always busy, it settles in the second step, whose power is too little for the third.
        let settled = spec.latency.steps[1].mhz;
        assert!((last.mhz - settled).abs() < 1e-6 && last.least_mhz == settled, "{last:?}");
        assert!(last.mhz < 0.9 * first.mhz && last.run_ms > 1.1 * first.run_ms, "{first:?} {last:?}");
        assert!(last.joules < 0.8 * first.joules, "{first:?} {last:?}");
        let quickest = spec.latency.steps[0].mhz;
        assert!(seldom.phases.iter().all(|p| (p.mhz - quickest).abs() < 1e-6), "{:?}", seldom.phases);
        let runs: u64 = always.phases.iter().map(|p| p.runs).sum();
        assert_eq!(runs, always.row.runs);
        let violations: u64 = always.phases.iter().map(|p| p.violations).sum();
        assert_eq!(violations, always.row.violations);
        assert!(table(&reports).to_string().contains("modelled J"));
    }
}
