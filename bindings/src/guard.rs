//! Panics become errors, so that none ends an app.
//! **Invariant:** whatever crosses the border from here does so as a value.
//! It does not mend what a panic left behind: the session lets go of it.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::error::SdkError;

/// `call`, with a panic as an error.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, SdkError>) -> Result<T, SdkError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let problem = message(&*panic);
        log::error!("a call panicked: {problem}");
        Err(SdkError::Failed { problem })
    })
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").to_owned()
}
