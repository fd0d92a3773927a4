//! Rule: a stage of core/flow imports no sibling stage, and the vocabulary runs in no circle.
//! **Invariant:** whatever is neither vocabulary nor wiring is a stage, so a new stage is covered when it appears.
//! It does not follow macros or globs; the crate root's re-exports are resolved by name.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Exceptions, File,
    rust::{is_test_module, product_code},
};

const SOURCE: &str = "core/flow/src/";

/// Modules that every stage may name, in the order of their own dependence: each names only those
/// before it. `rng` is a tool without state of its own.
const VOCABULARY: &[&str] = &[
    "time",
    "geometry",
    "quaternion",
    "value",
    "frame",
    "error",
    "ingredient",
    "rung",
    "decision",
    "config",
    "plan",
    "answer",
    "rng",
];

/// Modules that put the stages together.
const WIRING: &[&str] = &["lib", "engine"];

/// Stages name only the vocabulary and themselves; the vocabulary names no stage, and nothing that comes after.
pub fn siblings(files: &[File], except: &Exceptions) -> Vec<String> {
    let sources: Vec<(&str, &File)> = files
        .iter()
        .filter(|f| f.is("rs") && !is_test_module(&f.path))
        .filter_map(|f| Some((f.path.strip_prefix(SOURCE)?.split(['/', '.']).next()?, f)))
        .collect();
    let modules: BTreeSet<&str> = sources.iter().map(|(m, _)| *m).collect();
    let stages: BTreeSet<&str> =
        modules.iter().copied().filter(|m| !VOCABULARY.contains(m) && !WIRING.contains(m)).collect();
    let exported =
        sources.iter().find(|(m, _)| *m == "lib").map(|(_, f)| exports(&f.text)).unwrap_or_default();

    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for (module, file) in sources.iter().filter(|(m, _)| !WIRING.contains(m)) {
        let paths: BTreeSet<String> = imports(product_code(&file.text), &file.path[SOURCE.len()..]).collect();
        for path in paths {
            let head = path.split("::").next().unwrap_or(&path);
            let full = exported.get(head).map_or(path.clone(), |home| format!("{home}::{path}"));
            let home = full.split("::").next().unwrap_or(&full);
            if comes_after(home, module) {
                findings.push(format!("{}: names {full}, which comes after {module}", file.path));
                continue;
            }
            let foreign = (stages.contains(home) && home != *module) || home == "engine";
            if !foreign {
                continue;
            }
            let allowed = except.sibling.iter().filter(|s| s.stage == *module);
            if allowed.flat_map(|s| &s.uses).any(|u| full == *u || full.starts_with(&format!("{u}::"))) {
                used.insert((*module, full));
            } else {
                findings.push(format!("{}: names {full}, of a sibling stage", file.path));
            }
        }
    }
    for sibling in except.sibling.iter().filter(|s| modules.contains(&*s.stage)) {
        for name in &sibling.uses {
            if !used.iter().any(|(m, full)| *m == sibling.stage && full.starts_with(&**name)) {
                findings.push(format!(".ci/tidy.toml: {} does not name {name} any more", sibling.stage));
            }
        }
    }
    findings
}

/// Whether both are vocabulary, and `home` comes after `module`.
fn comes_after(home: &str, module: &str) -> bool {
    let place = |name: &str| VOCABULARY.iter().position(|v| *v == name);
    place(module).is_some_and(|own| place(home).is_some_and(|other| other > own))
}

/// Names that the crate root re-exports, with their module.
fn exports(lib: &str) -> BTreeMap<String, String> {
    let code = without_comments(lib);
    let mut names = BTreeMap::new();
    for (at, found) in code.match_indices("pub use ") {
        let tree = code[at + found.len()..].split(';').next().unwrap_or("");
        for path in flatten(tree) {
            if let Some((home, name)) = path.trim_start_matches("crate::").split_once("::") {
                names.insert(name.rsplit("::").next().unwrap_or(name).to_owned(), home.to_owned());
            }
        }
    }
    names
}

/// Paths from the crate root that `code` of the file at `place` (under src/) names.
fn imports(code: &str, place: &str) -> impl Iterator<Item = String> {
    let code = without_comments(code);
    let depth = place.trim_end_matches(".rs").trim_end_matches("/mod").split('/').count();
    let climb = "super::".repeat(depth);
    let mut found = Vec::new();
    for root in ["crate::", &climb] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                found.extend(flatten(&code[at + root.len()..]));
            }
        }
    }
    found.into_iter()
}

/// The text without line comments.
fn without_comments(text: &str) -> String {
    text.lines().map(|l| l.split("//").next().unwrap_or(l)).collect::<Vec<_>>().join("\n")
}

/// The paths of the use tree (or the one path) that `text` starts with.
fn flatten(text: &str) -> Vec<String> {
    let text = text.trim_start();
    if let Some(inner) = text.strip_prefix('{') {
        return branches(inner).iter().flat_map(|b| flatten(b)).collect();
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match rest.strip_prefix("::") {
        Some(deeper) if !name.is_empty() => {
            let below = flatten(deeper);
            if below.is_empty() {
                return vec![name.to_owned()];
            }
            below
                .into_iter()
                .map(|b| if b == "self" { name.to_owned() } else { format!("{name}::{b}") })
                .collect()
        }
        _ if name.is_empty() => Vec::new(),
        _ => vec![name.to_owned()],
    }
}

/// Splits what follows `{` at its commas, up to the matching `}`.
fn branches(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut list) = (0, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                list.push(&text[start..at]);
                return list;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                list.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::Sibling;

    fn files(source: &str) -> Vec<File> {
        vec![
            File::new("core/flow/src/lib.rs", "pub use gate::{Fit, Target};\npub use time::Timestamp;"),
            File::new("core/flow/src/engine.rs", "use crate::{gate::Gate, source::Carrier};"),
            File::new("core/flow/src/gate/mod.rs", "use super::time::Timestamp;"),
            File::new("core/flow/src/time.rs", ""),
            File::new("core/flow/src/source/track.rs", source),
        ]
    }

    #[test]
    fn siblings_are_found_however_they_are_named() {
        for planted in [
            "use crate::gate::Fit;",
            "use crate::{\n    time::Timestamp,\n    gate::{Fit, Target},\n};",
            "fn f() -> crate::gate::Fit {}",
            "use super::super::gate::Fit;",
            "use crate::Fit;",
            "use crate::engine::Engine;",
        ] {
            assert!(!siblings(&files(planted), &Exceptions::default()).is_empty(), "{planted}");
        }
    }

    #[test]
    fn vocabulary_own_modules_comments_and_tests_are_free() {
        for fine in [
            "use crate::{time::Timestamp, source::cache::Cache};",
            "use super::cache::Cache;",
            "// use crate::gate::Fit;\n/// See [`crate::gate`].",
            "use crate::Timestamp;",
            "#[cfg(test)]\nmod tests {\n    use crate::gate::Fit;\n}",
        ] {
            assert_eq!(siblings(&files(fine), &Exceptions::default()), Vec::<String>::new(), "{fine}");
        }
    }

    #[test]
    fn vocabulary_names_only_what_comes_before_it() {
        let plan = |source| [File::new("core/flow/src/plan.rs", source)];
        assert!(
            siblings(&plan("use crate::{decision::ReviewItem, time};"), &Exceptions::default()).is_empty()
        );
        assert_eq!(siblings(&plan("use crate::answer::Answer;"), &Exceptions::default()).len(), 1);
    }

    #[test]
    fn a_reviewed_exception_allows_only_what_it_names_and_must_be_in_use() {
        let except = Exceptions {
            sibling: vec![Sibling {
                stage: "source".into(),
                uses: vec!["gate::Fit".into()],
                why: "fits are evidence".into(),
            }],
            ..Exceptions::default()
        };
        assert!(siblings(&files("use crate::gate::Fit;"), &except).is_empty());
        assert_eq!(siblings(&files("use crate::gate::{Fit, Gate};"), &except).len(), 1);
        assert_eq!(siblings(&files(""), &except).len(), 1, "an exception that nothing uses");
    }

    #[test]
    fn use_trees_are_flattened() {
        assert_eq!(flatten("{a::{B, c::D}, e, f::{self, G}};"), ["a::B", "a::c::D", "e", "f", "f::G"]);
        assert_eq!(flatten("a::B<u8>"), ["a::B"]);
        assert_eq!(flatten("a::*;"), ["a"]);
    }
}
