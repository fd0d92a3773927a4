//! Turns panics of the model library into values.
//! **Invariant:** `caught` never unwinds.
//! It does not silence the host's panic hook, which belongs to the host.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f`; a panic becomes its message.
///
/// What `f` borrowed may be half-changed after a panic: callers drop it.
pub(crate) fn caught<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let text = payload
            .downcast_ref::<&str>()
            .map(|s| (*s).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".to_owned());
        // Dropping a payload may itself panic; this one is a string or unknown, and forgetting it is cheap.
        std::mem::forget(payload);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_become_their_message() {
        assert_eq!(caught(|| 3), Ok(3));
        let n = 7;
        assert_eq!(caught(|| -> () { panic!("{n} is too many") }), Err("7 is too many".to_owned()));
    }
}
