//! The command `baseline`: rule, previous model and candidate on the same labelled table, by what they cost.
//! **Invariant:** it says who wins before anything else, also when that is the simple method.
//! It does not fit anything.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, ensure};
use inbetween::{Bundle, Costs};
use serde::Serialize;

use super::{
    methods::{Method, Slice, compare},
    score, section,
    table::Table,
};
use crate::{cli::BaselineArgs, record::write_pretty};

/// Rows of a slice below which it is shown with the rest only: an interval of fewer says nothing.
const LEAST_ROWS: usize = 50;

/// What came of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The unit of all costs.
    pub unit: String,
    /// The whole table, then each slice.
    pub slices: Vec<Slice>,
    /// Slices that are too small to be compared, with their rows.
    pub small: Vec<(String, usize)>,
    /// What it says, a sentence each.
    pub sentences: Vec<String>,
}

/// A method from the command line: a column of the table, or the folder of a bundle.
fn method(name: &str, source: &str, table: &Table) -> anyhow::Result<Method> {
    if table.find(source).is_some() {
        let probabilities = table.numbers(source)?;
        ensure!(
            probabilities.iter().all(|p| (0.0..=1.0).contains(p)),
            "`{source}` has values outside 0 to 1: a method gives probabilities (a rule that says yes or no: 1 or 0)"
        );
        return Ok(Method { name: name.to_owned(), probabilities });
    }
    let folder = Path::new(source);
    ensure!(folder.is_dir(), "`{source}` is neither a column of the table nor the folder of a bundle");
    let answers = score::rows(&score::open(folder)?, table)?;
    let probability = |(i, answer): (usize, &inbetween::Answer)| {
        let decided = answer.decision.map(|d| d.probability);
        decided.with_context(|| {
            format!("row {}: {name} decides nothing (no positive class, or no answer)", i + 1)
        })
    };
    let probabilities = answers.iter().enumerate().map(probability).collect::<anyhow::Result<_>>()?;
    Ok(Method { name: name.to_owned(), probabilities })
}

/// Compares the methods, the candidate last, over all rows and over each value of the slicing columns.
///
/// # Errors
/// When a column is missing.
pub fn report(
    table: &Table,
    methods: &[Method],
    labels: &[bool],
    costs: &Costs,
    unit: &str,
    slices: &[String],
) -> anyhow::Result<Report> {
    let all: Vec<usize> = (0..labels.len()).collect();
    let whole = compare("all", methods, labels, costs, &all);
    let mut sentences: Vec<String> = whole.comparisons.iter().map(|c| c.sentence(unit)).collect();
    let mut report =
        Report { unit: unit.to_owned(), slices: vec![whole], small: Vec::new(), sentences: vec![] };
    for column in slices {
        let at = table.column(column)?;
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (i, row) in table.rows.iter().enumerate() {
            groups.entry(row[at].text()).or_default().push(i);
        }
        for (value, places) in groups {
            let name = format!("{column}={value}");
            if places.len() < LEAST_ROWS {
                report.small.push((name, places.len()));
                continue;
            }
            let slice = compare(&name, methods, labels, costs, &places);
            let lost = slice.comparisons.iter().filter(|c| c.difference.low > 0.0);
            sentences.extend(lost.map(|c| format!("in {name}, {}", c.sentence(unit))));
            report.slices.push(slice);
        }
    }
    report.sentences = sentences;
    Ok(report)
}

/// The card's section: the candidate against the rule, by mean cost of an event.
fn card_section(report: &Report, command: &str) -> Option<String> {
    let whole = report.slices.first()?;
    let (rule, candidate) = (whole.figures.first()?, whole.figures.last()?);
    let text = |s: &str| serde_json::to_string(s).unwrap_or_default();
    Some(format!(
        "[baseline]\nmethod = {}\nmetric = \"cost_per_event\"\nbetter = \"lower\"\nmeasured_on = {}\nscore = {:.6}\n\
         [baseline.candidate]\nscore = {:.6}\ninterval = [{:.6}, {:.6}]\nlevel = 0.95\n\
         interval_by = \"bootstrap over events, percentile, 2000 resamples\"",
        text(&rule.method),
        text(&format!("{} labelled events: {command}", whole.rows)),
        rule.cost.value,
        candidate.cost.value,
        candidate.cost.low,
        candidate.cost.high,
    ))
}

/// Costs and their unit, from a card.
fn costs(bundle: &Bundle) -> anyhow::Result<(Costs, String)> {
    let config = inbetween::config(bundle.card());
    let decide =
        config.decide.context("the card names no positive class, or no costs: nothing can be compared")?;
    let unit = bundle.card().failure.as_ref().map_or_else(String::new, |f| f.unit.clone());
    Ok((decide.costs, unit))
}

/// Reads, compares, prints and writes as the command line says.
///
/// # Errors
/// When a file cannot be read or written, or a method has no probability for a row.
pub fn command(args: &BaselineArgs) -> anyhow::Result<()> {
    let table = Table::open(&args.input)?;
    let labels = table.labels(&args.label)?;
    let (costs, unit) = costs(&score::open(&args.bundle)?)?;
    let mut methods = vec![method("rule", &args.rule, &table)?];
    if let Some(previous) = &args.previous {
        methods.push(method("previous model", previous, &table)?);
    }
    let candidate = args.bundle.to_string_lossy();
    methods.push(method("candidate", &candidate, &table)?);
    let report = report(&table, &methods, &labels, &costs, &unit, &args.slice)?;
    print(&report);
    if args.write {
        let body = card_section(&report, &crate::command_line()).context("there is nothing to write")?;
        section::put(&args.bundle.join("card.toml"), "baseline", &body)?;
    }
    if let Some(path) = &args.json {
        write_pretty(path, &report)?;
    }
    Ok(())
}

#[allow(clippy::print_stdout)] // what the command is for
fn print(report: &Report) {
    for sentence in &report.sentences {
        println!("{sentence}");
    }
    for slice in &report.slices {
        println!(
            "\n{}: {} events, {:.2}% positive; doing nothing costs {:.4} {} an event",
            slice.name,
            slice.rows,
            100.0 * slice.prevalence,
            slice.cost_of_nothing,
            report.unit
        );
        println!(
            "  method           cost an event (95%)            acted  reviewed  recall  precision  avg.prec.  log loss"
        );
        for f in &slice.figures {
            println!(
                "  {:<15} {:>8.4} ({:>8.4} to {:>8.4}) {:>7.2}% {:>8.2}% {:>6.1}% {:>9.1}% {:>10} {:>9.4}",
                f.method,
                f.cost.value,
                f.cost.low,
                f.cost.high,
                100.0 * f.acted,
                100.0 * f.reviewed,
                100.0 * f.recall,
                100.0 * f.precision,
                f.average_precision.map_or("-".to_owned(), |x| format!("{x:.3}")),
                f.log_loss
            );
        }
    }
    for (name, rows) in &report.small {
        println!("\n{name}: {rows} events, too few to compare");
    }
}
