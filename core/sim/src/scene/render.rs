//! Draws a frame: background, objects back to front with antialiased outlines, light, sensor noise.
//! **Invariant:** the same frame has the same bytes whatever was rendered before it.
//! It does not decide where anything is: `place` does.

use super::{
    Colour, Scene,
    motion::{self, Offset},
    place::{Placed, View},
    texture::Tile,
};
use crate::{
    rng::{key, mix},
    spec::Shape,
};

/// Memory that is used again from frame to frame; never carries meaning from one frame to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    luma: Vec<f32>,
    sum: Vec<f32>,
    chroma: Vec<[f32; 2]>,
    placed: Vec<Placed>,
}

/// Moments over which an open shutter is averaged.
const SHUTTER_SAMPLES: u32 = 5;

/// Renders frame `index`, captured at `t` seconds, into `out`.
pub(super) fn frame(scene: &Scene, index: u64, t: f64, scratch: &mut Scratch, out: &mut Vec<u8>) {
    let (w, h) = (scene.spec.camera.width as usize, scene.spec.camera.height as usize);
    let Scratch { luma, sum, chroma, placed } = scratch;
    luma.resize(w * h, 0.0);
    let shutter = scene.spec.camera.shutter_ms * 1e-3;
    if shutter > 0.0 {
        sum.clear();
        sum.resize(w * h, 0.0);
        for i in 0..SHUTTER_SAMPLES {
            let part = (f64::from(i) + 0.5) / f64::from(SHUTTER_SAMPLES) - 0.5;
            draw(scene, t + part * shutter, placed, luma, w, h);
            for (s, l) in sum.iter_mut().zip(luma.iter()) {
                *s += *l;
            }
        }
        for (s, l) in sum.iter().zip(luma.iter_mut()) {
            *l = *s / SHUTTER_SAMPLES as f32;
        }
        scene.place(t, placed);
    } else {
        draw(scene, t, placed, luma, w, h);
    }
    out.clear();
    develop(scene, index, t, luma, w, out);
    if scene.colour == Colour::Nv12 {
        tints(scene, t, placed, chroma, w, h, out);
    }
}

fn draw(scene: &Scene, t: f64, placed: &mut Vec<Placed>, luma: &mut [f32], w: usize, h: usize) {
    let shot = scene.shot(t);
    let view = scene.view(t);
    let own = motion::sum(&shot.backdrop_motion, t);
    let parallax = scene.spec.background.parallax;
    let shift = [0, 1].map(|k| shot.backdrop_at[k] + view.pan[k] * parallax - own[k]);
    backdrop(&shot.backdrop, &view, shift, luma, w, h);
    scene.place(t, placed);
    for object in placed.iter().filter(|o| o.drawn) {
        let tile = &shot.actors[object.actor].tile;
        cover(object, 1.0, w, h, |at, share, n| {
            let u = (n[0] + 1.0) * 0.5 * tile.width() as f32 - object.scroll[0] as f32;
            let v = (n[1] + 1.0) * 0.5 * tile.height() as f32 - object.scroll[1] as f32;
            let over = tile.sample(u, v);
            luma[at] += share * (over - luma[at]);
        });
    }
}

/// The background under a view: texel = middle + inverse · (pixel − middle) + shift.
fn backdrop(tile: &Tile, view: &View, shift: Offset, luma: &mut [f32], w: usize, h: usize) {
    if view.zoom == 1.0 && view.roll == 0.0 {
        return translated(tile, shift, luma, w);
    }
    let l = view.linear();
    let det = l[0] * l[3] - l[1] * l[2];
    let inverse = [l[3] / det, -l[1] / det, -l[2] / det, l[0] / det];
    let side = [tile.width() as f64, tile.height() as f64];
    for (y, row) in luma.chunks_exact_mut(w).enumerate().take(h) {
        let (dx, dy) = (0.5 - view.middle[0], y as f64 + 0.5 - view.middle[1]);
        let start = [0, 1].map(|k| {
            let at = view.middle[k] + inverse[2 * k] * dx + inverse[2 * k + 1] * dy + shift[k];
            at.rem_euclid(side[k]) as f32
        });
        let step = [inverse[0] as f32, inverse[2] as f32];
        for (x, pixel) in row.iter_mut().enumerate() {
            let x = x as f32;
            *pixel = tile.sample(start[0] + step[0] * x, start[1] + step[1] * x);
        }
    }
}

/// The common case without zoom and roll: constant weights, whole rows at a time.
fn translated(tile: &Tile, shift: Offset, luma: &mut [f32], w: usize) {
    let (fx, fy) = (shift[0].floor(), shift[1].floor());
    let (wx, wy) = ((shift[0] - fx) as f32, (shift[1] - fy) as f32);
    let left = (fx as i64).rem_euclid(tile.width() as i64) as usize;
    let (w00, w10) = ((1.0 - wx) * (1.0 - wy), wx * (1.0 - wy));
    let (w01, w11) = ((1.0 - wx) * wy, wx * wy);
    for (y, row) in luma.chunks_exact_mut(w).enumerate() {
        let (top, bottom) = (tile.row(fy as i64 + y as i64), tile.row(fy as i64 + y as i64 + 1));
        let (mut at, mut x) = (left, 0);
        while x < w {
            // A run up to the last texel but one, then the texel that joins the tile's edges.
            let run = (tile.width() - 1 - at).min(w - x);
            let (t, b) = (&top[at..=at + run.min(tile.width() - 1 - at)], &bottom[at..=at + run]);
            for (i, pixel) in row[x..x + run].iter_mut().enumerate() {
                *pixel = t[i] * w00 + t[i + 1] * w10 + b[i] * w01 + b[i + 1] * w11;
            }
            x += run;
            at += run;
            if x < w {
                row[x] = top[at] * w00 + top[0] * w10 + bottom[at] * w01 + bottom[0] * w11;
                x += 1;
                at = 0;
            }
        }
    }
}

/// Calls `paint(index, share, outline coordinates)` for every pixel of which the object covers a share.
/// `scale` is pixels of this plane per pixel of the frame.
fn cover(object: &Placed, scale: f64, w: usize, h: usize, mut paint: impl FnMut(usize, f32, [f32; 2])) {
    let [hw, hh] = object.half_extent();
    let [cx, cy] = object.center;
    let clamp = |x: f64, n: usize| x.clamp(0.0, n as f64) as usize;
    let (x0, x1) = (clamp(((cx - hw) * scale).floor(), w), clamp(((cx + hw) * scale).ceil(), w));
    let (y0, y1) = (clamp(((cy - hh) * scale).floor(), h), clamp(((cy + hh) * scale).ceil(), h));
    let inv = object.inverse.map(|v| (v / scale) as f32);
    // Pixels per unit of each outline axis, for the width of the soft edge of a rectangle.
    let per_axis = [
        1.0 / libm::sqrtf(inv[0] * inv[0] + inv[1] * inv[1]),
        1.0 / libm::sqrtf(inv[2] * inv[2] + inv[3] * inv[3]),
    ];
    for y in y0..y1 {
        let dy = ((y as f64 + 0.5) - cy * scale) as f32;
        for x in x0..x1 {
            let dx = ((x as f64 + 0.5) - cx * scale) as f32;
            let n = [inv[0] * dx + inv[1] * dy, inv[2] * dx + inv[3] * dy];
            let share = match object.shape {
                Shape::Ellipse => {
                    // Distance to the outline to first order: f ÷ |∇f|.
                    let f = n[0] * n[0] + n[1] * n[1] - 1.0;
                    if f < -0.75 {
                        1.0
                    } else {
                        let g =
                            [2.0 * (n[0] * inv[0] + n[1] * inv[2]), 2.0 * (n[0] * inv[1] + n[1] * inv[3])];
                        let slope = libm::sqrtf(g[0] * g[0] + g[1] * g[1]).max(1e-6);
                        (0.5 - f / slope).clamp(0.0, 1.0)
                    }
                }
                Shape::Rectangle => {
                    let edge = |k: usize| ((1.0 - n[k].abs()) * per_axis[k] + 0.5).clamp(0.0, 1.0);
                    edge(0) * edge(1)
                }
            };
            if share > 0.0 {
                paint(y * w + x, share, n);
            }
        }
    }
}

/// Light and sensor: linear brightness to bytes.
fn develop(scene: &Scene, index: u64, t: f64, luma: &[f32], w: usize, out: &mut Vec<u8>) {
    let gain = scene.gain(t);
    let grain = &scene.grain;
    for (y, row) in luma.chunks_exact(w).enumerate() {
        if grain.len() <= w {
            out.extend(row.iter().map(|l| (l * gain + 0.5) as u8));
        } else {
            let at = mix(key(&[scene.seed, 0x0A15E, index]) ^ y as u64) as usize % (grain.len() - w);
            out.extend(row.iter().zip(&grain[at..at + w]).map(|(l, n)| (l * gain + n + 0.5) as u8));
        }
    }
}

fn tints(
    scene: &Scene,
    t: f64,
    placed: &[Placed],
    chroma: &mut Vec<[f32; 2]>,
    w: usize,
    h: usize,
    out: &mut Vec<u8>,
) {
    let shot = scene.shot(t);
    let (hw, hh) = (w.div_ceil(2), h.div_ceil(2));
    chroma.clear();
    chroma.resize(hw * hh, shot.backdrop_tint);
    for object in placed.iter().filter(|o| o.drawn) {
        let tint = shot.actors[object.actor].tint;
        cover(object, 0.5, hw, hh, |at, share, _| {
            let c = &mut chroma[at];
            for k in 0..2 {
                c[k] += share * (tint[k] - c[k]);
            }
        });
    }
    let gain = scene.gain(t).min(1.5);
    out.extend(chroma.iter().flatten().map(|c| (c * gain + 128.5) as u8));
}
