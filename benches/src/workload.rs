//! Frames with ten moving objects, for measuring what the SDK itself costs.
//! **Invariant:** the same size gives the same frames.
//! It does not measure.

use inbetween_flow::{Config, Detection, Engine, Timestamp, ValueKind};
use inbetween_sim::{Detector as _, RenderedFrame, SceneSpec, SimulatedDetector};

/// Ten textured objects that drift slowly over a textured background, with sensor noise.
const SCENE: &str = r#"
name = "workload"
[background]
texture = { kind = "noise", brightness = 110, contrast = 0.5, cell_px = 60 }
[detector]
noise_px = 0.5
miss_rate = 0
[[objects]]
count = 10
size_px = [60, 90]
x = [0.1, 0.9]
y = [0.1, 0.9]
motion = [{ linear = { speed_px_s = [5, 20] } }]
"#;

/// Rendered frames with what a detector says about each.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The frames with their detections.
    pub frames: Vec<(RenderedFrame, Vec<Detection>)>,
}

impl Workload {
    /// `count` frames of `width` × `height` luma at 30 frames a second.
    ///
    /// # Errors
    /// When the size is not one that a scene may have.
    pub fn new(width: u32, height: u32, count: u64) -> anyhow::Result<Self> {
        let mut spec = SceneSpec::parse(SCENE)?;
        (spec.camera.width, spec.camera.height) = (width, height);
        spec.duration_s = count as f64 / spec.camera.fps + 1.0;
        let mut scene = spec.build(1);
        let mut detector = SimulatedDetector::new(&scene);
        let frames = (0..count).map(|i| scene.frame(i)).map(|frame| {
            let found = detector.detect(&frame);
            (frame, found)
        });
        Ok(Self { frames: frames.collect() })
    }

    /// An engine for these frames.
    ///
    /// # Errors
    /// When the configuration is out of range.
    pub fn engine() -> anyhow::Result<Engine> {
        Ok(Engine::new(Config::for_images(ValueKind::Boxes, 8.0), 1)?)
    }

    /// Frame `n` of an endless sequence that goes to and fro, with what a detector says about it. No two are equal,
    /// so that none is answered from a cache.
    pub fn endless(&self, n: u64) -> (RenderedFrame, &[Detection]) {
        let count = self.frames.len() as u64;
        let turn = n % (2 * count - 2).max(1);
        let at = if turn < count { turn } else { 2 * count - 2 - turn };
        let (frame, found) = &self.frames[at as usize];
        let mut frame = frame.clone();
        frame.captured = Timestamp::from_micros(n * 33_333);
        for (pixel, byte) in frame.data.iter_mut().zip(n.to_le_bytes()) {
            *pixel = byte;
        }
        (frame, found)
    }
}
