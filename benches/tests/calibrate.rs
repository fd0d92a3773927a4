//! Calibrators against scikit-learn's on the same rows, and the command that writes a card's section.

use std::{collections::BTreeMap, error::Error, fs, path::Path};

use inbetween_bench::decisions::{
    calibrate::{Kind, Outcome, calibrate},
    fit::Labelled,
    table::Table,
};
use serde::Deserialize;

/// What `calibration/reference.py` wrote.
#[derive(Deserialize)]
struct Reference {
    parameters: BTreeMap<String, f64>,
    log_loss: f64,
    brier: f64,
    calibration_error: f64,
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/calibration")
}

fn outcome() -> Result<Outcome, Box<dyn Error>> {
    let table = Table::open(&folder().join("scores.csv"))?;
    let (scores, labels) = (table.numbers("score")?, table.labels("label")?);
    let rows = scores.into_iter().zip(labels).map(|(score, positive)| Labelled { score, positive });
    let (held, fit): (Vec<_>, Vec<_>) = rows.zip(table.labels("held_out")?).partition(|(_, held)| *held);
    let of = |v: Vec<(Labelled, bool)>| v.into_iter().map(|(r, _)| r).collect::<Vec<_>>();
    Ok(calibrate(&of(fit), &of(held))?)
}

#[test]
fn held_out_figures_and_parameters_are_those_of_scikit_learn() -> Result<(), Box<dyn Error>> {
    let reference: BTreeMap<String, Reference> =
        serde_json::from_str(&fs::read_to_string(folder().join("reference.json"))?)?;
    let outcome = outcome()?;
    assert_eq!(outcome.lines.len(), reference.len());
    println!("calibrator    log loss  scikit-learn     Brier  scikit-learn");
    for line in &outcome.lines {
        let kind = serde_json::to_value(line.kind)?;
        let kind = kind.as_str().ok_or("a word")?;
        let wanted = &reference[kind];
        println!(
            "{kind:<12} {:>9.5} {:>13.5} {:>9.5} {:>13.5}",
            line.log_loss, wanted.log_loss, line.brier, wanted.brier
        );
        // Both are minima of the same loss: what differs is where the searches stop.
        assert!(
            (line.log_loss - wanted.log_loss).abs() < 1e-5,
            "{kind}: {} {}",
            line.log_loss,
            wanted.log_loss
        );
        assert!((line.brier - wanted.brier).abs() < 1e-5, "{kind}: {} {}", line.brier, wanted.brier);
        let gap = (line.calibration_error - wanted.calibration_error).abs();
        assert!(gap < 2e-3, "{kind}: {} {}", line.calibration_error, wanted.calibration_error);
        for (name, wanted) in wanted.parameters.iter().filter(|(name, _)| *name != "points") {
            let prefix = format!("{name} = ");
            let found = line.section.lines().find_map(|l| l.strip_prefix(&prefix)).ok_or("a parameter")?;
            assert!((found.parse::<f64>()? - wanted).abs() < 1e-3, "{kind} {name}: {found} {wanted}");
        }
        if let Some(points) = wanted.parameters.get("points") {
            assert_eq!(line.section.matches(", ").count() as f64 / 2.0 + 1.0, *points, "points of isotonic");
        }
    }
    Ok(())
}

#[test]
fn the_simplest_within_a_standard_error_is_chosen() -> Result<(), Box<dyn Error>> {
    // The scores are too confident and too high: one number is too few, more than two earn nothing.
    assert_eq!(outcome()?.chosen, Kind::Platt);
    Ok(())
}

#[test]
fn too_few_of_a_class_are_refused() {
    let rows: Vec<Labelled> =
        (0..100).map(|i| Labelled { score: f64::from(i) / 100.0, positive: i > 85 }).collect();
    let error = calibrate(&rows, &rows).expect_err("fourteen positives");
    assert!(error.to_string().contains("14 of 100 rows are positive"), "{error}");
}
