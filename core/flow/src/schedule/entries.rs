//! Picture that comes in at the frame's edge when the camera moves: nobody has looked at it, so objects may be in it.
//! **Invariant:** what was looked at lately and moves back in is not new; without moving there is nothing new.
//! It does not look at pixels: it takes how far the background has moved.

use core::time::Duration;

use crate::{
    geometry::{Point, Rect},
    time::Timestamp,
};

/// A model shows objects that are seen by a third, and they count from half on: this share of an object's size may come
/// in before one can be missed.
const SLACK: f32 = 0.15;
/// Share of the miss rate that objects in such picture may take.
const SHARE: f32 = 0.5;
/// Objects that have left come back with the picture: no more than this share of one is known beyond the edge.
const REACH: f32 = 0.5;
/// How long picture outside the frame is known, in seconds: then others may stand there.
const MEMORY_S: f32 = 4.0;
/// What was found long ago counts less: the last forty results, about.
const FORGETTING: f32 = 0.025;

/// Objects as they stand in the frame: what is uncovered is believed to hold as many for its area.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct View {
    /// Motion of the background since the key frame, in upright pixels.
    pub background: Point,
    /// The frame, in upright pixels; empty where there is none.
    pub frame: Rect,
    /// How many objects there are, and their mean size.
    pub objects: u32,
    pub size: f32,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Entries {
    /// How far beyond the key frame's edges the picture is known: left, top, right, bottom.
    known: [f32; 4],
    /// Objects that were found in uncovered picture, and how much of that was looked at, in frames.
    found: f32,
    looked: f32,
    /// Objects that are believed to be in the picture unseen, now, and times how long since the newest result.
    unseen: f32,
    waited: f32,
    at: Option<Timestamp>,
    since: Timestamp,
}

impl Entries {
    /// Takes the frame at `captured`. `spare` is how long an object need not be answered beyond what a run takes.
    pub fn look(&mut self, captured: Timestamp, view: &View, spare: Duration) {
        let dt = self.at.map_or(0.0, |at| captured.secs_from(at)).clamp(0.0, 0.5);
        self.at = Some(captured);
        let age = captured.secs_from(self.since).max(1e-3);
        let late = (1.0 - spare.as_secs_f32() / age).max(0.0);
        let share = self.uncovered(view, late, SLACK * view.size);
        self.unseen = share * (view.objects as f32 + self.found) / (1.0 + self.looked);
        self.waited += self.unseen * dt;
    }

    /// Share of the frame that no result has looked at; only the part `late` of the motion counts, less `slack`.
    fn uncovered(&self, view: &View, late: f32, slack: f32) -> f32 {
        let (w, h) = (view.frame.width(), view.frame.height());
        if !(w > 0.0 && h > 0.0) {
            return 0.0;
        }
        let [left, top, right, bottom] = come(view.background);
        let strip = |come: f32, known: f32, side: f32| ((come * late - known - slack) / side).clamp(0.0, 1.0);
        let x = strip(left, self.known[0], w).max(strip(right, self.known[2], w));
        let y = strip(top, self.known[1], h).max(strip(bottom, self.known[3], h));
        1.0 - (1.0 - x) * (1.0 - y)
    }

    /// Whether objects that came in unseen would take more than their share of the promise if no run were made of the
    /// frame at `captured`, whose result shows after `latency`.
    pub fn asks(&self, captured: Timestamp, latency: Duration, miss_rate: f32) -> bool {
        let latency = latency.as_secs_f32();
        let time = captured.secs_from(self.since) + latency;
        self.waited + self.unseen * latency > SHARE * miss_rate * time
    }

    /// Takes a result of the frame at `captured`, to which the background had moved by `background` since the key
    /// frame before, and what it found in picture of which the share `uncovered` was new.
    pub fn learn(&mut self, captured: Timestamp, background: Point, uncovered: f32, entered: u32, size: f32) {
        self.found += entered as f32 - FORGETTING * self.found;
        self.looked += uncovered - FORGETTING * self.looked;
        let fade = (1.0 - captured.secs_from(self.since).max(0.0) / MEMORY_S).max(0.0);
        for (known, come) in self.known.iter_mut().zip(come(background)) {
            *known = ((*known - come).max(0.0) * fade).min(REACH * size);
        }
        (self.since, self.unseen, self.waited) = (captured, 0.0, 0.0);
    }

    /// Share of the frame that is new to all results so far.
    pub fn new_share(&self, view: &View) -> f32 {
        self.uncovered(view, 1.0, 0.0)
    }
}

/// How much comes in at the left, top, right and bottom when the picture moves.
fn come(moved: Point) -> [f32; 4] {
    [moved.x, moved.y, -moved.x, -moved.y]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPARE: Duration = Duration::from_millis(60);
    const LATENCY: Duration = Duration::from_millis(35);

    fn view(x: f32) -> View {
        View {
            background: Point::new(x, 0.0),
            frame: Rect::new(0.0, 0.0, 320.0, 180.0),
            objects: 4,
            size: 40.0,
        }
    }

    /// Runs asked for in ten seconds at 30 fps of a camera that is at `camera(seconds)`, where nothing is found.
    fn runs(camera: impl Fn(f32) -> f32) -> usize {
        let mut entries = Entries::default();
        let mut key = camera(0.0);
        let mut count = 0;
        for i in 1..300_u64 {
            let (at, here) = (Timestamp::from_millis(i * 33), camera(i as f32 * 0.033));
            entries.look(at, &view(key - here), SPARE);
            if entries.asks(at, LATENCY, 0.02) {
                let share = entries.new_share(&view(key - here));
                entries.learn(at, Point::new(key - here, 0.0), share, 0, 40.0);
                key = here;
                count += 1;
            }
        }
        count
    }

    #[test]
    fn a_pan_asks_and_what_trembles_or_stands_does_not() {
        assert_eq!(runs(|_| 0.0), 0);
        let pan = runs(|t| 60.0 * t);
        assert!((20..60).contains(&pan), "{pan} runs");
        let tremble = runs(|t| 8.0 * libm::sinf(9.0 * t));
        assert!(tremble <= 3, "{tremble} runs");
    }

    #[test]
    fn the_more_was_found_the_sooner_it_asks() {
        let delay = |found: u32| {
            let mut entries = Entries::default();
            for i in 0..20 {
                entries.learn(Timestamp::from_millis(i), Point::default(), 0.1, found, 40.0);
            }
            let asks = |i: &u64| {
                let at = Timestamp::from_millis(20 + i * 33);
                entries.look(at, &view(-2.0 * *i as f32), SPARE);
                entries.asks(at, LATENCY, 0.02)
            };
            (1..300).find(asks).unwrap_or(300)
        };
        let (many, none) = (delay(1), delay(0));
        assert!(many < none && none < 60, "{many} {none}");
    }

    #[test]
    fn without_a_frame_or_objects_nothing_is_awaited() {
        let mut entries = Entries::default();
        for i in 1..100 {
            let at = Timestamp::from_millis(i * 33);
            entries.look(at, &View { background: Point::new(1e9, f32::NAN), ..View::default() }, SPARE);
            assert!(!entries.asks(at, LATENCY, 0.02));
        }
    }
}
