//! A folder of numbered images as a video.
//! **Invariant:** the order is that of the numbers in the names, so `2.png` comes before `10.png`.
//! It does not look into folders within the folder.

use std::path::{Path, PathBuf};

use image::ImageReader;
use inbetween_flow::{PixelFormat, Rotation, Timestamp};

use super::{Frames, MAX_SIDE, Picture, VideoError};

/// The images of a folder in order.
pub(super) fn list(path: &Path) -> Result<Vec<PathBuf>, VideoError> {
    let read = |source| VideoError::Read { path: path.into(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(read)? {
        let file = entry.map_err(read)?.path();
        let extension = file.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        if matches!(extension.as_str(), "png" | "jpg" | "jpeg") {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(VideoError::Damaged {
            path: path.into(),
            what: "it is a folder without .png or .jpg files".into(),
        });
    }
    files.sort_by_cached_key(|f| natural(&f.file_name().unwrap_or_default().to_string_lossy()));
    Ok(files)
}

/// A key that sorts runs of digits by value.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut parts = vec![(String::new(), 0_u64)];
    let mut in_digits = false;
    for c in name.chars() {
        let digit = c.to_digit(10);
        if digit.is_none() && in_digits {
            parts.push((String::new(), 0));
        }
        in_digits = digit.is_some();
        if let Some((text, number)) = parts.last_mut() {
            match digit {
                Some(d) => *number = number.saturating_mul(10).saturating_add(u64::from(d)),
                None => text.push(c),
            }
        }
    }
    parts
}

pub(super) fn open(path: &Path, rate: f64) -> Result<Frames, VideoError> {
    let files = list(path)?;
    Ok(Box::new(files.into_iter().enumerate().map(move |(i, file)| {
        let captured = Timestamp::from_nanos((i as f64 * 1e9 / rate).round() as u64);
        let damaged = |e: image::ImageError| VideoError::Damaged { path: file.clone(), what: e.to_string() };
        let mut reader = ImageReader::open(&file)
            .and_then(ImageReader::with_guessed_format)
            .map_err(|source| VideoError::Read { path: file.clone(), source })?;
        let mut limits = image::Limits::default();
        limits.max_image_width = Some(MAX_SIDE);
        limits.max_image_height = Some(MAX_SIDE);
        reader.limits(limits);
        let rgb = reader.decode().map_err(damaged)?.into_rgb8();
        let (width, height) = rgb.dimensions();
        Ok(Picture {
            captured,
            format: PixelFormat::Rgb8,
            width,
            height,
            rotation: Rotation::None,
            data: rgb.into_raw(),
        })
    })))
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn numbers_sort_by_value() {
        let mut names = ["a10.png", "a9.png", "a0010b2.png", "a.png", "b1.png"];
        names.sort_by_key(|n| natural(n));
        assert_eq!(names, ["a9.png", "a10.png", "a0010b2.png", "a.png", "b1.png"]);
    }
}
