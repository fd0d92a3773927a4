//! Suite `swift`: the Swift package of `ios/`, compiled and tested against the real library.
//! **Invariant:** where no compiler can be had, the suite is skipped with the reason; a suite without tests fails.
//! It does not test what only Apple's systems have: cameras, display links, thermal states.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use crate::{bindings, process, repo::Repo, report::Tally};

/// Fewer tests than this mean that some were not found.
const LEAST_TESTS: usize = 60;

/// Builds the package with warnings as errors and runs XCTest.
pub fn run(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    let compiler = match Compiler::find(repo) {
        Ok(compiler) => compiler,
        Err(why) => {
            tally.skip(format!("ios: no Swift compiler: {why:#}"));
            return tally;
        }
    };
    match test(repo, &compiler, &[]) {
        Ok(end) => {
            tally.add(read(&end.lines, end.success));
            tally.check("ios: documentation", documentation(repo, &compiler));
        }
        Err(why) => tally.fail(format!("ios: {why:#}")),
    }
    tally
}

/// Builds the DocC archive of what `swift build` made into `target/swift-docs`; a link that leads nowhere fails.
fn documentation(repo: &Repo, compiler: &Compiler) -> Result<()> {
    let built = repo.target.join("swift/debug");
    let place = fs::read_link(&built).with_context(|| format!("no {}", built.display()))?;
    let triple = place.iter().next().context("the build is in a folder named for its target")?;
    let output = repo.target.join("swift-docs");
    let graphs = output.join("graphs");
    fs::create_dir_all(&graphs).with_context(|| format!("cannot make {}", graphs.display()))?;
    let mut extract = compiler.command(repo, &[], "swift");
    extract.args([
        "symbolgraph-extract",
        "-module-name",
        "Inbetween",
        "-minimum-access-level",
        "public",
        "-experimental-allowed-reexported-modules=InbetweenCore", // the plain data
        "-I",
    ]);
    extract.arg(built.join("Modules")).arg("-I").arg(repo.root.join("ios/Generated/InbetweenCoreFFI"));
    extract.arg("-target").arg(triple).arg("-output-dir").arg(&graphs);
    let end = process::capture(&mut extract)?;
    if !end.success {
        bail!("no symbols: {}", end.tail(3));
    }
    let mut docc = compiler.command(repo, &[], "docc");
    docc.arg("convert").arg(repo.root.join("ios/Sources/Inbetween/Inbetween.docc"));
    docc.args(["--fallback-display-name", "Inbetween", "--fallback-bundle-identifier", "dev.inbetween"]);
    docc.arg("--additional-symbol-graph-dir").arg(&graphs).arg("--output-path").arg(output.join("archive"));
    let end = process::capture(&mut docc)?;
    if !end.success || end.lines.iter().any(|l| l.starts_with("warning:")) {
        bail!("\n{}", end.tail(30));
    }
    Ok(())
}

/// What the tests of costs print.
pub fn costs(repo: &Repo) -> Result<Vec<String>> {
    let end = test(
        repo,
        &Compiler::find(repo)?,
        &["-c", "release", "-Xswiftc", "-enable-testing", "--filter", "CostTests"],
    )?;
    if !end.success {
        bail!("the tests of costs failed: {}", end.tail(5));
    }
    Ok(end.lines)
}

fn test(repo: &Repo, compiler: &Compiler, arguments: &[&str]) -> Result<process::Finished> {
    let vectors = bindings::for_swift(repo)?;
    let libraries = repo.target.join("release");
    let mut command = compiler.command(
        repo,
        &[
            ("LD_LIBRARY_PATH", libraries.to_string_lossy().into_owned()),
            ("INBETWEEN_VECTORS", vectors.to_string_lossy().into_owned()),
        ],
        "swift",
    );
    command.args(["test", "--package-path"]).arg(repo.root.join("ios"));
    command.arg("--scratch-path").arg(repo.target.join("swift"));
    command.args(arguments);
    command.args(["-Xswiftc", "-warnings-as-errors", "-Xlinker"]).arg(format!("-L{}", libraries.display()));
    process::stream(&mut command, |line| {
        ["error", "COST"].iter().any(|w| line.contains(w)) || line.starts_with("Build")
    })
}

/// Where Swift is.
enum Compiler {
    /// On the machine.
    Installed,
    /// In a folder of the build directory (`.ci/swift.sh`).
    Unpacked(PathBuf),
}

impl Compiler {
    fn find(repo: &Repo) -> Result<Self> {
        if process::capture(Command::new("swift").arg("--version")).is_ok_and(|end| end.success) {
            return Ok(Self::Installed);
        }
        let root = repo.target.join("tools/swift");
        let stamp = root.join("complete");
        if !stamp.is_file() {
            eprintln!("  unpacking Swift into {}", root.display());
            let end = process::stream(repo.command(".ci/swift.sh").arg("install").arg(&root), |_| true)?;
            if !end.success {
                bail!("{}", end.tail(2));
            }
            fs::write(stamp, "").context("cannot write into the build directory")?;
        }
        Ok(Self::Unpacked(root))
    }

    /// A program of Swift's, with these variables, and the repository and build directory at their paths.
    fn command(&self, repo: &Repo, variables: &[(&str, String)], program: &str) -> Command {
        match self {
            Self::Installed => {
                let mut command = repo.command(program);
                command.envs(variables.iter().map(|(k, v)| (*k, v)));
                command
            }
            Self::Unpacked(root) => {
                let mut command = repo.command(".ci/swift.sh");
                command.arg("run").arg(root).arg(&repo.root).arg(&repo.target).arg("--").arg(program);
                command.envs(variables.iter().map(|(k, v)| (format!("SWIFT_ENV_{k}"), v)));
                command
            }
        }
    }
}

/// Reads `Test Case 'Suite.test' passed (0.1 seconds)`, `… failed`, `… skipped`.
fn read(lines: &[String], success: bool) -> Tally {
    let mut tally = Tally::default();
    for line in lines {
        let Some((name, outcome)) = line.strip_prefix("Test Case '").and_then(|l| l.split_once("' ")) else {
            continue;
        };
        match outcome.split(' ').next() {
            Some("passed") => tally.pass(),
            Some("failed") => tally.fail(format!("ios: {name}")),
            Some("skipped") => tally.skip(format!("ios: {name}")),
            _ => {}
        }
    }
    if !success && tally.failures.is_empty() {
        let tail = lines[lines.len().saturating_sub(5)..].join("\n");
        tally.fail(format!("ios: swift test failed without a failing test\n{tail}"));
    }
    if success && tally.passed < LEAST_TESTS {
        tally.fail(format!("ios: {} tests were run, there are {LEAST_TESTS} at least", tally.passed));
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_xctest_are_counted() {
        let text = "Test Suite 'A' started at x\nTest Case 'A.b' started at x\nTest Case 'A.b' passed (0.1 seconds)\n\
                    Test Case 'A.c' failed (0.2 seconds)\nTest Case 'A.d' skipped (0.0 seconds)";
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(read(&lines, false).to_string(), "1 passed, 1 failed, 1 skipped");
        assert_eq!(read(&lines[..3], true).failures.len(), 1, "too few");
        assert_eq!(read(&[], false).failures.len(), 1);
    }
}
