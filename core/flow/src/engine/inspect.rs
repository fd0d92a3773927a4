//! What the engine believed when it judged the newest frame: for traces and for people who ask why.
//! **Invariant:** looking changes nothing.
//! It does not decide anything, and no stage reads it.

use alloc::vec::Vec;

use crate::{gate::Fit, plan::RunReason, source::TrackState, time::Timestamp};

use super::Engine;
use crate::schedule::Cut;

/// The evidence and the scores behind the plan of the newest frame.
///
/// # Units
/// Errors are in the unit of the card's `epsilon`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inspection {
    /// The error that is exceeded with the miss rate at the first refresh after a run of this frame, as forecast.
    pub error: f32,
    /// The error from which the forecast asks for a run.
    pub threshold: f32,
    /// The source's own standard deviation then.
    pub spread: f32,
    /// Whether a followed track does not look like its key frame any more.
    pub lost: bool,
    /// Whether the newest result left it open whether something is there.
    pub doubtful: bool,
    /// Change that neither tracks nor background explain, in standard deviations.
    pub unexplained: f32,
    /// Whether the picture is another one than the key frame's.
    pub cut: bool,
    /// Why the answers are suspect, if they are.
    pub suspicion: Option<RunReason>,
    /// Runs under way.
    pub in_flight: usize,
    /// Where the key frame's patches were found in the newest frame.
    pub fits: Vec<Fit>,
    /// What is followed, and how well it is known.
    pub tracks: Vec<TrackState>,
}

impl Engine {
    /// What was believed when the newest frame was judged, with the tracks as they are at `at`. It allocates: for
    /// traces, not for every frame.
    pub fn inspect(&self, at: Timestamp) -> Inspection {
        let mut out = Inspection {
            suspicion: self.suspicion,
            in_flight: self.flights.len(),
            fits: self.gate.fits().to_vec(),
            ..Inspection::default()
        };
        self.carrier.tracks(at, &mut out.tracks);
        if let Some(s) = &self.judged {
            out.error = s.age_then.map_or(0.0, |age| self.scheduler.error(s.spread_then, age));
            out.threshold = self.scheduler.threshold() * self.config.tolerance.epsilon;
            out.spread = s.spread_then;
            (out.lost, out.doubtful, out.unexplained) = (s.lost, s.doubtful, s.unexplained);
            out.cut = s.cut != Cut::None;
        }
        out
    }
}
