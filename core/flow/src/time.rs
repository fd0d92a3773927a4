//! Time as the core sees it: a count of nanoseconds on one monotonic clock that the host chooses.
//! **Invariant:** arithmetic saturates; no operation on a timestamp can panic or wrap.
//! It does not read a clock: every timestamp comes from the host.

use core::time::Duration;

/// An instant on the host's monotonic clock, in nanoseconds.
///
/// Capture time, handling time (`now`) and display time are all timestamps of the *same* clock.
///
/// # Example
/// ```
/// use core::time::Duration;
/// use inbetween_flow::Timestamp;
///
/// let captured = Timestamp::from_millis(40);
/// let shown = captured + Duration::from_millis(16);
/// assert_eq!(shown.since(captured), Duration::from_millis(16));
/// assert_eq!(captured.since(shown), Duration::ZERO); // saturates, never wraps
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The clock's origin.
    pub const ZERO: Self = Self(0);
    /// The last instant that can be named; "never" where a timeout is meant.
    pub const MAX: Self = Self(u64::MAX);

    /// An instant `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// An instant `micros` microseconds after the origin.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// An instant `millis` milliseconds after the origin.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the origin.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// How long after `earlier` this instant is; zero when it is not after.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Signed seconds from `other` to this instant: negative when this instant is earlier.
    ///
    /// # Units
    /// Seconds, in `f32`: exact to a nanosecond up to 16 ms, to a microsecond up to 16 s.
    pub fn secs_from(self, other: Self) -> f32 {
        if self.0 >= other.0 { (self.0 - other.0) as f32 * 1e-9 } else { -((other.0 - self.0) as f32 * 1e-9) }
    }

    /// This instant moved back by `duration`, but not before the origin.
    #[must_use]
    pub const fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(duration)))
    }
}

impl core::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

const fn nanos(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Timestamp::MAX + Duration::from_secs(1), Timestamp::MAX);
        assert_eq!(Timestamp::ZERO.minus(Duration::MAX), Timestamp::ZERO);
        assert_eq!(Timestamp::from_millis(u64::MAX), Timestamp::MAX);
    }

    #[test]
    fn signed_seconds_have_a_sign() {
        let a = Timestamp::from_millis(250);
        let b = Timestamp::from_millis(750);
        assert_eq!(b.secs_from(a), 0.5);
        assert_eq!(a.secs_from(b), -0.5);
    }
}
