//! Motion of the camera that the host tells: a start, never the truth.
//! **Invariant:** what the picture can decide, it decides; wrong words cost a search at most.
//! It does not measure gyroscopes: words are the rendered pan, or lies about it.

use inbetween_flow::{
    CameraMotion, Config, Engine, Frame, FrameError, Image, PixelFormat, Plan, Point, Timestamp, ValueKind,
    gate::FitState,
};

use crate::render::{Scene, Texture, Watch, error};

/// A camera that stands, then pans by 14 pixels a frame at once: further than a search reaches.
fn pan(frame: u32) -> Point {
    Point::new(14.0, 3.0).scaled(frame.saturating_sub(10).min(6) as f32)
}

fn flat(scene: &mut Scene) {
    scene.ground = Texture::new(1, 10.0, 110.0, 0.0);
}

#[test]
fn under_a_flat_background_a_sudden_pan_is_followed_by_the_hosts_word() {
    for told in [false, true] {
        let mut scene = Scene::new(320, 180).with_object(36.0);
        flat(&mut scene);
        scene.objects[0].bounds = scene.objects[0].bounds.moved(Point::new(-80.0, -20.0));
        scene.noise = 1.5;
        let mut watch = Watch::start(&scene, 6.0);
        let mut followed = 0;
        for i in 1..=20 {
            scene.pan = pan(i);
            scene.objects[0].moved = pan(i);
            if told {
                watch.gate.expect(&CameraMotion::from_shift(pan(i) - pan(i - 1)));
            }
            let e = watch.see(&scene);
            assert_eq!(e.background_state, FitState::Weak);
            if told {
                assert!((e.background - pan(i)).length() < 0.01, "frame {i}: {:?}", e.background);
            }
            let there = e.fits[0].state == FitState::Followed && error(&e.fits[0], pan(i)) < 0.5;
            followed += u32::from(there);
        }
        // Without it the object is lost with the first leap.
        assert_eq!(followed == 20, told, "{followed} of 20");
    }
}

#[test]
fn lies_change_nothing_that_the_picture_shows() {
    let lies = [Point::new(30.0, 0.0), Point::new(-20.0, 15.0), Point::new(0.0, -50.0)];
    let mut scene = Scene::new(320, 180).with_object(36.0);
    scene.noise = 1.5;
    let mut watch = Watch::start(&scene, 6.0);
    for i in 1..40_u32 {
        scene.pan = Point::new(1.2, 0.4).scaled(i as f32);
        scene.objects[0].moved = scene.pan;
        watch.gate.expect(&CameraMotion::from_shift(lies[i as usize % 3]));
        let e = watch.see(&scene);
        assert_eq!(
            (e.background_state, e.fits[0].state),
            (FitState::Followed, FitState::Followed),
            "frame {i}"
        );
        assert!((e.background - scene.pan).length() < 0.4, "frame {i}: {:?}", e.background);
        assert!(error(&e.fits[0], scene.pan) < 0.4, "frame {i}: {:?}", e.fits[0]);
        assert!(e.unexplained < 6.0 && !e.cut, "frame {i}: {}", e.unexplained);
    }
}

#[test]
fn a_roll_and_a_zoom_are_told_as_well() {
    let mut scene = Scene::new(320, 180);
    scene.zoom = 1.0;
    let mut watch = Watch::start(&scene, 6.0);
    for i in 1..10 {
        // A tenth larger at once: too much for a fit that starts from no change.
        let zoom = 1.0 + 0.1 * (i as f32 / 3.0).floor();
        let factor = zoom / scene.zoom - 1.0;
        scene.zoom = zoom;
        watch.gate.expect(&CameraMotion { shift: Point::default(), linear: [factor, 0.0, 0.0, factor] });
        let e = watch.see(&scene);
        assert_eq!(e.background_state, FitState::Followed, "frame {i}");
        assert!((e.background_scale - zoom).abs() < 0.01, "frame {i}: {} is {zoom}", e.background_scale);
    }
}

#[test]
fn what_is_no_motion_is_refused_and_the_next_frame_is_taken() {
    let mut engine = Engine::new(Config::for_images(ValueKind::Boxes, 6.0), 1).unwrap();
    let bytes = Scene::new(64, 48).render(0);
    let frame = |ms| {
        let image = Image::packed(PixelFormat::Gray8, 64, 48, &bytes);
        Frame::image(Timestamp::from_millis(ms), image)
    };
    for wrong in [f32::NAN, f32::INFINITY, 100.0] {
        let motion = CameraMotion::from_shift(Point::new(wrong, 0.0));
        let refused = engine.handle_frame(Timestamp::ZERO, &frame(0).with_motion(motion));
        assert_eq!(refused, Err(FrameError::Motion));
    }
    let motion = CameraMotion::from_rotation([0.0, 0.01, 0.0], 60.0);
    let plan = engine.handle_frame(Timestamp::from_millis(1), &frame(1).with_motion(motion));
    assert!(matches!(plan, Ok(Plan::Run(_))));
}
