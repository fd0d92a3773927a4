//! The four lines of the contract, and ablations.
//! **Invariant:** both sides of a ratio are summed over the same sequences; a policy that breaks the promise has no fair
//! cost, so ratios of cost are taken where both keep it, unless the field says otherwise.
//! It does not say whether a line is met: `bars` in the report does.

use std::collections::BTreeMap;

use inbetween_sim::{
    PROFILES, RunCost,
    measure::{Energies, Spent},
};

use super::{
    Ablation, Coverage, Family, FewerRuns, Offender, OneTimer, Oracle, OracleScene,
    bootstrap::{Clusters, Estimate, geometric_mean},
    cells::{Cells, Sums},
};
use crate::record::INBETWEEN;

/// By how much the pooled violations of a family may exceed the miss rate: half a point, the contract's.
pub const SLACK: f64 = 0.005;

/// More runs than a baseline that still count as no more: 5% and 0.1 a second, the contract's.
const NO_MORE: (f64, f64) = (1.05, 0.1);

/// Ratio of a baseline to ours in some cost, over the scenes of a draw that `counts`.
fn ratio(
    cells: &Cells<'_>,
    draw: &[Vec<usize>],
    baseline: &str,
    counts: impl Fn(&Sums, &Sums) -> bool,
    cost: impl Fn(&Sums) -> f64,
) -> Option<f64> {
    geometric_mean(draw.iter().filter_map(|scene| {
        let (ours, theirs) = (cells.sums(INBETWEEN, scene), cells.sums(baseline, scene));
        let ratio = cost(&theirs) / cost(&ours);
        (counts(&ours, &theirs) && ratio.is_finite() && ratio > 0.0).then_some(ratio)
    }))
}

fn both_keep(a: &Sums, b: &Sums) -> bool {
    a.kept() && b.kept()
}

/// Line 1 against one baseline; `None` where they share no sequence.
pub(super) fn fewer_runs(cells: &Cells<'_>, baseline: &str) -> Option<FewerRuns> {
    let shared = cells.shared(&[INBETWEEN, baseline]);
    if shared.0.is_empty() {
        return None;
    }
    let mut line = FewerRuns {
        baseline: baseline.into(),
        ratio: shared.estimate(|draw| ratio(cells, draw, baseline, both_keep, |s| s.runs as f64)),
        energy_ratios: (0..PROFILES.len())
            .map(|p| shared.estimate(|draw| ratio(cells, draw, baseline, both_keep, |s| s.energies.0[p])))
            .collect(),
        both_keep: 0,
        only_baseline_keeps: 0,
        only_ours_keeps: 0,
        scenes: shared.0.len(),
        offenders: Vec::new(),
    };
    for scene in &shared.0 {
        let (ours, theirs) = (cells.sums(INBETWEEN, scene), cells.sums(baseline, scene));
        match (ours.kept(), theirs.kept()) {
            (true, true) => line.both_keep += 1,
            (false, true) => line.only_baseline_keeps += 1,
            (true, false) => line.only_ours_keeps += 1,
            (false, false) => {}
        }
        let (a, b) = (ours.runs_per_s(), theirs.runs_per_s());
        if theirs.kept() && a > NO_MORE.0 * b + NO_MORE.1 {
            line.offenders.push(Offender { scene: cells.scene(scene).into(), ours: a, baseline: b });
        }
    }
    Some(line)
}

/// Line 2 among the timers `every`, each the policy `PREFIX:N`; `None` where none was run.
pub(super) fn one_timer(cells: &Cells<'_>, prefix: &str) -> Option<OneTimer> {
    let timers: Vec<(u32, &str)> = cells
        .policies
        .iter()
        .filter_map(|p| Some((p.strip_prefix(prefix)?.strip_prefix(':')?.parse().ok()?, *p)))
        .collect();
    let kept = |policy: &str, shared: &Clusters| {
        shared.0.iter().filter(|scene| cells.sums(policy, scene).kept()).count()
    };
    let counted = timers.iter().filter_map(|&(every, policy)| {
        let shared = cells.shared(&[INBETWEEN, policy]);
        (!shared.0.is_empty()).then(|| (every, policy, kept(policy, &shared), kept(INBETWEEN, &shared)))
    });
    // To keep it on more scenes than ours counts no more than on as many; among equals the one with fewer runs.
    let (every, policy, kept, ours_kept) =
        counted.max_by_key(|&(every, _, kept, ours)| (kept.min(ours), every))?;
    let shared = cells.shared(&[INBETWEEN, policy]);
    let runs = |s: &Sums| s.runs as f64;
    let all: Vec<usize> = shared.0.iter().flatten().copied().collect();
    Some(OneTimer {
        every,
        kept,
        ours_kept,
        scenes: shared.0.len(),
        ratio: shared.estimate(|draw| ratio(cells, draw, policy, |_, _| true, runs)),
        ratio_both_keep: shared.estimate(|draw| ratio(cells, draw, policy, both_keep, runs)),
        total_ratio: shared.estimate(|draw| {
            let all: Vec<usize> = draw.iter().flatten().copied().collect();
            ratio(cells, &[all], policy, |_, _| true, runs)
        }),
        violation_rate: cells.sums(policy, &all).violation_rate(),
        ours_violation_rate: cells.sums(INBETWEEN, &all).violation_rate(),
    })
}

/// What the oracle spends in each profile: its runs alone.
fn oracle_energies(runs: u64) -> Energies {
    let cost = RunCost::default();
    Energies::of(&Spent { macs: runs * cost.macs, bytes: runs * cost.bytes, cpu_ns: 0, wakes: runs })
}

/// Line 3; `None` where no oracle was run.
pub(super) fn oracle(cells: &Cells<'_>) -> Option<Oracle> {
    let mut known = cells.shared(&[INBETWEEN]);
    let row = |s: usize| cells.row(INBETWEEN, s);
    for scene in &mut known.0 {
        scene.retain(|&s| row(s).is_some_and(|r| r.feasible.is_some()));
    }
    known.0.retain(|scene| !scene.is_empty());
    if known.0.is_empty() {
        return None;
    }
    let scenes = known.0.len();
    let feasible = |s: &usize| row(*s).is_some_and(|r| r.feasible == Some(true) && r.oracle_runs.is_some());
    let (some, none): (Vec<_>, Vec<_>) = known.0.into_iter().partition(|scene| scene.iter().any(&feasible));
    let infeasible = none.iter().map(|scene| cells.scene(scene).to_owned()).collect();
    let some =
        Clusters(some.into_iter().map(|scene| scene.into_iter().filter(|s| feasible(s)).collect()).collect());
    let oracle_runs = |scene: &[usize]| scene.iter().filter_map(|&s| row(s)?.oracle_runs).sum::<u64>().max(1);
    let of_runs =
        |scene: &[usize]| cells.sums(INBETWEEN, scene).runs.max(1) as f64 / oracle_runs(scene) as f64;
    let of_energy = |scene: &[usize], p: usize| {
        cells.sums(INBETWEEN, scene).energies.0[p] / oracle_energies(oracle_runs(scene)).0[p]
    };
    let mut by_scene: Vec<OracleScene> = some
        .0
        .iter()
        .map(|scene| OracleScene {
            scene: cells.scene(scene).into(),
            ratio: of_runs(scene),
            violation_rate: cells.sums(INBETWEEN, scene).violation_rate(),
        })
        .collect();
    by_scene.sort_by(|a, b| b.ratio.total_cmp(&a.ratio));
    let regret = |draw: &[Vec<usize>]| {
        let all: Vec<f64> = draw.iter().flatten().filter_map(|&s| row(s)?.regret).collect();
        (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
    };
    Some(Oracle {
        feasible_scenes: some.0.len(),
        scenes,
        ratio: some.estimate(|draw| geometric_mean(draw.iter().map(|scene| of_runs(scene)))),
        energy_ratios: (0..PROFILES.len())
            .map(|p| some.estimate(|draw| geometric_mean(draw.iter().map(|scene| of_energy(scene, p)))))
            .collect(),
        worst_scene: by_scene.first().map_or_else(String::new, |s| s.scene.clone()),
        worst_ratio: by_scene.first().map_or(f64::NAN, |s| s.ratio),
        regret: some.estimate(regret),
        by_scene,
        infeasible,
    })
}

/// Share of violating refreshes that were flagged, and of good ones that were trusted.
pub(super) fn honesty(sums: &Sums) -> (Option<f64>, Option<f64>) {
    let share = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
    let good = sums.refreshes - sums.violations;
    let flagged_good = sums.flagged - sums.flagged_violations;
    (share(sums.flagged_violations, sums.violations), share(good - flagged_good.min(good), good))
}

/// Line 4; `None` where ours was not run.
pub(super) fn coverage(cells: &Cells<'_>) -> Option<Coverage> {
    let mut families: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for at in 0..cells.sequences.len() {
        if let Some(row) = cells.row(INBETWEEN, at) {
            families.entry(&row.family).or_default().push(at);
        }
    }
    if families.is_empty() {
        return None;
    }
    // A sequence that no oracle was run on is judged by the others of its scene.
    let own = |s: usize| cells.row(INBETWEEN, s).and_then(|r| r.feasible);
    let verdict = |s: &usize| {
        let scene = &cells.sequences[*s].scene;
        let alike = || (0..cells.sequences.len()).filter(|o| cells.sequences[*o].scene == *scene);
        own(*s).or_else(|| alike().filter_map(own).max())
    };
    let one = |(family, all): (&&str, &Vec<usize>)| {
        let judged = all.iter().any(|s| verdict(s).is_some());
        let feasible: Vec<usize> = all.iter().copied().filter(|s| verdict(s) != Some(false)).collect();
        let counted = if feasible.is_empty() { all } else { &feasible };
        let sums = cells.sums(INBETWEEN, counted);
        let (flagged, trusted) = honesty(&cells.sums(INBETWEEN, all));
        // A family is one pool: its sequences are drawn, whatever scene they are of.
        let pool = Clusters(counted.iter().map(|&s| vec![s]).collect());
        let rate = |draw: &[Vec<usize>]| {
            let all: Vec<usize> = draw.iter().flatten().copied().collect();
            Some(cells.sums(INBETWEEN, &all).violation_rate())
        };
        Family {
            family: (*family).to_owned(),
            feasible: judged.then_some(!feasible.is_empty()),
            miss_rate: sums.miss_rate,
            violation_rate: pool.estimate(rate),
            covered: sums.violation_rate() <= sums.miss_rate + SLACK,
            flagged_violations: flagged,
            trusted_good: trusted,
        }
    };
    let families: Vec<Family> = families.iter().map(one).collect();
    let over = |infeasible: bool| {
        let all: Vec<usize> = (0..cells.sequences.len())
            .filter(|s| cells.row(INBETWEEN, *s).is_some() && (verdict(s) == Some(false)) == infeasible)
            .collect();
        honesty(&cells.sums(INBETWEEN, &all))
    };
    let asked: Vec<&Family> = families.iter().filter(|f| f.feasible != Some(false)).collect();
    let beyond = |f: &&&Family| f.violation_rate.map_or(0.0, |v: Estimate| v.value - f.miss_rate);
    let worst = asked.iter().max_by(|a, b| beyond(a).total_cmp(&beyond(b)));
    Some(Coverage {
        feasible: asked.len(),
        covered: asked.iter().filter(|f| f.covered).count(),
        worst: worst.map_or_else(String::new, |f| f.family.clone()),
        flagged_where_infeasible: over(true).0,
        flagged_elsewhere: over(false).0,
        trusted_elsewhere: over(false).1,
        families,
    })
}

/// What ours loses without an ingredient.
pub(super) fn ablation(cells: &Cells<'_>, without: &str) -> Option<Ablation> {
    let shared = cells.shared(&[INBETWEEN, without]);
    if shared.0.is_empty() {
        return None;
    }
    let more = |draw: &[Vec<usize>]| {
        let difference = |scene: &Vec<usize>| {
            cells.sums(without, scene).violation_rate() - cells.sums(INBETWEEN, scene).violation_rate()
        };
        Some(100.0 * draw.iter().map(difference).sum::<f64>() / draw.len() as f64)
    };
    let kept = |policy: &str| shared.0.iter().filter(|s| cells.sums(policy, s).kept()).count() as i64;
    Some(Ablation {
        policy: without.into(),
        sequences: shared.0.iter().map(Vec::len).sum(),
        runs_ratio: shared.estimate(|draw| ratio(cells, draw, without, |_, _| true, |s| s.runs as f64)),
        more_violations: shared.estimate(more),
        scenes_lost: kept(INBETWEEN) - kept(without),
    })
}
