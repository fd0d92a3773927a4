//! Payments: act, allow, or ask a person, by calibrated costs, while the data changes underneath.
//! **Invariant:** labels are shown to the monitor an hour after their payment and to nothing else.
//! It does not train: `risk/make.py` made model and data.
#![allow(clippy::print_stdout)] // a command line tool

use std::collections::BTreeMap;

use anyhow::Context as _;
use inbetween::{
    Action, Bundle, Event, Feature, FeatureValue, Frame, PredictionId, Response, Rung, Scorer, Timestamp,
    Truth,
};

const CARD: &str = include_str!("../../risk/bundle/card.toml");
const MODEL: &[u8] = include_bytes!("../../risk/bundle/risk.onnx");
const SMALL: &[u8] = include_bytes!("../../risk/bundle/risk-small.onnx");
const EVENTS: &str = include_str!("../../risk/events.csv");

/// What mistakes and reviews cost, in EUR, as the card says.
const STOPPED_HONEST: f64 = 10.0;
const FRAUD: f64 = 150.0;
const REVIEW: f64 = 5.0;
/// A person looks at one payment in three minutes: twenty an hour.
const REVIEW_EVERY_MS: u64 = 180_000;
/// Chargebacks come after an hour.
const LABEL_DELAY_MS: u64 = 3_600_000;
/// From this payment on the world is another one: after three windows of the monitor.
const CHANGE: usize = 1080;
/// Within the schema break, amounts are gone, too, from this payment on.
const WORSE: usize = 2000;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Break {
    /// Nothing.
    Calm,
    /// The scoring service brings out a new version: its numbers are in range, and mean something else.
    SourceChange,
    /// The service's field gets another name; later amounts come as text.
    Schema,
    /// Thieves change their ways: the inputs look as before.
    ConceptDrift,
    /// For the backtest: every payment lacks what the model needs, or what any model needs.
    Without(&'static str),
}

/// One payment.
#[derive(Clone, Debug)]
struct Payment {
    at: Timestamp,
    features: Vec<(String, String)>,
    fraud: bool,
}

impl Payment {
    /// The features as the till sends them.
    fn features(&self) -> Vec<Feature<'_>> {
        self.features.iter().map(|(name, text)| Feature { name, value: value(text) }).collect()
    }
}

/// A number, or else a category.
fn value(text: &str) -> FeatureValue<'_> {
    text.parse().map_or(FeatureValue::Category(text), FeatureValue::Number)
}

/// The stream, broken from payment `CHANGE` on.
fn payments(what: Break) -> anyhow::Result<Vec<Payment>> {
    let mut lines = EVENTS.lines();
    let header: Vec<&str> = lines.next().context("events.csv is empty")?.split(',').collect();
    let payment = |(i, line): (usize, &str)| {
        let cells: BTreeMap<&str, &str> = header.iter().copied().zip(line.split(',')).collect();
        let cell = |name: &str| cells.get(name).copied().with_context(|| format!("no column {name}"));
        let changed = i >= CHANGE;
        let drifted = changed && what == Break::ConceptDrift;
        let label = cell(if drifted { "label_after_drift" } else { "label" })?;
        let mut features = Vec::new();
        for name in header.iter().filter(|n| !n.starts_with("label") && **n != "time_ms") {
            let (mut name, mut text) = ((*name).to_owned(), cell(name)?.to_owned());
            match (what, name.as_str()) {
                (Break::SourceChange, "merchant_risk") if changed => {
                    text = text.parse::<f64>()?.sqrt().to_string();
                }
                (Break::Schema, "merchant_risk") if changed => "merchant_score".clone_into(&mut name),
                (Break::Schema, "amount") if i >= WORSE => text = format!("EUR {text}"),
                (Break::Without(gone), _) if gone == name => continue,
                _ => {}
            }
            features.push((name, text));
        }
        Ok(Payment { at: Timestamp::from_millis(cell("time_ms")?.parse()?), features, fraud: label == "1" })
    };
    lines.enumerate().map(payment).collect()
}

/// What happened in one run of the stream.
#[derive(Debug, Default)]
struct Report {
    /// Sum of what was lost, and payments, before the change and after it.
    cost: [f64; 2],
    payments: [u32; 2],
    /// Payments by rung, from the change on.
    rungs: BTreeMap<Rung, u32>,
    stopped: u32,
    asked: u32,
    reviewed: u32,
    dropped: u32,
    /// Alerts: at which payment, signal, owner, what was done.
    alerts: Vec<(usize, String, String, Response)>,
}

impl Report {
    fn mean(&self, part: usize) -> f64 {
        self.cost[part] / f64::from(self.payments[part].max(1))
    }

    fn all(&self) -> f64 {
        (self.cost[0] + self.cost[1]) / f64::from((self.payments[0] + self.payments[1]).max(1))
    }
}

/// What an action costs, once it is known what the payment was.
const fn cost(action: Action, fraud: bool) -> f64 {
    match (action, fraud) {
        (Action::Review, _) => REVIEW,
        (Action::Positive, false) => STOPPED_HONEST,
        (Action::Negative, true) => FRAUD,
        _ => 0.0,
    }
}

/// Sends the whole stream through the scorer.
fn run(what: Break) -> anyhow::Result<Report> {
    let payments = payments(what)?;
    let files = |name: &str| match name {
        "risk.onnx" => Some(MODEL.to_vec()),
        "risk-small.onnx" => Some(SMALL.to_vec()),
        _ => None,
    };
    let mut scorer = Scorer::new(&Bundle::from_files(CARD, files)?)?;
    let mut report = Report::default();
    let mut done: Vec<Action> = Vec::new();
    let mut named: Vec<Option<PredictionId>> = Vec::new();
    let mut places: BTreeMap<Timestamp, usize> = BTreeMap::new();
    let mut labelled = 0;
    let mut next_review = 0;
    for (i, payment) in payments.iter().enumerate() {
        let (now, ms) = (payment.at, payment.at.as_nanos() / 1_000_000);
        places.insert(now, i);
        while payments[labelled].at.as_nanos() / 1_000_000 + LABEL_DELAY_MS <= ms {
            if let Some(prediction) = named[labelled] {
                scorer.handle_label(now, prediction, Truth::Class(u32::from(payments[labelled].fraud)));
            }
            labelled += 1;
        }
        if ms >= next_review {
            next_review = ms + REVIEW_EVERY_MS;
            if let Some(at) = scorer.take_review().and_then(|item| places.get(&item.captured)) {
                done[*at] = Action::Review;
                report.reviewed += 1;
            }
        }
        let features = payment.features();
        let answer = scorer.score(now, &Frame::features(now, &features));
        let decision = answer.decision.context("the rule answers at least")?;
        // Until somebody has looked, the automatic action stands.
        done.push(decision.meanwhile);
        named.push(answer.prediction);
        report.asked += u32::from(decision.action == Action::Review);
        report.stopped += u32::from(decision.action == Action::Positive);
        if i >= CHANGE {
            *report.rungs.entry(decision.rung).or_default() += 1;
        }
        while let Some(event) = scorer.poll_event() {
            match event {
                Event::ReviewDropped(_) => report.dropped += 1,
                Event::Alert { rule, response, .. } => {
                    let rules = scorer.flow().config().monitoring.as_ref().map(|m| &m.responses);
                    let rule =
                        rules.and_then(|r| r.get(usize::from(rule))).context("an alert names its rule")?;
                    report.alerts.push((i, rule.signal.clone(), rule.owner.clone(), response));
                }
                _ => {}
            }
        }
    }
    for (i, (payment, action)) in payments.iter().zip(done).enumerate() {
        let part = usize::from(i >= CHANGE);
        report.cost[part] += cost(action, payment.fraud);
        report.payments[part] += 1;
    }
    Ok(report)
}

/// The cost of a payment when nothing is ever done, and by the rule that people used before.
fn by_hand() -> anyhow::Result<[f64; 2]> {
    let payments = payments(Break::Calm)?;
    let mut sums = [0.0; 2];
    for payment in &payments {
        let number = |name: &str| {
            let text = payment.features.iter().find(|(n, _)| n == name).map(|(_, text)| text);
            text.and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0)
        };
        let (amount, days, new) = (number("amount"), number("account_days"), number("new_device"));
        let stop = amount > 150.0 && days < 30.0 || new > 0.0 && amount > 60.0;
        sums[0] += cost(Action::Negative, payment.fraud);
        sums[1] += cost(if stop { Action::Positive } else { Action::Negative }, payment.fraud);
    }
    Ok(sums.map(|s| s / payments.len() as f64))
}

/// What a signal finds, in words.
fn name_of(signal: &str) -> &'static str {
    match signal.split('.').next() {
        Some("psi") => "data drift",
        Some("concept") => "concept drift",
        Some("schema_breaks") => "schema break",
        _ => "alert",
    }
}

fn main() -> anyhow::Result<()> {
    let [nothing, hand] = by_hand()?;
    println!("Backtest on {} recorded payments, in EUR a payment:", payments(Break::Calm)?.len());
    println!("  nothing is done                        {nothing:.2}");
    println!("  rule of thumb (sums, new devices)      {hand:.2}");
    for (what, name) in [
        (Break::Calm, "the model, with twenty reviews an hour"),
        (Break::Without("merchant_risk"), "its variant with fewer features"),
        (Break::Without("amount"), "the ladder's rule: ask while there is time"),
    ] {
        let r = run(what)?;
        println!(
            "  {name:<38} {:.2}   {} asked about, {} of them looked at, {} dropped from the queue",
            r.all(),
            r.asked,
            r.reviewed,
            r.dropped
        );
    }
    for (what, name) in [
        (Break::Calm, "Calm: nothing changes"),
        (Break::SourceChange, "Source change: the scoring service scores otherwise"),
        (Break::Schema, "Schema break: a field has another name, later amounts are text"),
        (Break::ConceptDrift, "Concept drift: thieves change their ways"),
    ] {
        let r = run(what)?;
        println!("\n{name} (from payment {CHANGE} on)");
        println!("  EUR a payment: {:.2} before, {:.2} after", r.mean(0), r.mean(1));
        let rungs: Vec<String> = r.rungs.iter().map(|(rung, n)| format!("{n} by {rung:?}")).collect();
        println!("  answered afterwards: {}", rungs.join(", "));
        if r.alerts.is_empty() {
            println!("  no alert");
        }
        for (at, signal, owner, response) in &r.alerts {
            println!("  payment {at}: {} ({signal}) -> {response:?}, told: {owner}", name_of(signal));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert<'a>(r: &'a Report, signal: &str) -> Option<&'a (usize, String, String, Response)> {
        r.alerts.iter().find(|(_, s, ..)| s == signal)
    }

    #[test]
    fn the_model_pays_and_every_rung_is_worth_something() {
        let [nothing, hand] = by_hand().expect("data");
        let cost = |what| run(what).expect("it runs").all();
        let (model, fewer, rule) =
            (cost(Break::Calm), cost(Break::Without("merchant_risk")), cost(Break::Without("amount")));
        println!("{nothing} {hand} {model} {fewer} {rule}");
        assert!(model < hand && hand < nothing, "{model} {hand} {nothing}");
        assert!(model < fewer && fewer < nothing, "{model} {fewer} {nothing}");
        assert!(rule < nothing, "{rule} {nothing}");
    }

    #[test]
    fn calm() {
        let r = run(Break::Calm).expect("it runs");
        assert!(r.alerts.is_empty(), "{:?}", r.alerts);
        assert_eq!(r.rungs.keys().collect::<Vec<_>>(), [&Rung::Model]);
        assert!(r.stopped > 0 && r.asked > 0 && r.reviewed > 0);
    }

    #[test]
    fn a_source_change_is_data_drift_and_the_model_is_taken_back() {
        let r = run(Break::SourceChange).expect("it runs");
        let (at, _, owner, response) = alert(&r, "psi.merchant_risk").expect("found");
        assert!((CHANGE..CHANGE + 800).contains(at), "{at}");
        assert_eq!((owner.as_str(), *response), ("scoring team", Response::RollBack));
        assert!(r.rungs[&Rung::SmallerVariant] > 1000, "{:?}", r.rungs);
    }

    #[test]
    fn a_schema_break_takes_each_payment_down_the_ladder() {
        let r = run(Break::Schema).expect("it runs");
        assert!(alert(&r, "schema_breaks").is_some_and(|(at, ..)| *at >= CHANGE), "{:?}", r.alerts);
        assert_eq!(r.rungs.get(&Rung::Model), None, "{:?}", r.rungs);
        assert_eq!(r.rungs[&Rung::SmallerVariant] as usize, WORSE - CHANGE);
        assert!(r.rungs[&Rung::Rule] > 900);
    }

    #[test]
    fn a_concept_drift_is_told_from_data_drift_and_the_rule_takes_over() {
        let r = run(Break::ConceptDrift).expect("it runs");
        assert!(alert(&r, "psi.merchant_risk").is_none(), "{:?}", r.alerts);
        let found = |wanted| {
            r.alerts.iter().any(|(at, s, _, what)| s == "concept.evidence" && *what == wanted && *at > CHANGE)
        };
        assert!(found(Response::FallBack) && found(Response::Retrain), "{:?}", r.alerts);
        assert!(r.rungs[&Rung::Rule] > 100, "{:?}", r.rungs);
    }
}
