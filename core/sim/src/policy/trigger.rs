//! When a baseline runs: on a timer, whenever the worker is free, or when the picture differs from the last one run.
//! **Invariant:** a trigger looks at frames, times and what runs took, never at results.
//! It does not start anything: `baseline` does.

use core::time::Duration;

use inbetween_flow::Timestamp;

use crate::{scene::RenderedFrame, spec::SceneSpec};

/// When a baseline wants a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trigger {
    /// On every Nth frame.
    Every(u32),
    /// Always: when a run ends, the newest frame is started at once, however old it is by then.
    BackToBack,
    /// As soon as the worker is free, unless waiting for the next frame makes for fresher results: with a mean run of
    /// `r ≥ 1` frames that ends at `s` (in frames), wait where `τ(s + r) < τ(s)` with `τ(t) = t − ⌊t⌋`, which is
    /// `r < ⌊τ(s) + r⌋`. Shorter runs start when a frame arrives.
    ///
    /// # Source
    /// Li, Wang and Ramanan, "Towards Streaming Perception", ECCV 2020, algorithm 1.
    ShrinkingTail,
    /// When a block of the picture differs in mean brightness from the last picture that was run by more than this
    /// many grey levels, or that picture is about to pass the age cap.
    ///
    /// # Source
    /// The difference detectors of NoScope (VLDB 2017): unsigned, so they see that something moved and not where to.
    Difference {
        /// Grey levels.
        threshold: f32,
    },
    /// When this share of the picture's points differs from the last picture that was *sent* by more than 21 grey
    /// levels after smoothing over 11 pixels, or that picture is about to pass the age cap.
    ///
    /// # Source
    /// The pixel feature of Reducto (SIGCOMM 2020) with its constants, and Glimpse's comparison with the last sent
    /// frame (SenSys 2015). Simplified: Reducto looks the share up for each segment by nearest neighbours in a
    /// profile; here it is tuned (or known in hindsight, which is the best that a profile could say).
    Changed {
        /// Share of the points, from 0 to 1.
        share: f32,
    },
}

/// Blocks across and down.
const GRID: (usize, usize) = (32, 18);
/// Every so many pixels of a row are read: block means do not need more.
const STRIDE: usize = 2;
/// Side of the square that is averaged, and the difference that counts, in grey levels (Reducto).
const BLUR: usize = 11;
const LEVELS: f32 = 21.0;
/// Distance of the points that are compared, in pixels: well below the smoothing.
const POINTS: usize = 4;
/// A run must be over before the age cap: a quarter of a second covers latency tails of the shipped scenes.
const MARGIN: Duration = Duration::from_millis(250);

/// How old a result may get before a trigger that watches the picture runs anyway.
pub(super) fn refresh_after(spec: &SceneSpec) -> Duration {
    Duration::from_nanos((spec.tolerance.max_age_ms * 1e6) as u64).saturating_sub(MARGIN)
}

/// A trigger with its memory.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    trigger: Trigger,
    since: u32,
    refresh_after: Duration,
    key: Vec<f32>,
    key_time: Option<Timestamp>,
    now: Vec<f32>,
    sums: Vec<u32>,
    /// Frames a second of the camera, as its mode says.
    fps: f64,
    /// Seconds that all runs took, and how many there were.
    took: (f64, u32),
}

impl Watch {
    pub(super) fn new(trigger: Trigger, spec: &SceneSpec) -> Self {
        Self {
            trigger,
            since: u32::MAX, // the first frame is run
            refresh_after: refresh_after(spec),
            key: Vec::new(),
            key_time: None,
            now: Vec::new(),
            sums: Vec::new(),
            fps: spec.camera.fps,
            took: (0.0, 0),
        }
    }

    pub(super) const fn trigger(&self) -> Trigger {
        self.trigger
    }

    /// Whether a run is wanted on this frame, which has just arrived.
    pub(super) fn wants(&mut self, frame: &RenderedFrame) -> bool {
        self.since = self.since.saturating_add(1);
        let old = self.key_time.is_none_or(|t| frame.captured.since(t) >= self.refresh_after);
        match self.trigger {
            Trigger::Every(n) => self.since >= n,
            Trigger::BackToBack | Trigger::ShrinkingTail => true,
            Trigger::Difference { threshold } => {
                blocks(frame, &mut self.now);
                old || self.now.iter().zip(&self.key).any(|(a, b)| (a - b).abs() > threshold)
            }
            Trigger::Changed { share } => {
                smooth(frame, &mut self.sums, &mut self.now);
                let changed =
                    self.now.iter().zip(&self.key).filter(|(a, b)| (*a - *b).abs() > LEVELS).count();
                old || changed as f32 > share * self.now.len() as f32
            }
        }
    }

    /// Whether a run is wanted on the frame captured at `captured`, the newest, now that a run has ended.
    pub(super) fn wants_when_free(&self, now: Timestamp, captured: Timestamp) -> bool {
        let fresh = self.key_time.is_none_or(|t| captured > t);
        fresh
            && match self.trigger {
                Trigger::BackToBack => true,
                Trigger::ShrinkingTail => {
                    let r = self.took.0 / f64::from(self.took.1.max(1)) * self.fps;
                    let tail = f64::from(now.secs_from(captured)) * self.fps;
                    r >= 1.0 && !waits(tail - tail.floor(), r)
                }
                _ => false,
            }
    }

    /// A run took this long.
    pub(super) fn ended(&mut self, took: Duration) {
        self.took = (self.took.0 + took.as_secs_f64(), self.took.1.saturating_add(1));
    }

    /// This frame is run.
    pub(super) fn ran(&mut self, frame: &RenderedFrame) {
        self.since = 0;
        self.key_time = Some(frame.captured);
        core::mem::swap(&mut self.key, &mut self.now);
    }
}

/// The shrinking-tail rule: whether to wait, at `tail` of a frame period after the newest frame, for runs of `r` periods.
fn waits(tail: f64, r: f64) -> bool {
    r < (tail + r).floor()
}

/// Mean brightness of each block.
pub(super) fn blocks(frame: &RenderedFrame, out: &mut Vec<f32>) {
    grid(frame, GRID, out);
}

/// Mean brightness of each cell of a grid.
pub(super) fn grid(frame: &RenderedFrame, (nx, ny): (usize, usize), out: &mut Vec<f32>) {
    let (w, h) = (frame.width as usize, frame.height as usize);
    let luma = frame.luma();
    out.clear();
    for j in 0..ny {
        let rows = j * h / ny..(j + 1) * h / ny;
        for i in 0..nx {
            let (x0, x1) = (i * w / nx, (i + 1) * w / nx);
            let (mut sum, mut n) = (0_u32, 0_u32);
            for y in rows.clone() {
                for pixel in luma[y * w + x0..y * w + x1].iter().step_by(STRIDE) {
                    sum += u32::from(*pixel);
                    n += 1;
                }
            }
            out.push(sum as f32 / n.max(1) as f32);
        }
    }
}

/// Means of squares of 11 × 11 pixels around points 4 pixels apart, by a table of sums.
fn smooth(frame: &RenderedFrame, sums: &mut Vec<u32>, out: &mut Vec<f32>) {
    let (w, h) = (frame.width as usize, frame.height as usize);
    let across = w + 1;
    sums.clear();
    sums.resize(across * (h + 1), 0);
    for (y, row) in frame.luma().chunks_exact(w).enumerate() {
        let mut line = 0;
        for (x, &pixel) in row.iter().enumerate() {
            line += u32::from(pixel);
            let above = sums[y * across + x + 1];
            // Sums of a frame of 4096 × 4096 need 32 bits; larger ones wrap, and differences of sums stay right.
            sums[(y + 1) * across + x + 1] = above.wrapping_add(line);
        }
    }
    out.clear();
    for y in (0..h).step_by(POINTS) {
        let (y0, y1) = (y.saturating_sub(BLUR / 2), (y + BLUR / 2 + 1).min(h));
        for x in (0..w).step_by(POINTS) {
            let (x0, x1) = (x.saturating_sub(BLUR / 2), (x + BLUR / 2 + 1).min(w));
            let at = |x: usize, y: usize| sums[y * across + x];
            let sum = at(x1, y1).wrapping_sub(at(x0, y1)).wrapping_sub(at(x1, y0)).wrapping_add(at(x0, y0));
            out.push(sum as f32 / ((x1 - x0) * (y1 - y0)) as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shrinking_tail_waits_where_the_next_frame_gives_a_shorter_tail() {
        // Runs of 1.5 frames. From just after a frame (τ = 0.2) the end is at τ = 0.7: start. From τ = 0.6 the end would
        // be at τ = 0.1 of the frame after next: wait.
        assert!(!waits(0.2, 1.5));
        assert!(waits(0.6, 1.5));
        // Whole frames: the tail never changes, so there is nothing to wait for.
        assert!(!waits(0.3, 2.0));
        for (tail, r) in [(0.1, 1.3), (0.8, 1.3), (0.45, 2.9), (0.05, 2.9), (0.99, 1.01)] {
            let tau = |t: f64| t - t.floor();
            assert_eq!(waits(tail, r), tau(tail + r) < tau(tail), "the paper's form at {tail}, {r}");
        }
    }

    #[test]
    fn smoothing_is_the_mean_of_the_square_around() {
        let mut frame = SceneSpec::parse("name = \"s\"\n[[objects]]\n").unwrap().build(1).frame(0);
        for (i, p) in frame.data.iter_mut().enumerate() {
            *p = ((i % 320) / 2) as u8; // brightness is half of x
        }
        let (mut sums, mut out) = (Vec::new(), Vec::new());
        smooth(&frame, &mut sums, &mut out);
        let middle = out[20 * 80 + 40]; // the point (160, 80)
        let mean = (155..=165).map(|x| (x / 2) as f32).sum::<f32>() / 11.0;
        assert!((middle - mean).abs() < 1e-3, "{middle} {mean}");
    }
}
