//! Guardrails under continuous peeking: false alarms, and a table of their power.

use inbetween_flow::rollout::{Arm, Guardrail, GuardrailConfig, Harm, Inconclusive, Verdict};

/// Looks of an experiment, and observations that come to each arm between two of them: a month of days.
const LOOKS: u32 = 30;
const STEP: u64 = 2_000;
const BASE: f64 = 0.01;

/// SplitMix64, as uniform numbers.
struct Rng(u64);

impl Rng {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Adds `STEP` observations of which each is bad with probability `p`, by the gaps between bad ones.
    fn step(&mut self, arm: &mut Arm, p: f64) {
        let mut bad = 0_u64;
        let mut at = 0.0;
        loop {
            at += 1.0 + (self.unit().max(1e-300).ln() / (1.0 - p).ln()).floor();
            if at > STEP as f64 {
                break;
            }
            bad += 1;
        }
        arm.merge(&Arm { count: STEP, sum: bad as f64, squares: bad as f64, not_finite: 0 });
    }
}

/// The look at which an experiment fails, if it ever does.
fn fails_at(rng: &mut Rng, config: GuardrailConfig, candidate: f64) -> Option<u32> {
    let mut guardrail = Guardrail::new(config).expect("sound");
    let (mut a, mut b) = (Arm::default(), Arm::default());
    (1..=LOOKS).find(|_| {
        rng.step(&mut a, BASE);
        rng.step(&mut b, candidate);
        guardrail.look(&a, &b).verdict == Verdict::Fail
    })
}

/// Share of experiments that fail, and the median look at which they do.
fn power(config: GuardrailConfig, candidate: f64, experiments: u32) -> (f64, u32) {
    let mut rng = Rng(7);
    let mut looks: Vec<u32> =
        (0..experiments).filter_map(|_| fails_at(&mut rng, config, candidate)).collect();
    looks.sort_unstable();
    (looks.len() as f64 / f64::from(experiments), looks.get(looks.len() / 2).copied().unwrap_or(0))
}

#[test]
fn peeking_at_every_look_does_not_raise_false_alarms() {
    let config = GuardrailConfig::new();
    let (rate, _) = power(config, BASE, 2_000);
    assert!(rate <= config.alpha, "{rate} of experiments without harm fail at a nominal {}", config.alpha);
    // The same looks with a fixed-sample test: that is what must not be used.
    let mut rng = Rng(7);
    let z = |a: &Arm, b: &Arm| {
        let (p, q) = (a.sum / a.count as f64, b.sum / b.count as f64);
        (q - p) / ((p * (1.0 - p) + q * (1.0 - q)) / a.count as f64).sqrt()
    };
    let peeked = (0..2_000).filter(|_| {
        let (mut a, mut b) = (Arm::default(), Arm::default());
        (0..LOOKS).any(|_| {
            rng.step(&mut a, BASE);
            rng.step(&mut b, BASE);
            z(&a, &b) > 1.645
        })
    });
    assert!(peeked.count() > 300, "peeking at a fixed-sample test raises false alarms above 15%");
}

#[test]
fn power_table() {
    let config = GuardrailConfig::new();
    println!("harm      shown within {LOOKS} looks of {STEP} an arm   median look");
    let mut last = 0.0;
    for (more, least) in [(0.05, 0.0), (0.1, 0.1), (0.15, 0.3), (0.25, 0.85), (0.5, 0.999), (1.0, 0.999)] {
        let (rate, median) = power(config, BASE * (1.0 + more), 400);
        println!("+{:>3.0}%   {:>6.1}%   {median:>6}", 100.0 * more, 100.0 * rate);
        assert!(rate >= least && rate >= last, "+{more}: {rate}");
        last = rate;
    }
}

#[test]
fn equality_is_ruled_to_be_harmless_only_above_a_margin() {
    let of = |count, bad: f64| Arm { count, sum: bad, squares: bad, not_finite: 0 };
    let mut strict = Guardrail::new(GuardrailConfig::new()).expect("sound");
    let mut lenient =
        Guardrail::new(GuardrailConfig { margin: 0.005, ..GuardrailConfig::new() }).expect("sound");
    let (a, b) = (of(50_000, 500.0), of(50_000, 500.0));
    assert_eq!(strict.look(&a, &b).verdict, Verdict::Inconclusive(Inconclusive::Open));
    assert_eq!(lenient.look(&a, &b).verdict, Verdict::Pass);
    let better = of(50_000, 200.0);
    assert_eq!(strict.look(&a, &better).verdict, Verdict::Pass);
    let mut falling =
        Guardrail::new(GuardrailConfig { harm: Harm::Decrease, ..GuardrailConfig::new() }).expect("sound");
    assert_eq!(falling.look(&a, &better).verdict, Verdict::Fail);
}

#[test]
fn little_data_and_broken_metrics_are_never_a_pass_or_a_failure() {
    let mut guardrail =
        Guardrail::new(GuardrailConfig { margin: 0.5, ..GuardrailConfig::new() }).expect("sound");
    let few = Arm { count: 999, sum: 999.0, squares: 999.0, not_finite: 0 };
    let empty = Arm::default();
    assert_eq!(guardrail.look(&empty, &few).verdict, Verdict::Inconclusive(Inconclusive::TooFew));
    let (mut a, mut b) = (Arm::default(), Arm::default());
    for i in 0..5_000 {
        a.observe(f64::from(i % 100 == 0));
        b.observe(if i == 77 { f64::NAN } else { 1.0 });
    }
    assert_eq!(guardrail.look(&a, &b).verdict, Verdict::Inconclusive(Inconclusive::NotFinite));
    // Nothing bad ever seen is no certainty that there is nothing.
    let none = Arm { count: 1_000, ..Arm::default() };
    let look = Guardrail::new(GuardrailConfig::new()).expect("sound").look(&none, &none);
    assert!(look.at_most > 1e-3, "{look:?}");
}

#[test]
fn several_looks_in_a_row_must_fail_when_the_card_says_so() {
    let of = |bad: f64| Arm { count: 20_000, sum: bad, squares: bad, not_finite: 0 };
    let mut guardrail =
        Guardrail::new(GuardrailConfig { consecutive: 2, ..GuardrailConfig::new() }).expect("sound");
    let suspected = Verdict::Inconclusive(Inconclusive::Suspected);
    assert_eq!(guardrail.look(&of(200.0), &of(400.0)).verdict, suspected);
    guardrail.look(&of(200.0), &of(200.0));
    assert_eq!(guardrail.look(&of(200.0), &of(400.0)).verdict, suspected);
    assert_eq!(guardrail.look(&of(200.0), &of(400.0)).verdict, Verdict::Fail);
}
