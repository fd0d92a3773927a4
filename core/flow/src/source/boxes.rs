//! Boxes with identity: births, matches, misses and deaths of tracks, and the boxes at any time.
//! **Invariant:** at most [`MOST_TRACKS`] tracks; identities are never used twice, not even after a reset.
//! It does not look at pixels: it takes where the follower says that they went.

use alloc::{boxed::Box, vec::Vec};

use super::{
    Backtest, Carried, TrackState,
    associate::{assign, common_motion},
    carry,
    edges::Edges,
    form::{Form, Times},
    track::{CERTAIN, HIDDEN, Track},
};
use crate::{
    gate::{Fit, Target},
    geometry::{Point, Rect},
    ingredient::Ingredients,
    time::Timestamp,
    value::{Detection, Value},
};

/// More tracks than this are not kept; the matching is cubic in it.
pub(super) const MOST_TRACKS: usize = 64;
/// More detections than this are not looked at; the best scores are.
const MOST_DETECTIONS: usize = 128;
/// Detections below this score are not even used to continue a track (ByteTrack's low threshold).
const WORTHLESS: f32 = 0.1;

/// The tracks of one stream.
#[derive(Clone, Debug)]
pub(super) struct Boxes {
    tracks: Vec<Track>,
    next: u32,
    epsilon: f32,
    times: Times,
    followed: Timestamp,
    edges: Edges,
    without: Ingredients,
}

impl Boxes {
    pub fn new(epsilon: f32, delay: f32) -> Self {
        Self {
            tracks: Vec::with_capacity(MOST_TRACKS),
            next: 0,
            epsilon,
            times: Times::new(delay),
            followed: Timestamp::ZERO,
            edges: Edges::default(),
            without: Ingredients::NONE,
        }
    }

    fn take(&mut self, time: Timestamp, detections: &[Detection]) -> Backtest {
        let delay = self.times.delay;
        self.tracks.retain(|t| !t.forgotten(time, delay));
        let mut found = worth_looking_at(detections);
        let owner = self.matches(time, &found);
        let late = self.times.late(time);
        for (track, owner) in self.tracks.iter_mut().zip(&owner) {
            if let Some(d) = owner.and_then(|i| found.get_mut(i)) {
                let seen = d.bounds;
                d.bounds = if track.part.is_none() {
                    self.edges.continued(&seen, &track.position(time))
                } else {
                    self.edges.completed(&seen)
                };
                if !late && track.part.is_some() {
                    track.part = self.edges.cut(&seen);
                }
            }
        }
        let mut report = self.judge(time, &found, &owner);
        if late {
            return report;
        }
        report.age = self.times.age(time);
        let mut taken = [false; MOST_DETECTIONS];
        let mut places = [Rect::default(); MOST_TRACKS];
        for ((place, t), _) in places.iter_mut().zip(&self.tracks).zip(&owner).filter(|(_, o)| o.is_some()) {
            *place = t.position(time);
        }
        let ordered = !self.without.has(Ingredients::OCCLUSION);
        for (at, (track, owner)) in self.tracks.iter_mut().zip(&owner).enumerate() {
            if let Some((i, d)) = owner.and_then(|i| found.get(i).map(|d| (i, d))) {
                taken[i] = true;
                track.matched(time, d, self.epsilon);
                continue;
            }
            places[at] = track.position(time);
            let covered = if ordered { cover(at, &places).area() / places[at].area().max(1e-6) } else { 0.0 };
            places[at] = Rect::default();
            if track.missed(time, covered) && track.confirmed && track.score >= CERTAIN {
                report.deaths += 1;
            }
        }
        let velocities: Vec<Point> = self.tracks.iter().filter_map(Track::velocity).collect();
        let common = common_motion(&velocities);
        for (d, _) in found.iter().zip(taken).filter(|(_, taken)| !taken) {
            let whole = Detection { bounds: self.edges.completed(&d.bounds), ..*d };
            self.birth(time, &whole, d.bounds, common);
        }
        for d in &found {
            self.edges.learn(&d.bounds);
        }
        self.times.add(time);
        report
    }

    /// For each track the index of its detection: sure detections first, for all tracks; then faint ones, for
    /// those that are shown.
    ///
    /// # Source
    /// Zhang et al., "ByteTrack", ECCV 2022.
    fn matches(&self, time: Timestamp, found: &[Detection]) -> Vec<Option<usize>> {
        let sure = found.partition_point(|d| d.score >= CERTAIN);
        let place = |d: &[Detection]| d.iter().map(|d| (d.bounds, d.class)).collect::<Vec<_>>();
        let inside = |t: &Track| !self.edges.outside(&t.position(time));
        let expected: Vec<_> = self.tracks.iter().map(|t| t.expected(time, inside(t))).collect();
        let mut owner = assign(&expected, &place(&found[..sure]));
        let rest: Vec<_> = (self.tracks.iter().zip(&owner))
            .map(|(t, o)| t.expected(time, o.is_none() && t.hidden.is_none() && inside(t)))
            .collect();
        for (owner, faint) in owner.iter_mut().zip(assign(&rest, &place(&found[sure..]))) {
            *owner = owner.or(faint.map(|i| i + sure));
        }
        owner
    }

    /// How wrong an answer for `time` would have been, by the evidence before it.
    fn judge(&self, time: Timestamp, found: &[Detection], owner: &[Option<usize>]) -> Backtest {
        let mut report = Backtest::default();
        if self.times.newest().is_none() {
            return report;
        }
        let mut error = 0.0_f32;
        let mut known = [false; MOST_DETECTIONS];
        for (track, owner) in self.tracks.iter().zip(owner) {
            let Some((i, d)) = owner.and_then(|i| found.get(i).map(|d| (i, d))) else { continue };
            let answered = track.visible(time) || (track.hidden.is_none() && d.score < CERTAIN);
            if !answered {
                continue;
            }
            known[i] = true;
            let (wrong, from) = track.error(time, &d.bounds);
            error = error.max(wrong);
            report.horizon = report.horizon.max(time.secs_from(from));
        }
        report.error = Some(error);
        for (d, _) in found.iter().zip(known).filter(|(d, k)| d.score >= CERTAIN && !k) {
            report.births += 1;
            report.entered += u32::from(self.edges.near(&d.bounds));
        }
        report
    }

    fn birth(&mut self, time: Timestamp, d: &Detection, seen: Rect, common: Option<(Point, f32)>) {
        if self.tracks.len() >= MOST_TRACKS {
            let spare = (self.tracks.iter().enumerate())
                .filter(|(_, t)| t.hidden.is_some() || (!t.confirmed && d.score >= CERTAIN))
                .min_by_key(|(_, t)| t.seen)
                .map(|(i, _)| i);
            let Some(i) = spare else { return };
            self.tracks.remove(i);
        }
        let Some(next) = self.next.checked_add(1) else { return };
        let mut track = Track::born(self.next, time, d);
        track.path.learns_drift(!self.without.has(Ingredients::DRIFT));
        track.part = self.edges.cut(&seen);
        self.next = next;
        if let Some((v, spread)) = common {
            let deviation = spread.max(0.2 * v.length()).max(5.0);
            track.path.axis(0).expect(v.x, deviation);
            track.path.axis(1).expect(v.y, deviation);
        }
        self.tracks.push(track);
    }

    /// A track's `spread` at `at` with what nobody has seen of it yet.
    fn with_doubt(&self, track: &Track, at: Timestamp, spread: f32) -> f32 {
        let Some(seen) = &track.part else { return spread };
        let bounds = track.position(at);
        let moved = bounds.center() - track.key_bounds().center();
        let doubt = self.edges.doubt(seen, &bounds, moved);
        libm::sqrtf(spread * spread + doubt * doubt)
    }

    /// Whether the newest result did not show the track behind another one, and it is still there at `at`: how wrong
    /// its box is does not matter then.
    fn is_under(&self, track: &Track, at: Timestamp) -> bool {
        track.under && self.covered(track, &track.position(at), at) > HIDDEN
    }

    /// Whether it ought to have come out from behind another one at `at`.
    fn emerges(&self, track: &Track, at: Timestamp) -> bool {
        track.under && track.visible(at) && !self.is_under(track, at)
    }

    /// The largest share of `bounds` that another shown track covers.
    fn covered(&self, track: &Track, bounds: &Rect, at: Timestamp) -> f32 {
        let area = bounds.area().max(1e-6);
        (self.tracks.iter())
            .filter(|t| t.identity != track.identity && t.visible(at))
            .map(|t| t.position(at).clipped(bounds).area() / area)
            .fold(0.0, f32::max)
    }
}

impl Form for Boxes {
    fn for_answers(&self) -> Box<dyn Form> {
        Box::new(self.clone())
    }

    fn admit(&mut self, time: Timestamp, value: &Value) -> Backtest {
        match value {
            Value::Boxes(detections) => self.take(time, detections),
            _ => Backtest::default(),
        }
    }

    fn reset(&mut self) {
        self.tracks.clear();
        self.times.reset();
        self.followed = Timestamp::ZERO;
    }

    fn targets(&self, background: Point, out: &mut Vec<Target>) {
        for t in self.tracks.iter().filter(|t| t.hidden.is_none() && !t.under) {
            let fresh = t.path.good() <= t.path.key_time();
            let guess = if fresh { background } else { t.moved_since_key() };
            let Some(bounds) = self.edges.clipped(&t.key_bounds()) else { continue };
            out.push(Target { identity: t.identity, bounds, guess });
        }
    }

    fn follow(&mut self, time: Timestamp, fits: &[Fit]) {
        let mut places = [Rect::default(); MOST_TRACKS];
        for (place, t) in places.iter_mut().zip(&self.tracks).filter(|(_, t)| t.visible(time)) {
            *place = t.position(time);
        }
        let ordered = !self.without.has(Ingredients::OCCLUSION);
        for (i, fit) in fits.iter().enumerate() {
            // Fits come in the order of the targets, so the track is at its index or a little later.
            let near = self.tracks.iter().skip(i).position(|t| t.identity == fit.identity).map(|p| p + i);
            let at = near.or_else(|| self.tracks.iter().position(|t| t.identity == fit.identity));
            if let Some((track, i)) = at.and_then(|i| self.tracks.get_mut(i).map(|t| (t, i))) {
                let whole = track.position(time);
                let outside = self.edges.clipped(&whole).map_or(0.0, |inside| whole.area() - inside.area());
                let covered = if ordered { cover(i, &places).area() } else { 0.0 };
                track.follow(time, fit, outside.max(covered));
            }
        }
        self.followed = self.followed.max(time);
    }

    fn answer(&self, at: Timestamp, out: &mut Value) -> Option<Carried> {
        let Value::Boxes(out) = out else { return None };
        out.clear();
        let newest = self.times.answerable(at)?;
        let mut spread = 0.0_f32;
        let mut oldest = Timestamp::MAX;
        let (mut pixels, mut trend) = (false, false);
        for t in &self.tracks {
            if !t.visible(at) || (!self.times.blends() && at < t.path.oldest()) {
                continue;
            }
            let Some(bounds) = self.edges.clipped(&t.shown(at, self.times.blends())) else { continue };
            out.push(Detection { bounds, score: t.score, class: t.class, identity: Some(t.identity) });
            trend |= t.path.trends();
            if self.is_under(t, at) {
                continue;
            }
            spread = spread.max(self.with_doubt(t, at, t.spread(at)));
            oldest = oldest.min(t.path.good());
            pixels |= t.path.pixels();
        }
        if oldest == Timestamp::MAX {
            oldest = newest.max(self.followed);
        }
        let between = at < newest;
        Some(Carried {
            carry: (!between).then(|| carry(pixels, trend)),
            key_frame: newest,
            horizon: if between { 0.0 } else { at.secs_from(oldest).max(0.0) },
            spread,
            doubtful: self.tracks.iter().filter(|t| t.doubtful(at) || self.emerges(t, at)).count() as u32,
        })
    }

    fn without(&mut self, ingredients: Ingredients) {
        self.without = ingredients;
    }

    fn set_frame(&mut self, frame: Rect) {
        self.edges.frame = Some(frame);
    }

    fn outlook(&self, at: Timestamp, horizon: f32) -> Option<f32> {
        let shown = self.tracks.iter().filter(|t| t.visible(at) && !self.is_under(t, at));
        Some(shown.map(|t| self.with_doubt(t, at, t.outlook(at, horizon))).fold(0.0, f32::max))
    }

    fn tracks(&self, at: Timestamp, out: &mut Vec<TrackState>) {
        for t in self.tracks.iter().filter(|t| t.hidden.is_none()) {
            let bounds = t.position(at);
            out.push(TrackState {
                identity: t.identity,
                bounds,
                spread: self.with_doubt(t, at, t.spread(at)),
                since_evidence: at.secs_from(t.path.good()).max(0.0),
                fit: t.fit,
                doubtful: t.misses == 1 || !t.confirmed,
                covered: self.covered(t, &bounds, at),
            });
        }
    }
}

/// The part of place `i` that another one covers most of.
fn cover(i: usize, places: &[Rect]) -> Rect {
    let others = places.iter().enumerate().filter(|(j, _)| *j != i);
    let shared = others.map(|(_, other)| places[i].clipped(other));
    shared.fold(Rect::default(), |most, r| if r.area() > most.area() { r } else { most })
}

/// The detections that count, best first, equal scores in their order.
fn worth_looking_at(detections: &[Detection]) -> Vec<Detection> {
    let mut found: Vec<Detection> =
        detections.iter().filter(|d| d.score >= WORTHLESS && d.bounds.is_valid()).copied().collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found.truncate(MOST_DETECTIONS);
    found
}
