//! Frames for measuring what the SDK itself costs: ten moving objects, or a scene at the size that cameras have.
//! **Invariant:** the same scene and size give the same frames.
//! It does not measure.

use inbetween_flow::{Config, Detection, Engine, Timestamp, ValueKind};
use inbetween_sim::{Detector as _, RenderedFrame, SceneSpec, SimulatedDetector};
use serde_json::Value;

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
        Ok(Self::of(&spec, count))
    }

    /// The first `count` frames of a scene.
    pub fn of(spec: &SceneSpec, count: u64) -> Self {
        let spec = SceneSpec { duration_s: count as f64 / spec.camera.fps + 1.0, ..spec.clone() };
        let mut scene = spec.build(1);
        let mut detector = SimulatedDetector::new(&scene);
        let frames = (0..count).map(|i| scene.frame(i)).map(|frame| {
            let found = detector.detect(&frame);
            (frame, found)
        });
        Self { frames: frames.collect() }
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

/// The same scene on frames that are `width` pixels wide: everything in it grows with them, its promise as well.
///
/// # Errors
/// When the scene cannot be that large.
pub fn enlarged(spec: &SceneSpec, width: u32) -> anyhow::Result<SceneSpec> {
    let factor = f64::from(width) / f64::from(spec.camera.width);
    let height = (f64::from(spec.camera.height) * factor) as u32;
    let mut value = serde_json::to_value(spec)?;
    scale(&mut value, "", factor);
    let mut spec: SceneSpec = serde_json::from_value(value)?;
    (spec.camera.width, spec.camera.height) = (width, height);
    Ok(spec)
}

/// Multiplies what is in pixels: fields say their unit, and points are a time and two lengths.
fn scale(value: &mut Value, field: &str, factor: f64) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(name, v)| scale(v, name, factor)),
        Value::Array(points) if field == "points" => {
            for length in points.iter_mut().filter_map(Value::as_array_mut).flat_map(|p| p.iter_mut().skip(1))
            {
                scale(length, "_px", factor);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|v| scale(v, field, factor)),
        Value::Number(n) if ["_px", "_px_s", "_px_s2"].iter().any(|unit| field.ends_with(unit)) => {
            *value = n.as_f64().map_or(Value::Null, |n| Value::from(n * factor));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enlarged_scene_is_the_same_one_in_larger_pixels() {
        let text = "name = \"e\"\n[[objects]]\nsize_px = [30, 40]\nx = 0.5\n\
            motion = [{ linear = { speed_px_s = 20 } }, { keys = { points = [[0, 0, 0], [2, 10, 5]] } }]";
        let spec = SceneSpec::parse(text).unwrap();
        let large = enlarged(&spec, 1280).unwrap();
        assert_eq!((large.camera.width, large.camera.height), (1280, 720));
        assert_eq!(large.tolerance.epsilon_px, 4.0 * spec.tolerance.epsilon_px);
        let (small, large) = (spec.build(3).frame(20).truth, large.build(3).frame(20).truth);
        let (a, b) = (&small[0].bounds, &large[0].bounds);
        assert!((b.x0 - 4.0 * a.x0).abs() < 0.01 && (b.y1 - 4.0 * a.y1).abs() < 0.01, "{a:?} {b:?}");
    }
}
