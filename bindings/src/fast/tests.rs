//! The fast calls against the plain ones, without a virtual machine.
//! **Invariant:** two sessions with one seed, one driven by each path, say the same.
//! It does not cross JNI: the tests in Kotlin do.

use std::sync::Arc;

use super::*;
use crate::{
    answer::{Answer, Value},
    frame::{CameraMotion, ImageGeometry, PixelFormat, PlaneLayout, Rotation},
    plan::{RunReason, SkipReason},
    session::Session,
};

const CARD: &str = include_str!("../../../core/tests/models/bright_spot.toml");
const MODEL: &[u8] = include_bytes!("../../../core/tests/models/bright_spot.onnx");
const SIDE: usize = 64;
const MS: i64 = 1_000_000;

fn session() -> Arc<Session> {
    Session::new(CARD, MODEL, 3).expect("the model loads")
}

fn picture(left: usize) -> Vec<u8> {
    let inside = |n: usize| (left..left + 16).contains(&(n % SIDE)) && (16..32).contains(&(n / SIDE));
    (0..SIDE * SIDE).map(|n| if inside(n) { 240 } else { 20 }).collect()
}

fn block(version: u32, format: u8) -> FrameBlock {
    let mut block = FrameBlock([0; block::SIZE]);
    block.0[..4].copy_from_slice(&version.to_ne_bytes());
    block.0[4] = format;
    for at in [8, 12, 36, 40] {
        block.0[at..at + 4].copy_from_slice(&(SIDE as u32).to_ne_bytes());
    }
    block
}

fn planes(pixels: &[u8]) -> [Plane<'_>; 3] {
    [Plane { data: pixels, row_stride: SIDE }, Plane::default(), Plane::default()]
}

#[test]
fn both_paths_say_the_same() {
    let (plain, fast) = (session(), session());
    let id = Arc::clone(&fast).fast_id();
    assert_eq!(Arc::clone(&fast).fast_id(), id);
    let mut geometry = ImageGeometry {
        format: PixelFormat::Gray8,
        width: SIDE as u32,
        height: SIDE as u32,
        planes: vec![PlaneLayout { offset: 0, row_stride: SIDE as u32 }],
        rotation: Rotation::Upright,
        mirror: false,
        region: None,
        motion: None,
    };
    let (mut runs, mut bytes) = (0, Vec::new());
    for n in 0..120_i64 {
        let (now, captured) = ((1002 + n * 33) * MS, (1000 + n * 33) * MS);
        let pixels = picture((n / 20 * 9 % 40) as usize);
        geometry.motion =
            (n % 3 == 0).then(|| CameraMotion { shift_x: 1.5, yy: 0.01, ..CameraMotion::default() });
        let plan = plain.handle_frame(now, captured, &geometry, &pixels).expect("a good frame");
        let mut block = block(2, 6);
        if n % 3 == 0 {
            block.0[68] = 1;
            block.0[88..92].copy_from_slice(&1.5_f32.to_ne_bytes());
            block.0[108..112].copy_from_slice(&0.01_f32.to_ne_bytes());
        }
        let number = handle_frame(id, now, captured, &mut block, planes(&pixels)).expect("a good frame");
        assert_eq!(number & EVENT != 0, fast.has_event());
        match plan {
            FramePlan::Skip { reason } => assert_eq!(number & 0xffff, reason as i32),
            FramePlan::Run { ticket, reason, expires_nanos } => {
                runs += 1;
                assert_eq!(number & 0xffff, RUN | reason as i32);
                assert_eq!(block.0[72..80], ticket.to_ne_bytes());
                assert_eq!(block.0[80..88], expires_nanos.to_ne_bytes());
                assert_eq!(plain.run(ticket), fast.run(ticket));
                let admitted = plain.handle_completion(now + 9 * MS, ticket).expect("it ended");
                assert_eq!(admitted, Admission::Admitted);
                assert_eq!(handle_completion(id, now + 9 * MS, ticket).map(|n| n & 0xffff), Ok(0));
            }
        }
        let answer = plain.answer_at(now + 16 * MS).expect("a good time");
        let length = answer_into(id, now + 16 * MS, &mut bytes).expect("a good time");
        assert_eq!(length as usize, bytes.len());
        agree(&answer, &bytes);
        loop {
            let (one, other) = (plain.poll_event(), fast.poll_event());
            assert_eq!(one, other);
            if matches!(one, Ok(None) | Err(_)) {
                break;
            }
        }
    }
    assert!(runs > 2, "{runs}");
}

/// That bytes say what a record says, for boxes.
fn agree(answer: &Answer, bytes: &[u8]) {
    let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    let long = |at: usize| i64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    assert_eq!((word(0), word(4) as usize), (2, bytes.len()));
    assert_eq!(long(8), answer.key_frame_nanos.unwrap_or(-1));
    assert_eq!((long(16), long(24)), (answer.age_nanos, answer.horizon_nanos));
    assert_eq!((word(32), word(36)), (answer.uncertainty.to_bits(), answer.model_version));
    assert_eq!((bytes[43] != 0, bytes[45]), (answer.within_tolerance, answer.variant));
    let Some(Value::Boxes { boxes }) = &answer.value else {
        assert_eq!(bytes[44], 0);
        return;
    };
    assert_eq!((bytes[44], word(48) as usize, word(52)), (3, boxes.len(), 32));
    for (n, b) in boxes.iter().enumerate() {
        let at = pack::HEADER + n * 32;
        let edges = [b.bounds.x0, b.bounds.y0, b.bounds.x1, b.bounds.y1, b.score];
        for (m, edge) in edges.iter().enumerate() {
            assert_eq!(word(at + 4 * m), edge.to_bits());
        }
        assert_eq!(word(at + 20), b.class_index);
        assert_eq!((word(at + 24), word(at + 28)), (b.identity.unwrap_or(0), b.identity.is_some().into()));
    }
}

#[test]
fn every_kind_of_value_is_packed() {
    use inbetween::{Answer, Keypoint, Label, Point, Quaternion, Source, Value};
    let turn = Quaternion { w: 1.0, x: 0.0, y: 0.0, z: 0.0 };
    let mut answer = Answer {
        value: None,
        source: Source::Predicted(inbetween::Carry::Pixels),
        degraded: None,
        ..Answer::unavailable(inbetween::Degraded::TooOld, 7)
    };
    let points = vec![Keypoint { at: Point { x: 1.0, y: 2.0 }, visibility: 0.5 }; 3];
    for (value, kind, count, size) in [
        (None, 0, 0, 0),
        (Some(Value::Scalar(1.5)), 1, 1, 4),
        (Some(Value::Vector(vec![1.0; 5])), 2, 5, 4),
        (Some(Value::Boxes(Vec::new())), 3, 0, 32),
        (Some(Value::Keypoints(points)), 4, 3, 12),
        (Some(Value::Probabilities(vec![0.5; 2])), 5, 2, 4),
        (Some(Value::Label(Label { class: 4, score: 0.25 })), 6, 1, 8),
        (Some(Value::Rotation(turn)), 7, 4, 4),
        (Some(Value::Embedding(vec![1.0, 0.0])), 8, 2, 4),
    ] {
        answer.value = value;
        let mut bytes = vec![1, 2, 3];
        pack::answer(&answer, &mut bytes);
        let bytes = &bytes[3..];
        assert_eq!(bytes.len(), pack::HEADER + count * size, "kind {kind}");
        assert_eq!(bytes[40..45], [3, 3, 0, u8::from(answer.within_tolerance), kind]);
        assert_eq!(bytes[48..52], (count as u32).to_ne_bytes());
        assert_eq!(bytes[52..56], (size as u32).to_ne_bytes());
    }
}

#[test]
fn a_mask_is_a_grid_in_a_box() {
    let mut answer = inbetween::Answer::unavailable(inbetween::Degraded::TooOld, 7);
    let bounds = inbetween::Rect::new(1.0, 2.0, 3.0, 4.0);
    let mask = inbetween::Mask { bounds, width: 3, height: 2, cells: vec![9, 8, 7, 6, 5, 4] };
    answer.value = Some(inbetween::Value::Mask(mask));
    let mut bytes = Vec::new();
    pack::answer(&answer, &mut bytes);
    assert_eq!((bytes[44], bytes.len()), (9, pack::HEADER + 24 + 6));
    assert_eq!(bytes[48..56], [6_u32.to_ne_bytes(), 1_u32.to_ne_bytes()].concat());
    let element = &bytes[pack::HEADER..];
    assert_eq!(element[12..16], 4_f32.to_ne_bytes());
    assert_eq!(element[16..24], [3_u32.to_ne_bytes(), 2_u32.to_ne_bytes()].concat());
    assert_eq!(element[24..], [9, 8, 7, 6, 5, 4]);
}

#[test]
fn refusals_are_kept_for_the_thread_once() {
    let target = session();
    let id = Arc::clone(&target).fast_id();
    let pixels = picture(0);
    let good = || block(2, 6);
    let mut moved = good();
    moved.0[68] = 1;
    moved.0[88..92].copy_from_slice(&1e6_f32.to_ne_bytes());
    let call = |mut block: FrameBlock, pixels: &[u8], now| {
        kept(handle_frame(id, now, 5 * MS, &mut block, planes(pixels)))
    };
    assert_eq!(call(good(), &pixels[1..], 7 * MS), FAILED);
    assert_eq!(take_fast_error().map_err(|e| e.code()), Err(201));
    assert_eq!(take_fast_error(), Ok(()));
    for (block, now, code) in
        [(block(9, 6), 7, 999), (block(2, 7), 7, 999), (moved, 7, 201), (good(), -1, 301)]
    {
        assert_eq!(call(block, &pixels, now * MS), FAILED);
        assert_eq!(take_fast_error().map_err(|e| e.code()), Err(code));
    }
    assert_eq!(call(good(), &pixels, 7 * MS) & 0xffff, RUN | RunReason::First as i32);
    assert_eq!(call(good(), &pixels, 8 * MS) & 0xffff, SkipReason::RepeatedFrame as i32);
}

#[test]
fn a_number_names_nothing_after_shutdown_or_drop() {
    let (first, second) = (session(), session());
    let ids = [Arc::clone(&first).fast_id(), Arc::clone(&second).fast_id()];
    assert_ne!(ids[0], ids[1]);
    first.shutdown().expect("it shuts down");
    drop(second);
    for id in ids {
        assert_eq!(answer_into(id, 0, &mut Vec::new()), Err(SdkError::ShutDown));
    }
    assert_eq!(Arc::clone(&first).fast_id(), ids[0]);
    assert_eq!(answer_into(ids[0], 0, &mut Vec::new()), Err(SdkError::ShutDown));
}
