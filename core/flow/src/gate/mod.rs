//! Cheap evidence from pixels: where did what the key frame showed go, and what does that not explain?
//! **Invariant:** measuring a frame allocates nothing once a key frame is set.
//! It does not decide whether to run (that is `schedule`) and does not move answers (that is `source`).

mod blocks;
mod evidence;
mod factor;
mod fit;
mod follow;
mod light;
mod look;
mod means;
mod patch;
mod picture;
mod sample;
mod search;
mod solve;
mod step;
mod still;

use alloc::{boxed::Box, vec::Vec};

use crate::{
    frame::{CameraMotion, Luma},
    geometry::{Point, Rect},
    ingredient::Ingredients,
    plan::TicketId,
    time::Timestamp,
};

pub use evidence::{Evidence, Fit, FitState, Target};
pub use look::Look;
pub use still::Still;

use self::{
    blocks::Blocks,
    fit::{Covers, Light},
    follow::{Conditions, Follower},
    picture::Picture,
    sample::Sampler,
    step::Work,
};

/// Runs whose pictures are kept at a time; the oldest gives way.
const KEPT: usize = 8;
/// The most targets that are followed; further ones are reported as [`FitState::Weak`] at their guess.
const FOLLOWED: usize = 128;
/// How far a lost target and a lost background are searched at first, in working pixels: at 320 × 180 and 60 Hz a
/// reach of 8 covers an unforeseen 480 pixels a second, one and a half frame widths.
const REACH: f32 = 8.0;
/// Standard error above which the background's motion is not used, in working pixels.
const VAGUE_BACKGROUND: f32 = 0.75;
/// A target's standard error may be this share of the tolerance; at least half a working pixel.
const VAGUE_SHARE: f32 = 0.33;
/// A fit ends with a step that is shorter than this share of the tolerance, and than the last in working pixels; but
/// one below the first is short enough in any case. What remains is of second order: about a tenth of it.
const CLOSE_SHARE: f32 = 0.05;
const CLOSEST: f32 = 0.08;
const CLOSE: f32 = 0.3;
/// The longest pause between frames over which velocities are used, in seconds.
const LONGEST_PAUSE_S: f32 = 0.5;
/// Share of changed blocks and likeness of the block means that make a cut when nothing can be followed.
const CUT_SHARE: f32 = 0.5;
const CUT_LIKENESS: f32 = 0.6;
/// A patch with fewer samples outside other targets' boxes takes those inside as well.
const LEAST_SAMPLES: usize = 24;
/// Overlap (intersection over union) from which two fits are of the same thing.
const SAME: f32 = 0.5;
/// Targets that may be searched for in one frame: the others have their turn in the next.
const SEARCHES: u32 = 2;
/// A host's word that is wrong by this share, and by a working pixel, is contradicted. Contradictions count twice;
/// from so many on, the host is not believed until enough of its words were right.
const CONTRADICTED: f32 = 0.25;
const DOUBTED: u32 = 4;
/// How far around a target its pixels explain change, in working pixels, and as a share of its size.
const MARGIN: f32 = 2.0;
const MARGIN_SHARE: f32 = 0.1;

/// A picture that waits for its run's result.
#[derive(Debug)]
struct Kept {
    ticket: TicketId,
    picture: Picture,
    /// Where the background was, relative to the key frame of that time, in working pixels.
    background: Point,
}

/// The gate: keeps pictures of frames that are being run, follows the newest one that has a result.
///
/// # Units
/// Inside, positions are in *working pixels*: whole numbers of upright pixels, so many that the longer side of the
/// frame has at most 320 of them. The kept picture has that resolution; frames are sampled sparsely with its kernel.
#[derive(Debug)]
pub struct Gate {
    epsilon: f32,
    kept: Vec<Kept>,
    /// Pictures whose memory is used again.
    spare: Vec<Picture>,
    key: Option<Picture>,
    background: Follower,
    targets: Vec<Target>,
    followers: Vec<Follower>,
    blocks: Blocks,
    /// Standard deviation of a working pixel's noise, in levels; learnt from the background.
    noise: f32,
    /// How much detail the key frame has.
    sharpness: f32,
    learnt: Option<f32>,
    newest: Option<Timestamp>,
    /// What the host says about the next frame.
    told: Option<CameraMotion>,
    /// How often the picture contradicted that lately.
    doubt: u32,
    scratch: Vec<f32>,
    work: Box<Work>,
    before: Vec<(u32, Point)>,
    /// Where each followed target was last seen, in working pixels.
    places: Vec<Option<Rect>>,
    evidence: Evidence,
    without: Ingredients,
}

impl Gate {
    /// A gate for answers that may be wrong by `epsilon` upright pixels.
    pub fn new(epsilon: f32) -> Self {
        Self {
            epsilon: if epsilon.is_finite() { epsilon.max(0.0) } else { 0.0 },
            kept: Vec::new(),
            spare: Vec::new(),
            key: None,
            background: Follower::empty(),
            targets: Vec::new(),
            followers: Vec::new(),
            blocks: Blocks::default(),
            noise: 1.0,
            sharpness: 0.0,
            learnt: None,
            newest: None,
            told: None,
            doubt: 0,
            scratch: Vec::new(),
            work: Box::new(Work::new()),
            before: Vec::new(),
            places: Vec::new(),
            evidence: Evidence::default(),
            without: Ingredients::NONE,
        }
    }

    /// This gate without some of its ingredients, for measurement only.
    #[must_use]
    pub const fn without(mut self, ingredients: Ingredients) -> Self {
        self.without = ingredients;
        self
    }

    /// Keeps a small copy of the frame on which `ticket` runs. Call it after [`Gate::measure`] of the same frame.
    /// At most eight are kept; the oldest gives way.
    pub fn keep(&mut self, ticket: TicketId, captured: Timestamp, luma: &Luma<'_>) {
        self.discard(ticket);
        if self.kept.len() == KEPT {
            let oldest = self.kept.remove(0);
            self.spare.push(oldest.picture);
        }
        let mut picture = self.spare.pop().unwrap_or_default();
        picture.take(captured, luma);
        self.kept.push(Kept { ticket, picture, background: self.background.pose.shift });
    }

    /// Forgets the frame of a run that gave no result.
    pub fn discard(&mut self, ticket: TicketId) {
        if let Some(i) = self.kept.iter().position(|k| k.ticket == ticket) {
            let kept = self.kept.remove(i);
            self.spare.push(kept.picture);
        }
    }

    /// Makes the kept frame of `ticket` the key frame, to be followed at `targets`.
    /// Returns whether the frame was still there.
    pub fn rekey(&mut self, ticket: TicketId, targets: &[Target]) -> bool {
        let Some(i) = self.kept.iter().position(|k| k.ticket == ticket) else {
            return false;
        };
        let Kept { mut picture, background: then, .. } = self.kept.remove(i);
        let same_size = self.key.as_ref().is_some_and(|k| k.full == picture.full);
        let guess = if same_size { self.background.pose.shift - then } else { Point::default() };
        // Where the background was on the other kept frames is now told from the new key frame.
        for kept in &mut self.kept {
            kept.background = if same_size { kept.background - then } else { Point::default() };
        }
        picture.average();
        let quiet = picture.noise(&mut self.scratch);
        self.sharpness = look::ninth_decile(&mut self.scratch);
        self.noise = self.learnt.map_or(quiet, |l| l.min(quiet));
        self.blocks.rekey(&picture);
        self.rekey_background(&picture, targets, guess, same_size);
        self.rekey_targets(&picture, targets);
        if let Some(old) = self.key.replace(picture) {
            self.spare.push(old);
        }
        true
    }

    fn rekey_background(&mut self, key: &Picture, targets: &[Target], guess: Point, same_size: bool) {
        let all = Rect::new(0.0, 0.0, key.size.0 as f32, key.size.1 as f32);
        let k = 1.0 / key.side as f32;
        let taken = |x: i32, y: i32| {
            let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
            targets.iter().any(|t| {
                let b = &t.bounds;
                x > b.x0 * k - MARGIN
                    && x < b.x1 * k + MARGIN
                    && y > b.y0 * k - MARGIN
                    && y < b.y1 * k + MARGIN
            })
        };
        let (nx, ny) = if key.size.0 >= key.size.1 { (16, 9) } else { (9, 16) };
        self.background.patch.build(key, &all, (nx, ny), false, taken);
        let velocity = Some(self.background.velocity).filter(|_| same_size);
        self.background.restart(guess, velocity);
    }

    fn rekey_targets(&mut self, key: &Picture, targets: &[Target]) {
        self.before.clear();
        for (t, f) in self.targets.iter().zip(&self.followers) {
            if f.state == FitState::Followed {
                self.before.push((t.identity, f.velocity));
            }
        }
        self.targets.clear();
        self.targets.extend_from_slice(targets);
        let count = targets.len().min(FOLLOWED);
        self.followers.truncate(count);
        self.followers.resize_with(count, Follower::empty);
        self.places.clear();
        self.places.resize(count, None);
        let age = self.newest.map_or(0.0, |n| n.secs_from(key.captured));
        let k = 1.0 / key.side as f32;
        let limit = 2.0 * (key.full.0 + key.full.1) as f32;
        self.evidence.fits.clear();
        for (i, t) in self.targets.iter_mut().enumerate() {
            // Nothing that lies further away than this can be followed, and sums of it stay exact.
            let near = |v: f32| if v.is_finite() { v.clamp(-limit, limit) } else { 0.0 };
            t.guess = Point::new(near(t.guess.x), near(t.guess.y));
            let b = t.bounds;
            t.bounds = if b.is_valid() {
                Rect::new(near(b.x0), near(b.y0), near(b.x1), near(b.y1))
            } else {
                Rect::default()
            };
            self.evidence.fits.push(Fit {
                identity: t.identity,
                moved: t.guess,
                scale: 1.0,
                stretch: 1.0,
                residual: 0.0,
                sigma: REACH * key.side as f32,
                state: FitState::Weak,
            });
            let Some(follower) = self.followers.get_mut(i) else { continue };
            let area = key.working(&t.bounds);
            // Twelve samples a side where there is room for them.
            let room = |a: f32| if a >= 48.0 { 12 } else { 8 };
            let cells = (room(area.width()), room(area.height()));
            // Where boxes overlap one hides the other: such pixels are in neither's patch, while enough others are.
            let shared = |x: i32, y: i32| {
                let (x, y) = ((x as f32 + 0.5) * key.side as f32, (y as f32 + 0.5) * key.side as f32);
                targets.iter().enumerate().any(|(j, o)| {
                    let b = &o.bounds;
                    j != i && x > b.x0 && x < b.x1 && y > b.y0 && y < b.y1
                })
            };
            follower.patch.build(key, &area, cells, true, shared);
            if follower.patch.len() < LEAST_SAMPLES {
                follower.patch.build(key, &area, cells, true, |_, _| false);
            }
            let known = self.before.iter().find(|(id, _)| *id == t.identity).map(|(_, v)| *v);
            let guess = t.guess.scaled(k);
            let velocity = known.or_else(|| (age > 0.004).then(|| guess.scaled(1.0 / age)));
            follower.restart(guess, velocity);
            self.places[i] = Some(area.moved(guess));
        }
    }

    /// Takes the host's word on how the camera moves from the newest frame to the next one. It is where the search
    /// starts, and stands for the background's motion where that has no texture.
    pub const fn expect(&mut self, motion: &CameraMotion) {
        self.told = Some(*motion);
    }

    /// Compares a frame with the key frame. `None` while there is no key frame.
    ///
    /// A frame of another size than the key frame's is a cut.
    pub fn measure(&mut self, captured: Timestamp, luma: &Luma<'_>) -> Option<&Evidence> {
        let pause = self.newest.map_or(0.0, |n| captured.secs_from(n));
        let dt = pause.clamp(0.0, LONGEST_PAUSE_S);
        self.newest = Some(captured);
        let told = self.told.take();
        let key = self.key.as_ref()?;
        let out = &mut self.evidence;
        if key.full != (luma.width(), luma.height()) {
            *out = Evidence {
                fits: core::mem::take(&mut out.fits),
                cut: true,
                changed: 1.0,
                ..Evidence::default()
            };
            out.fits.iter_mut().for_each(|f| f.state = FitState::Lost);
            return Some(out);
        }
        let side = key.side as f32;
        let frame = Sampler::new(luma, key.side);
        self.blocks.read(luma, key.side);
        let mut on = Conditions {
            dt,
            noise: self.noise,
            vague: VAGUE_BACKGROUND,
            close: (self.epsilon * CLOSE_SHARE / side).clamp(CLOSEST, CLOSE),
            hint: None,
            reach: REACH,
            light: None,
            covers: Covers::default(),
            search: true,
            told: None,
            surprise: Point::default(),
        };
        let before = self.background.pose;
        let coasting = self.background.velocity.scaled(dt);
        if let Some(told) = told {
            let middle = Point::new(key.size.0 as f32 * 0.5, key.size.1 as f32 * 0.5);
            let told = CameraMotion { shift: told.shift.scaled(1.0 / side), ..told };
            let there = before.then(&told, self.background.patch.center - middle);
            on.told = Some(there).filter(|_| self.doubt < DOUBTED);
            on.hint = Some(there.shift);
        }
        if !self.without.has(Ingredients::GLOBAL_MOTION) {
            self.background.follow(&frame, &on, &mut self.work);
        }
        let found = self.background.state == FitState::Followed;
        if let (Some(there), true) = (on.hint, found) {
            let (moved, off) =
                ((there - before.shift).length(), (there - self.background.pose.shift).length());
            let wrong = off > (CONTRADICTED * moved).max(1.0);
            self.doubt = if wrong { (self.doubt + 2).min(2 * DOUBTED) } else { self.doubt.saturating_sub(1) };
        }
        let believed = on.told.is_some();
        on.told = None;
        let mut searches = SEARCHES;
        let background = &self.background;
        let pose = background.pose;
        if background.state == FitState::Followed {
            // The residual holds the noise of both frames.
            let now = background.outcome.noise * core::f32::consts::FRAC_1_SQRT_2;
            let learnt = self.learnt.map_or(now, |l| l + 0.05 * (now - l));
            self.learnt = Some(learnt);
            self.noise = self.noise.min(learnt);
        }

        self.blocks.clear_explained();
        on.vague = (self.epsilon * VAGUE_SHARE / side).max(0.5);
        on.light = Some(if background.state == FitState::Followed {
            background.outcome.light
        } else {
            Light { gain: out.gain, offset: out.offset }
        });
        for (i, follower) in self.followers.iter_mut().enumerate() {
            let (target, fit) = (&self.targets[i], &mut out.fits[i]);
            let area = key.working(&target.bounds);
            let middle = Point::new((area.x0 + area.x1) * 0.5, (area.y0 + area.y1) * 0.5);
            let from = middle - background.patch.center;
            let hint = pose.motion(from);
            // What the camera did beside its motion so far, it did to everything.
            on.surprise = if believed { hint - before.motion(from) - coasting } else { Point::default() };
            on.hint = Some(hint);
            on.search = searches > 0;
            if !self.without.has(Ingredients::OCCLUSION) {
                on.covers = covers(&self.places, i);
            }
            if follower.follow(&frame, &on, &mut self.work) {
                searches = searches.saturating_sub(1);
            }
            let moved = follower.pose.motion(middle - follower.patch.center);
            let (wider, higher) = follower.pose.extent(area.width(), area.height());
            *fit = Fit {
                identity: target.identity,
                moved: moved.scaled(side),
                scale: libm::sqrtf(wider * higher),
                stretch: wider / higher,
                residual: follower.outcome.residual,
                sigma: follower.outcome.sigma * side,
                state: follower.state,
            };
            let found = matches!(follower.state, FitState::Followed | FitState::Weak);
            let (w, h) = (area.width(), area.height());
            let place = Rect::from_center(middle + moved, w * wider, h * higher);
            self.places[i] = Some(place).filter(|_| found);
            let margin = |size: f32| size * (1.0 + 2.0 * MARGIN_SHARE) + 2.0 * MARGIN;
            let there = Rect::from_center(middle + moved, margin(w * wider), margin(h * higher));
            self.blocks.explain(&up_to_edge(&there, &area, key.size));
            self.blocks.explain(&Rect::from_center(middle + hint, margin(w), margin(h)));
        }

        part(&self.targets, &self.places, &mut self.followers, &mut out.fits);
        let center = (background.patch.center.x, background.patch.center.y);
        let change = self.blocks.compare(key, &pose, center, background.outcome.sigma, dt);
        out.background = pose.shift.scaled(side);
        out.background_state = background.state;
        out.background_scale = pose.scale();
        (out.gain, out.offset) = (change.gain, change.offset);
        (out.unexplained, out.changed, out.uncovered) = (change.worst, change.changed, change.uncovered);
        out.unexplained_at = change.worst_at.map_or(Rect::default(), |at| Blocks::rect(at, key.side));
        let held = out.fits.iter().filter(|f| f.state == FitState::Followed).count();
        out.cut = background.state != FitState::Followed
            && change.changed_all > CUT_SHARE
            && 2 * held <= out.fits.len()
            && self.blocks.likeness() < CUT_LIKENESS;
        Some(out)
    }

    /// Where the targets were found in the newest frame that was measured.
    pub fn fits(&self) -> &[Fit] {
        &self.evidence.fits
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::new(self.epsilon).without(self.without);
    }
}

/// What a target that the key frame's edge cut off explains where it is now: also what has come in behind it.
fn up_to_edge(there: &Rect, area: &Rect, (w, h): (u32, u32)) -> Rect {
    let (right, bottom) = (w as f32 - 1.0, h as f32 - 1.0);
    Rect::new(
        if area.x0 <= 1.0 { there.x0.min(0.0) } else { there.x0 },
        if area.y0 <= 1.0 { there.y0.min(0.0) } else { there.y0 },
        if area.x1 >= right { there.x1.max(right) } else { there.x1 },
        if area.y1 >= bottom { there.y1.max(bottom) } else { there.y1 },
    )
}

/// Where other targets are that overlap target `i`.
fn covers(places: &[Option<Rect>], i: usize) -> Covers {
    let mut out = Covers::default();
    if let Some(Some(me)) = places.get(i) {
        for (j, other) in places.iter().enumerate() {
            if let Some(o) = other
                && j != i
                && o.x0 < me.x1
                && o.x1 > me.x0
                && o.y0 < me.y1
                && o.y1 > me.y0
            {
                out.push(Rect::new(o.x0 - 1.0, o.y0 - 1.0, o.x1 + 1.0, o.y1 + 1.0));
            }
        }
    }
    out
}

/// Declares the worse of two fits lost that came to lie on the same thing.
fn part(targets: &[Target], places: &[Option<Rect>], followers: &mut [Follower], fits: &mut [Fit]) {
    for i in 0..followers.len() {
        for j in 0..i {
            let followed = fits[i].state == FitState::Followed && fits[j].state == FitState::Followed;
            let (Some(a), Some(b), true) = (places[i], places[j], followed) else { continue };
            // Boxes that overlapped as much on the key frame belong to a thing and its part, or to twins.
            if a.iou(&b) > SAME && targets[i].bounds.iou(&targets[j].bounds) < 0.5 * SAME {
                let worse = if fits[i].residual > fits[j].residual { i } else { j };
                fits[worse].state = FitState::Lost;
                followers[worse].state = FitState::Lost;
            }
        }
    }
}
