//! Suite `aarch64`: the workspace's Rust tests, cross-built for 64-bit ARM Linux and run under emulation.
//! **Invariant:** each processor of the list runs the same tests; what is left out is a skip with its reason.
//! It does not measure time: an emulator's says nothing.

mod agree;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{
    arm::Cross,
    cargo_output::TestOutput,
    process,
    programs::{self, Programs, json, output},
    repo::Repo,
    report::Tally,
};

/// Processors: a small core in order without half precision and without dot products, the one after it with both, and a
/// large one. The runtime takes other kernels on each.
const PROCESSORS: [&str; 3] = ["cortex-a53", "cortex-a55", "neoverse-n1"];

/// Test binaries that are not run, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    (
        "inbetween-bench/real",
        "seconds of video through whole models, minutes in an emulator; the demo's short run and the models' own tests run",
    ),
    (
        "inbetween-examples/live",
        "runs in real time, which an emulator on a loaded machine does not keep up with",
    ),
];

/// Seeds and seconds of the sessions whose digests must be equal on both platforms.
const SESSIONS: [&str; 2] = ["1..2", "2"];

/// The demo's short run; the name of a file follows.
const DEMO: [&str; 4] = ["demo", "--seconds", "4", "--json"];

/// Installs what is missing, builds, runs.
pub fn run(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    match Cross::find(repo) {
        Ok(cross) => {
            if let Err(why) = suite(repo, &cross, &mut tally) {
                tally.fail(format!("{why:#}"));
            }
        }
        Err(why) => tally.skip(format!("no cross compiler or emulator for ARM: {why:#}")),
    }
    tally
}

fn suite(repo: &Repo, cross: &Cross, tally: &mut Tally) -> Result<()> {
    let programs = Programs::of_arm(repo, || cross.cargo(repo, PROCESSORS[0]))?;
    let native = Programs::of_host(repo)?;
    for (name, why) in LEFT_OUT {
        ensure!(programs.tests.contains_key(*name), "there is no test binary `{name}` to leave out");
        tally.skip(format!("{name}: {why}"));
    }
    let here = Results::of(repo, &native, &|program| repo.command(program))?;
    let mut kernels = BTreeMap::from([("x86-64, this machine".to_owned(), here.kernels.clone())]);
    for processor in PROCESSORS {
        let started = Instant::now();
        let arm = |program: &Path| cross.command(repo, processor, program);
        for (name, test) in programs.tests.iter().filter(|(name, _)| left_out(name).is_none()) {
            let mut output = TestOutput::default();
            let mut command = arm(&test.program);
            command.current_dir(&test.folder).arg("--show-output");
            let began = Instant::now();
            let end = process::stream(&mut command, |line| output.line(line))?;
            eprintln!("  {processor}: {name}: {:.1} s", began.elapsed().as_secs_f64());
            tally.add(on(processor, output.finish_binary(end.success, name)));
        }
        let mut check = |what: &str, result| tally.check(&format!("{what} on {processor}"), result);
        check("stages give what is expected", output(&mut arm(&programs.counts)).map(drop));
        let there = Results::of(repo, &programs, &arm)?;
        check("sessions are those of x86, bit for bit", agree::equal(&here.sessions, &there.sessions));
        check("the demo's boxes are those of x86", agree::boxes(&here.boxes, &there.boxes));
        check("the demo's short run is that of x86", agree::demo(&here.demo, &there.demo));
        kernels.insert(processor.to_owned(), there.kernels);
        eprintln!("  {processor}: {:.1} s", started.elapsed().as_secs_f64());
    }
    let choices: BTreeSet<&Vec<String>> = kernels.values().collect();
    tally.check("processors take different kernels", ensure_different(choices.len()));
    println!("{}", table(&kernels));
    Ok(())
}

fn left_out(name: &str) -> Option<&'static str> {
    LEFT_OUT.iter().find(|(left_out, _)| *left_out == name).map(|(_, why)| *why)
}

fn ensure_different(choices: usize) -> Result<()> {
    ensure!(choices >= 3, "{choices} choices of kernels on {} processors", PROCESSORS.len() + 1);
    Ok(())
}

/// What is compared between platforms.
struct Results {
    /// One line for each scene and seed: counts, and a digest of all that was decided and shown.
    sessions: Vec<String>,
    /// What the demo's model finds in some frames.
    boxes: Value,
    /// The engine's row of the demo's short run.
    demo: Value,
    /// Kernels, each with the number of operators that it computes.
    kernels: Vec<String>,
}

impl Results {
    fn of(repo: &Repo, programs: &Programs, run: &dyn Fn(&Path) -> Command) -> Result<Self> {
        let mut sessions = run(&programs.sessions);
        sessions.args(SESSIONS).args(programs::scenes(repo)?);
        let graph = json(run(&programs.counts).arg("--graph"))?;
        let kernels = graph["kernels"].as_object().context("no kernels")?;
        let rows = repo.target.join("tools/demo-rows.json");
        let report = repo.target.join("tools/demo-rows.html");
        let mut demo = run(&programs.inbetween);
        demo.args(DEMO).arg(&rows).arg("--report").arg(&report);
        // It ends with 1 when the promise is broken, which so short a run says nothing about.
        process::capture(&mut demo)?;
        let text = std::fs::read_to_string(&rows).context("the demo wrote no rows")?;
        std::fs::remove_file(&rows)?;
        Ok(Self {
            sessions: output(&mut sessions)?,
            boxes: json(run(&programs.counts).arg("--boxes"))?,
            demo: serde_json::from_str(text.lines().next().context("the demo wrote no row")?)?,
            kernels: kernels.iter().map(|(name, count)| format!("{name} × {count}")).collect(),
        })
    }
}

/// Failures and skips with the processor they are of.
fn on(processor: &str, mut tally: Tally) -> Tally {
    for text in tally.failures.iter_mut().chain(&mut tally.skips) {
        text.push_str(" on ");
        text.push_str(processor);
    }
    tally
}

fn table(kernels: &BTreeMap<String, Vec<String>>) -> String {
    let row = |(processor, list): (&String, &Vec<String>)| format!("| {processor} | {} |\n", list.join(", "));
    let rows: String = kernels.iter().map(row).collect();
    format!("| processor | kernels of the demo's model |\n|---|---|\n{rows}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_where() {
        let mut tally = Tally::default();
        tally.fail("a test");
        tally.skip("no asset");
        let tally = on("cortex-a53", tally);
        assert_eq!(
            (&*tally.failures[0], &*tally.skips[0]),
            ("a test on cortex-a53", "no asset on cortex-a53")
        );
    }

    #[test]
    fn one_choice_of_kernels_is_a_failure() {
        assert!(ensure_different(4).is_ok() && ensure_different(2).is_err());
        let kernels =
            BTreeMap::from([("cortex-a53".to_owned(), vec!["k × 2".to_owned(), "l × 1".to_owned()])]);
        assert!(table(&kernels).ends_with("| cortex-a53 | k × 2, l × 1 |\n"));
    }
}
