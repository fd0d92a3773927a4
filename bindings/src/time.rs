//! Times and durations as they cross the border: `i64` nanoseconds.
//! **Invariant:** a negative time never reaches the engine; one that does not fit on the way out saturates.
//! It does not read a clock: every time comes from the host.

use std::time::Duration;

use inbetween::Timestamp;

use crate::error::SdkError;

/// The host's time, as the engine takes it; `argument` names it in the error.
pub(crate) fn timestamp(argument: &str, nanos: i64) -> Result<Timestamp, SdkError> {
    u64::try_from(nanos)
        .map(Timestamp::from_nanos)
        .map_err(|_| SdkError::NegativeTime { argument: argument.to_owned(), nanos })
}

/// The host's duration.
pub(crate) fn duration(argument: &str, nanos: i64) -> Result<Duration, SdkError> {
    timestamp(argument, nanos).map(|t| Duration::from_nanos(t.as_nanos()))
}

pub(crate) fn nanos(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

pub(crate) fn span(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_checked_on_the_way_in_and_saturate_on_the_way_out() {
        let error = timestamp("now_nanos", -1).expect_err("it is negative");
        assert_eq!(error, SdkError::NegativeTime { argument: "now_nanos".to_owned(), nanos: -1 });
        assert_eq!(timestamp("t", i64::MAX).map(nanos), Ok(i64::MAX));
        assert_eq!(nanos(Timestamp::MAX), i64::MAX);
        assert_eq!(span(Duration::MAX), i64::MAX);
    }
}
