//! Attributes of tracks: kept from frame to frame while the track's own pixels show that it is still the same thing.
//! **Invariant:** an attribute is given for a track only if every frame since the one it was found on has shown that track
//! whole, by itself and like before; any doubt forgets it.
//! It does not compute attributes: the host does, with a second model.

use alloc::vec::Vec;
use core::time::Duration;

use crate::{
    cache::{AttributeCache, Sight},
    config::Config,
    gate::{Fit, FitState},
    geometry::Rect,
    source::{Carrier, TrackState},
    time::Timestamp,
    value::Value,
};

use super::Engine;

/// What a fit may leave unexplained of a track that has nothing in front of it.
const PLAIN: f32 = 0.3;
/// Another track this near, as a share of the size, may be taken for this one: as far as a box may be off.
const NEAR: f32 = 0.2;
/// A result that moves a track's box to where it overlaps less than this with where it was believed to be may have found
/// something else.
const SAME: f32 = 0.6;

/// The attributes of one engine's tracks.
#[derive(Debug)]
pub(super) struct Attributes {
    cache: AttributeCache,
    enabled: bool,
    max_age: Duration,
    /// Since which frame each track has been unbroken.
    since: Vec<(u32, Timestamp)>,
    states: Vec<TrackState>,
    sights: Vec<Sight>,
    before: Vec<(u32, Rect)>,
}

impl Attributes {
    pub(super) fn new(config: &Config) -> Self {
        let bytes = config.scheduling.attribute_bytes;
        Self {
            cache: AttributeCache::new(bytes),
            enabled: bytes > 0,
            max_age: config.budget.max_age,
            since: Vec::new(),
            states: Vec::new(),
            sights: Vec::new(),
            before: Vec::new(),
        }
    }

    /// Takes what a frame showed of all tracks. Without evidence nothing is known of any.
    pub(super) fn see(&mut self, captured: Timestamp, carrier: &Carrier, fits: &[Fit], cut: bool) {
        if !self.enabled {
            return;
        }
        carrier.tracks(captured, &mut self.states);
        self.sights.clear();
        for t in &self.states {
            let fit = fits.iter().find(|f| f.identity == t.identity);
            let plain = fit.is_some_and(|f| f.state == FitState::Followed && f.residual <= PLAIN);
            let alone =
                !self.states.iter().any(|o| o.identity != t.identity && is_near(&o.bounds, &t.bounds));
            let unbroken = plain && alone && !cut && !t.doubtful && t.covered <= 0.0;
            self.sights.push(Sight { identity: t.identity, unbroken });
        }
        let sights = &self.sights;
        self.since.retain(|(id, _)| sights.iter().any(|s| s.identity == *id && s.unbroken));
        for s in sights.iter().filter(|s| s.unbroken) {
            if !self.since.iter().any(|(id, _)| *id == s.identity) {
                self.since.push((s.identity, captured));
            }
        }
        self.cache.watch(sights, captured, self.max_age);
    }

    /// Before a result is admitted: where everything is believed to be.
    pub(super) fn before(&mut self, at: Timestamp, carrier: &Carrier) {
        if !self.enabled {
            return;
        }
        carrier.tracks(at, &mut self.states);
        self.before.clear();
        self.before.extend(self.states.iter().map(|t| (t.identity, t.bounds)));
    }

    /// After a result was admitted: what it moved may be something else.
    pub(super) fn after(&mut self, at: Timestamp, carrier: &Carrier) {
        if !self.enabled {
            return;
        }
        carrier.tracks(at, &mut self.states);
        self.sights.clear();
        for t in &self.states {
            let there = self.before.iter().find(|(id, _)| *id == t.identity);
            let unbroken = !t.doubtful && there.is_some_and(|(_, b)| b.iou(&t.bounds) >= SAME);
            self.sights.push(Sight { identity: t.identity, unbroken });
        }
        let sights = &self.sights;
        self.since.retain(|(id, _)| sights.iter().any(|s| s.identity == *id && s.unbroken));
        self.cache.watch(sights, at, self.max_age);
    }

    pub(super) fn clear(&mut self) {
        self.cache.clear();
        self.since.clear();
    }
}

/// Whether two boxes come nearer to each other than one might be off.
fn is_near(a: &Rect, b: &Rect) -> bool {
    let wide = |r: &Rect| {
        Rect::from_center(r.center(), r.width() * (1.0 + 2.0 * NEAR), r.height() * (1.0 + 2.0 * NEAR))
    };
    wide(a).clipped(&wide(b)).area() > 0.0
}

impl Engine {
    /// Keeps `value` as attribute `name` of the track `identity`, found on the frame captured at `captured`: a name, an
    /// age, an embedding, from a second model that need not run on each frame.
    ///
    /// Refused (`false`) when the track has not been seen whole, by itself and unbroken ever since that frame, or when
    /// [`Scheduling::attribute_bytes`](crate::Scheduling::attribute_bytes) leaves no room. An attribute never moves to
    /// another track: at any doubt (occlusion, another track near, lost pixels, a cut, a result that moves the box) it is
    /// forgotten, and the host finds it again when it wants to.
    pub fn keep_attribute(&mut self, identity: u32, name: u32, value: Value, captured: Timestamp) -> bool {
        let known = self.attributes.since.iter().find(|(id, _)| *id == identity);
        if known.is_none_or(|(_, since)| *since > captured) || value.fault().is_some() {
            return false;
        }
        self.attributes.cache.insert(identity, name, value, captured)
    }

    /// Attribute `name` of the track `identity`, and the capture time of the frame that it was found on.
    pub fn attribute(&mut self, identity: u32, name: u32) -> Option<(&Value, Timestamp)> {
        self.attributes.cache.get(identity, name)
    }
}
