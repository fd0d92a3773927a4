//! Reads each metric from the windows.
//! **Invariant:** a reading rests on the open window once that has enough in it, before that on the last full one.
//! It does not change anything.

use crate::{config::MOST_CELLS, time::Timestamp};

use super::{
    drift::{Reading, Verdict},
    live::Live,
    signal::Signal,
    window::{Cell, Timing, Window},
};

/// Events under which a share or a quantile is not read.
const ENOUGH: u32 = 30;
/// Labels under which evidence has no verdict.
const LABELS: u32 = 30;
/// Decimal logarithms of the evidence that is significant at 5% and at 1%, whenever it is looked at.
const SIGNIFICANT: (f64, f64) = (1.301_029_995_663_981_2, 2.0);

impl Live {
    /// How `signal` stands at `now`.
    pub fn read(&self, now: Timestamp, signal: Signal) -> Reading {
        match signal {
            Signal::Psi(i) => self.drifts.features.get(usize::from(i)).copied().unwrap_or_default(),
            Signal::PsiScores => self.drifts.scores,
            Signal::PsiClasses => self.drifts.classes,
            Signal::ConceptEvidence => evidence(&self.window).max(evidence(&self.previous)),
            Signal::Freshness => {
                let age = self.newest.map_or(0.0, |at| now.since(at).as_secs_f64());
                Reading::plain(age, u32::from(self.newest.is_some()), 1)
            }
            Signal::VolumeDrop => self.volume_drop(now),
            Signal::SlicePsi(i) => self.drifts.cells.get(usize::from(i)).copied().unwrap_or_default(),
            Signal::SchemaBreaks => Reading::plain(self.both(|w| w.schema_breaks), self.window.frames, 1),
            Signal::Panics => Reading::plain(self.both(|w| w.panics), self.window.runs, 1),
            Signal::UnsoundValues => Reading::plain(self.both(|w| w.unsound), self.window.runs, 1),
            Signal::SliceGap => self.either(slice_gap),
            _ => self.either(|window| self.read_window(window, signal)),
        }
    }

    /// Of both windows: a count that begins anew must not look like a recovery.
    fn both(&self, count: impl Fn(&Window) -> u32) -> f64 {
        f64::from(count(&self.window)) + f64::from(count(&self.previous))
    }

    /// From the open window, or else from the last full one.
    fn either(&self, read: impl Fn(&Window) -> Reading) -> Reading {
        let live = read(&self.window);
        if live.verdict == Verdict::InsufficientData { read(&self.previous) } else { live }
    }

    fn read_window(&self, w: &Window, signal: Signal) -> Reading {
        let o = &w.outcomes;
        let feature = |i: u8| w.features.get(usize::from(i)).map(|f| f.events).unwrap_or_default();
        match signal {
            Signal::Missing(i) => share(feature(i).missing(), feature(i).total()),
            Signal::Nan(i) => share(feature(i).nan(), feature(i).total()),
            Signal::OutOfRange(i) => {
                let bins = feature(i);
                let outside = self.feature_scale(usize::from(i) % w.features.len()).outside(&bins);
                Reading::plain(outside, bins.numbers(), ENOUGH)
            }
            Signal::ErrorRate => share(o.wrong, o.labelled),
            Signal::CalibrationGap => Reading::plain(o.calibration_gap().unwrap_or(0.0), o.labelled, ENOUGH),
            Signal::EstimatedError => {
                let error = o.accuracy_estimate().map_or(0.0, |e| 1.0 - e.accuracy);
                Reading::plain(error, o.scored, ENOUGH)
            }
            Signal::FailureRate => share(w.failures, w.runs),
            Signal::TimeoutRate => share(w.timeouts, w.runs),
            Signal::RejectedRate => share(w.rejected, w.frames),
            Signal::ViolationRate => share(w.violations, w.backtests),
            Signal::FallbackRate => share(w.fallbacks, w.answers),
            Signal::LatencyP95 => p95(w, Timing::Latency),
            Signal::AgeP95 => p95(w, Timing::Age),
            Signal::LabelLoss => {
                let lost = o.expired.saturating_add(o.dropped);
                share(lost, lost.saturating_add(o.labelled))
            }
            Signal::SliceErrorRate(i) => {
                let cell = cell(w, i);
                share(cell.wrong, cell.labelled)
            }
            Signal::SliceShare(i) => share(cell(w, i).events, w.frames),
            _ => Reading::default(),
        }
    }

    fn volume_drop(&self, now: Timestamp) -> Reading {
        let rate = |w: &Window, end: Timestamp| {
            let seconds = end.since(w.started).as_secs_f64();
            (f64::from(w.frames) / seconds.max(1e-9), seconds)
        };
        let (before, _) = rate(&self.previous, self.previous.ended);
        let (live, seconds) = rate(&self.window, now);
        // A tenth of a window says what a pause is.
        let early = seconds < 0.1 * self.config().window.as_secs_f64();
        let enough = if early { 0 } else { self.previous.frames };
        Reading::plain(1.0 - live / before.max(1e-9), enough, ENOUGH)
    }
}

fn share(part: u32, of: u32) -> Reading {
    Reading::plain(f64::from(part) / f64::from(of.max(1)), of, ENOUGH)
}

fn p95(w: &Window, timing: Timing) -> Reading {
    let times = w.timing(timing);
    let value = times.quantile(0.95).map_or(0.0, |d| d.as_secs_f64() * 1e3);
    Reading::plain(value, u32::try_from(times.count()).unwrap_or(u32::MAX), ENOUGH)
}

fn cell(w: &Window, i: u8) -> &Cell {
    &w.cells[usize::from(i).min(MOST_CELLS)]
}

fn slice_gap(w: &Window) -> Reading {
    let rate = |wrong: u32, labelled: u32| f64::from(wrong) / f64::from(labelled.max(1));
    let all = rate(w.outcomes.wrong, w.outcomes.labelled);
    let cells = w.cells.iter().filter(|c| c.labelled >= ENOUGH);
    cells.map(|c| Reading::plain(libm::fabs(rate(c.wrong, c.labelled) - all), c.labelled, ENOUGH)).fold(
        Reading::default(),
        |worst, r| {
            if worst.verdict == Verdict::InsufficientData || r.value > worst.value { r } else { worst }
        },
    )
}

/// A test that may be looked at at any time: each window's chance of a false alarm holds over all looks.
fn evidence(w: &Window) -> Reading {
    let evidence = &w.outcomes.evidence;
    let value = libm::log10(evidence.value());
    let observations = evidence.observations();
    let verdict = match value {
        _ if observations < LABELS => Verdict::InsufficientData,
        v if v >= SIGNIFICANT.1 => Verdict::Drift,
        v if v >= SIGNIFICANT.0 => Verdict::Warn,
        _ => Verdict::Stable,
    };
    Reading { value, observations, verdict }
}

impl Reading {
    /// The worse of two.
    fn max(self, other: Self) -> Self {
        if other.verdict > self.verdict { other } else { self }
    }
}
