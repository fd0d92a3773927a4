//! What an estimate may be called: joules, a ranking, or no more than modelled.
//! **Invariant:** the word follows from measurements on the device alone; without them it is `modelled`.
//! It does not measure.

use std::{collections::BTreeMap, fmt};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// What was validated: for each profile of coefficients, devices. `inbetween energy validate --json` writes one device.
const SHIPPED: &str = include_str!("../../energy/validations.json");

/// A ranking is claimed where even the lower bound of Kendall's tau reaches this.
const TAU: f64 = 0.7;
/// Joules are claimed where the mean error, each workload predicted from the others, is at most this share.
const MAPE: f64 = 0.15;
/// Fewer workloads than this say nothing.
const LEAST: usize = 5;
/// Draws of the bootstrap, and the share of them on either side of the interval: 95% in the middle.
const DRAWS: usize = 2000;
const TAIL: f64 = 0.025;

/// One workload on a device.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// Its name.
    pub workload: String,
    /// What a meter said, in joules.
    pub measured_j: f64,
    /// What the model says.
    pub modelled_j: f64,
}

/// How far a model holds on a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// The device.
    pub device: String,
    /// Names of the workloads.
    pub workloads: Vec<String>,
    /// Kendall's rank correlation (tau-b) of modelled and measured energy.
    pub tau: f64,
    /// Its 95% interval, over draws of workloads.
    pub ci: (f64, f64),
    /// Mean share by which the energy of a workload is missed, when the model is scaled by all others.
    pub mape: f64,
}

/// What may be claimed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// Nothing but that it was modelled.
    #[default]
    Modelled,
    /// Which of two things takes more.
    Ranking,
    /// How much.
    Joules,
}

impl Claim {
    /// The word before a unit: `modelled mW`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Modelled => "modelled",
            Self::Ranking => "modelled, ranking validated,",
            Self::Joules => "validated",
        }
    }
}

/// Validations of devices, by the profile that was validated.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Validations(pub BTreeMap<String, Vec<Validation>>);

impl Validations {
    /// Those that come with the project.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn shipped() -> anyhow::Result<Self> {
        serde_json::from_str(SHIPPED).context("benches/energy/validations.json holds no validations")
    }

    /// What may be claimed of a figure in `profile`: the least of what holds on each device that the profile stands for, and
    /// nothing where it stands for none.
    pub fn claim(&self, profile: &str, devices: &[String]) -> Claim {
        let all = self.0.get(profile).map_or(&[][..], Vec::as_slice);
        devices.iter().map(|device| Validation::claim_on(all, device)).min().unwrap_or(Claim::Modelled)
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Modelled => "modelled",
            Self::Ranking => "modelled, ranking validated",
            Self::Joules => "joules",
        })
    }
}

impl Validation {
    /// Compares model and meter.
    ///
    /// # Errors
    /// When there are fewer than five workloads, or a number is not positive.
    pub fn of(device: &str, pairs: &[Pair]) -> anyhow::Result<Self> {
        anyhow::ensure!(pairs.len() >= LEAST, "{} workloads: {LEAST} at least say something", pairs.len());
        for Pair { workload, measured_j, modelled_j } in pairs {
            let sound = |x: f64| x.is_finite() && x > 0.0;
            anyhow::ensure!(
                sound(*measured_j) && sound(*modelled_j),
                "{workload}: energies must be more than 0"
            );
        }
        let points: Vec<(f64, f64)> = pairs.iter().map(|p| (p.modelled_j, p.measured_j)).collect();
        Ok(Self {
            device: device.to_owned(),
            workloads: pairs.iter().map(|p| p.workload.clone()).collect(),
            tau: kendall(&points),
            ci: interval(&points),
            mape: left_out(&points),
        })
    }

    /// What may be claimed on the device.
    pub fn claim(&self) -> Claim {
        if self.ci.0 < TAU {
            Claim::Modelled
        } else if self.mape > MAPE {
            Claim::Ranking
        } else {
            Claim::Joules
        }
    }

    /// What may be claimed on any device, with what was validated.
    pub fn claim_on(validations: &[Self], device: &str) -> Claim {
        validations.iter().filter(|v| v.device == device).map(Self::claim).max().unwrap_or(Claim::Modelled)
    }
}

/// Kendall's tau-b: agreeing pairs less disagreeing ones, ties taken out; 0 where all are tied.
///
/// # Source
/// Kendall, "The treatment of ties in ranking problems", Biometrika 33, 1945.
fn kendall(points: &[(f64, f64)]) -> f64 {
    let (mut sum, mut x_pairs, mut y_pairs) = (0.0, 0.0, 0.0);
    for (i, a) in points.iter().enumerate() {
        for b in &points[i + 1..] {
            let sign = |d: f64| if d == 0.0 { 0.0 } else { d.signum() };
            let (x, y) = (sign(a.0 - b.0), sign(a.1 - b.1));
            sum += x * y;
            x_pairs += x * x;
            y_pairs += y * y;
        }
    }
    let pairs: f64 = x_pairs * y_pairs;
    if pairs > 0.0 { sum / pairs.sqrt() } else { 0.0 }
}

/// The percentile bootstrap over workloads, with a generator of its own so that a record does not change.
fn interval(points: &[(f64, f64)]) -> (f64, f64) {
    let mut state = 1_u64;
    let mut next = |bound: usize| {
        // Knuth's MMIX generator; the high bits are the good ones.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    let mut taus: Vec<f64> = (0..DRAWS)
        .map(|_| kendall(&points.iter().map(|_| points[next(points.len())]).collect::<Vec<_>>()))
        .collect();
    taus.sort_by(f64::total_cmp);
    let at = |share: f64| taus[((DRAWS - 1) as f64 * share).round() as usize];
    (at(TAIL), at(1.0 - TAIL))
}

/// The mean share by which each is missed when the model is scaled by the ratio of the sums of all others.
fn left_out(points: &[(f64, f64)]) -> f64 {
    let sums = points.iter().fold((0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1));
    let miss = |(modelled, measured): &(f64, f64)| {
        let scale = (sums.1 - measured) / (sums.0 - modelled);
        (scale * modelled / measured - 1.0).abs()
    };
    points.iter().map(miss).sum::<f64>() / points.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(measured: &[f64], modelled: &[f64]) -> Vec<Pair> {
        let pair = |(i, (m, e)): (usize, (&f64, &f64))| Pair {
            workload: format!("w{i}"),
            measured_j: *m,
            modelled_j: *e,
        };
        measured.iter().zip(modelled).enumerate().map(pair).collect()
    }

    const MEASURED: [f64; 10] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0];

    #[test]
    fn tau_counts_pairs_in_order() {
        assert_eq!(kendall(&[(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]), 1.0);
        assert_eq!(kendall(&[(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]), -1.0);
        // Two of three pairs agree: (2 − 1) / 3.
        assert!((kendall(&[(1.0, 1.0), (2.0, 3.0), (3.0, 2.0)]) - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(kendall(&[(1.0, 1.0), (1.0, 2.0)]), 0.0, "a tie says nothing");
    }

    #[test]
    fn a_model_that_is_off_by_a_factor_gives_joules() {
        let modelled = MEASURED.map(|m| 3.0 * m);
        let v = Validation::of("board", &pairs(&MEASURED, &modelled)).unwrap();
        assert!(v.mape < 1e-9 && v.ci.0 >= TAU);
        assert_eq!(v.claim(), Claim::Joules);
        assert_eq!(Validation::claim_on(&[v], "phone"), Claim::Modelled, "another device is not validated");
    }

    #[test]
    fn right_order_and_wrong_size_rank_only() {
        let modelled = MEASURED.map(|m| m * m);
        let v = Validation::of("board", &pairs(&MEASURED, &modelled)).unwrap();
        assert_eq!(
            (v.claim(), v.claim().to_string()),
            (Claim::Ranking, "modelled, ranking validated".to_owned())
        );
    }

    #[test]
    fn a_wrong_order_claims_nothing() {
        let modelled = [5.0, 1.0, 9.0, 2.0, 8.0, 3.0, 7.0, 4.0, 6.0, 10.0];
        let v = Validation::of("board", &pairs(&MEASURED, &modelled)).unwrap();
        assert_eq!((v.claim(), v.claim().to_string()), (Claim::Modelled, "modelled".to_owned()));
        assert_eq!(
            v,
            Validation::of("board", &pairs(&MEASURED, &modelled)).unwrap(),
            "the interval does not change"
        );
    }

    #[test]
    fn a_profile_may_be_called_what_holds_on_all_its_devices() {
        let good = Validation::of("board", &pairs(&MEASURED, &MEASURED)).unwrap();
        let all = Validations(BTreeMap::from([("p".to_owned(), vec![good])]));
        let devices = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(all.claim("p", &devices(&["board"])), Claim::Joules);
        assert_eq!(all.claim("p", &devices(&["board", "phone"])), Claim::Modelled);
        assert_eq!(all.claim("p", &[]), Claim::Modelled, "it stands for no device");
        assert_eq!(all.claim("q", &devices(&["board"])), Claim::Modelled, "another profile");
        assert_eq!(
            Validations::shipped().unwrap().0.len(),
            0,
            "README.md and this say that no device is validated"
        );
    }

    #[test]
    fn too_few_or_unsound_workloads_are_refused() {
        assert!(Validation::of("b", &pairs(&MEASURED[..4], &MEASURED[..4])).is_err());
        assert!(Validation::of("b", &pairs(&[0.0; 5], &MEASURED[..5])).is_err());
    }
}
