//! Moving pictures as frames with capture times: y4m, H.264 in mp4, folders of images, anything else by ffmpeg.
//! **Invariant:** every picture of one video has the same size and layout, and capture times strictly rise.
//! It does not keep a video in memory: each pass opens the file again and decodes as it goes.

mod error;
mod ffmpeg;
mod folder;
mod mp4;
mod y4m;

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

pub use error::VideoError;
use inbetween_flow::{Frame, Image, PixelFormat, Rotation, Timestamp};

/// The largest side that is decoded: what the SDK's own frame contract accepts.
pub const MAX_SIDE: u32 = 16_384;

/// One decoded frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// When it was sensed, counted from the first frame.
    pub captured: Timestamp,
    /// Layout of `data`.
    pub format: PixelFormat,
    /// Buffer width in pixels.
    pub width: u32,
    /// Buffer height in pixels.
    pub height: u32,
    /// The turn that makes the buffer upright (phones film sideways and say so in the file).
    pub rotation: Rotation,
    /// Planes one after the other, without padding.
    pub data: Vec<u8>,
}

impl Picture {
    /// This picture as the SDK takes it.
    pub fn image(&self) -> Image<'_> {
        Image::packed(self.format, self.width, self.height, &self.data).rotated(self.rotation)
    }

    /// This picture with its capture time.
    pub fn frame(&self) -> Frame<'_> {
        Frame::image(self.captured, self.image())
    }
}

/// The frames of a video in display order.
pub type Frames = Box<dyn Iterator<Item = Result<Picture, VideoError>> + Send>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Y4m,
    Mp4,
    Folder,
    Ffmpeg,
}

/// A video that can be decoded as often as needed.
///
/// # Example
/// ```no_run
/// let video = inbetween_bench::video::Video::open("clip.mp4".as_ref(), 30.0)?;
/// for picture in video.frames()? {
///     println!("{:?}", picture?.captured);
/// }
/// # Ok::<(), inbetween_bench::video::VideoError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Video {
    path: PathBuf,
    kind: Kind,
    rate: f64,
    /// How many frames the container says there are, when it does.
    pub declared_frames: Option<u64>,
}

impl Video {
    /// Looks at `path` and finds out how to decode it. `image_rate` is the frame rate of image folders, which state
    /// none.
    ///
    /// # Errors
    /// When the file cannot be read, or needs ffmpeg and ffmpeg is not installed.
    pub fn open(path: &Path, image_rate: f64) -> Result<Self, VideoError> {
        let read = |source| VideoError::Read { path: path.into(), source };
        let (kind, declared_frames) = if std::fs::metadata(path).map_err(read)?.is_dir() {
            (Kind::Folder, Some(folder::list(path)?.len() as u64))
        } else {
            let mut magic = Vec::with_capacity(12);
            File::open(path).map_err(read)?.take(12).read_to_end(&mut magic).map_err(read)?;
            if magic.starts_with(b"YUV4MPEG2 ") {
                (Kind::Y4m, None)
            } else if magic.get(4..8) == Some(b"ftyp") {
                match mp4::frame_count(path) {
                    Ok(count) => (Kind::Mp4, Some(count)),
                    // Another codec in an mp4: ffmpeg may know it.
                    Err(VideoError::Codec { .. }) if ffmpeg::installed() => (Kind::Ffmpeg, None),
                    Err(e) => return Err(e),
                }
            } else if ffmpeg::installed() {
                (Kind::Ffmpeg, None)
            } else {
                return Err(VideoError::NeedsFfmpeg { path: path.into() });
            }
        };
        if !(image_rate.is_finite() && (0.1..=1000.0).contains(&image_rate)) {
            return Err(VideoError::Rate { rate: image_rate });
        }
        Ok(Self { path: path.into(), kind, rate: image_rate, declared_frames })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Decodes it from the start.
    ///
    /// # Errors
    /// When the container cannot be read; frames that cannot be decoded are errors of the iterator, which ends there.
    pub fn frames(&self) -> Result<Frames, VideoError> {
        let frames = match self.kind {
            Kind::Y4m => y4m::open(&self.path)?,
            Kind::Mp4 => mp4::open(&self.path)?,
            Kind::Folder => folder::open(&self.path, self.rate)?,
            Kind::Ffmpeg => ffmpeg::open(&self.path)?,
        };
        Ok(Box::new(Checked { frames, path: self.path.clone(), first: None, last: None, ended: false }))
    }
}

/// Holds every decoder to the module's invariant.
struct Checked {
    frames: Frames,
    path: PathBuf,
    first: Option<(PixelFormat, u32, u32)>,
    last: Option<Timestamp>,
    ended: bool,
}

impl Iterator for Checked {
    type Item = Result<Picture, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.ended {
                return None;
            }
            let picture = match self.frames.next() {
                Some(Ok(p)) => p,
                other => {
                    self.ended = true;
                    return match other {
                        None if self.first.is_none() => {
                            Some(Err(VideoError::Empty { path: self.path.clone() }))
                        }
                        other => other,
                    };
                }
            };
            let shape = (picture.format, picture.width, picture.height);
            let (format, width, height) = *self.first.get_or_insert(shape);
            if shape != (format, width, height) {
                self.ended = true;
                return Some(Err(VideoError::SizeChanged {
                    path: self.path.clone(),
                    at: picture.captured,
                    found: (picture.width, picture.height),
                    first: (width, height),
                }));
            }
            // Containers with edited time tables repeat a time now and then: such a frame was never shown.
            if self.last.is_some_and(|t| picture.captured <= t) {
                continue;
            }
            self.last = Some(picture.captured);
            return Some(Ok(picture));
        }
    }
}

/// Reads a whole file, with the path in the error.
fn read(path: &Path) -> Result<Vec<u8>, VideoError> {
    std::fs::read(path).map_err(|source| VideoError::Read { path: path.into(), source })
}
