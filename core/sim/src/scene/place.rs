//! Objects at a time: the affine map from each outline to the frame, its exact box, and how much of it is seen.
//! **Invariant:** the same map is used for pixels and for truth.
//! It does not draw pixels.

use inbetween_flow::Rect;

use super::{
    look,
    motion::{self, Curve, Offset, Path},
    texture::Tile,
    tint,
};
use crate::{
    rng::Rng,
    spec::{Edge, Object, Pattern, Photographs, Shape},
};

/// What is true about one object at one time.
///
/// # Units
/// Pixels of the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    /// Who it is; comes back through the frame's edge as somebody else where the scene wraps.
    pub identity: u32,
    /// Class index.
    pub class: u32,
    /// Its box, clipped to the frame.
    pub bounds: Rect,
    /// Its whole box, also outside the frame.
    pub whole: Rect,
    /// Share of its outline that is inside the frame and not covered, from 0 to 1.
    pub visible: f32,
}

/// Where the camera looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub pan: Offset,
    pub zoom: f64,
    pub roll: f64,
    pub middle: Offset,
}

impl View {
    /// The linear part of world to frame.
    pub fn linear(&self) -> [f64; 4] {
        let (s, c) = (libm::sin(self.roll) * self.zoom, libm::cos(self.roll) * self.zoom);
        [c, -s, s, c]
    }
}

/// An object with its numbers drawn.
#[derive(Clone, Debug)]
pub(super) struct Actor {
    pub z: i32,
    pub tile: Tile,
    pub tint: [f32; 2],
    drawn: bool,
    identity: u32,
    class: u32,
    counted: bool,
    shape: Shape,
    half: Offset,
    start: Offset,
    from: f64,
    until: f64,
    paths: Vec<Path>,
    edge: Edge,
    gap: f64,
    grow: Vec<Curve>,
    squeeze: Vec<Curve>,
    rotate: Vec<Curve>,
    scroll: Vec<Path>,
}

/// An object at one time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    /// Its place in the shot's list.
    pub actor: usize,
    pub shape: Shape,
    /// Whether it covers anything; a part of the background's own picture does not.
    pub drawn: bool,
    pub counted: bool,
    pub identity: u32,
    pub class: u32,
    /// Centre in the frame.
    pub center: Offset,
    /// Maps the outline (unit disc, or the square from −1 to 1) to the frame.
    pub map: [f64; 4],
    /// Maps the frame back to the outline.
    pub inverse: [f64; 4],
    /// Shift of the texture, in texels.
    pub scroll: Offset,
}

impl Actor {
    pub(super) fn draw(
        object: &Object,
        identity: u32,
        duration: f64,
        photographs: &Photographs,
        rng: &mut Rng,
    ) -> Self {
        let width = object.size_px.draw(rng);
        let height = width * object.aspect.draw(rng);
        let start = [object.x.draw(rng), object.y.draw(rng)];
        let from = object.from_s.draw(rng);
        let until = object.for_s.map_or(f64::INFINITY, |x| from + x.draw(rng));
        let look = look(&object.texture, rng);
        let texels = |px: f64| {
            if look.pattern == Pattern::Face { 96 } else { (px.round() as usize).clamp(4, 512) }
        };
        let photo = object.texture.photo.as_ref();
        let part = photo.and_then(|p| Some((p.crop, photographs.get(&p.name)?)));
        let (w, h) = (texels(width), texels(height));
        let tile = part.map_or_else(
            || Tile::draw(&look, w, h),
            |(crop, photograph)| Tile::photograph(photograph, crop, w, h, false),
        );
        Self {
            drawn: look.pattern != Pattern::Behind,
            z: object.z,
            tile,
            tint: tint(&object.texture),
            identity,
            class: object.class,
            counted: object.counted,
            shape: object.shape,
            half: [width * 0.5, height * 0.5],
            start,
            from,
            until,
            paths: motion::paths(&object.motion, duration, rng),
            edge: object.edge,
            gap: object.edge_gap_px,
            grow: motion::curves(&object.grow, rng),
            squeeze: motion::curves(&object.squeeze, rng),
            rotate: motion::curves(&object.rotate_deg, rng),
            scroll: motion::paths(&object.scroll, duration, rng),
        }
    }

    /// Where it is at `t`; `None` while it does not exist.
    pub(super) fn at(&self, t: f64, actor: usize, view: &View, frame: Offset) -> Option<Placed> {
        if t < self.from || t >= self.until {
            return None;
        }
        let age = t - self.from;
        let grow = (1.0 + motion::total(&self.grow, age)).clamp(0.05, 50.0);
        let squeeze = (1.0 + motion::total(&self.squeeze, age)).clamp(0.2, 5.0);
        let half = [self.half[0] * grow * squeeze, self.half[1] * grow / squeeze];
        let moved = motion::sum(&self.paths, age);
        let mut laps = [0_i64; 2];
        let world = [0, 1].map(|k| {
            let at = self.start[k] * frame[k] + moved[k];
            match self.edge {
                Edge::Leave => at,
                Edge::Bounce => fold(at, self.half[k] - self.gap, frame[k] - self.half[k] + self.gap),
                Edge::Wrap => {
                    let (low, high) = (-self.half[k] - self.gap, frame[k] + self.half[k] + self.gap);
                    laps[k] = ((at - low) / (high - low)).floor() as i64;
                    low + (at - low).rem_euclid(high - low)
                }
            }
        });
        let angle = motion::total(&self.rotate, age).to_radians();
        let (s, c) = (libm::sin(angle), libm::cos(angle));
        let own = [c * half[0], -s * half[1], s * half[0], c * half[1]];
        let linear = view.linear();
        let map = product(linear, own);
        let rel = [world[0] - view.middle[0] - view.pan[0], world[1] - view.middle[1] - view.pan[1]];
        let center = [
            view.middle[0] + linear[0] * rel[0] + linear[1] * rel[1],
            view.middle[1] + linear[2] * rel[0] + linear[3] * rel[1],
        ];
        let det = map[0] * map[3] - map[1] * map[2];
        let inverse = [map[3] / det, -map[1] / det, -map[2] / det, map[0] / det];
        let lap = (laps[0].rem_euclid(32) << 5 | laps[1].rem_euclid(32)) as u32;
        let scroll = motion::sum(&self.scroll, age);
        Some(Placed {
            actor,
            shape: self.shape,
            drawn: self.drawn,
            counted: self.counted,
            identity: self.identity | lap,
            class: self.class,
            center,
            map,
            inverse,
            scroll: [
                scroll[0].rem_euclid(self.tile.width() as f64),
                scroll[1].rem_euclid(self.tile.height() as f64),
            ],
        })
    }
}

/// Mirrors `x` into `[low, high]`, as a ball between two walls; the middle where there is no room.
fn fold(x: f64, low: f64, high: f64) -> f64 {
    let room = high - low;
    if room <= 0.0 {
        return (low + high) * 0.5;
    }
    let y = (x - low).rem_euclid(2.0 * room);
    low + if y > room { 2.0 * room - y } else { y }
}

fn product(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    [
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
    ]
}

impl Placed {
    /// Half width and half height of the exact box.
    pub fn half_extent(&self) -> Offset {
        let m = &self.map;
        match self.shape {
            Shape::Ellipse => [libm::sqrt(m[0] * m[0] + m[1] * m[1]), libm::sqrt(m[2] * m[2] + m[3] * m[3])],
            Shape::Rectangle => [m[0].abs() + m[1].abs(), m[2].abs() + m[3].abs()],
        }
    }

    /// The exact box.
    pub fn bounds(&self) -> Rect {
        let [hw, hh] = self.half_extent();
        let [x, y] = self.center;
        Rect::new((x - hw) as f32, (y - hh) as f32, (x + hw) as f32, (y + hh) as f32)
    }

    /// Whether a point of the frame is inside the outline.
    fn covers(&self, p: Offset) -> bool {
        let (dx, dy) = (p[0] - self.center[0], p[1] - self.center[1]);
        let n = [self.inverse[0] * dx + self.inverse[1] * dy, self.inverse[2] * dx + self.inverse[3] * dy];
        match self.shape {
            Shape::Ellipse => n[0] * n[0] + n[1] * n[1] <= 1.0,
            Shape::Rectangle => n[0].abs() <= 1.0 && n[1].abs() <= 1.0,
        }
    }
}

/// Samples across an outline by which the visible share is measured, in each direction.
const SAMPLES: u32 = 16;

/// The truth about everything placed.
pub(super) fn truth(placed: &[Placed], frame: &Rect, out: &mut Vec<Truth>) {
    out.clear();
    for (i, object) in placed.iter().enumerate() {
        if !object.counted {
            continue;
        }
        let whole = object.bounds();
        let bounds = whole.clipped(frame);
        if bounds.area() <= 0.0 {
            continue;
        }
        let visible = visible(object, &placed[i + 1..], &whole, frame);
        out.push(Truth { identity: object.identity, class: object.class, bounds, whole, visible });
    }
}

fn visible(object: &Placed, in_front: &[Placed], whole: &Rect, frame: &Rect) -> f32 {
    let meets = |r: &Rect| whole.x0 < r.x1 && r.x0 < whole.x1 && whole.y0 < r.y1 && r.y0 < whole.y1;
    let inside = whole.x0 >= frame.x0 && whole.y0 >= frame.y0 && whole.x1 <= frame.x1 && whole.y1 <= frame.y1;
    if inside && !in_front.iter().any(|o| o.drawn && meets(&o.bounds())) {
        return 1.0;
    }
    let (mut seen, mut all) = (0_u32, 0_u32);
    for i in 0..SAMPLES * SAMPLES {
        let side = |i: u32| (2.0 * f64::from(i) + 1.0) / f64::from(SAMPLES) - 1.0;
        let n = [side(i % SAMPLES), side(i / SAMPLES)];
        if object.shape == Shape::Ellipse && n[0] * n[0] + n[1] * n[1] > 1.0 {
            continue;
        }
        all += 1;
        let m = &object.map;
        let p = [object.center[0] + m[0] * n[0] + m[1] * n[1], object.center[1] + m[2] * n[0] + m[3] * n[1]];
        let in_frame = p[0] >= f64::from(frame.x0)
            && p[0] < f64::from(frame.x1)
            && p[1] >= f64::from(frame.y0)
            && p[1] < f64::from(frame.y1);
        seen += u32::from(in_frame && !in_front.iter().any(|o| o.drawn && o.covers(p)));
    }
    seen as f32 / all.max(1) as f32
}
