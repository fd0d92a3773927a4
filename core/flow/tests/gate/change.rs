//! What the targets do not explain: births, cuts, pans, light, noise.
//! **Invariant:** what is explained stays below six standard deviations, what is born does not.
//! It does not look at the targets' accuracy: `motion` does.

use inbetween_flow::{Point, Rect, TicketId, gate::FitState};

use crate::render::{Object, Scene, Texture, Watch};

#[test]
fn noise_alone_is_explained() {
    for noise in [0.5, 2.0, 6.0] {
        let mut scene = Scene::new(320, 180).with_object(30.0);
        scene.noise = noise;
        let mut watch = Watch::start(&scene, 6.0);
        for i in 0..60 {
            let e = watch.see(&scene);
            assert!(e.unexplained < 5.0, "noise {noise}, frame {i}: {}", e.unexplained);
            assert!(!e.cut && e.changed == 0.0);
        }
    }
}

#[test]
fn a_birth_is_unexplained_where_it_is() {
    for side in [20.0, 40.0, 80.0] {
        let mut scene = Scene::new(640, 360).with_object(60.0);
        scene.noise = 2.0;
        let mut watch = Watch::start(&scene, 6.0);
        for _ in 0..20 {
            watch.see(&scene);
        }
        let born = Rect::new(80.0, 60.0, 80.0 + side, 60.0 + side);
        scene.objects.push(Object::new(born, Texture::new(55, 12.0, 190.0, 40.0)));
        let e = watch.see(&scene);
        assert!(e.unexplained > 6.0, "side {side}: {}", e.unexplained);
        let at = e.unexplained_at;
        assert!(
            at.x1 > born.x0 && at.x0 < born.x1 && at.y1 > born.y0 && at.y0 < born.y1,
            "side {side}: {at:?}"
        );
        assert!(e.changed > 0.0 && e.changed < 0.3 && !e.cut);
        assert_eq!(e.fits[0].state, FitState::Followed);
    }
}

#[test]
fn a_target_explains_what_it_covers_and_uncovers() {
    let mut scene = Scene::new(640, 360).with_object(70.0);
    scene.noise = 2.0;
    let mut watch = Watch::start(&scene, 6.0);
    for i in 1..40 {
        scene.objects[0].moved = Point::new(i as f32 * 4.0, i as f32 * 1.0);
        let e = watch.see(&scene);
        assert!(e.unexplained < 5.5, "frame {i}: {} at {:?}", e.unexplained, e.unexplained_at);
    }
}

#[test]
fn a_cut_is_a_cut() {
    let mut scene = Scene::new(640, 360).with_object(70.0);
    scene.noise = 2.0;
    let mut watch = Watch::start(&scene, 6.0);
    for _ in 0..5 {
        assert!(!watch.see(&scene).cut);
    }
    let mut other = Scene::new(640, 360);
    other.ground = Texture::new(4242, 35.0, 90.0, 80.0);
    other.noise = 2.0;
    let e = watch.see(&other);
    assert!(e.cut, "{e:?}");
    assert_eq!(e.fits[0].state, FitState::Lost);
    // The new picture becomes the key frame: all is well again.
    watch.keep(&other, 2);
    assert!(watch.gate.rekey(TicketId(2), &[]));
    assert!(!watch.see(&other).cut);
}

#[test]
fn another_size_is_a_cut_until_the_next_key_frame() {
    let scene = Scene::new(320, 180).with_object(40.0);
    let mut watch = Watch::start(&scene, 6.0);
    let other = Scene::new(180, 320);
    let e = watch.see(&other);
    assert!(e.cut && e.fits.len() == 1);
    assert!(!watch.see(&scene).cut);
}

#[test]
fn a_pan_is_the_background_moving() {
    for (w, h) in [(320, 180), (640, 360)] {
        let side = (w / 320) as f32;
        let mut scene = Scene::new(w, h).with_object(40.0 * side);
        scene.noise = 2.0;
        let mut watch = Watch::start(&scene, 6.0);
        for i in 1..30 {
            let pan = Point::new(2.3, -0.7).scaled(i as f32 * side);
            scene.pan = pan;
            scene.objects[0].moved = pan;
            let e = watch.see(&scene);
            assert_eq!(e.background_state, FitState::Followed, "frame {i}");
            assert!((e.background - pan).length() < 0.3 * side, "frame {i}: {:?}, {pan:?}", e.background);
            assert!(e.unexplained < 6.0, "frame {i} of {w}: {} at {:?}", e.unexplained, e.unexplained_at);
            assert!(!e.cut);
            if i > 10 {
                assert!(e.uncovered > 0.02 && e.uncovered < 0.5, "frame {i}: {}", e.uncovered);
            }
        }
    }
}

#[test]
fn a_birth_during_a_pan_shows() {
    let mut scene = Scene::new(640, 360);
    scene.noise = 2.0;
    let mut watch = Watch::start(&scene, 6.0);
    for i in 1..20 {
        scene.pan = Point::new(i as f32 * 3.0, 0.0);
        assert!(watch.see(&scene).unexplained < 6.0, "frame {i}");
    }
    let born = Rect::new(400.0, 200.0, 440.0, 240.0);
    scene.objects.push(Object::new(born, Texture::new(55, 12.0, 200.0, 40.0)));
    scene.pan = Point::new(60.0, 0.0);
    let e = watch.see(&scene);
    assert!(e.unexplained > 6.0, "{}", e.unexplained);
    assert!(e.unexplained_at.iou(&born) > 0.0);
}

#[test]
fn a_zoom_is_measured() {
    let mut scene = Scene::new(640, 360);
    scene.noise = 1.0;
    let mut watch = Watch::start(&scene, 6.0);
    for i in 1..30 {
        scene.zoom = 1.0 + 0.004 * i as f32;
        let e = watch.see(&scene);
        assert!((e.background_scale - scene.zoom).abs() < 0.01, "{} is {}", e.background_scale, scene.zoom);
        assert!(e.unexplained < 6.0, "frame {i}: {}", e.unexplained);
    }
}

#[test]
fn flicker_and_exposure_are_light() {
    let mut scene = Scene::new(640, 360).with_object(70.0);
    scene.noise = 2.0;
    let mut watch = Watch::start(&scene, 6.0);
    for i in 1..60 {
        scene.gain = 1.0 + 0.12 * (i as f32 * 2.1).sin();
        scene.offset = 5.0 * (i as f32 * 0.7).cos();
        let e = watch.see(&scene);
        assert!(e.unexplained < 6.0 && !e.cut, "frame {i}: {}", e.unexplained);
        assert_eq!(e.fits[0].state, FitState::Followed);
    }
}

#[test]
fn change_adds_up_from_the_key_frame_however_slow() {
    let mut scene = Scene::new(640, 360);
    scene.noise = 2.0;
    let mut watch = Watch::start(&scene, 6.0);
    let appearing = Rect::new(300.0, 100.0, 360.0, 160.0);
    let mut most = 0.0_f32;
    for i in 1..90 {
        // A shade that deepens by a third of a level a frame: no two frames differ by more than noise.
        let mut shade = scene.ground;
        shade.mean -= i as f32 * 0.33;
        scene.objects = vec![Object::new(appearing, shade)];
        most = most.max(watch.see(&scene).unexplained);
    }
    assert!(most > 6.0, "{most}");
}

#[test]
fn fine_stripes_that_stand_still_are_quiet() {
    // Finer than a working pixel: row sampling aliases, but always in the same way.
    let stripes = |phase: f32| -> Vec<u8> {
        (0..1280 * 720_u32)
            .map(|i| (128.0 + 90.0 * ((i / 1280) as f32 * 2.2 + (i % 1280) as f32 * 0.4 + phase).sin()) as u8)
            .collect()
    };
    let mut gate = inbetween_flow::gate::Gate::new(6.0);
    let t = inbetween_flow::Timestamp::from_millis;
    for i in 0..30_u64 {
        let bytes = stripes(0.02 * (i % 3) as f32);
        let image = inbetween_flow::Image::packed(inbetween_flow::PixelFormat::Gray8, 1280, 720, &bytes);
        let luma = inbetween_flow::Luma::of(&image).unwrap();
        if i == 0 {
            gate.keep(TicketId(1), t(0), &luma);
            gate.rekey(TicketId(1), &[]);
        }
        let e = gate.measure(t(i * 16), &luma).unwrap();
        assert!(e.unexplained < 5.0 && !e.cut, "frame {i}: {}", e.unexplained);
    }
}
