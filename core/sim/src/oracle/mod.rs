//! Oracles: the fewest runs with which a class of estimator keeps a scene's promise, knowing the future.
//! **Invariant:** an oracle chooses run times only; what it shows is its class's estimate, its results err as everyone's
//! do, its runs take as long, and the age cap and the single run in flight hold.
//! It does not run in an app: it is the bound that a policy is measured against.
//!
//! Three of them, each a dynamic program or a greedy one over the whole sequence:
//! - [`Class::Pixels`]: the engine's own gate and carrier follow the picture from one result until the next one arrives;
//! - [`Class::Output`]: results alone, the last two extrapolated along a straight line, or the last one held;
//! - [`bound`]: the fewest straight pieces within epsilon of the truth, chosen with the truth at hand. No estimator.
//!
//! # What it may not choose
//! Which detections are lucky, and which runs are quick: both are averaged over. The value of a start is the share of
//! refreshes that violate over 64 draws of the detector's noise around the noise-free result (the same ones for every
//! start: among draws of their own, it would choose the lucky ones) and over the quantiles of the latency. Where that is a simplification it is in the oracle's favour: a detector's miss of an
//! object that it has seen for a while is bridged for free, phantoms are recognised, identities are never confused, and
//! a worker is as cool as it would be at rest. So a scene that is feasible here may still be too hard for an engine.

mod course;
mod dynamic;
mod noise;
mod output;
mod pieces;
mod pixels;

use crate::{measure::Row, spec::SceneSpec};

use self::{course::Course, dynamic::Table};

/// What an oracle may look at between results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Results alone: extrapolated from the last two, or held, whichever turns out better for an interval.
    Output,
    /// The pixels of every frame: the engine's own gate and carrier, started afresh from each result.
    Pixels,
}

/// The best schedule of one class on one sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct OracleResult {
    /// Runs of the cheapest schedule that was found to keep the promise; where none does, of the one that violates
    /// least.
    pub runs: u64,
    /// Refreshes that violate on average over detections and latencies.
    pub violations: f64,
    /// All refreshes.
    pub refreshes: u64,
    /// Whether the promise is kept.
    pub feasible: bool,
    /// Distance of the start times among which it chose, in milliseconds.
    pub grid_ms: f64,
    /// Frames that are run, by index.
    pub starts: Vec<u64>,
}

/// All that is known about the least work for one sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Oracles {
    /// With pixels.
    pub pixels: OracleResult,
    /// Without.
    pub output: OracleResult,
    /// With the truth: see [`bound`].
    pub bound: u64,
}

/// The oracle of a class on one scene and seed. Pixels of a scene of two minutes take some ten seconds.
///
/// # Example
/// ```
/// use inbetween_sim::{SceneSpec, oracle::{Class, solve}};
///
/// let spec = SceneSpec::parse("name = \"still\"\nduration_s = 6\n[[objects]]\n")?;
/// let oracle = solve(&spec, 1, Class::Output);
/// // Nothing moves: a run whenever the age cap of two seconds asks for one.
/// assert!(oracle.feasible && (3..=4).contains(&oracle.runs));
/// # Ok::<(), inbetween_sim::SceneError>(())
/// ```
pub fn solve(spec: &SceneSpec, seed: u64, class: Class) -> OracleResult {
    let mut scene = spec.build(seed);
    let course = Course::new(&scene);
    let table = match class {
        Class::Output => output::table(&course),
        Class::Pixels => pixels::table(&mut scene, &course),
    };
    schedule(&course, &table)
}

/// Fewest pieces of straight lines within epsilon of every object that counts, where as many refreshes as the promise
/// allows may be left out. A piece is no longer than the age cap. It may use the future and every refresh's truth, so no
/// schedule of an estimator whose boxes move along lines between results can do with fewer; one that follows pixels can.
/// Refreshes that are left out end a piece.
pub fn bound(spec: &SceneSpec, seed: u64) -> u64 {
    pieces::fewest(&Course::new(&spec.build(seed)))
}

/// All oracles of one sequence.
pub fn all(spec: &SceneSpec, seed: u64) -> Oracles {
    let mut scene = spec.build(seed);
    let course = Course::new(&scene);
    let output = schedule(&course, &output::table(&course));
    let pixels = schedule(&course, &pixels::table(&mut scene, &course));
    Oracles { pixels, output, bound: pieces::fewest(&course) }
}

fn schedule(course: &Course, table: &Table) -> OracleResult {
    let budget = course.miss_rate * course.refreshes.len() as f64;
    let best = table.cheapest(budget);
    OracleResult {
        runs: best.starts.len() as u64,
        violations: best.violations,
        refreshes: course.refreshes.len() as u64,
        feasible: best.violations <= budget,
        grid_ms: course.grid_s * 1e3,
        starts: best.starts.iter().map(|c| course.candidates[*c].index).collect(),
    }
}

/// Fills the oracles' columns of the rows of one sequence: feasibility and regret are those of the pixel class. The
/// regret, `(E − E_oracle) / (E_every − E_oracle)`, needs a row of `every-frame` among them.
pub fn annotate(rows: &mut [Row], oracles: &Oracles) {
    let every = rows.iter().find(|r| r.policy == "every-frame").map(|r| r.runs);
    let least = oracles.pixels.runs;
    for row in rows {
        row.feasible = Some(oracles.pixels.feasible);
        row.oracle_runs = Some(least);
        row.output_oracle_runs = oracles.output.feasible.then_some(oracles.output.runs);
        row.bound_runs = Some(oracles.bound);
        row.regret = every
            .filter(|every| *every > least)
            .map(|every| (row.runs as f64 - least as f64) / (every - least) as f64);
    }
}
