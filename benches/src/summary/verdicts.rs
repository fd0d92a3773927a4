//! What the contract asks of a suite, line by line, and whether it is met.
//! **Invariant:** a line without a figure is not met and not broken: it is unknown.
//! It does not compute figures.

use serde::{Deserialize, Serialize};

use crate::energy;

use super::{Estimate, FewerRuns, Suite};

/// One bar and what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which line of the contract.
    pub line: u8,
    /// What is asked.
    pub asked: String,
    /// What was measured.
    pub measured: String,
    /// What a reader must know to judge it.
    pub note: String,
    /// Whether it is met; `None` where nothing was measured.
    pub met: Option<bool>,
}

/// The policies of line 1 with the ratio that is asked.
const FEWER: [(&str, f64); 2] = [("every-nth-kalman", 4.0), ("every-nth-kalman-hindsight", 3.5)];

/// The ratio that is asked of line 2.
const ONE_TIMER: f64 = 3.0;

/// The ratios to the oracle that line 3 allows: the mean, and the worst scene.
const ORACLE: (f64, f64) = (2.5, 6.0);

/// The shares of line 4: violating refreshes that are flagged where a promise cannot be kept, good ones that are trusted
/// elsewhere.
const HONEST: (f64, f64) = (0.95, 0.9);

/// An estimate in words.
pub fn words(estimate: &Estimate) -> String {
    format!("{:.2} ({:.2} to {:.2})", estimate.value, estimate.low, estimate.high)
}

/// A share in percent.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 9.95 { format!("{percent:.2}%") } else { format!("{percent:.1}%") }
}

/// Every bar of the contract.
pub fn verdicts(suite: &Suite) -> Vec<Verdict> {
    let mut all = Vec::new();
    let summary = &suite.summary;
    for (baseline, asked) in FEWER {
        if let Some(line) = summary.fewer_runs.iter().find(|l| l.baseline == baseline) {
            all.extend(fewer(line, asked));
        }
    }
    if let Some(line) = &summary.one_timer {
        all.push(Verdict {
            line: 2,
            asked: format!("≥ {ONE_TIMER} times fewer runs than every Nth frame with our own estimator"),
            measured: line.ratio.as_ref().map_or_else(|| "–".into(), words),
            note: format!(
                "N = {} keeps {} of {} scenes, we keep {}; its violations are {}, ours {}; {} on the scenes that both keep",
                line.every,
                line.kept,
                line.scenes,
                line.ours_kept,
                percent(line.violation_rate),
                percent(line.ours_violation_rate),
                line.ratio_both_keep.as_ref().map_or_else(|| "no figure".into(), words),
            ),
            met: line.ratio.map(|r| r.value >= ONE_TIMER),
        });
    }
    if let Some(line) = &summary.oracle {
        let feasible = format!("{} of {} scenes are feasible", line.feasible_scenes, line.scenes);
        all.push(Verdict {
            line: 3,
            asked: format!("≤ {} times the oracle's runs", ORACLE.0),
            measured: line.ratio.as_ref().map_or_else(|| "–".into(), words),
            note: format!(
                "{feasible}; regret {}",
                line.regret.as_ref().map_or_else(|| "unknown".into(), words)
            ),
            met: line.ratio.map(|r| r.value <= ORACLE.0),
        });
        all.push(Verdict {
            line: 3,
            asked: format!("≤ {} times on the worst feasible scene", ORACLE.1),
            measured: format!("{:.2}", line.worst_ratio),
            note: line.worst_scene.clone(),
            met: (line.feasible_scenes > 0).then_some(line.worst_ratio <= ORACLE.1),
        });
    }
    if let Some(line) = &summary.coverage {
        let judged = line.families.iter().any(|f| f.feasible.is_some());
        all.push(Verdict {
            line: 4,
            asked: "violations ≤ promise + 0.5 points in every feasible family".into(),
            measured: format!("{} of {} families", line.covered, line.feasible),
            note: format!(
                "furthest off: {}{}",
                line.worst,
                if judged { "" } else { "; no oracle was run, so all count as feasible" }
            ),
            met: Some(line.covered == line.feasible),
        });
        let share = |asked: &str, least: f64, share: Option<f64>, note: &str| Verdict {
            line: 4,
            asked: format!("≥ {:.0}% of {asked}", least * 100.0),
            measured: share.map_or_else(|| "–".into(), percent),
            note: note.into(),
            met: share.map(|s| s >= least),
        };
        let elsewhere =
            line.flagged_elsewhere.map_or_else(String::new, |s| format!("elsewhere {}", percent(s)));
        all.push(share(
            "violating refreshes flagged where the promise is infeasible",
            HONEST.0,
            line.flagged_where_infeasible,
            &elsewhere,
        ));
        all.push(share("good refreshes trusted elsewhere", HONEST.1, line.trusted_elsewhere, ""));
    }
    all
}

fn fewer(line: &FewerRuns, asked: f64) -> [Verdict; 2] {
    let names: Vec<String> = line
        .offenders
        .iter()
        .map(|o| format!("{} ({:.1} against {:.1} runs/s)", o.scene, o.ours, o.baseline))
        .collect();
    let energies: Vec<String> = line
        .energy_ratios
        .iter()
        .map(|r| r.as_ref().map_or_else(|| "–".into(), |r| format!("{:.2}", r.value)))
        .collect();
    [
        Verdict {
            line: 1,
            asked: format!("≥ {asked} times fewer runs than {}", line.baseline),
            measured: line.ratio.as_ref().map_or_else(|| "–".into(), words),
            note: format!(
                "{} of {} scenes kept by both, {} by us alone, {} by it alone; {} energy, profile by profile: {} times less",
                line.both_keep,
                line.scenes,
                line.only_ours_keeps,
                line.only_baseline_keeps,
                energy::word(),
                energies.join(", ")
            ),
            met: line.ratio.map(|r| r.value >= asked),
        },
        Verdict {
            line: 1,
            asked: format!(
                "never more than 5% + 0.1 runs/s above {} where it keeps the promise",
                line.baseline
            ),
            measured: if names.is_empty() {
                "nowhere above".into()
            } else {
                format!("above in {}", names.len())
            },
            note: names.join(", "),
            met: Some(names.is_empty()),
        },
    ]
}
