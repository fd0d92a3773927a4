//! `inbetween bench`: scenes with exact truth, all policies side by side in virtual time.
//! **Invariant:** the rows do not depend on how many sequences run at a time; only the CPU times do.
//! It does not tune our own settings: only the baselines' N and filter, on the tune split.

use anyhow::Context as _;
use cpu_time::ThreadTime;
use inbetween_sim::{
    Policy, Report as Detail, SceneSpec, Setup, SimulatedDetector, policy, run,
    tune::{self, Kind, Trial},
};
use rayon::prelude::*;

use crate::{
    cli::BenchArgs,
    film::Film,
    record::{Row, write_json},
    report::Report,
    scenes,
    session::Still,
    table,
    terminal::{progress, say},
};

/// The policies that are compared when none is named.
pub const POLICIES: [&str; 5] =
    ["inbetween", "every-frame", "every-nth-hold", "every-nth-kalman", "every-nth-kalman-hindsight"];

/// Seeds on which N is tuned: none that a bench would use by itself.
const TUNING_SEEDS: std::ops::Range<u64> = 9000..9002;

/// Where a policy's settings come from.
#[derive(Clone, Debug)]
enum Setting {
    /// Its name says all.
    Named,
    /// One setting for all scenes, tuned on the tune split.
    Tuned(Trial),
    /// The best setting for each sequence, known only afterwards.
    Hindsight(Kind),
}

/// The settings of a policy by its name.
fn setting(name: &str, jobs: &rayon::ThreadPool) -> anyhow::Result<Setting> {
    let (base, hindsight) = name.strip_suffix("-hindsight").map_or((name, false), |base| (base, true));
    let Some(kind) = Kind::of(base) else { return Ok(Setting::Named) };
    if hindsight {
        return Ok(Setting::Hindsight(kind));
    }
    let scenes = scenes::select(&[], Some("tune"))?;
    let pairs: Vec<(&SceneSpec, u64)> =
        scenes.iter().flat_map(|s| TUNING_SEEDS.map(move |seed| (s, seed))).collect();
    let bar = progress(Some(pairs.len() as u64), "tuning");
    let trials: Vec<Vec<Trial>> = jobs.install(|| {
        let one = |&(spec, seed): &(&SceneSpec, u64)| {
            let trials = tune::trials(spec, seed, kind);
            bar.inc(1);
            trials
        };
        pairs.par_iter().map(one).collect()
    });
    bar.finish_and_clear();
    let miss_rate = scenes.iter().map(|s| s.tolerance.miss_rate).fold(f64::INFINITY, f64::min);
    let (trial, _) = tune::best(&tune::pool(&trials), miss_rate).context("there are no scenes to tune on")?;
    Ok(Setting::Tuned(trial))
}

/// A policy for one sequence.
fn policy_for(name: &str, setting: &Setting, spec: &SceneSpec, seed: u64) -> anyhow::Result<Box<dyn Policy>> {
    match setting {
        Setting::Named => policy::by_name(name, spec, seed).with_context(|| format!("scene {}", spec.name)),
        Setting::Tuned(trial) => Ok(trial.setting.policy(name, spec, seed)),
        Setting::Hindsight(kind) => {
            let trials = tune::trials(spec, seed, *kind);
            let (trial, _) =
                tune::best(&trials, spec.tolerance.miss_rate).context("there is nothing to choose from")?;
            Ok(trial.setting.policy(name, spec, seed))
        }
    }
}

/// What is run: every scene with every seed, all policies in lockstep.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The scenes.
    pub scenes: Vec<SceneSpec>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Names of the policies.
    pub policies: Vec<String>,
    /// How many sequences run at a time; one a core when `None`.
    pub jobs: Option<usize>,
    /// Whether the timelines and pictures of the first policy are kept (one sequence only).
    pub film: bool,
}

/// What one sequence gave.
struct Sequence {
    reports: Vec<Detail>,
    stills: Vec<Still>,
}

/// Most marks of a timeline: two minutes at 240 Hz.
const TIMELINE: usize = 2 * 60 * 240;

fn sequence(
    spec: &SceneSpec,
    seed: u64,
    policies: &[(&String, Setting)],
    film: bool,
) -> anyhow::Result<Sequence> {
    let mut policies = policies
        .iter()
        .map(|(name, setting)| policy_for(name, setting, spec, seed))
        .collect::<anyhow::Result<Vec<Box<dyn Policy>>>>()?;
    let mut scene = spec.build(seed);
    let colour = if film { inbetween_sim::Colour::Nv12 } else { inbetween_sim::Colour::Gray };
    scene = scene.with_colour(colour);
    let mut detector = SimulatedDetector::new(&scene);
    // Time of this thread alone: others share the machine.
    let start = ThreadTime::now();
    let mut clock = || start.elapsed().as_nanos() as u64;
    let mut camera = Film::new(spec.duration_s, 8, 4);
    let mut observer = |moment: &inbetween_sim::Moment<'_>| camera.see(moment);
    let setup = Setup {
        seed,
        timeline: if film { TIMELINE } else { 0 },
        always_render: film,
        clock: Some(&mut clock),
        observer: if film { Some(&mut observer) } else { None },
        ..Setup::default()
    };
    let reports = run(&mut scene, &mut policies, &mut detector, setup);
    let stills = reports.first().map(|r| camera.develop(&r.timeline)).unwrap_or_default();
    Ok(Sequence { reports, stills })
}

/// Runs a plan. The rows come in the order scene, seed, policy.
///
/// # Errors
/// When a policy does not exist or a scene asks the engine for what it cannot do.
pub fn execute(plan: &Plan) -> anyhow::Result<(Vec<Row>, Option<Detail>, Vec<Still>)> {
    let pairs: Vec<(&SceneSpec, u64)> =
        plan.scenes.iter().flat_map(|s| plan.seeds.iter().map(move |&seed| (s, seed))).collect();
    let film = plan.film && pairs.len() == 1;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(plan.jobs.unwrap_or(0)).build()?;
    let policies = plan
        .policies
        .iter()
        .map(|name| Ok((name, setting(name, &pool)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let bar = progress(Some(pairs.len() as u64), "sequences");
    let done: anyhow::Result<Vec<Sequence>> = pool.install(|| {
        pairs
            .par_iter()
            .map(|&(spec, seed)| {
                let done = sequence(spec, seed, &policies, film);
                bar.inc(1);
                done
            })
            .collect()
    });
    bar.finish_and_clear();
    let mut rows = Vec::new();
    let (mut detail, mut stills) = (None, Vec::new());
    for mut sequence in done? {
        rows.extend(sequence.reports.iter().map(|r| r.row.clone()));
        if film {
            detail = Some(sequence.reports.swap_remove(0));
            stills = sequence.stills;
            break;
        }
    }
    Ok((rows, detail, stills))
}

/// The command.
///
/// # Errors
/// When scenes, policies or files are not as they must be.
pub fn command(args: &BenchArgs) -> anyhow::Result<()> {
    let mut scenes = scenes::select(&args.scene, args.split.as_deref())?;
    for spec in &mut scenes {
        scenes::shorten(spec, args.seconds)?;
    }
    let policies =
        if args.policy.is_empty() { POLICIES.map(String::from).to_vec() } else { args.policy.clone() };
    let film = args.output.report.is_some();
    let plan = Plan { scenes, seeds: args.seeds.iter().collect(), policies, jobs: args.jobs, film };
    let (rows, detail, stills) = execute(&plan)?;
    let sequences = plan.scenes.len() * plan.seeds.len();
    print(&plan, &rows);
    if let Some(path) = &args.output.json {
        write_json(path, &rows)?;
    }
    if let Some(path) = &args.output.report {
        let report = Report {
            title: "Inbetween bench".into(),
            lead: format!(
                "{} with exact truth in virtual time, {} policies side by side; every display refresh is scored.",
                if sequences == 1 {
                    format!("Rendered scene {}, seed {}", plan.scenes[0].name, plan.seeds[0])
                } else {
                    format!("{} rendered scenes × {} seeds", plan.scenes.len(), plan.seeds.len())
                },
                plan.policies.len()
            ),
            notes: vec![
                "every-nth-hold and every-nth-kalman use one N (and one filter setting) for all scenes, tuned on the tune split; -hindsight uses the best for each sequence, which nobody can know beforehand.".into(),
                "The scenes are rendered, and the detector is a model of one: it sees the truth and errs as real ones do."
                    .into(),
            ],
            rows,
            detail,
            stills,
            command: crate::command_line(),
        };
        report.write(path)?;
        say(format_args!("report: {}", path.display()));
    }
    Ok(())
}

/// One table a scene, then the sums.
fn print(plan: &Plan, rows: &[Row]) {
    for scene in &plan.scenes {
        let own: Vec<Row> = rows.iter().filter(|r| r.scene == scene.name).cloned().collect();
        say(format_args!(
            "\n{} ({}, {} s, ≤ {}% beyond {} px)",
            scene.name,
            scene.split.as_str(),
            scene.duration_s,
            scene.tolerance.miss_rate * 100.0,
            scene.tolerance.epsilon_px
        ));
        say(table::terminal(&own, plan.seeds.len() > 1));
    }
    if plan.scenes.len() * plan.seeds.len() > 1 {
        say("\nall sequences");
        say(table::terminal_sums(rows));
    }
    for line in table::ratio_lines(rows) {
        say(line);
    }
}
