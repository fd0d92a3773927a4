//! The command `score`: a table of events through the core in batch, with checks for leaks and skew.
//! **Invariant:** a row gets the bits that the same event gets on a device.
//! It does not train and does not label.

use std::{fs, path::Path};

use anyhow::{Context as _, bail, ensure};
use inbetween::{Action, Answer, Bundle, Frame, Rung, Scorer, Timestamp, Value};

use super::{
    leak, skew,
    table::{Features, Table},
};
use crate::cli::ScoreArgs;

/// Opens the bundle in a folder: `card.toml` and the files that it names.
///
/// # Errors
/// When a file cannot be read or the card is refused.
pub fn open(folder: &Path) -> anyhow::Result<Bundle> {
    let path = folder.join("card.toml");
    let card = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Bundle::from_files(&card, |name| fs::read(folder.join(name)).ok())
        .with_context(|| format!("{} is no bundle", folder.display()))
}

/// Scores all rows, one after another. Rows are a second apart: time matters only to a model that fails.
///
/// # Errors
/// When the model does not take features or cannot be used.
pub fn rows(bundle: &Bundle, table: &Table) -> anyhow::Result<Vec<Answer>> {
    let features = Features::of(&bundle.card().model, table)?;
    let mut scorer = Scorer::unwatched(bundle)?;
    let answer = |(i, row): (usize, &Vec<_>)| {
        let now = Timestamp::from_millis(1000 * (i as u64 + 1));
        let answer = scorer.score(now, &Frame::features(now, &features.row(row)));
        while scorer.poll_event().is_some() {}
        answer
    };
    Ok(table.rows.iter().enumerate().map(answer).collect())
}

/// The score of class `class` as the model gave it.
pub fn score_of(answer: &Answer, class: u32) -> Option<f32> {
    match answer.value.as_ref()? {
        Value::Probabilities(p) => p.get(class as usize).copied(),
        Value::Scalar(x) => Some(*x),
        Value::Label(l) if l.class == class => Some(l.score),
        Value::Label(l) => Some(1.0 - l.score),
        _ => None,
    }
}

/// An action in a word.
pub const fn action_word(action: Action) -> &'static str {
    match action {
        Action::Negative => "negative",
        Action::Positive => "positive",
        Action::Review => "review",
    }
}

/// A rung in a word.
pub const fn rung_word(rung: Rung) -> &'static str {
    match rung {
        Rung::Model => "model",
        Rung::SmallerVariant => "smaller_variant",
        Rung::Predicted => "predicted",
        Rung::Rule => "rule",
        _ => "unavailable",
    }
}

/// Reads, checks, scores and writes as the command line says.
///
/// # Errors
/// When a file cannot be read or written, the table leaks, or it is skewed and that is to be refused.
#[allow(clippy::print_stdout, clippy::print_stderr)] // what the command is for
pub fn command(args: &ScoreArgs) -> anyhow::Result<()> {
    let bundle = open(&args.bundle)?;
    let table = Table::open(&args.input)?;
    let leaks = leak::find(bundle.card(), &table, args.time.as_deref())?;
    if !leaks.is_empty() {
        bail!("{}", leaks.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }
    for name in Features::of(&bundle.card().model, &table)?.absent() {
        eprintln!("no column `{name}`: the feature is missing in every row");
    }
    let compared = skew::compare(bundle.card(), &table)?;
    for skew in &compared.skewed {
        eprintln!("{skew}");
    }
    if args.refuse_skew {
        ensure!(!compared.skewed.iter().any(|s| s.large), "the table is skewed: no row was scored");
    }
    let answers = rows(&bundle, &table)?;
    write(args, &bundle, &table, &answers)?;
    let degraded = answers.iter().filter(|a| a.degraded.is_some()).count();
    println!("{} rows scored, {degraded} of them by a lower rung", answers.len());
    for action in [Action::Negative, Action::Review, Action::Positive] {
        let n = answers.iter().filter(|a| a.decision.is_some_and(|d| d.action == action)).count();
        if n > 0 {
            println!("  {:<9} {n:>8}", action_word(action));
        }
    }
    Ok(())
}

fn write(args: &ScoreArgs, bundle: &Bundle, table: &Table, answers: &[Answer]) -> anyhow::Result<()> {
    let kept = args.keep.iter().map(|name| table.column(name)).collect::<Result<Vec<_>, _>>()?;
    let mut out = csv::Writer::from_path(&args.output)
        .with_context(|| format!("cannot write {}", args.output.display()))?;
    let own = [
        "row",
        "score",
        "probability",
        "action",
        "meanwhile",
        "expected_cost",
        "rung",
        "variant",
        "model_version",
        "degraded",
    ];
    out.write_record(args.keep.iter().map(String::as_str).chain(own))?;
    let class = bundle.card().decision.positive_class.unwrap_or(0);
    for (i, (answer, row)) in answers.iter().zip(&table.rows).enumerate() {
        // `to_string` of a float is the shortest text that gives the same bits again.
        let text = |x: Option<f64>| x.map_or_else(String::new, |x| x.to_string());
        let d = answer.decision;
        let record = kept.iter().map(|at| row[*at].text()).chain([
            (i + 1).to_string(),
            score_of(answer, class).map_or_else(String::new, |x| x.to_string()),
            text(d.map(|d| d.probability)),
            d.map_or("", |d| action_word(d.action)).to_owned(),
            d.map_or("", |d| action_word(d.meanwhile)).to_owned(),
            text(d.map(|d| d.expected_cost)),
            d.map_or("", |d| rung_word(d.rung)).to_owned(),
            answer.variant.to_string(),
            answer.model_version.to_string(),
            answer.degraded.map_or_else(String::new, |d| format!("{d:?}")),
        ]);
        out.write_record(record)?;
    }
    out.flush().with_context(|| format!("cannot write {}", args.output.display()))
}
