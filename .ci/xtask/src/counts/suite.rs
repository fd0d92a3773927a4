//! Suite `counts`: that the counts are what they claim to be.
//! **Invariant:** the same program counts the same twice, and a planted regression of 3% is found where it was planted.
//! It does not compare with the records: whoever changes the code does, with `bench compare`.

use anyhow::{Context, Result, ensure};

use super::{
    Target, compare,
    measure::{Choice, Tool},
    record::Record,
};
use crate::{repo::Repo, report::Tally};

/// Stages that need no picture, so that they are made quickly under callgrind.
const GROUP: &str = "answers";
/// Where the regression is planted.
const STAGE: &str = "answer/10 boxes";
/// Its size.
const SHARE: f64 = 0.03;
/// Turns of the loop by which what a turn costs is found.
const TURNS: u64 = 1000;

/// Measures the group four times on x86-64: twice the same, then with loops in one stage.
pub fn run(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    let tool = match Tool::find(repo, Target::X86) {
        Ok(tool) => tool,
        Err(why) => {
            tally.skip(format!("nothing to count with: {why:#}"));
            return tally;
        }
    };
    let groups = [GROUP.to_owned()];
    let measure = |plant| tool.stages(repo, &Choice { groups: &groups, plant, ..Choice::default() });
    match measure(None) {
        Ok(first) => {
            tally.check("twice the same", measure(None).and_then(|again| same(&first, &again)));
            tally.check("a planted regression", planted(&first, |turns| measure(Some((STAGE, turns)))));
        }
        Err(why) => tally.fail(format!("{why:#}")),
    }
    tally
}

fn same(first: &Record, again: &Record) -> Result<()> {
    ensure!(!first.rows.is_empty(), "nothing was counted");
    ensure!(first == again, "{:?}", compare::records(first, again)?);
    ensure!(compare::records(first, again)?.is_empty(), "a record differs from itself");
    Ok(())
}

fn planted(first: &Record, measure: impl Fn(u64) -> Result<Record>) -> Result<()> {
    let instructions = |record: &Record| -> Result<u64> {
        let row = record.rows.get(STAGE).with_context(|| format!("no stage `{STAGE}`"))?;
        Ok(row.counts["instructions"])
    };
    let before = instructions(first)?;
    let turn = (instructions(&measure(TURNS)?)? - before) as f64 / TURNS as f64;
    let after = measure((SHARE * before as f64 / turn).round() as u64)?;
    let lines = compare::records(first, &after)?;
    let found: Vec<&str> = lines.iter().filter(|l| l.is_regression()).map(|l| &*l.row).collect();
    ensure!(!found.is_empty(), "it was not found");
    ensure!(found.iter().all(|row| *row == STAGE), "it was found in {found:?}");
    let share = instructions(&after)? as f64 / before as f64 - 1.0;
    ensure!((share - SHARE).abs() < 0.005, "{share:.4} was planted instead of {SHARE}");
    Ok(())
}
