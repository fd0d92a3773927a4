//! Pictures, configurations and random sessions for the engine's tests.
#![allow(dead_code, missing_docs)]

use inbetween_flow::{
    Config, Detection, Frame, Image, Keypoint, Label, Mask, PixelFormat, Plane, Point, Quaternion, Rect,
    Timestamp, Value, ValueKind,
};

pub const WIDTH: u32 = 96;
pub const HEIGHT: u32 = 64;

pub fn ms(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

pub fn config(kind: ValueKind) -> Config {
    Config::for_images(kind, 8.0)
}

/// A textured picture with a bright textured square whose left top corner is at `(x, y)`.
pub fn picture(x: u32, y: u32) -> Vec<u8> {
    let texture =
        |a: u32, b: u32| (a.wrapping_mul(2_654_435_761) ^ b.wrapping_mul(40_503)).rotate_left(11) >> 26;
    let mut pixels = vec![0; (WIDTH * HEIGHT) as usize];
    for (i, p) in pixels.iter_mut().enumerate() {
        let (px, py) = (i as u32 % WIDTH, i as u32 / WIDTH);
        let inside = (x..x + 16).contains(&px) && (y..y + 16).contains(&py);
        let t =
            if inside { 150 + texture((px - x) / 3, (py - y) / 3) } else { 60 + texture(px / 4, py / 4) / 2 };
        *p = t as u8;
    }
    pixels
}

pub fn image(pixels: &[u8]) -> Image<'_> {
    let plane = Plane { data: pixels, row_stride: WIDTH as usize };
    Image::new(PixelFormat::Gray8, WIDTH, HEIGHT, &[plane])
}

pub fn frame(captured: Timestamp, pixels: &[u8]) -> Frame<'_> {
    Frame::image(captured, image(pixels))
}

pub fn square(x: f32, y: f32) -> Value {
    let bounds = Rect::new(x, y, x + 16.0, y + 16.0);
    Value::Boxes(vec![Detection { bounds, score: 0.9, class: 0, identity: None }])
}

/// A sound value of `kind` that depends on `n`.
pub fn value(kind: ValueKind, n: u32) -> Value {
    let x = (n % 40) as f32;
    match kind {
        ValueKind::Scalar => Value::Scalar(x),
        ValueKind::Vector => Value::Vector(vec![x, -x, 2.0 * x]),
        ValueKind::Keypoints => {
            let point = |i: u32| Keypoint { at: Point::new(x + 5.0 * i as f32, 10.0 + x), visibility: 0.9 };
            Value::Keypoints((0..4).map(point).collect())
        }
        ValueKind::Probabilities => {
            let p = 0.1 + x / 50.0;
            Value::Probabilities(vec![p, 1.0 - p])
        }
        ValueKind::Label => Value::Label(Label { class: n / 7 % 3, score: 0.8 }),
        ValueKind::Rotation => Value::Rotation(Quaternion::from_degrees([x, 9.0, -x])),
        ValueKind::Mask => {
            let inside = |i: u32| (i % 12).abs_diff(n % 8 + 2) < 3 && (i / 12).abs_diff(4) < 3;
            let cells = (0..96).map(|i| if inside(i) { 255 } else { 0 }).collect();
            let bounds = Rect::new(0.0, 0.0, WIDTH as f32, HEIGHT as f32);
            Value::Mask(Mask { width: 12, height: 8, bounds, cells })
        }
        ValueKind::Embedding => {
            let angle = x / 40.0;
            Value::Embedding(vec![libm::cosf(angle), libm::sinf(angle), 0.0])
        }
        _ => square(x, 20.0),
    }
}

pub const KINDS: [ValueKind; 9] = [
    ValueKind::Scalar,
    ValueKind::Vector,
    ValueKind::Boxes,
    ValueKind::Keypoints,
    ValueKind::Probabilities,
    ValueKind::Label,
    ValueKind::Rotation,
    ValueKind::Embedding,
    ValueKind::Mask,
];

/// A small generator for tests (xorshift64*).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}
