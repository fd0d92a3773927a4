//! A complete card, and ways to break it.
#![allow(dead_code, reason = "each test file uses its part")]

use inbetween_card::{Date, Review, review};

/// A complete card without a finding.
pub const RISK: &str = include_str!("../cards/risk.toml");

/// A day on which it is in date.
pub fn today() -> Date {
    Date::new(2026, 12, 1).expect("a day")
}

/// Its review as of that day.
pub fn reviewed(text: &str) -> Review {
    review(text, today())
}

/// Every finding on a line of its own.
pub fn listed(review: &Review) -> String {
    let lines: Vec<String> = review
        .findings
        .iter()
        .map(|f| format!("{:?} line {} `{}`: {}; {}", f.level, f.line, f.field, f.wrong, f.mend))
        .collect();
    lines.join("\n")
}
