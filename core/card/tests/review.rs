//! Complete cards, and what a review says of others.

mod common;

use common::{RISK, listed, reviewed};
use inbetween_card::{Date, Level, Section, review};

#[test]
fn a_complete_card_has_no_findings() {
    let review = reviewed(RISK);
    assert!(review.findings.is_empty(), "{}", listed(&review));
    assert!(review.items.iter().all(|i| i.level.is_none()));
    assert_eq!(review.weakest().1, 1.0);
    for section in Section::ALL {
        assert!(review.items.iter().any(|i| i.section == section), "{section:?}");
    }
}

#[test]
fn a_card_that_only_runs_a_model_lacks_what_makes_it_a_system() {
    let review = reviewed(
        "decision.text = \"test\"\ntolerance = { epsilon = 1, miss_rate = 0.1 }\n\
         budget = { deadline_ms = 50, max_age_ms = 500 }\n[model]\nname = \"m\"\nversion = 1\nfile = \"m.onnx\"\n\
         input = { kind = \"audio\", sample_rate = 8000, block = 80 }\nhead = { kind = \"raw\", length = 3 }",
    );
    for section in ["user", "failure", "goals", "data", "baseline", "metrics", "serving", "validation"] {
        let missing =
            |f: &&inbetween_card::Finding| f.field == section && f.wrong == "the section is missing";
        assert_eq!(review.findings.iter().filter(missing).count(), 1, "{section}");
    }
    assert_eq!(review.weakest().1, 0.0);
}

#[test]
fn the_weakest_section_is_the_score() {
    let review = reviewed(&RISK.replace("recovery = \"it ends\", ", ""));
    let (section, score) = review.weakest();
    assert_eq!(section, Section::Fallback);
    assert!((score - 2.0 / 3.0).abs() < 1e-6, "{score}");
    assert_eq!(review.score_of(Section::Data), 1.0);
}

#[test]
fn a_card_holds_until_the_last_day() {
    let at = |y, m, d| review(RISK, Date::new(y, m, d).unwrap());
    assert!(at(2027, 6, 30).passes());
    assert!(!at(2027, 7, 1).passes());
    let soon = at(2027, 6, 10);
    assert!(soon.passes());
    assert_eq!(listed(&soon).lines().count(), 1);
    assert!(listed(&soon).contains("expires in 20 days"), "{}", listed(&soon));
    assert!(at(2027, 5, 1).findings.is_empty());
}

#[test]
fn scores_that_were_not_measured_are_a_warning() {
    let score = RISK.find("score = 1.4").unwrap();
    let end = RISK.find("[metrics]").unwrap();
    let text = format!("{}not_measured = \"no data yet\"\n{}", &RISK[..score], &RISK[end..]);
    let review = reviewed(&text);
    assert!(review.passes(), "{}", listed(&review));
    let levels: Vec<Level> = review.findings.iter().map(|f| f.level).collect();
    assert_eq!(levels, [Level::Warning], "{}", listed(&review));
}

#[test]
fn any_text_is_reviewed() {
    for end in (0..RISK.len()).step_by(97).chain([0, 1, 2]) {
        let Some(text) = RISK.get(..end) else { continue };
        let review = reviewed(text);
        assert!(!review.passes(), "cut at {end}");
        let lines = text.lines().count().max(1);
        assert!(review.findings.iter().all(|f| (1..=lines).contains(&f.line)), "{}", listed(&review));
    }
}

/// Every card that an example, the demo or a benchmark runs with.
fn shipped() -> Vec<std::path::PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut cards = vec![root.join("benches/detector/card.toml")];
    let in_folder = |folder: &std::path::Path| -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        entries.map(|e| e.expect("an entry").path()).collect()
    };
    cards.extend(in_folder(&root.join("benches/cards")));
    let mut folders = vec![root.join("examples")];
    while let Some(folder) = folders.pop() {
        for path in in_folder(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("card.toml") {
                cards.push(path);
            }
        }
    }
    cards
}

#[test]
fn the_cards_of_every_example_pass() {
    let cards = shipped();
    assert!(cards.len() >= 6, "{cards:?}");
    for path in cards {
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let review = reviewed(&text);
        assert!(review.passes(), "{}\n{}", path.display(), listed(&review));
    }
}

#[test]
fn the_card_of_the_test_model_is_for_engines_only() {
    let review = reviewed(include_str!("../../tests/models/bright_spot.toml"));
    let missing = review.findings.iter().filter(|f| f.wrong == "the section is missing").count();
    assert_eq!(missing, 12, "{}", listed(&review));
}

#[test]
fn no_text_makes_a_review_or_a_comparison_panic() {
    let mut seed = 1_u64;
    let mut draw = |n: usize| {
        // Knuth's MMIX generator: the same texts on every machine.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % n
    };
    let pieces =
        ["\"", "[", "]", "{", "}", "=", "0", "-1", "nan", "inf", "1e308", "\n", ".", ",", "#", "<x>", "ä"];
    let mut read = 0;
    for _ in 0..800 {
        let mut text = RISK.to_owned();
        let at = draw(text.len());
        if text.is_char_boundary(at) {
            match draw(3) {
                0 => drop(text.remove(at)),
                1 => text.insert_str(at, pieces[draw(pieces.len())]),
                _ => text.replace_range(at..=at, pieces[draw(pieces.len())]),
            }
        }
        let review = reviewed(&text);
        read += usize::from(!review.items.is_empty());
        drop(inbetween_card::diff(RISK, &text));
    }
    assert!(read > 80, "{read} texts were cards");
}

#[test]
fn a_text_that_no_card_can_be_is_refused_before_it_is_read() {
    let long = format!("{RISK}# {}", "x".repeat(300_000));
    let review = reviewed(&long);
    assert_eq!(review.findings.len(), 1);
    assert!(listed(&review).contains("a card has at most 262144"), "{}", listed(&review));
    // The most names that fit: found to be the same, at once.
    let names = format!("values = [{}]", "\"a\",".repeat(60_000));
    let many = reviewed(&RISK.replace("values = [\"AT\", \"DE\"]", &names));
    assert!(many.findings.len() > 50_000);
}
