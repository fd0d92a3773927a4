//! Counts of what passed, failed and was skipped, and how they are printed.
//! **Invariant:** a failure or a skip always has a reason.
//! It does not decide what counts as one check: suites do.

use std::fmt;

/// What a suite found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Checks that held.
    pub passed: usize,
    /// One message for each check that did not hold.
    pub failures: Vec<String>,
    /// One reason for each check that could not be made.
    pub skips: Vec<String>,
}

impl Tally {
    /// One check that held.
    pub fn pass(&mut self) {
        self.passed += 1;
    }

    /// One check that did not hold.
    pub fn fail(&mut self, why: impl Into<String>) {
        self.failures.push(why.into());
    }

    /// One check that could not be made.
    pub fn skip(&mut self, why: impl Into<String>) {
        self.skips.push(why.into());
    }

    /// One check, named, with the reason when it did not hold.
    pub fn check(&mut self, name: &str, result: anyhow::Result<()>) {
        match result {
            Ok(()) => self.pass(),
            Err(why) => self.fail(format!("{name}: {why:#}")),
        }
    }

    /// Takes another tally in.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failures.extend(other.failures);
        self.skips.extend(other.skips);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failures.len(), self.skips.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_exactly_three_counts() {
        let mut tally = Tally::default();
        tally.pass();
        tally.check("named", Err(anyhow::anyhow!("broken")));
        tally.skip("no network");
        let mut sum = Tally::default();
        sum.add(tally.clone());
        sum.add(tally);
        assert_eq!(sum.to_string(), "2 passed, 2 failed, 2 skipped");
        assert_eq!(sum.failures[0], "named: broken");
    }
}
