//! Which objects count at a refresh, and where objects have been lately. Of the truth alone.
//! **Invariant:** nothing that a policy does changes what counts.
//! It does not see answers.

use core::time::Duration;
use std::collections::VecDeque;

use inbetween_flow::{Rect, Timestamp};

use crate::{scene::Truth, spec::ToleranceSpec};

/// The least visible share with which an object counts: half of it inside the frame and unoccluded.
const COUNTING_SHARE: f32 = 0.5;
/// Overlap from which an answer stands where an object is.
const SAME_PLACE_IOU: f32 = 0.1;

/// An object at a refresh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counted {
    /// What is true about it.
    pub truth: Truth,
    /// Whether it must be answered: visible enough, and for longer than the grace.
    pub counts: bool,
    /// Number of its stay in the frame. A policy may give it another identity in another stay.
    pub stay: u32,
    /// Whether its box is exactly the one of the refresh before.
    pub still: bool,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    identity: u32,
    stay: u32,
    /// Since when it has been visible enough; `None` while it is not.
    since: Option<Timestamp>,
    last_visible: Timestamp,
    bounds: Rect,
    present: bool,
    away: bool,
}

/// Follows the truth from refresh to refresh.
#[derive(Clone, Debug)]
pub struct Presence {
    grace: Duration,
    memory: Duration,
    epsilon: f32,
    seen: Vec<Seen>,
    now: Vec<Counted>,
    places: VecDeque<(Timestamp, Vec<Rect>)>,
}

impl Presence {
    /// For a scene's promise.
    pub fn new(tolerance: &ToleranceSpec) -> Self {
        Self {
            grace: Duration::from_nanos((tolerance.grace_ms * 1e6) as u64),
            memory: Duration::from_nanos((tolerance.max_age_ms * 1e6) as u64),
            epsilon: tolerance.epsilon_px as f32,
            seen: Vec::new(),
            now: Vec::new(),
            places: VecDeque::new(),
        }
    }

    /// Takes the truth of the next refresh.
    pub fn advance(&mut self, at: Timestamp, truth: &[Truth]) {
        self.now.clear();
        for seen in &mut self.seen {
            seen.present = false;
        }
        for t in truth {
            let counted = self.take(at, t);
            self.now.push(counted);
        }
        // Who has left the frame may be somebody new when they come back.
        for seen in self.seen.iter_mut().filter(|s| !s.present && !s.away) {
            (seen.since, seen.away) = (None, true);
            seen.stay += 1;
        }
        let mut places = match self.places.front() {
            Some((time, _)) if at.since(*time) > self.grace => {
                self.places.pop_front().map_or_else(Vec::new, |(_, places)| places)
            }
            _ => Vec::new(),
        };
        while self.places.front().is_some_and(|(time, _)| at.since(*time) > self.grace) {
            self.places.pop_front();
        }
        places.clear();
        places.extend(truth.iter().map(|t| t.bounds));
        self.places.push_back((at, places));
    }

    fn take(&mut self, at: Timestamp, truth: &Truth) -> Counted {
        let index = self.seen.iter().position(|s| s.identity == truth.identity).unwrap_or_else(|| {
            self.seen.push(Seen {
                identity: truth.identity,
                stay: 0,
                since: None,
                last_visible: at,
                bounds: Rect::new(f32::NAN, 0.0, 0.0, 0.0), // equal to nothing: it was not here before
                present: true,
                away: false,
            });
            self.seen.len() - 1
        });
        let seen = &mut self.seen[index];
        if truth.visible >= COUNTING_SHARE {
            if seen.since.is_none() && at.since(seen.last_visible) > self.memory {
                seen.stay += 1;
            }
            seen.since = seen.since.or(Some(at));
            seen.last_visible = at;
        } else {
            seen.since = None;
        }
        let still = seen.bounds == truth.bounds;
        (seen.bounds, seen.present, seen.away) = (truth.bounds, true, false);
        let counts = seen.since.is_some_and(|since| at.since(since) >= self.grace);
        Counted { truth: *truth, counts, stay: seen.stay, still }
    }

    /// All objects at this refresh.
    pub fn objects(&self) -> &[Counted] {
        &self.now
    }

    /// Whether an object stands at `place` or has stood there within the grace.
    pub fn occupied(&self, place: &Rect) -> bool {
        self.places
            .iter()
            .flat_map(|(_, places)| places)
            .any(|object| same_place(object, place, self.epsilon))
    }

    /// The grace.
    pub const fn grace(&self) -> Duration {
        self.grace
    }

    /// The largest good error, in pixels.
    pub const fn epsilon(&self) -> f32 {
        self.epsilon
    }
}

/// Whether an answer at `place` stands where `object` is.
pub(crate) fn same_place(object: &Rect, place: &Rect, epsilon: f32) -> bool {
    object.iou(place) >= SAME_PLACE_IOU || object.worst_corner(place) <= epsilon
}
