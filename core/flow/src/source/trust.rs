//! Whether the pixels of an object move as the object does: a screen or a conveyor belt moves inside an outline that stands.
//! **Invariant:** trust is lost and won by results alone, and where nothing has moved nothing is learnt.
//! It does not follow or move anything.

use crate::{geometry::Point, time::Timestamp};

/// Frames whose motion is remembered: those that a run takes, up to half a second at 30 fps.
const FRAMES: usize = 16;
/// What counts at the start, in square pixels: pixels are believed until they have lied by more than this.
const PRIOR: f32 = 9.0;
/// What earlier results are worth when a new one comes: the last three count.
const MEMORY: f32 = 0.7;
/// Motions of which neither is more than this say nothing, in pixels: detectors err by about one.
const LEAST: f32 = 3.0;
/// Share of the pixels' motion that results must confirm. Below a half, the object is better taken to stand.
const CONFIRMED: f32 = 0.5;

/// The motion of an object's pixels beside that of its results.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trust {
    moves: [(Timestamp, Point); FRAMES],
    count: usize,
    /// Sums of products: pixels with pixels, pixels with results.
    pixels: f32,
    both: f32,
}

impl Default for Trust {
    fn default() -> Self {
        Self { moves: [(Timestamp::ZERO, Point::default()); FRAMES], count: 0, pixels: PRIOR, both: PRIOR }
    }
}

impl Trust {
    /// Whether pixels are believed.
    pub fn holds(&self) -> bool {
        self.both > CONFIRMED * self.pixels
    }

    /// Takes how far pixels had moved since the key frame in the frame at `time`.
    pub fn follow(&mut self, time: Timestamp, moved: Point) {
        self.moves[self.count % FRAMES] = (time, moved);
        self.count += 1;
    }

    /// Takes how far the result of the frame at `time` is from the key frame's. Another key frame begins.
    pub fn learn(&mut self, time: Timestamp, moved: Point) {
        let known = &self.moves[..self.count.min(FRAMES)];
        self.count = 0;
        let Some((_, pixels)) = known.iter().find(|(t, _)| *t == time) else { return };
        if pixels.length().max(moved.length()) < LEAST {
            return;
        }
        self.pixels = MEMORY * self.pixels + pixels.x * pixels.x + pixels.y * pixels.y;
        self.both = MEMORY * self.both + pixels.x * moved.x + pixels.y * moved.y;
    }

    /// A key frame begins without a result.
    pub fn rekey(&mut self) {
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(trust: &mut Trust, pixels: f32, moved: f32) -> bool {
        let at = Timestamp::from_millis(100);
        trust.follow(Timestamp::from_millis(66), Point::new(0.5 * pixels, 0.0));
        trust.follow(at, Point::new(pixels, 0.0));
        trust.learn(at, Point::new(moved, 0.5));
        trust.holds()
    }

    #[test]
    fn pixels_that_lie_lose_it_and_win_it_back() {
        let mut trust = Trust::default();
        assert!(result(&mut trust, 12.0, 11.0));
        assert!(!(0..3).all(|_| result(&mut trust, 14.0, 0.3)), "a texture that scrolls");
        for _ in 0..20 {
            assert!(!result(&mut trust, 1.0, -1.0), "nothing is learnt while nothing moves");
        }
        assert!((0..4).any(|_| result(&mut trust, 14.0, 13.0)));
        assert!(result(&mut trust, 14.0, 13.0));
    }

    #[test]
    fn noise_does_not_matter() {
        let mut trust = Trust::default();
        assert!((0..50).all(|i| result(&mut trust, 2.0, if i % 2 == 0 { -2.0 } else { 1.0 })));
    }

    #[test]
    fn a_result_without_its_frame_teaches_nothing() {
        let mut trust = Trust::default();
        for i in 0..100 {
            trust.follow(Timestamp::from_millis(i), Point::new(40.0, 0.0));
        }
        trust.learn(Timestamp::from_millis(3), Point::default());
        assert!(trust.holds());
    }
}
