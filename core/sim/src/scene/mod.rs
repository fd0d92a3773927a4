//! A scene with its seed drawn: where everything is at a time, and what the camera saw.
//! **Invariant:** truth and pixels come from the same placement, so they agree to the sub-pixel at every time.
//! It does not run models or policies.

mod motion;
mod place;
mod render;
mod texture;

use core::time::Duration;

use inbetween_flow::{Frame, Image, PixelFormat, Rect, Timestamp};

pub use place::Truth;

use crate::{
    rng::{Rng, key, unit},
    spec::{SceneSpec, Texture},
};
use motion::{Curve, Offset, Path};
use place::{Actor, Placed};
use texture::{Look, Tile};

/// Whether frames have colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// Luma only: faster.
    #[default]
    Gray,
    /// Luma and half-size chroma.
    Nv12,
}

/// A scene file with all its numbers drawn for one seed.
#[derive(Clone, Debug)]
pub struct Scene {
    spec: SceneSpec,
    seed: u64,
    colour: Colour,
    pan: Vec<Path>,
    zoom: Vec<Curve>,
    roll: Vec<Curve>,
    exposure: Vec<Curve>,
    flicker_phase: f64,
    display_phase: f64,
    /// What is shown between two cuts, or from one view.
    shots: Vec<Shot>,
    /// From when on which of them is shown.
    visits: Vec<(f64, usize)>,
    grain: Vec<f32>,
    scratch: render::Scratch,
}

/// One picture with all that is in it.
#[derive(Clone, Debug)]
struct Shot {
    backdrop: Tile,
    backdrop_tint: [f32; 2],
    backdrop_at: [f64; 2],
    backdrop_motion: Vec<Path>,
    actors: Vec<Actor>,
}

/// What the camera saw, with the truth about it.
#[derive(Clone, Debug)]
pub struct RenderedFrame {
    /// Number of the frame, from 0, dropped ones included.
    pub index: u64,
    /// Capture time.
    pub captured: Timestamp,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Whether `data` has chroma.
    pub colour: Colour,
    /// `width × height` luma bytes; then, for [`Colour::Nv12`], half-size rows of interleaved U and V.
    pub data: Vec<u8>,
    /// All objects in the frame, occluded ones included.
    pub truth: Vec<Truth>,
}

impl RenderedFrame {
    /// A frame without pixels, whose memory [`Scene::render`] uses.
    pub fn empty(scene: &Scene) -> Self {
        Self {
            index: 0,
            captured: Timestamp::ZERO,
            width: scene.spec.camera.width,
            height: scene.spec.camera.height,
            colour: scene.colour,
            data: Vec::new(),
            truth: Vec::new(),
        }
    }

    /// The frame as the engine takes it.
    pub fn as_frame(&self) -> Frame<'_> {
        let format = match self.colour {
            Colour::Gray => PixelFormat::Gray8,
            Colour::Nv12 => PixelFormat::Nv12,
        };
        Frame::image(self.captured, Image::packed(format, self.width, self.height, &self.data))
    }

    /// The luma plane.
    pub fn luma(&self) -> &[u8] {
        &self.data[..(self.width * self.height) as usize]
    }

    /// The frame as packed red, green, blue bytes (BT.601, full range, as JPEG and Android use).
    pub fn rgb(&self) -> Vec<u8> {
        let (w, h) = (self.width as usize, self.height as usize);
        let luma = self.luma();
        let chroma = &self.data[w * h..];
        let row = 2 * w.div_ceil(2);
        let mut out = Vec::with_capacity(3 * w * h);
        for y in 0..h {
            for x in 0..w {
                let l = f32::from(luma[y * w + x]);
                let at = (y / 2) * row + (x / 2) * 2;
                let (cb, cr) = match chroma.get(at..at + 2) {
                    Some(uv) => (f32::from(uv[0]) - 128.0, f32::from(uv[1]) - 128.0),
                    None => (0.0, 0.0),
                };
                let byte = |v: f32| (v + 0.5).clamp(0.0, 255.0) as u8;
                out.extend([
                    byte(l + 1.402 * cr),
                    byte(l - 0.344_136 * cb - 0.714_136 * cr),
                    byte(l + 1.772 * cb),
                ]);
            }
        }
        out
    }
}

impl SceneSpec {
    /// Draws all numbers for `seed`. Gray frames; see [`Scene::with_colour`].
    pub fn build(&self, seed: u64) -> Scene {
        Scene::new(self.clone(), seed)
    }
}

/// Length of the table from which sensor noise is read.
const GRAIN: usize = 1 << 15;

impl Scene {
    fn new(spec: SceneSpec, seed: u64) -> Self {
        // The scene's name is part of the seed, so that seed 1 of two scenes is not the same picture.
        let name = spec.name.bytes().fold(0_u64, |h, b| key(&[h, u64::from(b)]));
        let root = key(&[seed, name]);
        let mut rng = Rng::new(root);
        let length = spec.duration_s;
        let pan = motion::paths(&spec.camera.pan, length, &mut rng);
        let zoom = motion::curves(&spec.camera.zoom, &mut rng);
        let roll = motion::curves(&spec.camera.roll_deg, &mut rng);
        let exposure = motion::curves(&spec.light.exposure_ev, &mut rng);
        let (flicker_phase, display_phase) = (rng.unit(), rng.unit());
        let visits = visits(&spec, root);
        let count = spec.views.as_ref().map_or(visits.len(), |v| v.count as usize);
        let shots = (0..count).map(|i| Shot::draw(&spec, key(&[root, i as u64]))).collect();
        let mut grain_rng = Rng::new(key(&[root, 0x6_721]));
        let grain = if spec.camera.noise > 0.0 {
            (0..GRAIN).map(|_| (grain_rng.normal() * spec.camera.noise) as f32).collect()
        } else {
            Vec::new()
        };
        Self {
            seed: root,
            colour: Colour::Gray,
            pan,
            zoom,
            roll,
            exposure,
            flicker_phase,
            display_phase,
            shots,
            visits,
            grain,
            scratch: render::Scratch::default(),
            spec,
        }
    }

    /// This scene with gray or coloured frames; luma is the same in both.
    #[must_use]
    pub fn with_colour(mut self, colour: Colour) -> Self {
        self.colour = colour;
        self
    }

    /// What the file says.
    pub const fn spec(&self) -> &SceneSpec {
        &self.spec
    }

    /// The key from which everything random about this scene and seed is derived.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// How many frames the camera takes, dropped ones included.
    pub fn frames(&self) -> u64 {
        (self.spec.duration_s * self.spec.camera.fps) as u64
    }

    /// Capture time of frame `index`.
    pub fn captured(&self, index: u64) -> Timestamp {
        at(self.spec.camera.fps, self.spec.camera.jitter_ms, key(&[self.seed, 0xF4A]), index, 0.0)
    }

    /// When frame `index` reaches the app; `None` when it is dropped. Frame 0 always arrives.
    pub fn arrives(&self, index: u64) -> Option<Timestamp> {
        let camera = &self.spec.camera;
        if index > 0 && unit(key(&[self.seed, 0xD40, index])) < camera.drop_rate {
            return None;
        }
        Some(self.captured(index) + Duration::from_nanos((camera.delivery_ms * 1e6) as u64))
    }

    /// How many refreshes the display makes.
    pub fn refreshes(&self) -> u64 {
        (self.spec.duration_s * self.spec.display.hz) as u64
    }

    /// Time of display refresh `index`. The display's phase against the camera is drawn from the seed.
    pub fn refresh(&self, index: u64) -> Timestamp {
        let display = &self.spec.display;
        at(display.hz, display.jitter_ms, key(&[self.seed, 0xD15]), index, self.display_phase)
    }

    /// The frame's rectangle.
    pub fn frame_rect(&self) -> Rect {
        Rect::new(0.0, 0.0, self.spec.camera.width as f32, self.spec.camera.height as f32)
    }

    /// All objects of which some part would be in the frame at `time`, occluded ones included.
    pub fn truth_at(&self, time: Timestamp, out: &mut Vec<Truth>) {
        if self.spec.labels.is_some() {
            // The picture as a whole, under the name of its view.
            let (whole, view) = (self.frame_rect(), self.view_at(time) as u32);
            out.clear();
            out.push(Truth { identity: view, class: view, bounds: whole, whole, visible: 1.0 });
            return;
        }
        let mut placed = Vec::new();
        self.place(time.as_secs_f64(), &mut placed);
        place::truth(&placed, &self.frame_rect(), out);
    }

    /// Renders frame `index`, with its truth, also when the camera drops it.
    pub fn frame(&mut self, index: u64) -> RenderedFrame {
        let mut frame = RenderedFrame::empty(self);
        self.render(index, &mut frame);
        frame
    }

    /// As [`Scene::frame`], into memory that is used again.
    pub fn render(&mut self, index: u64, frame: &mut RenderedFrame) {
        frame.index = index;
        frame.captured = self.captured(index);
        (frame.width, frame.height) = (self.spec.camera.width, self.spec.camera.height);
        frame.colour = self.colour;
        self.truth_at(frame.captured, &mut frame.truth);
        let mut scratch = core::mem::take(&mut self.scratch);
        render::frame(self, index, frame.captured.as_secs_f64(), &mut scratch, &mut frame.data);
        self.scratch = scratch;
    }

    /// Frame `index` without pixels: its times and its truth, when only those are looked at.
    pub fn unrendered(&self, index: u64, frame: &mut RenderedFrame) {
        frame.index = index;
        frame.captured = self.captured(index);
        (frame.width, frame.height) = (self.spec.camera.width, self.spec.camera.height);
        frame.colour = self.colour;
        frame.data.clear();
        self.truth_at(frame.captured, &mut frame.truth);
    }

    /// Which view is shown at `time`; the number of the shot where the scene has cuts.
    pub fn view_at(&self, time: Timestamp) -> usize {
        self.visits[self.visit(time.as_secs_f64())].1
    }

    fn visit(&self, t: f64) -> usize {
        self.visits.partition_point(|(from, _)| *from <= t).saturating_sub(1)
    }

    fn shot(&self, t: f64) -> &Shot {
        &self.shots[self.visits[self.visit(t)].1]
    }

    /// Everything that is in the scene at `t`, back to front.
    fn place(&self, t: f64, out: &mut Vec<Placed>) {
        out.clear();
        let view = self.view(t);
        let camera = &self.spec.camera;
        for (i, actor) in self.shot(t).actors.iter().enumerate() {
            let size = [f64::from(camera.width), f64::from(camera.height)];
            if let Some(mut placed) = actor.at(t, i, &view, size) {
                // After a cut everything is somebody else, also in a view that was there before.
                placed.identity += (self.visit(t) as u32) << 21;
                out.push(placed);
            }
        }
    }

    fn view(&self, t: f64) -> place::View {
        let camera = &self.spec.camera;
        place::View {
            pan: motion::sum(&self.pan, t),
            zoom: (1.0 + motion::total(&self.zoom, t)).clamp(0.05, 20.0),
            roll: motion::total(&self.roll, t).to_radians(),
            middle: [f64::from(camera.width) * 0.5, f64::from(camera.height) * 0.5],
        }
    }

    /// Gain of brightness at `t`.
    fn gain(&self, t: f64) -> f32 {
        let light = &self.spec.light;
        let swing = libm::sin(core::f64::consts::TAU * (light.flicker_hz * t + self.flicker_phase));
        (libm::exp2(motion::total(&self.exposure, t).clamp(-8.0, 8.0)) * (1.0 + light.flicker * swing)) as f32
    }
}

/// The time of tick `index` of a clock with jitter; ticks stay in order.
fn at(hz: f64, jitter_ms: f64, key_: u64, index: u64, phase: f64) -> Timestamp {
    let jitter =
        if jitter_ms > 0.0 { (2.0 * unit(key(&[key_, index])) - 1.0) * jitter_ms * 1e-3 } else { 0.0 };
    let t = ((index as f64 + phase) / hz + jitter).max(index as f64 * 1e-9);
    Timestamp::from_nanos((t * 1e9) as u64)
}

impl Shot {
    fn draw(spec: &SceneSpec, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let camera = &spec.camera;
        let side = camera.width.max(camera.height).next_power_of_two().clamp(256, 1024) as usize;
        let look = look(&spec.background.texture, &mut rng);
        let anywhere = [rng.unit() * side as f64, rng.unit() * side as f64];
        let (backdrop, backdrop_at) =
            photograph(spec).unwrap_or_else(|| (Tile::draw(&look, side, side), anywhere));
        let backdrop_motion = motion::paths(&spec.background.motion, spec.duration_s, &mut rng);
        let copies = spec.objects.iter().flat_map(|o| (0..o.count).map(move |_| o));
        let mut actors: Vec<Actor> = copies
            .enumerate()
            .map(|(i, object)| {
                let mut rng = Rng::new(key(&[seed, 1 + i as u64]));
                let identity = (i as u32) << 10;
                Actor::draw(object, identity, spec.duration_s, &spec.photographs, &mut rng)
            })
            .collect();
        actors.sort_by_key(|a| a.z); // stable: the file's order decides among equals
        Self { backdrop, backdrop_tint: tint(&spec.background.texture), backdrop_at, backdrop_motion, actors }
    }
}

/// A photograph as the background, its middle in the middle of the frame; `None` when it is not one.
fn photograph(spec: &SceneSpec) -> Option<(Tile, Offset)> {
    let part = spec.background.texture.photo.as_ref()?;
    let photograph = spec.photographs.get(spec.background.texture.photograph()?)?;
    let (width, height) = part.size_px(photograph);
    let texels = |px: f64| (px.round() as usize).clamp(8, 4096);
    let (w, h) = (texels(width), texels(height));
    let frame = [f64::from(spec.camera.width), f64::from(spec.camera.height)];
    let at = [(w as f64 - frame[0]) * 0.5, (h as f64 - frame[1]) * 0.5];
    Some((Tile::photograph(photograph, part.crop, w, h, true), at))
}

/// When which shot is shown.
fn visits(spec: &SceneSpec, root: u64) -> Vec<(f64, usize)> {
    let Some(views) = &spec.views else {
        let starts = core::iter::once(0.0).chain(spec.cuts_s.iter().copied());
        return starts.enumerate().map(|(i, from)| (from, i)).collect();
    };
    let mut rng = Rng::new(key(&[root, 0x7_1E3]));
    let (mut from, mut view) = (0.0, 0_usize);
    let mut out = Vec::new();
    while from < spec.duration_s {
        out.push((from, view));
        from += views.dwell_s.draw(&mut rng);
        // Any of the others.
        let step = 1 + (rng.unit() * f64::from(views.count - 1)) as usize;
        view = (view + step) % views.count as usize;
    }
    out
}

fn look(texture: &Texture, rng: &mut Rng) -> Look {
    Look {
        pattern: texture.kind,
        brightness: texture.brightness.draw(rng) as f32,
        contrast: texture.contrast.draw(rng) as f32,
        cell: texture.cell_px.draw(rng) as f32,
        seed: rng.bits(),
    }
}

/// The chroma of a texture's tint: blue and red difference, BT.601.
fn tint(texture: &Texture) -> [f32; 2] {
    let Some([r, g, b]) = texture.tint_rgb else { return [0.0, 0.0] };
    [(-0.168_736 * r - 0.331_264 * g + 0.5 * b) as f32, (0.5 * r - 0.418_688 * g - 0.081_312 * b) as f32]
}
