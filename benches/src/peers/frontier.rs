//! `inbetween peers frontier`: error against CPU time on one video, for every way of getting answers that there is here.
//! **Invariant:** every point is judged against the model on every frame at the card's tolerance, whatever it ran with.
//! It does not decode while it times, and it does not choose a winner.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use cpu_time::ThreadTime;
use inbetween::{CancelToken, Detection, Rect, Timestamp};
use inbetween_sim::{
    SceneSpec,
    policy::Estimator,
    tune::{EVERY, Q},
};
use serde::Serialize;

use super::judge::Said;
use crate::{
    baselines,
    cli::FrontierArgs,
    model::Loaded,
    record::{INBETWEEN, Row, write_lines},
    run::{
        compare::Compare,
        framed,
        lane::{BaselinePlayer, EnginePlayer, Lane, Shot},
        log::Log,
        truth::{EveryFrame, judge},
    },
    video::{Picture, Video},
};

/// One point: what a way costs and how often it violates.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Point {
    scene: String,
    policy: String,
    /// Every how many frames the model runs, where that is the rule.
    every: Option<u32>,
    /// The tolerance that it ran with.
    epsilon: f32,
    /// The share of refreshes that the card allows to violate.
    allowed: f64,
    frames: u64,
    runs: u64,
    refreshes: u64,
    violations: u64,
    seconds: f64,
    /// The model with its preprocessing and decoding: CPU milliseconds for each second of video.
    model_ms_per_s: f64,
    /// Everything else that decides and answers.
    own_ms_per_s: f64,
    cpu_ms_per_s: f64,
}

impl Point {
    fn new(row: &Row, epsilon: f32, runs: u64, model: Duration, own: Duration) -> Self {
        let per_s = |d: Duration| d.as_secs_f64() * 1e3 / row.seconds.max(1e-9);
        Self {
            scene: row.scene.clone(),
            policy: row.policy.clone(),
            every: row.every,
            epsilon,
            allowed: row.miss_rate,
            frames: row.frames,
            runs,
            refreshes: row.refreshes,
            violations: row.violations,
            seconds: row.seconds,
            model_ms_per_s: per_s(model),
            own_ms_per_s: per_s(own),
            cpu_ms_per_s: per_s(model + own),
        }
    }
}

/// A video with what the model says about each of its frames.
struct Known {
    loaded: Loaded,
    pictures: Vec<Picture>,
    region: Option<Rect>,
    latency: Duration,
    found: Vec<Vec<Detection>>,
    truth: EveryFrame,
    spec: SceneSpec,
    /// CPU time of the model on all frames.
    took: Duration,
}

/// Measures and writes.
///
/// # Errors
/// When video, model or card cannot be used.
pub fn command(args: &FrontierArgs) -> anyhow::Result<()> {
    ensure!((0.0..=60_000.0).contains(&args.latency_ms), "--latency-ms must be from 0 to 60000");
    let positive = |e: &f32| e.is_finite() && *e > 0.0;
    ensure!(args.epsilons.iter().all(positive), "--epsilons must be above 0");
    let video = Video::open(&args.video, args.fps)?;
    let known = Known::new(
        Loaded::from_files(&args.model, &args.card)?,
        video.frames()?.collect::<Result<Vec<_>, _>>()?,
        args.region,
        Duration::from_secs_f64(args.latency_ms * 1e-3),
        &video.path().file_stem().unwrap_or_default().to_string_lossy(),
    )?;
    let said = known.pictures.iter().zip(&known.found).map(|(p, found)| Said::of(p.captured, found));
    write_lines(&args.results, said)?;
    let mut points = vec![known.every(1, &[Estimator::Hold], "every-frame")?];
    let kalman = Q.map(|q| Estimator::Kalman { q });
    for every in EVERY {
        if known.pictures.len() as u64 >= 4 * u64::from(every) {
            points.push(known.every(every, &kalman, "every-nth-kalman")?);
        }
    }
    for &epsilon in &args.epsilons {
        points.push(known.inbetween(epsilon, args.seed)?);
    }
    write_lines(&args.json, points)
}

impl Known {
    fn new(
        loaded: Loaded,
        pictures: Vec<Picture>,
        region: Option<Rect>,
        latency: Duration,
        name: &str,
    ) -> anyhow::Result<Self> {
        ensure!(pictures.len() >= 2, "{name} has no two frames");
        let compare = Compare::new(loaded.config.tolerance.epsilon);
        let mut runner = loaded.runner()?;
        runner.run(&framed(&pictures[0], region), &CancelToken::new())?; // the first run warms up
        let (mut truth, mut found, mut took) = (EveryFrame::default(), Vec::new(), Duration::ZERO);
        for picture in &pictures {
            let frame = framed(picture, region);
            let start = ThreadTime::now();
            let value = runner.run(&frame, &CancelToken::new())?;
            took += start.elapsed();
            let boxes = compare.boxes(&value).context("the model gives nothing with a place")?;
            truth.push(picture.captured, &boxes);
            found.push(boxes);
        }
        let spec = loaded.stand_in(name, pictures[0].image().upright_size())?;
        Ok(Self { loaded, pictures, region, latency, found, truth, spec, took })
    }

    fn period(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.spec.display.hz)
    }

    fn judged(&self, policy: &str, every: Option<u32>, log: &Log) -> Row {
        judge(policy, every, log, &self.truth, &self.spec, &self.loaded.cost()).row
    }

    /// Every `every`-th frame, with the filling that violates least afterwards.
    fn every(&self, every: u32, fillings: &[Estimator], name: &str) -> anyhow::Result<Point> {
        let mut best: Option<(Row, Duration)> = None;
        for &filling in fillings {
            let policy = baselines::policy(name, every, filling, &self.spec);
            let mut lane = Lane::new(BaselinePlayer::new(policy), self.period());
            for ((index, picture), found) in (0..).zip(&self.pictures).zip(&self.found) {
                let (captured, latency) = (picture.captured, Some(self.latency));
                lane.frame(&Shot { index, captured, frame: None, found, latency })?;
            }
            let log = lane.finish(self.truth.end());
            let row = self.judged(name, Some(every), &log);
            if best.as_ref().is_none_or(|(b, _)| row.violations < b.violations) {
                best = Some((row, Duration::from_nanos(log.cpu_ns)));
            }
        }
        let (row, own) = best.context("no filling was given")?;
        // A model on every frame that never queues behind itself needs every frame's run.
        let all = self.pictures.len() as u64;
        let runs = if every == 1 { all } else { row.runs };
        let model = self.took.mul_f64(runs as f64 / all as f64);
        Ok(Point::new(&row, self.loaded.config.tolerance.epsilon, runs, model, own))
    }

    /// Inbetween with another tolerance than the card's.
    fn inbetween(&self, epsilon: f32, seed: u64) -> anyhow::Result<Point> {
        let compare = Compare::new(self.loaded.config.tolerance.epsilon);
        let mut loaded = self.loaded.clone();
        loaded.config.tolerance.epsilon = epsilon;
        let mut lane = Lane::new(EnginePlayer::new(loaded.engine(seed)?, compare), self.period());
        for (index, picture) in (0..).zip(&self.pictures) {
            let frame = Some(framed(picture, self.region));
            let captured: Timestamp = picture.captured;
            lane.frame(&Shot { index, captured, frame, found: &[], latency: Some(self.latency) })?;
        }
        let log = lane.finish(self.truth.end());
        let row = self.judged(INBETWEEN, None, &log);
        let (model, own) = (Duration::from_nanos(log.model_ns), Duration::from_nanos(log.cpu_ns));
        Ok(Point::new(&row, epsilon, row.runs, model, own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::blank;

    #[test]
    fn time_is_for_each_second_of_video() {
        let row = Row { seconds: 4.0, refreshes: 240, violations: 6, ..blank("clip", INBETWEEN) };
        let ms = Duration::from_millis;
        let point = Point::new(&row, 8.0, 16, ms(40), ms(8));
        assert_eq!((point.model_ms_per_s, point.own_ms_per_s, point.cpu_ms_per_s), (10.0, 2.0, 12.0));
        assert_eq!((point.runs, point.violations), (16, 6));
    }
}
