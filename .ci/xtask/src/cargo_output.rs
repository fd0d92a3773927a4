//! Reads what `cargo test -- --show-output` prints.
//! **Invariant:** a test that printed `SKIPPED:` counts once, as skipped and not as passed.
//! It does not know why a build failed: the caller judges by the exit code.

use crate::report::Tally;

/// Follows the lines of one `cargo test`.
#[derive(Debug, Default)]
pub struct TestOutput {
    binary: String,
    section: Section,
    skipped: Vec<String>,
    failed_names: Vec<String>,
    results: usize,
    tally: Tally,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Section {
    #[default]
    Outside,
    /// Output of tests that passed.
    Successes,
    /// Output of tests that failed.
    Failures,
}

impl TestOutput {
    /// Takes the next line; returns whether it is worth showing.
    pub fn line(&mut self, line: &str) -> bool {
        if let Some(rest) = line.trim_start().strip_prefix("Running ") {
            rest.clone_into(&mut self.binary);
            return true;
        }
        if let Some(rest) = line.trim_start().strip_prefix("Doc-tests ") {
            self.binary = format!("doctests of {rest}");
            return true;
        }
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.result(counts);
            return true;
        }
        if let Some(name) = line.strip_prefix("test ").and_then(|l| l.strip_suffix(" ... FAILED")) {
            self.failed_names.push(name.to_owned());
            return true;
        }
        match line {
            "successes:" => {
                self.section = Section::Successes;
                return false;
            }
            "failures:" => self.section = Section::Failures,
            _ => {}
        }
        if self.section == Section::Successes {
            if line.starts_with("---- ") {
                self.skipped.push(String::new());
            } else if let Some(reason) = line.trim_start().strip_prefix("SKIPPED:")
                && let Some(last) = self.skipped.last_mut()
            {
                reason.trim().clone_into(last);
            }
            return false;
        }
        !(line.is_empty()
            || (line.starts_with("test ")
                && (line.ends_with(" ... ok") || line.ends_with("- should panic ... ok")))
            || (line.starts_with("running ") && line.contains(" test"))
            || line == "successes:")
    }

    /// Takes `ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s`.
    fn result(&mut self, counts: &str) {
        let count = |what: &str| {
            counts
                .split([';', '.'])
                .find_map(|part| part.trim().strip_suffix(what)?.trim().parse::<usize>().ok())
                .unwrap_or(0)
        };
        self.results += 1;
        let skipped: Vec<String> = self.skipped.drain(..).filter(|r| !r.is_empty()).collect();
        self.tally.passed += count("passed").saturating_sub(skipped.len());
        self.tally.skips.extend(skipped);
        for name in self.failed_names.drain(..) {
            self.tally.failures.push(format!("{name} ({})", self.binary));
        }
        for _ in 0..count("ignored") {
            self.tally.skips.push(format!("an ignored test in {}", self.binary));
        }
        self.section = Section::Outside;
    }

    /// The counts, given whether cargo ended well.
    pub fn finish(self, success: bool, what: &str) -> Tally {
        let mut tally = self.finish_binary(success, what);
        if success && tally == Tally::default() {
            tally.fail(format!("{what}: no test was run"));
        }
        tally
    }

    /// The counts of one binary, which may hold no test but must say so.
    pub fn finish_binary(mut self, success: bool, what: &str) -> Tally {
        for name in self.failed_names.drain(..) {
            self.tally.failures.push(format!("{name} ({}), which did not end", self.binary));
        }
        if !success && self.tally.failures.is_empty() {
            self.tally.fail(format!("{what}: cargo failed without a failing test (see above)"));
        }
        if success && self.results == 0 {
            self.tally.fail(format!("{what}: no test was run"));
        }
        self.tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, success: bool) -> (Tally, Vec<&str>) {
        let mut output = TestOutput::default();
        let shown = text.lines().filter(|l| output.line(l)).collect();
        (output.finish(success, "t"), shown)
    }

    const MIXED: &str = "\
     Running unittests src/lib.rs (target/debug/deps/a-1)

running 3 tests
test a::good ... ok
test a::lacks ... ok
test a::bad ... FAILED

successes:

---- a::good stdout ----
chatter about nothing

---- a::lacks stdout ----
SKIPPED: no assets/x; run cargo xtask assets
SKIPPED: no assets/y


successes:
    a::good
    a::lacks

failures:

---- a::bad stdout ----
thread 'a::bad' panicked at src/lib.rs:9:9: why
SKIPPED: not counted, it failed

failures:
    a::bad

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s
";

    #[test]
    fn counts_passed_failed_skipped_and_ignored() {
        let (tally, shown) = read(MIXED, false);
        assert_eq!(tally.to_string(), "1 passed, 1 failed, 2 skipped");
        assert_eq!(tally.failures, ["a::bad (unittests src/lib.rs (target/debug/deps/a-1))"]);
        assert_eq!(tally.skips[0], "no assets/y");
        assert!(shown.iter().any(|l| l.contains("panicked")), "failures are shown in full");
        assert!(!shown.iter().any(|l| l.contains("chatter") || l.ends_with(" ok")));
    }

    #[test]
    fn a_binary_may_hold_no_test_but_must_say_so() {
        let finish = |text: &str| {
            let mut output = TestOutput::default();
            for line in text.lines() {
                output.line(line);
            }
            output.finish_binary(true, "t").to_string()
        };
        let none =
            "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(finish(none), "0 passed, 0 failed, 0 skipped");
        assert_eq!(finish("not a binary of tests"), "0 passed, 1 failed, 0 skipped");
        assert_eq!(read(none, true).0.to_string(), "0 passed, 1 failed, 0 skipped", "all of them may not");
    }

    #[test]
    fn adds_binaries_up_and_forgets_sections_between_them() {
        let one = "\
running 1 test
test a ... ok

successes:

---- a stdout ----
SKIPPED: gone


successes:
    a

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
   Doc-tests flow
warning: shown
test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
        let (tally, shown) = read(one, true);
        assert_eq!(tally.to_string(), "5 passed, 0 failed, 1 skipped");
        assert!(shown.contains(&"warning: shown"));
    }

    #[test]
    fn a_build_failure_an_abort_and_an_empty_run_are_failures() {
        assert_eq!(read("error[E0432]: unresolved import", false).0.failures.len(), 1);
        assert_eq!(read("", true).0.to_string(), "0 passed, 1 failed, 0 skipped");
        let aborted = "test b ... FAILED\nerror: test failed";
        assert!(read(aborted, false).0.failures[0].contains("did not end"));
    }
}
