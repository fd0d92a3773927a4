//! Makes sense of the host's times: `now` never goes back, captures come in order and not from the future.
//! **Invariant:** whatever times come in, the engine's own time goes forward and later frames are taken again.
//! It does not read a clock.

use core::{cmp::Ordering, time::Duration};

use crate::{plan::SkipReason, time::Timestamp};

/// A step back by more than this is another clock (a reboot, a new stream), not jitter.
const RESTART: Duration = Duration::from_secs(1);
/// So many frames in a row that are older than the newest are a new stream, too.
const MOST_LATE: u32 = 8;
/// A pause in the frames of more than this is reported as a gap.
const GAP: Duration = Duration::from_secs(1);
/// Frame periods outside 480 to 1 fps are not learnt from.
const PERIODS: core::ops::RangeInclusive<Duration> = Duration::from_micros(2_083)..=Duration::from_secs(1);

/// What a frame's times amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// A new frame, and how long the pause before it was if it was long.
    New { captured: Timestamp, gap: Option<Duration> },
    /// Not to be looked at.
    Skip(SkipReason),
    /// The stream began anew: forget what was, then take the frame as new.
    Restart { captured: Timestamp },
}

#[derive(Clone, Debug)]
pub(crate) struct Clock {
    now: Timestamp,
    newest: Option<Timestamp>,
    late: u32,
    period: Duration,
}

impl Clock {
    pub(crate) const fn new() -> Self {
        Self { now: Timestamp::ZERO, newest: None, late: 0, period: Duration::from_millis(33) }
    }

    /// The engine's own time.
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Capture time of the newest frame.
    pub(crate) const fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// The frame period, smoothed; 33 ms until two frames have come.
    pub(crate) const fn period(&self) -> Duration {
        self.period
    }

    /// The time to go by, and by how much the host's went back.
    pub(crate) fn advance(&mut self, now: Timestamp) -> (Timestamp, Option<Duration>) {
        if now >= self.now {
            self.now = now;
            return (now, None);
        }
        let back = self.now.since(now);
        if back > RESTART {
            self.now = now;
            self.newest = None;
        }
        (self.now, Some(back))
    }

    /// Whether a step back of `now` by `back` means that the clock is another one.
    pub(crate) fn restarted(back: Duration) -> bool {
        back > RESTART
    }

    /// Takes a frame's capture time at the current `now`; the flag says that it was after `now` and was clamped.
    pub(crate) fn capture(&mut self, captured: Timestamp) -> (Arrival, bool) {
        let future = captured > self.now;
        let captured = captured.min(self.now);
        let Some(newest) = self.newest else {
            self.newest = Some(captured);
            return (Arrival::New { captured, gap: None }, future);
        };
        let arrival = match captured.cmp(&newest) {
            Ordering::Greater => {
                let step = captured.since(newest);
                if PERIODS.contains(&step) {
                    // An eighth of the news: a few frames follow a change of rate, single drops hardly show.
                    self.period = (self.period * 7 + step) / 8;
                }
                self.newest = Some(captured);
                self.late = 0;
                Arrival::New { captured, gap: (step > GAP).then_some(step) }
            }
            Ordering::Equal => Arrival::Skip(SkipReason::RepeatedFrame),
            Ordering::Less => {
                self.late += 1;
                if self.late < MOST_LATE && newest.since(captured) <= RESTART {
                    Arrival::Skip(SkipReason::LateFrame)
                } else {
                    self.late = 0;
                    self.newest = Some(captured);
                    Arrival::Restart { captured }
                }
            }
        };
        (arrival, future)
    }

    pub(crate) const fn reset(&mut self) {
        self.newest = None;
        self.late = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn small_steps_back_are_clamped_large_ones_are_a_new_clock() {
        let mut clock = Clock::new();
        clock.advance(ms(5_000));
        assert_eq!(clock.advance(ms(4_990)), (ms(5_000), Some(Duration::from_millis(10))));
        let (now, back) = clock.advance(ms(10));
        assert_eq!(now, ms(10));
        assert!(Clock::restarted(back.unwrap()));
    }

    #[test]
    fn repeated_late_and_future_frames_are_told_apart() {
        let mut clock = Clock::new();
        clock.advance(ms(100));
        assert_eq!(clock.capture(ms(90)), (Arrival::New { captured: ms(90), gap: None }, false));
        assert_eq!(clock.capture(ms(90)).0, Arrival::Skip(SkipReason::RepeatedFrame));
        assert_eq!(clock.capture(ms(80)).0, Arrival::Skip(SkipReason::LateFrame));
        let (arrival, future) = clock.capture(ms(500));
        assert!(future);
        assert_eq!(arrival, Arrival::New { captured: ms(100), gap: None });
        clock.advance(ms(133));
        assert_eq!(clock.capture(ms(133)).0, Arrival::New { captured: ms(133), gap: None });
    }

    #[test]
    fn a_camera_that_restarts_is_followed_again() {
        let mut clock = Clock::new();
        clock.advance(ms(10_000));
        clock.capture(ms(9_990));
        assert_eq!(clock.capture(ms(5)).0, Arrival::Restart { captured: ms(5) });
        assert!(matches!(clock.capture(ms(38)).0, Arrival::New { .. }));

        let mut clock = Clock::new();
        clock.advance(ms(10_000));
        clock.capture(ms(9_990));
        let restarts =
            (0..8).map(|i| clock.capture(ms(9_500 + i)).0).filter(|a| matches!(a, Arrival::Restart { .. }));
        assert_eq!(restarts.count(), 1);
    }

    #[test]
    fn learns_the_frame_period_and_reports_gaps() {
        let mut clock = Clock::new();
        for i in 1..100 {
            clock.advance(ms(i * 8));
            clock.capture(ms(i * 8));
        }
        assert!((7..=9).contains(&(clock.period().as_millis() as u64)));
        clock.advance(ms(60_000));
        let (arrival, _) = clock.capture(ms(60_000));
        assert!(matches!(arrival, Arrival::New { gap: Some(g), .. } if g > Duration::from_secs(50)));
    }
}
