//! The oracles of a bench: found once for each sequence, and shown beside the policies.
//! **Invariant:** an oracle's row holds its runs and the violations that it expects; it is charged no thinking.
//! It does not find schedules: the simulator does.

use inbetween_sim::{
    Row, RunCost, SceneSpec,
    measure::{Energies, Spent},
    oracle::{self, OracleResult, Oracles},
};

use super::journal::{Done, Journal, Least, key};
use crate::record::blank;

/// The name of the row of the oracle that follows pixels.
pub const PIXELS: &str = "oracle-pixels";
/// The name of the row of the oracle that has results alone.
pub const OUTPUT: &str = "oracle-output";

fn name(spec: &SceneSpec, seed: u64) -> anyhow::Result<String> {
    key(spec, seed, "oracles", "")
}

/// Finds the oracles of a sequence, unless the journal has them.
///
/// # Errors
/// When the journal cannot be written.
pub fn find(spec: &SceneSpec, seed: u64, journal: &Journal) -> anyhow::Result<()> {
    let key = name(spec, seed)?;
    if journal.get(&key).is_some() {
        return Ok(());
    }
    let found = oracle::all(spec, seed);
    let least = |o: &OracleResult| Least {
        feasible: o.feasible,
        runs: o.runs,
        violations: o.violations,
        refreshes: o.refreshes,
    };
    let (pixels, output) = (least(&found.pixels), least(&found.output));
    journal.put(key, Done::Oracles { pixels, output, bound: found.bound })
}

/// Fills the oracles' columns of the rows of one sequence, and gives the oracles' own rows; nothing where none were found.
///
/// # Errors
/// When the scene cannot be named.
pub fn annotate(
    rows: &mut [Row],
    spec: &SceneSpec,
    seed: u64,
    journal: &Journal,
) -> anyhow::Result<Vec<Row>> {
    let Some(Done::Oracles { pixels, output, bound }) = journal.get(&name(spec, seed)?) else {
        return Ok(Vec::new());
    };
    let result = |l: Least| OracleResult {
        runs: l.runs,
        violations: l.violations,
        refreshes: l.refreshes,
        feasible: l.feasible,
        grid_ms: 0.0,
        starts: Vec::new(),
    };
    let oracles = Oracles { pixels: result(pixels), output: result(output), bound };
    oracle::annotate(rows, &oracles);
    let frames = rows.first().map_or(0, |r| r.frames);
    let mut own: Vec<Row> =
        [(PIXELS, pixels), (OUTPUT, output)].map(|(name, l)| row(spec, seed, name, l, frames)).into();
    oracle::annotate(&mut own, &oracles);
    Ok(own)
}

fn row(spec: &SceneSpec, seed: u64, name: &str, least: Least, frames: u64) -> Row {
    let cost = RunCost::default();
    let macs = cost.macs * least.runs;
    let energies =
        Energies::of(&Spent { macs, bytes: cost.bytes * least.runs, cpu_ns: 0, wakes: least.runs });
    Row {
        split: spec.split.as_str(),
        family: spec.family.clone(),
        seed,
        miss_rate: spec.tolerance.miss_rate,
        epsilon: spec.tolerance.epsilon_px,
        age_cap: spec.tolerance.max_age_ms * 1e-3,
        frames,
        refreshes: least.refreshes,
        // Rounded down, so that a promise that is kept to the last refresh is kept.
        violations: least.violations.max(0.0) as u64,
        runs: least.runs,
        macs,
        energy: energies.0[0],
        energies,
        seconds: spec.duration_s,
        ..blank(&spec.name, name)
    }
}
