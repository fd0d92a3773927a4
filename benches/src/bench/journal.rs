//! The file of finished work: a killed bench goes on where it was.
//! **Invariant:** a line is found again only for the same scene, seed, policy, setting and length; a line that was cut
//! by a kill counts as not written.
//! It does not notice that the program has changed: a new file is for new code.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
    sync::Mutex,
};

use anyhow::Context as _;
use inbetween_sim::{Row, SceneSpec, measure::Faults};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// The version of the lines. A file with other lines is not gone on from: its lines are passed over.
const VERSION: u32 = 1;

/// What was finished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Done {
    /// One policy on one sequence.
    Row {
        /// Its figures.
        row: Box<Row>,
        /// Its violations by clause.
        faults: Faults,
    },
    /// A setting that was tuned, by its place in the grid.
    Tuned {
        /// The place.
        place: usize,
        /// Share of refreshes that violated on the tune split.
        violation_rate: f64,
    },
    /// The oracles of one sequence.
    Oracles {
        /// The class that follows pixels.
        pixels: Least,
        /// The class that has results alone.
        output: Least,
        /// Straight pieces, chosen with the truth.
        bound: u64,
    },
}

/// What an oracle needs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Least {
    /// Whether it keeps the promise.
    pub feasible: bool,
    /// Its runs.
    pub runs: u64,
    /// Its violations on average over detections and latencies.
    pub violations: f64,
    /// All refreshes.
    pub refreshes: u64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    version: u32,
    key: String,
    done: Done,
}

/// The name of a piece of work: what it is, and a digest of all that its result depends on beside the program.
pub fn key(spec: &SceneSpec, seed: u64, policy: &str, setting: &str) -> anyhow::Result<String> {
    let digest = xxh3_64(&serde_json::to_vec(&(spec, setting))?);
    Ok(format!("{}/{seed}/{policy}/{digest:016x}", spec.name))
}

/// Finished work, in memory and, where a file was named, there.
#[derive(Debug, Default)]
pub struct Journal {
    known: Mutex<HashMap<String, Done>>,
    file: Option<Mutex<File>>,
}

impl Journal {
    /// Goes on from a file, or starts it.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let context = || format!("cannot go on from {}", path.display());
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).with_context(context)?;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .with_context(context)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).with_context(context)?;
        // What stands after the last line break was being written when the program ended.
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        file.set_len(whole as u64).with_context(context)?;
        file.seek(SeekFrom::End(0)).with_context(context)?;
        let lines =
            bytes[..whole].split(|b| *b == b'\n').filter_map(|l| serde_json::from_slice::<Line>(l).ok());
        let known = lines.filter(|l| l.version == VERSION).map(|l| (l.key, l.done)).collect();
        Ok(Self { known: Mutex::new(known), file: Some(Mutex::new(file)) })
    }

    /// How many pieces of work are finished.
    pub fn len(&self) -> usize {
        self.known.lock().map_or(0, |known| known.len())
    }

    /// Whether nothing is finished.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was finished under a name.
    pub fn get(&self, key: &str) -> Option<Done> {
        self.known.lock().ok()?.get(key).cloned()
    }

    /// Keeps what is finished.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put(&self, key: String, done: Done) -> anyhow::Result<()> {
        if let Some(file) = &self.file {
            let line = Line { version: VERSION, key: key.clone(), done: done.clone() };
            let mut text = serde_json::to_vec(&line)?;
            text.push(b'\n');
            let mut file =
                file.lock().map_err(|_| anyhow::anyhow!("a thread that wrote results panicked"))?;
            file.write_all(&text).context("cannot write a finished result")?;
        }
        if let Ok(mut known) = self.known.lock() {
            known.insert(key, done);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::blank;

    fn row(runs: u64) -> Done {
        let row = Row { runs, split: "test", energy: 0.1 + 0.2, ..blank("s", "inbetween") };
        Done::Row { row: Box::new(row), faults: Faults { off: 3, ..Faults::default() } }
    }

    #[test]
    fn a_cut_line_is_dropped_and_the_rest_found_again() {
        let path = std::env::temp_dir().join(format!("inbetween-journal-{}.jsonl", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let journal = Journal::open(&path).unwrap();
        assert!(journal.is_empty());
        journal.put("a".into(), row(1)).unwrap();
        journal.put("b".into(), Done::Tuned { place: 7, violation_rate: 0.25 }).unwrap();
        journal.put("c".into(), row(3)).unwrap();
        drop(journal);
        let text = std::fs::read(&path).unwrap();
        for cut in 1..60 {
            std::fs::write(&path, &text[..text.len() - cut]).unwrap();
            let journal = Journal::open(&path).unwrap();
            assert_eq!(journal.len(), 2, "{cut} bytes are missing");
            assert_eq!(journal.get("a"), Some(row(1)));
            assert_eq!(journal.get("b"), Some(Done::Tuned { place: 7, violation_rate: 0.25 }));
            assert_eq!(journal.get("c"), None);
        }
        // What is written after a cut starts a line of its own.
        let journal = Journal::open(&path).unwrap();
        journal.put("c".into(), row(4)).unwrap();
        assert_eq!(Journal::open(&path).unwrap().get("c"), Some(row(4)));
        std::fs::write(&path, "no JSON\n{\"version\":99,\"key\":\"a\",\"done\":{}}\n").unwrap();
        assert!(Journal::open(&path).unwrap().is_empty());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn names_differ_where_results_may() {
        let spec = |text: &str| SceneSpec::parse(text).unwrap();
        let (a, b) = (spec("name = \"a\"\nduration_s = 3\n"), spec("name = \"a\"\nduration_s = 4\n"));
        let name = |s: &SceneSpec, seed, policy: &str, setting: &str| key(s, seed, policy, setting).unwrap();
        let first = name(&a, 1, "p", "N = 3");
        assert_eq!(first, name(&a.clone(), 1, "p", "N = 3"));
        for other in [
            name(&b, 1, "p", "N = 3"),
            name(&a, 2, "p", "N = 3"),
            name(&a, 1, "q", "N = 3"),
            name(&a, 1, "p", ""),
        ] {
            assert_ne!(first, other);
        }
    }
}
