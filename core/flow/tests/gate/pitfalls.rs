//! What fools a gate that compares pictures: drift below the noise, light, small things, pans, moiré, motion within a
//! block.
//! **Invariant:** each pitfall has a test that fails for a gate that compares with the frame before, or averages.
//! It does not repeat what is elsewhere: flicker, exposure and pans are in `change`, fractions of pixels in `motion`.

use inbetween_flow::{
    Image, Luma, PixelFormat, Point, Rect, TicketId, Timestamp,
    gate::{FitState, Gate},
};

use crate::render::{Object, Scene, Texture, Watch, error};

#[test]
fn a_drift_that_no_two_frames_show_adds_up() {
    let mut scene = Scene::new(320, 180).with_object(40.0);
    scene.noise = 2.0;
    let mut watch = Watch::start(&scene, 6.0);
    for i in 1..150 {
        // A twentieth of a pixel a frame, far below what noise moves a fit by.
        let truth = Point::new(0.05, 0.02).scaled(i as f32);
        scene.objects[0].moved = truth;
        let e = watch.see(&scene);
        assert_eq!(e.fits[0].state, FitState::Followed);
        assert!(error(&e.fits[0], truth) < 0.4, "frame {i}: {:?}, truth {truth:?}", e.fits[0]);
        assert!(e.background.length() < 0.2, "frame {i}: {:?}", e.background);
    }
}

#[test]
fn exposure_that_changes_during_a_pan_is_neither_a_cut_nor_change() {
    let mut scene = Scene::new(640, 360).with_object(70.0);
    scene.noise = 2.0;
    let mut watch = Watch::start(&scene, 6.0);
    for i in 1..40 {
        scene.pan = Point::new(1.5, 0.5).scaled(i as f32);
        scene.objects[0].moved = scene.pan;
        scene.gain = 1.0 - 0.01 * i as f32;
        scene.offset = 0.2 * i as f32;
        let e = watch.see(&scene);
        assert!(!e.cut && e.unexplained < 6.0, "frame {i}: {} at {:?}", e.unexplained, e.unexplained_at);
        assert!((e.background - scene.pan).length() < 0.6, "frame {i}: {:?}", e.background);
        assert!(error(&e.fits[0], scene.pan) < 0.6, "frame {i}: {:?}", e.fits[0]);
    }
}

#[test]
fn a_small_thing_shows_by_the_largest_change_not_by_the_mean() {
    let mut scene = Scene::new(640, 360);
    scene.noise = 2.0;
    let mut watch = Watch::start(&scene, 6.0);
    for _ in 0..20 {
        assert!(watch.see(&scene).unexplained < 5.5);
    }
    // Three in ten thousand of the picture.
    let small = Rect::new(301.0, 203.0, 309.0, 211.0);
    scene.objects.push(Object::new(small, Texture::new(5, 8.0, 250.0, 0.0)));
    let e = watch.see(&scene);
    assert!(e.unexplained > 8.0, "{}", e.unexplained);
    assert!(e.changed < 0.01, "{}", e.changed);
    assert!(e.unexplained_at.iou(&small) > 0.0, "{:?}", e.unexplained_at);
}

#[test]
fn what_moves_within_a_block_shows() {
    // A thing that nobody follows goes to and fro by less than half a block: 16 pixels here.
    let mut scene = Scene::new(640, 360);
    scene.noise = 2.0;
    let mut thing = Object::new(Rect::new(304.0, 160.0, 328.0, 184.0), Texture::new(9, 12.0, 180.0, 60.0));
    scene.objects.push(thing);
    let mut watch = Watch::start_at(&scene, 6.0, &[]);
    for _ in 0..20 {
        assert!(watch.see(&scene).unexplained < 5.5);
    }
    thing.moved = Point::new(6.0, 0.0);
    scene.objects[0] = thing;
    let e = watch.see(&scene);
    assert!(e.unexplained > 6.0, "{}", e.unexplained);
}

#[test]
fn fine_stripes_that_creep_are_no_change() {
    // Finer than a working pixel: what a sparse sample of them shows moves much further than they do.
    let stripes = |shift: f32| -> Vec<u8> {
        let wave = |x: u32, y: u32| (y as f32 * 2.2 + (x as f32 - shift) * 0.9).sin();
        (0..1280 * 720_u32).map(|i| (128.0 + 60.0 * wave(i % 1280, i / 1280)) as u8).collect()
    };
    let mut gate = Gate::new(6.0);
    for i in 0..40_u64 {
        let bytes = stripes(0.05 * i as f32);
        let image = Image::packed(PixelFormat::Gray8, 1280, 720, &bytes);
        let (luma, at) = (Luma::of(&image).unwrap(), Timestamp::from_millis(16 * i));
        if i == 0 {
            gate.keep(TicketId(1), at, &luma);
            gate.rekey(TicketId(1), &[]);
        }
        let e = gate.measure(at, &luma).unwrap();
        assert!(!e.cut && e.unexplained < 6.0, "frame {i}: {e:?}");
        assert!(e.background.length() < 8.0, "frame {i}: {:?}", e.background);
    }
}
