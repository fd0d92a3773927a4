//! `inbetween peers judge`: what another program said about each frame, against a truth, at the rate of the display.
//! **Invariant:** a result is shown from when it is there until the next; the scorer is the one that Inbetween has.
//! It does not run a model: both the results and the truth come from files.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use inbetween::{Card, Detection, Keypoint, Point, Rect, Timestamp};
use inbetween_sim::{RunCost, policy::Estimator};
use serde::{Deserialize, Serialize};

use crate::{
    baselines,
    cli::JudgeArgs,
    model::{promise, stand_in},
    record::{Row, write_lines},
    run::{
        compare::Compare,
        lane::{BaselinePlayer, Lane, Shot},
        truth::{EveryFrame, judge},
    },
};

/// One box of a file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Box {
    class: u32,
    score: f32,
    /// Left, top, right, bottom in pixels of the upright frame.
    bounds: [f32; 4],
}

/// One frame of a file. Points stand for a shape in place of boxes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Said {
    captured_s: f64,
    #[serde(default)]
    boxes: Vec<Box>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    points: Vec<[f32; 2]>,
}

impl Said {
    /// What was said about the frame of `captured`.
    pub fn of(captured: Timestamp, boxes: &[Detection]) -> Self {
        let one = |d: &Detection| Box {
            class: d.class,
            score: d.score,
            bounds: [d.bounds.x0, d.bounds.y0, d.bounds.x1, d.bounds.y1],
        };
        Self {
            captured_s: captured.as_secs_f64(),
            boxes: boxes.iter().map(one).collect(),
            points: Vec::new(),
        }
    }

    fn captured(&self) -> Timestamp {
        Timestamp::from_nanos((self.captured_s * 1e9).round() as u64)
    }

    fn detections(&self, compare: Compare) -> Vec<Detection> {
        if !self.points.is_empty() {
            let shown = |&[x, y]: &[f32; 2]| Keypoint { at: Point::new(x, y), visibility: 1.0 };
            let value = inbetween::Value::Keypoints(self.points.iter().map(shown).collect());
            return compare.boxes(&value).unwrap_or_default();
        }
        let one = |b: &Box| {
            let [x0, y0, x1, y1] = b.bounds;
            Detection { bounds: Rect::new(x0, y0, x1, y1), score: b.score, class: b.class, identity: None }
        };
        self.boxes.iter().map(one).collect()
    }
}

/// Reads a file of frames.
fn read(path: &Path) -> anyhow::Result<Vec<Said>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let frames = text.lines().map(serde_json::from_str).collect::<Result<Vec<Said>, _>>();
    let frames = frames.with_context(|| format!("{} is not one frame a line", path.display()))?;
    ensure!(frames.len() >= 2, "{} has no two frames", path.display());
    ensure!(
        frames.iter().all(|f| (0.0..1e9).contains(&f.captured_s))
            && frames.windows(2).all(|w| w[0].captured_s < w[1].captured_s),
        "{}: captured_s must rise from 0",
        path.display()
    );
    Ok(frames)
}

/// Judges and writes one row.
///
/// # Errors
/// When a file cannot be used.
pub fn command(args: &JudgeArgs) -> anyhow::Result<()> {
    ensure!((0.0..=60_000.0).contains(&args.latency_ms), "--latency-ms must be from 0 to 60000");
    let text = fs::read_to_string(&args.card)
        .with_context(|| format!("cannot read card {}", args.card.display()))?;
    let card = Card::parse(&text).with_context(|| format!("card {}", args.card.display()))?;
    let (results, known) = (read(&args.results)?, read(&args.truth)?);
    write_lines(&args.json, [row(args, &card, &results, &known)?])
}

fn row(args: &JudgeArgs, card: &Card, results: &[Said], known: &[Said]) -> anyhow::Result<Row> {
    let compare = Compare::new(card.tolerance.epsilon);
    let mut truth = EveryFrame::default();
    for frame in known {
        truth.push(frame.captured(), &frame.detections(compare));
    }
    let spec = stand_in(&args.name, args.size, card.display.hz, promise(card))?;
    let policy = baselines::policy(&args.name, 1, Estimator::Hold, &spec);
    let mut lane = Lane::new(BaselinePlayer::new(policy), Duration::from_secs_f64(1.0 / card.display.hz));
    let latency = Some(Duration::from_secs_f64(args.latency_ms * 1e-3));
    for (index, frame) in (0..).zip(results) {
        let (captured, found) = (frame.captured(), &frame.detections(compare)[..]);
        lane.frame(&Shot { index, captured, frame: None, found, latency })?;
    }
    let log = lane.finish(truth.end());
    Ok(judge(&args.name, Some(1), &log, &truth, &spec, &RunCost::default()).row)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const CARD: &str = "[decision]\ntext = \"x\"\n[tolerance]\nepsilon = 4\nmiss_rate = 0.05\n\
        [budget]\ndeadline_ms = 100\nmax_age_ms = 1000\n[model]\nname = \"m\"\nversion = 1\nfile = \"m.onnx\"\n\
        input = { kind = \"image\", width = 8, height = 8 }\nhead = { kind = \"yolo\" }\n";

    fn args() -> JudgeArgs {
        JudgeArgs {
            name: "other".into(),
            results: PathBuf::new(),
            truth: PathBuf::new(),
            card: PathBuf::new(),
            size: (320, 240),
            latency_ms: 5.0,
            json: PathBuf::new(),
        }
    }

    fn frames(shift: f32) -> Vec<Said> {
        let frame = |i: u16| {
            let x = f32::from(i) + shift;
            let at = Rect::new(x, 20.0, x + 40.0, 60.0);
            let found = Detection { bounds: at, score: 0.9, class: 0, identity: None };
            Said::of(Timestamp::from_millis(u64::from(i) * 40), &[found])
        };
        (0..50).map(frame).collect()
    }

    #[test]
    fn results_that_are_true_keep_the_promise_and_others_do_not() {
        let card = Card::parse(CARD).unwrap();
        let good = row(&args(), &card, &frames(0.0), &frames(0.0)).unwrap();
        assert_eq!((good.runs, good.violations), (50, 0));
        let off = row(&args(), &card, &frames(9.0), &frames(0.0)).unwrap();
        assert!(off.violations > off.refreshes / 2, "{} of {}", off.violations, off.refreshes);
    }

    #[test]
    fn points_are_squares_of_their_own_class() {
        let said = Said { points: vec![[3.0, 4.0], [5.0, 6.0]], ..Said::default() };
        let found = said.detections(Compare::new(2.0));
        assert_eq!(found.len(), 2);
        assert_eq!((found[1].class, found[1].bounds.center()), (1, Point::new(5.0, 6.0)));
        let text = serde_json::to_string(&said).unwrap();
        assert_eq!(serde_json::from_str::<Said>(&text).unwrap(), said);
    }
}
