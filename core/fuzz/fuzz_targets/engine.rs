//! Any sequence of calls with any times, sizes and values: the engine does not panic and its answers are sound.
#![no_main]

use arbitrary::Arbitrary;
use inbetween_flow::{
    Completion, Config, Detection, Engine, Frame, Image, Outcome, PixelFormat, Plan, Plane, Rect, RunFailure, Source,
    TicketId, Timestamp, Value, ValueKind,
};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Call {
    Frame { now: u64, captured: u64, width: u8, height: u8, stride: u16, fill: u8 },
    Value { now: u64, newest: bool, boxes: Vec<([f32; 4], f32, u8)> },
    Fail { now: u64 },
    Answer { display: u64 },
    Timeout { now: u64 },
    Reset,
}

fuzz_target!(|calls: Vec<Call>| {
    let Ok(mut engine) = Engine::new(Config::for_images(ValueKind::Boxes, 4.0), 1) else { return };
    let pixels: Vec<u8> = (0..96 * 96_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut newest = TicketId(0);
    for call in calls {
        match call {
            Call::Frame { now, captured, width, height, stride, fill } => {
                let mut pixels = pixels.clone();
                pixels[..2_000].fill(fill);
                let plane = Plane { data: &pixels, row_stride: stride.into() };
                let image = Image::new(PixelFormat::Gray8, width.into(), height.into(), &[plane]);
                let frame = Frame::image(Timestamp::from_nanos(captured), image);
                if let Ok(Plan::Run(ticket)) = engine.handle_frame(Timestamp::from_nanos(now), &frame) {
                    newest = ticket.id;
                }
            }
            Call::Value { now, newest: known, boxes } => {
                let boxes = boxes.into_iter().map(|([x0, y0, x1, y1], score, class)| Detection {
                    bounds: Rect::new(x0, y0, x1, y1),
                    score,
                    class: class.into(),
                    identity: None,
                });
                let ticket = if known { newest } else { TicketId(now) };
                let outcome = Outcome::Value(Value::Boxes(boxes.collect()));
                engine.handle_completion(Timestamp::from_nanos(now), Completion { ticket, outcome });
            }
            Call::Fail { now } => {
                let outcome = Outcome::Failed(RunFailure::Panicked);
                engine.handle_completion(Timestamp::from_nanos(now), Completion { ticket: newest, outcome });
            }
            Call::Answer { display } => {
                let answer = engine.answer_at(Timestamp::from_nanos(display));
                assert_eq!(answer.value.is_none(), answer.source == Source::Unavailable);
                assert!(answer.value.iter().all(|v| v.fault().is_none()));
            }
            Call::Timeout { now } => engine.handle_timeout(Timestamp::from_nanos(now)),
            Call::Reset => engine.reset(),
        }
    }
});
