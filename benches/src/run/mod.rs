//! `inbetween run`: a video through a model, against the model on every frame and against every-Nth baselines.
//! **Invariant:** engine and baselines see the same frames, the same results and the same run times.
//! It does not decode (that is `video`), judge (`truth`) or keep time (`lane`, `realtime`).

pub(crate) mod compare;
pub mod cpu;
pub(crate) mod lane;
pub(crate) mod log;
mod realtime;
mod stills;
pub(crate) mod truth;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, ensure};
use cpu_time::ThreadTime;
use inbetween::{CancelToken, Detection, Frame, Rect, Timestamp};
use inbetween_sim::{Policy, Report as Detail, SceneSpec, policy, tune::EVERY};

use self::{
    compare::Compare,
    lane::{BaselinePlayer, EnginePlayer, Lane, Shot},
    log::Log,
    truth::{EveryFrame, judge},
};
use crate::{
    baselines,
    cli::{Output, RunArgs},
    model::Loaded,
    record::{INBETWEEN, Row, write_json},
    report::Report,
    session::Still,
    table,
    terminal::{progress, say},
    video::{Picture, Video, VideoError},
};

/// How long runs take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Latency {
    /// In virtual time, always this long.
    Given(Duration),
    /// In virtual time, as long as they take on this machine.
    Measured,
    /// In real time, with threads.
    Real,
}

/// What is run.
pub struct Job {
    /// The video.
    pub video: Video,
    /// Model and card.
    pub loaded: Loaded,
    /// How long runs take.
    pub latency: Latency,
    /// Seed of the engine's audits.
    pub seed: u64,
    /// Stop here.
    pub seconds: Option<f64>,
    /// The part of each frame that the model sees, in upright pixels; the whole frame when `None`.
    pub region: Option<Rect>,
    /// Whether pictures for the report are wanted.
    pub film: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// One report for each policy; the engine's is the first.
    pub reports: Vec<Detail>,
    /// Frames with truth and answers.
    pub stills: Vec<Still>,
    /// Median time of a run on this machine, in milliseconds.
    pub median_ms: f64,
}

/// A frame without its pixels.
struct Seen {
    captured: Timestamp,
    boxes: Vec<Detection>,
    took: Duration,
}

/// A picture as the SDK takes it, with the part that the model sees.
pub(crate) fn framed(picture: &Picture, region: Option<Rect>) -> Frame<'_> {
    let image = picture.image();
    Frame::image(picture.captured, region.map_or(image, |region| image.with_region(region)))
}

impl Job {
    /// The frames, up to the time at which to stop.
    fn frames(&self) -> Result<impl Iterator<Item = Result<Picture, VideoError>> + use<>, VideoError> {
        let end = self.seconds.map_or(f64::INFINITY, |s| s);
        Ok(self
            .video
            .frames()?
            .take_while(move |p| !p.as_ref().is_ok_and(|p| p.captured.as_secs_f64() > end)))
    }

    /// Does it.
    ///
    /// # Errors
    /// When the video cannot be decoded, the card refuses its frames, or the model fails.
    pub fn execute(&self) -> anyhow::Result<Outcome> {
        let hz = self.loaded.card.display.hz;
        let period = Duration::from_secs_f64(1.0 / hz);
        let mut runner = self.loaded.runner()?;
        let compare = Compare::new(self.loaded.config.tolerance.epsilon);
        let mut lane = Lane::new(EnginePlayer::new(self.loaded.engine(self.seed)?, compare), period);
        let (mut seen, mut truth, mut size) = (Vec::new(), EveryFrame::default(), (0, 0));
        let bar = progress(self.video.declared_frames, "every frame");
        for picture in self.frames()? {
            let picture = picture?;
            let frame = framed(&picture, self.region);
            size = picture.image().upright_size();
            let start = ThreadTime::now();
            let value = runner.run(&frame, &CancelToken::new()).with_context(|| {
                format!("the model failed on the frame at {:.3} s", picture.captured.as_secs_f64())
            })?;
            let took = start.elapsed();
            let boxes = compare
                .boxes(&value)
                .with_context(|| format!("the model gives {:?}, which has no place", value.kind()))?;
            truth.push(picture.captured, &boxes);
            if self.latency != Latency::Real {
                let latency = match self.latency {
                    Latency::Given(latency) => Some(latency),
                    _ => None,
                };
                let index = seen.len() as u64;
                lane.frame(&Shot {
                    index,
                    captured: picture.captured,
                    frame: Some(frame),
                    found: &boxes,
                    latency,
                })?;
            }
            seen.push(Seen { captured: picture.captured, boxes, took });
            bar.inc(1);
        }
        bar.finish_and_clear();
        ensure!(
            seen.len() >= 2,
            "{} has a single frame: nothing lies in between",
            self.video.path().display()
        );
        let name = self.video.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let spec = self.loaded.stand_in(&name, size)?;
        let own = if self.latency == Latency::Real {
            let show = realtime::Show { region: self.region, compare, period, end: truth.end() };
            realtime::run(self.loaded.engine(self.seed)?, self.frames()?, show)?
        } else {
            lane.finish(truth.end())
        };
        let cost = self.loaded.cost();
        let mut reports = vec![judge(INBETWEEN, None, &own, &truth, &spec, &cost)];
        reports.extend(self.baselines(&seen, &spec, own.runs(), period, |name, every, log| {
            judge(name, Some(every), log, &truth, &spec, &cost)
        })?);
        let stills = if self.film {
            let points = self.loaded.gives_points();
            stills::take(self.frames()?, &own, &reports[0], &truth, size, points)?
        } else {
            Vec::new()
        };
        let mut times: Vec<f64> = seen.iter().map(|s| s.took.as_secs_f64() * 1e3).collect();
        times.sort_by(f64::total_cmp);
        Ok(Outcome { reports, stills, median_ms: times[times.len() / 2] })
    }

    /// Every frame; every Nth with the largest N at which a baseline runs at least as often as the engine did; and with
    /// the N that turns out best for this very video.
    fn baselines(
        &self,
        seen: &[Seen],
        spec: &SceneSpec,
        runs: u64,
        period: Duration,
        judge: impl Fn(&str, u32, &Log) -> Detail,
    ) -> anyhow::Result<Vec<Detail>> {
        let play = |policy: Box<dyn Policy>| -> anyhow::Result<Log> {
            let mut lane = Lane::new(BaselinePlayer::new(policy), period);
            for (index, s) in (0..).zip(seen) {
                let latency = match self.latency {
                    Latency::Given(latency) => latency,
                    Latency::Measured | Latency::Real => s.took,
                };
                let (captured, found) = (s.captured, &s.boxes[..]);
                lane.frame(&Shot { index, captured, frame: None, found, latency: Some(latency) })?;
            }
            Ok(lane.finish(seen.last().map_or(Timestamp::ZERO, |s| s.captured)))
        };
        let every_frame = policy::by_name("every-frame", spec, self.seed)?;
        let mut out = vec![judge("every-frame", 1, &play(every_frame)?)];
        for (name, fillings) in baselines::at_equal_runs() {
            let mut every = (seen.len() as u64).div_ceil(runs.max(1)).clamp(1, 10_000) as u32;
            // When a baseline runs does not depend on what it fills the time with.
            while every > 1 && play(baselines::policy(name, every, fillings[0], spec))?.runs() < runs {
                every -= 1;
            }
            let mut done = Vec::new();
            for filling in fillings {
                done.push(judge(name, every, &play(baselines::policy(name, every, filling, spec))?));
            }
            out.extend(baselines::best(done));
        }
        for (name, fillings) in baselines::in_hindsight() {
            let mut tried = Vec::new();
            for every in EVERY {
                for filling in &fillings {
                    let log = play(baselines::policy(name, every, *filling, spec))?;
                    tried.push(judge(name, every, &log));
                }
            }
            out.extend(baselines::cheapest(tried));
        }
        Ok(out)
    }
}

impl Job {
    /// Measures CPU time instead of playing the video once.
    fn cpu(&self, repeats: u32, args: &RunArgs) -> anyhow::Result<()> {
        let pictures = self.frames()?.collect::<Result<Vec<_>, _>>()?;
        let name = self.video.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bench = cpu::Bench {
            name: &name,
            loaded: &self.loaded,
            pictures: &pictures,
            region: self.region,
            latency: match self.latency {
                Latency::Given(latency) => latency,
                Latency::Measured | Latency::Real => PHONE,
            },
            seed: self.seed,
            repeats,
        };
        cpu::show(&bench.measure()?, repeats, args.output.json.as_deref())
    }
}

/// What a run takes on a phone, in virtual time: the middle of the scenes' latencies.
pub const PHONE: Duration = Duration::from_millis(35);

/// The command.
///
/// # Errors
/// When video, model or card cannot be used.
pub fn command(args: &RunArgs) -> anyhow::Result<Vec<Row>> {
    let latency = match args.latency_ms {
        Some(ms) => {
            ensure!((0.0..=60_000.0).contains(&ms), "--latency-ms must be from 0 to 60000");
            Latency::Given(Duration::from_secs_f64(ms * 1e-3))
        }
        None if args.real_time => Latency::Real,
        None => Latency::Measured,
    };
    let job = Job {
        region: args.region,
        video: Video::open(&args.video, args.fps)?,
        loaded: Loaded::from_files(&args.model, &args.card)?,
        latency,
        seed: args.seed,
        seconds: args.seconds,
        film: args.output.report.is_some(),
    };
    if let Some(repeats) = args.cpu {
        return job.cpu(repeats, args).map(|()| Vec::new());
    }
    let outcome = job.execute()?;
    show(&job, outcome, &args.output, "Inbetween on a video", Vec::new())
}

/// Prints and writes what came of a job.
///
/// # Errors
/// When a file cannot be written.
pub fn show(
    job: &Job,
    outcome: Outcome,
    output: &Output,
    title: &str,
    mut notes: Vec<String>,
) -> anyhow::Result<Vec<Row>> {
    let rows: Vec<Row> = outcome.reports.iter().map(|r| r.row.clone()).collect();
    let first = &rows[0];
    let how = match job.latency {
        Latency::Given(d) => format!("in virtual time, {:.1} ms a run", d.as_secs_f64() * 1e3),
        Latency::Measured => {
            format!("in virtual time with the run times of this machine (median {:.1} ms)", outcome.median_ms)
        }
        Latency::Real => format!("in real time (a run alone takes {:.1} ms here)", outcome.median_ms),
    };
    let lead = format!(
        "{}: {} frames in {:.1} s through {} v{}, {how}; answers at {} Hz.",
        first.scene,
        first.frames,
        first.seconds,
        job.loaded.card.model.name,
        job.loaded.card.model.version,
        job.loaded.card.display.hz
    );
    say(format_args!("\n{lead}"));
    say(if job.loaded.gives_points() {
        "Truth is the model's own output on every frame; the error is that of the worst point (of many, every few are scored)."
    } else {
        "Truth is the model's own output on every frame; answers are matched with it by best overlap."
    });
    say(table::terminal(&rows, false));
    for line in
        table::equal_runs_lines(&rows).into_iter().chain([table::faults_line(&outcome.reports[0].faults)])
    {
        say(line);
    }
    if let Some(path) = &output.json {
        write_json(path, &rows)?;
    }
    if let Some(path) = &output.report {
        notes.push("The truth here is the model's own output on every frame of the same video, not a person's labels.".into());
        notes.extend([baselines::NOTE.into(), baselines::HINDSIGHT_NOTE.into()]);
        if job.latency == Latency::Real {
            notes.push("Baselines are computed in virtual time with the run times that were measured on every frame.".into());
        }
        let mut reports = outcome.reports;
        let report = Report {
            title: title.into(),
            lead,
            notes,
            rows: rows.clone(),
            detail: Some(reports.swap_remove(0)),
            stills: outcome.stills,
            command: crate::command_line(),
        };
        report.write(path)?;
        say(format_args!("report: {}", path.display()));
    }
    Ok(rows)
}

/// The default place of a report: beside the build's own files.
pub fn default_report(name: &str) -> PathBuf {
    PathBuf::from("target").join("inbetween").join(name)
}
