//! The report: one HTML file that shows what was promised, what was kept, and how.
//! **Invariant:** the page needs nothing but itself: no link, script, font or picture from elsewhere.
//! It does not measure: it draws the simulator's rows and timelines.

mod bars;
mod charts;
mod film;
mod frontier;
mod heat;
mod page;
mod suite;
mod svg;
mod timeline;

use std::path::Path;

use anyhow::Context as _;

use inbetween_sim::Report as Detail;

use crate::{record::Row, session::Still, summary::Suite};

/// What a report shows.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Its title.
    pub title: String,
    /// One or two sentences: what was run on what.
    pub lead: String,
    /// What a reader must know to judge the figures.
    pub notes: Vec<String>,
    /// Results; the first is the one that the verdict is about.
    pub rows: Vec<Row>,
    /// What happened in the session of the first row, when it was logged.
    pub detail: Option<Detail>,
    /// Frames of that session.
    pub stills: Vec<Still>,
    /// The command that makes this report again.
    pub command: String,
}

impl Report {
    /// The page.
    pub fn html(&self) -> String {
        page::page(self).into_string()
    }

    /// Writes the page.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        write(path, &self.html())
    }
}

/// The report of a suite: lines of the contract, policies, heat maps, frontiers, ablations.
#[derive(Clone, Copy, Debug)]
pub struct SuiteReport<'a>(pub &'a Suite);

impl SuiteReport<'_> {
    /// The page.
    pub fn html(&self) -> String {
        suite::page(self.0).into_string()
    }

    /// Writes the page.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        write(path, &self.html())
    }
}

fn write(path: &Path, page: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    std::fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))
}
