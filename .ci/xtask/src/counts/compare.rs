//! What differs between two records, and whether it is a regression.
//! **Invariant:** a difference beyond the threshold of its row, a row that is gone and an exact count that changed are
//! regressions; nothing else is. It does not explain: callgrind's own files do.

use std::{collections::BTreeSet, fmt::Write as _};

use anyhow::{Result, ensure};

use super::record::Record;

/// How much a count may grow: a share of itself, and a number below which shares say nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Allowance {
    share: f64,
    least: u64,
}

/// The allowance for a count; `None` where it must be equal.
fn allowance(count: &str) -> Option<Allowance> {
    match count {
        // Exact but for what code generation moves around: a hundredth is seen, a few instructions are not.
        "instructions" | "loads" | "stores" => Some(Allowance { share: 0.01, least: 8 }),
        // Where things lie in memory decides about lines.
        "l1_misses" | "ll_misses" => Some(Allowance { share: 0.05, least: 64 }),
        _ => None,
    }
}

/// How many times the recorded noise is not a difference.
const NOISE: f64 = 2.0;

/// What became of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Less, by more than the threshold.
    Better,
    /// More, by more than the threshold.
    Worse,
    /// Other, and must be equal.
    Changed,
    /// It is not measured any more.
    Gone,
    /// It was not measured before.
    New,
}

/// A count that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Which row.
    pub row: String,
    /// Which count.
    pub count: String,
    /// Its numbers.
    pub before: Option<u64>,
    /// See `before`.
    pub after: Option<u64>,
    /// The share that it may grow by; 0 where it must be equal.
    pub allowed: f64,
    /// What became of it.
    pub verdict: Verdict,
}

impl Line {
    /// Whether it fails the comparison.
    pub fn is_regression(&self) -> bool {
        matches!(self.verdict, Verdict::Worse | Verdict::Changed | Verdict::Gone)
    }

    /// By what share it grew.
    pub fn change(&self) -> Option<f64> {
        let (before, after) = (self.before? as f64, self.after? as f64);
        (before > 0.0).then(|| after / before - 1.0)
    }
}

/// Counts that differ by more than they may.
///
/// # Errors
/// When the records are of different platforms or tools, or hold nothing.
pub fn records(before: &Record, after: &Record) -> Result<Vec<Line>> {
    ensure!(
        before.target == after.target,
        "one record is of {}, the other of {}",
        before.target,
        after.target
    );
    ensure!(before.tool == after.tool, "`{}` counted one record, `{}` the other", before.tool, after.tool);
    ensure!(!before.rows.is_empty() && !after.rows.is_empty(), "a record has no rows");
    let mut lines = Vec::new();
    let names: BTreeSet<&String> = before.rows.keys().chain(after.rows.keys()).collect();
    for name in names {
        let (a, b) = (before.rows.get(name), after.rows.get(name));
        let counts: BTreeSet<&String> = a.iter().chain(&b).flat_map(|row| row.counts.keys()).collect();
        for count in counts {
            let value = |row: Option<&super::record::Row>| row.and_then(|r| r.counts.get(count)).copied();
            let noise = |row: Option<&super::record::Row>| row.and_then(|r| r.noise.get(count)).copied();
            let noise = noise(a).unwrap_or(0.0).max(noise(b).unwrap_or(0.0));
            let allowed = allowance(count).map(|a| Allowance { share: a.share.max(NOISE * noise), ..a });
            if let Some(verdict) = verdict(value(a), value(b), allowed) {
                lines.push(Line {
                    row: name.clone(),
                    count: count.clone(),
                    before: value(a),
                    after: value(b),
                    allowed: allowed.map_or(0.0, |a| a.share),
                    verdict,
                });
            }
        }
    }
    Ok(lines)
}

fn verdict(before: Option<u64>, after: Option<u64>, allowed: Option<Allowance>) -> Option<Verdict> {
    let (Some(a), Some(b)) = (before, after) else {
        return Some(if before.is_some() { Verdict::Gone } else { Verdict::New });
    };
    let Some(Allowance { share, least }) = allowed else {
        return (a != b).then_some(Verdict::Changed);
    };
    let differs = a.abs_diff(b);
    if differs <= least || differs as f64 <= share * a as f64 {
        return None;
    }
    Some(if b > a { Verdict::Worse } else { Verdict::Better })
}

/// For people.
pub fn table(lines: &[Line]) -> String {
    let mut text = String::new();
    let number = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
    if !lines.is_empty() {
        text.push_str(
            "| row | count | before | after | change | allowed | |\n|---|---|---:|---:|---:|---:|---|\n",
        );
    }
    for line in lines {
        let change = line.change().map_or_else(|| "-".to_owned(), |c| format!("{:+.1} %", 100.0 * c));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {change} | {:.1} % | {:?} |",
            line.row,
            line.count,
            number(line.before),
            number(line.after),
            100.0 * line.allowed,
            line.verdict
        );
    }
    let regressions = lines.iter().filter(|l| l.is_regression()).count();
    let _ = writeln!(text, "{} counts differ, {regressions} regressions", lines.len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::record::Row;

    fn record(rows: &[(&str, &str, u64)]) -> Record {
        let mut record = Record::new("x86_64", "t");
        for (row, count, n) in rows {
            record.rows.entry((*row).to_owned()).or_default().counts.insert((*count).to_owned(), *n);
        }
        record
    }

    fn verdicts(a: &Record, b: &Record) -> Vec<Verdict> {
        records(a, b).unwrap().into_iter().map(|l| l.verdict).collect()
    }

    #[test]
    fn three_percent_are_a_regression_and_no_change_is_none() {
        let a = record(&[("gate", "instructions", 100_000), ("gate", "l1_misses", 1000)]);
        assert_eq!(verdicts(&a, &a), []);
        let b = record(&[("gate", "instructions", 103_000), ("gate", "l1_misses", 1040)]);
        assert_eq!(verdicts(&a, &b), [Verdict::Worse], "4 % of the cache lines are within 5 %");
        assert_eq!(verdicts(&b, &a), [Verdict::Better]);
        let lines = records(&a, &b).unwrap();
        assert!(lines[0].is_regression() && table(&lines).contains("+3.0 %"));
        assert_eq!(
            verdicts(&a, &record(&[("gate", "instructions", 100_900), ("gate", "l1_misses", 1000)])),
            []
        );
    }

    #[test]
    fn decisions_must_be_equal_and_rows_must_stay() {
        let a = record(&[("schedule/a", "runs", 100_000)]);
        assert_eq!(verdicts(&a, &record(&[("schedule/a", "runs", 100_001)])), [Verdict::Changed]);
        assert_eq!(verdicts(&a, &record(&[("schedule/b", "runs", 100_000)])), [Verdict::Gone, Verdict::New]);
        assert!(
            !records(&a, &record(&[("schedule/a", "runs", 100_000), ("x", "runs", 1)])).unwrap()[0]
                .is_regression()
        );
    }

    #[test]
    fn recorded_noise_widens_the_threshold_of_its_row() {
        let a = record(&[("a", "l1_misses", 1000), ("b", "l1_misses", 1000)]);
        let b = record(&[("a", "l1_misses", 1080), ("b", "l1_misses", 1080)]);
        let mut noisy = a.clone();
        let row: &mut Row = noisy.rows.get_mut("a").unwrap();
        row.noise.insert("l1_misses".to_owned(), 0.05);
        let lines = records(&noisy, &b).unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].row, "b");
    }

    #[test]
    fn records_that_cannot_be_compared_are_refused() {
        let a = record(&[("a", "runs", 1)]);
        let mut other = a.clone();
        other.target = "aarch64".to_owned();
        assert!(records(&a, &other).is_err() && records(&a, &Record::new("x86_64", "t")).is_err());
    }
}
