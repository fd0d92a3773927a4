//! The exported functions of a session, called as the generated code of other languages calls them.
//! **Invariant:** each buffer is given away or taken once; the session is let go of once.
//! It does not know what the calls are for.

use inbetween_ffi::{Admission, Answer, FramePlan, ImageGeometry, RunEnd, SdkError, UniFfiTag};
use uniffi::{ForeignBytes, Lift, Lower, RustBuffer, RustCallStatus, RustCallStatusCode};

use crate::Failure;

unsafe extern "C" {
    fn uniffi_inbetween_ffi_fn_constructor_session_new(
        card: RustBuffer,
        model: ForeignBytes,
        seed: u64,
        status: &mut RustCallStatus,
    ) -> u64;
    fn uniffi_inbetween_ffi_fn_clone_session(session: u64, status: &mut RustCallStatus) -> u64;
    fn uniffi_inbetween_ffi_fn_free_session(session: u64, status: &mut RustCallStatus);
    fn uniffi_inbetween_ffi_fn_method_session_handle_frame(
        session: u64,
        now_nanos: i64,
        captured_nanos: i64,
        image: RustBuffer,
        pixels: ForeignBytes,
        status: &mut RustCallStatus,
    ) -> RustBuffer;
    fn uniffi_inbetween_ffi_fn_method_session_run(
        session: u64,
        ticket: u64,
        status: &mut RustCallStatus,
    ) -> RustBuffer;
    fn uniffi_inbetween_ffi_fn_method_session_handle_completion(
        session: u64,
        now_nanos: i64,
        ticket: u64,
        status: &mut RustCallStatus,
    ) -> RustBuffer;
    fn uniffi_inbetween_ffi_fn_method_session_answer_at(
        session: u64,
        display_nanos: i64,
        status: &mut RustCallStatus,
    ) -> RustBuffer;
}

/// A session by its handle.
#[derive(Debug)]
pub struct Exported(u64);

impl Exported {
    pub fn open(card: &str, model: &[u8], seed: u64) -> Result<Self, Failure> {
        let card = <String as Lower<UniFfiTag>>::lower(card.to_owned());
        let model = bytes(model)?;
        // SAFETY: the buffer is given away, the bytes live longer than the call.
        let session = called(|status| unsafe {
            uniffi_inbetween_ffi_fn_constructor_session_new(card, model, seed, status)
        })?;
        Ok(Self(session))
    }

    /// A reference for one call, which takes it.
    fn handle(&self) -> Result<u64, Failure> {
        // SAFETY: the handle is of a session that is let go of in `drop`.
        called(|status| unsafe { uniffi_inbetween_ffi_fn_clone_session(self.0, status) })
    }

    pub fn handle_frame(
        &self,
        now_nanos: i64,
        captured_nanos: i64,
        image: ImageGeometry,
        pixels: &[u8],
    ) -> Result<FramePlan, Failure> {
        let (session, pixels) = (self.handle()?, bytes(pixels)?);
        let image = <ImageGeometry as Lower<UniFfiTag>>::lower(image);
        // SAFETY: the handle and the buffer are given away, the pixels live longer than the call.
        lifted(called(|status| unsafe {
            uniffi_inbetween_ffi_fn_method_session_handle_frame(
                session,
                now_nanos,
                captured_nanos,
                image,
                pixels,
                status,
            )
        })?)
    }

    pub fn run(&self, ticket: u64) -> Result<RunEnd, Failure> {
        let session = self.handle()?;
        // SAFETY: the handle is given away.
        lifted(called(|status| unsafe {
            uniffi_inbetween_ffi_fn_method_session_run(session, ticket, status)
        })?)
    }

    pub fn handle_completion(&self, now_nanos: i64, ticket: u64) -> Result<Admission, Failure> {
        let session = self.handle()?;
        // SAFETY: the handle is given away.
        lifted(called(|status| unsafe {
            uniffi_inbetween_ffi_fn_method_session_handle_completion(session, now_nanos, ticket, status)
        })?)
    }

    pub fn answer_at(&self, display_nanos: i64) -> Result<Answer, Failure> {
        let session = self.handle()?;
        // SAFETY: the handle is given away.
        lifted(called(|status| unsafe {
            uniffi_inbetween_ffi_fn_method_session_answer_at(session, display_nanos, status)
        })?)
    }
}

impl Drop for Exported {
    fn drop(&mut self) {
        // SAFETY: the handle is not used any more.
        let _ = called(|status| unsafe { uniffi_inbetween_ffi_fn_free_session(self.0, status) });
    }
}

/// Bytes that are read during a call only.
fn bytes(bytes: &[u8]) -> Result<ForeignBytes, Failure> {
    let length = i32::try_from(bytes.len())?;
    // SAFETY: pointer and length are of one slice; callers keep it for the call.
    Ok(unsafe { ForeignBytes::from_raw_parts(bytes.as_ptr(), length) })
}

/// What `call` returns, unless it set its status to an error or a panic.
fn called<T>(call: impl FnOnce(&mut RustCallStatus) -> T) -> Result<T, Failure> {
    let mut status = RustCallStatus::default();
    let result = call(&mut status);
    match status.code {
        RustCallStatusCode::Success => Ok(result),
        RustCallStatusCode::Error => {
            // SAFETY: with this code the buffer was written.
            let error = std::mem::ManuallyDrop::into_inner(status.error_buf);
            Err(lifted::<SdkError>(error)?.into())
        }
        other => Err(format!("the call ended with {other:?}").into()),
    }
}

fn lifted<T: Lift<UniFfiTag, FfiType = RustBuffer>>(buffer: RustBuffer) -> Result<T, Failure> {
    Ok(T::try_lift(buffer)?)
}
