//! Whatever comes in, in whatever order: nothing panics and every answer is a sound value.
//! **Invariant:** the sequences are proptest's; a failure is shrunk and printed.
//! It does not look at accuracy.

use std::{string::String, vec::Vec};

use core::time::Duration;
use proptest::{collection::vec, prelude::*};

use super::tolerance;
use crate::{
    config::{DisplayMode, Tolerance},
    gate::{Fit, FitState},
    geometry::{Point, Rect},
    quaternion::Quaternion,
    source::Carrier,
    time::Timestamp,
    value::{Detection, Keypoint, Label, Mask, Value, ValueKind},
};

#[derive(Clone, Debug)]
enum Step {
    Admit(u64, Value),
    Follow(u64, Vec<Fit>),
    Answer(u64),
    Reset,
}

fn number() -> impl Strategy<Value = f32> {
    prop_oneof![8 => -500.0_f32..1500.0, 1 => any::<f32>(), 1 => Just(0.0)]
}

fn value(kind: ValueKind) -> BoxedStrategy<Value> {
    let unit = || prop_oneof![0.0_f32..=1.0, Just(0.0), Just(1.0), Just(0.9)];
    match kind {
        ValueKind::Scalar => number().prop_map(Value::Scalar).boxed(),
        ValueKind::Vector => vec(number(), 3).prop_map(Value::Vector).boxed(),
        ValueKind::Boxes => {
            // Some are as large as numbers go.
            let side = || prop_oneof![20 => 0.0_f32..200.0, 1 => Just(1e30_f32), 1 => Just(f32::MAX)];
            vec((number(), number(), side(), side(), unit(), 0_u32..3), 0..12)
                .prop_map(|v| {
                    let detection = |(x, y, w, h, score, class)| Detection {
                        bounds: Rect::new(x, y, x + w, y + h),
                        score,
                        class,
                        identity: None,
                    };
                    Value::Boxes(v.into_iter().map(detection).collect())
                })
                .boxed()
        }
        ValueKind::Keypoints => vec((number(), number(), unit()), 0..8)
            .prop_map(|v| {
                let point = |(x, y, visibility)| Keypoint { at: Point::new(x, y), visibility };
                Value::Keypoints(v.into_iter().map(point).collect())
            })
            .boxed(),
        ValueKind::Probabilities => vec(0.0_f32..1.0, 1..6)
            .prop_map(|v| {
                let sum: f32 = v.iter().sum::<f32>().max(1e-6);
                Value::Probabilities(v.into_iter().map(|p| p / sum).collect())
            })
            .boxed(),
        ValueKind::Label => {
            (0_u32..4, unit()).prop_map(|(class, score)| Value::Label(Label { class, score })).boxed()
        }
        ValueKind::Rotation => [number(), number(), number(), number()]
            .prop_map(|[w, x, y, z]| Value::Rotation(Quaternion::new(w, x, y, z).unit().unwrap_or_default()))
            .boxed(),
        ValueKind::Mask => (prop_oneof![9 => Just((6_u16, 5_u16)), 1 => Just((1, 7))], vec(any::<u8>(), 30))
            .prop_map(|((width, height), cells)| {
                let cells = cells[..usize::from(width) * usize::from(height)].to_vec();
                Value::Mask(Mask { width, height, bounds: Rect::new(0.0, 10.0, 600.0, 500.0), cells })
            })
            .boxed(),
        ValueKind::Embedding => prop_oneof![
            4 => vec(-1.0_f32..1.0, 5),
            1 => vec(prop_oneof![Just(1.0_f32), Just(-1.0_f32)], 1..3),
        ]
        .prop_map(|v| {
            let norm = v.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-3);
            Value::Embedding(v.into_iter().map(|x| x / norm).collect())
        })
        .boxed(),
    }
}

/// Mostly a plausible tolerance; sometimes as small or as large as a configuration may have it.
fn epsilon() -> impl Strategy<Value = f32> {
    prop_oneof![6 => Just(6.0_f32), 1 => Just(f32::MIN_POSITIVE), 1 => Just(1e10_f32), 1 => Just(Tolerance::MOST)]
}

fn fit() -> impl Strategy<Value = Fit> {
    let state = prop_oneof![
        4 => Just(FitState::Followed),
        1 => Just(FitState::Weak),
        1 => Just(FitState::Lost),
        1 => Just(FitState::Outside)
    ];
    let scale = prop_oneof![6 => 0.5_f32..2.0, 1 => any::<f32>()];
    (0_u32..20, number(), number(), scale, number(), state).prop_map(
        |(identity, x, y, scale, sigma, state)| Fit {
            identity,
            moved: Point::new(x * 0.05, y * 0.05),
            scale,
            stretch: 1.0 / scale,
            residual: 0.1,
            sigma: sigma * 0.01,
            state,
        },
    )
}

fn steps(kind: ValueKind) -> impl Strategy<Value = Vec<Step>> {
    // Mostly a plausible clock; sometimes any time at all.
    let time = || prop_oneof![20 => 0_u64..3_000, 1 => any::<u64>(), 1 => Just(1_000)];
    let step = prop_oneof![
        4 => (time(), value(kind)).prop_map(|(t, v)| Step::Admit(t, v)),
        4 => (time(), vec(fit(), 0..8)).prop_map(|(t, f)| Step::Follow(t, f)),
        4 => time().prop_map(Step::Answer),
        1 => Just(Step::Reset),
    ];
    vec(step, 1..60)
}

fn check(kind: ValueKind, epsilon: f32, mode: DisplayMode, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut c = Carrier::new(kind, &tolerance(epsilon), mode);
    let mut out = Value::empty(kind);
    let (mut targets, mut tracks) = (Vec::new(), Vec::new());
    let at = |t: u64| Timestamp::from_nanos(t.saturating_mul(1_000_000));
    for step in steps {
        match step {
            Step::Admit(t, v) => {
                let report = c.admit(at(*t), v);
                prop_assert!(report.error.is_none_or(|e| e.is_finite() && e >= 0.0), "{:?}", report);
                prop_assert!(report.horizon >= 0.0 && report.age >= 0.0);
                c.targets(Point::new(1.0, 2.0), &mut targets);
                for t in &targets {
                    prop_assert!(t.bounds.is_valid() && t.guess.is_finite(), "{:?}", t);
                }
            }
            Step::Follow(t, f) => c.follow(at(*t), f),
            Step::Answer(t) => {
                if let Some(carried) = c.answer(at(*t), &mut out) {
                    prop_assert_eq!(out.fault(), None, "{:?}", out);
                    prop_assert!(carried.horizon >= 0.0 && carried.spread >= 0.0, "{:?}", carried);
                    prop_assert!(carried.spread.is_finite(), "{:?}", carried);
                }
                if let Value::Boxes(d) = &out {
                    let mut ids: Vec<_> = d.iter().filter_map(|d| d.identity).collect();
                    prop_assert_eq!(ids.len(), d.len());
                    ids.sort_unstable();
                    ids.dedup();
                    prop_assert_eq!(ids.len(), d.len(), "identities are unique");
                }
                c.tracks(at(*t), &mut tracks);
                prop_assert!(tracks.iter().all(|t| t.bounds.is_valid() && t.spread.is_finite()));
            }
            Step::Reset => c.reset(),
        }
    }
    Ok(())
}

macro_rules! sequences {
    ($($name:ident: $kind:ident),*) => {$(
        proptest! {
            #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]
            #[test]
            fn $name(steps in steps(ValueKind::$kind), delay in 0_u64..400, epsilon in epsilon()) {
                let mode = if delay < 200 {
                    DisplayMode::Predict
                } else {
                    DisplayMode::Delayed(Duration::from_millis(delay))
                };
                check(ValueKind::$kind, epsilon, mode, &steps)?;
            }
        }
    )*};
}

sequences!(scalars: Scalar, vectors: Vector, boxes: Boxes, keypoints: Keypoints, distributions: Probabilities, labels: Label,
    rotations: Rotation, embeddings: Embedding,
    masks: Mask);

#[test]
fn the_same_sequence_gives_the_same_bits() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for kind in
        [ValueKind::Boxes, ValueKind::Keypoints, ValueKind::Vector, ValueKind::Rotation, ValueKind::Embedding]
    {
        let tree = steps(kind).new_tree(&mut runner).unwrap();
        let steps = proptest::strategy::ValueTree::current(&tree);
        let run = || {
            let mut c = Carrier::new(kind, &tolerance(6.0), DisplayMode::Predict);
            let mut out = Value::empty(kind);
            let mut log: Vec<String> = Vec::new();
            for (i, step) in steps.iter().enumerate() {
                let t = Timestamp::from_millis(i as u64 * 50);
                match step {
                    Step::Admit(_, v) => drop(c.admit(t, v)),
                    Step::Follow(_, f) => c.follow(t, f),
                    Step::Answer(_) => drop(c.answer(t, &mut out)),
                    Step::Reset => c.reset(),
                }
                log.push(std::format!("{out:?}"));
            }
            log
        };
        assert_eq!(run(), run());
    }
}
