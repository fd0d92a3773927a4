//! Cheap evidence from pixels: where did what the key frame showed go, and what does that not explain?
//! **Invariant:** measuring a frame allocates nothing once a key frame is set.
//! It does not decide whether to run (that is `schedule`) and does not move answers (that is `source`).

use alloc::vec::Vec;

use crate::{
    frame::Luma,
    geometry::{Point, Rect},
    plan::TicketId,
    time::Timestamp,
};

/// Something on the key frame that is to be followed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// The track's identity (or the keypoint's index).
    pub identity: u32,
    /// Where it was on the key frame, in upright pixels.
    pub bounds: Rect,
    /// How far it is believed to have moved from the key frame to the newest frame: where the search starts.
    pub guess: Point,
}

/// How well a target was found in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FitState {
    /// Found; its motion may be used.
    Followed,
    /// Too little texture to say where it is.
    Weak,
    /// It does not look like the key frame any more (occluded, changed, gone).
    Lost,
    /// It has left the frame.
    Outside,
}

/// Where a target went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Whose.
    pub identity: u32,
    /// Motion of its centre since the key frame, in upright pixels.
    pub moved: Point,
    /// Change of size since the key frame; 1 when unchanged.
    pub scale: f32,
    /// What the fit leaves unexplained, robust, from 0 (identical) to 1 (unrelated).
    pub residual: f32,
    /// Standard error of `moved` that texture and residual allow, in upright pixels.
    pub sigma: f32,
    /// How well it was found.
    pub state: FitState,
}

/// What one frame shows, relative to the key frame.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// One fit per target, in the order of the targets.
    pub fits: Vec<Fit>,
    /// Motion of the background since the key frame, in upright pixels.
    pub background: Point,
    /// The largest change of a block that neither gain, offset, background nor targets explain,
    /// in standard deviations of the noise that the gate has learnt.
    pub unexplained: f32,
    /// Where that block is.
    pub unexplained_at: Rect,
    /// Share of blocks that are unexplained, from 0 to 1.
    pub changed: f32,
    /// Whether the picture as a whole is another one.
    pub cut: bool,
}

/// The gate: keeps pictures of frames that are being run, follows the newest one that has a result.
#[derive(Debug)]
pub struct Gate {
    evidence: Evidence,
}

impl Gate {
    /// A gate for answers that may be wrong by `epsilon` upright pixels.
    pub fn new(epsilon: f32) -> Self {
        let _ = epsilon;
        Self { evidence: Evidence::default() }
    }

    /// Keeps a small copy of the frame on which `ticket` runs.
    pub fn keep(&mut self, ticket: TicketId, captured: Timestamp, luma: &Luma<'_>) {
        let _ = (ticket, captured, luma);
    }

    /// Forgets the frame of a run that gave no result.
    pub fn discard(&mut self, ticket: TicketId) {
        let _ = ticket;
    }

    /// Makes the kept frame of `ticket` the key frame, to be followed at `targets`.
    /// Returns whether the frame was still there.
    pub fn rekey(&mut self, ticket: TicketId, targets: &[Target]) -> bool {
        let _ = (ticket, targets);
        false
    }

    /// Compares a frame with the key frame. `None` while there is no key frame.
    pub fn measure(&mut self, captured: Timestamp, luma: &Luma<'_>) -> Option<&Evidence> {
        let _ = (captured, luma);
        Some(&self.evidence).filter(|e| !e.fits.is_empty())
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.evidence.fits.clear();
    }
}
