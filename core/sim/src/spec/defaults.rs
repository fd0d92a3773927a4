//! What a scene file means by what it does not say.
//! **Invariant:** a default is within the bounds that `check` asks for.
//! It does not default what a scene must say for itself.

use super::{
    Background, Camera, DetectorSpec, Display, Edge, LatencySpec, Num, Object, Pattern, Shape, Texture,
    ToleranceSpec,
};

pub(super) fn duration_s() -> f64 {
    60.0
}

impl Default for Camera {
    fn default() -> Self {
        Self {
            width: 320,
            height: 180,
            fps: 30.0,
            jitter_ms: 0.0,
            drop_rate: 0.0,
            delivery_ms: 0.0,
            shutter_ms: 0.0,
            noise: 2.0,
            pan: Vec::new(),
            zoom: Vec::new(),
            roll_deg: Vec::new(),
        }
    }
}

impl Default for Background {
    fn default() -> Self {
        let texture = Texture {
            brightness: Num::range(80.0, 120.0),
            contrast: Num::exact(0.5),
            cell_px: Num::exact(48.0),
            ..Texture::default()
        };
        Self { texture, parallax: 1.0, motion: Vec::new() }
    }
}

impl Default for Texture {
    fn default() -> Self {
        Self {
            kind: Pattern::Noise,
            brightness: Num::range(90.0, 190.0),
            contrast: Num::exact(0.6),
            cell_px: Num::exact(12.0),
            tint_rgb: None,
            photo: None,
        }
    }
}

impl Default for Object {
    fn default() -> Self {
        Self {
            count: 1,
            class: 0,
            counted: true,
            shape: Shape::Ellipse,
            texture: Texture::default(),
            size_px: Num::range(30.0, 50.0),
            aspect: Num::exact(1.0),
            x: Num::range(0.2, 0.8),
            y: Num::range(0.2, 0.8),
            z: 0,
            from_s: Num::exact(0.0),
            for_s: None,
            motion: Vec::new(),
            edge: Edge::Bounce,
            edge_gap_px: 0.0,
            grow: Vec::new(),
            squeeze: Vec::new(),
            rotate_deg: Vec::new(),
            scroll: Vec::new(),
        }
    }
}

impl Default for Display {
    fn default() -> Self {
        Self { hz: 60.0, jitter_ms: 0.0 }
    }
}

impl Default for DetectorSpec {
    fn default() -> Self {
        Self {
            noise_px: 0.7,
            correlation_ms: 150.0,
            miss_rate: 0.02,
            miss_burst_ms: 0.0,
            false_positives_per_min: 0.0,
            false_positive_ms: 120.0,
            score: 0.85,
            false_score: 0.5,
            min_visible: 0.35,
        }
    }
}

impl Default for LatencySpec {
    fn default() -> Self {
        Self {
            median_ms: 35.0,
            p95_ms: 55.0,
            cold_ms: 0.0,
            idle_ms: 500.0,
            throttle: 0.0,
            throttle_s: 30.0,
            steps: Vec::new(),
        }
    }
}

impl Default for ToleranceSpec {
    fn default() -> Self {
        Self {
            epsilon_px: 6.0,
            miss_rate: 0.02,
            grace_ms: 150.0,
            max_age_ms: 2000.0,
            deadline_ms: 500.0,
            duty: 1.0,
        }
    }
}
