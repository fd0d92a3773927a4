//! A card as a page to review: the fourteen sections with all their fields, and the checklist.
//! **Invariant:** every field of the card is on the page, in its section.
//! It does not know Markdown or HTML.

use inbetween_card::{Date, Finding, Item, Review, Section, fields};

/// The page.
pub struct Page {
    /// Name and version of the model.
    pub title: String,
    /// The day of the review.
    pub day: Date,
    /// Whether the card passes.
    pub passes: bool,
    /// The weakest section and its score, from 0 to 1.
    pub weakest: (Section, f32),
    /// The sections, in the card's order.
    pub parts: Vec<Part>,
}

/// One section.
pub struct Part {
    /// Which.
    pub section: Section,
    /// Share of its demands that are met.
    pub score: f32,
    /// Fields and values.
    pub rows: Vec<(String, String)>,
    /// The checklist.
    pub items: Vec<Item>,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Page {
    /// The page of a card and its review.
    pub fn new(text: &str, review: &Review, day: Date) -> Self {
        let all = fields(text);
        let value =
            |field: &str| all.iter().find(|(path, _)| path == field).map_or("", |(_, v)| v.trim_matches('"'));
        let parts = Section::ALL.map(|section| Part {
            section,
            score: review.score_of(section),
            rows: all.iter().filter(|(path, _)| Section::of(path) == section).cloned().collect(),
            items: review.items.iter().filter(|i| i.section == section).copied().collect(),
            findings: review.findings.iter().filter(|f| f.section == section).cloned().collect(),
        });
        Self {
            title: format!("{} {}", value("model.name"), value("model.version")),
            day,
            passes: review.passes(),
            weakest: review.weakest(),
            parts: parts.into(),
        }
    }

    /// Pass or not, and the score, in one line.
    pub fn verdict(&self) -> String {
        let verdict = if self.passes { "The card passes" } else { "The card does not pass" };
        let (section, score) = self.weakest;
        if score >= 1.0 {
            return format!("{verdict}; every section is complete. Reviewed as of {}.", self.day);
        }
        format!(
            "{verdict}. Score {:.0}%, that of its weakest section ({}). Reviewed as of {}.",
            100.0 * score,
            section.name(),
            self.day
        )
    }
}
