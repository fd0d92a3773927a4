//! From rows to the summary.
//! **Invariant:** a policy named `NAME:SETTING` is a point of a sweep of NAME, and in no table of policies.
//! It does not know how rows were made.

use std::collections::BTreeMap;

use inbetween_sim::{PROFILES, Row, measure::Faults};

use super::{
    Cells, Point, PolicySums, SceneSums, Series, Summary, Sums,
    bootstrap::Clusters,
    lines::{ablation, coverage, fewer_runs, honesty, one_timer, oracle},
};
use crate::record::{INBETWEEN, kept};

/// Policies whose names start so are ours without an ingredient.
pub const WITHOUT: &str = "inbetween-without-";

/// Policies whose names start so know the future: bounds, not products.
const ORACLE: &str = "oracle-";

/// The timer with our own estimator: its sweep is what line 2 is about.
const OWN_TIMER: &str = "every-nth-inbetween";

/// The summary, the sums by scene, and the sweeps. `faults` are violations by clause, in the order of the rows.
pub fn summarise(rows: &[Row], faults: &[Option<Faults>]) -> (Summary, Vec<SceneSums>, Vec<Series>) {
    let cells = Cells::new(rows);
    let whole: Vec<&str> = cells.policies.iter().copied().filter(|p| !p.contains(':')).collect();
    let ablations = whole.iter().filter(|p| p.starts_with(WITHOUT));
    let beside = |p: &&&str| **p != INBETWEEN && !p.starts_with(WITHOUT) && !p.starts_with(ORACLE);
    let others = whole.iter().filter(beside);
    let summary = Summary {
        policies: whole.iter().map(|p| policy_sums(&cells, p)).collect(),
        fewer_runs: others.filter_map(|p| fewer_runs(&cells, p)).collect(),
        one_timer: one_timer(&cells, OWN_TIMER),
        oracle: oracle(&cells),
        coverage: coverage(&cells),
        ablations: ablations.filter_map(|p| ablation(&cells, p)).collect(),
    };
    (summary, scene_sums(rows, faults), series(&cells))
}

fn policy_sums(cells: &Cells<'_>, policy: &str) -> PolicySums {
    let scenes = cells.shared(&[policy]);
    let by_scene: Vec<Sums> = scenes.0.iter().map(|s| cells.sums(policy, s)).collect();
    let sequences: Vec<usize> = scenes.0.iter().flatten().copied().collect();
    let all = cells.sums(policy, &sequences);
    let worst = (0..by_scene.len())
        .max_by(|&a, &b| by_scene[a].violation_rate().total_cmp(&by_scene[b].violation_rate()));
    let (flagged_violations, trusted_good) = honesty(&all);
    let rate = |draw: &[Vec<usize>]| {
        let all: Vec<usize> = draw.iter().flatten().copied().collect();
        Some(cells.sums(policy, &all).violation_rate())
    };
    PolicySums {
        policy: policy.into(),
        sequences: sequences.len(),
        scenes: scenes.0.len(),
        scenes_kept: by_scene.iter().filter(|s| s.kept()).count(),
        sequences_kept: sequences.iter().filter(|&&s| cells.row(policy, s).is_some_and(kept)).count(),
        violation_rate: scenes.estimate(rate),
        worst_scene: worst.map_or_else(String::new, |w| cells.scene(&scenes.0[w]).into()),
        worst_violation_rate: worst.map_or(0.0, |w| by_scene[w].violation_rate()),
        runs_per_s: all.runs_per_s(),
        macs_per_s: if all.seconds > 0.0 { all.macs as f64 / all.seconds } else { 0.0 },
        watts: (0..PROFILES.len()).map(|p| all.watts(p)).collect(),
        cpu_ns_per_frame: all.cpu_ns / all.frames.max(1) as f64,
        flagged_violations,
        trusted_good,
    }
}

fn scene_sums(rows: &[Row], faults: &[Option<Faults>]) -> Vec<SceneSums> {
    type Group<'a> = Vec<(&'a Row, Option<Faults>)>;
    let mut order: Vec<(&str, &str)> = Vec::new();
    let mut groups: BTreeMap<(&str, &str), Group<'_>> = BTreeMap::new();
    let faults = faults.iter().copied().chain(std::iter::repeat(None));
    for (row, faults) in rows.iter().zip(faults).filter(|(r, _)| !r.policy.contains(':')) {
        let group = groups.entry((&row.scene, &row.policy)).or_insert_with(|| {
            order.push((&row.scene, &row.policy));
            Vec::new()
        });
        group.push((row, faults));
    }
    order.into_iter().filter_map(|name| one_scene(groups.get(&name)?)).collect()
}

fn one_scene(group: &[(&Row, Option<Faults>)]) -> Option<SceneSums> {
    let (first, _) = group.first()?;
    let sums = Sums::of(group.iter().map(|(r, _)| *r));
    let judged = group.iter().any(|(r, _)| r.feasible.is_some());
    let feasible = || group.iter().filter(|(r, _)| r.feasible == Some(true));
    let add = |a: Option<Faults>, b: Option<Faults>| {
        let (a, b) = (a?, b?);
        Some(Faults {
            unavailable: a.unavailable + b.unavailable,
            missing: a.missing + b.missing,
            off: a.off + b.off,
            identity: a.identity + b.identity,
            ghost: a.ghost + b.ghost,
        })
    };
    Some(SceneSums {
        split: first.split.into(),
        scene: first.scene.clone(),
        family: first.family.clone(),
        policy: first.policy.clone(),
        seeds: group.len(),
        miss_rate: sums.miss_rate,
        seconds: sums.seconds,
        frames: sums.frames,
        refreshes: sums.refreshes,
        violations: sums.violations,
        flagged_violations: sums.flagged_violations,
        flagged: sums.flagged,
        runs: sums.runs,
        energies: sums.energies.0.to_vec(),
        cpu_ns_per_frame: sums.cpu_ns / sums.frames.max(1) as f64,
        feasible: judged.then(|| feasible().count()),
        oracle_runs: judged.then(|| feasible().filter_map(|(r, _)| r.oracle_runs).sum()),
        faults: group.iter().map(|(_, f)| *f).fold(Some(Faults::default()), add),
    })
}

/// The sweeps, and beside them each whole policy as a single point, all over the same sequences: those that every one
/// of them was run on.
fn series(cells: &Cells<'_>) -> Vec<Series> {
    let base = |policy: &str| policy.split_once(':').map_or("", |(name, _)| name).to_owned();
    let swept: Vec<&str> = cells.policies.iter().copied().filter(|p| p.contains(':')).collect();
    let shared = cells.shared(&swept);
    if swept.is_empty() || shared.0.is_empty() {
        return Vec::new();
    }
    let mut names: Vec<String> = swept.iter().map(|p| base(p)).collect();
    names.dedup();
    let sweep = |name: String| {
        let mut policies: Vec<&str> = swept.iter().copied().filter(|p| base(p) == name).collect();
        let knob = if name == INBETWEEN {
            policies.push(INBETWEEN);
            "share of the promised tolerance that the engine is given"
        } else {
            "N"
        };
        let mut points: Vec<Point> = policies.iter().map(|p| point(cells, p, &shared)).collect();
        points.retain(|p| p.scenes > 0);
        let value = |p: &Point| p.setting.parse::<f64>().unwrap_or(1.0);
        points.sort_by(|a, b| value(a).total_cmp(&value(b)));
        Series { policy: name, knob: knob.into(), points }
    };
    let single = |policy: &&str| {
        let whole = !policy.contains(':') && !policy.starts_with(WITHOUT);
        let covers = whole && cells.shared(&[policy, swept[0]]).0.len() == shared.0.len();
        let points = vec![point(cells, policy, &shared)];
        (covers).then(|| Series { policy: (*policy).into(), knob: String::new(), points })
    };
    names.into_iter().map(sweep).chain(cells.policies.iter().filter_map(single)).collect()
}

fn point(cells: &Cells<'_>, policy: &str, shared: &Clusters) -> Point {
    let all: Vec<usize> = shared.0.iter().flatten().copied().collect();
    let sums = cells.sums(policy, &all);
    Point {
        setting: policy.split_once(':').map_or("1", |(_, setting)| setting).into(),
        violation_rate: sums.violation_rate(),
        runs_per_s: sums.runs_per_s(),
        watts: (0..PROFILES.len()).map(|p| sums.watts(p)).collect(),
        scenes_kept: shared.0.iter().filter(|s| cells.sums(policy, s).kept()).count(),
        scenes: shared.0.len(),
    }
}
