//! Counts as a file: rows of counts, and by how much each moved when nothing but the surroundings changed.
//! **Invariant:** rows and counts are sorted by name, so that a file changes only where a count does.
//! It does not compare.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

const SCHEMA: u32 = 1;

/// Counts of one platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    schema: u32,
    /// `x86_64` or `aarch64`.
    pub target: String,
    /// What counted, and what it takes a processor for.
    pub tool: String,
    /// By name.
    pub rows: BTreeMap<String, Row>,
}

/// What was counted of one thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// By what is counted.
    pub counts: BTreeMap<String, u64>,
    /// By what share of itself a count moved in other surroundings; none where it did not.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub noise: BTreeMap<String, f64>,
}

impl Row {
    /// A row of these counts.
    pub fn of(counts: impl IntoIterator<Item = (String, u64)>) -> Self {
        Self { counts: counts.into_iter().collect(), noise: BTreeMap::new() }
    }
}

impl Record {
    /// An empty record.
    pub fn new(target: &str, tool: impl Into<String>) -> Self {
        Self { schema: SCHEMA, target: target.to_owned(), tool: tool.into(), rows: BTreeMap::new() }
    }

    /// Takes in how far the counts of `again`, measured in other surroundings, differ.
    pub fn note(&mut self, again: &Self) {
        for (name, row) in &mut self.rows {
            let Some(other) = again.rows.get(name) else { continue };
            for (what, n) in &row.counts {
                let differs = other.counts.get(what).map_or(0, |o| o.abs_diff(*n));
                if differs > 0 {
                    // Four digits: the noise of the noise is larger.
                    let share = (differs as f64 / (*n).max(1) as f64 * 1e4).ceil() / 1e4;
                    row.noise.insert(what.clone(), share);
                }
            }
        }
    }

    /// As JSON.
    pub fn text(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// Writes it.
    pub fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, self.text()? + "\n").with_context(|| format!("cannot write {}", path.display()))
    }

    /// Reads one.
    pub fn read(path: &Path) -> Result<Self> {
        let record: Self = serde_json::from_str(&fs::read_to_string(path)?)?;
        ensure!(record.schema == SCHEMA, "it is of schema {}, this program knows {SCHEMA}", record.schema);
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_what_other_surroundings_change() {
        let with = |misses| {
            let mut record = Record::new("x86_64", "t");
            let counts = [("instructions".to_owned(), 1000), ("l1_misses".to_owned(), misses)];
            record.rows.insert("a".to_owned(), Row::of(counts));
            record
        };
        let mut record = with(200);
        record.note(&with(203));
        assert_eq!(record.rows["a"].noise, BTreeMap::from([("l1_misses".to_owned(), 0.015)]));
        let text = record.text().unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }
}
