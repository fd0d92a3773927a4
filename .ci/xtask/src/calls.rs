//! `cargo xtask calls`: what the hot calls cost from Kotlin, Swift and by the exported C functions, hot and paced at 240 Hz.
//! **Invariant:** figures are those that tests and example printed in this run; a language without any is an error.
//! It does not judge: wall times belong to a machine. The tests themselves hold the garbage to its bounds.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result, ensure};

use crate::{process, repo::Repo, suites};

/// One call by one path: microseconds, and bytes of garbage where there is a collector.
type Figures = BTreeMap<&'static str, f64>;

/// Measures, prints a table, and writes `{ path: { call: { hot_us, p50_us, p99_us, bytes } } }` to `file`.
pub fn measure(repo: &Repo, file: Option<&str>) -> Result<()> {
    let mut all: BTreeMap<String, BTreeMap<String, Figures>> = BTreeMap::new();
    let lines = [
        ("Rust", border(repo)?),
        ("JVM", suites::kotlin_costs(repo)?),
        ("Swift", suites::swift_costs(repo)?),
    ];
    for (language, lines) in lines {
        let before = all.len();
        for (path, call, figures) in lines.iter().filter_map(|l| read(l)) {
            all.entry(path).or_default().insert(call, figures);
        }
        ensure!(all.len() > before, "{language} printed no costs");
    }
    println!("{:<8} {:<18} {:>9} {:>9} {:>9} {:>9}", "path", "call", "hot µs", "p50 µs", "p99 µs", "bytes");
    for (path, calls) in &all {
        for (call, f) in calls {
            let at = |name: &str| f.get(name).copied().unwrap_or(0.0);
            let (hot, p50, p99) = (at("hot_us"), at("p50_us"), at("p99_us"));
            println!("{path:<8} {call:<18} {hot:>9.3} {p50:>9.1} {p99:>9.1} {:>9}", at("bytes"));
        }
    }
    if let Some(file) = file {
        fs::write(file, serde_json::to_string_pretty(&all)?)
            .with_context(|| format!("cannot write {file}"))?;
    }
    Ok(())
}

/// What the bindings' example prints: the exported functions, called from Rust.
fn border(repo: &Repo) -> Result<Vec<String>> {
    let mut command = repo.cargo();
    command.args(["run", "--quiet", "--release", "--package", "inbetween-ffi", "--example", "border"]);
    let end = process::stream(&mut command, |line| line.contains("COST"))?;
    ensure!(end.success, "the example `border` failed ({}): {}", end.status, end.tail(3));
    Ok(end.lines)
}

/// Reads `… COST fast handleFrame: hot 1 µs, paced p50 2 µs, p99 3 µs, 0 bytes`.
fn read(line: &str) -> Option<(String, String, Figures)> {
    let (head, figures) = line.split_once("COST ")?.1.split_once(": ")?;
    let (path, call) = head.split_once(' ')?;
    let mut found = Figures::new();
    for part in figures.split(", ") {
        let words: Vec<&str> = part.split_whitespace().collect();
        let (name, number) = match words[..] {
            ["hot", n, _] => ("hot_us", n),
            ["paced", "p50", n, _] => ("p50_us", n),
            ["p99", n, _] => ("p99_us", n),
            [n, "bytes"] => ("bytes", n),
            _ => return None,
        };
        found.insert(name, number.parse().ok()?);
    }
    Some((path.to_owned(), call.to_owned(), found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_tests_are_read() {
        let (path, call, figures) =
            read("[INFO] COST fast answerInto: hot 0.5 µs, paced p50 2.25 µs, p99 3.0 µs, 0 bytes")
                .expect("a line");
        assert_eq!((&*path, &*call), ("fast", "answerInto"));
        assert_eq!((figures["hot_us"], figures["p50_us"], figures["bytes"]), (0.5, 2.25, 0.0));
        assert!(
            read("COST swift answer: hot 1 µs, paced p50 2 µs, p99 3 µs").is_some_and(|f| f.2.len() == 3)
        );
        assert!(read("no costs").is_none() && read("COST a b: hot x µs").is_none());
    }
}
