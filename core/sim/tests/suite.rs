//! The shipped scene files: all parse, build with several seeds and render.
//! **Invariant:** every file in `benches/scenes` is covered; a new one needs no change here.
//! It does not check figures: `inbetween bench` does.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::{fs, path::PathBuf};

use inbetween_flow::Timestamp;
use inbetween_sim::{SceneSpec, Split};

fn shipped() -> Vec<(String, SceneSpec)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../benches/scenes");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            (name.clone(), SceneSpec::parse(&text).unwrap_or_else(|e| panic!("{name}.toml: {e}")))
        })
        .collect()
}

#[test]
fn all_shipped_scenes_parse_and_render() {
    let scenes = shipped();
    for (file, spec) in &scenes {
        assert_eq!(file, &spec.name, "a scene is named like its file");
        for seed in 1..4 {
            let mut scene = spec.build(seed);
            let last = scene.frames() - 1;
            let mut seen = 0;
            for index in [0, last / 3, last / 2, last] {
                let frame = scene.frame(index);
                assert_eq!(frame.data.len(), (frame.width * frame.height) as usize);
                let (low, high) = frame.data.iter().fold((255, 0), |(l, h), &b| (b.min(l), b.max(h)));
                assert!(high - low > 20, "{file} frame {index} is blank: {low} to {high}");
                seen += frame.truth.len();
            }
            assert!(seen > 0, "{file} shows no object in four frames");
        }
    }
    let families: std::collections::BTreeSet<_> = scenes.iter().map(|(_, s)| s.family.as_str()).collect();
    assert!(families.len() >= 28, "{families:?}");
    for split in [Split::Tune, Split::Test] {
        assert!(scenes.iter().filter(|(_, s)| s.split == split).count() >= 5);
    }
}

#[test]
fn every_scene_but_the_demo_goes_on_for_two_minutes() {
    for (file, mut spec) in shipped().into_iter().filter(|(file, _)| file != "demo") {
        spec.duration_s = 120.0;
        let scene = spec.build(1);
        let mut truth = Vec::new();
        for part in 0..4 {
            let counted = (0..20).filter(|i| {
                let at = Timestamp::from_millis(part * 30_000 + i * 1_450);
                scene.truth_at(at, &mut truth);
                truth.iter().any(|t| t.visible >= 0.5)
            });
            assert!(counted.count() >= 8, "{file}: hardly anything to see in quarter {part}");
        }
    }
}

#[test]
fn a_spec_survives_being_written_and_read() {
    for (file, spec) in shipped() {
        let text = toml::to_string(&spec).unwrap();
        assert_eq!(SceneSpec::parse(&text).unwrap(), spec, "{file}");
    }
}

#[test]
fn the_documented_example_is_a_scene() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../benches/scenes/README.md");
    let page = fs::read_to_string(path).unwrap();
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let spec = SceneSpec::parse(example).unwrap();
    assert_eq!(spec.build(1).frame(30).truth.len(), 4);
}
