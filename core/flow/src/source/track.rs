//! One object: its box over time, its identity, and whether it may be shown.
//! **Invariant:** identity and class never change; all limits are in seconds, never in frames or results.
//! It does not choose its detections (`associate`) and is not created or forgotten here (`boxes`).

use super::{
    associate::Expected,
    kalman::{LARGEST, Tuning},
    path::Path,
    trust::Trust,
};
use crate::{
    gate::{Fit, FitState},
    geometry::{Point, Rect},
    time::Timestamp,
    value::Detection,
};

/// Positions that a track remembers: a second at 60 fps, half a second at 120 fps and above.
const MEMORY: usize = 64;
/// A score from which one sight is enough (the usual operating point of detectors).
pub(super) const CERTAIN: f32 = 0.5;
/// A score from which a thing that was seen for a moment needs no second sight, and that moment, in seconds: phantoms
/// last for a few frames.
const SURE: f32 = 0.7;
const MOMENT: f32 = 0.12;
/// A track that a result did not show is shown for this long until the next one has to, in seconds.
const PATIENCE: f32 = 0.3;
/// With pixels that still look like it, this long: a detector that misses keeps missing for a while.
const PATIENCE_WITH_PIXELS: f32 = 1.0;
/// One that results have shown at least this often, over at least this many seconds, is no phantom. It is waited for
/// this long with such pixels, in seconds, and so many results in a row may miss it.
const FAMILIAR: u32 = 3;
const FAMILIAR_S: f32 = 0.5;
const PATIENCE_WITH_FAMILIAR: f32 = 3.0;
const FAMILIAR_MISSES: u32 = 6;
/// A track of which another one covers more than this share is not missed by a result that does not show it.
pub(super) const HIDDEN: f32 = 0.4;
/// A track that was seen once with a low score is forgotten after this long, in seconds.
const FLICKER: f32 = 0.6;
/// A hidden track keeps its identity for this long, in seconds: the length of a common occlusion.
pub(super) const DORMANT: f32 = 2.0;
/// The follower's error between frames is not taken as smaller than this, in pixels.
pub(super) const LEAST_SIGMA: f32 = 0.05;
/// A track of which another one covers more than this share may be seen in part only.
const COVERED: f32 = 0.08;
/// A fit that leaves less than this unexplained is of the whole track: it is in front.
const PLAIN: f32 = 0.3;
/// How fast sizes change, in log-size a second (standard deviation): an outline that breathes, or turns, or comes near.
const GROWTH: f32 = 0.5;
/// By how much of what it leaves unexplained a fit may be bent, in log-size, from this residual on.
const BENT: f32 = 0.25;
const CLEAN: f32 = 0.1;
/// Log-size limits: boxes from half a pixel to 65,536 pixels wide.
const LOG_SIZE: (f32, f32) = (-0.7, 11.1);
/// Nothing is further away, and no size larger, than this, in pixels.
const FAR: f32 = 1e6;

/// An object that is followed.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub identity: u32,
    pub class: u32,
    pub score: f32,
    pub path: Path,
    /// Whether it was seen well enough to be shown.
    pub confirmed: bool,
    /// When a result last showed it.
    pub seen: Timestamp,
    /// Results in a row that did not show it, and when the first of them was.
    pub misses: u32,
    missed: Timestamp,
    /// Whether pixels still looked like it where the first of them missed it.
    held: bool,
    /// When a result first showed it, and how many did.
    born: Timestamp,
    sights: u32,
    /// What the newest result showed of it, when none ever showed it whole.
    pub part: Option<Rect>,
    /// Whether the newest result did not show it because another track is in front.
    pub under: bool,
    /// Since when it is not shown.
    pub hidden: Option<Timestamp>,
    /// What pixels last said, if they did since the key frame.
    pub fit: Option<FitState>,
    /// Whether its pixels move as it does.
    trust: Trust,
}

/// Centre and log-size.
pub(super) fn numbers(r: &Rect) -> [f32; 4] {
    let c = r.center();
    let log = |s: f32| libm::logf(s.max(0.5)).clamp(LOG_SIZE.0, LOG_SIZE.1);
    [c.x, c.y, log(r.width()), log(r.height())]
}

fn rect(n: [f32; 4]) -> Rect {
    let side = |log: f32| libm::expf(log.clamp(LOG_SIZE.0, LOG_SIZE.1));
    let place = |x: f32| x.clamp(-FAR, FAR);
    Rect::from_center(Point::new(place(n[0]), place(n[1])), side(n[2]), side(n[3]))
}

/// Standard deviation of the worst corner's error, from the variances of the middle and the logarithms of the sides. It is
/// finite for boxes and variances of any size.
fn corner(bounds: &Rect, variance: impl Fn(usize) -> f32) -> f32 {
    let (w, h) = (0.5 * bounds.width(), 0.5 * bounds.height());
    let sum = variance(0) + w * w * variance(2) + variance(1) + h * h * variance(3);
    libm::sqrtf(sum).min(LARGEST)
}

/// The side of a square of the same area. Written so that an area which is no number is a large one.
fn size(r: &Rect) -> f32 {
    let area = r.area();
    if area <= FAR * FAR { libm::sqrtf(area).max(2.0) } else { FAR }
}

/// Detectors place edges to about 2% of the size and a third of a pixel; objects move about two sizes a second.
fn tuning(size: f32) -> impl Fn(usize) -> Tuning {
    let noise = 0.02 * size + 0.3;
    move |j| {
        if j < 2 {
            Tuning { noise, speed: 2.0 * size + 20.0, damping: f32::INFINITY, steps: false }
        } else {
            Tuning { noise: 1.4 * noise / size, speed: 0.5, damping: 0.3, steps: false }
        }
    }
}

impl Track {
    /// A track that begins with the detection `d` of the frame at `time`.
    pub fn born(identity: u32, time: Timestamp, d: &Detection) -> Self {
        let size = size(&d.bounds);
        Self {
            identity,
            class: d.class,
            score: d.score,
            path: Path::new(time, &numbers(&d.bounds), tuning(size), MEMORY),
            confirmed: d.score >= CERTAIN,
            seen: time,
            misses: 0,
            missed: time,
            held: false,
            born: time,
            sights: 1,
            part: None,
            under: false,
            hidden: None,
            fit: None,
            trust: Trust::default(),
        }
    }

    /// Where it was, or will be, by all evidence.
    pub fn position(&self, time: Timestamp) -> Rect {
        rect(core::array::from_fn(|j| self.path.position(j, time)))
    }

    /// Where it is shown.
    pub fn shown(&self, time: Timestamp, blended: bool) -> Rect {
        if blended { rect(core::array::from_fn(|j| self.path.shown(j, time))) } else { self.position(time) }
    }

    /// Standard deviation of the worst corner's error, in pixels.
    pub fn spread(&self, time: Timestamp) -> f32 {
        corner(&self.position(time), |j| self.path.variance(j, time))
    }

    /// Standard deviation of the worst corner's error at `time`, if pixels go on to be followed until `horizon`
    /// seconds before it.
    pub fn outlook(&self, time: Timestamp, horizon: f32) -> f32 {
        let horizon =
            if self.fit == Some(FitState::Followed) && self.trust.holds() { horizon } else { f32::MAX };
        corner(&self.position(time), |j| self.path.outlook(j, time, horizon))
    }

    /// How far an answer for `time` would have been from the detection `bounds`, beyond the detector's own noise, in
    /// pixels, and when the evidence for that answer was.
    pub fn error(&self, time: Timestamp, bounds: &Rect) -> (f32, Timestamp) {
        let z = numbers(bounds);
        let mut from = time;
        let wrong: [f32; 4] = core::array::from_fn(|j| {
            let (error, evidence) = self.path.error(j, time, z[j]);
            from = from.min(evidence);
            z[j] - error
        });
        (rect(wrong).worst_corner(bounds), from)
    }

    /// What the matching needs.
    pub fn expected(&self, time: Timestamp, free: bool) -> Expected {
        let sigma = libm::sqrtf(self.path.variance(0, time).max(self.path.variance(1, time)));
        Expected { bounds: self.position(time), sigma, class: self.class, free }
    }

    /// Whether an answer for `time` contains it.
    pub fn visible(&self, time: Timestamp) -> bool {
        let left = self.fit == Some(FitState::Outside) && time > self.path.good();
        let waited = self.misses > 0 && time.secs_from(self.missed) > self.patience();
        self.confirmed && self.hidden.is_none_or(|h| time < h) && !left && !waited
    }

    /// Whether it was seen for a moment only, and not well: it may be a phantom.
    fn tentative(&self) -> bool {
        self.score < SURE && self.seen.secs_from(self.born) < MOMENT
    }

    /// Whether results have shown it often, and the last one surely: what fades before it is missed is going.
    fn familiar(&self) -> bool {
        self.sights >= FAMILIAR && self.seen.secs_from(self.born) > FAMILIAR_S && self.score >= SURE
    }

    /// How long it is shown after a result missed it: pixels of the key frame after that say nothing, for they may
    /// be those of what stood behind it.
    fn patience(&self) -> f32 {
        match (self.held, self.familiar()) {
            (true, true) => PATIENCE_WITH_FAMILIAR,
            (true, false) => PATIENCE_WITH_PIXELS,
            _ => PATIENCE,
        }
    }

    /// Whether the next result has to say whether it is there, at `time`.
    pub fn doubtful(&self, time: Timestamp) -> bool {
        // What was hidden because the result after its only sight did not show it is decided.
        let again = self.hidden.is_none() && self.tentative() && time.secs_from(self.seen) > MOMENT;
        self.confirmed && (self.misses == 1 || again)
    }

    /// Takes the detection that shows it.
    pub fn matched(&mut self, time: Timestamp, d: &Detection, epsilon: f32) {
        let size = size(&d.bounds);
        let trusted = self.trust.holds();
        let moved = d.bounds.center() - self.key_bounds().center();
        self.trust.learn(time, moved);
        self.path.measure(time, &numbers(&d.bounds), |j| if j < 2 { epsilon } else { 2.0 * epsilon / size });
        if trusted && !self.trust.holds() {
            self.path.stand(time);
        }
        self.score = d.score;
        self.sights = self.sights.saturating_add(1);
        self.confirmed |= d.score >= CERTAIN || time > self.seen;
        (self.seen, self.misses, self.hidden, self.fit, self.under) = (time, 0, None, None, false);
    }

    /// Takes that the result of the frame at `time` does not show it, where another track covers the share `covered`
    /// of it. Returns whether it is hidden from now on.
    pub fn missed(&mut self, time: Timestamp, covered: f32) -> bool {
        let fit = self.fit.take();
        self.trust.rekey();
        let known = self.familiar() && time.secs_from(self.seen) < DORMANT;
        if known && covered > HIDDEN && self.hidden.is_none() {
            self.under = true;
            self.path.set_key(time);
            return false;
        }
        self.under = false;
        self.misses += 1;
        if self.misses == 1 {
            (self.missed, self.held) = (time, fit == Some(FitState::Followed));
        }
        self.path.set_key(time);
        let lost = matches!(fit, Some(FitState::Lost | FitState::Outside));
        let most = match (self.held, self.familiar()) {
            (true, true) => FAMILIAR_MISSES,
            (true, false) => 2,
            _ => 1,
        };
        let gone =
            lost || self.tentative() || self.misses > most || time.secs_from(self.missed) > self.patience();
        let hides = gone && self.hidden.is_none();
        if hides {
            self.hidden = Some(time);
        }
        hides
    }

    /// Whether it is forgotten at `time`; answers may still be asked for `delay` seconds back.
    pub fn forgotten(&self, time: Timestamp, delay: f32) -> bool {
        let since = |t: Timestamp| time.secs_from(t);
        if self.confirmed {
            since(if self.hidden.is_some() { self.seen } else { self.path.good() }) > DORMANT + delay
        } else {
            since(self.seen) > FLICKER
        }
    }

    /// Takes where pixels saw it in the frame at `time`, of which another track, or the frame's edge, hides `covered`
    /// square pixels.
    pub fn follow(&mut self, time: Timestamp, fit: &Fit, covered: f32) {
        if time <= self.path.key_time() {
            return;
        }
        let plausible = |ratio: f32| (0.1..=10.0).contains(&ratio);
        let sound =
            fit.moved.is_finite() && fit.sigma.is_finite() && plausible(fit.scale) && plausible(fit.stretch);
        self.fit = Some(if sound { fit.state } else { FitState::Lost });
        if self.fit != Some(FitState::Followed) {
            return;
        }
        self.trust.follow(time, fit.moved);
        if !self.trust.holds() {
            return;
        }
        let key: [f32; 4] = core::array::from_fn(|j| self.path.key(j));
        let size = libm::expf(0.5 * (key[2] + key[3])).max(2.0);
        let sigma = fit.sigma.abs().max(LEAST_SIGMA);
        // Sizes change slowly, and what a fit leaves unexplained bends it: the younger the key frame, the less of a
        // change is believed.
        let vague = 1.4 * sigma / size;
        let bent = vague + BENT * (fit.residual - CLEAN).max(0.0);
        let grows = GROWTH * time.secs_from(self.path.key_time());
        let share = grows * grows / (grows * grows + bent * bent);
        // Most of what bends a fit is gone when the change is believed.
        let mut resized = vague + 0.5 * share * (bent - vague);
        let (grown, wider) = (share * libm::logf(fit.scale), 0.5 * share * libm::logf(fit.stretch));
        let mut to =
            [key[0] + fit.moved.x, key[1] + fit.moved.y, key[2] + grown + wider, key[3] + grown - wider];
        if fit.residual > PLAIN && covered > COVERED * self.position(time).area() {
            // A part says where the whole is, but not how large: the size stays, and may be wrong by that much.
            let last = [self.path.level(2), self.path.level(3)];
            resized = resized.max((to[2] - last[0]).abs()).max((to[3] - last[1]).abs());
            (to[2], to[3]) = (last[0], last[1]);
        }
        self.path.follow(time, |j| to[j], |j| if j < 2 { sigma } else { resized });
    }

    /// Its motion from the key frame to the newest evidence.
    pub fn moved_since_key(&self) -> Point {
        let now = self.path.good().max(self.path.key_time());
        let to = |j| self.path.position(j, now) - self.path.key(j);
        Point::new(to(0), to(1))
    }

    /// Where it was on the key frame.
    pub fn key_bounds(&self) -> Rect {
        rect(core::array::from_fn(|j| self.path.key(j)))
    }

    /// Its velocity when that is known to half its size, in pixels a second.
    pub fn velocity(&self) -> Option<Point> {
        let ((vx, ex), (vy, ey)) = (self.path.rate(0), self.path.rate(1));
        let v = Point::new(vx, vy);
        let error = Point::new(ex, ey).length();
        (self.confirmed && self.hidden.is_none() && (error < 0.5 * v.length() || error < 15.0)).then_some(v)
    }
}
