//! Truth against rendered pixels, and the same bytes for the same seed.
//! **Invariant:** what the truth says is what a measurement on the pixels finds.
//! It does not test policies.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use inbetween_flow::Timestamp;
use inbetween_sim::{Colour, Photograph, SceneSpec};

fn spec(text: &str) -> SceneSpec {
    SceneSpec::parse(text).unwrap()
}

/// Centroid and area of everything brighter than black, with pixel centres at half coordinates.
fn centroid(luma: &[u8], width: usize) -> (f64, f64, f64) {
    let (mut x, mut y, mut mass) = (0.0, 0.0, 0.0);
    for (i, &l) in luma.iter().enumerate() {
        let l = f64::from(l) / 200.0;
        x += l * ((i % width) as f64 + 0.5);
        y += l * ((i / width) as f64 + 0.5);
        mass += l;
    }
    (x / mass, y / mass, mass)
}

const BRIGHT: &str = r#"
name = "bright"
duration_s = 4
camera = { noise = 0, pan = [{ sinusoid = { amplitude_px = 9, period_s = 3 } }], zoom = [{ wave = { amplitude = 0.2, period_s = 2 } }], roll_deg = [{ wave = { amplitude = 20, period_s = 3 } }] }
background.texture = { kind = "plain", brightness = 0 }
"#;

#[test]
fn the_centroid_of_a_bright_object_is_where_the_truth_is() {
    for shape in ["ellipse", "rectangle"] {
        let text = format!(
            "{BRIGHT}\n[[objects]]\nshape = \"{shape}\"\nsize_px = 24\naspect = 1.4\nx = 0.5\ny = 0.5\n\
             texture = {{ kind = \"plain\", brightness = 200 }}\n\
             motion = [{{ sinusoid = {{ amplitude_px = 20, period_s = 1.7 }} }}]\n\
             squeeze = [{{ wave = {{ amplitude = 0.2, period_s = 1 }} }}]\n\
             rotate_deg = [{{ rate = {{ per_s = 50 }} }}]\n"
        );
        let mut scene = spec(&text).build(3);
        for index in 0..scene.frames() {
            let frame = scene.frame(index);
            let truth = frame.truth[0];
            let (x, y, _) = centroid(frame.luma(), 320);
            let center = truth.bounds.center();
            assert_eq!(truth.visible, 1.0);
            assert!((x - f64::from(center.x)).abs() < 0.1, "{shape} frame {index}: x {x} truth {center:?}");
            assert!((y - f64::from(center.y)).abs() < 0.1, "{shape} frame {index}: y {y} truth {center:?}");
        }
    }
}

#[test]
fn the_box_is_as_large_as_what_is_drawn() {
    let text = "name = \"box\"\nduration_s = 1\ncamera.noise = 0\n\
                background.texture = { kind = \"plain\", brightness = 0 }\n\
                [[objects]]\nshape = \"rectangle\"\nsize_px = 30.5\naspect = 0.5\nx = 0.4\ny = 0.4\n\
                texture = { kind = \"plain\", brightness = 200 }\n";
    let mut scene = spec(text).build(0);
    let frame = scene.frame(0);
    let (_, _, mass) = centroid(frame.luma(), 320);
    let area = f64::from(frame.truth[0].bounds.area());
    assert!((mass - area).abs() < 0.02 * area, "{mass} against {area}");
    assert!((area - 30.5 * 15.25).abs() < 0.01);
}

#[test]
fn the_texture_moves_with_its_object() {
    let text = "name = \"texture\"\nduration_s = 1\ncamera.noise = 0\n\
                background.texture = { kind = \"plain\", brightness = 0 }\n\
                [[objects]]\nshape = \"rectangle\"\nsize_px = 40\nx = 0.3\ny = 0.5\n\
                motion = [{ linear = { speed_px_s = 90, direction_deg = 0 } }]\n";
    let mut scene = spec(text).build(5);
    let (a, b) = (scene.frame(0), scene.frame(10)); // 30 px later
    let row = |f: &inbetween_sim::RenderedFrame, x: usize| f.luma()[90 * 320 + x];
    let differences: Vec<i32> =
        (78..114).map(|x| i32::from(row(&a, x)) - i32::from(row(&b, x + 30))).collect();
    assert!(differences.iter().all(|d| d.abs() <= 1), "{differences:?}");
    assert!((78..114).any(|x| row(&a, x).abs_diff(row(&a, x + 1)) > 3), "no texture to see");
}

#[test]
fn truth_is_clipped_and_knows_what_is_hidden() {
    let text = "name = \"edge\"\nduration_s = 1\n\
                [[objects]]\nshape = \"rectangle\"\nsize_px = 40\nx = 0\ny = 0.5\nedge = \"leave\"\n\
                [[objects]]\nshape = \"rectangle\"\nsize_px = 40\nx = 0.5\ny = 0.5\n\
                [[objects]]\nshape = \"rectangle\"\ncounted = false\nsize_px = 40\nx = 0.53125\ny = 0.5\n\
                [[objects]]\nshape = \"rectangle\"\nsize_px = 40\nx = -1\ny = 0.5\nedge = \"leave\"\n";
    let scene = spec(text).build(0);
    let mut truth = Vec::new();
    scene.truth_at(Timestamp::ZERO, &mut truth);
    assert_eq!(truth.len(), 2, "the occluder is not counted, the last one is outside");
    assert_eq!((truth[0].bounds.x0, truth[0].bounds.x1, truth[0].visible), (0.0, 20.0, 0.5));
    assert_eq!(truth[0].whole.x0, -20.0);
    assert!((truth[1].visible - 0.25).abs() < 0.04, "{}", truth[1].visible);
}

#[test]
fn wrapping_objects_come_back_as_somebody_else() {
    let text = "name = \"wrap\"\nduration_s = 9\n\
                [[objects]]\nsize_px = 20\nx = 0.5\ny = 0.5\nedge = \"wrap\"\n\
                motion = [{ linear = { speed_px_s = 100, direction_deg = 0 } }]\n";
    let scene = spec(text).build(0);
    let mut truth = Vec::new();
    let mut seen = Vec::new();
    for i in 0..scene.refreshes() {
        scene.truth_at(scene.refresh(i), &mut truth);
        for t in &truth {
            if seen.last() != Some(&t.identity) {
                seen.push(t.identity);
            }
        }
    }
    assert_eq!(seen.len(), 4);
    assert!(seen.windows(2).all(|w| w[0] != w[1]));
}

#[test]
fn a_cut_replaces_the_picture_and_the_identities() {
    let text = "name = \"cut\"\nduration_s = 2\ncuts_s = [1.0]\ncamera.noise = 0\n[[objects]]\n";
    let mut scene = spec(text).build(2);
    let (a, b, c) = (scene.frame(0), scene.frame(29), scene.frame(30));
    assert_eq!(a.luma(), b.luma());
    assert!(b.luma().iter().zip(c.luma()).filter(|(x, y)| x.abs_diff(**y) > 8).count() > 20_000);
    assert_ne!(a.truth[0].identity, c.truth[0].identity);
}

/// FNV-1a over all bytes: pinned below, so that a platform that renders other bytes is found out.
fn hash(bytes: &[u8], h: u64) -> u64 {
    bytes.iter().fold(h, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3))
}

#[test]
fn the_same_seed_gives_the_same_bytes_in_any_order() {
    let text = "name = \"all\"\nduration_s = 2\ncuts_s = [1.5]\n\
        camera = { jitter_ms = 4, drop_rate = 0.1, shutter_ms = 8, pan = [{ shake = { amplitude_px = 3, frequency_hz = 4 } }, { random_walk = { speed_px_s = 20, turn_s = 0.5 } }], roll_deg = [{ wave = { amplitude = 5, period_s = 3 } }] }\n\
        light = { flicker = 0.1, flicker_hz = 11, exposure_ev = [{ ramp = { from_s = 0, until_s = 2, by = -1 } }] }\n\
        [[objects]]\ncount = 3\ntexture = { kind = \"face\", tint_rgb = [220, 170, 140] }\nmotion = [{ accelerate = { acceleration_px_s2 = 90, period_s = 2 } }]\nrotate_deg = [{ wave = { amplitude = 20, period_s = 2 } }]\n";
    let spec = spec(text);
    let mut forward = spec.build(7).with_colour(Colour::Nv12);
    let mut backward = forward.clone();
    let mut other = spec.build(8).with_colour(Colour::Nv12);
    let n = forward.frames();
    let a: Vec<_> = (0..n).map(|i| forward.frame(i)).collect();
    let b: Vec<_> = (0..n).rev().map(|i| backward.frame(i)).collect();
    let c: Vec<_> = (0..n).map(|i| other.frame(i)).collect();
    for (x, y) in a.iter().zip(b.iter().rev()) {
        assert_eq!((&x.data, &x.truth, x.captured), (&y.data, &y.truth, y.captured));
    }
    assert!(a.iter().zip(&c).all(|(x, y)| x.data != y.data));
    let total = a.iter().fold(0xCBF2_9CE4_8422_2325, |h, f| hash(&f.data, h));
    assert_eq!(total, PINNED, "rendered bytes changed: pin {total:#x} if that was meant");
}

const PINNED: u64 = 0x155f_4b71_e264_c737;

#[test]
fn gray_and_colour_have_the_same_luma() {
    let spec = spec("name = \"colour\"\n[[objects]]\ntexture.tint_rgb = [250, 120, 80]\n");
    let gray = spec.build(1).frame(5);
    let nv12 = spec.build(1).with_colour(Colour::Nv12).frame(5);
    assert_eq!(gray.luma(), nv12.luma());
    assert_eq!(nv12.data.len(), 320 * 180 * 3 / 2);
    let rgb = nv12.rgb();
    let c = nv12.truth[0].bounds.center();
    let at = 3 * (c.y as usize * 320 + c.x as usize);
    assert!(rgb[at] > rgb[at + 1] && rgb[at + 1] > rgb[at + 2], "not reddish: {:?}", &rgb[at..at + 3]);
    assert_eq!(gray.rgb().len(), 320 * 180 * 3);
}

#[test]
fn a_part_of_a_photograph_moves_as_its_pixels_do() {
    let text = BRIGHT.replace(
        "{ kind = \"plain\", brightness = 0 }",
        "{ kind = \"photo\", photo = { name = \"dot\", width_px = 480 } }",
    );
    let part = "edge = \"leave\"\ntexture = { kind = \"behind\" }\nsize_px = 30\nx = 0.575\ny = 0.4";
    let mut spec = spec(&format!("{text}\n[[objects]]\n{part}\n"));
    assert_eq!(spec.photographs_missing(), ["dot"]);
    // A white square of 40 × 40 in a photograph of 960 × 540, which is shown at half its size: its middle is 24 px to
    // the right of the frame's middle and 18 px above it, where the file says that the part is.
    let white = |x: i32, y: i32| (x - 528).abs() <= 20 && (y - 234).abs() <= 20;
    let luma = (0..960 * 540).map(|i| if white(i % 960, i / 960) { 200 } else { 0 }).collect();
    spec.photographs =
        std::iter::once(("dot".to_owned(), Photograph::new(960, 540, luma).unwrap())).collect();
    let mut scene = spec.build(4);
    for index in (0..scene.frames()).step_by(7) {
        let frame = scene.frame(index);
        let (x, y, mass) = centroid(frame.luma(), frame.width as usize);
        assert!(mass > 100.0, "the square is in sight");
        let bounds = frame.truth[0].bounds;
        let (tx, ty) = (f64::from(bounds.x0 + bounds.x1) * 0.5, f64::from(bounds.y0 + bounds.y1) * 0.5);
        assert!(
            (x - tx).abs() < 0.5 && (y - ty).abs() < 0.5,
            "frame {index}: ({x}, {y}) is not ({tx}, {ty})"
        );
        assert_eq!(frame.truth[0].visible, 1.0);
    }
}
