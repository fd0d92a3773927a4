//! A mask of a thing that moves: the engine follows the pixels of its region between results.
#![allow(missing_docs, clippy::unwrap_used)] // a test fails where it cannot go on

mod common;

use common::{HEIGHT, WIDTH, config, frame, ms, picture};
use inbetween_flow::{
    Carry, Completion, Engine, Mask, Outcome, Plan, Rect, RunReason, Source, Value, ValueKind,
};

/// The square of `picture` on a grid of two pixels a cell.
fn mask(x: u32, y: u32) -> Mask {
    let (width, height) = (WIDTH / 2, HEIGHT / 2);
    let inside = |i: u32| {
        let (cx, cy) = (2 * (i % width) + 1, 2 * (i / width) + 1);
        (x..x + 16).contains(&cx) && (y..y + 16).contains(&cy)
    };
    let cells = (0..width * height).map(|i| if inside(i) { 255 } else { 0 }).collect();
    let bounds = Rect::new(0.0, 0.0, WIDTH as f32, HEIGHT as f32);
    Mask { width: width as u16, height: height as u16, bounds, cells }
}

/// Intersection over union of what two masks show.
fn overlap(a: &Mask, b: &Mask) -> f32 {
    let of = |both: fn(bool, bool) -> bool| {
        a.cells.iter().zip(&b.cells).filter(|(a, b)| both(**a >= 128, **b >= 128)).count() as f32
    };
    of(|a, b| a && b) / of(|a, b| a || b)
}

#[test]
fn the_mask_moves_with_the_pixels_of_its_region() {
    let mut config = config(ValueKind::Mask);
    config.tolerance.epsilon = 3.0;
    config.scheduling.audit_rate = 0.0;
    let mut engine = Engine::new(config, 1).unwrap();
    let (mut runs, mut worst, mut sum, mut pixels) = (0, 1.0_f32, 0.0, 0);
    for n in 0..60_u64 {
        // Half a pixel a frame, one way: 30 pixels in two seconds.
        let (x, y) = (20 + n as u32 / 2, 24);
        let at = 1_000 + 33 * n;
        let plan = engine.handle_frame(ms(at + 1), &frame(ms(at), &picture(x, y))).unwrap();
        if let Plan::Run(ticket) = plan {
            runs += u32::from(ticket.reason != RunReason::First);
            let outcome = Outcome::Value(Value::Mask(mask(x, y)));
            engine.handle_completion(ms(at + 10), Completion { ticket: ticket.id, outcome });
        }
        let answer = engine.answer_at(ms(at + 12));
        let Some(Value::Mask(shown)) = &answer.value else { panic!("{answer:?}") };
        pixels += u32::from(answer.source == Source::Predicted(Carry::Pixels));
        let shared = overlap(shown, &mask(x, y));
        worst = worst.min(shared);
        sum += shared / 60.0;
    }
    // The tolerance of three pixels is an overlap of 0.6 for a square of sixteen.
    assert!(worst > 0.6 && sum > 0.85, "the mask and the thing overlap by {worst}, {sum} in the mean");
    assert!(runs <= 4, "{runs} runs in two seconds");
    assert!(pixels > 30, "{pixels} answers of 60 followed pixels");
}
