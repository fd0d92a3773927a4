//! Everything else, by an installed ffmpeg that writes y4m into a pipe.
//! **Invariant:** the child process ends with the iterator; its last words are in the error when it fails.
//! It does not ship or fetch ffmpeg.

use std::{
    io::{BufReader, Read},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    thread::JoinHandle,
};

use super::{Frames, Picture, VideoError, y4m::Y4m};

/// Whether an `ffmpeg` can be started.
pub(super) fn installed() -> bool {
    Command::new("ffmpeg")
        .arg("-version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

pub(super) fn open(path: &Path) -> Result<Frames, VideoError> {
    let mut input = std::ffi::OsString::from("file:"); // a name with a colon is not a protocol
    input.push(path);
    let started = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(input)
        .args(["-map", "0:v:0", "-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe", "-"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(VideoError::NeedsFfmpeg { path: path.into() });
        }
        Err(source) => return Err(VideoError::Read { path: path.into(), source }),
    };
    let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(VideoError::Ffmpeg { path: path.into(), said: "its output cannot be read".into() });
    };
    let words = std::thread::spawn(move || {
        let mut said = String::new();
        let _ = stderr.read_to_string(&mut said);
        said
    });
    let mut frames = FfmpegFrames { path: path.into(), child, words: Some(words), frames: None };
    match Y4m::new(path, BufReader::with_capacity(1 << 20, stdout)) {
        Ok(y4m) => frames.frames = Some(y4m),
        Err(e) => return Err(frames.verdict().unwrap_or(e)),
    }
    Ok(Box::new(frames))
}

struct FfmpegFrames {
    path: std::path::PathBuf,
    child: Child,
    words: Option<JoinHandle<String>>,
    frames: Option<Y4m<BufReader<ChildStdout>>>,
}

impl FfmpegFrames {
    /// Waits for the end and says what went wrong, if something did.
    fn verdict(&mut self) -> Option<VideoError> {
        let status = self.child.wait();
        let said = self.words.take()?.join().unwrap_or_default();
        if status.is_ok_and(|s| s.success()) {
            return None;
        }
        let said = said.lines().last().unwrap_or("it gave no reason").to_owned();
        Some(VideoError::Ffmpeg { path: self.path.clone(), said })
    }
}

impl Iterator for FfmpegFrames {
    type Item = Result<Picture, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.frames.as_mut()?.next() {
            Some(Ok(picture)) => Some(Ok(picture)),
            end => {
                self.frames = None;
                self.verdict().map(Err).or(end)
            }
        }
    }
}

impl Drop for FfmpegFrames {
    fn drop(&mut self) {
        self.frames = None; // closes the pipe first
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
