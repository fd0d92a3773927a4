//! Takes stills while a rendered session goes on.
//! **Invariant:** half of the moments are fixed beforehand; the others are violations, as they come.
//! It does not render again: the pictures are those that the policies saw.

use std::io::Cursor;

use image::{ImageFormat, RgbImage, imageops::FilterType};
use inbetween_flow::{Rect, Timestamp};
use inbetween_sim::{Moment, Timeline, measure::RefreshMark};

use crate::session::{Mark, Still};

/// Width of the stills, in pixels.
const WIDTH: u32 = 360;
/// Stills of violations lie at least this far apart, in seconds.
const APART: f64 = 0.5;

/// Collects stills of the first policy.
#[derive(Debug)]
pub struct Film {
    planned: Vec<f64>,
    violations: usize,
    last_violation: f64,
    taken: Vec<(Timestamp, Still)>,
}

impl Film {
    /// For a session of `seconds`: `planned` moments spread evenly, and up to `violations` others.
    pub fn new(seconds: f64, planned: usize, violations: usize) -> Self {
        let step = seconds / planned.max(1) as f64;
        let planned = (0..planned).map(|i| (i as f64 + 0.5) * step).collect();
        Self { planned, violations, last_violation: f64::NEG_INFINITY, taken: Vec::new() }
    }

    /// Looks at a moment and takes a still of it when it is one of those that are wanted.
    pub fn see(&mut self, moment: &Moment<'_>) {
        if moment.policy != 0 || moment.frame.data.is_empty() {
            return;
        }
        let t = moment.display.as_secs_f64();
        let due = self.planned.first().is_some_and(|&p| t >= p);
        let violation =
            moment.verdict.fault.is_some() && self.violations > 0 && t - self.last_violation >= APART;
        if due {
            self.planned.retain(|&p| p > t);
        } else if violation {
            self.violations -= 1;
        } else {
            return;
        }
        if violation {
            self.last_violation = t;
        }
        let Some(still) = still(moment) else { return };
        self.taken.push((moment.frame.captured, still));
    }

    /// The stills, each with the plan of its frame.
    pub fn develop(self, log: &Timeline) -> Vec<Still> {
        let plan = |captured: Timestamp| {
            let t = captured.as_secs_f64();
            log.frames.get(log.frames.partition_point(|f| f.captured_s <= t + 1e-9).wrapping_sub(1)).copied()
        };
        self.taken.into_iter().map(|(captured, still)| Still { plan: plan(captured), ..still }).collect()
    }
}

/// A still of a moment; `None` where it has no picture.
pub fn still(moment: &Moment<'_>) -> Option<Still> {
    let (w, h) = (moment.frame.width, moment.frame.height);
    let jpeg = RgbImage::from_raw(w, h, moment.frame.rgb()).and_then(|p| jpeg(&p))?;
    let shown = moment.shown;
    let answers = shown.detections.unwrap_or_default();
    Some(Still {
        jpeg,
        width: w,
        height: h,
        truth: marks(moment.truth.iter().filter(|t| t.visible >= 0.5).map(|t| (t.bounds, Some(t.identity)))),
        answer: marks(answers.iter().map(|a| (a.bounds, a.identity))),
        refresh: RefreshMark {
            display_s: moment.display.as_secs_f64(),
            source: shown.source,
            age_ms: shown.key_frame.map(|k| moment.display.since(k).as_secs_f64() * 1e3),
            error_px: moment.verdict.error_px,
            missing: moment.verdict.missing,
            uncertainty_px: shown.uncertainty,
            within_tolerance: shown.within_tolerance,
            fault: moment.verdict.fault,
        },
        plan: None,
    })
}

/// Boxes as marks.
pub fn marks(boxes: impl Iterator<Item = (Rect, Option<u32>)>) -> Vec<Mark> {
    boxes.map(|(bounds, identity)| Mark { bounds, identity }).collect()
}

/// A picture as a small JPEG.
pub fn jpeg(picture: &RgbImage) -> Option<Vec<u8>> {
    let (w, h) = picture.dimensions();
    let mut out = Cursor::new(Vec::new());
    let height =
        (u64::from(h) * u64::from(WIDTH) / u64::from(w.max(1))).clamp(1, 4 * u64::from(WIDTH)) as u32;
    let small = image::imageops::resize(picture, WIDTH, height, FilterType::Triangle);
    small.write_to(&mut out, ImageFormat::Jpeg).ok()?;
    Some(out.into_inner())
}
