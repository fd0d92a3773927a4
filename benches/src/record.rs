//! Rows of results: what the bench contract writes, and the sums over them.
//! **Invariant:** a row is the simulator's own [`Row`]; nothing is renamed or filled in on the way to the file.
//! It does not measure: runs do.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::Context as _;
pub use inbetween_sim::Row;
use serde::Serialize;

/// The name of the policy that this project is about.
pub const INBETWEEN: &str = "inbetween";

/// Whether the promise was kept: something was scored, and no more of it violated than the card allows.
pub fn kept(row: &Row) -> bool {
    row.refreshes > 0 && row.violation_rate() <= row.miss_rate
}

/// Writes one JSON object a line: the columns of the row, and whether the promise was `kept`.
///
/// # Errors
/// When the file cannot be written.
pub fn write_json<'a>(path: &Path, rows: impl IntoIterator<Item = &'a Row>) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        #[serde(flatten)]
        row: &'a Row,
        kept: bool,
    }
    write_lines(path, rows.into_iter().map(|row| Line { row, kept: kept(row) }))
}

/// Writes one JSON object a line.
///
/// # Errors
/// When the file cannot be written.
pub fn write_lines<T: Serialize>(path: &Path, lines: impl IntoIterator<Item = T>) -> anyhow::Result<()> {
    let context = || format!("cannot write {}", path.display());
    let mut file = BufWriter::new(File::create(path).with_context(context)?);
    for line in lines {
        serde_json::to_writer(&mut file, &line).with_context(context)?;
        file.write_all(b"\n").with_context(context)?;
    }
    file.flush().with_context(context)
}

/// Writes everything as one JSON object, for people too.
///
/// # Errors
/// When the file cannot be written.
pub fn write_pretty(path: &Path, all: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(all)? + "\n";
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// How many times fewer runs `ours` needs than `other`, as a geometric mean over the (scene, seed) pairs in which
/// both keep the promise, with the number of those pairs.
pub fn runs_ratio(rows: &[Row], ours: &str, other: &str) -> Option<(f64, usize)> {
    let mut logs = Vec::new();
    for a in rows.iter().filter(|r| r.policy == ours && kept(r) && r.runs > 0) {
        let same = |r: &&Row| r.policy == other && (&r.scene, r.seed, r.split) == (&a.scene, a.seed, a.split);
        if let Some(b) = rows.iter().find(same).filter(|b| kept(b) && b.runs > 0) {
            logs.push((b.runs as f64 / a.runs as f64).ln());
        }
    }
    let n = logs.len();
    (n > 0).then(|| ((logs.iter().sum::<f64>() / n as f64).exp(), n))
}

/// A row with the promise of a session and nothing counted yet.
pub fn blank(scene: &str, policy: &str) -> Row {
    Row { scene: scene.into(), policy: policy.into(), ..Row::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(policy: &str, seed: u64, runs: u64, violations: u64) -> Row {
        Row { seed, runs, violations, refreshes: 100, miss_rate: 0.02, ..blank("s", policy) }
    }

    #[test]
    fn ratios_count_only_pairs_that_both_keep_the_promise() {
        let rows = [
            row("a", 0, 10, 1),
            row("b", 0, 40, 2),
            row("a", 1, 10, 0),
            row("b", 1, 90, 0),
            row("a", 2, 1, 0),
            row("b", 2, 99, 3), // breaks it
        ];
        let (ratio, pairs) = runs_ratio(&rows, "a", "b").unwrap();
        assert_eq!(pairs, 2);
        assert!((ratio - 6.0).abs() < 1e-12, "{ratio}");
        assert!(runs_ratio(&rows, "a", "c").is_none());
    }

    #[test]
    fn nothing_scored_is_no_promise_kept() {
        assert!(!kept(&Row { miss_rate: 0.5, ..blank("s", "a") }));
        assert!(kept(&row("a", 0, 1, 2)));
        assert!(!kept(&row("a", 0, 1, 3)));
    }
}
