//! Renders small deterministic scenes: smooth random textures, boxes that move over them, light and sensor noise.
//! **Invariant:** the same scene renders to the same bytes; positions are continuous, so sub-pixel truth is exact.
//! It does not know the gate.

#![allow(clippy::unwrap_used)] // helpers of tests

use inbetween_flow::{
    Image, Luma, PixelFormat, Point, Rect, TicketId, Timestamp,
    gate::{Evidence, Fit, Gate, Target},
};

/// A smooth random texture.
#[derive(Clone, Copy, Debug)]
pub struct Texture {
    pub seed: u32,
    /// Distance of the lattice of its coarsest octave, in pixels.
    pub grain: f32,
    pub mean: f32,
    /// Peak amplitude, in levels; 0 for a flat surface.
    pub contrast: f32,
}

impl Texture {
    pub const fn new(seed: u32, grain: f32, mean: f32, contrast: f32) -> Self {
        Self { seed, grain, mean, contrast }
    }

    pub fn at(&self, x: f32, y: f32) -> f32 {
        let mut v = 0.0;
        let (mut grain, mut weight) = (self.grain, 0.6);
        for octave in 0..2 {
            v += weight * lattice(self.seed.wrapping_add(octave * 7919), x / grain, y / grain);
            grain *= 0.5;
            weight = 0.4;
        }
        self.mean + self.contrast * v
    }
}

fn hash(seed: u32, x: i32, y: i32) -> f32 {
    let mut h = seed ^ (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77);
    h ^= h >> 15;
    h = h.wrapping_mul(0x2C1B_3C6D);
    h ^= h >> 12;
    h = h.wrapping_mul(0x297A_2D39);
    h ^= h >> 15;
    h as f32 / u32::MAX as f32 * 2.0 - 1.0
}

fn lattice(seed: u32, x: f32, y: f32) -> f32 {
    let (xi, yi) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    let (u, v) = (ease(x - xi), ease(y - yi));
    let (xi, yi) = (xi as i32, yi as i32);
    let top = hash(seed, xi, yi) * (1.0 - u) + hash(seed, xi + 1, yi) * u;
    let bottom = hash(seed, xi, yi + 1) * (1.0 - u) + hash(seed, xi + 1, yi + 1) * u;
    top * (1.0 - v) + bottom * v
}

/// A textured box.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    pub bounds: Rect,
    pub texture: Texture,
    /// Where its middle has gone, and its size relative to `bounds`.
    pub moved: Point,
    pub scale: f32,
    /// Its width relative to what `scale` says.
    pub widen: f32,
    pub turn: f32,
    pub shown: bool,
}

impl Object {
    pub fn new(bounds: Rect, texture: Texture) -> Self {
        Self { bounds, texture, moved: Point::new(0.0, 0.0), scale: 1.0, widen: 1.0, turn: 0.0, shown: true }
    }

    fn paint(&self, x: f32, y: f32) -> Option<f32> {
        if !self.shown {
            return None;
        }
        let b = &self.bounds;
        let (cx, cy) = ((b.x0 + b.x1) * 0.5, (b.y0 + b.y1) * 0.5);
        let (dx, dy) =
            ((x - cx - self.moved.x) / (self.scale * self.widen), (y - cy - self.moved.y) / self.scale);
        let (s, c) = self.turn.sin_cos();
        let (u, v) = (c * dx + s * dy, c * dy - s * dx);
        let inside = u.abs() <= b.width() * 0.5 && v.abs() <= b.height() * 0.5;
        inside.then(|| self.texture.at(cx + u, cy + v))
    }
}

/// What a camera sees.
#[derive(Clone, Debug)]
pub struct Scene {
    pub width: u32,
    pub height: u32,
    pub ground: Texture,
    /// Motion and magnification of the ground, about the middle of the frame.
    pub pan: Point,
    pub zoom: f32,
    /// Later objects are in front.
    pub objects: Vec<Object>,
    pub gain: f32,
    pub offset: f32,
    /// Standard deviation of the sensor's noise, in levels.
    pub noise: f32,
}

impl Scene {
    pub fn new(width: u32, height: u32) -> Self {
        let grain = width as f32 / 32.0;
        Self {
            width,
            height,
            ground: Texture::new(1, grain, 110.0, 60.0),
            pan: Point::new(0.0, 0.0),
            zoom: 1.0,
            objects: Vec::new(),
            gain: 1.0,
            offset: 0.0,
            noise: 0.0,
        }
    }

    /// An object of `side` pixels in the middle, with a texture of its own.
    pub fn with_object(mut self, side: f32) -> Self {
        let middle = Point::new(self.width as f32 * 0.5, self.height as f32 * 0.5);
        let seed = 100 + self.objects.len() as u32;
        let texture = Texture::new(seed, side / 5.0, 130.0, 80.0);
        self.objects.push(Object::new(Rect::from_center(middle, side, side), texture));
        self
    }

    pub fn render(&self, frame: u32) -> Vec<u8> {
        let mut out = Vec::with_capacity((self.width * self.height) as usize);
        let (mx, my) = (self.width as f32 * 0.5, self.height as f32 * 0.5);
        let mut random = frame.wrapping_mul(0x9E37_79B9) ^ 0x5bd1_e995;
        for y in 0..self.height {
            for x in 0..self.width {
                let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                let painted = self.objects.iter().rev().find_map(|o| o.paint(px, py));
                let light = painted.unwrap_or_else(|| {
                    let gx = (px - mx - self.pan.x) / self.zoom + mx;
                    let gy = (py - my - self.pan.y) / self.zoom + my;
                    self.ground.at(gx, gy)
                });
                let mut v = light * self.gain + self.offset;
                if self.noise > 0.0 {
                    // A sum of four uniform numbers is normal enough.
                    let mut sum = 0.0;
                    for _ in 0..4 {
                        random ^= random << 13;
                        random ^= random >> 17;
                        random ^= random << 5;
                        sum += (random >> 8) as f32 / (1 << 24) as f32 - 0.5;
                    }
                    v += sum * 1.732 * self.noise;
                }
                out.push((v + 0.5).clamp(0.0, 255.0) as u8);
            }
        }
        out
    }
}

/// A gate that watches a scene at 60 frames a second.
pub struct Watch {
    pub gate: Gate,
    pub frame: u32,
}

impl Watch {
    /// Starts with `scene` as the key frame and its objects as targets.
    pub fn start(scene: &Scene, epsilon: f32) -> Self {
        let targets: Vec<Target> = scene
            .objects
            .iter()
            .enumerate()
            .filter(|(_, o)| o.shown)
            .map(|(i, o)| target(i as u32, o.bounds))
            .collect();
        Self::start_at(scene, epsilon, &targets)
    }

    pub fn start_at(scene: &Scene, epsilon: f32, targets: &[Target]) -> Self {
        let mut watch = Self { gate: Gate::new(epsilon), frame: 0 };
        watch.keep(scene, 1);
        assert!(watch.gate.rekey(TicketId(1), targets));
        watch
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(u64::from(self.frame) * 16_667)
    }

    pub fn keep(&mut self, scene: &Scene, ticket: u64) {
        let bytes = scene.render(self.frame);
        let image = Image::packed(PixelFormat::Gray8, scene.width, scene.height, &bytes);
        self.gate.keep(TicketId(ticket), self.now(), &Luma::of(&image).unwrap());
    }

    pub fn see(&mut self, scene: &Scene) -> Evidence {
        self.frame += 1;
        let bytes = scene.render(self.frame);
        let image = Image::packed(PixelFormat::Gray8, scene.width, scene.height, &bytes);
        let now = self.now();
        self.gate.measure(now, &Luma::of(&image).unwrap()).unwrap().clone()
    }
}

pub fn target(identity: u32, bounds: Rect) -> Target {
    Target { identity, bounds, guess: Point::new(0.0, 0.0) }
}

/// Distance of a fit from the truth, in pixels.
pub fn error(fit: &Fit, moved: Point) -> f32 {
    (fit.moved - moved).length()
}
