//! `inbetween demo`: a small detector on a rendered scene, or a real one on a real video.
//! **Invariant:** the exit code is 0 only if the promise of the card was kept in the session that is shown.
//! It does not hide that a scene is rendered.

use std::{path::Path, process::ExitCode};

use anyhow::{Context as _, bail};
use cpu_time::ThreadTime;
use inbetween::{PixelFormat, Rotation};
use inbetween_sim::{
    Colour, Detector, Moment, Policy, RenderedFrame, Report as Detail, SceneSpec, Setup, policy, run,
};

use crate::{
    assets, baselines,
    cli::DemoArgs,
    facade::{self, ModelDetector},
    film::Film,
    model::Loaded,
    record::{Row, kept, write_json},
    report::Report,
    run::{
        Job, Latency, PHONE,
        cpu::{self, Bench},
        default_report, show,
    },
    scenes,
    session::Still,
    table,
    terminal::{progress, say},
    video::{Picture, Video},
};

/// The detector of the demo, which `benches/detector/train.py` makes from rendered scenes.
pub(crate) const MODEL: &[u8] = include_bytes!("../detector/detector.onnx");
/// Its card: the promise that the demo is held to.
pub(crate) const CARD: &str = include_str!("../detector/card.toml");

/// Most marks of a timeline: ten minutes at 60 Hz.
const TIMELINE: usize = 10 * 60 * 60;

/// What the demo's session gave.
#[derive(Clone, Debug)]
pub struct Session {
    /// One report for each policy; the engine's is the first.
    pub reports: Vec<Detail>,
    /// Frames with truth and answers.
    pub stills: Vec<Still>,
    /// Median time of a run on this machine, in milliseconds.
    pub median_ms: f64,
}

/// The command.
///
/// # Errors
/// When model, card or scene cannot be used, or a file cannot be written.
pub fn command(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    if let Some(repeats) = args.cpu {
        return cpu_time(args, repeats).map(|()| ExitCode::SUCCESS);
    }
    let rows = if args.real { real(args)? } else { rendered(args)? };
    let first = &rows[0];
    let verdict = if kept(first) { "kept" } else { "BROKEN" };
    say(format_args!(
        "promise {verdict}: {:.2}% of refreshes violate, {:.2}% are allowed; {:.1} frames for each model run",
        first.violation_rate() * 100.0,
        first.miss_rate * 100.0,
        first.frames as f64 / first.runs.max(1) as f64
    ));
    Ok(if kept(first) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the demo's frames cost, against its own model on every frame.
fn cpu_time(args: &DemoArgs, repeats: u32) -> anyhow::Result<()> {
    let (loaded, spec) = ingredients(args)?;
    let mut scene = spec.build(args.seed).with_colour(Colour::Nv12);
    let arrived: Vec<u64> = (0..scene.frames()).filter(|&i| scene.arrives(i).is_some()).collect();
    let pictures: Vec<Picture> = arrived.into_iter().map(|i| picture(scene.frame(i))).collect();
    let (latency, seed) = (PHONE, args.seed);
    let bench =
        Bench { name: "demo", loaded: &loaded, pictures: &pictures, region: None, latency, seed, repeats };
    cpu::show(&bench.measure()?, repeats, args.output.json.as_deref())
}

fn picture(frame: RenderedFrame) -> Picture {
    Picture {
        captured: frame.captured,
        format: PixelFormat::Nv12,
        width: frame.width,
        height: frame.height,
        rotation: Rotation::None,
        data: frame.data,
    }
}

/// The detector and the scene, with the promise of the detector's card.
fn ingredients(args: &DemoArgs) -> anyhow::Result<(Loaded, SceneSpec)> {
    let mut spec = SceneSpec::parse(scenes::DEMO).context("the demo's scene")?;
    scenes::shorten(&mut spec, args.seconds)?;
    let loaded = Loaded::from_parts(CARD, MODEL).context("the demo's detector")?;
    spec.tolerance = loaded.tolerance();
    spec.display.hz = loaded.card.display.hz;
    Ok((loaded, spec))
}

fn rendered(args: &DemoArgs) -> anyhow::Result<Vec<Row>> {
    let (loaded, spec) = ingredients(args)?;
    let session = session(&loaded, &spec, args.seed, args.measured)?;
    let rows: Vec<Row> = session.reports.iter().map(|r| r.row.clone()).collect();
    let how = if args.measured {
        format!("runs take what they take on this machine (median {:.1} ms)", session.median_ms)
    } else {
        format!(
            "runs take {:.0} ms in the middle and {:.0} ms at the 95th percentile, as on a phone (here the model takes {:.1} ms)",
            spec.latency.median_ms, spec.latency.p95_ms, session.median_ms
        )
    };
    let lead = format!(
        "The scene is rendered, not filmed: {} s at {} frames a second with exact truth. The model is real: {} ({} kMAC a run), through the SDK. Answers at {} Hz.",
        spec.duration_s,
        spec.camera.fps,
        loaded.card.model.name,
        loaded.model.macs() / 1000,
        spec.display.hz
    );
    say(format_args!("\n{lead}\nTime is virtual; {how}."));
    say(table::terminal(&rows, false));
    for line in
        table::equal_runs_lines(&rows).into_iter().chain([table::faults_line(&session.reports[0].faults)])
    {
        say(line);
    }
    if let Some(path) = &args.output.json {
        write_json(path, &rows)?;
    }
    let path = args.output.report.clone().unwrap_or_else(|| default_report("demo.html"));
    let mut reports = session.reports;
    let report = Report {
        title: "Inbetween demo".into(),
        lead,
        notes: vec![
            "This scene is rendered: no camera was involved, so its truth is exact at every display time."
                .into(),
            format!("Time is virtual; {how}."),
            baselines::NOTE.into(),
        ],
        rows: rows.clone(),
        detail: Some(reports.swap_remove(0)),
        stills: session.stills,
        command: crate::command_line(),
    };
    report.write(&path)?;
    say(format_args!("report: {}", path.display()));
    Ok(rows)
}

/// One session: the engine with the model on every frame beside it, then the baselines at equal runs.
///
/// # Errors
/// When the model fails, or the engine refuses the scene's frames.
pub fn session(loaded: &Loaded, spec: &SceneSpec, seed: u64, measured: bool) -> anyhow::Result<Session> {
    let mut spec = spec.clone();
    if measured {
        let (median, p95) = measure(loaded, &spec, seed)?;
        (spec.latency.median_ms, spec.latency.p95_ms) = (median, p95.max(median));
    }
    let (engine, mut detector) = facade::pair(loaded, seed)?;
    let mut policies: Vec<Box<dyn Policy>> =
        vec![Box::new(engine), policy::by_name("every-frame", &spec, seed)?];
    let mut film = Film::new(spec.duration_s, 8, 4);
    let mut reports = drive(&spec, seed, loaded, &mut policies, &mut detector, Some(&mut film));
    detector.verdict()?;
    let stills = film.develop(&reports[0].timeline);
    let (frames, runs) = (reports[0].row.frames, reports[0].row.runs);
    for (name, fillings) in baselines::at_equal_runs() {
        let mut every = frames.div_ceil(runs.max(1)).clamp(1, 10_000) as u32;
        loop {
            let mut same: Vec<Box<dyn Policy>> =
                fillings.iter().map(|f| baselines::policy(name, every, *f, &spec)).collect();
            let done = drive(&spec, seed, loaded, &mut same, &mut detector, None);
            if every == 1 || done.iter().all(|r| r.row.runs >= runs) {
                reports.extend(baselines::best(done));
                break;
            }
            every -= 1;
        }
    }
    detector.verdict()?;
    let mut times = detector.took_ms.clone();
    times.sort_by(f32::total_cmp);
    let median_ms = f64::from(times.get(times.len() / 2).copied().unwrap_or_default());
    Ok(Session { reports, stills, median_ms })
}

fn drive(
    spec: &SceneSpec,
    seed: u64,
    loaded: &Loaded,
    policies: &mut [Box<dyn Policy>],
    detector: &mut ModelDetector,
    film: Option<&mut Film>,
) -> Vec<Detail> {
    let mut scene = spec.build(seed).with_colour(Colour::Nv12);
    let bar = progress(Some(scene.frames()), if film.is_some() { "demo" } else { "baselines" });
    let mut step = |n: u64, _| bar.set_position(n);
    // Time of this thread alone: others share the machine.
    let start = ThreadTime::now();
    let mut clock = || start.elapsed().as_nanos() as u64;
    let timeline = if film.is_some() { TIMELINE } else { 0 };
    let mut see;
    let observer: Option<&mut dyn FnMut(&Moment<'_>)> = match film {
        Some(film) => {
            see = |moment: &Moment<'_>| film.see(moment);
            Some(&mut see)
        }
        None => None,
    };
    let setup = Setup {
        seed,
        cost: loaded.cost(),
        timeline,
        clock: Some(&mut clock),
        observer,
        progress: Some(&mut step),
        ..Setup::default()
    };
    let reports = run(&mut scene, policies, detector, setup);
    bar.finish_and_clear();
    reports
}

/// Median and 95th percentile of the model's run time on this machine, in milliseconds, over 60 frames of the scene.
fn measure(loaded: &Loaded, spec: &SceneSpec, seed: u64) -> anyhow::Result<(f64, f64)> {
    let (_, mut detector) = facade::pair(loaded, seed)?;
    let mut scene = spec.build(seed).with_colour(Colour::Nv12);
    for index in 0..scene.frames().min(60) {
        detector.detect(&scene.frame(index));
    }
    detector.verdict()?;
    let mut times = detector.took_ms;
    times.sort_by(f32::total_cmp);
    let at = |share: f64| f64::from(times[((times.len() as f64 * share) as usize).min(times.len() - 1)]);
    Ok((at(0.5), at(0.95)))
}

fn real(args: &DemoArgs) -> anyhow::Result<Vec<Row>> {
    let video = assets::find("carphone_pristine.mp4");
    let model = assets::find("face_detection_front_128x128_barracuda.onnx");
    let (Some(video), Some(model)) = (video, model) else {
        bail!(
            "there is no real video and face detector in {}: fetch them with `cargo xtask assets`, or run the rendered \
             demo without --real",
            assets::folder().display()
        );
    };
    let card = Path::new(env!("CARGO_MANIFEST_DIR")).join("cards").join("blazeface-front.toml");
    let job = Job {
        video: Video::open(&video, 30.0)?,
        loaded: Loaded::from_files(&model, &card)?,
        latency: Latency::Measured,
        seed: args.seed,
        seconds: None,
        region: None,
        film: true,
    };
    let outcome = job.execute()?;
    let mut output = args.output.clone();
    output.report.get_or_insert_with(|| default_report("demo-real.html"));
    show(&job, outcome, &output, "Inbetween demo, real video", Vec::new())
}
