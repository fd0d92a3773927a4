//! `cargo xtask claims`: measures what the documents claim, and says what holds.
//! **Invariant:** a command that several claims share runs once; a figure that cannot be read does not hold.
//! It does not change a claim: the ledger is edited by people.

mod expression;
mod ledger;
mod readme;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use ledger::{Claim, Kind};
pub use readme::{check, write};

use crate::{process, repo::Repo};

/// Where the ledger and the recorded results are.
const LEDGER: &str = "benches/claims.toml";
const RECORD: &str = "benches/records/claims.json";

/// One measured claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The claim.
    pub id: String,
    /// Its sentence.
    pub text: String,
    /// What it claims.
    pub claimed: f64,
    /// What was measured; nothing when the command failed.
    pub measured: Option<f64>,
    /// Unit of both.
    pub unit: String,
    /// What must hold.
    pub bar: String,
    /// Whether it does.
    pub holds: bool,
    /// What a difference means.
    pub kind: Kind,
    /// What was run.
    pub command: String,
    /// Why there is no figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What `cargo xtask claims` is asked to do with the results.
#[derive(Clone, Copy, Debug, Default)]
pub struct Output<'a> {
    /// Write them here; `-` is standard output.
    pub json: Option<&'a str>,
    /// Keep them as the records that documents quote.
    pub record: bool,
}

/// Reads the ledger.
pub fn load(repo: &Repo) -> Result<Vec<Claim>> {
    ledger::parse(&repo.read(LEDGER)?).context(LEDGER)
}

/// The recorded results; none when nothing was recorded yet.
fn recorded(repo: &Repo) -> Result<Vec<Row>> {
    if !repo.root.join(RECORD).is_file() {
        return Ok(Vec::new());
    }
    serde_json::from_str(&repo.read(RECORD)?).context(RECORD)
}

/// Measures the claims of `ids`, or all; returns whether all hold.
pub fn measure(repo: &Repo, ids: &[String], output: Output<'_>) -> Result<bool> {
    let claims = load(repo)?;
    if let Some(unknown) = ids.iter().find(|id| claims.iter().all(|c| c.id != **id)) {
        bail!("no claim {unknown:?} in {LEDGER}");
    }
    let chosen: Vec<&Claim> = claims.iter().filter(|c| ids.is_empty() || ids.contains(&c.id)).collect();
    let mut results: BTreeMap<&str, Result<Value, String>> = BTreeMap::new();
    for claim in &chosen {
        if !results.contains_key(&*claim.command) {
            eprintln!("{} ...", claim.command);
            let result = run(repo, &claim.command).map_err(|why| format!("{why:#}"));
            results.insert(&claim.command, result);
        }
    }
    let rows: Vec<Row> = chosen.iter().map(|claim| row(claim, &results[&*claim.command])).collect();
    let text = serde_json::to_string_pretty(&rows)? + "\n";
    match output.json {
        Some("-") => print!("{text}"),
        Some(path) => {
            fs::write(repo.root.join(path), &text).with_context(|| format!("cannot write {path}"))?;
        }
        None => {}
    }
    if output.json != Some("-") {
        print_table(&rows);
    }
    if output.record {
        record(repo, &claims, &rows)?;
    }
    Ok(rows.iter().all(|r| r.holds))
}

/// Measures and records the claims of one command from what it has just written; returns whether all hold.
pub fn keep(repo: &Repo, command: &str, json: &Value) -> Result<bool> {
    let claims = load(repo)?;
    let result = Ok(json.clone());
    let rows: Vec<Row> =
        claims.iter().filter(|c| c.command == command).map(|claim| row(claim, &result)).collect();
    print_table(&rows);
    record(repo, &claims, &rows)?;
    Ok(rows.iter().all(|r| r.holds))
}

fn row(claim: &Claim, result: &Result<Value, String>) -> Row {
    let measured = match result {
        Ok(json) => expression::evaluate(&claim.figure, json).map_err(|why| format!("{why:#}")),
        Err(why) => Err(why.clone()),
    };
    Row {
        id: claim.id.clone(),
        text: claim.text.clone(),
        claimed: claim.claimed,
        unit: claim.unit.clone(),
        bar: claim.bar.to_string(),
        holds: measured.as_ref().is_ok_and(|m| claim.holds(*m)),
        kind: claim.kind,
        command: claim.command.clone(),
        error: measured.as_ref().err().cloned(),
        measured: measured.ok(),
    }
}

/// Runs one command from the root and reads its JSON.
fn run(repo: &Repo, command: &str) -> Result<Value> {
    let file = repo.target.join("claims.json");
    let _ = fs::remove_file(&file); // the result of another command
    let mut words = command.split_whitespace();
    let program = words.next().context("the command is empty")?;
    let mut process = if program == "cargo" { repo.cargo() } else { repo.command(program) };
    for word in words {
        process.arg(word.replace("{json}", &file.to_string_lossy()));
    }
    if command.contains("{json}") {
        let end = process::stream(&mut process, |_| true)?;
        if !end.success {
            bail!("it failed ({}): {}", end.status, end.tail(5));
        }
        return read(&file);
    }
    let output = process.stderr(std::process::Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("it failed ({})", output.status);
    }
    parse(&String::from_utf8_lossy(&output.stdout)).context("its standard output")
}

fn read(file: &Path) -> Result<Value> {
    parse(&fs::read_to_string(file).context("it wrote no JSON")?).context("what it wrote")
}

/// One JSON value, or one a line, as an array.
fn parse(text: &str) -> Result<Value> {
    serde_json::from_str(text).or_else(|_| {
        let rows = text.lines().filter(|l| !l.trim().is_empty()).map(serde_json::from_str);
        let rows = rows.collect::<Result<Vec<Value>, _>>().context("is not JSON")?;
        if rows.is_empty() {
            bail!("is empty");
        }
        Ok(Value::Array(rows))
    })
}

/// Puts `rows` into the records, in the order of the ledger; claims that are gone go.
fn record(repo: &Repo, claims: &[Claim], rows: &[Row]) -> Result<()> {
    let old = recorded(repo)?;
    let find = |rows: &[Row], id: &str| rows.iter().find(|r| r.id == id).cloned();
    let kept: Vec<Row> =
        claims.iter().filter_map(|c| find(rows, &c.id).or_else(|| find(&old, &c.id))).collect();
    let path = repo.root.join(RECORD);
    fs::create_dir_all(path.parent().context("no folder for the records")?)?;
    fs::write(&path, serde_json::to_string_pretty(&kept)? + "\n")
        .with_context(|| format!("cannot write {RECORD}"))?;
    eprintln!("recorded in {RECORD}; `cargo xtask readme` writes it into the documents");
    Ok(())
}

fn print_table(rows: &[Row]) {
    let cells: Vec<[String; 5]> = rows
        .iter()
        .map(|r| {
            let measured = r.measured.map_or_else(|| "none".to_owned(), readme::figure);
            let holds = match (r.holds, r.kind, &r.error) {
                (_, _, Some(_)) => "FAILED",
                (true, Kind::Wall, None) => "informs",
                (true, _, None) => "holds",
                (false, _, None) => "BROKEN",
            };
            let unit = |figure: String| format!("{figure} {}", r.unit).trim().to_owned();
            [r.id.clone(), unit(readme::figure(r.claimed)), unit(measured), r.bar.clone(), holds.to_owned()]
        })
        .collect();
    let heading = ["claim", "claimed", "measured", "bar", "holds"].map(str::to_owned);
    let mut widths = [0; 5];
    for line in cells.iter().chain([&heading]) {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for line in [&heading].into_iter().chain(&cells) {
        let padded: Vec<String> =
            line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("{}", padded.join("  ").trim_end());
    }
    for row in rows {
        if let Some(error) = &row.error {
            println!("{}: {error}", row.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_whole_or_by_lines() {
        assert_eq!(parse("{\"a\":\n 1}").ok(), Some(serde_json::json!({"a": 1})));
        assert_eq!(parse("{\"a\": 1}\n\n{\"a\": 2}\n").ok(), Some(serde_json::json!([{"a": 1}, {"a": 2}])));
        assert!(parse("").is_err() && parse("a\nb").is_err());
    }

    #[test]
    fn rows_say_what_was_measured_or_why_not() {
        let claim = ledger::parse(&ledger::tests::ledger(&[])).expect("it is sound").remove(0);
        let good = row(&claim, &Ok(serde_json::json!({"runs": 4})));
        assert!(good.holds && good.measured == Some(4.0) && good.error.is_none());
        let broken = row(&claim, &Ok(serde_json::json!({"runs": 5})));
        assert!(!broken.holds && broken.measured == Some(5.0));
        let missing = row(&claim, &Ok(serde_json::json!({})));
        assert!(!missing.holds && missing.measured.is_none() && missing.error.is_some());
        let failed = row(&claim, &Err("it failed".to_owned()));
        assert!(!failed.holds && failed.error.as_deref() == Some("it failed"));
        let json = serde_json::to_value(&good).expect("it is JSON");
        for name in ["id", "text", "claimed", "measured", "unit", "bar", "holds"] {
            assert!(json.get(name).is_some(), "{name}");
        }
    }
}
