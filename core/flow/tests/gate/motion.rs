//! Following targets: translation, scale, light, occlusion, leaving, texture that is too weak.
//! **Invariant:** a fit that says `Followed` is near the truth in every frame that is rendered.
//! It does not look at blocks: `change` does.

use inbetween_flow::{Point, Rect, TicketId, gate::FitState};

use crate::render::{Object, Scene, Texture, Watch, error, target};

/// Frame sizes with 1, 2 and 4 upright pixels a working pixel.
const SIZES: [(u32, u32); 3] = [(320, 180), (640, 360), (1280, 720)];

#[test]
fn a_still_scene_stays_still() {
    let mut scene = Scene::new(640, 360).with_object(90.0);
    scene.noise = 2.0;
    let mut watch = Watch::start(&scene, 6.0);
    for _ in 0..20 {
        let e = watch.see(&scene);
        assert_eq!(e.fits[0].state, FitState::Followed, "{:?}", e.fits[0]);
        assert!(error(&e.fits[0], Point::default()) < 0.3, "{:?}", e.fits[0]);
        assert!(e.background.length() < 0.2 && !e.cut);
    }
}

#[test]
fn a_constant_velocity_is_followed_to_a_fraction_of_a_working_pixel() {
    for (w, h) in SIZES {
        let side = (w / 320) as f32;
        let mut scene = Scene::new(w, h).with_object(40.0 * side);
        scene.noise = 1.5;
        let mut watch = Watch::start(&scene, 6.0);
        // The largest frames take longest to render.
        for i in 1..if w > 1000 { 12 } else { 40 } {
            let truth = Point::new(1.37, -0.83).scaled(i as f32 * side);
            scene.objects[0].moved = truth;
            let e = watch.see(&scene);
            let fit = &e.fits[0];
            assert_eq!(fit.state, FitState::Followed, "frame {i} of {w}: {fit:?}");
            assert!(error(fit, truth) < 0.15 * side, "frame {i} of {w}: {fit:?}, truth {truth:?}");
        }
    }
}

#[test]
fn motion_below_a_pixel_is_measured() {
    for (w, h) in SIZES {
        let side = (w / 320) as f32;
        for step in (1..8).step_by(if w > 1000 { 3 } else { 1 }) {
            let mut scene = Scene::new(w, h).with_object(40.0 * side);
            let mut watch = Watch::start(&scene, 6.0);
            let truth = Point::new(step as f32 * 0.13, step as f32 * -0.09).scaled(side);
            scene.objects[0].moved = truth;
            let e = watch.see(&scene);
            assert!(error(&e.fits[0], truth) < 0.08 * side, "{w}: {:?}, truth {truth:?}", e.fits[0]);
        }
    }
}

#[test]
fn a_leap_is_found_by_search_or_by_its_guess() {
    let scene = Scene::new(640, 360).with_object(90.0);
    let mut later = scene.clone();
    let leap = Point::new(14.0, -11.0);
    later.objects[0].moved = leap;
    let mut watch = Watch::start(&scene, 6.0);
    let e = watch.see(&later);
    assert_eq!(e.fits[0].state, FitState::Followed, "{:?}", e.fits[0]);
    assert!(error(&e.fits[0], leap) < 0.3, "{:?}", e.fits[0]);

    let far = Point::new(120.0, 60.0);
    later.objects[0].moved = far;
    let mut hinted = target(0, scene.objects[0].bounds);
    hinted.guess = far + Point::new(1.5, -1.0);
    let mut watch = Watch::start_at(&scene, 6.0, &[hinted]);
    let e = watch.see(&later);
    assert_eq!(e.fits[0].state, FitState::Followed, "{:?}", e.fits[0]);
    assert!(error(&e.fits[0], far) < 0.3, "{:?}", e.fits[0]);
}

#[test]
fn bounces_and_jerks_are_followed() {
    let mut scene = Scene::new(320, 180).with_object(36.0);
    scene.noise = 2.0;
    let mut watch = Watch::start(&scene, 6.0);
    let mut at = Point::default();
    for i in 0..60 {
        let v = if (i / 10) % 2 == 0 { Point::new(3.5, 1.0) } else { Point::new(-3.5, -1.0) };
        at = at + v;
        scene.objects[0].moved = at;
        let e = watch.see(&scene);
        assert!(error(&e.fits[0], at) < 0.4, "frame {i}: {:?}, truth {at:?}", e.fits[0]);
    }
}

#[test]
fn light_does_not_move_things() {
    let mut scene = Scene::new(640, 360).with_object(90.0);
    scene.noise = 1.0;
    let mut watch = Watch::start(&scene, 6.0);
    for i in 1..30 {
        scene.gain = 1.0 - 0.015 * i as f32;
        scene.offset = 0.4 * i as f32;
        let truth = Point::new(i as f32 * 1.5, 0.0);
        scene.objects[0].moved = truth;
        let e = watch.see(&scene);
        let fit = &e.fits[0];
        assert_eq!(fit.state, FitState::Followed, "{fit:?}");
        assert!(error(fit, truth) < 0.4 && fit.residual < 0.3, "frame {i}: {fit:?}");
        assert!((e.gain - scene.gain).abs() < 0.05, "gain {} is {}", e.gain, scene.gain);
        assert!(e.unexplained < 6.0 && !e.cut, "frame {i}: {}", e.unexplained);
    }
}

#[test]
fn growth_is_measured() {
    let mut scene = Scene::new(640, 360).with_object(100.0);
    scene.noise = 1.0;
    let mut watch = Watch::start(&scene, 6.0);
    for i in 1..40 {
        let scale = 1.0 + 0.01 * i as f32;
        scene.objects[0].scale = scale;
        scene.objects[0].moved = Point::new(i as f32 * 0.5, 0.0);
        let e = watch.see(&scene);
        let fit = &e.fits[0];
        assert_eq!(fit.state, FitState::Followed, "frame {i}: {fit:?}");
        assert!((fit.scale - scale).abs() < 0.02, "frame {i}: {fit:?}, truth {scale}");
        assert!(error(fit, scene.objects[0].moved) < 0.6, "frame {i}: {fit:?}");
    }
}

#[test]
fn growth_in_one_direction_is_told_from_growth_in_both() {
    let scene = Scene::new(640, 360).with_object(100.0);
    let mut watch = Watch::start(&scene, 6.0);
    let mut last = watch.see(&scene);
    for i in 1..25 {
        let wider = 1.0 + 0.01 * i as f32;
        let mut now = scene.clone();
        now.objects[0].widen = wider;
        last = watch.see(&now);
        let fit = &last.fits[0];
        let width = fit.scale * fit.stretch.sqrt();
        let height = fit.scale / fit.stretch.sqrt();
        assert!((width - wider).abs() < 0.02 && (height - 1.0).abs() < 0.02, "frame {i}: {fit:?}");
    }
    assert_eq!(last.fits[0].state, FitState::Followed);
}

#[test]
fn two_targets_are_not_found_on_one_thing() {
    // Two of a kind; one goes, and the other comes to where it was.
    let mut scene = Scene::new(640, 360).with_object(60.0).with_object(60.0);
    let middle = scene.objects[0].bounds;
    scene.objects[1].texture = scene.objects[0].texture;
    // The texture is fixed to the frame's coordinates: the twin is the same patch, shown elsewhere.
    scene.objects[1].moved = Point::new(90.0, 0.0);
    let targets = [target(0, middle), target(1, middle.moved(Point::new(90.0, 0.0)))];
    let mut watch = Watch::start_at(&scene, 6.0, &targets);
    for i in 0..40 {
        let e = watch.see(&scene);
        if i > 10 {
            scene.objects[0].shown = false;
            scene.objects[1].moved.x = (scene.objects[1].moved.x - 4.0).max(0.0);
        }
        let both = e.fits.iter().all(|f| f.state == FitState::Followed);
        assert!(!both || i <= 11, "frame {i}: {:?}", e.fits);
    }
}

#[test]
fn a_turn_keeps_its_hold() {
    let mut scene = Scene::new(640, 360).with_object(100.0);
    let mut watch = Watch::start(&scene, 6.0);
    for i in 1..30 {
        scene.objects[0].turn = 0.015 * i as f32;
        let e = watch.see(&scene);
        assert_eq!(e.fits[0].state, FitState::Followed, "frame {i}: {:?}", e.fits[0]);
        assert!(error(&e.fits[0], Point::default()) < 0.6, "frame {i}: {:?}", e.fits[0]);
    }
}

#[test]
fn what_is_covered_is_lost_and_found_again() {
    let mut scene = Scene::new(640, 360).with_object(80.0);
    scene.noise = 1.5;
    let bounds = scene.objects[0].bounds;
    let mut watch = Watch::start(&scene, 6.0);
    watch.see(&scene);
    let cover = Object::new(
        Rect::new(bounds.x0 - 25.0, bounds.y0 - 25.0, bounds.x1 + 25.0, bounds.y1 + 25.0),
        Texture::new(77, 30.0, 90.0, 70.0),
    );
    scene.objects.push(cover);
    for i in 0..10 {
        let e = watch.see(&scene);
        assert_eq!(e.fits[0].state, FitState::Lost, "frame {i}: {:?}", e.fits[0]);
        assert!(e.fits[0].residual > 0.6);
    }
    scene.objects.pop();
    let mut e = watch.see(&scene);
    for _ in 0..8 {
        e = watch.see(&scene);
    }
    assert_eq!(e.fits[0].state, FitState::Followed, "{:?}", e.fits[0]);
}

#[test]
fn half_covered_shows_in_the_residual_but_not_in_the_motion() {
    let mut scene = Scene::new(640, 360).with_object(80.0);
    let bounds = scene.objects[0].bounds;
    let mut watch = Watch::start(&scene, 6.0);
    watch.see(&scene);
    let third = Rect::new(bounds.x0 - 10.0, bounds.y0 - 10.0, bounds.x0 + 25.0, bounds.y1 + 10.0);
    scene.objects.push(Object::new(third, Texture::new(77, 30.0, 190.0, 60.0)));
    let e = watch.see(&scene);
    assert!(e.fits[0].residual > 0.25, "{:?}", e.fits[0]);
    assert!(error(&e.fits[0], Point::default()) < 0.5, "{:?}", e.fits[0]);
}

#[test]
fn what_leaves_is_outside() {
    let mut scene = Scene::new(640, 360).with_object(60.0);
    let mut watch = Watch::start(&scene, 6.0);
    let mut last = FitState::Followed;
    for i in 1..60 {
        scene.objects[0].moved = Point::new(i as f32 * 7.0, 0.0);
        last = watch.see(&scene).fits[0].state;
        if i < 35 {
            assert_eq!(last, FitState::Followed, "frame {i}");
        }
    }
    assert_eq!(last, FitState::Outside);
}

#[test]
fn a_flat_box_is_weak_and_stays_at_its_guess() {
    let mut scene = Scene::new(640, 360);
    scene.noise = 2.0;
    let bounds = Rect::new(200.0, 100.0, 300.0, 200.0);
    let flat = Texture::new(5, 10.0, 140.0, 0.0);
    // Larger than the target: no edge of it is inside.
    scene.objects.push(Object::new(Rect::new(150.0, 50.0, 350.0, 250.0), flat));
    let mut watch = Watch::start_at(&scene, 6.0, &[target(9, bounds)]);
    for _ in 0..20 {
        let e = watch.see(&scene);
        assert_eq!(e.fits[0].state, FitState::Weak, "{:?}", e.fits[0]);
        assert!(e.fits[0].moved.length() < 6.0, "{:?}", e.fits[0]);
    }
}

#[test]
fn stripes_are_vague_along_themselves() {
    // The aperture problem: a texture that only varies across says nothing of motion along.
    let (w, h) = (640_u32, 360_u32);
    let bytes: Vec<u8> = (0..w * h).map(|i| (128.0 + 60.0 * ((i % w) as f32 * 0.2).sin()) as u8).collect();
    let image = inbetween_flow::Image::packed(inbetween_flow::PixelFormat::Gray8, w, h, &bytes);
    let luma = inbetween_flow::Luma::of(&image).unwrap();
    let mut gate = inbetween_flow::gate::Gate::new(6.0);
    let t = inbetween_flow::Timestamp::from_millis;
    gate.keep(TicketId(1), t(0), &luma);
    gate.rekey(TicketId(1), &[target(0, Rect::new(200.0, 100.0, 300.0, 200.0))]);
    let e = gate.measure(t(16), &luma).unwrap();
    assert_eq!(e.fits[0].state, FitState::Weak, "{:?}", e.fits[0]);
    assert!(e.fits[0].sigma > 2.0);
}

#[test]
fn drift_is_measured_from_the_key_frame() {
    let mut scene = Scene::new(640, 360).with_object(90.0);
    scene.noise = 1.5;
    let mut watch = Watch::start(&scene, 6.0);
    for i in 1..200 {
        let truth = Point::new(i as f32 * 0.06, i as f32 * 0.02);
        scene.objects[0].moved = truth;
        let e = watch.see(&scene);
        assert!(error(&e.fits[0], truth) < 0.3, "frame {i}: {:?}, truth {truth:?}", e.fits[0]);
    }
}

#[test]
fn a_result_that_comes_late_is_caught_up_with() {
    let mut scene = Scene::new(640, 360).with_object(80.0);
    scene.noise = 1.0;
    let bounds = scene.objects[0].bounds;
    let mut watch = Watch::start(&scene, 6.0);
    let velocity = Point::new(6.0, 2.0);
    for i in 1..30 {
        scene.objects[0].moved = velocity.scaled(i as f32);
        let e = watch.see(&scene);
        let now = scene.objects[0].moved;
        if i == 10 {
            watch.keep(&scene, 2);
        }
        if i == 15 {
            let mut late = target(0, bounds.moved(velocity.scaled(10.0)));
            late.guess = velocity.scaled(5.0) + Point::new(-2.0, 1.0);
            assert!(watch.gate.rekey(TicketId(2), &[late]));
        }
        let since = if i > 15 { now - velocity.scaled(10.0) } else { now };
        assert!(error(&e.fits[0], since) < 0.4, "frame {i}: {:?}, truth {since:?}", e.fits[0]);
    }
}
