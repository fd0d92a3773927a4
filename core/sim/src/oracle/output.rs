//! The output-only class: the last two results extrapolated along a straight line, or the last one held.
//! **Invariant:** nothing but the two results is used, and both have noise of their own.
//! It does not look at pixels.

use inbetween_flow::{Point, Rect};

use super::{
    course::Course,
    dynamic::Table,
    noise::{ALL, DRAWS, Errors, Hits, errors, off, share},
};

/// Draws that violate in this many refreshes in a row leave nothing to hope for in the rest of an age cap.
const HOPELESS: u32 = 30;

/// The table of all intervals.
pub(super) fn table(course: &Course) -> Table {
    // The same object has the same errors in the same result, whatever other result that is combined with.
    let noise: Vec<Vec<Errors>> = course
        .candidates
        .iter()
        .enumerate()
        .map(|(c, candidate)| candidate.found.iter().map(|t| errors(course.seed, c, t.identity)).collect())
        .collect();
    Table::fill(course, |i, j, out| {
        out.resize_with(2, Vec::new);
        for (estimate, line) in out.iter_mut().zip([false, true]) {
            violations(course, &noise, i.filter(|_| line), j, estimate);
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
    /// Change of both in a second.
    drift: (Point, Point),
    /// Errors of the last result, and of the slope in units of the last result's own.
    own: Errors,
    slope: Option<Errors>,
}

fn violations(course: &Course, noise: &[Vec<Errors>], i: Option<usize>, j: usize, out: &mut Vec<f32>) {
    let candidate = &course.candidates[j];
    let gap = i.map_or(0.0, |i| candidate.captured.secs_from(course.candidates[i].captured));
    // Errors that last are alike in results that are near: a straight line through both then has less of them.
    let alike = if course.correlation_s > 0.0 {
        (1.0 - f64::from(gap) / course.correlation_s).max(0.0) as f32
    } else {
        0.0
    };
    let mut tracks: Vec<Track> = Vec::with_capacity(candidate.found.len());
    for (at, now) in candidate.found.iter().enumerate() {
        let own = noise[j][at];
        let before = i.filter(|_| gap > 0.0).and_then(|i| {
            let known = course.candidates[i].found.iter().position(|t| t.identity == now.identity)?;
            Some((course.candidates[i].found[known].bounds, noise[i][known]))
        });
        let size = |r: &Rect| Point::new(r.width(), r.height());
        let drift = before.map_or((Point::default(), Point::default()), |(then, _)| {
            let k = 1.0 / gap;
            let moved = now.bounds.center() - then.center();
            (moved.scaled(k), (size(&now.bounds) - size(&then)).scaled(k))
        });
        let slope = before.map(|(_, then)| -> Errors {
            let rest = (1.0 - alike * alike).sqrt();
            core::array::from_fn(|k| {
                core::array::from_fn(|p| (own[k][p] - alike * own[k][p] - rest * then[k][p]) / gap)
            })
        });
        let (center, size) = (now.bounds.center(), size(&now.bounds));
        tracks.push(Track { identity: now.identity, class: now.class, center, size, drift, own, slope });
    }
    out.clear();
    let mut hopeless = 0;
    for r in course.window(j) {
        if hopeless >= HOPELESS {
            out.push(1.0);
            continue;
        }
        let share = refresh(course, &tracks, j, r);
        hopeless = if share >= 1.0 { hopeless + 1 } else { 0 };
        out.push(share);
    }
}

/// The share of draws in which refresh `r` violates.
fn refresh(course: &Course, tracks: &[Track], j: usize, r: usize) -> f32 {
    let refresh = &course.refreshes[r];
    let dt = refresh.at.secs_from(course.candidates[j].captured);
    let there = |t: &Track| {
        let (center, size) = (t.center + t.drift.0.scaled(dt), t.size + t.drift.1.scaled(dt));
        Rect::from_center(center, size.x.max(1.0), size.y.max(1.0))
    };
    let mut hits: Hits = 0;
    for object in refresh.objects.iter().filter(|o| o.counts) {
        let truth = &object.truth;
        let Some(track) = tracks.iter().find(|t| t.identity == truth.identity && t.class == truth.class)
        else {
            return 1.0;
        };
        let mut draws = track.own;
        let mut noise = course.noise_px;
        if let Some(slope) = &track.slope {
            let mut largest = 1.0_f32;
            for k in 0..DRAWS {
                for p in 0..4 {
                    draws[k][p] += slope[k][p] * dt;
                    largest = largest.max(draws[k][p].abs() / 4.5);
                }
            }
            // The draws in units of a deviation that none of them leaves far behind.
            draws.iter_mut().flatten().for_each(|e| *e /= largest);
            noise *= f64::from(largest);
        }
        hits |= off(course, &there(track), &truth.bounds, noise, &draws);
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
