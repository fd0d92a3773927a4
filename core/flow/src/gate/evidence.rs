//! What the gate is asked to follow, and what it says of a frame.
//! **Invariant:** positions are in upright pixels, motions are since the key frame.
//! It does not measure.

use alloc::vec::Vec;

use crate::geometry::{Point, Rect};

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
    /// Change of size since the key frame, as the geometric mean of width and height; 1 when unchanged.
    pub scale: f32,
    /// Change of the ratio of width to height since the key frame, by deformation or rotation; 1 when unchanged.
    /// The width is multiplied by `scale · √stretch`, the height by `scale / √stretch`.
    pub stretch: f32,
    /// What the fit leaves unexplained, robust, from 0 (identical) to 1 (unrelated).
    pub residual: f32,
    /// Standard error of `moved` that texture and residual allow, in upright pixels.
    pub sigma: f32,
    /// How well it was found.
    pub state: FitState,
}

/// What one frame shows, relative to the key frame.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// One fit per target, in the order of the targets.
    pub fits: Vec<Fit>,
    /// Motion of the background since the key frame, in upright pixels.
    pub background: Point,
    /// Whether that motion was found; otherwise it is a guess.
    pub background_state: FitState,
    /// Change of size of the background since the key frame (zoom); 1 when unchanged.
    pub background_scale: f32,
    /// Brightness as a multiple of the key frame's, after `offset` levels are taken off.
    pub gain: f32,
    /// Levels that light or exposure added since the key frame.
    pub offset: f32,
    /// The largest change of a block that neither gain, offset, background nor targets explain,
    /// in standard deviations of the noise that the gate has learnt.
    pub unexplained: f32,
    /// Where that block is.
    pub unexplained_at: Rect,
    /// Share of the blocks that nothing explains beforehand which changed by more than five standard deviations,
    /// from 0 to 1.
    pub changed: f32,
    /// Share of blocks that the key frame did not show, as a pan uncovers them, from 0 to 1: what is in them is
    /// neither explained nor counted as unexplained.
    pub uncovered: f32,
    /// Whether the picture as a whole is another one.
    pub cut: bool,
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            fits: Vec::new(),
            background: Point::default(),
            background_state: FitState::Weak,
            background_scale: 1.0,
            gain: 1.0,
            offset: 0.0,
            unexplained: 0.0,
            unexplained_at: Rect::default(),
            changed: 0.0,
            uncovered: 0.0,
            cut: false,
        }
    }
}
