//! A bright square in a dark picture, and the bundle whose model finds it: what the examples over the border feed.
//! **Invariant:** the picture is as large as its geometry says.
//! It does not open a session.

use inbetween_ffi::{ImageGeometry, PixelFormat, PlaneLayout, Rotation};

pub const CARD: &str = include_str!("../../../core/tests/models/bright_spot.toml");
pub const MODEL: &[u8] = include_bytes!("../../../core/tests/models/bright_spot.onnx");

const SIDE: u32 = 64;

pub fn geometry() -> ImageGeometry {
    ImageGeometry {
        width: SIDE,
        height: SIDE,
        format: PixelFormat::Gray8,
        planes: vec![PlaneLayout { offset: 0, row_stride: SIDE }],
        rotation: Rotation::Upright,
        mirror: false,
        region: None,
        motion: None,
    }
}

pub fn picture() -> Vec<u8> {
    let side = SIDE as usize;
    let mut pixels = vec![10; side * side];
    for y in 16..32 {
        pixels[y * side + 32..y * side + 48].fill(250);
    }
    pixels
}
