//! `inbetween backtest`: recorded sessions against the baseline and every rung of the ladder.
//! **Invariant:** everything compared is of the same sessions; the rung that would have been worst is named.
//! It does not record: a host writes [`record::Session`]s, with what the model says of every frame or event.

mod events;
mod frames;
pub mod method;
pub mod record;

use std::{fs, path::Path};

use anyhow::{Context as _, bail, ensure};
use inbetween::Card;
use serde::Serialize;

use self::{
    method::{Kind, Line, compare, worst_rung},
    record::Session,
};
use crate::{cli::BacktestArgs, record::write_pretty, summary::Estimate};

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// How many sessions.
    pub sessions: usize,
    /// What is lost: the share of refreshes that violate, or a cost an event.
    pub unit: String,
    /// The card's own way first.
    pub lines: Vec<Line>,
    /// The rung that loses most by itself.
    pub worst_rung: Option<String>,
    /// What it says, a sentence each.
    pub sentences: Vec<String>,
}

/// Replays `sessions`, all of one kind.
///
/// # Errors
/// When sessions of frames and of events are mixed, or do not fit the cards.
pub fn backtest(
    card: &Card,
    against: Option<&Card>,
    sessions: &[Session],
    seed: u64,
) -> anyhow::Result<Report> {
    let (mut of_frames, mut of_events) = (Vec::new(), Vec::new());
    for session in sessions {
        match session {
            Session::Frames { size, frames } => of_frames.push((*size, &frames[..])),
            Session::Events(events) => of_events.push(&events[..]),
        }
    }
    let (methods, unit) = match (of_frames.is_empty(), of_events.is_empty()) {
        (false, true) => (frames::methods(card, against, &of_frames, seed)?, "share of refreshes".to_owned()),
        (true, false) => {
            let unit = card.failure.as_ref().map_or_else(String::new, |f| format!("{} an event", f.unit));
            (events::methods(card, against, &of_events)?, unit)
        }
        (true, true) => bail!("there is no session"),
        (false, false) => bail!("sessions of frames and of events cannot be compared: replay them apart"),
    };
    let lines = compare(&methods);
    let worst = worst_rung(&lines);
    let sentences = sentences(&lines, worst, &unit);
    let worst_rung = worst.map(|l| l.name.clone());
    Ok(Report { sessions: sessions.len(), unit, worst_rung, sentences, lines })
}

fn sentences(lines: &[Line], worst: Option<&Line>, unit: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    for line in lines.iter().filter(|l| matches!(l.kind, Kind::Against | Kind::Baseline)) {
        let Estimate { value, low, high } = line.difference;
        let name = &line.name;
        let says = match (low > 0.0, high < 0.0) {
            (true, _) => format!("the card does better than {name}"),
            (_, true) => format!("{name} does better than the card"),
            _ => format!("no difference of {name} and the card is shown"),
        };
        sentences.push(format!("{says}: {value:+.4} {unit}, 95% interval {low:+.4} to {high:+.4}"));
    }
    if let Some(worst) = worst {
        let Estimate { value, low, high } = worst.loss;
        sentences.push(format!(
            "the worst rung by itself is `{}`: {value:.4} {unit} ({low:.4} to {high:.4})",
            worst.name
        ));
    }
    sentences
}

fn read(path: &Path) -> anyhow::Result<Card> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Card::parse(&text).with_context(|| format!("{} is no card", path.display()))
}

/// The command.
///
/// # Errors
/// When a file cannot be read or written, or sessions and cards do not fit.
pub fn command(args: &BacktestArgs) -> anyhow::Result<()> {
    let card = read(&args.card)?;
    let against = args.against.as_deref().map(read).transpose()?;
    ensure!(!args.session.is_empty(), "name at least one session");
    let sessions = args.session.iter().map(|p| Session::read(p)).collect::<anyhow::Result<Vec<_>>>()?;
    let report = backtest(&card, against.as_ref(), &sessions, args.seed)?;
    print(&report);
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
    println!("\n{} sessions; lost in {}, with 95% intervals", report.sessions, report.unit);
    println!(
        "            method                 lost                      more than by the card         runs"
    );
    for l in &report.lines {
        let kind = match l.kind {
            Kind::Card | Kind::Against => "",
            Kind::Baseline => "baseline",
            Kind::Rung => "rung",
        };
        let Estimate { value, low, high } = l.loss;
        let d = l.difference;
        println!(
            "  {kind:<9} {:<20} {value:>8.4} ({low:>7.4} to {high:>7.4})  {:>+8.4} ({:>+8.4} to {:>+8.4}) {:>6}",
            l.name, d.value, d.low, d.high, l.runs
        );
    }
}
