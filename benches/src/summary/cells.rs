//! Rows by sequence and policy, and their sums over the sequences of a scene.
//! **Invariant:** a comparison of two policies takes only sequences that both were run on.
//! It does not judge.

use std::collections::{BTreeMap, HashMap};

use inbetween_sim::{Row, measure::Energies};

use super::bootstrap::Clusters;

/// One scene with one seed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sequence {
    /// The scene's name.
    pub scene: String,
    /// The seed.
    pub seed: u64,
}

/// What the sums of some rows are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Refreshes.
    pub refreshes: u64,
    /// Refreshes that violate.
    pub violations: u64,
    /// Of them, those whose answer said so.
    pub flagged_violations: u64,
    /// Refreshes whose answer said that it was not within the tolerance.
    pub flagged: u64,
    /// Runs.
    pub runs: u64,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Frames that reached the app.
    pub frames: u64,
    /// Seconds.
    pub seconds: f64,
    /// Modelled energy, in joules.
    pub energies: Energies,
    /// Measured time of the policy itself, in nanoseconds.
    pub cpu_ns: f64,
    /// The promise: the smallest miss rate among the rows.
    pub miss_rate: f64,
}

impl Sums {
    /// Over rows.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Self {
        let mut sums = Self { miss_rate: f64::INFINITY, ..Self::default() };
        for r in rows {
            sums.refreshes += r.refreshes;
            sums.violations += r.violations;
            sums.flagged_violations += r.flagged_violations;
            sums.flagged += r.flagged;
            sums.runs += r.runs;
            sums.macs += r.macs;
            sums.frames += r.frames;
            sums.seconds += r.seconds;
            for (sum, joules) in sums.energies.0.iter_mut().zip(r.energies.0) {
                *sum += joules;
            }
            sums.cpu_ns += r.cpu_ns_per_frame * r.frames as f64;
            sums.miss_rate = sums.miss_rate.min(r.miss_rate);
        }
        sums
    }

    /// Share of refreshes that violate.
    pub fn violation_rate(&self) -> f64 {
        self.violations as f64 / self.refreshes.max(1) as f64
    }

    /// Runs in a second.
    pub fn runs_per_s(&self) -> f64 {
        if self.seconds > 0.0 { self.runs as f64 / self.seconds } else { 0.0 }
    }

    /// Modelled power in a profile, in watts.
    pub fn watts(&self, profile: usize) -> f64 {
        if self.seconds > 0.0 { self.energies.0[profile] / self.seconds } else { 0.0 }
    }

    /// Whether something was scored and no more of it violates than may.
    pub fn kept(&self) -> bool {
        self.refreshes > 0 && self.violation_rate() <= self.miss_rate
    }
}

/// All rows, by sequence and policy.
#[derive(Clone, Debug)]
pub struct Cells<'a> {
    /// The sequences in order.
    pub sequences: Vec<Sequence>,
    /// The policies, in the order in which they first come.
    pub policies: Vec<&'a str>,
    places: HashMap<&'a str, usize>,
    /// By policy and sequence.
    rows: Vec<Vec<Option<&'a Row>>>,
}

impl<'a> Cells<'a> {
    /// Sorts rows in.
    pub fn new(rows: &'a [Row]) -> Self {
        let mut sequences: Vec<Sequence> =
            rows.iter().map(|r| Sequence { scene: r.scene.clone(), seed: r.seed }).collect();
        sequences.sort();
        sequences.dedup();
        let mut cells = Self { sequences, policies: Vec::new(), places: HashMap::new(), rows: Vec::new() };
        for row in rows {
            let policy = *cells.places.entry(&row.policy).or_insert_with(|| {
                cells.policies.push(&row.policy);
                cells.rows.push(vec![None; cells.sequences.len()]);
                cells.rows.len() - 1
            });
            let sequence = Sequence { scene: row.scene.clone(), seed: row.seed };
            if let Ok(at) = cells.sequences.binary_search(&sequence) {
                cells.rows[policy][at] = Some(row);
            }
        }
        cells
    }

    /// The row of a policy and a sequence.
    pub fn row(&self, policy: &str, sequence: usize) -> Option<&'a Row> {
        *self.rows[*self.places.get(policy)?].get(sequence)?
    }

    /// The sequences that all of `policies` were run on, by scene.
    pub fn shared(&self, policies: &[&str]) -> Clusters {
        let mut scenes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, sequence) in self.sequences.iter().enumerate() {
            if policies.iter().all(|p| self.row(p, at).is_some()) {
                scenes.entry(&sequence.scene).or_default().push(at);
            }
        }
        Clusters(scenes.into_values().collect())
    }

    /// A policy's sums over some sequences.
    pub fn sums(&self, policy: &str, sequences: &[usize]) -> Sums {
        let rows = self.places.get(policy).map_or(&[][..], |&p| &self.rows[p]);
        Sums::of(sequences.iter().filter_map(|&s| *rows.get(s)?))
    }

    /// The name of a scene of [`Cells::shared`].
    pub fn scene(&self, sequences: &[usize]) -> &str {
        sequences.first().map_or("", |&s| &self.sequences[s].scene)
    }
}
