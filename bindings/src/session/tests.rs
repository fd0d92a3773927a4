//! Tests of the session's lock: failure, poison, shutdown, and answers that do not wait.
//! **Invariant:** every test ends in the state that it names, and fails when the session gets there otherwise.
//! It does not test what the engine decides.

use std::thread;

use super::*;
use crate::frame::{PixelFormat, PlaneLayout, Rotation};

const CARD: &str = include_str!("../../../core/tests/models/bright_spot.toml");
const MODEL: &[u8] = include_bytes!("../../../core/tests/models/bright_spot.onnx");

fn session() -> Arc<Session> {
    Session::new(CARD, MODEL, 1).expect("the model loads")
}

#[test]
fn a_panic_inside_fails_the_session_and_is_told_once() {
    let session = session();
    let error = session.with::<()>(|_| panic!("planted")).expect_err("it panicked");
    assert_eq!(error, SdkError::Failed { problem: "planted".to_owned() });
    assert_eq!(session.answer_at(0), Err(error.clone()));
    let told = Event::SessionFailed { reason: "planted".to_owned() };
    assert_eq!(session.poll_event(), Ok(Some(told)));
    assert_eq!(session.poll_event(), Err(error));
    assert_eq!(session.shutdown(), Ok(()));
    assert_eq!(session.answer_at(0), Err(SdkError::ShutDown));
}

#[test]
fn a_poisoned_lock_recovers_into_a_failed_session() {
    let session = session();
    let other = Arc::clone(&session);
    let poisoned = thread::spawn(move || {
        let _lock = other.state.lock();
        panic!("planted");
    });
    assert!(poisoned.join().is_err());
    assert_eq!(session.reset().map_err(|e| e.code()), Err(402));
    assert!(matches!(session.poll_event(), Ok(Some(Event::SessionFailed { .. }))));
    assert_eq!(session.reset().map_err(|e| e.code()), Err(402));
}

#[test]
fn shutdown_frees_the_engine_while_references_remain() {
    let session = session();
    let second = Arc::clone(&session);
    second.shutdown().expect("it shuts down");
    assert!(matches!(*session.lock(), State::ShutDown));
    assert_eq!(session.poll_event(), Err(SdkError::ShutDown));
}

#[test]
fn an_answer_does_not_wait_for_who_has_the_engine() {
    let session = session();
    let image = ImageGeometry {
        format: PixelFormat::Gray8,
        width: 64,
        height: 64,
        planes: vec![PlaneLayout { offset: 0, row_stride: 64 }],
        rotation: Rotation::Upright,
        mirror: false,
        region: None,
        motion: None,
    };
    let mut pixels = vec![10; 64 * 64];
    pixels[16 * 64 + 32..16 * 64 + 48].fill(250);
    let plan = session.handle_frame(2_000_000, 0, &image, &pixels).expect("a good frame");
    let FramePlan::Run { ticket, .. } = plan else { panic!("the first frame is run") };
    session.run(ticket).expect("it runs");
    session.handle_completion(20_000_000, ticket).expect("it is admitted");

    let engine = session.lock();
    let other = Arc::clone(&session);
    let (tell, told) = std::sync::mpsc::channel();
    let asks = thread::spawn(move || tell.send(other.answer_at(30_000_000)).is_ok());
    let meanwhile = told.recv_timeout(std::time::Duration::from_secs(30)).expect("it waits for the engine");
    drop(engine);
    assert!(asks.join().expect("it asks"));
    assert_eq!(meanwhile, session.answer_at(30_000_000));
    assert!(meanwhile.is_ok_and(|a| a.key_frame_nanos == Some(0)));
}
