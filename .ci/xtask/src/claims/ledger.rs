//! The ledger `benches/claims.toml`: what is claimed, how it is measured, what must hold.
//! **Invariant:** a ledger that parses has unique ids, readable bars, and a bar that its own claim passes.
//! It does not run anything.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// One claim.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Names it in commands and documents.
    pub id: String,
    /// The sentence, as a reader sees it.
    pub text: String,
    /// What to run; `{json}` is a file that it writes, else its standard output is the JSON.
    pub command: String,
    /// An expression over the JSON (`cargo xtask claims --help`).
    pub figure: String,
    /// Unit of the figure; empty for a plain number.
    #[serde(default)]
    pub unit: String,
    /// The figure that is claimed.
    pub claimed: f64,
    /// What must hold, such as `>= 3`.
    pub bar: Bar,
    /// What a difference means.
    pub kind: Kind,
    /// For a ratio: by which share of the claim it may differ from run to run.
    #[serde(default)]
    pub noise: f64,
}

/// What a difference between claimed and measured means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It must be equal.
    Exact,
    /// It must be within the noise.
    Ratio,
    /// It only informs: wall times belong to a machine.
    Wall,
}

/// A comparison with a number.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Bar {
    sign: Sign,
    limit: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

const SIGNS: [(&str, Sign); 5] =
    [("<=", Sign::AtMost), (">=", Sign::AtLeast), ("==", Sign::Equal), ("<", Sign::Less), (">", Sign::More)];

impl TryFrom<String> for Bar {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        let text = text.trim();
        let found = SIGNS.iter().find_map(|(written, sign)| Some((*sign, text.strip_prefix(written)?)));
        let (sign, limit) =
            found.with_context(|| format!("bar {text:?} must start with <, <=, ==, >= or >"))?;
        let limit = limit.trim().parse().with_context(|| format!("bar {text:?} must end with a number"))?;
        Ok(Self { sign, limit })
    }
}

impl std::fmt::Display for Bar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let written = SIGNS.iter().find(|(_, s)| *s == self.sign).map_or("", |(w, _)| w);
        write!(f, "{written} {}", self.limit)
    }
}

impl Bar {
    /// Whether `value` passes.
    pub fn holds(self, value: f64) -> bool {
        match self.sign {
            Sign::Less => value < self.limit,
            Sign::AtMost => value <= self.limit,
            Sign::Equal => value == self.limit,
            Sign::AtLeast => value >= self.limit,
            Sign::More => value > self.limit,
        }
    }
}

impl Claim {
    /// Whether `measured` bears the claim out.
    pub fn holds(&self, measured: f64) -> bool {
        let near = match self.kind {
            Kind::Exact => measured == self.claimed,
            Kind::Ratio => (measured - self.claimed).abs() <= self.noise * self.claimed.abs(),
            Kind::Wall => return true,
        };
        near && self.bar.holds(measured)
    }
}

/// Reads and checks a ledger.
pub fn parse(text: &str) -> Result<Vec<Claim>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Ledger {
        #[serde(default)]
        claim: Vec<Claim>,
    }
    let claims = toml::from_str::<Ledger>(text)?.claim;
    let mut ids = BTreeSet::new();
    for claim in &claims {
        let id = &claim.id;
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
            bail!("claim {id:?}: an id is made of a-z, 0-9 and -");
        }
        if !ids.insert(id) {
            bail!("claim {id}: there twice");
        }
        if claim.text.is_empty() || claim.command.is_empty() || claim.figure.is_empty() {
            bail!("claim {id}: text, command and figure must be given");
        }
        if !claim.bar.holds(claim.claimed) {
            bail!("claim {id}: claims {}, which its own bar {} refuses", claim.claimed, claim.bar);
        }
        if (claim.kind == Kind::Ratio) != (claim.noise > 0.0) {
            bail!("claim {id}: a ratio states its noise, and nothing else does");
        }
    }
    Ok(claims)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A ledger with one claim, some of its lines replaced.
    pub fn ledger(replace: &[(&str, &str)]) -> String {
        let mut text = "[[claim]]\nid = \"a\"\ntext = \"Runs\"\ncommand = \"x\"\nfigure = \"runs\"\nunit = \"runs\"\nclaimed = 4\nbar = \">= 3\"\nkind = \"exact\"\n".to_owned();
        for (from, to) in replace {
            text = text.replace(from, to);
        }
        text
    }

    #[test]
    fn bars_compare_as_they_are_written() {
        let bar = |text: &str| Bar::try_from(text.to_owned()).ok();
        let holds = |text: &str, value: f64| bar(text).is_some_and(|b| b.holds(value));
        assert!(holds(">= 3", 3.0) && !holds(">= 3", 2.9) && holds("<0.02", 0.01) && !holds("< 0.02", 0.02));
        assert!(holds("== 0", 0.0) && !holds("== 0", 0.1) && holds("<= 0.02", 0.02) && holds("> -1", 0.0));
        assert!(bar("3").is_none() && bar(">= three").is_none() && bar("").is_none());
        assert_eq!(bar(" >=  3 ").map(|b| b.to_string()).as_deref(), Some(">= 3"));
        assert!(!holds(">= 3", f64::NAN));
    }

    #[test]
    fn kinds_decide_what_holds() {
        let claim = |replace: &[(&str, &str)]| parse(&ledger(replace)).ok()?.pop();
        let exact = claim(&[]).expect("it is sound");
        assert!(exact.holds(4.0) && !exact.holds(5.0));
        let ratio = claim(&[("\"exact\"", "\"ratio\"\nnoise = 0.5")]).expect("it is sound");
        assert!(ratio.holds(3.0) && ratio.holds(6.0) && !ratio.holds(2.5) && !ratio.holds(6.1));
        let wall = claim(&[("\"exact\"", "\"wall\"")]).expect("it is sound");
        assert!(wall.holds(0.0));
    }

    #[test]
    fn unsound_ledgers_are_refused() {
        assert!(parse(&ledger(&[])).is_ok());
        assert!(parse(&ledger(&[]).repeat(2)).is_err(), "twice the same id");
        for replace in [
            ("= \"a\"", "= \"A b\""),
            ("= 4", "= 2"),
            ("\"exact\"", "\"ratio\""),
            ("\"exact\"", "\"exact\"\nnoise = 0.1"),
            ("\"Runs\"", "\"\""),
            (">= 3", "about 3"),
            ("unit", "unity"),
        ] {
            assert!(parse(&ledger(&[replace])).is_err(), "{replace:?}");
        }
    }
}
