//! Skew between training and serving: a table's features against the histograms that the card carries of training.
//! **Invariant:** the test is the monitor's own, so that a table is judged as a device would judge the same events.
//! It does not say which side is wrong.

use std::{fmt, time::Duration};

use inbetween::{
    Frame, Timestamp,
    monitor::{Live, Signal, Verdict},
};
use inbetween_card::Card;

use super::table::{Features, Table};

/// One feature that the table has otherwise than training had it.
#[derive(Clone, Debug, PartialEq)]
pub struct Skew {
    /// The feature.
    pub feature: String,
    /// The population stability index.
    pub psi: f64,
    /// Rows that have it.
    pub rows: u32,
    /// Whether it is large, by the monitor's verdict; else small and significant.
    pub large: bool,
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = if self.large { "skew" } else { "small skew" };
        write!(
            f,
            "{size}: `{}` is distributed otherwise than in training (PSI {:.3} over {} rows): compare how both compute it",
            self.feature, self.psi, self.rows
        )
    }
}

/// What was compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    /// Features that differ.
    pub skewed: Vec<Skew>,
    /// Features with a reference that the table has too few rows for.
    pub undecided: Vec<String>,
    /// Features with a reference that agree.
    pub agree: usize,
}

/// Compares all features of the table that the card has a reference of.
///
/// # Errors
/// When the card's monitoring is out of range, or the model does not take features.
pub fn compare(card: &Card, table: &Table) -> anyhow::Result<Compared> {
    let Some(mut config) = inbetween::config(card).monitoring else { return Ok(Compared::default()) };
    // One window of all rows, a millisecond apart, and nothing to be done about it.
    config.window = Duration::from_millis(table.rows.len() as u64 + 1000);
    config.responses.clear();
    config.features.retain(|f| !f.reference.is_empty());
    let watched: Vec<String> = config.features.iter().map(|f| f.name.clone()).collect();
    let features = Features::of(&card.model, table)?;
    let mut live = Live::new(config, 0)?;
    let at = |i: usize| Timestamp::from_millis(1 + i as u64);
    live.tick(at(0), |_| {});
    for (i, row) in table.rows.iter().enumerate() {
        live.frame(at(i), &Frame::features(at(i), &features.row(row)));
    }
    let end = at(table.rows.len() + 1000);
    live.tick(end, |_| {});
    let mut compared = Compared::default();
    for (i, feature) in watched.into_iter().enumerate() {
        let reading = live.read(end, Signal::Psi(i as u8));
        let large = reading.verdict == Verdict::Drift;
        match reading.verdict {
            Verdict::InsufficientData => compared.undecided.push(feature),
            Verdict::Stable => compared.agree += 1,
            Verdict::Warn | Verdict::Drift => {
                compared.skewed.push(Skew { feature, psi: reading.value, rows: reading.observations, large });
            }
        }
    }
    Ok(compared)
}
