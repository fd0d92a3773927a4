//! What can be wrong with a video.
//! **Invariant:** every message names the file and says what to do about it.
//! It does not cover the model's errors: those come from the SDK.

use std::{io, path::PathBuf};

use inbetween_flow::Timestamp;

/// Why a video cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VideoError {
    /// The file system refused.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A kind of file that only ffmpeg decodes, and it is not installed.
    #[error(
        "{} is neither y4m, nor H.264 in mp4, nor a folder of images: install ffmpeg to decode it, or convert it \
         with `ffmpeg -i FILE -pix_fmt yuv420p OUT.y4m`",
        path.display()
    )]
    NeedsFfmpeg {
        /// The file.
        path: PathBuf,
    },
    /// ffmpeg ran and failed.
    #[error("ffmpeg could not decode {}: {said}", path.display())]
    Ffmpeg {
        /// The file.
        path: PathBuf,
        /// Its last words.
        said: String,
    },
    /// The container is damaged or is not what its first bytes say.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// An mp4 without H.264 in it.
    #[error(
        "{} holds {found}, not H.264: install ffmpeg, or convert it with `ffmpeg -i FILE -c:v libx264 OUT.mp4`",
        path.display()
    )]
    Codec {
        /// The file.
        path: PathBuf,
        /// What it holds instead.
        found: String,
    },
    /// One frame cannot be decoded.
    #[error("frame {frame} of {} cannot be decoded: {what}", path.display())]
    Frame {
        /// The file.
        path: PathBuf,
        /// Its place, from 0.
        frame: u64,
        /// What the decoder says.
        what: String,
    },
    /// Pixels that are not understood.
    #[error("{} has {what}: convert it with `ffmpeg -i FILE -pix_fmt yuv420p OUT.y4m`", path.display())]
    Pixels {
        /// The file.
        path: PathBuf,
        /// What is not understood.
        what: String,
    },
    /// Frames of different sizes.
    #[error(
        "{} changes from {}x{} to {}x{} at {:.3} s: split it there",
        path.display(), first.0, first.1, found.0, found.1, at.as_secs_f64()
    )]
    SizeChanged {
        /// The file or folder.
        path: PathBuf,
        /// Where.
        at: Timestamp,
        /// The new size.
        found: (u32, u32),
        /// The size of the first frame.
        first: (u32, u32),
    },
    /// No frame at all.
    #[error("{} has no frames", path.display())]
    Empty {
        /// The file or folder.
        path: PathBuf,
    },
    /// A frame rate that cannot be meant.
    #[error("{rate} frames a second is not possible: give a rate from 0.1 to 1000")]
    Rate {
        /// What was given.
        rate: f64,
    },
}
