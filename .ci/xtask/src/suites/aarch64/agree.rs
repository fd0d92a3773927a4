//! Whether two platforms say the same: bit for bit where nothing but policy computes, within tolerances over kernels.
//! **Invariant:** a difference is an error that says where it is; two empty results do not agree.
//! It does not run anything.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// How far scores of the demo's boxes may differ, and corners, in pixels of the frame: kernels sum in another order, and
/// preprocessing may round a byte the other way.
const SCORE: f64 = 0.01;
const CORNER: f64 = 0.25;

/// How far the demo's short run may differ: in runs, and in the share of refreshes that violate. A box that moves by a
/// hundredth of a pixel may make the engine run a frame earlier.
const RUNS: f64 = 0.1;
const VIOLATIONS: f64 = 0.01;

/// Lines are equal.
pub fn equal(here: &[String], there: &[String]) -> Result<()> {
    ensure!(!here.is_empty(), "there is nothing to compare");
    ensure!(here.len() == there.len(), "{} lines here, {} there", here.len(), there.len());
    match here.iter().zip(there).find(|(a, b)| a != b) {
        Some((a, b)) => bail!("{a} here, {b} there"),
        None => Ok(()),
    }
}

/// `[[[x0, y0, x1, y1, score], …], …]`: boxes of each frame, in the order of their scores.
pub fn boxes(here: &Value, there: &Value) -> Result<()> {
    let frames = |v: &Value| -> Result<Vec<Vec<[f64; 5]>>> {
        serde_json::from_value(v.clone()).context("these are no boxes")
    };
    let (here, there) = (frames(here)?, frames(there)?);
    ensure!(here.iter().any(|f| !f.is_empty()), "no box in any frame");
    ensure!(here.len() == there.len(), "{} frames here, {} there", here.len(), there.len());
    for (frame, (a, b)) in here.iter().zip(&there).enumerate() {
        ensure!(a.len() == b.len(), "frame {frame}: {} boxes here, {} there", a.len(), b.len());
        for (a, b) in a.iter().zip(b) {
            let near = (0..5).all(|i| (a[i] - b[i]).abs() <= if i < 4 { CORNER } else { SCORE });
            ensure!(near, "frame {frame}: {a:?} here, {b:?} there");
        }
    }
    Ok(())
}

/// Rows of the bench contract for the same sequence.
pub fn demo(here: &Value, there: &Value) -> Result<()> {
    let number =
        |row: &Value, name: &str| row[name].as_f64().with_context(|| format!("the row has no `{name}`"));
    for name in ["frames", "refreshes"] {
        let (a, b) = (number(here, name)?, number(there, name)?);
        ensure!(a == b && a > 0.0, "{a} {name} here, {b} there");
    }
    let (a, b) = (number(here, "runs")?, number(there, "runs")?);
    ensure!((a - b).abs() <= (RUNS * a).max(1.0), "{a} runs here, {b} there");
    let share = |row| Ok::<_, anyhow::Error>(number(row, "violations")? / number(row, "refreshes")?);
    let (a, b) = (share(here)?, share(there)?);
    ensure!((a - b).abs() <= VIOLATIONS, "a share of {a:.3} violates here, {b:.3} there");
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_bit_is_a_difference() {
        let lines = |digest: &str| vec!["same".to_owned(), format!("digest {digest}")];
        assert!(equal(&lines("1"), &lines("1")).is_ok());
        assert!(equal(&lines("1"), &lines("2")).is_err_and(|e| e.to_string().contains("digest 2 there")));
        assert!(equal(&lines("1"), &lines("1")[..1]).is_err() && equal(&[], &[]).is_err());
    }

    #[test]
    fn boxes_may_differ_by_rounding_alone() {
        let one = |x: f64, score: f64| json!([[], [[x, 2.0, 30.0, 40.0, score]]]);
        assert!(boxes(&one(1.0, 0.9), &one(1.1, 0.901)).is_ok());
        assert!(boxes(&one(1.0, 0.9), &one(2.0, 0.9)).is_err());
        assert!(boxes(&one(1.0, 0.9), &one(1.0, 0.8)).is_err());
        assert!(boxes(&one(1.0, 0.9), &json!([[], []])).is_err());
        assert!(boxes(&json!([[]]), &json!([[]])).is_err(), "nothing was found on either");
        assert!(boxes(&json!(["x"]), &json!([])).is_err());
    }

    #[test]
    fn a_short_run_may_differ_a_little() {
        let row = |runs: u64, violations: u64| json!({ "frames": 120, "refreshes": 240, "runs": runs, "violations": violations });
        assert!(demo(&row(20, 4), &row(21, 5)).is_ok());
        assert!(demo(&row(20, 4), &row(30, 4)).is_err());
        assert!(demo(&row(20, 4), &row(20, 40)).is_err());
        assert!(demo(&row(20, 4), &json!({})).is_err());
    }
}
