//! `inbetween bench`: scenes with exact truth, all policies side by side in virtual time.
//! **Invariant:** the rows do not depend on how many sequences run at a time, nor on whether the program was killed and
//! went on; only the CPU times do.
//! It does not tune our own settings: only those of the baselines, on the tune split.

mod journal;
mod oracles;
mod policies;
mod sequence;
pub mod trace;

use anyhow::Context as _;
use inbetween_sim::{PROFILES, Report as Detail, Row, SceneSpec, measure::Faults};
use rayon::prelude::*;

use crate::{
    cli::{BenchArgs, BenchCommand},
    record::write_json,
    report::{Report, SuiteReport},
    scenes,
    session::Still,
    summary::{RESAMPLES, SCHEMA, Suite, SuiteSetup, summarise},
    table,
    terminal::{Steps, say},
};

pub use crate::cli::Group;
pub use journal::{Done, Journal};
pub use policies::{Choice, How, MAIN, Rank, names};

/// What is run: every scene with every seed, all policies over the same frames.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The scenes.
    pub scenes: Vec<SceneSpec>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// The seeds of ablations and sweeps, as far as they are among `seeds`.
    pub study_seeds: Vec<u64>,
    /// The seeds of oracles, and of baselines that look at pixels in hindsight, as far as they are among `seeds`.
    pub dear_seeds: Vec<u64>,
    /// Whether oracles are wanted.
    pub oracle: bool,
    /// Names of the policies.
    pub policies: Vec<String>,
    /// How many sequences run at a time; one a core when `None`.
    pub jobs: Option<usize>,
    /// Whether the timelines and pictures of the first policy are kept (one sequence only).
    pub film: bool,
}

/// What a plan gave.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The rows, in the order scene, seed, policy.
    pub rows: Vec<Row>,
    /// Their violations by clause.
    pub faults: Vec<Option<Faults>>,
    /// Settings that were tuned.
    pub tuned: Vec<crate::summary::TunedSetting>,
    /// What happened in the one sequence of a film.
    pub detail: Option<Detail>,
    /// Pictures of it.
    pub stills: Vec<Still>,
}

/// Work of a frame in units of a policy that has results alone: rendering it, and all oracles.
const RENDERING: f64 = 15.0;
/// See [`RENDERING`].
const ORACLES: f64 = 400.0;

/// Runs what a journal does not have of a plan.
///
/// # Errors
/// When a policy does not exist or a scene asks the engine for what it cannot do.
pub fn execute(plan: &Plan, journal: &Journal) -> anyhow::Result<Outcome> {
    let pairs: Vec<(&SceneSpec, u64)> =
        plan.scenes.iter().flat_map(|s| plan.seeds.iter().map(move |&seed| (s, seed))).collect();
    let film = plan.film && pairs.len() == 1;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(plan.jobs.unwrap_or(0)).build()?;
    let (choices, tuned) = policies::choose(&plan.policies, &pool, journal)?;
    let of = |seed: u64| -> Vec<&Choice> {
        let wanted = |c: &&Choice| match c.rank {
            Rank::Main => true,
            Rank::Study => plan.study_seeds.contains(&seed),
            Rank::Dear => plan.dear_seeds.contains(&seed),
        };
        choices.iter().filter(wanted).collect()
    };
    let asks = |seed: u64| plan.oracle && plan.dear_seeds.contains(&seed);
    // Work is counted in frames and what is done with them, so that what is left is told well.
    let work = |spec: &SceneSpec, seed: u64| {
        let policies: f64 = of(seed).iter().map(|c| c.work()).sum();
        let oracles = if asks(seed) { ORACLES } else { 0.0 };
        (spec.duration_s * spec.camera.fps * (RENDERING + policies + oracles) / 100.0) as u64
    };
    let steps = Steps::new(pairs.iter().map(|(spec, seed)| work(spec, *seed)).sum(), "sequences");
    let filmed: anyhow::Result<Vec<sequence::Filmed>> = pool.install(|| {
        let one = |&(spec, seed): &(&SceneSpec, u64)| {
            let done = sequence::measure(spec, seed, &of(seed), journal, film)?;
            if asks(seed) {
                oracles::find(spec, seed, journal)?;
            }
            steps.done(work(spec, seed));
            Ok(done)
        };
        pairs.par_iter().with_max_len(1).map(one).collect()
    });
    let mut outcome = Outcome { tuned, ..Outcome::default() };
    for filmed in filmed? {
        (outcome.detail, outcome.stills) = (filmed.detail, filmed.stills);
    }
    for &(spec, seed) in &pairs {
        let mut rows = Vec::new();
        for choice in of(seed) {
            let key = journal::key(spec, seed, &choice.name, &choice.setting())?;
            if let Some(Done::Row { row, faults }) = journal.get(&key) {
                rows.push(*row);
                outcome.faults.push(Some(faults));
            }
        }
        if asks(seed) {
            let own = oracles::annotate(&mut rows, spec, seed, journal)?;
            outcome.faults.extend(own.iter().map(|_| None));
            rows.extend(own);
        }
        outcome.rows.append(&mut rows);
    }
    Ok(outcome)
}

/// The command.
///
/// # Errors
/// When scenes, policies or files are not as they must be.
pub fn command(args: &BenchArgs) -> anyhow::Result<()> {
    if let Some(BenchCommand::Trace(args)) = &args.command {
        return trace::command(args);
    }
    let mut scenes = scenes::select(&args.scene, args.split.as_deref())?;
    for spec in &mut scenes {
        scenes::shorten(spec, args.seconds)?;
    }
    let mut policies =
        if args.policies.is_empty() && !args.policy.is_empty() { Vec::new() } else { names(&args.policies) };
    policies.extend(args.policy.iter().cloned());
    let seeds: Vec<u64> = args.seeds.iter().collect();
    let among = |chosen: &Option<crate::seeds::Seeds>, default: &[u64]| match chosen {
        Some(chosen) => chosen.iter().filter(|s| seeds.contains(s)).collect(),
        None => default.to_vec(),
    };
    let study_seeds: Vec<u64> = among(&args.study_seeds, &seeds);
    let dear_seeds = among(&args.dear_seeds, &study_seeds);
    let film = args.output.report.is_some();
    let plan =
        Plan { scenes, seeds, study_seeds, dear_seeds, oracle: args.oracle, policies, jobs: args.jobs, film };
    let journal = match &args.resume {
        Some(path) => Journal::open(path)?,
        None => Journal::default(),
    };
    if !journal.is_empty() {
        say(format_args!("going on: {} results were finished before", journal.len()));
    }
    let outcome = execute(&plan, &journal)?;
    if let Some(path) = &args.output.json {
        write_json(path, &outcome.rows)?;
    }
    let suite = suite(&plan, args, &outcome);
    print(&plan, &outcome.rows, &suite);
    if let Some(path) = &args.summary {
        let text = serde_json::to_string(&suite)? + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &args.output.report {
        if plan.scenes.len() * plan.seeds.len() == 1 {
            single(&plan, outcome).write(path)?;
        } else {
            SuiteReport(&suite).write(path)?;
        }
        say(format_args!("report: {}", path.display()));
    }
    Ok(())
}

/// The document of a suite.
fn suite(plan: &Plan, args: &BenchArgs, outcome: &Outcome) -> Suite {
    let (summary, scenes, frontier) = summarise(&outcome.rows, &outcome.faults);
    let mut reduced = Vec::new();
    if plan.study_seeds != plan.seeds {
        reduced.push(format!("ablations and sweeps: seeds {:?} alone", plan.study_seeds));
    }
    if plan.dear_seeds != plan.seeds {
        let what = "oracles, and baselines that look at pixels in hindsight";
        reduced.push(format!("{what}: seeds {:?} alone", plan.dear_seeds));
    }
    Suite {
        schema: SCHEMA,
        command: again(args),
        setup: SuiteSetup {
            split: args.split.clone(),
            seeds: plan.seeds.clone(),
            seconds: args.seconds,
            sequences: plan.scenes.len() * plan.seeds.len(),
            resamples: RESAMPLES,
            profiles: PROFILES.iter().map(|p| p.name.to_owned()).collect(),
            tuned: outcome.tuned.clone(),
            reduced,
        },
        summary,
        scenes,
        frontier,
    }
}

/// The command that makes a document again: options that figures depend on, and no paths but those of scenes.
fn again(args: &BenchArgs) -> String {
    use std::fmt::Write as _;
    let mut line = "inbetween bench".to_owned();
    let mut option = |name: &str, value: &dyn std::fmt::Display| {
        let _ = write!(line, " --{name} {value}");
    };
    for scene in &args.scene {
        option("scene", scene);
    }
    if let Some(split) = &args.split {
        option("split", split);
    }
    option("seeds", &args.seeds);
    if let Some(seeds) = &args.study_seeds {
        option("study-seeds", seeds);
    }
    if let Some(seeds) = &args.dear_seeds {
        option("dear-seeds", seeds);
    }
    if let Some(seconds) = &args.seconds {
        option("seconds", seconds);
    }
    for group in args.policies.iter().filter_map(clap::ValueEnum::to_possible_value) {
        option("policies", &group.get_name());
    }
    for policy in &args.policy {
        option("policy", policy);
    }
    if args.oracle {
        line += " --oracle";
    }
    line
}

/// The page of one sequence, with its film.
fn single(plan: &Plan, outcome: Outcome) -> Report {
    Report {
        title: "Inbetween bench".into(),
        lead: format!(
            "Rendered scene {}, seed {} with exact truth in virtual time, {} policies side by side; every display refresh is scored.",
            plan.scenes[0].name,
            plan.seeds[0],
            outcome.rows.len()
        ),
        notes: vec![
            "every-nth-hold and every-nth-kalman use one N (and one filter setting) for all scenes, tuned on the tune split; -hindsight uses the best for each sequence, which nobody can know beforehand.".into(),
            "The scene is rendered, and the detector is a model of one: it sees the truth and errs as real ones do."
                .into(),
        ],
        rows: outcome.rows,
        detail: outcome.detail,
        stills: outcome.stills,
        command: crate::command_line(),
    }
}

/// Scenes of which the terminal shows a table each.
const TABLES: usize = 8;

/// One table a scene where they are few, then the sums and what they say.
fn print(plan: &Plan, rows: &[Row], suite: &Suite) {
    let whole: Vec<Row> =
        rows.iter().filter(|r| !r.policy.contains(':') || plan.scenes.len() == 1).cloned().collect();
    for scene in plan.scenes.iter().take(if plan.scenes.len() > TABLES { 0 } else { TABLES }) {
        let own: Vec<Row> = whole.iter().filter(|r| r.scene == scene.name).cloned().collect();
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
    if plan.scenes.len() * plan.seeds.len() == 1 {
        for line in table::ratio_lines(rows) {
            say(line);
        }
        return;
    }
    say(format_args!("\n{} scenes × {} seeds", plan.scenes.len(), plan.seeds.len()));
    say(table::policies(&suite.summary));
    for line in table::lines(suite) {
        say(line);
    }
}
