//! The needed part of a camera buffer as packed bytes: brightness, or colours with or without alpha, in buffer orientation.
//! **Invariant:** reads only within the planes, whatever sizes and strides a frame states.
//! It does not resize, rotate or normalise.

use inbetween_card::{ColorMatrix, ColorRange};
use inbetween_flow::{Image, PixelFormat};
use yuv::{
    YuvBiPlanarImage, YuvConversionMode, YuvPlanarImage, YuvRange, YuvStandardMatrix, yuv_nv12_to_rgb,
    yuv_nv21_to_rgb, yuv420_to_rgb,
};

use crate::error::InputFault;

/// A part of a buffer, in buffer pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

/// How YUV bytes are to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Colour {
    pub matrix: ColorMatrix,
    pub range: ColorRange,
}

/// Checks that every plane holds its rows.
pub(super) fn check(image: &Image<'_>) -> Result<(), InputFault> {
    if image.width == 0 || image.height == 0 {
        return Err(InputFault::Planes);
    }
    for (i, plane) in image.planes.iter().enumerate().take(image.format.planes()) {
        let (row, rows) = image.format.plane_size(i, image.width, image.height);
        let needed = plane
            .row_stride
            .checked_mul(rows.saturating_sub(1))
            .and_then(|n| n.checked_add(row))
            .ok_or(InputFault::Planes)?;
        // The conversion takes strides as u32.
        let stride_fits = i32::try_from(plane.row_stride).is_ok();
        if row == 0 || plane.row_stride < row || plane.data.len() < needed || !stride_fits {
            return Err(InputFault::Planes);
        }
    }
    Ok(())
}

/// A part of a buffer without gaps between its rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed<'a> {
    pub bytes: &'a [u8],
    /// Bytes of a pixel: 1 where there is brightness alone, 4 where one has no meaning.
    pub channels: usize,
    /// Where red, green and blue lie in a pixel.
    pub order: [usize; 3],
}

/// The bytes of `window`: brightness when `gray`, else colours as the buffer has them; gray buffers stay gray. What must
/// be converted, or has gaps, goes through `out`. The window must lie inside and, for YUV, start at even coordinates.
pub(super) fn extract<'a>(
    image: &Image<'a>,
    window: Window,
    gray: bool,
    colour: Colour,
    out: &'a mut Vec<u8>,
    scratch: &mut Vec<u8>,
) -> Result<Packed<'a>, InputFault> {
    let pixels = window.width as usize * window.height as usize;
    let order = if image.format == PixelFormat::Bgra8 { [2, 1, 0] } else { [0, 1, 2] };
    let channels = match image.format {
        _ if gray => 1,
        PixelFormat::Gray8 => 1,
        PixelFormat::Rgba8 | PixelFormat::Bgra8 => 4,
        _ => 3,
    };
    match image.format {
        PixelFormat::Gray8 => return Ok(Packed { bytes: packed(image, window, 1, out), channels, order }),
        PixelFormat::Nv12 | PixelFormat::Nv21 | PixelFormat::I420 if gray => {
            if colour.range == ColorRange::Full {
                return Ok(Packed { bytes: packed(image, window, 1, out), channels, order });
            }
            out.resize(pixels, 0);
            for (row, out) in rows(image, window, 1).zip(out.chunks_exact_mut(window.width as usize)) {
                for (o, p) in out.iter_mut().zip(row) {
                    // ITU-R BT.601: 16 to 235 become 0 to 255.
                    *o = ((i32::from(*p) - 16) * 255 + 109).div_euclid(219).clamp(0, 255) as u8;
                }
            }
        }
        PixelFormat::Nv12 | PixelFormat::Nv21 | PixelFormat::I420 => {
            out.resize(3 * pixels, 0);
            convert_yuv(image, window, colour, out, scratch)?;
        }
        PixelFormat::Rgb8 | PixelFormat::Rgba8 | PixelFormat::Bgra8 if !gray => {
            return Ok(Packed { bytes: packed(image, window, channels, out), channels, order });
        }
        PixelFormat::Rgb8 => luma_rows::<3>(image, window, order, out),
        PixelFormat::Rgba8 | PixelFormat::Bgra8 => luma_rows::<4>(image, window, order, out),
        _ => return Err(InputFault::Kind),
    }
    Ok(Packed { bytes: out, channels, order })
}

/// Rows of the first plane within the window; a pixel has so many bytes.
fn rows<'a>(image: &Image<'a>, window: Window, pixel: usize) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let plane = image.planes[0];
    let (x, y, w) = (window.x as usize * pixel, window.y as usize, window.width as usize * pixel);
    (y..y + window.height as usize).map(move |row| &plane.data[row * plane.row_stride + x..][..w])
}

/// The window's bytes as they are: the buffer's own where its rows follow each other, else copied.
fn packed<'a>(image: &Image<'a>, window: Window, pixel: usize, out: &'a mut Vec<u8>) -> &'a [u8] {
    let (plane, row) = (image.planes[0], window.width as usize * pixel);
    if row == plane.row_stride {
        return &plane.data[window.y as usize * row..][..window.height as usize * row];
    }
    out.clear();
    rows(image, window, pixel).for_each(|row| out.extend_from_slice(row));
    out
}

/// Brightness of colours.
fn luma_rows<const N: usize>(image: &Image<'_>, window: Window, [r, g, b]: [usize; 3], out: &mut Vec<u8>) {
    out.clear();
    for row in rows(image, window, N) {
        out.extend(row.as_chunks::<N>().0.iter().map(|p| {
            // ITU-R BT.601 weights in 16 bits, as Pillow rounds them.
            let sum = 19_595 * u32::from(p[r]) + 38_470 * u32::from(p[g]) + 7_471 * u32::from(p[b]);
            ((sum + 0x8000) >> 16) as u8
        }));
    }
}

/// Converts the window of a YUV buffer to RGB.
///
/// The conversion wants planes of whole strides, neither less nor more, and camera buffers end at the last pixel: so
/// the last one or two rows go through a copy.
fn convert_yuv(
    image: &Image<'_>,
    window: Window,
    colour: Colour,
    out: &mut [u8],
    last: &mut Vec<u8>,
) -> Result<(), InputFault> {
    let (width, height) = (window.width as usize, window.height as usize);
    let above = (height - 1) & !1;
    let (rgb_above, rgb_last) = out.split_at_mut(3 * width * above);
    let bytes = |plane: usize, row: usize, length: usize| {
        let half = usize::from(plane > 0);
        let x = if image.format == PixelFormat::I420 { window.x as usize >> half } else { window.x as usize };
        let at = ((window.y as usize >> half) + row) * image.planes[plane].row_stride + x;
        // `check` has bounded strides and lengths.
        image.planes[plane].data.get(at..at.saturating_add(length)).ok_or(InputFault::Planes)
    };
    let planes = image.format.planes();
    let mut source = Planes { data: [&[]; 3], strides: [0; 3], width, height: above };
    if above > 0 {
        for plane in 0..planes {
            let stride = image.planes[plane].row_stride;
            source.data[plane] = bytes(plane, 0, stride * (above >> usize::from(plane > 0)))?;
            source.strides[plane] = stride;
        }
        source.convert(image.format, colour, rgb_above)?;
    }
    last.clear();
    source.height = height - above;
    let chroma = if image.format == PixelFormat::I420 { width.div_ceil(2) } else { 2 * width.div_ceil(2) };
    source.strides = [width, chroma, chroma];
    for row in above..height {
        last.extend_from_slice(bytes(0, row, width)?);
    }
    for plane in 1..planes {
        last.extend_from_slice(bytes(plane, above / 2, chroma)?);
    }
    let (luma, rest) = last.split_at(source.height * width);
    let (u, v) = rest.split_at(chroma);
    source.data = [luma, u, v];
    source.convert(image.format, colour, rgb_last)
}

/// Planes of whole strides.
struct Planes<'a> {
    data: [&'a [u8]; 3],
    strides: [usize; 3],
    width: usize,
    height: usize,
}

impl Planes<'_> {
    fn convert(&self, format: PixelFormat, colour: Colour, out: &mut [u8]) -> Result<(), InputFault> {
        let range = match colour.range {
            ColorRange::Full => YuvRange::Full,
            ColorRange::Limited => YuvRange::Limited,
        };
        let matrix = match colour.matrix {
            ColorMatrix::Bt709 => YuvStandardMatrix::Bt709,
            ColorMatrix::Bt601 => YuvStandardMatrix::Bt601,
        };
        let [y_plane, u_plane, v_plane] = self.data;
        let [y_stride, u_stride, v_stride] = self.strides.map(|s| s as u32);
        let (width, height) = (self.width as u32, self.height as u32);
        let done = if format == PixelFormat::I420 {
            let planes =
                YuvPlanarImage { y_plane, y_stride, u_plane, u_stride, v_plane, v_stride, width, height };
            yuv420_to_rgb(&planes, out, 3 * width, range, matrix)
        } else {
            let (uv_plane, uv_stride) = (u_plane, u_stride);
            let planes = YuvBiPlanarImage { y_plane, y_stride, uv_plane, uv_stride, width, height };
            let convert = if format == PixelFormat::Nv12 { yuv_nv12_to_rgb } else { yuv_nv21_to_rgb };
            convert(&planes, out, 3 * width, range, matrix, YuvConversionMode::Balanced)
        };
        done.map_err(|_| InputFault::Planes)
    }
}
