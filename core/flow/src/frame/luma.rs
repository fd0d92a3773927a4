//! Read access to the brightness of an image in upright coordinates, whatever its layout.
//! **Invariant:** a `Luma` that could be built can be read at every `x < width`, `y < height` without a bounds panic.
//! It does not copy: rotation and mirroring are signed strides over the host's own bytes.

use super::{Image, PixelFormat, Rotation};

/// Where in a pixel's bytes the brightness comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LumaLayout {
    /// One byte a pixel is the brightness.
    Plane,
    /// Red, green and blue at these byte offsets of each pixel; brightness is (R + 2G + B) / 4.
    Rgb {
        /// Byte offset of red.
        r: u8,
        /// Byte offset of blue. Green is always at 1.
        b: u8,
    },
}

/// A view of an image's brightness, upright.
///
/// # Units
/// Brightness from 0 to 255; coordinates in upright pixels.
#[derive(Clone, Copy, Debug)]
pub struct Luma<'a> {
    data: &'a [u8],
    layout: LumaLayout,
    origin: isize,
    step_x: isize,
    step_y: isize,
    width: u32,
    height: u32,
}

/// A plane of brightness as it lies in memory, and how upright positions map to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raster<'a> {
    /// Rows one after the other, from the lowest address.
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Whether an upright row is a column in memory.
    pub swapped: bool,
    /// Whether upright positions grow against the order in memory, to the right and downwards.
    pub flipped: (bool, bool),
}

impl<'a> Luma<'a> {
    /// The brightness of `image`, or `None` when its first plane is too small for its stated size.
    pub fn of(image: &Image<'a>) -> Option<Self> {
        let plane = image.planes[0];
        let (layout, pixel) = match image.format {
            PixelFormat::Nv12 | PixelFormat::Nv21 | PixelFormat::I420 | PixelFormat::Gray8 => {
                (LumaLayout::Plane, 1)
            }
            PixelFormat::Rgba8 => (LumaLayout::Rgb { r: 0, b: 2 }, 4),
            PixelFormat::Bgra8 => (LumaLayout::Rgb { r: 2, b: 0 }, 4),
            PixelFormat::Rgb8 => (LumaLayout::Rgb { r: 0, b: 2 }, 3),
        };
        let (row, rows) = image.format.plane_size(0, image.width, image.height);
        let needed = plane.row_stride.checked_mul(rows.checked_sub(1)?)?.checked_add(row)?;
        if row == 0 || plane.row_stride < row || plane.data.len() < needed || isize::try_from(needed).is_err()
        {
            return None;
        }
        let (px, stride) = (pixel as isize, plane.row_stride as isize);
        let (last_x, last_y) = ((image.width as isize - 1) * px, (image.height as isize - 1) * stride);
        // Upright (x, y) reads the buffer at origin + x·step_x + y·step_y.
        let (mut origin, mut step_x, step_y) = match image.rotation {
            Rotation::None => (0, px, stride),
            Rotation::Cw90 => (last_y, -stride, px),
            Rotation::Cw180 => (last_x + last_y, -px, -stride),
            Rotation::Cw270 => (last_x, stride, -px),
        };
        let (width, height) = image.upright_size();
        if image.mirror {
            origin += (width as isize - 1) * step_x;
            step_x = -step_x;
        }
        Some(Self { data: plane.data, layout, origin, step_x, step_y, width, height })
    }

    /// Upright width in pixels.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Upright height in pixels.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// Where the brightness comes from.
    pub const fn layout(&self) -> LumaLayout {
        self.layout
    }

    /// The brightness at `(x, y)`; coordinates outside are clamped to the edge.
    #[inline]
    pub fn at(&self, x: u32, y: u32) -> u8 {
        let (x, y) = (x.min(self.width - 1) as isize, y.min(self.height - 1) as isize);
        let at = (self.origin + x * self.step_x + y * self.step_y) as usize;
        match self.layout {
            LumaLayout::Plane => self.data[at],
            LumaLayout::Rgb { r, b } => {
                let of = |i: u8| u16::from(self.data[at + i as usize]);
                ((of(r) + 2 * of(1) + of(b)) / 4) as u8
            }
        }
    }

    /// The plane itself, for layouts that have one.
    pub(crate) fn raster(&self) -> Option<Raster<'a>> {
        let swapped = self.step_x.unsigned_abs() != 1;
        let stride = if swapped { self.step_x } else { self.step_y }.unsigned_abs();
        let flipped = (self.step_x < 0, self.step_y < 0);
        (self.layout == LumaLayout::Plane).then_some(Raster { data: self.data, stride, swapped, flipped })
    }

    /// The `len` brightness bytes from `(x, y)` to the right, when they lie one after the other in memory:
    /// the fast path for upright luma planes. `None` for other layouts and outside the image.
    #[inline]
    pub fn row(&self, x: u32, y: u32, len: u32) -> Option<&'a [u8]> {
        if self.layout != LumaLayout::Plane || self.step_x != 1 || y >= self.height {
            return None;
        }
        if x.checked_add(len)? > self.width {
            return None;
        }
        let at = (self.origin + x as isize + y as isize * self.step_y) as usize;
        self.data.get(at..at + len as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 3 × 2 buffer: 0 1 2 / 3 4 5.
    fn buffer() -> [u8; 6] {
        [0, 1, 2, 3, 4, 5]
    }

    fn read(rotation: Rotation, mirror: bool) -> alloc::vec::Vec<u8> {
        let data = buffer();
        let image = Image::packed(PixelFormat::Gray8, 3, 2, &data).rotated(rotation).mirrored(mirror);
        let luma = Luma::of(&image).unwrap();
        let (w, h) = (luma.width(), luma.height());
        (0..h).flat_map(|y| (0..w).map(move |x| (x, y))).map(|(x, y)| luma.at(x, y)).collect()
    }

    #[test]
    fn rotation_turns_clockwise() {
        assert_eq!(read(Rotation::None, false), [0, 1, 2, 3, 4, 5]);
        assert_eq!(read(Rotation::Cw90, false), [3, 0, 4, 1, 5, 2]);
        assert_eq!(read(Rotation::Cw180, false), [5, 4, 3, 2, 1, 0]);
        assert_eq!(read(Rotation::Cw270, false), [2, 5, 1, 4, 0, 3]);
    }

    #[test]
    fn mirror_flips_the_upright_picture() {
        assert_eq!(read(Rotation::None, true), [2, 1, 0, 5, 4, 3]);
        assert_eq!(read(Rotation::Cw90, true), [0, 3, 1, 4, 2, 5]);
    }

    #[test]
    fn a_raster_maps_every_position_to_its_byte() {
        let data = buffer();
        for (turns, mirror) in (0..4).flat_map(|t| [(t, false), (t, true)]) {
            let rotation = Rotation::from_degrees(90 * turns).unwrap();
            let image = Image::packed(PixelFormat::Gray8, 3, 2, &data).rotated(rotation).mirrored(mirror);
            let luma = Luma::of(&image).unwrap();
            let raster = luma.raster().unwrap();
            for (x, y) in (0..luma.height()).flat_map(|y| (0..luma.width()).map(move |x| (x, y))) {
                let u = if raster.flipped.0 { luma.width() - 1 - x } else { x } as usize;
                let v = if raster.flipped.1 { luma.height() - 1 - y } else { y } as usize;
                let at = if raster.swapped { u * raster.stride + v } else { v * raster.stride + u };
                assert_eq!(raster.data[at], luma.at(x, y), "{turns} {mirror} {x} {y}");
            }
        }
    }

    #[test]
    fn short_planes_are_refused() {
        let data = buffer();
        assert!(Luma::of(&Image::packed(PixelFormat::Gray8, 3, 3, &data)).is_none());
        assert!(Luma::of(&Image::packed(PixelFormat::Gray8, 0, 0, &data)).is_none());
        assert!(Luma::of(&Image::packed(PixelFormat::Gray8, u32::MAX, u32::MAX, &data)).is_none());
    }

    #[test]
    fn colour_pixels_weigh_green_twice() {
        let data = [100_u8, 50, 20, 255];
        let rgba = Image::packed(PixelFormat::Rgba8, 1, 1, &data);
        assert_eq!(Luma::of(&rgba).unwrap().at(0, 0), 55);
        assert!(Luma::of(&rgba).unwrap().row(0, 0, 1).is_none());
    }
}
