//! Runs the engine through scenes and prints, for each, what it decided, and a digest of all that it decided and showed.
//! **Invariant:** the same scene, seed and length give the same line, on every platform and at every level of optimisation.
//! It does not judge: `cargo xtask bench counts` records the lines, the suite `aarch64` compares two platforms'.
//!
//! `sessions SEED..END SECONDS SCENE.toml…` prints one line of JSON for each scene and seed.

use std::{
    cell::Cell,
    env, fs,
    io::{self, BufWriter, Write},
    process::ExitCode,
    rc::Rc,
};

use inbetween_flow::{Completion, TicketId, Timestamp};
use inbetween_sim::{
    Policy, RenderedFrame, SceneSpec, Setup, Shown, SimulatedDetector, Step, policy::by_name, run,
};

const USAGE: &str = "usage: sessions SEED..END SECONDS SCENE.toml…";

fn main() -> ExitCode {
    match sessions(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(io::stderr(), "sessions: {message}");
            ExitCode::FAILURE
        }
    }
}

/// FNV-1a, 64 bits: order matters, and it needs no crate.
#[derive(Clone)]
struct Digest(Rc<Cell<u64>>);

impl Digest {
    fn new() -> Self {
        Self(Rc::new(Cell::new(0xcbf2_9ce4_8422_2325)))
    }

    fn add(&self, bytes: &[u8]) {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        self.0.set(bytes.iter().fold(self.0.get(), step));
    }

    fn add_f32(&self, x: f32) {
        self.add(&x.to_bits().to_le_bytes());
    }

    fn add_time(&self, at: Timestamp) {
        self.add(&at.as_nanos().to_le_bytes());
    }
}

/// A policy whose plans are written down as they are made.
struct Recorded {
    inner: Box<dyn Policy>,
    digest: Digest,
}

impl Policy for Recorded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn needs_pixels(&self) -> bool {
        self.inner.needs_pixels()
    }

    fn on_frame(&mut self, now: Timestamp, frame: &RenderedFrame, busy: bool) -> Step {
        self.digest.add_time(now);
        self.digest.add(&frame.data);
        let step = self.inner.on_frame(now, frame, busy);
        let reason = match &step {
            Step::Run { reason, .. } | Step::Skip { reason } => reason,
        };
        self.digest.add(reason.as_bytes());
        step
    }

    fn on_completion(&mut self, now: Timestamp, completion: Completion) {
        self.digest.add_time(now);
        self.inner.on_completion(now, completion);
    }

    fn answer(&mut self, display: Timestamp) -> Shown<'_> {
        let shown = self.inner.answer(display);
        self.digest.add_time(display);
        self.digest.add(shown.source.as_bytes());
        self.digest.add(&[u8::from(shown.within_tolerance)]);
        self.digest.add_f32(shown.uncertainty);
        for d in shown.detections.unwrap_or_default() {
            for x in [d.bounds.x0, d.bounds.y0, d.bounds.x1, d.bounds.y1, d.score] {
                self.digest.add_f32(x);
            }
            self.digest.add(&d.class.to_le_bytes());
            self.digest.add(&d.identity.unwrap_or(u32::MAX).to_le_bytes());
        }
        shown
    }

    fn poll_cancel(&mut self) -> Option<TicketId> {
        self.inner.poll_cancel()
    }

    fn next_timeout(&self) -> Option<Timestamp> {
        self.inner.next_timeout()
    }

    fn on_timeout(&mut self, now: Timestamp) {
        self.inner.on_timeout(now);
    }
}

fn sessions(args: &[String]) -> Result<(), String> {
    let [seeds, seconds, files @ ..] = args else { return Err(USAGE.to_owned()) };
    let (first, end) = seeds.split_once("..").ok_or(USAGE)?;
    let number = |text: &str| text.parse::<u64>().map_err(|e| format!("{text}: {e}\n{USAGE}"));
    let (first, end) = (number(first)?, number(end)?);
    let seconds: f64 = seconds.parse().map_err(|e| format!("{seconds}: {e}\n{USAGE}"))?;
    if files.is_empty() || !(seconds > 0.0 && seconds < 1e4) || first >= end {
        return Err(USAGE.to_owned());
    }
    let mut out = BufWriter::new(io::stdout().lock());
    for file in files {
        let text = fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
        let mut spec = SceneSpec::parse(&text).map_err(|e| format!("{file}: {e}"))?;
        spec.duration_s = seconds;
        for seed in first..end {
            let line = session(&spec, seed).map_err(|e| format!("{file}: {e}"))?;
            writeln!(out, "{line}").map_err(|e| format!("standard output: {e}"))?;
        }
    }
    out.flush().map_err(|e| format!("standard output: {e}"))
}

fn session(spec: &SceneSpec, seed: u64) -> Result<String, String> {
    let inner = by_name("inbetween", spec, seed).map_err(|e| e.to_string())?;
    let digest = Digest::new();
    let mut scene = spec.build(seed);
    let mut detector = SimulatedDetector::new(&scene);
    let mut reports = run(
        &mut scene,
        &mut [Box::new(Recorded { inner, digest: digest.clone() })],
        &mut detector,
        Setup { seed, ..Setup::default() },
    );
    let report = reports.pop().ok_or("no report")?;
    let row = &report.row;
    let skips: u64 = report.skip_reasons.values().sum();
    Ok(format!(
        r#"{{"scene":"{}","seed":{seed},"frames":{},"refreshes":{},"runs":{},"skips":{skips},"audits":{},"cancelled":{},"violations":{},"digest":"{:016x}"}}"#,
        row.scene,
        row.frames,
        row.refreshes,
        row.runs,
        row.audits,
        row.cancelled,
        row.violations,
        digest.0.get()
    ))
}
