//! The steady-state paths of the SDK allocate nothing: a skipped frame, and an answer.
//! **Invariant:** every allocation of this thread between arming and disarming is counted, whoever makes it.
//! It does not count the paths on which a run starts or ends.
#![allow(clippy::unwrap_used, missing_docs, unsafe_code)] // an allocator cannot be written without `unsafe`

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    time::Duration,
};

use inbetween_bench::workload::Workload;
use inbetween_flow::{
    Bound, Completion, Config, Engine, Feature, FeatureValue, FeatureWatch, Frame, Image, Keypoint, Label,
    Mask, MonitorConfig, Outcome, PixelFormat, Plan, Point, PredictionId, Quaternion, Rect, Response,
    ResponseRule, Session, Severity, SkipReason, SliceWatch, Timestamp, Truth, Value, ValueKind,
    monitor::{Live, MOST_FEATURES},
};

struct Counting;

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn note() {
    // `try_with`: the allocator is also called while the thread's own data is torn down.
    let _ = ARMED.try_with(|armed| {
        if armed.get() {
            let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        }
    });
}

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Does `work` and says how many allocations it made.
fn counted<T>(work: impl FnOnce() -> T) -> (T, u64) {
    COUNT.set(0);
    ARMED.set(true);
    let out = work();
    ARMED.set(false);
    (out, COUNT.get())
}

#[test]
fn the_counter_counts() {
    assert_eq!(counted(|| std::hint::black_box(vec![1_u8; 100]).len()), (100, 1));
    assert_eq!(counted(|| 1 + 1), (2, 0));
}

#[test]
fn a_skipped_frame_and_an_answer_allocate_nothing() {
    const WARM: u64 = 300;
    const FRAMES: u64 = 1000;
    let work = Workload::new(320, 180, 200).unwrap();
    let mut engine = Workload::engine().unwrap();
    let (mut skipped, mut shown, mut n) = (0, 0, 0);
    while skipped < WARM + FRAMES {
        n += 1;
        assert!(n < 40 * FRAMES, "only {skipped} of {n} frames were skipped");
        let (rendered, found) = work.endless(n);
        let (at, frame) = (rendered.captured, rendered.as_frame());
        let (plan, allocations) = counted(|| engine.handle_frame(at, &frame).unwrap());
        match plan {
            Plan::Skip(reason) => {
                skipped += 1;
                assert!(
                    skipped <= WARM || allocations == 0,
                    "{allocations} allocations on frame {n}, skipped: {reason:?}"
                );
            }
            Plan::Run(ticket) => {
                let outcome = Outcome::Value(Value::Boxes(found.to_vec()));
                engine.handle_completion(
                    at + Duration::from_millis(20),
                    Completion { ticket: ticket.id, outcome },
                );
            }
        }
        for refresh in [1, 17, 33] {
            let display = at + Duration::from_millis(refresh);
            let (boxes, allocations) = counted(|| match &engine.answer_at(display).value {
                Some(Value::Boxes(boxes)) => boxes.len(),
                _ => 0,
            });
            shown += boxes;
            assert!(
                skipped <= WARM || allocations == 0,
                "{allocations} allocations in an answer after frame {n}"
            );
        }
        while engine.poll_event().is_some() {}
    }
    assert!(shown as u64 > 20 * FRAMES, "hardly anything was answered: {shown} boxes");
}

/// A sound value of a kind, which changes a little with `n`.
fn some_value(kind: ValueKind, n: u64) -> Value {
    let x = (n % 16) as f32 * 0.01;
    match kind {
        ValueKind::Scalar => Value::Scalar(x),
        ValueKind::Vector => Value::Vector(vec![x; 8]),
        ValueKind::Keypoints => {
            let point = |i| Keypoint { at: Point::new(40.0 + 20.0 * i as f32, 60.0 + x), visibility: 0.9 };
            Value::Keypoints((0..12).map(point).collect())
        }
        ValueKind::Probabilities => Value::Probabilities(vec![0.5 + x, 0.5 - x]),
        ValueKind::Label => Value::Label(Label { class: 1, score: 0.9 }),
        ValueKind::Rotation => Value::Rotation(Quaternion::from_degrees([x, 2.0, 10.0 * x])),
        ValueKind::Embedding => {
            let norm = (1.0 + x * x).sqrt();
            Value::Embedding([1.0, x].iter().chain(&[0.0; 62]).map(|v| v / norm).collect())
        }
        _ => {
            let cells = (0..4096_u64).map(|i| if (i % 64).abs_diff(32) < 12 { 255 } else { (n % 90) as u8 });
            let bounds = Rect::new(0.0, 0.0, 320.0, 180.0);
            Value::Mask(Mask { width: 64, height: 64, bounds, cells: cells.collect() })
        }
    }
}

#[test]
fn no_kind_of_value_allocates_between_results() {
    const KINDS: [ValueKind; 8] = [
        ValueKind::Scalar,
        ValueKind::Vector,
        ValueKind::Keypoints,
        ValueKind::Probabilities,
        ValueKind::Label,
        ValueKind::Rotation,
        ValueKind::Embedding,
        ValueKind::Mask,
    ];
    let pixels: Vec<u8> = (0..320_usize * 180).map(|i| (i * i % 251) as u8).collect();
    for kind in KINDS {
        let mut engine = Engine::new(Config::for_images(kind, 2.0), 1).unwrap();
        let mut skipped = 0;
        for n in 0..400_u64 {
            let at = Timestamp::from_millis(1_000 + 33 * n);
            let frame = Frame::image(at, Image::packed(PixelFormat::Gray8, 320, 180, &pixels));
            let (plan, allocations) = counted(|| engine.handle_frame(at, &frame).unwrap());
            match plan {
                Plan::Skip(SkipReason::CacheHit) => {} // a result is admitted
                Plan::Skip(reason) => {
                    skipped += 1;
                    assert!(n < 100 || allocations == 0, "{kind:?}: {allocations} at frame {n}: {reason:?}");
                }
                Plan::Run(ticket) => {
                    let outcome = Outcome::Value(some_value(kind, n));
                    engine.handle_completion(
                        at + Duration::from_millis(20),
                        Completion { ticket: ticket.id, outcome },
                    );
                }
            }
            let display = at + Duration::from_millis(25);
            let (shown, allocations) = counted(|| engine.answer_at(display).value.is_some());
            assert!(
                shown && (n < 100 || allocations == 0),
                "{kind:?}: {allocations} in the answer to frame {n}"
            );
            while engine.poll_event().is_some() {}
        }
        assert!(skipped > 200, "{kind:?}: {skipped} frames were skipped");
    }
}

#[test]
fn the_live_monitor_allocates_nothing_after_it_is_made() {
    let rule = |signal: &str| ResponseRule {
        signal: signal.to_owned(),
        bound: Bound::Above(0.01),
        hold: Duration::ZERO,
        severity: Severity::Log,
        owner: String::new(),
        response: Response::Alert,
    };
    let names: Vec<String> = (0..MOST_FEATURES).map(|i| format!("feature {i}")).collect();
    let watch =
        |name: &String| FeatureWatch { name: name.clone(), edges: vec![0.25, 0.5], reference: vec![9, 9, 9] };
    let config = MonitorConfig {
        window: Duration::from_mins(1),
        features: names.iter().map(watch).collect(),
        positive_class: Some(1),
        slices: vec![SliceWatch { name: names[0].clone(), values: vec!["a".to_owned()] }],
        responses: ["psi.feature 1", "psi.scores", "error_rate", "concept.evidence"].map(rule).to_vec(),
        ..MonitorConfig::default()
    };
    for session in [Session::Event, Session::Span(Duration::from_secs(2))] {
        let mut live = Live::new(MonitorConfig { session, ..config.clone() }, 1).unwrap();
        let value = Value::Probabilities(vec![0.25, 0.75]);
        let mut changes = 0;
        let (windows, allocated) = counted(|| {
            for n in 0..3_000_u64 {
                let now = Timestamp::from_millis(100 * n);
                let x = (n % 10) as f64 / 20.0;
                let features: [Feature<'_>; MOST_FEATURES] =
                    std::array::from_fn(|i| Feature { name: &names[i], value: FeatureValue::Number(x) });
                live.tick(now, |_| changes += 1);
                live.frame(now, &Frame::features(now, &features));
                live.ran(None, Duration::from_millis(5));
                live.predicted(now, PredictionId(n), live.mask(), &value, None);
                live.label(now, PredictionId(n / 2), Truth::Class(0), (1.0, 0.1));
            }
            live.windows()
        });
        assert_eq!((windows, allocated), (4, 0));
        assert!(changes >= 2, "rules fired meanwhile");
    }
}
