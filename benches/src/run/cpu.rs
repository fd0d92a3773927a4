//! CPU time: the model on every frame, Inbetween, and every Nth frame + Kalman that violates no more, on one thread.
//! **Invariant:** what is timed is only the model with its preprocessing and the policies; decoding and judging are not.
//! It does not choose what is measured by time: runs and violations come from virtual time and are the same each time.

use std::{io::Write as _, path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use cpu_time::ThreadTime;
use inbetween::{CancelToken, Rect, Timestamp};
use inbetween_sim::{
    Report as Detail,
    policy::Estimator,
    tune::{EVERY, Q},
};
use serde::Serialize;

use super::{
    compare::Compare,
    framed,
    lane::{BaselinePlayer, EnginePlayer, Lane, Shot},
    log::Log,
    truth::{EveryFrame, judge},
};
use crate::{
    baselines,
    model::Loaded,
    record::INBETWEEN,
    terminal::{progress, say},
    video::Picture,
};

/// What one way to get an answer at every refresh costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// The clip or scene.
    pub scene: String,
    /// The way.
    pub policy: String,
    /// Every how many frames the model runs, where that is the rule.
    pub every: Option<u32>,
    /// Frames.
    pub frames: u64,
    /// Runs of the model.
    pub runs: u64,
    /// Display refreshes.
    pub refreshes: u64,
    /// Those that violate.
    pub violations: u64,
    /// The model with its preprocessing: CPU milliseconds for each second of video.
    pub model_ms_per_s: f64,
    /// Everything else that decides and answers.
    pub own_ms_per_s: f64,
    /// Both.
    pub cpu_ms_per_s: f64,
}

/// What is measured.
pub struct Bench<'a> {
    /// Name of the clip or scene.
    pub name: &'a str,
    /// Model and card.
    pub loaded: &'a Loaded,
    /// The frames.
    pub pictures: &'a [Picture],
    /// The part of each that the model sees.
    pub region: Option<Rect>,
    /// What a run takes in virtual time.
    pub latency: Duration,
    /// Seed of the engine's audits.
    pub seed: u64,
    /// How often everything is timed; the median of the sums counts.
    pub repeats: u32,
}

/// Model time and own time of one pass.
type Spent = (Duration, Duration);

impl Bench<'_> {
    /// Measures. The rows are every frame, Inbetween, every Nth frame + Kalman.
    ///
    /// # Errors
    /// When the model fails or the engine refuses a frame.
    pub fn measure(&self) -> anyhow::Result<Vec<Cost>> {
        ensure!(self.pictures.len() >= 2, "{} has no two frames", self.name);
        let compare = Compare::new(self.loaded.config.tolerance.epsilon);
        let mut runner = self.loaded.runner()?;
        let (mut truth, mut found) = (EveryFrame::default(), Vec::new());
        for picture in self.pictures {
            let value = runner.run(&framed(picture, self.region), &CancelToken::new())?;
            let boxes = compare.boxes(&value).context("the model gives nothing with a place")?;
            truth.push(picture.captured, &boxes);
            found.push(boxes);
        }
        let spec = self.loaded.stand_in(self.name, self.pictures[0].image().upright_size())?;
        let period = Duration::from_secs_f64(1.0 / spec.display.hz);
        let end = truth.end();
        let scored =
            |policy: &str, every, log: &Log| judge(policy, every, log, &truth, &spec, &self.loaded.cost());
        let inbetween = || -> anyhow::Result<Log> {
            let mut lane = Lane::new(EnginePlayer::new(self.loaded.engine(self.seed)?, compare), period);
            for (index, picture) in (0..).zip(self.pictures) {
                let frame = Some(framed(picture, self.region));
                let latency = Some(self.latency);
                lane.frame(&Shot { index, captured: picture.captured, frame, found: &[], latency })?;
            }
            Ok(lane.finish(end))
        };
        let nth = |every, filling: Estimator| -> anyhow::Result<Log> {
            let policy = baselines::policy("every-nth", every, filling, &spec);
            let mut lane = Lane::new(BaselinePlayer::new(policy), period);
            for ((index, picture), found) in (0..).zip(self.pictures).zip(&found) {
                let (captured, latency) = (picture.captured, Some(self.latency));
                lane.frame(&Shot { index, captured, frame: None, found, latency })?;
            }
            Ok(lane.finish(end))
        };
        let own = scored(INBETWEEN, None, &inbetween()?);
        let (every, filling, rare) =
            equal(&own, |every, filling| Ok(scored("every-nth-kalman", Some(every), &nth(every, filling)?)))?;
        let every_frame = scored("every-frame", Some(1), &nth(1, Estimator::Hold)?);
        let ran: Vec<bool> = nth(every, filling)?.frames.iter().map(|f| f.run).collect();

        let mut spent: [Vec<Spent>; 3] = Default::default();
        let bar = progress(Some(u64::from(self.repeats)), "timing");
        for _ in 0..self.repeats {
            spent[0].push((self.runs(&mut runner, |_| true)?, Duration::ZERO));
            let log = inbetween()?;
            spent[1].push((Duration::from_nanos(log.model_ns), Duration::from_nanos(log.cpu_ns)));
            let model = self.runs(&mut runner, |i| ran[i])?;
            spent[2].push((model, Duration::from_nanos(nth(every, filling)?.cpu_ns)));
            bar.inc(1);
        }
        bar.finish_and_clear();
        // A model that is run on every frame without queueing behind itself needs every frame's run.
        let all = self.pictures.len() as u64;
        let rows = [(every_frame, all), (own.clone(), own.row.runs), (rare.clone(), rare.row.runs)];
        let seconds = end.since(Timestamp::ZERO).as_secs_f64();
        Ok(rows
            .iter()
            .zip(spent)
            .map(|((detail, runs), spent)| cost(detail, *runs, spent, seconds))
            .collect())
    }

    /// Time of the model on the frames of which `which` is true.
    fn runs(
        &self,
        runner: &mut inbetween::Runner,
        which: impl Fn(usize) -> bool,
    ) -> anyhow::Result<Duration> {
        let start = ThreadTime::now();
        for (_, picture) in self.pictures.iter().enumerate().filter(|(i, _)| which(*i)) {
            runner.run(&framed(picture, self.region), &CancelToken::new())?;
        }
        Ok(start.elapsed())
    }
}

/// The rarest runs with which every Nth frame + Kalman violates no more than Inbetween, or than the card allows if that is
/// more; where there are none, the setting that violates least.
fn equal(
    own: &Detail,
    mut play: impl FnMut(u32, Estimator) -> anyhow::Result<Detail>,
) -> anyhow::Result<(u32, Estimator, Detail)> {
    let allowed = own.row.violation_rate().max(own.row.miss_rate);
    let mut least: Option<(u32, Estimator, Detail)> = None;
    for &every in EVERY.iter().rev() {
        for filling in Q.map(|q| Estimator::Kalman { q }) {
            let detail = play(every, filling)?;
            if least.as_ref().is_none_or(|(_, _, l)| detail.row.violations < l.row.violations) {
                least = Some((every, filling, detail));
            }
        }
        if least.as_ref().is_some_and(|(_, _, l)| l.row.violation_rate() <= allowed) {
            break;
        }
    }
    least.context("the grid is empty")
}

fn cost(detail: &Detail, runs: u64, mut spent: Vec<Spent>, seconds: f64) -> Cost {
    spent.sort_by_key(|(model, own)| *model + *own);
    let (model, own) = spent.get(spent.len() / 2).copied().unwrap_or_default();
    let per_s = |d: Duration| d.as_secs_f64() * 1e3 / seconds.max(1e-9);
    let row = &detail.row;
    Cost {
        scene: row.scene.clone(),
        policy: row.policy.clone(),
        every: row.every,
        frames: row.frames,
        runs,
        refreshes: row.refreshes,
        violations: row.violations,
        model_ms_per_s: per_s(model),
        own_ms_per_s: per_s(own),
        cpu_ms_per_s: per_s(model + own),
    }
}

/// Prints the costs, and writes them as one JSON object a line.
///
/// # Errors
/// When the file cannot be written.
pub fn show(costs: &[Cost], repeats: u32, json: Option<&Path>) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["CPU ms for each s of video", "runs", "violations", "model", "own", "sum"]);
    for c in costs {
        let policy = match c.every {
            Some(n) if n > 1 => format!("{} (N = {n})", c.policy),
            _ => c.policy.clone(),
        };
        let violations = 100.0 * c.violations as f64 / c.refreshes.max(1) as f64;
        table.add_row([
            policy,
            c.runs.to_string(),
            format!("{violations:.2}%"),
            format!("{:.1}", c.model_ms_per_s),
            format!("{:.2}", c.own_ms_per_s),
            format!("{:.1}", c.cpu_ms_per_s),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    say(table);
    say(format_args!("one thread, medians of {repeats}; every frame counts a run for each frame"));
    let Some(path) = json else { return Ok(()) };
    let context = || format!("cannot write {}", path.display());
    let mut file = std::fs::File::create(path).with_context(context)?;
    for cost in costs {
        writeln!(file, "{}", serde_json::to_string(cost)?).with_context(context)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::blank;

    #[test]
    fn the_median_of_the_sums_counts() {
        let detail = Detail {
            row: inbetween_sim::Row { frames: 60, ..blank("s", "p") },
            faults: inbetween_sim::measure::Faults::default(),
            run_reasons: std::collections::BTreeMap::new(),
            skip_reasons: std::collections::BTreeMap::new(),
            sources: std::collections::BTreeMap::new(),
            latencies_ms: Vec::new(),
            phases: Vec::new(),
            timeline: inbetween_sim::Timeline::default(),
        };
        let ms = Duration::from_millis;
        let spent = vec![(ms(90), ms(9)), (ms(10), ms(2)), (ms(8), ms(1))];
        let cost = cost(&detail, 7, spent, 2.0);
        assert_eq!((cost.model_ms_per_s, cost.own_ms_per_s, cost.cpu_ms_per_s), (5.0, 1.0, 6.0));
        assert_eq!((cost.runs, cost.frames), (7, 60));
    }
}
