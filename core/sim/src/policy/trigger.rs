//! When a baseline runs: on every Nth frame, or when the picture differs from the last one that was run.
//! **Invariant:** a trigger looks at frames alone, never at results.
//! It does not know whether the worker is free.

use core::time::Duration;

use inbetween_flow::Timestamp;

use crate::scene::RenderedFrame;

/// When a baseline wants a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trigger {
    /// On every Nth frame.
    Every(u32),
    /// When a block of the picture differs in mean brightness from the last picture that was run by more than this
    /// many grey levels, or that picture is about to pass the age cap.
    ///
    /// # Source
    /// The difference filters of NoScope (VLDB 2017), Glimpse (SenSys 2015) and Reducto (SIGCOMM 2020): unsigned, so
    /// they see that something moved and not where to.
    Difference {
        /// Grey levels.
        threshold: f32,
    },
}

/// Blocks across and down.
const GRID: (usize, usize) = (32, 18);
/// Every so many pixels of a row are read: block means do not need more.
const STRIDE: usize = 2;

/// A trigger with its memory.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    trigger: Trigger,
    since: u32,
    refresh_after: Duration,
    key: Vec<f32>,
    key_time: Option<Timestamp>,
    now: Vec<f32>,
}

impl Watch {
    pub(super) fn new(trigger: Trigger, max_age: Duration) -> Self {
        Self {
            trigger,
            since: u32::MAX, // the first frame is run
            // A run must be over before the cap: a quarter of a second covers latency tails of the shipped scenes.
            refresh_after: max_age.saturating_sub(Duration::from_millis(250)),
            key: Vec::new(),
            key_time: None,
            now: Vec::new(),
        }
    }

    pub(super) const fn trigger(&self) -> Trigger {
        self.trigger
    }

    /// Whether a run is wanted on this frame.
    pub(super) fn wants(&mut self, frame: &RenderedFrame) -> bool {
        self.since = self.since.saturating_add(1);
        match self.trigger {
            Trigger::Every(n) => self.since >= n,
            Trigger::Difference { threshold } => {
                blocks(frame, &mut self.now);
                let old = self.key_time.is_none_or(|t| frame.captured.since(t) >= self.refresh_after);
                let differs = self.now.iter().zip(&self.key).any(|(a, b)| (a - b).abs() > threshold);
                old || differs
            }
        }
    }

    /// This frame is run.
    pub(super) fn ran(&mut self, frame: &RenderedFrame) {
        self.since = 0;
        self.key_time = Some(frame.captured);
        core::mem::swap(&mut self.key, &mut self.now);
    }
}

/// Mean brightness of each block.
fn blocks(frame: &RenderedFrame, out: &mut Vec<f32>) {
    let (w, h) = (frame.width as usize, frame.height as usize);
    let luma = frame.luma();
    out.clear();
    for j in 0..GRID.1 {
        let rows = j * h / GRID.1..(j + 1) * h / GRID.1;
        for i in 0..GRID.0 {
            let (x0, x1) = (i * w / GRID.0, (i + 1) * w / GRID.0);
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
