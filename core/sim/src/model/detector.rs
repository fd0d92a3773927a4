//! A detector that sees the truth and errs as real ones do: noise that lasts, misses in bursts, phantoms.
//! **Invariant:** what it says about a frame depends on the scene's seed and the frame alone, in any order of frames.
//! It does not look at pixels.

use inbetween_flow::{Detection, Point, Rect};

use crate::{
    rng::{Rng, key, normal, process, unit},
    scene::{RenderedFrame, Scene, Truth},
    spec::DetectorSpec,
};

/// A model for boxes: the simulated one, or a real one on the rendered pixels.
pub trait Detector {
    /// What the model says about a frame, in pixels of the frame, without identities.
    fn detect(&mut self, frame: &RenderedFrame) -> Vec<Detection>;

    /// Whether it looks at pixels. Frames that nobody looks at are not rendered.
    fn needs_pixels(&self) -> bool {
        true
    }
}

/// The detector that a scene file describes.
#[derive(Clone, Debug)]
pub struct SimulatedDetector {
    spec: DetectorSpec,
    seed: u64,
    frame: Rect,
    /// Share of frames whose view is named wrongly, the mean score, and how many views there are.
    labels: Option<(f64, f64, u32)>,
}

impl SimulatedDetector {
    /// The detector of `scene`.
    pub fn new(scene: &Scene) -> Self {
        Self {
            spec: scene.spec().detector.clone(),
            seed: key(&[scene.seed(), 0xDE7]),
            frame: scene.frame_rect(),
            labels: (scene.spec().labels.as_ref().zip(scene.spec().views.as_ref()))
                .map(|(labels, views)| (labels.error_rate, labels.score, views.count)),
        }
    }

    /// The picture as a whole, by its name.
    fn label(&self, frame: &RenderedFrame, (error_rate, mean, views): (f64, f64, u32)) -> Vec<Detection> {
        let named = |truth: &Truth| {
            let wrong = unit(key(&[self.seed, 7, frame.index])) < error_rate;
            let class = (truth.class + u32::from(wrong)) % views;
            let score = score(mean, key(&[self.seed, 8, frame.index]));
            Detection { bounds: self.frame, score, class, identity: None }
        };
        frame.truth.iter().map(named).collect()
    }

    fn missed(&self, identity: u32, frame: &RenderedFrame) -> bool {
        let burst = self.spec.miss_burst_ms * 1e-3;
        let slot = if burst > 0.0 {
            // Every object has its own phase, so that not all are lost at once.
            let phase = unit(key(&[self.seed, 1, u64::from(identity)]));
            (frame.captured.as_secs_f64() / burst + phase) as u64
        } else {
            frame.index
        };
        unit(key(&[self.seed, 2, u64::from(identity), slot])) < self.spec.miss_rate
    }

    /// A box with errors of centre and size that last for the correlation time.
    fn blurred(&self, who: u64, bounds: &Rect, t: f64) -> Rect {
        let error = |part: u64| {
            self.spec.noise_px * process(key(&[self.seed, 3, who, part]), t, self.spec.correlation_ms * 1e-3)
        };
        let center = bounds.center() + Point::new(error(0) as f32, error(1) as f32);
        let (w, h) = (bounds.width() + error(2) as f32, bounds.height() + error(3) as f32);
        Rect::from_center(center, w.max(1.0), h.max(1.0)).clipped(&self.frame)
    }

    fn phantoms(&self, frame: &RenderedFrame, out: &mut Vec<Detection>) {
        let lasts = self.spec.false_positive_ms * 1e-3;
        let expected = self.spec.false_positives_per_min / 60.0 * lasts;
        if expected <= 0.0 {
            return;
        }
        let t = frame.captured.as_secs_f64();
        let slot = (t / lasts) as u64;
        let mut rng = Rng::new(key(&[self.seed, 4, slot]));
        let count = ((expected + rng.unit()) as u32).min(MAX_PHANTOMS);
        for i in 0..count {
            let size = rng.between(20.0, 60.0) as f32;
            let x = rng.between(f64::from(self.frame.x0), f64::from(self.frame.x1)) as f32;
            let y = rng.between(f64::from(self.frame.y0), f64::from(self.frame.y1)) as f32;
            let there = Rect::from_center(Point::new(x, y), size, size);
            let who = key(&[slot, u64::from(i)]);
            let score = score(self.spec.false_score, key(&[self.seed, 5, who, frame.index]));
            let bounds = self.blurred(who, &there, t);
            out.push(Detection { bounds, score, class: 0, identity: None });
        }
    }
}

/// Most phantoms in one frame.
const MAX_PHANTOMS: u32 = 100;

/// Standard deviation of scores.
const SCORE_SPREAD: f64 = 0.06;

fn score(mean: f64, key_: u64) -> f32 {
    (mean + SCORE_SPREAD * normal(key_)).clamp(0.0, 1.0) as f32
}

impl Detector for SimulatedDetector {
    fn detect(&mut self, frame: &RenderedFrame) -> Vec<Detection> {
        if let Some(labels) = self.labels {
            return self.label(frame, labels);
        }
        let t = frame.captured.as_secs_f64();
        let mut out = Vec::new();
        for truth in &frame.truth {
            if f64::from(truth.visible) < self.spec.min_visible || self.missed(truth.identity, frame) {
                continue;
            }
            let who = u64::from(truth.identity);
            let bounds = self.blurred(who, &truth.bounds, t);
            let score = score(self.spec.score, key(&[self.seed, 6, who, frame.index]));
            out.push(Detection { bounds, score, class: truth.class, identity: None });
        }
        self.phantoms(frame, &mut out);
        out
    }

    fn needs_pixels(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::SceneSpec;

    fn detections(detector: &str) -> Vec<(RenderedFrame, Vec<Detection>)> {
        let text = format!(
            "name = \"d\"\nduration_s = 60\n[[objects]]\nx = 0.5\ny = 0.5\nsize_px = 40\n[detector]\n{detector}"
        );
        let mut scene = SceneSpec::parse(&text).unwrap().build(1);
        let mut detector = SimulatedDetector::new(&scene);
        (0..scene.frames())
            .map(|i| {
                let mut frame = scene.frame(0);
                scene.unrendered(i, &mut frame);
                let found = detector.detect(&frame);
                (frame, found)
            })
            .collect()
    }

    #[test]
    fn noise_has_the_stated_size_and_lasts() {
        let all = detections("noise_px = 1.5\ncorrelation_ms = 200\nmiss_rate = 0\n");
        let errors: Vec<f32> =
            all.iter().map(|(f, d)| d[0].bounds.center().x - f.truth[0].bounds.center().x).collect();
        let power = |lag: usize| {
            errors.iter().zip(&errors[lag..]).map(|(a, b)| a * b).sum::<f32>() / (errors.len() - lag) as f32
        };
        let sigma = libm::sqrtf(power(0));
        assert!((1.2..1.8).contains(&sigma), "{sigma}");
        assert!(power(1) > 0.8 * power(0) && power(30) < 0.3 * power(0));
    }

    #[test]
    fn misses_and_phantoms_come_as_often_as_stated() {
        let all = detections(
            "noise_px = 0\nmiss_rate = 0.2\nmiss_burst_ms = 300\nfalse_positives_per_min = 60\nfalse_positive_ms = 200\n",
        );
        let missed = all.iter().filter(|(_, d)| !d.iter().any(|d| d.score > 0.7)).count();
        let share = missed as f32 / all.len() as f32;
        assert!((0.1..0.3).contains(&share), "{share}");
        let runs = all.windows(2).filter(|w| w[0].1.len() != w[1].1.len()).count();
        assert!(runs < missed, "misses do not come in bursts");
        let phantoms: usize = all.iter().map(|(_, d)| d.iter().filter(|d| d.score < 0.7).count()).sum();
        assert!((200..520).contains(&phantoms), "{phantoms} frames with a phantom, expected 360");
    }
}
