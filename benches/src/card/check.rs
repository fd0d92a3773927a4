//! What a review found, as compilers say it: what, where, the line itself, and the mend.
//! **Invariant:** every finding is shown, and the last line says whether the card passes.
//! It does not find anything.

use std::fmt::Write as _;

use inbetween_card::{Level, Review};

/// All findings of one card, ready to print.
pub fn report(path: &str, text: &str, review: &Review) -> String {
    let mut out = String::new();
    for finding in &review.findings {
        let level = match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        let number = finding.line.to_string();
        let margin = " ".repeat(number.len());
        let line = text.lines().nth(finding.line.saturating_sub(1)).unwrap_or_default();
        let _ = writeln!(
            out,
            "{level}[{section}]: `{field}`: {wrong}\n{margin}--> {path}:{number}\n{margin} |\n{number} | {line}\n{margin} |\n\
             {margin} = mend: {mend}\n",
            section = finding.section.name(),
            field = finding.field,
            wrong = finding.wrong,
            line = shortened(line),
            mend = finding.mend,
        );
    }
    let of = |level| review.findings.iter().filter(|f| f.level == level).count();
    let verdict = if review.passes() { "passes" } else { "does not pass" };
    let weakest = if review.items.is_empty() {
        "it cannot be read further".to_owned()
    } else {
        match review.weakest() {
            (_, score) if score >= 1.0 => "every section is complete".to_owned(),
            (section, score) => format!("weakest section: {}, {:.0}%", section.name(), 100.0 * score),
        }
    };
    let _ = writeln!(
        out,
        "{path} {verdict}: {}, {}; {weakest}",
        count(of(Level::Error), "error"),
        count(of(Level::Warning), "warning")
    );
    out
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// The line, cut where it would fill a screen.
fn shortened(line: &str) -> String {
    const MOST: usize = 120;
    if line.chars().count() <= MOST {
        line.to_owned()
    } else {
        line.chars().take(MOST).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use inbetween_card::{Date, review};

    use super::*;

    #[test]
    fn a_finding_shows_its_line_and_its_mend() {
        let text = "[decision]\ntext = 3\n";
        let said = report("card.toml", text, &review(text, Date::from_unix_days(20_000)));
        assert!(said.contains("--> card.toml:2\n"), "{said}");
        assert!(said.contains("2 | text = 3\n"), "{said}");
        assert!(said.contains("= mend: write a string"), "{said}");
        assert!(said.ends_with("does not pass: 1 error, 0 warnings; it cannot be read further\n"), "{said}");
    }
}
