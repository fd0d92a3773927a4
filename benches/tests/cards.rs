//! The commands on system cards, as a shell sees them: text, files and exit codes.

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use common::{CARD as BARE, MODEL};

const COMPLETE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/card/tests/cards/risk.toml");

fn card(args: &[&str]) -> Output {
    common::inbetween().arg("card").args(args).output().expect("it starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A file that is gone after the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("inbetween-card-{}-{name}", std::process::id()));
        drop(fs::remove_file(&path));
        Self(path)
    }

    fn text(&self) -> &str {
        self.0.to_str().expect("a path of letters")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

#[test]
fn check_passes_a_complete_card_until_it_expires() {
    let fine = card(&["check", "--today", "2026-12-01", COMPLETE]);
    assert!(fine.status.success(), "{}", said(&fine));
    assert!(said(&fine).contains("every section is complete"));
    let late = card(&["check", "--today", "2027-07-01", COMPLETE]);
    assert_eq!(late.status.code(), Some(1));
    assert!(said(&late).contains("error[ownership]: `ownership.expires`: the card expired on 2027-06-30"));
    let both = card(&["check", "--today", "2026-12-01", COMPLETE, BARE]);
    assert_eq!(both.status.code(), Some(1));
    assert!(said(&both).contains("error[user]: `user`: the section is missing"), "{}", said(&both));
}

#[test]
fn diff_fails_when_something_is_loosened() {
    let text = fs::read_to_string(COMPLETE).expect("a card");
    let looser = Scratch::new("looser.toml");
    fs::write(&looser.0, text.replace("miss_rate = 0.05", "miss_rate = 0.1")).expect("written");
    let there = card(&["diff", COMPLETE, looser.text()]);
    assert_eq!(there.status.code(), Some(1));
    assert!(said(&there).starts_with("LOOSENED  tolerance.miss_rate: 0.05 -> 0.1"), "{}", said(&there));
    let back = card(&["diff", looser.text(), COMPLETE]);
    assert!(back.status.success() && said(&back).starts_with("tightened"), "{}", said(&back));
}

#[test]
fn a_new_card_has_the_models_hash_and_is_not_overwritten() {
    let file = Scratch::new("new.toml");
    let new = ["new", "--yes", "--model", MODEL, "--out", file.text()];
    assert!(card(&new).status.success());
    assert!(!card(&new).status.success(), "it was overwritten");
    let checked = said(&card(&["check", file.text()]));
    assert!(checked.contains("still a placeholder") && !checked.contains("model.sha256"), "{checked}");
}

#[test]
fn pages_have_all_sections_and_exports_are_json() {
    let page = Scratch::new("page.html");
    assert!(card(&["render", COMPLETE, "--today", "2026-12-01", "--out", page.text()]).status.success());
    let html = fs::read_to_string(&page.0).expect("a page");
    let markdown = said(&card(&["render", COMPLETE, "--today", "2026-12-01"]));
    for (i, section) in inbetween_card::Section::ALL.iter().enumerate() {
        let title = format!("{}. {} (100%)", i + 1, section.name());
        assert!(html.contains(&title) && markdown.contains(&title), "{title}");
    }
    let export = card(&["export", COMPLETE]);
    let document: serde_json::Value = serde_json::from_slice(&export.stdout).expect("JSON");
    assert_eq!(document["components"][0]["type"], "machine-learning-model");
    let missing = card(&["export", "nowhere.toml"]);
    assert!(!missing.status.success());
    assert!(String::from_utf8_lossy(&missing.stderr).contains("cannot read nowhere.toml"));
    assert!(Path::new(COMPLETE).exists());
}
