//! One observation of each kind from each session, drawn evenly from its events.
//! **Invariant:** each of a session's k events is the one that counts with chance 1/k, whatever k turns out to be.
//! It does not say when a session ends.

use crate::{config::MOST_FEATURES, rng::Rng};

use super::{
    bins::Place,
    window::{Window, for_each},
};

/// What a prediction is counted as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PredictionPlace {
    pub score: Place,
    pub class: Place,
}

/// The session that goes on.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    rng: Rng,
    events: u32,
    predictions: u32,
    features: [Place; MOST_FEATURES],
    prediction: PredictionPlace,
    /// The groups of that prediction.
    cells: u32,
}

impl Sample {
    pub(super) fn new(seed: u64) -> Self {
        // Another stream than that of the audits, which have the seed itself.
        let rng = Rng::new(seed ^ 0x6D6F_6E69_746F_7221);
        let features = [Place::Missing; MOST_FEATURES];
        Self { rng, events: 0, predictions: 0, features, prediction: PredictionPlace::default(), cells: 0 }
    }

    /// Whether the `seen`th of a session is the one, for now: a reservoir of one (Vitter 1985).
    fn draws(rng: &mut Rng, seen: &mut u32) -> bool {
        *seen = seen.saturating_add(1);
        *seen == 1 || rng.unit() * (*seen as f32) < 1.0
    }

    pub(super) fn event(&mut self, features: &[Place]) {
        if Self::draws(&mut self.rng, &mut self.events) {
            self.features[..features.len()].copy_from_slice(features);
        }
    }

    pub(super) fn prediction(&mut self, place: PredictionPlace, cells: u32) {
        if Self::draws(&mut self.rng, &mut self.predictions) {
            (self.prediction, self.cells) = (place, cells);
        }
    }

    /// Ends the session: what was drawn counts in `window`, of `features` features.
    pub(super) fn end(&mut self, window: &mut Window, features: usize) {
        if self.events == 0 && self.predictions == 0 {
            return;
        }
        window.sessions = window.sessions.saturating_add(1);
        if self.events > 0 {
            for (bins, place) in window.features.iter_mut().zip(&self.features[..features]) {
                bins.session(*place);
            }
        }
        if self.predictions > 0 {
            window.scores.session(self.prediction.score);
            window.classes.session(self.prediction.class);
            for_each(self.cells, |cell| window.cells[cell].scores.session(self.prediction.score));
        }
        (self.events, self.predictions) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_of_a_session_is_as_likely_to_count() {
        let mut sample = Sample::new(5);
        let mut window = Window::default();
        for _ in 0..20_000 {
            for place in 0..8 {
                sample.event(&[Place::Bin(place)]);
            }
            sample.end(&mut window, 1);
            sample.end(&mut window, 1); // nothing in it
        }
        assert_eq!(window.sessions, 20_000);
        let counts = window.features[0].sessions.counts();
        assert!(counts[..8].iter().all(|n| n.abs_diff(2_500) < 200), "{counts:?}");
    }
}
