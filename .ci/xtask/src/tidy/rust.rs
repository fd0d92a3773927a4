//! Rules for Rust sources: header, nothing unfinished, constants that cite.
//! **Invariant:** test modules at the end of a file are exempt where a rule is about the product only.
//! It does not judge what a comment says, only that it says something of the kind.

use super::{Exceptions, File};

/// The part of a source file before its test module.
pub fn product_code(text: &str) -> &str {
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    &text[..end]
}

/// Whether the file at `path` holds tests only.
pub fn is_test_module(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Each source under core/ says what it does, its invariant, and what it does not do.
/// A crate's root says the first only: its header is the front page of the crate's documentation.
pub fn header(files: &[File], _: &Exceptions) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|f| f.is_core_source()) {
        let block: Vec<&str> =
            file.text.lines().map_while(|l| l.strip_prefix("//!")).map(str::trim).collect();
        let what = block.first().is_some_and(|l| l.len() > 10 && !l.starts_with("**"));
        let invariant = block.iter().any(|l| l.strip_prefix("**Invariant:**").is_some_and(|i| i.len() > 10));
        let prose: Vec<&str> = block.iter().filter(|l| !l.starts_with("**Invariant:**")).copied().collect();
        let prose = prose.join(" ");
        let limits = ["does not ", "do not ", " no ", " nothing ", "never ", "without "]
            .iter()
            .any(|n| prose.contains(n));
        let root = file.path.ends_with("src/lib.rs");
        for (ok, missing) in [
            (what, "a first line `//! …` that says what it does"),
            (root || invariant, "a line `//! **Invariant:** …`"),
            (root || limits, "a sentence `//! It does not …`"),
        ] {
            if !ok {
                findings.push(format!("{}: the header lacks {missing}", file.path));
            }
        }
    }
    findings
}

/// No code that is not finished, no test that does not run.
pub fn unfinished(files: &[File], _: &Exceptions) -> Vec<String> {
    const MARKS: &[&str] = &[
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
        concat!("db", "g!("),
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
        concat!("XX", "X"),
        concat!("#[ign", "ore"),
    ];
    let mut findings = Vec::new();
    for file in files.iter().filter(|f| ["rs", "py", "kt", "swift", "sh"].iter().any(|e| f.is(e))) {
        for (index, line) in file.text.lines().enumerate() {
            for mark in MARKS.iter().filter(|m| line.contains(**m)) {
                findings.push(format!("{}:{}: contains {mark}", file.path, index + 1));
            }
        }
    }
    findings
}

/// What a unit or a source in a comment looks like.
const CITES: &[&str] = &[
    "second",
    "millisecond",
    "nanosecond",
    "ms",
    "ns",
    "hz",
    "pixel",
    "px",
    "byte",
    "bit",
    "degree",
    "radian",
    "share",
    "ratio",
    "rate",
    "times",
    "factor",
    "count",
    "number of",
    "how many",
    "at most",
    "index",
    "version",
    "probability",
    "deviation",
    "sigma",
    "luma",
    "grey",
    "brightness",
    "from 0 to 1",
    "samples",
    "frames",
    "blocks",
    "joule",
    "watt",
    "as in",
    "section",
    "table",
    "equation",
    "eq.",
    "et al",
    "arxiv",
    "rfc",
    "ieee",
    "iso",
    "itu",
    "bt.",
    "standard",
    "measured",
    "see",
    "source",
    "paper",
    "fnv",
    "taken from",
    "notes",
    "docs/",
];

/// A public constant with a number says its unit or where it comes from; a private one has a comment.
pub fn constants(files: &[File], _: &Exceptions) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|f| f.is_core_source() && !is_test_module(&f.path)) {
        let lines: Vec<&str> = product_code(&file.text).lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let code = line.trim_start();
            let public = code.starts_with("pub ");
            let declaration = code.split_once("const ").filter(|(before, rest)| {
                before.split_whitespace().all(|w| w.starts_with("pub") || w == "in")
                    && !rest.starts_with("fn ")
            });
            let Some((_, declaration)) = declaration else { continue };
            let Some((name, value)) = declaration.split_once('=') else { continue };
            let name = name.split(':').next().unwrap_or(name).trim();
            if name == "_" || !has_number(value) {
                continue;
            }
            let comment = comment_of(&lines, index).to_lowercase();
            let cites = CITES.iter().any(|c| contains_word(&comment, &c.to_lowercase()));
            if comment.trim().is_empty() {
                findings.push(format!("{}:{}: {name} has no comment", file.path, index + 1));
            } else if public && !cites {
                findings.push(format!("{}:{}: {name} cites neither unit nor source", file.path, index + 1));
            }
        }
    }
    findings
}

/// Whether a numeric literal other than 0 and 1 is in the code part of `value`.
fn has_number(value: &str) -> bool {
    let code = value.split("//").next().unwrap_or(value);
    code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
        .filter(|w| w.starts_with(|c: char| c.is_ascii_digit()))
        .any(|w| !matches!(w.trim_end_matches(|c: char| c.is_ascii_alphabetic()), "0" | "1" | "0.0" | "1.0"))
}

/// The comment above line `index`, or above the constants that it closes up with, and behind it.
fn comment_of(lines: &[&str], index: usize) -> String {
    let mut top = index;
    while let Some(above) = top.checked_sub(1).map(|i| lines[i].trim_start()) {
        if above == "];" {
            // A table: up to where it begins.
            top = lines[..top].iter().rposition(|l| l.contains("const ")).unwrap_or(0);
        } else if is_constant(above) {
            top -= 1;
        } else {
            break;
        }
    }
    let above = lines[..top]
        .iter()
        .rev()
        .map(|l| l.trim_start())
        .take_while(|l| l.starts_with("//") || l.starts_with("#["))
        .filter(|l| l.starts_with("//"))
        .map(|l| l.trim_start_matches('/'));
    let behind = lines[index].split_once("//").map_or("", |(_, c)| c);
    above.chain([behind]).collect::<Vec<_>>().join(" ")
}

/// Whether a whole constant stands on this line.
fn is_constant(line: &str) -> bool {
    let declaration =
        line.trim_start_matches("pub ").trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
    declaration.starts_with("const ") && line.contains('=') && line.contains(';')
}

/// Whether `word` stands in `text`, with nothing alphanumeric before it, and behind it at most a plural.
fn contains_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + word.len()..].chars();
        let next = match after.next() {
            Some('s') => after.next(),
            other => other,
        };
        !before.is_some_and(char::is_alphanumeric) && !next.is_some_and(char::is_alphabetic)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn core(text: &str) -> [File; 1] {
        [File::new("core/flow/src/a.rs", text)]
    }

    const HEADER: &str =
        "//! What this file does.\n//! **Invariant:** something always holds.\n//! It does not do more.\n";

    #[test]
    fn headers_need_their_three_lines() {
        let none = Exceptions::default();
        assert!(header(&core(HEADER), &none).is_empty());
        for missing in 0..3 {
            let text: Vec<&str> =
                HEADER.lines().enumerate().filter(|(i, _)| *i != missing).map(|(_, l)| l).collect();
            assert_eq!(header(&core(&text.join("\n")), &none).len(), 1, "without line {missing}");
        }
        assert_eq!(header(&core("fn f() {}\n"), &none).len(), 3);
        assert_eq!(header(&[File::new("core/src/lib.rs", "fn f() {}\n")], &none).len(), 1);
        assert!(header(&[File::new("benches/src/main.rs", "")], &none).is_empty());
    }

    #[test]
    fn unfinished_code_is_found() {
        for mark in [concat!("to", "do!()"), concat!("#[ign", "ore]"), concat!("// FIX", "ME later")] {
            assert_eq!(unfinished(&core(mark), &Exceptions::default()).len(), 1, "{mark}");
        }
        assert!(unfinished(&core("fn done() {}"), &Exceptions::default()).is_empty());
    }

    #[test]
    fn constants_need_a_unit_or_a_source() {
        let finds = |text: &str| constants(&core(text), &Exceptions::default()).len();
        assert_eq!(finds("/// Big.\npub const A: u32 = 7;"), 1);
        assert_eq!(finds("pub const A: u32 = 7;"), 1);
        assert_eq!(finds("const A: f32 = 0.25;"), 1);
        assert_eq!(finds("    pub(crate) const A: f32 = 0.25;"), 1);
        assert_eq!(
            finds("// Gain and offset, levels.\nconst A: u32 = 7;\nconst B: u32 = 7;\n\nconst C: u32 = 7;"),
            1
        );
        assert_eq!(finds("/// Longest wait, in milliseconds.\npub const A: u32 = 7;"), 0);
        assert_eq!(finds("const A: f32 = 0.25; // a quarter, as the design says"), 0);
        assert_eq!(
            finds("/// Offset (Fowler-Noll-Vo, section 5).\n#[allow(x)]\npub const A: u64 = 0xcbf2;"),
            0
        );
        assert_eq!(finds("pub const ZERO: Self = Self(0);\npub const fn f(n: u32) -> u32 { 7 }"), 0);
        assert_eq!(finds("#[cfg(test)]\nmod tests {\n const A: u32 = 7;\n}"), 0);
    }

    #[test]
    fn words_are_whole_words() {
        assert!(contains_word("in pixels.", "pixel") && contains_word("5 ms", "ms"));
        assert!(!contains_word("items", "ms") && !contains_word("msb first", "ms"));
    }
}
