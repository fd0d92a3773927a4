//! `inbetween bench trace`: one violation, replayed with what led to it.
//! **Invariant:** the replay is the sequence of the bench: the same scene, seed and policy give the same violation.
//! It does not explain: it shows plans, answers and truth around it.

use anyhow::{Context as _, ensure};
use inbetween_flow::Timestamp;
use inbetween_sim::{
    Colour, Moment, Report as Detail, SceneSpec, Setup, SimulatedDetector, Timeline,
    measure::{FrameMark, RefreshMark},
    run,
    trace::{Target, Trace, around},
};
use serde::Serialize;

use super::{journal::Journal, policies};
use crate::{
    cli::TraceArgs,
    film::still,
    record::write_pretty,
    report::Report,
    scenes,
    session::{Still, fault_name, reason_name, source_name},
    terminal::say,
};

/// Violating refreshes that are no further apart than this are one violation, in seconds.
const JOINED_S: f64 = 0.25;
/// Pictures of a page at most.
const STILLS: usize = 16;
/// Marks of a timeline: an hour at 240 Hz.
const TIMELINE: usize = 3600 * 240;

/// One violation: refreshes that violate with no pause between them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Episode {
    /// Display time of the first refresh that violates, in seconds.
    pub from_s: f64,
    /// Display time of the last.
    pub to_s: f64,
    /// How many refreshes violate.
    pub refreshes: usize,
    /// The first one.
    pub first: RefreshMark,
}

/// The violations of a timeline, in order.
pub fn episodes(timeline: &Timeline) -> Vec<Episode> {
    let mut all: Vec<Episode> = Vec::new();
    for mark in timeline.refreshes.iter().filter(|r| r.fault.is_some()) {
        match all.last_mut() {
            Some(last) if mark.display_s - last.to_s <= JOINED_S => {
                last.to_s = mark.display_s;
                last.refreshes += 1;
            }
            _ => {
                let t = mark.display_s;
                all.push(Episode { from_s: t, to_s: t, refreshes: 1, first: *mark });
            }
        }
    }
    all
}

/// What is written as JSON.
#[derive(Serialize)]
struct Written {
    setting: String,
    seconds: f64,
    epsilon_px: f64,
    violation: usize,
    violations: usize,
    episode: Episode,
    #[serde(flatten)]
    trace: Trace,
}

/// Runs one policy on a sequence; `see` gets every refresh.
fn replay(
    spec: &SceneSpec,
    seed: u64,
    choice: &policies::Choice,
    colour: Colour,
    see: &mut dyn FnMut(&Moment<'_>),
) -> anyhow::Result<Detail> {
    let policy = choice.policy(spec, seed)?.with_context(|| {
        format!("`{}` is chosen afterwards: trace the policy with the N that the table shows", choice.name)
    })?;
    let mut scene = spec.build(seed).with_colour(colour);
    let mut detector = SimulatedDetector::new(&scene);
    let setup = Setup { seed, timeline: TIMELINE, observer: Some(see), ..Setup::default() };
    let always = colour == Colour::Nv12;
    let setup = Setup { always_render: always, ..setup };
    run(&mut scene, &mut [policy], &mut detector, setup).pop().context("no report of the policy")
}

/// The command.
///
/// # Errors
/// When scene or policy cannot be used, there is no such violation, or a file cannot be written.
pub fn command(args: &TraceArgs) -> anyhow::Result<()> {
    let mut spec = scenes::named(&args.scene)?;
    scenes::shorten(&mut spec, args.seconds)?;
    let journal = args.resume.as_deref().map_or_else(|| Ok(Journal::default()), Journal::open)?;
    let pool = rayon::ThreadPoolBuilder::new().build()?;
    let (choices, _) = policies::choose(std::slice::from_ref(&args.policy), &pool, &journal)?;
    let choice = choices.first().context("no policy")?;
    let first = replay(&spec, args.seed, choice, Colour::Gray, &mut |_| ())?;
    let all = episodes(&first.timeline);
    let Some(number) = args.violation else {
        list(&all);
        return Ok(());
    };
    ensure!(
        number < all.len(),
        "{} has {} violations on {} with seed {}, from 0: leave --violation out to see them",
        choice.name,
        all.len(),
        spec.name,
        args.seed
    );
    let episode = all[number];
    let inside = |t: f64| t >= episode.from_s - args.before && t <= episode.to_s + args.after;
    let mut stills: Vec<(Timestamp, Still)> = Vec::new();
    let step = (episode.to_s - episode.from_s + args.before + args.after) / STILLS as f64;
    let mut due = f64::NEG_INFINITY;
    let colour = if args.html.is_some() { Colour::Nv12 } else { Colour::Gray };
    let mut see = |moment: &Moment<'_>| {
        let t = moment.display.as_secs_f64();
        if !inside(t) {
            return;
        }
        let begins = (t - episode.from_s).abs() < 1e-9;
        if colour == Colour::Nv12 && (t >= due || begins) {
            due = t + step;
            stills.extend(still(moment).map(|s| (moment.frame.captured, s)));
        }
    };
    let detail = replay(&spec, args.seed, choice, colour, &mut see)?;
    let marks: Vec<RefreshMark> =
        detail.timeline.refreshes.iter().filter(|r| inside(r.display_s)).copied().collect();
    let frames: Vec<FrameMark> =
        detail.timeline.frames.iter().filter(|f| inside(f.captured_s)).copied().collect();
    tell(&episode, number, &frames, &marks);
    if let Some(path) = &args.json {
        let policy = choice.policy(&spec, args.seed)?.context("no policy")?;
        let after = args.after + episode.to_s - episode.from_s;
        let trace = around(&spec, args.seed, policy, Target::Time(episode.from_s), args.before, after);
        let trace = Written {
            setting: choice.setting(),
            seconds: spec.duration_s,
            epsilon_px: spec.tolerance.epsilon_px,
            violation: number,
            violations: all.len(),
            episode,
            trace: trace.context("the violation is not in its replay")?,
        };
        write_pretty(path, &trace)?;
    }
    if let Some(path) = &args.html {
        page(&spec, args, &episode, detail, stills, inside).write(path)?;
        say(format_args!("page: {}", path.display()));
    }
    Ok(())
}

fn list(all: &[Episode]) {
    for (i, e) in all.iter().enumerate() {
        say(format_args!(
            "{i:>4}  {:8.3} s to {:8.3} s  {:>5} refreshes  {} ({}, error {:.1} px, {})",
            e.from_s,
            e.to_s,
            e.refreshes,
            e.first.fault.map_or("", fault_name),
            source_name(e.first.source),
            e.first.error_px,
            if e.first.within_tolerance { "not flagged" } else { "flagged" }
        ));
    }
    say(format_args!("{} violations; --violation K shows one", all.len()));
}

/// What happened around the first violating refresh, in words.
fn tell(episode: &Episode, number: usize, frames: &[FrameMark], refreshes: &[RefreshMark]) {
    say(format_args!(
        "violation {number}: {} from {:.3} s to {:.3} s, {} refreshes",
        episode.first.fault.map_or("", fault_name),
        episode.from_s,
        episode.to_s,
        episode.refreshes
    ));
    for f in frames.iter().filter(|f| f.run) {
        say(format_args!("  {:8.3} s  frame run: {}", f.captured_s, reason_name(f.reason)));
    }
    let mut before: Option<&RefreshMark> = None;
    for r in refreshes {
        let same = |b: &RefreshMark| {
            (b.source, b.fault, b.within_tolerance) == (r.source, r.fault, r.within_tolerance)
        };
        if !before.is_some_and(same) {
            say(format_args!(
                "  {:8.3} s  shown: {}, error {:.1} px, expected {:.1} px{}{}",
                r.display_s,
                source_name(r.source),
                r.error_px,
                r.uncertainty_px,
                if r.within_tolerance { "" } else { ", flagged" },
                r.fault.map_or_else(String::new, |f| format!(": {}", fault_name(f)))
            ));
        }
        before = Some(r);
    }
}

fn page(
    spec: &SceneSpec,
    args: &TraceArgs,
    episode: &Episode,
    mut detail: Detail,
    stills: Vec<(Timestamp, Still)>,
    inside: impl Fn(f64) -> bool,
) -> Report {
    let frames = detail.timeline.frames.clone();
    let plan = |captured: Timestamp| {
        let t = captured.as_secs_f64();
        frames.get(frames.partition_point(|f| f.captured_s <= t + 1e-9).wrapping_sub(1)).copied()
    };
    let stills = stills.into_iter().map(|(at, s)| Still { plan: plan(at), ..s }).collect();
    // The page's times begin at the window's start, so that its axes show the window alone.
    let start = episode.from_s - args.before;
    detail.timeline.refreshes.retain(|r| inside(r.display_s));
    detail.timeline.frames.retain(|f| inside(f.captured_s));
    for r in &mut detail.timeline.refreshes {
        r.display_s -= start;
    }
    for f in &mut detail.timeline.frames {
        f.captured_s -= start;
    }
    Report {
        title: format!("One violation of {}", args.policy),
        lead: format!(
            "Scene {}, seed {}: {} from {:.3} s to {:.3} s. The charts begin at {start:.3} s.",
            spec.name,
            args.seed,
            episode.first.fault.map_or("", fault_name),
            episode.from_s,
            episode.to_s
        ),
        notes: vec!["The figures above are of the whole sequence; the charts are of the window.".into()],
        rows: vec![detail.row.clone()],
        detail: Some(detail),
        stills,
        command: crate::command_line(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inbetween_sim::measure::Fault;

    #[test]
    fn violating_refreshes_without_a_pause_are_one_violation() {
        let mark = |display_s: f64, bad: bool| RefreshMark {
            display_s,
            source: "pixels",
            age_ms: None,
            error_px: 7.0,
            missing: false,
            uncertainty_px: 1.0,
            within_tolerance: true,
            fault: bad.then_some(Fault::Off),
        };
        let bad = [10, 11, 12, 14, 40, 41];
        let refreshes = (0..60).map(|i| mark(f64::from(i) / 60.0, bad.contains(&i))).collect();
        let all = episodes(&Timeline { refreshes, ..Timeline::default() });
        assert_eq!(all.iter().map(|e| e.refreshes).collect::<Vec<_>>(), [4, 2]);
        assert!((all[0].to_s - 14.0 / 60.0).abs() < 1e-12 && (all[1].from_s - 40.0 / 60.0).abs() < 1e-12);
        assert!(episodes(&Timeline::default()).is_empty());
    }
}
