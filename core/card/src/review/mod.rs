//! The review: whether a card is complete, in date, and true to itself.
//! **Invariant:** a card without a finding of level `Error` has all fourteen sections, and nothing in one contradicts
//! another. It does not read files or the clock: the text and today's date are handed in.

mod meaning;
mod operation;
mod quality;
mod rules;
mod section;

pub use section::Section;

use crate::{Card, CardError, Date, check, locate};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The card passes, and someone should look.
    Warning,
    /// The card does not pass.
    Error,
}

/// One thing that is wrong with a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// The section that it belongs to.
    pub section: Section,
    /// Line, counted from 1: that of the field or, when it was left out, of its nearest section that is there.
    pub line: usize,
    /// Dotted path of the field.
    pub field: String,
    /// What is wrong.
    pub wrong: String,
    /// How to mend it.
    pub mend: String,
}

/// One line of the checklist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its section.
    pub section: Section,
    /// What is demanded.
    pub demand: &'static str,
    /// The worst finding; `None` where it is met.
    pub level: Option<Level>,
}

/// What a review found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// What is wrong, by line.
    pub findings: Vec<Finding>,
    /// The checklist, by section; empty when the text cannot be read.
    pub items: Vec<Item>,
}

impl Review {
    /// Whether the card passes: it has no errors.
    pub fn passes(&self) -> bool {
        self.findings.iter().all(|f| f.level < Level::Error)
    }

    /// Share of a section's demands that are met, from 0 to 1; a warning counts half.
    pub fn score_of(&self, section: Section) -> f32 {
        let (mut sum, mut count) = (0.0, 0.0);
        for item in self.items.iter().filter(|i| i.section == section) {
            count += 1.0;
            sum += match item.level {
                None => 1.0,
                Some(Level::Warning) => 0.5,
                Some(Level::Error) => 0.0,
            };
        }
        if count > 0.0 { sum / count } else { 0.0 }
    }

    /// The weakest section and its score: a system is no better understood than that.
    ///
    /// # Source
    /// Breck et al., The ML Test Score, IEEE Big Data 2017: the score is the minimum over the sections.
    pub fn weakest(&self) -> (Section, f32) {
        let scores = Section::ALL.map(|s| (s, self.score_of(s)));
        scores.into_iter().reduce(|a, b| if b.1 < a.1 { b } else { a }).unwrap_or((Section::Decision, 0.0))
    }
}

/// Reviews a card's text as of `today`.
///
/// # Example
/// ```
/// use inbetween_card::{Date, Level, review};
/// let review = review("[tolerance]\nepsilon = -1", Date::from_unix_days(20_000));
/// assert!(!review.passes());
/// assert_eq!(review.findings[0].line, 1);
/// ```
pub fn review(text: &str, today: Date) -> Review {
    let card = match Card::read(text) {
        Ok(card) => card,
        Err(e) => return Review { findings: vec![unread(e)], items: Vec::new() },
    };
    let lines = locate::Lines::of(text);
    let mut notes = Notes::default();
    let mut items = Vec::new();
    for fault in check::card(&card) {
        notes.error(&fault.field, "this value is refused", format!("it must be {}", fault.must));
    }
    rules::placeholders(text, &mut notes);
    for section in Section::ALL {
        if !section.given(&card) {
            let name = section.name();
            notes.error(name, "the section is missing", format!("add [{name}]: {}", section.asks()));
        }
        let level = notes.worst(|n| Section::of(&n.field) == section);
        items.push(Item {
            section,
            demand: "it is there, filled in, and every field is in its range",
            level,
        });
    }
    let subject = Subject { card: &card, text, today };
    for rule in rules::RULES {
        let before = notes.0.len();
        if rule.section.given(&card) {
            (rule.check)(&subject, &mut notes);
        }
        let level = if rule.section.given(&card) { notes.worst_from(before) } else { Some(Level::Error) };
        items.push(Item { section: rule.section, demand: rule.demand, level });
    }
    items.sort_by_key(|i| i.section);
    let mut findings: Vec<Finding> = notes
        .0
        .into_iter()
        .map(|n| Finding {
            level: n.level,
            section: Section::of(&n.field),
            line: lines.line(&n.field),
            field: n.field,
            wrong: n.wrong,
            mend: n.mend,
        })
        .collect();
    findings.sort_by_key(|f| f.line);
    Review { findings, items }
}

/// A text that is no card is one finding: the rest of it cannot be judged.
fn unread(error: CardError) -> Finding {
    let (line, field, wrong, mend) = match error {
        CardError::Parse { line, field, message } => match message.split_once("; ") {
            Some((wrong, mend)) => (line, field, wrong.to_owned(), mend.to_owned()),
            None => match message.split_once(", expected ") {
                Some((wrong, expected)) => (
                    line,
                    field,
                    wrong.to_owned(),
                    format!(
                        "write {}",
                        expected.replace("a TOML datetime", "a date without quotes, as 2027-06-30")
                    ),
                ),
                None => (
                    line,
                    field,
                    message,
                    "write it as TOML, as the documentation of the field says".to_owned(),
                ),
            },
        },
        CardError::Field { line, field, must } => {
            (line, field, "this value is refused".to_owned(), format!("it must be {must}"))
        }
    };
    Finding { level: Level::Error, section: Section::of(&field), line, field, wrong, mend }
}

/// What rules look at.
struct Subject<'a> {
    card: &'a Card,
    text: &'a str,
    today: Date,
}

struct Note {
    level: Level,
    field: String,
    wrong: String,
    mend: String,
}

/// What rules say.
#[derive(Default)]
struct Notes(Vec<Note>);

impl Notes {
    fn error(&mut self, field: impl Into<String>, wrong: impl Into<String>, mend: impl Into<String>) {
        self.0.push(Note {
            level: Level::Error,
            field: field.into(),
            wrong: wrong.into(),
            mend: mend.into(),
        });
    }

    fn warning(&mut self, field: impl Into<String>, wrong: impl Into<String>, mend: impl Into<String>) {
        self.0.push(Note {
            level: Level::Warning,
            field: field.into(),
            wrong: wrong.into(),
            mend: mend.into(),
        });
    }

    fn worst(&self, of: impl Fn(&Note) -> bool) -> Option<Level> {
        self.0.iter().filter(|n| of(n)).map(|n| n.level).max()
    }

    fn worst_from(&self, first: usize) -> Option<Level> {
        self.0.iter().skip(first).map(|n| n.level).max()
    }
}
