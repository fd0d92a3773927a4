//! `cargo xtask readme`: writes recorded figures into documents, between markers, and checks that they are right.
//! **Invariant:** only what stands between markers is changed: a table between `<!-- claims:ID,ID -->` and
//! `<!-- /claims -->`, one figure within a line between `<!-- claim:ID -->` and `<!-- /claim -->`.
//! It does not measure: the figures are those of `benches/records/claims.json`.

use std::{fmt::Write as _, fs};

use anyhow::{Context, Result, bail};

use super::{Claim, Kind, RECORD, Row, load, recorded};
use crate::{repo::Repo, report::Tally};

const OPENING: &str = "<!-- claims:";
const CLOSING: &str = "<!-- /claims -->";
const FIGURE: &str = "<!-- claim:";
const FIGURE_END: &str = "<!-- /claim -->";

/// Writes the tables of every document.
pub fn write(repo: &Repo) -> Result<()> {
    let rows = recorded(repo)?;
    for path in documents(repo)? {
        let before = repo.read(&path)?;
        let after = fill(&before, &rows).with_context(|| path.clone())?;
        if after != before {
            fs::write(repo.root.join(&path), after).with_context(|| format!("cannot write {path}"))?;
            println!("{path}: written");
        }
    }
    Ok(())
}

/// Suite `claims-check`: the ledger is sound, each recorded figure bears its claim out, documents say what is recorded.
pub fn check(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    let (claims, rows) = match load(repo).and_then(|claims| Ok((claims, recorded(repo)?))) {
        Ok(loaded) => loaded,
        Err(why) => {
            tally.fail(format!("{why:#}"));
            return tally;
        }
    };
    tally.pass();
    for claim in &claims {
        match rows.iter().find(|r| r.id == claim.id) {
            Some(row) => tally.check(&claim.id, bears_out(claim, row)),
            None => {
                tally.skip(format!("{}: not in {RECORD}: run `cargo xtask claims {0} --record`", claim.id));
            }
        }
    }
    for row in rows.iter().filter(|r| claims.iter().all(|c| c.id != r.id)) {
        tally.fail(format!("{RECORD}: {} is not claimed any more", row.id));
    }
    match documents(repo) {
        Ok(paths) => {
            for path in paths {
                let same = repo.read(&path).and_then(|text| {
                    if fill(&text, &rows)? != text {
                        bail!("differs from {RECORD}: run `cargo xtask readme`");
                    }
                    Ok(())
                });
                tally.check(&path, same);
            }
        }
        Err(why) => tally.fail(format!("{why:#}")),
    }
    tally
}

/// Whether a record is of this claim, and holds.
fn bears_out(claim: &Claim, row: &Row) -> Result<()> {
    let of_this = row.claimed == claim.claimed
        && row.command == claim.command
        && row.text == claim.text
        && row.unit == claim.unit
        && row.bar == claim.bar.to_string()
        && row.kind == claim.kind;
    if !of_this {
        bail!("the ledger has changed since it was recorded: run `cargo xtask claims {} --record`", claim.id);
    }
    match row.measured {
        Some(measured) if claim.holds(measured) && row.holds => Ok(()),
        Some(measured) => bail!("claims {}, recorded {measured}, bar {}", claim.claimed, claim.bar),
        None => bail!("recorded without a figure"),
    }
}

/// Documents with markers.
fn documents(repo: &Repo) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for path in repo.files()?.into_iter().filter(|p| p.rsplit_once('.').is_some_and(|(_, e)| e == "md")) {
        if repo.read(&path)?.lines().any(|l| l.trim_start().starts_with(OPENING) || l.contains(FIGURE)) {
            found.push(path);
        }
    }
    Ok(found)
}

/// The text with its tables and figures filled from `rows`.
fn fill(text: &str, rows: &[Row]) -> Result<String> {
    let mut filled = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        filled += &figures(line, rows)?;
        filled.push('\n');
        let Some(ids) = line.trim().strip_prefix(OPENING) else { continue };
        let ids = ids.strip_suffix("-->").with_context(|| format!("`{line}` does not end with -->"))?;
        if !lines.by_ref().any(|l| l.trim() == CLOSING) {
            bail!("`{line}` has no `{CLOSING}` after it");
        }
        let ids = ids.split(',').map(str::trim).filter(|id| !id.is_empty());
        filled += &table(ids, rows)?;
        filled += CLOSING;
        filled.push('\n');
    }
    Ok(filled)
}

/// The line with its single figures written.
fn figures(line: &str, rows: &[Row]) -> Result<String> {
    let mut filled = String::new();
    let mut rest = line;
    while let Some((before, marked)) = rest.split_once(FIGURE) {
        let (id, after) = marked.split_once("-->").with_context(|| format!("`{line}`: no --> "))?;
        let (_, after) =
            after.split_once(FIGURE_END).with_context(|| format!("`{line}`: no {FIGURE_END}"))?;
        let (row, measured) = find(id.trim(), rows)?;
        let value = format!("{} {}", figure(measured), row.unit);
        write!(filled, "{before}{FIGURE}{id}-->{}{FIGURE_END}", value.trim())?;
        rest = after;
    }
    Ok(filled + rest)
}

fn find<'a>(id: &str, rows: &'a [Row]) -> Result<(&'a Row, f64)> {
    let row = rows.iter().find(|r| r.id == id).with_context(|| format!("claim {id} is not in {RECORD}"))?;
    let measured = row.measured.with_context(|| format!("claim {id} was recorded without a figure"))?;
    Ok((row, measured))
}

fn table<'a>(ids: impl Iterator<Item = &'a str>, rows: &[Row]) -> Result<String> {
    let mut table = "| claim | measured | bar | reproduce |\n|---|---:|---:|---|\n".to_owned();
    for id in ids {
        let (row, measured) = find(id, rows)?;
        let bar = if row.kind == Kind::Wall { format!("({})", row.bar) } else { row.bar.clone() };
        let value = format!("{} {}", figure(measured), row.unit);
        let text = &row.text;
        let value = value.trim();
        writeln!(table, "| {text} | {value} | {bar} | `cargo xtask claims {id}` |")?;
    }
    Ok(table)
}

/// A figure as people read it: whole numbers whole, others with three significant digits.
pub fn figure(value: f64) -> String {
    if value == value.trunc() && value.abs() < 1e15 {
        return format!("{value:.0}");
    }
    let digits = 2 - value.abs().log10().floor() as i32;
    let text = format!("{value:.*}", digits.max(0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::{ledger, row};

    fn rows() -> Vec<Row> {
        let claim = ledger::parse(&ledger::tests::ledger(&[])).expect("it is sound").remove(0);
        vec![row(&claim, &Ok(serde_json::json!({"runs": 4})))]
    }

    const DOCUMENT: &str = "# X\n<!-- claims:a -->\nold\n<!-- /claims -->\nrest\n";

    #[test]
    fn tables_are_written_between_the_markers() {
        let filled = fill(DOCUMENT, &rows()).expect("it is filled");
        assert!(filled.contains("| Runs | 4 runs | >= 3 | `cargo xtask claims a` |"));
        assert!(
            filled.starts_with("# X\n<!-- claims:a -->\n| claim")
                && filled.ends_with("<!-- /claims -->\nrest\n")
        );
        assert!(!filled.contains("old"));
        assert_eq!(fill(&filled, &rows()).ok(), Some(filled), "writing again changes nothing");
    }

    #[test]
    fn single_figures_are_written_within_a_line() {
        let line = "It runs <!-- claim:a -->9<!-- /claim --> and <!-- claim:a --><!-- /claim -->.\n";
        let filled = fill(line, &rows()).expect("it is filled");
        let wanted =
            "It runs <!-- claim:a -->4 runs<!-- /claim --> and <!-- claim:a -->4 runs<!-- /claim -->.\n";
        assert_eq!(filled, wanted);
        assert_eq!(fill(&filled, &rows()).ok(), Some(filled), "writing again changes nothing");
        assert!(fill("<!-- claim:b -->9<!-- /claim -->\n", &rows()).is_err());
        assert!(fill("<!-- claim:a -->9\n<!-- /claim -->\n", &rows()).is_err());
    }

    #[test]
    fn unknown_claims_and_open_markers_are_errors() {
        assert!(fill(DOCUMENT, &[]).is_err());
        assert!(fill("<!-- claims:a -->\n", &rows()).is_err());
        assert!(fill("<!-- claims:a\n<!-- /claims -->\n", &rows()).is_err());
    }

    #[test]
    fn records_must_be_of_the_claim_as_it_stands() {
        let claim = |replace: &[(&str, &str)]| {
            ledger::parse(&ledger::tests::ledger(replace)).expect("it is sound").remove(0)
        };
        let row = &rows()[0];
        assert!(bears_out(&claim(&[]), row).is_ok());
        assert!(bears_out(&claim(&[("Runs", "Fewer runs")]), row).is_err());
        assert!(bears_out(&claim(&[(">= 3", ">= 2")]), row).is_err());
        let missed = Row { measured: Some(2.0), ..row.clone() };
        assert!(bears_out(&claim(&[]), &missed).is_err());
    }

    #[test]
    fn figures_are_readable() {
        for (value, text) in
            [(4.0, "4"), (0.0, "0"), (0.01234, "0.0123"), (4.26, "4.26"), (4.2, "4.2"), (1234.5, "1234")]
        {
            assert_eq!(figure(value), text);
        }
    }
}
