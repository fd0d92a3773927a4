//! The output-only class: the last two results extrapolated along a straight line, or the last one held.
//! **Invariant:** nothing but the two results is used, and both have noise of their own.
//! It does not look at pixels.

use inbetween_flow::{Point, Rect};

use super::{
    course::Course,
    dynamic::Table,
    noise::{ALL, Errors, Hits, Order, share},
};
use crate::scene::Truth;

/// Draws that violate in this many refreshes in a row leave nothing to hope for in the rest of an age cap.
const HOPELESS: u32 = 30;

/// The table of all intervals.
pub(super) fn table(course: &Course) -> Table {
    Table::fill(course, |i, j, out| {
        out.resize_with(2, Vec::new);
        for (estimate, line) in out.iter_mut().zip([false, true]) {
            violations(course, i.filter(|_| line), j, estimate);
        }
        out.truncate(if i.is_some() { 2 } else { 1 });
    })
}

/// One object's box by one or two results.
struct Track {
    identity: u32,
    class: u32,
    center: Point,
    size: Point,
    /// Change of both in a second, where two results show it.
    drift: Option<(Point, Point)>,
}

/// How two results lie to each other.
#[derive(Clone, Copy)]
struct Pair {
    /// Seconds between them.
    gap: f32,
    /// Correlation of their errors: such as last are alike in results that are near, and a line through both then has
    /// less of them.
    alike: f32,
}

fn violations(course: &Course, i: Option<usize>, j: usize, out: &mut Vec<f32>) {
    let candidate = &course.candidates[j];
    let gap = i.map_or(0.0, |i| candidate.captured.secs_from(course.candidates[i].captured));
    let alike = if course.correlation_s > 0.0 { 1.0 - f64::from(gap) / course.correlation_s } else { 0.0 };
    let pair = Pair { gap, alike: alike.max(0.0) as f32 };
    let size = |r: &Rect| Point::new(r.width(), r.height());
    let track = |now: &Truth| {
        let before = i.filter(|_| gap > 0.0).and_then(|i| {
            let known = course.candidates[i].found.iter().find(|t| t.identity == now.identity)?;
            Some(known.bounds)
        });
        let drift = before.map(|then| {
            let moved = now.bounds.center() - then.center();
            (moved.scaled(1.0 / gap), (size(&now.bounds) - size(&then)).scaled(1.0 / gap))
        });
        let (center, size) = (now.bounds.center(), size(&now.bounds));
        Track { identity: now.identity, class: now.class, center, size, drift }
    };
    let tracks: Vec<Track> = candidate.found.iter().map(track).collect();
    out.clear();
    let mut hopeless = 0;
    for r in course.window(j) {
        if hopeless >= HOPELESS {
            out.push(1.0);
            continue;
        }
        let share = refresh(course, &tracks, pair, j, r);
        hopeless = if share >= 1.0 { hopeless + 1 } else { 0 };
        out.push(share);
    }
}

/// The share of draws in which refresh `r` violates.
fn refresh(course: &Course, tracks: &[Track], pair: Pair, j: usize, r: usize) -> f32 {
    let refresh = &course.refreshes[r];
    let dt = refresh.at.secs_from(course.candidates[j].captured);
    let there = |t: &Track| {
        let (moved, grown) = t.drift.unwrap_or_default();
        let (center, size) = (t.center + moved.scaled(dt), t.size + grown.scaled(dt));
        Rect::from_center(center, size.x.max(1.0), size.y.max(1.0))
    };
    let mut hits: Hits = 0;
    for object in refresh.objects.iter().filter(|o| o.counts) {
        let truth = &object.truth;
        let Some(track) = tracks.iter().find(|t| t.identity == truth.identity && t.class == truth.class)
        else {
            return 1.0;
        };
        // The error at the last result, plus the slope's for as long as that was ago.
        let lever = if track.drift.is_some() { dt / pair.gap } else { 0.0 };
        let rest = libm::sqrtf(1.0 - pair.alike * pair.alike);
        let draws = || -> Errors {
            let (last, before) = (Order::of(track.identity, 0), Order::of(track.identity, 1));
            core::array::from_fn(|k| {
                let (last, before) = (course.draws.at(last, k), course.draws.at(before, k));
                let error = |p: usize| last[p] + lever * ((1.0 - pair.alike) * last[p] - rest * before[p]);
                [error(0), error(1), error(2), error(3)]
            })
        };
        let largest = 1.0 + lever * (1.0 - pair.alike + rest);
        hits |= course.off(&there(track), &truth.bounds, largest, draws);
        if hits == ALL {
            return 1.0;
        }
    }
    for track in tracks {
        let known = refresh.objects.iter().any(|o| o.truth.identity == track.identity);
        let shown = there(track).clipped(&course.frame);
        if !known && shown.area() > 0.0 && !course.occupied(r, &shown) {
            return 1.0;
        }
    }
    share(hits, course.new_ones(r, course.candidates[j].captured), course.misses)
}
