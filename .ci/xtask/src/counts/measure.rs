//! Measures counts: of stages under a tool, of the model's graph by reading it, of decisions by running sessions.
//! **Invariant:** programs run on one thread, with fixed random numbers and no environment but what is named here.
//! It does not judge.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{
    Target,
    record::{Record, Row},
};
use crate::{
    arm::{self, Counter, Cross},
    process,
    programs::{self, Programs, json, output},
    repo::Repo,
};

/// Caches that callgrind imitates: those of a small ARM core (32 KiB, 4 and 8 ways) before 1 MiB that all cores share, of
/// lines of 64 bytes, whatever this machine has.
const CACHES: [&str; 3] = ["--I1=32768,4,64", "--D1=32768,8,64", "--LL=1048576,16,64"];

/// Processors on ARM, each with the kind that the runtime is told: this emulator shows the host's `/proc/cpuinfo`.
const PROCESSORS: [(&str, &str); 2] = [("cortex-a53", "a53"), ("cortex-a76", "generic")];

/// Seeds and seconds of the sessions that are counted.
const SESSIONS: [&str; 2] = ["1..3", "5"];

/// More of the environment, which moves the stack: what may change between two machines.
const ELSEWHERE: (&str, &str) = (
    "ELSEWHERE",
    concat!(
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
    ),
);

/// What of the stages is counted, and how.
#[derive(Clone, Debug, Default)]
pub struct Choice<'a> {
    /// Groups of stages; all when none is named.
    pub groups: &'a [String],
    /// Whether in other surroundings.
    pub elsewhere: bool,
    /// A stage that is made to do more, and how many times around a loop.
    pub plant: Option<(&'a str, u64)>,
}

/// Everything; with the noise that other surroundings make, when `noise` is asked for.
pub fn all(repo: &Repo, target: Target, groups: &[String], noise: bool) -> Result<Record> {
    let tool = Tool::find(repo, target)?;
    let choice = Choice { groups, ..Choice::default() };
    let mut record = tool.stages(repo, &choice)?;
    if noise {
        record.note(&tool.stages(repo, &Choice { elsewhere: true, ..choice })?);
    }
    if groups.is_empty() {
        record.rows.extend(graph(&json(tool.native(repo).arg("--graph"))?)?);
        record.rows.extend(decisions(repo, &tool.programs)?);
    }
    Ok(record)
}

/// What counts, with the programs that are counted.
pub struct Tool {
    target: Target,
    programs: Programs,
    kind: Kind,
    folder: PathBuf,
}

enum Kind {
    Callgrind { random: PathBuf },
    Emulator { cross: Cross, counter: Counter },
}

impl Tool {
    /// Builds the programs and finds or fetches the tool.
    pub fn find(repo: &Repo, target: Target) -> Result<Self> {
        let host = Programs::of_host(repo)?;
        let (kind, programs) = match target {
            Target::X86 => {
                callgrind(repo)?;
                (Kind::Callgrind { random: arm::shared_object(repo, "cc", "random")? }, host)
            }
            Target::Arm => {
                let cross = Cross::find(repo)?;
                let arm = Programs::of_arm(repo, || cross.cargo(repo, PROCESSORS[0].0))?;
                // Decisions are those of any platform: the suite `aarch64` compares.
                let programs = Programs { sessions: host.sessions, ..arm };
                (Kind::Emulator { cross, counter: Counter::find(repo)? }, programs)
            }
        };
        let folder = repo.target.join("tools/counts");
        Ok(Self { target, programs, kind, folder })
    }

    /// The program without the tool.
    fn native(&self, repo: &Repo) -> Command {
        match &self.kind {
            Kind::Callgrind { .. } => repo.command(&self.programs.counts),
            Kind::Emulator { cross, .. } => cross.command(repo, PROCESSORS[0].0, &self.programs.counts),
        }
    }

    /// Counts stages.
    pub fn stages(&self, repo: &Repo, choice: &Choice<'_>) -> Result<Record> {
        let mut list = self.native(repo);
        list.arg("--list").args(choice.groups);
        let names: Vec<String> = serde_json::from_value(json(&mut list)?)?;
        ensure!(!names.is_empty(), "no group of stages has such a name");
        match &self.kind {
            Kind::Callgrind { random } => {
                let mut record = Record::new(self.target.name(), format!("callgrind {}", CACHES.join(" ")));
                let rows = self.callgrind(repo, random, choice)?;
                record.rows.extend(zip("", &names, rows)?);
                Ok(record)
            }
            Kind::Emulator { counter, .. } => {
                let mut record = Record::new(self.target.name(), "an emulator's plugin");
                for (processor, kind) in PROCESSORS {
                    let rows = self.emulator(repo, counter, (processor, kind), choice)?;
                    record.rows.extend(zip(&format!(" on {processor}"), &names, rows)?);
                }
                Ok(record)
            }
        }
    }

    fn fresh_folder(&self) -> Result<&Path> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        fs::create_dir_all(&self.folder)?;
        Ok(&self.folder)
    }

    fn callgrind(&self, repo: &Repo, random: &Path, choice: &Choice<'_>) -> Result<Vec<Row>> {
        let out = self.fresh_folder()?.join("part");
        let mut command = repo.command("valgrind");
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LD_PRELOAD", random);
        if choice.elsewhere {
            command.env(ELSEWHERE.0, ELSEWHERE.1);
        }
        // The program asks callgrind to start, to begin from zero, and to write a part.
        command.args(["--tool=callgrind", "--quiet", "--instr-atstart=no", "--cache-sim=yes"]).args(CACHES);
        command.arg(format!("--callgrind-out-file={}", out.display())).arg(&self.programs.counts);
        arguments(&mut command, choice);
        let end = process::capture(&mut command)?;
        ensure!(end.success, "callgrind: {}: {}", end.status, end.tail(5));
        parts(&out)
    }

    fn emulator(
        &self,
        repo: &Repo,
        counter: &Counter,
        (processor, kind): (&str, &str),
        choice: &Choice<'_>,
    ) -> Result<Vec<Row>> {
        let out = self.fresh_folder()?.join("regions");
        let mut variables = vec![("TRACT_CPU_AARCH64_KIND", kind)];
        variables.extend(choice.elsewhere.then_some(ELSEWHERE));
        let mut command = counter.command(repo, processor, &variables, &self.programs.counts, &out);
        arguments(&mut command, choice);
        let end = process::capture(&mut command)?;
        ensure!(end.success, "the emulator: {}: {}", end.status, end.tail(5));
        let lines = fs::read_to_string(&out).context("the plugin wrote nothing")?;
        lines.lines().map(|line| numbers(&["instructions", "loads", "stores"], line.split(' '))).collect()
    }
}

fn arguments(command: &mut Command, choice: &Choice<'_>) {
    if let Some((stage, times)) = choice.plant {
        command.arg("--plant").arg(stage).arg(times.to_string());
    }
    command.args(choice.groups);
}

/// Valgrind, installed when it is missing and may be.
fn callgrind(repo: &Repo) -> Result<()> {
    let there = || process::capture(repo.command("valgrind").arg("--version")).is_ok_and(|end| end.success);
    if there() {
        return Ok(());
    }
    for arguments in [&["update"][..], &["install", "--yes", "--no-install-recommends", "valgrind"]] {
        let mut apt = repo.command("apt-get");
        apt.arg("--quiet=2").args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        let end = process::capture(&mut apt).context("install valgrind")?;
        ensure!(end.success, "install valgrind (apt-get {} failed: {})", arguments.join(" "), end.tail(2));
    }
    ensure!(there(), "valgrind is installed and does not run");
    Ok(())
}

fn zip(suffix: &str, names: &[String], rows: Vec<Row>) -> Result<BTreeMap<String, Row>> {
    ensure!(names.len() == rows.len(), "{} stages were run, {} were counted", names.len(), rows.len());
    Ok(names.iter().map(|name| format!("{name}{suffix}")).zip(rows).collect())
}

fn numbers<'a>(what: &[&str], words: impl Iterator<Item = &'a str>) -> Result<Row> {
    let numbers = words.map(str::parse).collect::<Result<Vec<u64>, _>>().context("a count is no number")?;
    ensure!(numbers.len() == what.len(), "{} counts instead of {}", numbers.len(), what.len());
    Ok(Row::of(what.iter().map(|w| (*w).to_owned()).zip(numbers)))
}

/// Reads `OUT.1`, `OUT.2`, … of callgrind: one for each region, in order; what follows the last has no number.
fn parts(out: &Path) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for n in 1.. {
        let file = PathBuf::from(format!("{}.{n}", out.display()));
        if !file.exists() {
            break;
        }
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        rows.extend(part(&text).with_context(|| format!("{} is none of callgrind's", file.display()))?);
    }
    ensure!(!rows.is_empty(), "callgrind wrote no region");
    Ok(rows)
}

/// The totals of one file, `None` when nothing was collected.
fn part(text: &str) -> Result<Option<Row>> {
    let line = |key: &str| text.lines().find_map(|l| l.strip_prefix(key)).map(str::split_whitespace);
    let events: Vec<&str> = line("events:").context("no events")?.collect();
    let totals = line("totals:").or_else(|| line("summary:")).context("no totals")?;
    let totals: Vec<u64> = totals.map(str::parse).collect::<Result<_, _>>()?;
    // Zeros at the end are left out.
    let of = |event: &str| {
        let at = events.iter().position(|e| *e == event).with_context(|| format!("no event {event}"))?;
        Ok::<_, anyhow::Error>(totals.get(at).copied().unwrap_or(0))
    };
    let sum = |names: &[&str]| names.iter().map(|n| of(n)).sum::<Result<u64>>();
    let row = Row::of([
        ("instructions".to_owned(), of("Ir")?),
        ("loads".to_owned(), of("Dr")?),
        ("stores".to_owned(), of("Dw")?),
        ("l1_misses".to_owned(), sum(&["I1mr", "D1mr", "D1mw"])?),
        ("ll_misses".to_owned(), sum(&["ILmr", "DLmr", "DLmw"])?),
    ]);
    Ok(Some(row).filter(|row| row.counts["instructions"] > 0))
}

/// The work of the demo's model, by its graph.
fn graph(work: &Value) -> Result<BTreeMap<String, Row>> {
    let mut counts = BTreeMap::new();
    for (datum, n) in work["macs"].as_object().context("no multiply-accumulates")? {
        counts.insert(format!("macs_{}", datum.to_lowercase()), n.as_u64().context("no count")?);
    }
    for what in ["weight_bytes", "activation_bytes"] {
        counts.insert(what.to_owned(), work[what].as_u64().with_context(|| format!("no {what}"))?);
    }
    Ok(BTreeMap::from([("graph/demo".to_owned(), Row::of(counts))]))
}

/// What the engine decides on each scene.
fn decisions(repo: &Repo, programs: &Programs) -> Result<BTreeMap<String, Row>> {
    let mut sessions = repo.command(&programs.sessions);
    let lines = output(sessions.args(SESSIONS).args(programs::scenes(repo)?))?;
    let mut rows = BTreeMap::new();
    for line in lines {
        let session: Value = serde_json::from_str(&line)?;
        let (Some(scene), Some(seed)) = (session["scene"].as_str(), session["seed"].as_u64()) else {
            bail!("no scene in {line}");
        };
        let count = |what: &str| Some((what.to_owned(), session[what].as_u64()?));
        let counts: Option<Vec<_>> =
            ["runs", "skips", "audits", "violations"].into_iter().map(count).collect();
        rows.insert(format!("schedule/{scene} {seed}"), Row::of(counts.context("a count is missing")?));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: &str = "version: 1\nevents: Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw\nfn=(1) f\n+3 4\ntotals: 900 300 200 1 20 3 1 2\n";

    #[test]
    fn totals_of_callgrind_are_read() {
        let row = part(PART).unwrap().unwrap();
        assert_eq!(row.counts["instructions"], 900);
        assert_eq!((row.counts["l1_misses"], row.counts["ll_misses"]), (24, 3));
        assert_eq!(part(&PART.replace("900 300", "0 0")).unwrap(), None);
        assert!(part("nothing").is_err());
    }

    #[test]
    fn each_name_needs_a_row() {
        let names = ["a".to_owned(), "b".to_owned()];
        assert!(zip("", &names, vec![Row::default()]).is_err());
        assert!(zip(" on x", &names, vec![Row::default(); 2]).unwrap().contains_key("b on x"));
        assert!(numbers(&["a", "b"], "1 2".split(' ')).is_ok() && numbers(&["a"], "1 x".split(' ')).is_err());
    }

    #[test]
    fn the_work_of_a_graph_is_by_type() {
        let work =
            serde_json::json!({ "macs": { "F32": 5, "I8": 7 }, "weight_bytes": 1, "activation_bytes": 2 });
        assert_eq!(graph(&work).unwrap()["graph/demo"].counts["macs_i8"], 7);
        assert!(graph(&serde_json::json!({})).is_err());
    }
}
