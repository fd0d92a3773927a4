//! Axes and scales shared by the charts.
//! **Invariant:** a scale maps its domain onto its range and clamps what lies outside.
//! It does not know what is drawn.

use maud::{Markup, html};

/// A linear map from values to drawing units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    from: (f64, f64),
    to: (f64, f64),
}

impl Scale {
    pub(super) fn new(from: (f64, f64), to: (f64, f64)) -> Self {
        let from = if from.1 > from.0 { from } else { (from.0, from.0 + 1.0) };
        Self { from, to }
    }

    pub(super) fn at(&self, x: f64) -> f64 {
        let t = ((x - self.from.0) / (self.from.1 - self.from.0)).clamp(0.0, 1.0);
        self.to.0 + t * (self.to.1 - self.to.0)
    }
}

/// A coordinate with one decimal: enough for the eye, small on disk.
pub(super) fn n(x: f64) -> String {
    let text = format!("{x:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// Round steps (1, 2 or 5 times a power of ten) that give about `count` ticks from `min` to `max`.
pub(super) fn ticks(min: f64, max: f64, count: usize) -> Vec<f64> {
    let span = max - min;
    if !(span > 0.0 && span.is_finite()) || count == 0 {
        return vec![min];
    }
    let raw = span / count as f64;
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|k| k * power).into_iter().find(|s| *s >= raw).unwrap_or(raw);
    let first = (min / step).ceil() as i64;
    let last = (max / step + 1e-9).floor() as i64;
    (first..=last).map(|i| i as f64 * step).collect()
}

/// A tick's label without needless decimals.
pub(super) fn label(x: f64) -> String {
    let text = format!("{x:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Horizontal grid lines with labels at the left.
pub(super) fn y_axis(ticks: &[(f64, String)], x0: f64, x1: f64) -> Markup {
    html! {
        @for (y, text) in ticks {
            line class="grid" x1=(n(x0)) x2=(n(x1)) y1=(n(*y)) y2=(n(*y)) {}
            text class="tick" x=(n(x0 - 6.0)) y=(n(y + 4.0)) text-anchor="end" { (text) }
        }
    }
}

/// Labels below, with short marks.
pub(super) fn x_axis(ticks: &[(f64, String)], y: f64) -> Markup {
    html! {
        @for (x, text) in ticks {
            line class="grid" x1=(n(*x)) x2=(n(*x)) y1=(n(y)) y2=(n(y + 4.0)) {}
            text class="tick" x=(n(*x)) y=(n(y + 17.0)) text-anchor="middle" { (text) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 20.0, 5), [0.0, 5.0, 10.0, 15.0, 20.0]);
        assert_eq!(ticks(3.0, 3.0, 5), [3.0]);
        assert_eq!(label(0.5), "0.5");
        assert_eq!(label(20.0), "20");
        assert_eq!(n(3.04), "3");
    }
}
