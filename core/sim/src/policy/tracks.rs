//! Tracks of the baselines: association of results with identities, and a constant-velocity Kalman filter.
//! **Invariant:** time is in seconds, so any interval between results is right; an identity is never given twice.
//! It shares no code with the engine's own estimator: a baseline must not profit from its virtues or faults.

use inbetween_flow::{Detection, Point, Rect, Timestamp};

/// Position and velocity of one coordinate with their covariance.
#[derive(Clone, Copy, Debug)]
struct Axis {
    x: f64,
    v: f64,
    p: [f64; 3],
}

/// Standard deviation of the velocity of a new track, in pixels a second.
const NEW_SPEED: f64 = 80.0;

impl Axis {
    fn new(x: f64, r: f64) -> Self {
        Self { x, v: 0.0, p: [r, 0.0, NEW_SPEED * NEW_SPEED] }
    }

    /// To `dt` seconds later. White acceleration of spectral density `q` (Bar-Shalom, Li and Kirubarajan 2001, §6.2).
    fn predict(&mut self, dt: f64, q: f64) {
        let [a, b, c] = self.p;
        self.x += dt * self.v;
        self.p = [
            a + 2.0 * dt * b + dt * dt * c + q * dt * dt * dt / 3.0,
            b + dt * c + q * dt * dt / 2.0,
            c + q * dt,
        ];
    }

    fn update(&mut self, z: f64, r: f64) {
        let [a, b, c] = self.p;
        let s = a + r;
        let (k0, k1) = (a / s, b / s);
        let innovation = z - self.x;
        self.x += k0 * innovation;
        self.v += k1 * innovation;
        self.p = [a - k0 * a, b - k0 * b, c - k1 * b];
    }
}

/// One object as a baseline sees it.
#[derive(Clone, Debug)]
struct Track {
    identity: u32,
    class: u32,
    score: f32,
    axes: [Axis; 4],
    at: Timestamp,
    matched: Timestamp,
    hits: u32,
    misses: u32,
}

impl Track {
    fn bounds_at(&self, time: Timestamp, moving: bool) -> Rect {
        let dt = if moving { f64::from(time.secs_from(self.at)) } else { 0.0 };
        let [x, y, w, h] = [0, 1, 2, 3].map(|i| (self.axes[i].x + dt * self.axes[i].v) as f32);
        Rect::from_center(Point::new(x, y), w.max(1.0), h.max(1.0))
    }
}

/// How tracks are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tracking {
    /// Whether boxes move on between results.
    pub moving: bool,
    /// Spectral density of acceleration, px²/s³.
    pub q: f64,
    /// Variance of a measured coordinate, px².
    pub r: f64,
    /// Results in a row that may miss an established track before it is hidden.
    pub coast: u32,
}

/// All objects as a baseline sees them.
#[derive(Clone, Debug)]
pub(super) struct Tracks {
    how: Tracking,
    list: Vec<Track>,
    next: u32,
}

/// Overlap from which a result may belong to a track (SORT uses 0.3; less is kinder at low rates).
const MIN_IOU: f32 = 0.1;
/// Where nothing overlaps: distance of centres, in mean box sizes, up to which a result may belong to a track.
const MAX_DISTANCE: f32 = 1.5;
/// A track that was not matched for this long is forgotten, in seconds.
const MEMORY_S: f32 = 1.0;
/// Results that make a track an established one (SORT's `min_hits`).
const ESTABLISHED: u32 = 3;

impl Tracks {
    pub(super) fn new(how: Tracking) -> Self {
        Self { how, list: Vec::new(), next: 0 }
    }

    /// Takes the model's result for a frame.
    pub(super) fn admit(&mut self, captured: Timestamp, found: &[Detection]) {
        let how = self.how;
        for track in &mut self.list {
            let dt = f64::from(captured.secs_from(track.at)).max(0.0);
            if how.moving {
                for (i, axis) in track.axes.iter_mut().enumerate() {
                    axis.predict(dt, if i < 2 { how.q } else { how.q * 0.25 });
                }
            }
            track.at = captured;
            track.misses += 1; // taken back where it is matched
        }
        let mut pairs = Vec::new();
        for (t, track) in self.list.iter().enumerate() {
            let here = track.bounds_at(captured, how.moving);
            for (d, detection) in found.iter().enumerate().filter(|(_, d)| d.class == track.class) {
                if let Some(likeness) = likeness(&here, &detection.bounds) {
                    pairs.push((likeness, t, d));
                }
            }
        }
        // Best first; ties by place, so that the order is total.
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        let (mut taken, mut used) = (vec![false; self.list.len()], vec![false; found.len()]);
        for (_, t, d) in pairs {
            if !taken[t] && !used[d] {
                (taken[t], used[d]) = (true, true);
                self.correct(t, captured, &found[d]);
            }
        }
        for (detection, _) in found.iter().zip(used).filter(|(_, used)| !used) {
            self.birth(captured, detection);
        }
        self.list.retain(|t| captured.secs_from(t.matched) <= MEMORY_S);
    }

    fn correct(&mut self, t: usize, captured: Timestamp, detection: &Detection) {
        let how = self.how;
        let track = &mut self.list[t];
        for (axis, z) in track.axes.iter_mut().zip(measured(detection)) {
            if how.moving {
                axis.update(z, how.r);
            } else {
                axis.x = z;
            }
        }
        (track.matched, track.score) = (captured, detection.score);
        track.hits += 1;
        track.misses = 0;
    }

    fn birth(&mut self, captured: Timestamp, detection: &Detection) {
        self.list.push(Track {
            identity: self.next,
            class: detection.class,
            score: detection.score,
            axes: measured(detection).map(|z| Axis::new(z, self.how.r)),
            at: captured,
            matched: captured,
            hits: 1,
            misses: 0,
        });
        self.next += 1;
    }

    /// What is shown at `display`.
    pub(super) fn show(&self, display: Timestamp, out: &mut Vec<Detection>) {
        out.clear();
        out.extend(self.list.iter().filter(|t| self.shown(t)).map(|t| Detection {
            bounds: t.bounds_at(display, self.how.moving),
            score: t.score,
            class: t.class,
            identity: Some(t.identity),
        }));
    }

    fn shown(&self, track: &Track) -> bool {
        track.misses == 0 || (track.hits >= ESTABLISHED && track.misses <= self.how.coast)
    }
}

fn measured(d: &Detection) -> [f64; 4] {
    let c = d.bounds.center();
    [c.x, c.y, d.bounds.width(), d.bounds.height()].map(f64::from)
}

/// How much a result looks like a track: overlap from 0 to 1, or minus the distance where nothing overlaps.
fn likeness(a: &Rect, b: &Rect) -> Option<f32> {
    let iou = a.iou(b);
    if iou >= MIN_IOU {
        return Some(iou);
    }
    let size = 0.25 * (a.width() + a.height() + b.width() + b.height());
    let distance = (a.center() - b.center()).length() / size.max(1.0);
    (distance <= MAX_DISTANCE).then_some(-distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOW: Tracking = Tracking { moving: true, q: 1e4, r: 1.0, coast: 1 };

    fn at(x: f32, y: f32) -> Detection {
        let bounds = Rect::from_center(Point::new(x, y), 20.0, 20.0);
        Detection { bounds, score: 0.9, class: 0, identity: None }
    }

    #[test]
    fn constant_velocity_is_extrapolated_at_any_interval() {
        let mut tracks = Tracks::new(HOW);
        for t in [0, 100, 250, 350, 500, 700] {
            tracks.admit(Timestamp::from_millis(t), &[at(0.1 * t as f32, 50.0)]);
        }
        let mut out = Vec::new();
        tracks.show(Timestamp::from_millis(900), &mut out);
        assert_eq!(out.len(), 1);
        assert!((out[0].bounds.center().x - 90.0).abs() < 0.5, "{:?}", out[0].bounds.center());
    }

    #[test]
    fn identities_survive_and_are_not_used_again() {
        let mut tracks = Tracks::new(HOW);
        let mut out = Vec::new();
        let mut seen = Vec::new();
        for t in 0..40 {
            let here: Vec<Detection> = if t < 20 {
                vec![at(t as f32 * 4.0, 20.0), at(100.0, 90.0)]
            } else {
                vec![at(t as f32 * 4.0, 20.0)]
            };
            tracks.admit(Timestamp::from_millis(t * 100), &here);
            tracks.show(Timestamp::from_millis(t * 100), &mut out);
            seen.push(out.iter().map(|d| d.identity).collect::<Vec<_>>());
        }
        assert!(seen.iter().all(|s| s[0] == Some(0)));
        assert_eq!(seen[20].len(), 2, "one miss is bridged");
        assert_eq!(seen[21].len(), 1, "a second one is not");
        tracks.admit(Timestamp::from_millis(9000), &[at(100.0, 90.0)]);
        tracks.show(Timestamp::from_millis(9000), &mut out);
        assert_eq!(out[0].identity, Some(2));
    }
}
