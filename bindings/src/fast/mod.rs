//! The three hot calls without objects: numbers and two flat blocks of memory in, a number out.
//! **Invariant:** each call does what its plain one does; whatever fails is left for `take_fast_error`, per thread.
//! It does not know JNI: `jni` does, and passes on.

mod block;
#[cfg(not(target_os = "ios"))]
mod jni;
mod pack;

use std::cell::RefCell;

use inbetween::Plane;

use crate::{
    error::SdkError,
    plan::{Admission, FramePlan, RunFailure},
    session::SESSIONS,
};

pub(crate) use block::FrameBlock;

/// What a call returns when it failed; `take_fast_error` says why.
pub(crate) const FAILED: i32 = -1;

/// Added to the result of a frame or a completion when `poll_event` has something to tell.
pub(crate) const EVENT: i32 = 1 << 16;

/// Added to the reason's number when the plan is to run.
const RUN: i32 = 1 << 8;

thread_local! {
    static LAST: RefCell<Option<SdkError>> = const { RefCell::new(None) };
}

/// Throws what the last fast call on this thread failed with; nothing when it did not fail.
///
/// # Errors
/// That.
#[uniffi::export]
pub fn take_fast_error() -> Result<(), SdkError> {
    match LAST.try_with(|last| last.borrow_mut().take()) {
        Ok(Some(error)) => Err(error),
        _ => Ok(()),
    }
}

/// `result`, with an error kept for `take_fast_error`.
pub(crate) fn kept(result: Result<i32, SdkError>) -> i32 {
    result.unwrap_or_else(|error| {
        let _ = LAST.try_with(|last| *last.borrow_mut() = Some(error));
        FAILED
    })
}

/// `Session::handle_frame`. The reason's number, plus [`RUN`] when the plan is to run, plus [`EVENT`].
pub(crate) fn handle_frame(
    id: u64,
    now_nanos: i64,
    captured_nanos: i64,
    block: &mut FrameBlock,
    planes: [Plane<'_>; 3],
) -> Result<i32, SdkError> {
    let session = SESSIONS.find(id)?;
    let plan = session.take_image(now_nanos, captured_nanos, block.image(planes)?, block.motion())?;
    let number = match plan {
        FramePlan::Skip { reason } => reason as i32,
        FramePlan::Run { ticket, reason, expires_nanos } => {
            block.set_ticket(ticket, expires_nanos);
            RUN | reason as i32
        }
    };
    Ok(number | if session.has_event() { EVENT } else { 0 })
}

/// `Session::handle_completion`. A number for what became of it, plus [`EVENT`].
pub(crate) fn handle_completion(id: u64, now_nanos: i64, ticket: u64) -> Result<i32, SdkError> {
    let session = SESSIONS.find(id)?;
    let number = match session.handle_completion(now_nanos, ticket)? {
        Admission::Admitted => 0,
        Admission::Superseded => 1,
        Admission::UnknownTicket => 2,
        Admission::Cancelled => 3,
        Admission::Other => 4,
        // 16 and up: the failure; 32 and up: refused, and the fault.
        Admission::Failed { failure } => match failure {
            RunFailure::Model => 16,
            RunFailure::Panicked => 17,
            RunFailure::TimedOut => 18,
            RunFailure::Other => 19,
            RunFailure::Refused { fault } => 32 + fault as i32,
        },
    };
    Ok(number | if session.has_event() { EVENT } else { 0 })
}

/// `Session::answer_at`, packed into `out` (see `pack`): how many bytes.
pub(crate) fn answer_into(id: u64, display_nanos: i64, out: &mut Vec<u8>) -> Result<i32, SdkError> {
    let session = SESSIONS.find(id)?;
    session.read_answer(display_nanos, |answer| {
        out.clear();
        pack::answer(answer, out);
        i32::try_from(out.len()).unwrap_or(i32::MAX)
    })
}

#[cfg(test)]
mod tests;
