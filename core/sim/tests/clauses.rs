//! Every clause of the definition of a violation, one by one, on answers made by hand.
//! **Invariant:** each test fails when its clause is dropped.
//! It does not run policies.

use inbetween_flow::{Detection, Rect, Timestamp};
use inbetween_sim::{
    SceneSpec, Shown, Truth,
    measure::{Fault, Presence, Scorer},
};

/// 320 × 180, epsilon 6 px, grace 150 ms, refreshes every 10 ms.
struct Bench {
    presence: Presence,
    scorer: Scorer,
    ms: u64,
}

fn at(x: f32) -> Rect {
    Rect::new(x, 50.0, x + 40.0, 90.0)
}

fn truth(identity: u32, bounds: Rect, visible: f32) -> Truth {
    let frame = Rect::new(0.0, 0.0, 320.0, 180.0);
    Truth { identity, class: 0, bounds: bounds.clipped(&frame), whole: bounds, visible }
}

fn answer(identity: u32, bounds: Rect) -> Detection {
    Detection { bounds, score: 0.9, class: 0, identity: Some(identity) }
}

impl Bench {
    fn new() -> Self {
        let spec = SceneSpec::parse("name = \"clauses\"").expect("a scene");
        Self { presence: Presence::new(&spec.tolerance), scorer: Scorer::new(&spec), ms: 0 }
    }

    fn step(&mut self, truth: &[Truth], answers: Option<&[Detection]>) -> Option<Fault> {
        let display = Timestamp::from_millis(self.ms);
        self.aged(truth, answers, display)
    }

    fn aged(&mut self, truth: &[Truth], answers: Option<&[Detection]>, key: Timestamp) -> Option<Fault> {
        let display = Timestamp::from_millis(self.ms);
        self.ms += 10;
        self.presence.advance(display, truth);
        let shown = Shown {
            detections: answers,
            key_frame: answers.map(|_| key),
            within_tolerance: true,
            uncertainty: 0.0,
            source: "test",
        };
        self.scorer.judge(display, &shown, &self.presence).fault
    }

    fn steps(&mut self, n: u32, truth: &[Truth], answers: &[Detection]) -> Vec<Option<Fault>> {
        (0..n).map(|_| self.step(truth, Some(answers))).collect()
    }
}

/// How many of the steps violate by `fault`, and that none violates otherwise.
fn count(steps: &[Option<Fault>], fault: Fault) -> usize {
    assert!(steps.iter().all(|f| f.is_none() || *f == Some(fault)), "{steps:?}");
    steps.iter().flatten().count()
}

#[test]
fn an_object_counts_from_the_grace_on() {
    let mut bench = Bench::new();
    let steps = bench.steps(30, &[truth(1, at(50.0), 1.0)], &[]);
    assert_eq!(steps[14], None);
    assert_eq!(steps[15], Some(Fault::Missing)); // 150 ms after it appeared
    assert_eq!(count(&steps, Fault::Missing), 15);
}

#[test]
fn the_error_is_that_of_the_worst_corner_at_the_display_time() {
    for (shift, bad) in [(5.9, false), (6.1, true)] {
        let mut bench = Bench::new();
        let object = [truth(1, at(50.0), 1.0)];
        let steps = bench.steps(30, &object, &[answer(7, at(50.0 + shift))]);
        assert_eq!(count(&steps, Fault::Off) > 0, bad, "shift {shift}");
    }
}

#[test]
fn another_class_is_no_answer() {
    let mut bench = Bench::new();
    let wrong = Detection { class: 3, ..answer(7, at(50.0)) };
    let steps = bench.steps(30, &[truth(1, at(50.0), 1.0)], &[wrong]);
    assert_eq!(count(&steps, Fault::Missing), 15);
}

#[test]
fn half_hidden_objects_neither_miss_nor_haunt() {
    let mut bench = Bench::new();
    let seen = [truth(1, at(50.0), 0.5)];
    let hidden = [truth(1, at(50.0), 0.49)];
    bench.steps(30, &seen, &[answer(7, at(50.0))]);
    assert_eq!(count(&bench.steps(100, &hidden, &[]), Fault::Missing), 0, "a hidden object misses");
    assert_eq!(count(&bench.steps(100, &hidden, &[answer(7, at(50.0))]), Fault::Ghost), 0, "it haunts");
    // It comes back: grace again, then it must be there.
    assert_eq!(count(&bench.steps(30, &seen, &[]), Fault::Missing), 15);
}

#[test]
fn truth_and_answers_are_clipped_to_the_frame() {
    let mut bench = Bench::new();
    let object = [truth(1, at(-15.0), 0.62)];
    let beyond = Rect::new(-60.0, 50.0, 25.0, 90.0); // the same inside the frame
    assert_eq!(count(&bench.steps(30, &object, &[answer(7, beyond)]), Fault::Off), 0);
    let outside = answer(8, Rect::new(-80.0, 50.0, -40.0, 90.0));
    let steps = bench.steps(30, &object, &[answer(7, beyond), outside]);
    assert_eq!(count(&steps, Fault::Ghost), 0, "what nobody can see is no ghost");
}

#[test]
fn a_ghost_is_timed_by_its_place() {
    let mut bench = Bench::new();
    let object = [truth(1, at(50.0), 1.0)];
    bench.steps(30, &object, &[answer(7, at(50.0))]);
    // The object is gone: its answer may stay for the grace, under whatever identity.
    let steps: Vec<Option<Fault>> =
        (0..30).map(|i| bench.step(&[], Some(&[answer(100 + i, at(50.0))]))).collect();
    assert_eq!(steps[14], None);
    assert_eq!(steps[16], Some(Fault::Ghost));
    assert!(count(&steps, Fault::Ghost) >= 14);
    // An answer where nobody has been is a ghost at once, also beside a good one.
    let both = [answer(7, at(50.0)), answer(8, at(200.0))];
    assert_eq!(bench.steps(5, &object, &both), vec![Some(Fault::Ghost); 5]);
}

#[test]
fn an_answer_that_lags_behind_is_a_miss_not_a_ghost() {
    let mut bench = Bench::new();
    let mut faults = Vec::new();
    for i in 0..60 {
        let x = i as f32 * 4.0;
        faults.push(bench.step(&[truth(1, at(x), 1.0)], Some(&[answer(7, at(x - 44.0))])));
    }
    assert_eq!(faults[59], Some(Fault::Missing));
    assert!(!faults.contains(&Some(Fault::Ghost)), "{faults:?}");
}

#[test]
fn a_changed_identity_is_a_miss_until_it_has_stood_for_the_grace() {
    let mut bench = Bench::new();
    let object = [truth(1, at(50.0), 1.0)];
    assert_eq!(count(&bench.steps(30, &object, &[answer(7, at(50.0))]), Fault::Identity), 0);
    let steps = bench.steps(40, &object, &[answer(8, at(50.0))]);
    assert_eq!(count(&steps, Fault::Identity), 15);
    assert!(steps[..15].iter().all(Option::is_some));
    // Names that change all the time are never accepted.
    let steps: Vec<Option<Fault>> =
        (0..60).map(|i| bench.step(&object, Some(&[answer(100 + i / 5, at(50.0))]))).collect();
    assert_eq!(count(&steps, Fault::Identity), 60);
    // No name at all is none.
    let nameless = Detection { identity: None, ..answer(0, at(50.0)) };
    assert_eq!(count(&bench.steps(10, &object, &[nameless]), Fault::Identity), 10);
}

#[test]
fn swapped_identities_are_misses() {
    let mut bench = Bench::new();
    let objects = [truth(1, at(50.0), 1.0), truth(2, at(200.0), 1.0)];
    bench.steps(30, &objects, &[answer(7, at(50.0)), answer(8, at(200.0))]);
    let swapped = [answer(8, at(50.0)), answer(7, at(200.0))];
    let steps = bench.steps(15, &objects, &swapped);
    assert!(steps.iter().all(Option::is_some), "{steps:?}");
    assert_eq!(count(&bench.steps(30, &objects, &swapped), Fault::Identity), 0, "never forgiven");
}

#[test]
fn one_answer_does_not_serve_two_objects() {
    let mut bench = Bench::new();
    let objects = [truth(1, at(50.0), 1.0), truth(2, at(54.0), 0.6)];
    let steps = bench.steps(40, &objects, &[answer(7, at(52.0))]);
    assert_eq!(count(&steps, Fault::Missing), 25);
}

#[test]
fn who_left_the_frame_may_come_back_under_another_identity() {
    let mut bench = Bench::new();
    let object = [truth(1, at(50.0), 1.0)];
    bench.steps(30, &object, &[answer(7, at(50.0))]);
    bench.steps(30, &[], &[]);
    let steps = bench.steps(30, &object, &[answer(9, at(50.0))]);
    assert_eq!(count(&steps, Fault::Identity), 0);
}

#[test]
fn unavailable_violates_once_the_first_grace_is_over() {
    let mut bench = Bench::new();
    let steps: Vec<Option<Fault>> = (0..30).map(|_| bench.step(&[], None)).collect();
    assert_eq!(steps[14], None);
    assert_eq!(count(&steps, Fault::Unavailable), 15);
}

#[test]
fn an_answer_past_the_age_cap_is_unavailable() {
    let mut bench = Bench::new();
    let object = [truth(1, at(50.0), 1.0)];
    let good = [answer(7, at(50.0))];
    let steps: Vec<Option<Fault>> =
        (0..220).map(|_| bench.aged(&object, Some(&good), Timestamp::ZERO)).collect();
    assert_eq!(steps[200], None); // exactly 2 s old
    assert_eq!(steps[201], Some(Fault::Unavailable));
}

#[test]
fn static_jitter_is_the_step_of_what_stands_still() {
    let mut bench = Bench::new();
    let object = [truth(1, at(50.0), 1.0)];
    for i in 0..60 {
        let x = if i % 2 == 0 { 50.0 } else { 51.0 };
        bench.step(&object, Some(&[answer(7, at(x))]));
    }
    assert!((bench.scorer.static_jitter_px() - 1.0).abs() < 1e-6);
}
