//! Which scenes: those of the project, or files and patterns of the user.
//! **Invariant:** every scene that is selected was checked and has its photographs; one that lacks some is named.
//! It does not render.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use inbetween_sim::SceneSpec;

use crate::{assets, terminal::say};

/// The scenes that come with the project.
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenes");

/// The demo's scene, inside the program.
pub const DEMO: &str = include_str!("../scenes/demo.toml");

/// Reads one scene file, without its photographs.
///
/// # Errors
/// When it cannot be read or is no scene.
pub fn read(path: &Path) -> anyhow::Result<SceneSpec> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    SceneSpec::parse(&text).with_context(|| format!("{} is not a scene", path.display()))
}

/// The scene of a file, or the one of the project that goes by this name.
///
/// # Errors
/// When it cannot be read or is no scene, or its photographs were not fetched.
pub fn named(name: &str) -> anyhow::Result<SceneSpec> {
    let shipped = format!("{SHIPPED}/{name}.toml");
    let file =
        if !Path::new(name).exists() && Path::new(&shipped).exists() { shipped } else { name.to_owned() };
    select(&[file], None)?.pop().with_context(|| format!("no scene `{name}`"))
}

/// The scenes of `patterns` (all shipped ones of rendered surfaces when empty), those of `split` only, in the order of
/// their names. Scenes whose photographs were not fetched are left out, each with a line that starts with `SKIPPED:`.
///
/// # Errors
/// When a pattern matches nothing, a file is no scene, two scenes share a name, or none is left.
pub fn select(patterns: &[String], split: Option<&str>) -> anyhow::Result<Vec<SceneSpec>> {
    let shipped = [format!("{SHIPPED}/*.toml")];
    let patterns = if patterns.is_empty() { &shipped[..] } else { patterns };
    let mut files: Vec<PathBuf> = Vec::new();
    for pattern in patterns {
        let before = files.len();
        if Path::new(pattern).is_file() {
            files.push(pattern.into());
        } else {
            let found = glob::glob(pattern).with_context(|| format!("`{pattern}` is not a pattern"))?;
            for file in found {
                files.push(file.context("cannot list files")?);
            }
        }
        ensure!(files.len() > before, "no scene file matches `{pattern}`");
    }
    files.sort();
    files.dedup();
    let mut scenes: Vec<SceneSpec> = Vec::new();
    let mut skipped = 0;
    for file in &files {
        let mut spec = read(file)?;
        if split.is_some_and(|s| s != spec.split.as_str()) {
            continue;
        }
        if scenes.iter().any(|s| s.name == spec.name) {
            bail!("{}: another scene is named `{}`, too: names must differ", file.display(), spec.name);
        }
        if let Err(why) = assets::supply(&mut spec).with_context(|| format!("scene {}", spec.name))? {
            say(format_args!("SKIPPED: scene {}: {why}", spec.name));
            skipped += 1;
            continue;
        }
        scenes.push(spec);
    }
    ensure!(
        !scenes.is_empty() || skipped == 0,
        "all {skipped} scenes need photographs: run `cargo xtask assets photographs`"
    );
    match split {
        Some(split) => ensure!(!scenes.is_empty(), "none of the scenes has `split = \"{split}\"`"),
        None => ensure!(!scenes.is_empty(), "there are no scenes"),
    }
    Ok(scenes)
}

/// Sets the length of a scene, when one is given.
///
/// # Errors
/// When the length is not one that a scene may have.
pub fn shorten(spec: &mut SceneSpec, seconds: Option<f64>) -> anyhow::Result<()> {
    if let Some(seconds) = seconds {
        ensure!((0.1..=3600.0).contains(&seconds), "--seconds must be from 0.1 to 3600");
        spec.duration_s = seconds;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_scene_parses_and_the_demo_is_one_of_them() {
        let all = select(&[], None).unwrap();
        assert!(all.iter().any(|s| s.name == "demo"));
        let tune = select(&[], Some("tune")).unwrap().len();
        let test = select(&[], Some("test")).unwrap().len();
        assert_eq!(tune + test, all.len());
    }

    #[test]
    fn scenes_of_photographs_are_there_in_both_splits_and_say_what_they_need() {
        let mut families = std::collections::BTreeSet::new();
        for file in glob::glob(&format!("{SHIPPED}/photographs/*.toml")).unwrap() {
            let spec = read(&file.unwrap()).unwrap();
            assert!(!spec.photograph_names().is_empty(), "{}", spec.name);
            families.insert((spec.family, spec.split.as_str()));
        }
        assert_eq!(families.len(), 8, "four families in two splits: {families:?}");
    }

    #[test]
    fn patterns_that_match_nothing_are_named() {
        let e = select(&["nowhere/*.toml".into()], None).unwrap_err().to_string();
        assert!(e.contains("nowhere/*.toml"), "{e}");
    }
}
