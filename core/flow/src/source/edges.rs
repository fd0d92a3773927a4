//! Boxes at the edge of the frame: what a detector cannot see of them.
//! **Invariant:** an edge of a box that lies inside the frame is never moved.
//! It does not know tracks or time.

use crate::geometry::{Point, Rect};

/// A detector that ends a box this close to the frame's edge, in pixels and as a share of the box, saw it cut off there:
/// two standard deviations of where detectors place edges.
const TOUCHING: f32 = 1.0;
const TOUCHING_SHARE: f32 = 0.04;
/// At most this share of an object is cut off when it is found: detectors need to see about a third.
const MOST_CUT: f32 = 0.65;
/// Weight of a new box in the running aspect.
const WEIGHT: f32 = 0.05;

/// The frame's edges, and how wide for their height whole boxes are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Edges {
    /// Where frames end, when that is known.
    pub frame: Option<Rect>,
    /// Logarithm of width over height of boxes that touch no edge.
    log_aspect: f32,
    /// How far it is off, on average; [`ASPECTS`] before any was seen.
    off: Option<f32>,
}

/// How far the logarithms of the aspects of things are apart, on average, before any was seen: 15%.
const ASPECTS: f32 = 0.15;
/// A mean departure is this share of a standard deviation (normal law).
const MEAN_TO_DEVIATION: f32 = 1.25;
/// An edge that is believed to lie further beyond the frame than this many standard deviations does not show.
const MOST_SIGMAS: f32 = 1.5;
/// Standard deviation of the size of what enters at a corner, where both sides are cut, as a share of it.
const CORNER: f32 = 0.25;
/// What is expected to have less than this share inside the frame has left it: detectors hardly find so little, and what
/// is found at the edge is somebody else.
const GONE: f32 = 0.1;
/// Weight of a new box in how far aspects are apart.
const OFF_WEIGHT: f32 = 0.12;

/// Which edges of a box are cut off: left, top, right, bottom.
fn touching(bounds: &Rect, frame: &Rect) -> [bool; 4] {
    let near = |size: f32| TOUCHING + TOUCHING_SHARE * size;
    let (x, y) = (near(bounds.width()), near(bounds.height()));
    [
        bounds.x0 <= frame.x0 + x,
        bounds.y0 <= frame.y0 + y,
        bounds.x1 >= frame.x1 - x,
        bounds.y1 >= frame.y1 - y,
    ]
}

impl Edges {
    /// `seen` with the cut edges where they must be for it to be as large as `expected`; a side of which nothing is
    /// seen is where `expected` has it. Never smaller than what is seen.
    pub fn continued(&self, seen: &Rect, expected: &Rect) -> Rect {
        let Some(frame) = &self.frame else { return *seen };
        let [left, top, right, bottom] = touching(seen, frame);
        let side = |cut: (bool, bool), seen: (f32, f32), expected: (f32, f32)| match cut {
            (false, false) => seen,
            (true, false) => (seen.0.min(seen.1 - (expected.1 - expected.0)), seen.1),
            (false, true) => (seen.0, seen.1.max(seen.0 + (expected.1 - expected.0))),
            (true, true) => (seen.0.min(expected.0), seen.1.max(expected.1)),
        };
        let x = side((left, right), (seen.x0, seen.x1), (expected.x0, expected.x1));
        let y = side((top, bottom), (seen.y0, seen.y1), (expected.y0, expected.y1));
        Rect::new(x.0, y.0, x.1, y.1)
    }

    /// `seen` made as wide, or as high, as its other side suggests where an edge is cut. Such a box enters: its
    /// visible part will grow.
    pub fn completed(&self, seen: &Rect) -> Rect {
        let Some(frame) = &self.frame else { return *seen };
        let aspect = libm::expf(self.log_aspect);
        let (w, h) = (seen.width(), seen.height());
        let most = MOST_CUT / (1.0 - MOST_CUT);
        let wider = (h * aspect - w).clamp(0.0, most * w);
        let higher = (w / aspect - h).clamp(0.0, most * h);
        let [left, top, right, bottom] = touching(seen, frame);
        let mut whole = *seen;
        match (left, right) {
            (true, false) => whole.x0 -= wider,
            (false, true) => whole.x1 += wider,
            _ => {}
        }
        match (top, bottom) {
            (true, false) => whole.y0 -= higher,
            (false, true) => whole.y1 += higher,
            _ => {}
        }
        whole
    }

    /// A box that was seen, if the frame's edge cuts something off.
    pub fn cut(&self, seen: &Rect) -> Option<Rect> {
        self.frame.as_ref().filter(|frame| touching(seen, frame) != [false; 4]).map(|_| *seen)
    }

    /// Standard deviation of the edges of `bounds` that were completed beyond the frame from what was `seen`, when
    /// the box has moved by `moved` since: no more than has come in, nor than aspects differ, less what lies beyond.
    pub fn doubt(&self, seen: &Rect, bounds: &Rect, moved: Point) -> f32 {
        let Some(frame) = &self.frame else { return 0.0 };
        let cut = touching(seen, frame);
        let come_in = [moved.x, moved.y, -moved.x, -moved.y];
        let beyond = [frame.x0 - bounds.x0, frame.y0 - bounds.y0, bounds.x1 - frame.x1, bounds.y1 - frame.y1];
        let corner = (cut[0] || cut[2]) && (cut[1] || cut[3]);
        let mut most = 0.0_f32;
        for side in 0..4 {
            if cut[side] {
                let size = if side % 2 == 0 { bounds.width() } else { bounds.height() };
                let off = if corner { CORNER } else { MEAN_TO_DEVIATION * self.off.unwrap_or(ASPECTS) };
                let deviation = off * size;
                let left = deviation.min(MOST_SIGMAS * deviation - beyond[side]);
                most = most.max(left.min(come_in[side]));
            }
        }
        most
    }

    /// Takes the aspect of a box that the model saw.
    pub fn learn(&mut self, seen: &Rect) {
        let Some(frame) = &self.frame else { return };
        let (w, h) = (seen.width(), seen.height());
        if w >= 1.0 && h >= 1.0 && touching(seen, frame) == [false; 4] {
            let news = libm::logf(w / h).clamp(-3.0, 3.0) - self.log_aspect;
            let off = self.off.unwrap_or(ASPECTS);
            self.off = Some(off + OFF_WEIGHT * (news.abs() - off));
            self.log_aspect += WEIGHT * news;
        }
    }

    /// Whether an edge of the frame is within the size of `bounds`.
    pub fn near(&self, bounds: &Rect) -> bool {
        let Some(frame) = &self.frame else { return false };
        let (w, h) = (bounds.width(), bounds.height());
        bounds.x0 - frame.x0 < w
            || bounds.y0 - frame.y0 < h
            || frame.x1 - bounds.x1 < w
            || frame.y1 - bounds.y1 < h
    }

    /// Whether less than [`GONE`] of `bounds` is inside the frame.
    pub fn outside(&self, bounds: &Rect) -> bool {
        let Some(frame) = &self.frame else { return false };
        bounds.clipped(frame).area() < GONE * bounds.area()
    }

    /// The part inside the frame; `None` when there is none.
    pub fn clipped(&self, bounds: &Rect) -> Option<Rect> {
        let Some(frame) = &self.frame else { return Some(*bounds) };
        let inside = bounds.clipped(frame);
        (inside.area() > 0.0 || bounds.area() <= 0.0).then_some(inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges() -> Edges {
        Edges { frame: Some(Rect::new(0.0, 0.0, 320.0, 180.0)), log_aspect: 0.0, off: None }
    }

    #[test]
    fn a_box_inside_is_left_alone() {
        let inside = Rect::new(20.0, 30.0, 60.0, 50.0);
        assert_eq!(edges().completed(&inside), inside);
        assert_eq!(edges().continued(&inside, &Rect::new(0.0, 0.0, 90.0, 90.0)), inside);
        assert_eq!(edges().clipped(&inside), Some(inside));
        let cut = Rect::new(0.5, 30.0, 60.0, 50.0);
        assert_eq!(Edges::default().completed(&cut), cut, "without a frame nothing is cut");
    }

    #[test]
    fn one_that_enters_is_completed_by_its_aspect() {
        assert_eq!(edges().completed(&Rect::new(0.0, 30.0, 25.0, 70.0)), Rect::new(-15.0, 30.0, 25.0, 70.0));
        assert_eq!(
            edges().completed(&Rect::new(50.0, 170.0, 90.0, 180.0)),
            Rect::new(50.0, 170.0, 90.0, 170.0 + 10.0 / 0.35)
        );
    }

    #[test]
    fn one_that_is_known_keeps_what_is_hidden() {
        let seen = Rect::new(300.0, 30.0, 319.5, 70.0);
        let expected = Rect::new(298.0, 31.0, 338.0, 71.0);
        assert_eq!(edges().continued(&seen, &expected), Rect::new(300.0, 30.0, 340.0, 70.0));
    }

    #[test]
    fn an_edge_within_the_noise_of_the_frames_is_cut() {
        let seen = Rect::new(60.0, 146.0, 100.0, 177.9);
        assert_eq!(edges().completed(&seen).y1, 186.0);
        assert_eq!(edges().completed(&seen.moved(Point::new(0.0, -3.0))).y1, 174.9);
    }

    #[test]
    fn what_is_outside_is_not_shown() {
        assert_eq!(edges().clipped(&Rect::new(330.0, 0.0, 350.0, 20.0)), None);
        assert_eq!(
            edges().clipped(&Rect::new(310.0, 0.0, 350.0, 20.0)),
            Some(Rect::new(310.0, 0.0, 320.0, 20.0))
        );
    }
}
