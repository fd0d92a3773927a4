//! Collects what is out of range or contradicts itself, and holds the checks that several sections share.
//! **Invariant:** faults come in the card's own order, each with the path of its field.
//! It does not parse, and it does not demand sections: a review does.

use std::{borrow::Cow, collections::BTreeSet};

use crate::Card;

/// A field that is out of range.
pub(crate) struct Fault {
    pub field: String,
    pub must: Cow<'static, str>,
}

/// What was found so far.
#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Notes that `field` must be `must`, unless `ok`; says whether it was.
    pub(crate) fn need(
        &mut self,
        ok: bool,
        field: impl Into<String>,
        must: impl Into<Cow<'static, str>>,
    ) -> bool {
        if !ok {
            self.0.push(Fault { field: field.into(), must: must.into() });
        }
        ok
    }

    /// Demands words.
    pub(crate) fn words(&mut self, text: &str, field: impl Into<String>, must: &'static str) {
        self.need(!text.trim().is_empty(), field, must);
    }

    /// Demands words in every element.
    pub(crate) fn each(&mut self, texts: &[String], field: &str, must: &'static str) {
        for (i, text) in texts.iter().enumerate() {
            self.words(text, format!("{field}.{i}"), must);
        }
    }

    /// Demands that no two names are the same; `field` gives the path of the one at an index.
    pub(crate) fn distinct<'a>(
        &mut self,
        names: impl IntoIterator<Item = &'a str>,
        field: impl Fn(usize) -> String,
    ) {
        let mut seen = BTreeSet::new();
        for (i, name) in names.into_iter().enumerate() {
            if !seen.insert(name) {
                self.need(false, field(i), "a name that no other one here has");
            }
        }
    }
}

/// Milliseconds that a duration can hold: finite, not negative, under a day.
pub(crate) fn millis(ms: f64) -> bool {
    (0.0..=86_400_000.0).contains(&ms)
}

/// Hours of anything that a card states: finite, not negative, under ten years.
pub(crate) fn hours(h: f64) -> bool {
    (0.0..=87_600.0).contains(&h)
}

/// 64 hexadecimal digits.
pub(crate) fn sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Checks every section.
pub(crate) fn card(card: &Card) -> Vec<Fault> {
    let mut faults = Faults::default();
    let f = &mut faults;
    card.decision.check(card, f);
    if let Some(user) = &card.user {
        user.check(f);
    }
    if let Some(failure) = &card.failure {
        failure.check(f);
    }
    if let Some(goals) = &card.goals {
        goals.check(f);
    }
    if let Some(data) = &card.data {
        data.check(f);
    }
    if let Some(baseline) = &card.baseline {
        baseline.check(f);
    }
    if let Some(metrics) = &card.metrics {
        metrics.check(f);
    }
    card.tolerance.check(f);
    card.budget.check(f);
    card.display.check(&card.budget, f);
    card.ladder.check(&card.model.head, f);
    card.scheduling.check(f);
    card.model.check(&card.budget, f);
    if let Some(serving) = &card.serving {
        serving.check(f);
    }
    if let Some(validation) = &card.validation {
        validation.check(f);
    }
    if let Some(monitoring) = &card.monitoring {
        monitoring.check(&card.model, f);
    }
    if let Some(fallback) = &card.fallback {
        fallback.check(f);
    }
    if let Some(ownership) = &card.ownership {
        ownership.check(f);
    }
    if let Some(platform) = &card.platform {
        platform.check(f);
    }
    faults.0
}
