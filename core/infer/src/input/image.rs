//! From a camera image to the model's picture: region, fit, colour, resize, rotation, normalise, layout.
//! **Invariant:** every element of the tensor is written; buffers grow to the largest frame and are reused.
//! It does not filter itself: `yuv` converts, `fast_image_resize` resizes.

use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer,
    images::{Image as ResizedImage, ImageRef},
};
use inbetween_card::{Channels, Fit, ImageInput, Layout, Resample};
use inbetween_flow::{Image, Point, Rect, Rotation};

use super::{
    pixels::{self, Colour, Packed, Window},
    place::Placement,
};
use crate::error::InputFault;

/// The elements to write.
#[derive(Debug)]
pub enum Pixels<'a> {
    /// Normalised floats.
    F32(&'a mut [f32]),
    /// Bytes as they are.
    U8(&'a mut [u8]),
}

/// Makes model pictures of images.
///
/// # Shapes
/// The target holds 1 × channels × height × width elements, or 1 × height × width × channels.
#[derive(Clone, Debug)]
pub struct ImageStage {
    spec: ImageInput,
    /// What each byte becomes, for each channel.
    lut: Vec<[f32; 256]>,
    resizer: Resizer,
    window: Vec<u8>,
    scratch: Vec<u8>,
    small: Vec<u8>,
}

/// The picture's place in the tensor, in model pixels.
#[derive(Clone, Copy, Debug)]
struct Inner {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

impl ImageStage {
    /// The stage that `spec` states.
    pub fn new(spec: ImageInput) -> Self {
        let lut = (0..spec.channels.count())
            .map(|c| {
                let (scale, offset) = spec.normalise.factors(c);
                core::array::from_fn(|byte| byte as f32 * scale + offset)
            })
            .collect();
        Self {
            spec,
            lut,
            resizer: Resizer::new(),
            window: Vec::new(),
            scratch: Vec::new(),
            small: Vec::new(),
        }
    }

    /// What the stage was made of.
    pub const fn spec(&self) -> &ImageInput {
        &self.spec
    }

    /// Shape of the tensor.
    pub fn shape(&self) -> Vec<usize> {
        let (w, h, c) = (self.spec.width as usize, self.spec.height as usize, self.spec.channels.count());
        match self.spec.layout {
            Layout::Nchw => vec![1, c, h, w],
            Layout::Nhwc => vec![1, h, w, c],
        }
    }

    /// Writes the model's picture of `image` into `target` and says where it lies in the upright frame.
    ///
    /// # Errors
    /// When the planes do not hold the image, the region does not meet it, or the target has another length.
    pub fn write(&mut self, image: &Image<'_>, target: Pixels<'_>) -> Result<Placement, InputFault> {
        let wanted = self.shape().iter().product::<usize>();
        let found = match &target {
            Pixels::F32(t) => t.len(),
            Pixels::U8(t) => t.len(),
        };
        if found != wanted {
            return Err(InputFault::Length);
        }
        pixels::check(image)?;
        let (source, inner, placement) = self.place(image)?;
        let source = self.resize(image, &source, inner)?;
        let spec = &self.spec;
        match target {
            Pixels::F32(t) => {
                scatter(spec, inner, &self.small, source, t, |c, byte| self.lut[c][byte as usize]);
            }
            Pixels::U8(t) => scatter(spec, inner, &self.small, source, t, |_, byte| byte),
        }
        Ok(placement)
    }

    /// Which upright part of the frame goes where in the model's picture.
    fn place(&self, image: &Image<'_>) -> Result<(Rect, Inner, Placement), InputFault> {
        let (fw, fh) = image.upright_size();
        let frame = Rect::new(0.0, 0.0, fw as f32, fh as f32);
        let region = match image.region {
            None => frame,
            Some(r) if r.is_valid() => r.clipped(&frame),
            Some(_) => return Err(InputFault::Region),
        };
        if region.width() < 1.0 || region.height() < 1.0 {
            return Err(InputFault::Region);
        }
        let (w, h) = (self.spec.width as f32, self.spec.height as f32);
        let (rw, rh) = (region.width(), region.height());
        let whole = Inner { x: 0, y: 0, width: self.spec.width, height: self.spec.height };
        let (source, inner) = match self.spec.fit {
            Fit::Crop => {
                let scale = (w / rw).max(h / rh);
                (Rect::from_center(region.center(), w / scale, h / scale).clipped(&region), whole)
            }
            Fit::Letterbox => {
                let scale = (w / rw).min(h / rh);
                let width = ((rw * scale).round() as u32).clamp(1, self.spec.width);
                let height = ((rh * scale).round() as u32).clamp(1, self.spec.height);
                let (x, y) = ((self.spec.width - width) / 2, (self.spec.height - height) / 2);
                (region, Inner { x, y, width, height })
            }
            Fit::Stretch => (region, whole),
        };
        let scale = Point::new(source.width() / inner.width as f32, source.height() / inner.height as f32);
        let origin = Point::new(source.x0 - inner.x as f32 * scale.x, source.y0 - inner.y as f32 * scale.y);
        let model = (self.spec.width, self.spec.height);
        Ok((source, inner, Placement { scale, origin, frame: (fw, fh), model }))
    }

    /// Converts the part of the buffer that `source` needs and resizes it into `small`, in buffer orientation.
    fn resize(&mut self, image: &Image<'_>, source: &Rect, inner: Inner) -> Result<Turned, InputFault> {
        let part = to_buffer(image, source);
        let (width, height) = if image.rotation.swaps_axes() {
            (inner.height, inner.width)
        } else {
            (inner.width, inner.height)
        };
        // The filter reads beyond the part by its support: one pixel, or as many as one output pixel covers.
        let margin = |size: f32, out: u32| (size / out as f32).max(1.0).ceil() + 1.0;
        let (mx, my) = (margin(part.width(), width), margin(part.height(), height));
        let window = window(image, &part, mx, my);
        let gray = self.spec.channels == Channels::Gray;
        let colour = Colour { matrix: self.spec.matrix, range: self.spec.range };
        let from = pixels::extract(image, window, gray, colour, &mut self.window, &mut self.scratch)?;

        // Four bytes at a time are quicker than dropping one of four in a copy, and as good: channels do not mix.
        let pixel = match from.channels {
            1 => PixelType::U8,
            4 => PixelType::U8x4,
            _ => PixelType::U8x3,
        };
        let turned = Turned::of(image, inner, &from);
        self.small.resize(width as usize * height as usize * from.channels, 0);
        let from =
            ImageRef::new(window.width, window.height, from.bytes, pixel).map_err(|_| InputFault::Planes)?;
        let mut to = ResizedImage::from_slice_u8(width, height, &mut self.small, pixel)
            .map_err(|_| InputFault::Planes)?;
        let algorithm = match self.spec.resample {
            Resample::Nearest => ResizeAlg::Nearest,
            Resample::Bilinear => ResizeAlg::Interpolation(FilterType::Bilinear),
            Resample::Antialias => ResizeAlg::Convolution(FilterType::Bilinear),
        };
        let (left, top) =
            (f64::from(part.x0) - f64::from(window.x), f64::from(part.y0) - f64::from(window.y));
        // Clipping in f32 may leave the part a hair outside of the window; the resizer is strict.
        let (left, top) = (left.max(0.0), top.max(0.0));
        let options = ResizeOptions::new().resize_alg(algorithm).use_alpha(false).crop(
            left,
            top,
            f64::from(part.width()).min(f64::from(window.width) - left),
            f64::from(part.height()).min(f64::from(window.height) - top),
        );
        self.resizer.resize(&from, &mut to, &options).map_err(|_| InputFault::Region)?;
        Ok(turned)
    }
}

/// An upright rectangle in buffer coordinates.
fn to_buffer(image: &Image<'_>, upright: &Rect) -> Rect {
    let (w, h) = (image.width as f32, image.height as f32);
    let upright_width = image.upright_size().0 as f32;
    let r = if image.mirror {
        Rect::new(upright_width - upright.x1, upright.y0, upright_width - upright.x0, upright.y1)
    } else {
        *upright
    };
    match image.rotation {
        Rotation::None => r,
        Rotation::Cw90 => Rect::new(r.y0, h - r.x1, r.y1, h - r.x0),
        Rotation::Cw180 => Rect::new(w - r.x1, h - r.y1, w - r.x0, h - r.y0),
        Rotation::Cw270 => Rect::new(w - r.y1, r.x0, w - r.y0, r.x1),
    }
}

/// The whole pixels around `part` with a margin, inside the buffer, starting at even coordinates.
fn window(image: &Image<'_>, part: &Rect, mx: f32, my: f32) -> Window {
    let low = |v: f32, m: f32| (v.floor() - m).max(0.0) as u32 & !1;
    let high = |v: f32, m: f32, max: u32| ((v.ceil() + m) as u32).min(max);
    let (x, y) = (low(part.x0, mx), low(part.y0, my));
    Window {
        x,
        y,
        width: high(part.x1, mx, image.width).saturating_sub(x).max(1),
        height: high(part.y1, my, image.height).saturating_sub(y).max(1),
    }
}

/// How upright pixels of the resized picture are found in its bytes, which are in buffer orientation.
#[derive(Clone, Copy)]
struct Turned {
    origin: isize,
    step_x: isize,
    step_y: isize,
    channels: usize,
    order: [usize; 3],
}

impl Turned {
    fn of(image: &Image<'_>, inner: Inner, from: &Packed<'_>) -> Self {
        let (w, h) = if image.rotation.swaps_axes() {
            (inner.height as isize, inner.width as isize)
        } else {
            (inner.width as isize, inner.height as isize)
        };
        let (mut origin, mut step_x, step_y) = match image.rotation {
            Rotation::None => (0, 1, w),
            Rotation::Cw90 => ((h - 1) * w, -w, 1),
            Rotation::Cw180 => (h * w - 1, -1, -w),
            Rotation::Cw270 => (w - 1, w, -1),
        };
        if image.mirror {
            origin += (inner.width as isize - 1) * step_x;
            step_x = -step_x;
        }
        let Packed { channels, order, .. } = *from;
        let n = channels as isize;
        Self { origin: origin * n, step_x: step_x * n, step_y: step_y * n, channels, order }
    }
}

/// Writes the picture and its bars into the tensor.
fn scatter<T: Copy>(
    spec: &ImageInput,
    inner: Inner,
    bytes: &[u8],
    source: Turned,
    target: &mut [T],
    map: impl Fn(usize, u8) -> T,
) {
    let (width, height, channels) = (spec.width as usize, spec.height as usize, spec.channels.count());
    // Element (c, y, x) of the tensor.
    let (step_c, step_y, step_x) = match spec.layout {
        Layout::Nchw => (width * height, width, 1),
        Layout::Nhwc => (1, width * channels, channels),
    };
    let bars = inner.width != spec.width || inner.height != spec.height;
    for c in 0..channels {
        if bars {
            let pad = map(c, if c == 3 { 255 } else { spec.pad });
            match spec.layout {
                Layout::Nchw => target[c * step_c..(c + 1) * step_c].fill(pad),
                Layout::Nhwc => target[c..].iter_mut().step_by(channels).for_each(|t| *t = pad),
            }
        }
        // Which byte of a source pixel feeds this channel; alpha is constant.
        let byte = match (spec.channels, c) {
            (Channels::Rgba, 3) => None,
            _ if source.channels == 1 => Some(0),
            (Channels::Bgr, c) => Some(source.order[2 - c]),
            (_, c) => Some(source.order[c]),
        };
        for y in 0..inner.height as usize {
            let to = c * step_c + (inner.y as usize + y) * step_y + inner.x as usize * step_x;
            let row = target[to..].iter_mut().step_by(step_x).take(inner.width as usize);
            let Some(byte) = byte else {
                let opaque = map(c, 255);
                row.for_each(|t| *t = opaque);
                continue;
            };
            let mut at = source.origin + y as isize * source.step_y + byte as isize;
            for t in row {
                *t = map(c, bytes[at as usize]);
                at += source.step_x;
            }
        }
    }
}
