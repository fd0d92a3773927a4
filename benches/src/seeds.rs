//! The seeds of a bench: `7`, `0..5` (0 to 4) or `0..=5`.
//! **Invariant:** a parsed range holds at least one seed and at most a million.
//! It does not draw random numbers.

use std::{ops::Range, str::FromStr};

/// A range of seeds as the command line states it.
///
/// # Example
/// ```
/// use inbetween_bench::seeds::Seeds;
/// assert_eq!("0..3".parse::<Seeds>()?.iter().collect::<Vec<_>>(), [0, 1, 2]);
/// assert_eq!("2..=3".parse::<Seeds>()?.iter().collect::<Vec<_>>(), [2, 3]);
/// assert_eq!("7".parse::<Seeds>()?.iter().collect::<Vec<_>>(), [7]);
/// # Ok::<(), inbetween_bench::seeds::SeedsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(Range<u64>);

impl Seeds {
    /// The seeds in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + use<> {
        self.0.clone()
    }
}

impl std::fmt::Display for Seeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}..{}", self.0.start, self.0.end)
    }
}

/// Why a range of seeds is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a range of seeds: write `7`, `0..5` (0 to 4) or `0..=5`, with at most a million seeds"
)]
pub struct SeedsError {
    text: String,
}

impl FromStr for Seeds {
    type Err = SeedsError;

    fn from_str(text: &str) -> Result<Self, SeedsError> {
        let number = |s: &str| s.trim().parse::<u64>().ok();
        let range = match text.split_once("..") {
            None => number(text).and_then(|a| Some(a..a.checked_add(1)?)),
            Some((a, b)) => match b.strip_prefix('=') {
                Some(b) => number(a).zip(number(b)).and_then(|(a, b)| Some(a..b.checked_add(1)?)),
                None => number(a).zip(number(b)).map(|(a, b)| a..b),
            },
        };
        range
            .filter(|r| !r.is_empty() && r.end - r.start <= 1_000_000)
            .map(Self)
            .ok_or_else(|| SeedsError { text: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_range_says_how_to_write_one() {
        for bad in [
            "",
            "..",
            "5..5",
            "5..2",
            "a..b",
            "1..",
            "..4",
            "-1",
            "0..99999999999",
            "1...3",
            "0..=18446744073709551615",
        ] {
            let e = bad.parse::<Seeds>().unwrap_err().to_string();
            assert!(e.contains("0..5"), "{e}");
        }
    }
}
