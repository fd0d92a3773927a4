//! Leaks from the future: features that were not known yet when the decision was made.
//! **Invariant:** a stamp after the decision is found, whatever the value is.
//! It does not repair a table: a leaked feature makes every score of it a lie.

use std::fmt;

use inbetween_card::Card;

use super::table::{Cell, Table};

/// A column `FEATURE` + this has the time at which that feature's value was known, in milliseconds of the same clock as
/// the time of the event.
pub const KNOWN_AT: &str = ".known_at";

/// One feature that comes from the future.
#[derive(Clone, Debug, PartialEq)]
pub enum Leak {
    /// The card itself says that it is known only after the decision is due.
    Stated {
        /// The feature.
        feature: String,
        /// When it is known, in milliseconds after the event.
        known_ms: f64,
        /// When the decision is due.
        due_ms: f64,
    },
    /// Rows have stamps after their decision.
    Stamped {
        /// The feature.
        feature: String,
        /// How many rows.
        rows: usize,
        /// The first of them, counted from 1.
        first: usize,
        /// The largest lead, in milliseconds.
        worst_ms: f64,
    },
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stated { feature, known_ms, due_ms } => write!(
                f,
                "leak: the card says that `{feature}` is known {known_ms} ms after the event, and the decision is due \
                 after {due_ms} ms: take it out of the model, or decide later"
            ),
            Self::Stamped { feature, rows, first, worst_ms } => write!(
                f,
                "leak: `{feature}` was known after the decision in {rows} rows, first in row {first}, up to {worst_ms} ms: \
                 join it as it was known at the time of the event"
            ),
        }
    }
}

/// All leaks of a table. `time` is the column of event times; a decision is due `decision.deadline_ms` after it.
///
/// # Errors
/// When a time is no number.
pub fn find(card: &Card, table: &Table, time: Option<&str>) -> anyhow::Result<Vec<Leak>> {
    let due_ms = card.decision.deadline_ms.unwrap_or(0.0);
    let mut leaks = Vec::new();
    for feature in card.data.iter().flat_map(|d| &d.features) {
        if feature.known_ms > due_ms {
            let (feature, known_ms) = (feature.name.clone(), feature.known_ms);
            leaks.push(Leak::Stated { feature, known_ms, due_ms });
        }
    }
    let Some(time) = time else { return Ok(leaks) };
    let times = table.numbers(time)?;
    for (at, column) in table.columns.iter().enumerate() {
        let Some(feature) = column.strip_suffix(KNOWN_AT) else { continue };
        let (mut rows, mut first, mut worst_ms) = (0, 0, 0.0_f64);
        for (i, (row, event)) in table.rows.iter().zip(&times).enumerate() {
            let lead = match &row[at] {
                Cell::Missing => continue,
                cell => match cell.number() {
                    Some(known) => known - (event + due_ms),
                    None => anyhow::bail!("row {}: `{column}` is no time in milliseconds", i + 1),
                },
            };
            // A time that is no number proves nothing: it counts as a leak.
            if lead > 0.0 || lead.is_nan() {
                if rows == 0 {
                    first = i + 1;
                }
                rows += 1;
                worst_ms = worst_ms.max(lead);
            }
        }
        if rows > 0 {
            leaks.push(Leak::Stamped { feature: feature.to_owned(), rows, first, worst_ms });
        }
    }
    Ok(leaks)
}
