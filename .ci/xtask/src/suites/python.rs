//! Suite `python`: reference tests in Python, each file `test_*.py` that git tracks.
//! **Invariant:** a test runs in an environment with what the nearest `requirements.txt` above it pins.
//! It does not need Python for anything that ships: references, and the border of the bindings.

use std::path::Path;

use crate::{
    bindings::{self, Language},
    process,
    repo::Repo,
    report::Tally,
    tools,
};

/// Runs every file; unittest's counts are taken over.
pub fn run(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    let files = match repo.files() {
        Ok(files) => files,
        Err(why) => {
            tally.fail(format!("{why:#}"));
            return tally;
        }
    };
    if !files.iter().any(|f| is_test(f)) {
        tally.skip("no test_*.py in the repository");
    }
    for file in files.iter().filter(|f| is_test(f)) {
        let Some(requirements) = nearest(&files, file) else {
            tally.fail(format!("{file}: no requirements.txt beside or above it"));
            continue;
        };
        let bin = match tools::environment(repo, &requirements) {
            Ok(bin) => bin,
            Err(why) => {
                tally.skip(format!("{file}: {why:#}"));
                continue;
            }
        };
        let mut command = repo.command(tools::python(&bin));
        command.args(["-m", "unittest", "-v", file]).env("PYTHONDONTWRITEBYTECODE", "1");
        if file.starts_with("bindings/") {
            match bindings::for_tests(repo, Language::Python) {
                Ok(folder) => command.env("INBETWEEN_BINDINGS", folder),
                Err(why) => {
                    tally.fail(format!("{file}: {why:#}"));
                    continue;
                }
            };
        }
        match process::stream(&mut command, |_| true) {
            Ok(end) => tally.add(read(file, &end.lines, end.success)),
            Err(why) => tally.fail(format!("{file}: {why:#}")),
        }
    }
    tally
}

fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("test_") && Path::new(name).extension().is_some_and(|e| e == "py")
}

/// The `requirements.txt` in the folder of `file` or the nearest above.
fn nearest(files: &[String], file: &str) -> Option<String> {
    let folders = Path::new(file).ancestors().skip(1);
    let mut candidates = folders.map(|f| f.join("requirements.txt").to_string_lossy().into_owned());
    candidates.find(|c| files.contains(c))
}

/// Reads `name (module) ... ok`, `... FAIL`, `... ERROR`, `... skipped 'why'` and the closing line.
fn read(file: &str, lines: &[String], success: bool) -> Tally {
    let mut tally = Tally::default();
    for line in lines {
        let Some((name, outcome)) = line.rsplit_once(" ... ") else { continue };
        match outcome {
            "ok" => tally.pass(),
            "FAIL" | "ERROR" => tally.fail(format!("{file}: {name}")),
            other => {
                if let Some(why) = other.strip_prefix("skipped ") {
                    tally.skip(format!("{file}: {name}: {}", why.trim_matches(['\'', '"'])));
                }
            }
        }
    }
    if !success && tally.failures.is_empty() {
        tally.fail(format!("{file}: unittest failed without a failing test"));
    }
    if success && tally == Tally::default() {
        tally.fail(format!("{file}: no test was run"));
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unittest_lines_are_counted() {
        let text = "test_a (t.T.test_a) ... ok\ntest_b (t.T.test_b) ... FAIL\ntest_c (t.T.test_c) ... skipped 'no onnx'\n\nRan 3 tests in 0.1s\nFAILED (failures=1, skipped=1)";
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(read("t.py", &lines, false).to_string(), "1 passed, 1 failed, 1 skipped");
        assert_eq!(read("t.py", &[], true).failures.len(), 1);
        assert_eq!(read("t.py", &[], false).failures.len(), 1);
    }

    #[test]
    fn requirements_are_the_nearest() {
        let files = ["a/requirements.txt", "requirements.txt"].map(str::to_owned);
        assert_eq!(nearest(&files, "a/b/test_x.py").as_deref(), Some("a/requirements.txt"));
        assert_eq!(nearest(&files, "c/test_x.py").as_deref(), Some("requirements.txt"));
        assert_eq!(nearest(&files[..1], "c/test_x.py"), None);
        assert!(is_test("a/test_x.py") && !is_test("a/x_test.py") && !is_test("test_x.rs"));
    }
}
