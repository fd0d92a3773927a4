//! The points of a shape that pixels are followed at, and the smooth motion between them.
//! **Invariant:** at most [`MOST`] of them, spread over the shape; every point's weights add up to 1.
//! It does not know results: `keypoints` says where points were on the key frame.

use alloc::vec::Vec;

use super::{associate::median, kalman::Tuning, path::Path, track::LEAST_SIGMA};
use crate::{
    gate::{Fit, FitState, Target},
    geometry::{Point, Rect},
    time::Timestamp,
};

/// Shapes of up to so many points are joints, each followed by itself. One of more is a surface.
pub(super) const MOST: usize = 32;
/// A surface is followed at so many: on a talking face 8 to 24 were equally good, and each costs 2 µs a frame.
const SURFACE: usize = 12;
/// So many of the nearest ones say how a point moves that is not followed itself.
const NEAR: usize = 4;
/// Positions that one remembers: a second at 60 fps.
const MEMORY: usize = 64;
/// A fit that differs from the common motion by more than so many robust deviations, and by more than this share of the
/// shape, is of something else.
const STRANGE: f32 = 4.0;
const STRANGE_SHARE: f32 = 0.08;
/// How much less than the spread of anchors about a point is believed about its gradient, as a share.
const RIDGE: f32 = 0.05;
/// Weights larger than this would make more of an anchor's error than of its motion.
const LARGEST_WEIGHT: f32 = 3.0;
/// How stiff a shape is against growing and turning: the prior's weight, in squares of [`STRANGE_SHARE`] of its reach.
const STIFF: f32 = 4.0;
/// Rounds of reweighting; the first ones matter.
const ROUNDS: usize = 3;

/// Frames whose motion is remembered: those that a run takes, up to half a second at 30 fps.
const FRAMES: usize = 16;
/// What earlier results are worth when a new one comes: the last ten count.
const MEMORY_OF_OWN: f32 = 0.9;

/// A point that is followed.
#[derive(Clone, Debug)]
struct Anchor {
    /// Which.
    point: u32,
    path: Path,
    fit: Option<FitState>,
    own: Own,
}

/// How much of what pixels show of one anchor's own motion, beside the common one, results have confirmed: the coefficient
/// of a regression with a prior.
#[derive(Clone, Debug)]
struct Own {
    /// Own motion since the key frame, by frame.
    moves: [(Timestamp, Point); FRAMES],
    count: usize,
    /// Sums of products: pixels with pixels, pixels with results.
    pixels: f32,
    both: f32,
}

impl Own {
    /// One that is believed to the share `share` until motions of this variance have said otherwise.
    const fn new(share: f32, variance: f32) -> Self {
        Self {
            moves: [(Timestamp::ZERO, Point::new(0.0, 0.0)); FRAMES],
            count: 0,
            pixels: variance,
            both: share * variance,
        }
    }

    fn share(&self) -> f32 {
        (self.both / self.pixels.max(1e-6)).clamp(0.0, 1.0)
    }

    fn follow(&mut self, time: Timestamp, own: Point) {
        self.moves[self.count % FRAMES] = (time, own);
        self.count += 1;
    }

    /// Takes the own motion from key frame to key frame by results. Another key frame begins.
    fn learn(&mut self, time: Timestamp, own: Point) {
        let known = &self.moves[..self.count.min(FRAMES)];
        self.count = 0;
        let Some((_, pixels)) = known.iter().find(|(t, _)| *t == time) else { return };
        let squared = pixels.x * pixels.x + pixels.y * pixels.y;
        if !(squared < 1e12 && own.length() < 1e6) {
            return;
        }
        self.pixels = MEMORY_OF_OWN * self.pixels + squared;
        self.both = MEMORY_OF_OWN * self.both + pixels.x * own.x + pixels.y * own.y;
    }
}

/// How much each of the nearest anchors says about a point.
#[derive(Clone, Copy, Debug, Default)]
struct Links([(u8, f32); NEAR]);

/// How far anchors have moved since the key frame.
pub(super) type Moved = [Point; MOST];

/// All anchors of one shape.
#[derive(Clone, Debug, Default)]
pub(super) struct Anchors {
    list: Vec<Anchor>,
    links: Vec<Links>,
    /// Squared distance of each point to the nearest anchor, while they are chosen.
    scratch: Vec<f32>,
}

/// Two numbers of a path as a point.
fn point(of: impl Fn(usize) -> f32) -> Point {
    Point::new(of(0), of(1))
}

impl Anchor {
    fn key(&self) -> Point {
        point(|j| self.path.key(j))
    }

    fn place(&self, at: Timestamp) -> Point {
        point(|j| self.path.position(j, at))
    }
}

impl Anchors {
    pub fn clear(&mut self) {
        self.list.clear();
        self.links.clear();
    }

    /// Chooses anchors among `points`, each the farthest from those before.
    ///
    /// # Source
    /// Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985: at most twice the least distance.
    pub fn choose(&mut self, time: Timestamp, points: &[Point], tuning: Tuning) {
        self.clear();
        if points.is_empty() {
            return;
        }
        // A surface moves as one.
        let (share, variance) =
            (if points.len() > MOST { 0.0 } else { 1.0 }, 4.0 * tuning.noise * tuning.noise);
        let middle =
            points.iter().fold(Point::default(), |sum, p| sum + *p).scaled(1.0 / points.len() as f32);
        self.scratch.clear();
        self.scratch.extend(points.iter().map(|p| -(*p - middle).length()));
        let count = if points.len() > MOST { SURFACE } else { points.len() };
        for n in 0..count {
            // The first one is the farthest from the middle's opposite: the nearest to the middle.
            let Some(next) = (0..points.len()).max_by(|a, b| self.scratch[*a].total_cmp(&self.scratch[*b]))
            else {
                break;
            };
            let p = points[next];
            let path = Path::new(time, &[p.x, p.y], |_| tuning, MEMORY);
            self.list.push(Anchor { point: next as u32, path, fit: None, own: Own::new(share, variance) });
            for (far, q) in self.scratch.iter_mut().zip(points) {
                let d = (*q - p).length();
                *far = if n == 0 { d } else { far.min(d) };
            }
            self.scratch[next] = -1.0;
        }
        self.link(points);
    }

    /// Prepares how points move that are not followed, from where they are on the key frame.
    fn link(&mut self, points: &[Point]) {
        let Self { list, links, .. } = self;
        links.clear();
        links.extend(points.iter().enumerate().map(|(i, p)| {
            if let Some(own) = list.iter().position(|a| a.point as usize == i) {
                let mut alone = [(0, 0.0); NEAR];
                alone[0] = (own as u8, 1.0);
                return Links(alone);
            }
            let mut near = [(0_u8, f32::INFINITY); NEAR];
            for (k, a) in list.iter().enumerate() {
                let (dx, dy) = (points[a.point as usize].x - p.x, points[a.point as usize].y - p.y);
                let far = dx * dx + dy * dy;
                if let Some(at) = near.iter().position(|(_, f)| far < *f) {
                    near[at..].rotate_right(1);
                    near[at] = (k as u8, far);
                }
            }
            // Inverse squared distance; points in the same place share its motion.
            let weight = |far: f32| if far.is_finite() { 1.0 / far.max(1e-6) } else { 0.0 };
            let all: f32 = near.iter().map(|(_, far)| weight(*far)).sum();
            let from = |k: u8| list.get(usize::from(k)).map_or(*p, |a| points[a.point as usize]) - *p;
            Links(affine(near.map(|(k, far)| (k, weight(far) / all.max(1e-12), from(k)))))
        }));
    }

    /// Takes the result of the frame at `time`, which becomes the key frame.
    pub fn measure(&mut self, time: Timestamp, points: &[Point], epsilon: f32) {
        let mut seen = [(Point::default(), Point::default(), LEAST_SIGMA); MOST];
        for (seen, a) in seen.iter_mut().zip(&self.list) {
            let key = a.key();
            (seen.0, seen.1) = (key, points.get(a.point as usize).map_or(Point::default(), |p| *p - key));
        }
        let common = Common::of(&seen[..self.list.len().min(MOST)]);
        for (a, (key, moved, _)) in self.list.iter_mut().zip(seen) {
            let Some(p) = points.get(a.point as usize) else { continue };
            if let Some(common) = &common {
                a.own.learn(time, moved - common.motion(key));
            }
            a.path.measure(time, &[p.x, p.y], |_| epsilon);
            a.fit = None;
        }
        self.link(points);
    }

    /// What is to be followed: patches of this side around those that are shown.
    pub fn targets(
        &self,
        side: f32,
        background: Point,
        shown: impl Fn(usize) -> bool,
        out: &mut Vec<Target>,
    ) {
        out.extend(self.list.iter().filter(|a| shown(a.point as usize)).map(|a| {
            let known = a.path.good() > a.path.key_time();
            let guess = if known { a.place(a.path.good()) - a.key() } else { background };
            Target { identity: a.point, bounds: Rect::from_center(a.key(), side, side), guess }
        }));
    }

    /// Takes where pixels of the frame at `time` say that they are. One that pixels do not show moves with the others.
    pub fn follow(&mut self, time: Timestamp, fits: &[Fit]) {
        let mut seen = [(Point::default(), Point::default(), 0.0_f32); MOST];
        let mut from = [usize::MAX; MOST];
        let mut n = 0;
        for fit in fits {
            let Some(k) = self.list.iter().position(|a| a.point == fit.identity) else { continue };
            let a = &mut self.list[k];
            if time <= a.path.key_time() {
                return;
            }
            let sound = fit.moved.is_finite() && fit.sigma.is_finite();
            a.fit = Some(if sound { fit.state } else { FitState::Lost });
            if a.fit == Some(FitState::Followed) && n < MOST {
                seen[n] = (a.key(), fit.moved, fit.sigma.abs().max(LEAST_SIGMA));
                from[n] = k;
                n += 1;
            }
        }
        let Some(common) = Common::of(&seen[..n]) else { return };
        for (k, a) in self.list.iter_mut().enumerate() {
            let key = a.key();
            let expected = common.motion(key);
            let own = from[..n].iter().position(|&f| f == k).map(|i| seen[i]);
            let (moved, sigma) = match own {
                Some((_, moved, sigma)) if !common.strange(moved - expected) => {
                    a.own.follow(time, moved - expected);
                    let share = a.own.share();
                    (expected + (moved - expected).scaled(share), sigma)
                }
                _ => (expected, common.apart.max(0.5)),
            };
            let to = key + moved;
            a.path.follow(time, |j| if j == 0 { to.x } else { to.y }, |_| sigma);
        }
    }

    /// Whether the shape does not look like its key frame any more: a surface when most anchors do not, joints when one
    /// does not.
    pub fn lost(&self, fits: &[Fit]) -> bool {
        let lost = fits.iter().filter(|fit| fit.state == FitState::Lost).count();
        if self.links.len() > MOST { 2 * lost > fits.len() } else { lost > 0 }
    }

    /// The fit of point `i`, if it is an anchor that pixels said something about.
    pub fn fit(&self, i: usize) -> Option<FitState> {
        self.list.iter().find(|a| a.point as usize == i).and_then(|a| a.fit)
    }

    /// How far they have moved from the key frame to `at`, `ahead` of the newest evidence or only up to that.
    pub fn moved(&self, at: Timestamp, ahead: bool) -> Moved {
        self.motion(|a| a.place(if ahead { at } else { at.min(a.path.good()) }))
    }

    /// The same by the evidence before `at` only.
    pub fn forecast(&self, at: Timestamp, ahead: bool) -> Moved {
        self.motion(|a| {
            if ahead { point(|j| a.path.forecast(j, at).0) } else { a.place(a.path.forecast(0, at).1) }
        })
    }

    /// The time of the evidence before `at`, of the one whose is oldest.
    pub fn evidence(&self, at: Timestamp) -> Timestamp {
        self.list.iter().map(|a| a.path.forecast(0, at).1).min().unwrap_or(at)
    }

    fn motion(&self, place: impl Fn(&Anchor) -> Point) -> Moved {
        let mut moved = [Point::default(); MOST];
        for (out, a) in moved.iter_mut().zip(&self.list) {
            *out = place(a) - a.key();
        }
        moved
    }

    /// How far point `i` has moved when the anchors have moved so.
    pub fn between(&self, i: usize, moved: &Moved) -> Point {
        let Some(links) = self.links.get(i) else { return Point::default() };
        links.0.iter().fold(Point::default(), |sum, (k, w)| sum + moved[usize::from(*k)].scaled(*w))
    }

    /// The newest evidence of the one whose evidence is oldest.
    pub fn good(&self) -> Option<Timestamp> {
        self.list.iter().map(|a| a.path.good()).min()
    }

    /// Whether the newest evidence came from pixels; whether a trend moves them.
    pub fn carried(&self) -> (bool, bool) {
        (self.list.iter().any(|a| a.path.pixels()), self.list.iter().any(|a| a.path.trends()))
    }

    /// The largest standard deviation among those that are shown.
    pub fn spread(&self, shown: impl Fn(usize) -> bool, variance: impl Fn(&Path, usize) -> f32) -> f32 {
        let worst = (self.list.iter())
            .filter(|a| shown(a.point as usize))
            .map(|a| variance(&a.path, 0) + variance(&a.path, 1))
            .fold(0.0, f32::max);
        libm::sqrtf(worst)
    }
}

/// Weights that give a motion which is affine in place as it is, from such that average it: each anchor's index, weight
/// and place, as seen from the point.
///
/// # Source
/// The affine case of Schaefer, McPhail and Warren, "Image deformation using moving least squares", 2006.
fn affine(near: [(u8, f32, Point); NEAR]) -> [(u8, f32); NEAR] {
    let middle = near.iter().fold(Point::default(), |sum, (_, w, p)| sum + p.scaled(*w));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (_, w, p) in near {
        let o = p - middle;
        (xx, xy, yy) = (xx + w * o.x * o.x, xy + w * o.x * o.y, yy + w * o.y * o.y);
    }
    // Anchors that lie on a line say nothing about what is beside it.
    let ridge = RIDGE * (xx + yy) + 1e-6;
    let (xx, yy) = (xx + ridge, yy + ridge);
    let share = 1.0 / (xx * yy - xy * xy).max(1e-12);
    // The point is at the origin: (−middle) · S⁻¹ · (place − middle).
    let (x, y) = ((xy * middle.y - yy * middle.x) * share, (xy * middle.x - xx * middle.y) * share);
    let bent = near.map(|(k, w, p)| {
        let o = p - middle;
        (k, w * (1.0 + x * o.x + y * o.y))
    });
    // Far outside of its anchors a point moves as they do.
    let sound = bent.iter().all(|(_, w)| w.abs() < LARGEST_WEIGHT);
    if sound { bent } else { near.map(|(k, w, _)| (k, w)) }
}

/// The motion that most anchors share: shift, turn and size.
#[derive(Clone, Copy, Debug)]
struct Common {
    center: Point,
    shift: Point,
    /// Growth and turn: `motion = shift + (grow · o.x − turn · o.y, turn · o.x + grow · o.y)`.
    grow: f32,
    turn: f32,
    /// Robust deviation from it, in pixels.
    apart: f32,
    least: f32,
}

impl Common {
    /// Of places, motions and standard errors; `None` with fewer than two.
    fn of(seen: &[(Point, Point, f32)]) -> Option<Self> {
        if seen.len() < 2 {
            return None;
        }
        let mut values = [0.0; MOST];
        let mut middle = |get: &dyn Fn(&(Point, Point, f32)) -> f32| {
            values.iter_mut().zip(seen).for_each(|(v, s)| *v = get(s));
            median(&mut values[..seen.len()])
        };
        let shift = Point::new(middle(&|s| s.1.x), middle(&|s| s.1.y));
        let center = Point::new(middle(&|s| s.0.x), middle(&|s| s.0.y));
        let reach = 2.0 * middle(&|s| (s.0 - center).length());
        let mut common =
            Self { center, shift, grow: 0.0, turn: 0.0, apart: 0.0, least: STRANGE_SHARE * reach };
        for _ in 0..ROUNDS {
            common.apart = 1.48 * middle(&|s| (s.1 - common.motion(s.0)).length());
            if seen.len() < 4 {
                break;
            }
            common.refit(seen);
        }
        Some(common)
    }

    fn motion(&self, at: Point) -> Point {
        let o = at - self.center;
        self.shift + Point::new(self.grow * o.x - self.turn * o.y, self.turn * o.x + self.grow * o.y)
    }

    fn strange(&self, off: Point) -> bool {
        off.length() > (STRANGE * self.apart).max(self.least)
    }

    /// Weighted least squares, where what is far off weighs nothing (Tukey's biweight).
    fn refit(&mut self, seen: &[(Point, Point, f32)]) {
        let limit = (STRANGE * self.apart).max(0.5 * self.least).max(LEAST_SIGMA);
        let weigh = |s: &(Point, Point, f32)| {
            let u = (s.1 - self.motion(s.0)).length() / limit;
            let r = (1.0 - u * u).max(0.0);
            r * r / (s.2 * s.2 + self.apart * self.apart + LEAST_SIGMA)
        };
        let (mut all, mut place, mut moved) = (0.0, Point::default(), Point::default());
        for s in seen {
            let w = weigh(s);
            all += w;
            place = place + s.0.scaled(w);
            moved = moved + s.1.scaled(w);
        }
        if !(all > 0.0 && all.is_finite()) {
            return;
        }
        let (place, moved) = (place.scaled(1.0 / all), moved.scaled(1.0 / all));
        let (mut size, mut grow, mut turn) = (0.0, 0.0, 0.0);
        for s in seen {
            let (w, o, m) = (weigh(s), s.0 - place, s.1 - moved);
            size += w * (o.x * o.x + o.y * o.y);
            grow += w * (o.x * m.x + o.y * m.y);
            turn += w * (o.x * m.y - o.y * m.x);
        }
        // A shape turns and grows slowly: few points that lie close together are no evidence for more.
        let share = 1.0 / (size + all * STIFF * self.least * self.least).max(1e-6);
        (self.center, self.shift) = (place, moved);
        (self.grow, self.turn) = ((grow * share).clamp(-0.9, 9.0), (turn * share).clamp(-9.0, 9.0));
    }
}
