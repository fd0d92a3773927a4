//! The command `calibrate`: fits all calibrators to labelled scores, chooses one by cross-validation, writes the card.
//! **Invariant:** the choice sees no held-out row; the table shows only held-out rows.
//! It does not train models.

use anyhow::{Context as _, ensure};
use inbetween_flow::Calibrator;
use inbetween_sim::rng::Rng;
use serde::Serialize;

use super::{
    fit::{self, ISOTONIC_FROM, Labelled},
    losses, section,
    table::Table,
};
use crate::{cli::CalibrateArgs, record::write_pretty};

/// Folds of the cross-validation.
const FOLDS: usize = 5;
/// Rows of each class below which nothing is fitted.
const LEAST_ROWS: usize = 20;
/// Seed of the draws of folds and held-out rows. Any would do; it is fixed so that a section can be made again.
const SEED: u64 = 0xCA1;

/// A way to calibrate, the simplest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Scores as they are.
    Raw,
    /// One parameter.
    Temperature,
    /// Two.
    Platt,
    /// Three.
    Beta,
    /// As many as the data has steps.
    Isotonic,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Raw, Self::Temperature, Self::Platt, Self::Beta, Self::Isotonic];

    /// The fit of this kind to rows, if there is one.
    pub fn fit(self, rows: &[Labelled]) -> Option<Calibrator> {
        match self {
            Self::Raw => Some(Calibrator::Identity),
            Self::Temperature => fit::temperature(rows),
            Self::Platt => fit::platt(rows),
            Self::Beta => fit::beta(rows),
            Self::Isotonic if rows.len() < ISOTONIC_FROM => None,
            Self::Isotonic => fit::isotonic(rows),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Temperature => "temperature",
            Self::Platt => "platt",
            Self::Beta => "beta",
            Self::Isotonic => "isotonic",
        }
    }
}

/// How a fit does on rows that it has not seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The calibrator.
    pub kind: Kind,
    /// Mean log loss over the folds, in nats; what the choice is made by.
    pub cross_validated: Option<f64>,
    /// Log loss of the held-out rows, in nats.
    pub log_loss: f64,
    /// Brier score of the held-out rows.
    pub brier: f64,
    /// Expected calibration error of the held-out rows.
    pub calibration_error: f64,
    /// The parameters as a section of the card, fitted to the rows that are not held out.
    pub section: String,
}

/// What came of a calibration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Rows that were fitted.
    pub rows: usize,
    /// Rows that were held out.
    pub held_out: usize,
    /// Share of positives.
    pub prevalence: f64,
    /// All calibrators.
    pub lines: Vec<Line>,
    /// The chosen one.
    pub chosen: Kind,
    /// Its parameters, fitted to all rows, as a section of the card; empty for raw scores.
    pub section: String,
}

/// Fits all, chooses by the rows to fit, shows on the held-out ones.
///
/// The simplest is taken whose cross-validated loss is not above the best one's by more than a standard error of their
/// difference: one more parameter must earn its place.
///
/// # Errors
/// When there are too few rows of a class.
pub fn calibrate(rows: &[Labelled], held_out: &[Labelled]) -> anyhow::Result<Outcome> {
    for rows in [rows, held_out] {
        let positives = rows.iter().filter(|r| r.positive).count();
        ensure!(
            positives >= LEAST_ROWS && rows.len() - positives >= LEAST_ROWS,
            "{positives} of {} rows are positive: at least {LEAST_ROWS} of each class are needed",
            rows.len()
        );
    }
    let folds = folds(rows);
    let losses: Vec<(Kind, Option<Vec<f64>>)> =
        Kind::ALL.iter().map(|kind| (*kind, cross_validated(*kind, rows, &folds))).collect();
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let known = || losses.iter().filter_map(|(kind, l)| Some((*kind, l.as_ref()?)));
    let (_, best) = known().min_by(|a, b| mean(a.1).total_cmp(&mean(b.1))).context("no calibrator fits")?;
    let near = |of: &[f64]| {
        let gaps: Vec<f64> = of.iter().zip(best).map(|(a, b)| a - b).collect();
        let m = mean(&gaps);
        let variance = gaps.iter().map(|g| (g - m).powi(2)).sum::<f64>() / (gaps.len() as f64 - 1.0);
        m <= (variance / gaps.len() as f64).sqrt()
    };
    let chosen = known().find(|(_, l)| near(l)).map_or(Kind::Raw, |(kind, _)| kind);

    let mut lines = Vec::new();
    for (kind, losses) in &losses {
        let Some(calibrator) = kind.fit(rows) else { continue };
        let p = |s: f64| calibrator.apply(s).unwrap_or(s);
        lines.push(Line {
            kind: *kind,
            cross_validated: losses.as_deref().map(mean),
            log_loss: losses::log_loss(held_out, p),
            brier: losses::brier(held_out, p),
            calibration_error: losses::calibration_error(held_out, p),
            section: toml(&calibrator),
        });
    }
    let all = [rows, held_out].concat();
    let prevalence = all.iter().filter(|r| r.positive).count() as f64 / all.len() as f64;
    let section = toml(&chosen.fit(&all).context("the chosen calibrator has no fit to all rows")?);
    Ok(Outcome { rows: rows.len(), held_out: held_out.len(), prevalence, lines, chosen, section })
}

/// The fold of each row; classes are spread evenly.
fn folds(rows: &[Labelled]) -> Vec<usize> {
    let mut rng = Rng::new(SEED);
    let mut order: Vec<(bool, u64, usize)> =
        rows.iter().enumerate().map(|(i, r)| (r.positive, (rng.unit() * 2f64.powi(53)) as u64, i)).collect();
    order.sort_unstable();
    let mut folds = vec![0; rows.len()];
    for (place, (_, _, i)) in order.into_iter().enumerate() {
        folds[i] = place % FOLDS;
    }
    folds
}

/// Log loss of each row by the fit to the folds that it is not in.
fn cross_validated(kind: Kind, rows: &[Labelled], folds: &[usize]) -> Option<Vec<f64>> {
    let mut losses = vec![0.0; rows.len()];
    for fold in 0..FOLDS {
        let others: Vec<Labelled> =
            rows.iter().zip(folds).filter(|(_, f)| **f != fold).map(|(r, _)| *r).collect();
        let calibrator = kind.fit(&others)?;
        for (i, row) in rows.iter().enumerate().filter(|(i, _)| folds[*i] == fold) {
            losses[i] = losses::log_loss_of(row, calibrator.apply(row.score)?);
        }
    }
    Some(losses)
}

/// The section of the card; numbers in the card's precision.
fn toml(calibrator: &Calibrator) -> String {
    let list = |v: &[f64]| v.iter().map(|x| (*x as f32).to_string()).collect::<Vec<_>>().join(", ");
    let body = match calibrator {
        Calibrator::Temperature { temperature } => {
            format!("kind = \"temperature\"\ntemperature = {}", *temperature as f32)
        }
        Calibrator::Platt { a, b } => format!("kind = \"platt\"\na = {}\nb = {}", *a as f32, *b as f32),
        Calibrator::Beta { a, b, c } => {
            format!("kind = \"beta\"\na = {}\nb = {}\nc = {}", *a as f32, *b as f32, *c as f32)
        }
        Calibrator::Isotonic { x, y } => {
            format!("kind = \"isotonic\"\nx = [{}]\ny = [{}]", list(x), list(y))
        }
        _ => return String::new(),
    };
    format!("[model.calibrator]\n{body}")
}

/// Reads, fits, prints and writes as the command line says.
///
/// # Errors
/// When a file cannot be read or written, or the rows do not do.
#[allow(clippy::print_stdout)] // what the command is for
pub fn command(args: &CalibrateArgs) -> anyhow::Result<()> {
    let table = Table::open(&args.scores)?;
    let scores = table.numbers(&args.score)?;
    ensure!(
        scores.iter().all(|s| (0.0..=1.0).contains(s)),
        "`{}` has scores outside 0 to 1: give probabilities, not margins",
        args.score
    );
    let labels = table.labels(&args.label)?;
    let all = scores.into_iter().zip(labels).map(|(score, positive)| Labelled { score, positive });
    let held: Vec<bool> = if let Some(column) = &args.held_out {
        table.labels(column)?
    } else {
        let mut rng = Rng::new(SEED);
        table.rows.iter().map(|_| rng.unit() < 0.3).collect()
    };
    let (held, rows): (Vec<_>, Vec<_>) = all.zip(held).partition(|(_, held)| *held);
    let without = |v: Vec<(Labelled, bool)>| v.into_iter().map(|(r, _)| r).collect::<Vec<_>>();
    let outcome = calibrate(&without(rows), &without(held))?;
    println!(
        "{} rows fitted, {} held out, {:.2}% positive\n",
        outcome.rows,
        outcome.held_out,
        100.0 * outcome.prevalence
    );
    println!("calibrator    cross-validated   held out: log loss    Brier   calibration error");
    for l in &outcome.lines {
        let cv = l.cross_validated.map_or("-".to_owned(), |x| format!("{x:.5}"));
        println!(
            "{:<12} {cv:>16} {:>20.5} {:>8.5} {:>19.5}",
            l.kind.word(),
            l.log_loss,
            l.brier,
            l.calibration_error
        );
    }
    println!("\nchosen: {}, the simplest within a standard error of the best", outcome.chosen.word());
    println!("\n{}", outcome.section);
    if let Some(path) = &args.card {
        section::put(path, "model.calibrator", &outcome.section)?;
    }
    if let Some(path) = &args.json {
        write_pretty(path, &outcome)?;
    }
    Ok(())
}
