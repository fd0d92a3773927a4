//! Hostile input: any size, rotation, box and time gives finite numbers.
//! **Invariant:** no input that the types allow panics.
//! It does not ask whether the numbers are right: `motion` and `change` do.

use inbetween_flow::{
    Image, Luma, PixelFormat, Point, Rect, Rotation, TicketId, Timestamp,
    gate::{Evidence, FitState, Gate, Target},
};
use proptest::prelude::*;

use crate::render::{Scene, target};

fn finite(e: &Evidence) -> bool {
    let numbers = [
        e.background.x,
        e.background.y,
        e.background_scale,
        e.gain,
        e.offset,
        e.unexplained,
        e.changed,
        e.uncovered,
        e.unexplained_at.x0,
        e.unexplained_at.y1,
    ];
    numbers.iter().all(|v| v.is_finite())
        && e.fits.iter().all(|f| {
            let unit = (0.0..=1.0).contains(&f.residual);
            f.moved.is_finite() && f.scale.is_finite() && f.scale > 0.0 && f.sigma.is_finite() && unit
        })
}

fn any_coordinate() -> impl Strategy<Value = f32> {
    prop_oneof![8 => -50.0_f32..400.0, 1 => any::<f32>(), 1 => Just(f32::NAN), 1 => Just(0.0)]
}

fn any_target() -> impl Strategy<Value = Target> {
    (any_coordinate(), any_coordinate(), any_coordinate(), any_coordinate(), any_coordinate(), 0_u32..4)
        .prop_map(|(a, b, c, d, g, identity)| Target {
            identity,
            bounds: Rect::new(a.min(c), b.min(d), a.max(c), b.max(d)),
            guess: Point::new(g, 0.0),
        })
}

fn any_format() -> impl Strategy<Value = PixelFormat> {
    prop_oneof![
        Just(PixelFormat::Gray8),
        Just(PixelFormat::Nv12),
        Just(PixelFormat::Rgba8),
        Just(PixelFormat::Bgra8),
        Just(PixelFormat::Rgb8)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn anything_goes_in_and_numbers_come_out(
        size in prop_oneof![(1_u32..40, 1_u32..40), (1_u32..700, 1_u32..20), (40_u32..400, 40_u32..400)],
        format in any_format(),
        turns in 0_u32..4,
        mirror in any::<bool>(),
        targets in proptest::collection::vec(any_target(), 0..6),
        seed in any::<u32>(),
        flat in any::<bool>(),
        epsilon in any_coordinate(),
        times in proptest::collection::vec(0_u64..2_000_000_000, 4),
    ) {
        let bytes: Vec<u8> = {
            let len = size.0 as usize * size.1 as usize * 4 + 4096;
            let mut x = seed | 1;
            (0..len).map(|_| {
                x ^= x << 13;
                x ^= x >> 17;
                x ^= x << 5;
                if flat { 200 } else { (x >> 24) as u8 }
            }).collect()
        };
        let rotation = Rotation::from_degrees(turns * 90).unwrap();
        let image = |skip: usize| Image::packed(format, size.0, size.1, &bytes[skip..]).rotated(rotation).mirrored(mirror);
        let mut gate = Gate::new(epsilon);
        let first = image(0);
        let luma = Luma::of(&first).unwrap();
        prop_assert!(gate.measure(Timestamp::ZERO, &luma).is_none());
        gate.keep(TicketId(1), Timestamp::ZERO, &luma);
        prop_assert!(gate.rekey(TicketId(1), &targets));
        prop_assert!(!gate.rekey(TicketId(1), &targets));
        for (i, t) in times.iter().enumerate() {
            let next = image(i * 7);
            let e = gate.measure(Timestamp::from_nanos(*t), &Luma::of(&next).unwrap()).unwrap();
            prop_assert_eq!(e.fits.len(), targets.len());
            prop_assert!(finite(e), "{:?}", e);
            if i == 1 {
                gate.keep(TicketId(2), Timestamp::from_nanos(*t), &Luma::of(&next).unwrap());
                prop_assert!(gate.rekey(TicketId(2), &targets));
            }
        }
    }
}

#[test]
fn nothing_is_measured_without_a_key_frame() {
    let scene = Scene::new(64, 48);
    let bytes = scene.render(0);
    let image = Image::packed(PixelFormat::Gray8, 64, 48, &bytes);
    let luma = Luma::of(&image).unwrap();
    let mut gate = Gate::new(4.0);
    assert!(gate.measure(Timestamp::ZERO, &luma).is_none());
    gate.keep(TicketId(7), Timestamp::ZERO, &luma);
    assert!(gate.measure(Timestamp::ZERO, &luma).is_none());
    assert!(!gate.rekey(TicketId(8), &[]));
    gate.discard(TicketId(7));
    assert!(!gate.rekey(TicketId(7), &[]));
    gate.keep(TicketId(9), Timestamp::ZERO, &luma);
    assert!(gate.rekey(TicketId(9), &[]));
    assert!(gate.measure(Timestamp::ZERO, &luma).is_some());
    gate.reset();
    assert!(gate.measure(Timestamp::ZERO, &luma).is_none());
}

#[test]
fn eight_runs_are_kept_and_the_oldest_gives_way() {
    let scene = Scene::new(64, 48);
    let bytes = scene.render(0);
    let image = Image::packed(PixelFormat::Gray8, 64, 48, &bytes);
    let luma = Luma::of(&image).unwrap();
    let mut gate = Gate::new(4.0);
    for i in 0..9 {
        gate.keep(TicketId(i), Timestamp::from_millis(i), &luma);
    }
    assert!(!gate.rekey(TicketId(0), &[]));
    assert!((1..9).all(|i| gate.rekey(TicketId(i), &[])));
}

#[test]
fn every_layout_sees_the_same_motion() {
    // The same upright picture, once as a plane and once as colour, turned.
    let mut scene = Scene::new(320, 180).with_object(40.0);
    let key = scene.render(0);
    scene.objects[0].moved = Point::new(2.5, 1.5);
    let next = scene.render(0);
    let turned = |upright: &[u8]| -> Vec<u8> {
        // The buffer that a turn of 90° clockwise makes upright: upright (x, y) lies at column y of row 319 − x.
        let mut out = vec![255_u8; 320 * 180 * 4];
        for y in 0..180 {
            for x in 0..320 {
                let at = ((319 - x) * 180 + y) * 4;
                out[at..at + 3].fill(upright[y * 320 + x]);
            }
        }
        out
    };
    let mut fits = Vec::new();
    for colour in [false, true] {
        let (a, b) = if colour { (turned(&key), turned(&next)) } else { (key.clone(), next.clone()) };
        let image = |bytes| {
            if colour {
                Image::packed(PixelFormat::Rgba8, 180, 320, bytes).rotated(Rotation::Cw90)
            } else {
                Image::packed(PixelFormat::Gray8, 320, 180, bytes)
            }
        };
        let mut gate = Gate::new(6.0);
        gate.keep(TicketId(1), Timestamp::ZERO, &Luma::of(&image(&a)).unwrap());
        gate.rekey(TicketId(1), &[target(0, scene.objects[0].bounds)]);
        let e = gate.measure(Timestamp::from_millis(16), &Luma::of(&image(&b)).unwrap()).unwrap();
        assert_eq!(e.fits[0].state, FitState::Followed);
        fits.push(e.fits[0].moved);
    }
    assert!((fits[0] - fits[1]).length() < 0.02, "{fits:?}");
}
