//! Stills of a video: chosen when everything is known, decoded once more.
//! **Invariant:** eight moments lie evenly; up to four more are violations.
//! It does not keep decoded frames during the run.

use image::{RgbImage, imageops};
use inbetween::{PixelFormat, Rect, Rotation};
use inbetween_sim::Report as Detail;
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix};

use super::{compare::dot, log::Log, truth::EveryFrame};
use crate::{
    film::{jpeg, marks},
    session::Still,
    video::{Picture, VideoError},
};

const PLANNED: usize = 8;
const VIOLATIONS: usize = 4;

/// Takes the stills of the engine's session; with `points`, boxes stand for points and are drawn as dots.
///
/// # Errors
/// When the video cannot be decoded again.
pub fn take(
    frames: impl Iterator<Item = Result<Picture, VideoError>>,
    log: &Log,
    report: &Detail,
    truth: &EveryFrame,
    size: (u32, u32),
    points: bool,
) -> Result<Vec<Still>, VideoError> {
    let refreshes = &report.timeline.refreshes;
    let mut chosen: Vec<usize> =
        (0..PLANNED).map(|i| (2 * i + 1) * refreshes.len() / (2 * PLANNED)).collect();
    let violations: Vec<usize> = (0..refreshes.len()).filter(|&i| refreshes[i].fault.is_some()).collect();
    chosen.extend((0..VIOLATIONS).filter_map(|i| violations.get(i * violations.len() / VIOLATIONS)));
    chosen.retain(|&i| i < refreshes.len());
    chosen.sort_unstable();
    chosen.dedup();
    let whole = Rect::new(0.0, 0.0, size.0 as f32, size.1 as f32);
    let mut stills = Vec::new();
    let mut chosen = chosen.into_iter().peekable();
    for (number, picture) in frames.enumerate() {
        let picture = picture?;
        let mut seen = None;
        while let Some(i) = chosen.next_if(|&i| truth.frame_at(log.answers[i].display) <= number) {
            let Some(jpeg) = seen.get_or_insert_with(|| upright(&picture).and_then(|p| jpeg(&p))).clone()
            else {
                continue;
            };
            let answered = &log.answers[i];
            let mut now = Vec::new();
            truth.at(answered.display, &whole, &mut now);
            stills.push(Still {
                jpeg,
                width: size.0,
                height: size.1,
                truth: marks(now.iter().map(|t| (dot(t.bounds, points), None))),
                answer: marks(
                    answered
                        .boxes
                        .iter()
                        .flatten()
                        .map(|b| (dot(b.bounds, points), b.identity.filter(|_| !points))),
                ),
                refresh: refreshes[i],
                plan: log.frames.get(number).copied(),
            });
        }
        if chosen.peek().is_none() {
            break;
        }
    }
    Ok(stills)
}

/// A picture as upright red, green, blue.
fn upright(picture: &Picture) -> Option<RgbImage> {
    let (w, h) = (picture.width, picture.height);
    let rgb = match picture.format {
        PixelFormat::Rgb8 => picture.data.clone(),
        PixelFormat::I420 => {
            let image = picture.image();
            let [y, u, v] = image.planes;
            let planar = YuvPlanarImage {
                y_plane: y.data,
                y_stride: y.row_stride as u32,
                u_plane: u.data,
                u_stride: u.row_stride as u32,
                v_plane: v.data,
                v_stride: v.row_stride as u32,
                width: w,
                height: h,
            };
            let mut rgb = vec![0; 3 * w as usize * h as usize];
            yuv::yuv420_to_rgb(&planar, &mut rgb, 3 * w, YuvRange::Limited, YuvStandardMatrix::Bt601).ok()?;
            rgb
        }
        _ => return None,
    };
    let picture_rgb = RgbImage::from_raw(w, h, rgb)?;
    Some(match picture.rotation {
        Rotation::None => picture_rgb,
        Rotation::Cw90 => imageops::rotate90(&picture_rgb),
        Rotation::Cw180 => imageops::rotate180(&picture_rgb),
        Rotation::Cw270 => imageops::rotate270(&picture_rgb),
    })
}
