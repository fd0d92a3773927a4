//! Raw video in YUV4MPEG2 files and pipes.
//! **Invariant:** what comes out is 8-bit I420, whatever subsampling and depth went in.
//! It does not interlace: fields are taken as frames.

use std::{
    fs::File,
    io::{BufReader, Cursor, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use inbetween_flow::{PixelFormat, Rotation, Timestamp};
use y4m::{Colorspace, Decoder, Error, Limits};

use super::{Frames, MAX_SIDE, Picture, VideoError};

/// Longest header line that the format's own tools write.
const MAX_HEADER: usize = 1024;
/// One 16-bit 4:4:4 frame of 16384 × 16384 would be 1.6 GB; a quarter of a gigabyte covers 8K in 4:2:0 with 10 bits.
const LIMITS: Limits = Limits { bytes: 256 << 20 };

/// Counts bytes, so that a file that ends inside a frame is told from one that ends after it.
struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.bytes.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

pub(super) fn open(path: &Path) -> Result<Frames, VideoError> {
    let file = File::open(path).map_err(|source| VideoError::Read { path: path.into(), source })?;
    Ok(Box::new(Y4m::new(path, BufReader::with_capacity(1 << 20, file))?))
}

/// The frames of one stream.
pub(super) struct Y4m<R: Read> {
    path: PathBuf,
    decoder: Decoder<std::io::Chain<Cursor<Vec<u8>>, Counted<R>>>,
    bytes: Arc<AtomicU64>,
    rate: (u64, u64),
    next: u64,
}

impl<R: Read> Y4m<R> {
    pub(super) fn new(path: &Path, mut reader: R) -> Result<Self, VideoError> {
        let damaged = |what: String| VideoError::Damaged { path: path.into(), what };
        let header = header(&mut reader).map_err(|e| damaged(e.into()))?;
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = Counted { inner: reader, bytes: Arc::clone(&bytes) };
        let decoder =
            Decoder::new_with_limits(Cursor::new(header).chain(counted), LIMITS).map_err(|e| match e {
                Error::UnknownColorspace => {
                    VideoError::Pixels { path: path.into(), what: "an unknown colour space".into() }
                }
                e => damaged(format!("its header cannot be read ({e})")),
            })?;
        let rate = decoder.get_framerate();
        let (num, den) = if rate.num == 0 || rate.den == 0 { (25, 1) } else { (rate.num, rate.den) };
        if num > 1_000_000_000 || den > 1_000_000_000 {
            return Err(damaged(format!("its header states {num}/{den} frames a second")));
        }
        Ok(Self { path: path.into(), decoder, bytes, rate: (num as u64, den as u64), next: 0 })
    }

    fn read(&mut self) -> Result<Option<Picture>, VideoError> {
        let (w, h) = (self.decoder.get_width(), self.decoder.get_height());
        let space = self.decoder.get_colorspace();
        let depth = self.decoder.get_bit_depth();
        let before = self.bytes.load(Ordering::Relaxed);
        let frame = match self.decoder.read_frame() {
            Ok(frame) => frame,
            Err(Error::EOF) if self.bytes.load(Ordering::Relaxed) == before => return Ok(None),
            Err(e) => {
                let what = match e {
                    Error::EOF => "the file ends inside it".into(),
                    e => e.to_string(),
                };
                return Err(VideoError::Frame { path: self.path.clone(), frame: self.next, what });
            }
        };
        let mut data = Vec::with_capacity(w * h * 3 / 2 + w + h + 2);
        plane(frame.get_y_plane(), (w, h), (1, 1), depth, &mut data);
        let (half_w, half_h) = (w.div_ceil(2), h.div_ceil(2));
        let (chroma, step) = match space {
            Colorspace::Cmono | Colorspace::Cmono12 => (None, (1, 1)),
            Colorspace::C422 | Colorspace::C422p10 | Colorspace::C422p12 => (Some((half_w, h)), (1, 2)),
            Colorspace::C444 | Colorspace::C444p10 | Colorspace::C444p12 => (Some((w, h)), (2, 2)),
            _ => (Some((half_w, half_h)), (1, 1)),
        };
        match chroma {
            None => data.resize(data.len() + 2 * half_w * half_h, 128),
            Some(size) => {
                plane(frame.get_u_plane(), size, step, depth, &mut data);
                plane(frame.get_v_plane(), size, step, depth, &mut data);
            }
        }
        let (num, den) = self.rate;
        let nanos = u128::from(self.next) * u128::from(den) * 1_000_000_000 / u128::from(num);
        self.next += 1;
        Ok(Some(Picture {
            captured: Timestamp::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)),
            format: PixelFormat::I420,
            width: w as u32,
            height: h as u32,
            rotation: Rotation::None,
            data,
        }))
    }
}

impl<R: Read> Iterator for Y4m<R> {
    type Item = Result<Picture, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// Reads the header line and refuses sizes whose products would overflow further on.
fn header(reader: &mut impl Read) -> Result<Vec<u8>, &'static str> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < MAX_HEADER {
        reader.read_exact(&mut byte).map_err(|_| "its header does not end")?;
        line.extend(byte);
        if byte == [b'\n'] {
            let side = |token: &[u8]| {
                std::str::from_utf8(token).ok().and_then(|s| s.parse::<u32>().ok()).filter(|&s| s <= MAX_SIDE)
            };
            for token in line.trim_ascii_end().split(|&b| b == b' ').skip(1) {
                if let [b'W' | b'H', digits @ ..] = token
                    && side(digits).is_none()
                {
                    return Err("its header states a size that is not between 1 and 16384");
                }
            }
            return Ok(line);
        }
    }
    Err("its header does not end")
}

/// Appends a plane with every `step`th sample, brought to 8 bits.
fn plane(data: &[u8], (w, h): (usize, usize), (sx, sy): (usize, usize), depth: usize, out: &mut Vec<u8>) {
    let bytes = if depth > 8 { 2 } else { 1 };
    if bytes == 1 && (sx, sy) == (1, 1) {
        out.extend_from_slice(data);
        return;
    }
    for row in data.chunks_exact(w * bytes).take(h).step_by(sy) {
        if bytes == 1 {
            out.extend(row.iter().step_by(sx));
        } else {
            out.extend(
                row.chunks_exact(2)
                    .step_by(sx)
                    .map(|b| (u16::from_le_bytes([b[0], b[1]]) >> (depth - 8)).min(255) as u8),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(params: &str, frames: &[Vec<u8>]) -> Vec<u8> {
        let mut out = format!("YUV4MPEG2 {params}\n").into_bytes();
        for frame in frames {
            out.extend_from_slice(b"FRAME\n");
            out.extend_from_slice(frame);
        }
        out
    }

    fn decode(bytes: Vec<u8>) -> Result<Vec<Picture>, VideoError> {
        Y4m::new(Path::new("test.y4m"), Cursor::new(bytes))?.collect()
    }

    #[test]
    fn frames_come_with_the_times_of_the_stated_rate() {
        let frames: Vec<Vec<u8>> = (0..3_u8).map(|i| vec![i; 4 * 2 + 2 + 2]).collect();
        let pictures = decode(stream("W4 H2 F30000:1001 C420", &frames)).unwrap();
        assert_eq!(pictures.len(), 3);
        assert_eq!(pictures[2].captured.as_nanos(), 66_733_333);
        assert_eq!(pictures[2].data, vec![2; 12]);
    }

    #[test]
    fn other_subsamplings_and_depths_become_i420() {
        let full: Vec<u8> = (0..24).collect(); // 4 × 2, three full planes
        let p = &decode(stream("W4 H2 F25:1 C444", &[full])).unwrap()[0];
        assert_eq!(p.data, [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 16, 18]);
        let grey = &decode(stream("W3 H1 F25:1 Cmono", &[vec![9, 8, 7]])).unwrap()[0];
        assert_eq!(grey.data, [9, 8, 7, 128, 128, 128, 128]);
        let deep: Vec<u8> = [1020_u16, 4, 8, 512, 516, 520].iter().flat_map(|v| v.to_le_bytes()).collect();
        let p = &decode(stream("W2 H2 F25:1 C420p10", &[deep])).unwrap()[0];
        assert_eq!(p.data, [255, 1, 2, 128, 129, 130]);
    }

    #[test]
    fn a_file_that_ends_inside_a_frame_says_which() {
        let mut bytes = stream("W4 H2 F30:1 C420", &[vec![0; 12], vec![1; 12]]);
        bytes.truncate(bytes.len() - 5);
        let e = decode(bytes).unwrap_err().to_string();
        assert!(e.contains("frame 1 of test.y4m") && e.contains("ends inside"), "{e}");
    }

    #[test]
    fn hostile_headers_are_refused() {
        for params in [
            "W99999 H99999",
            "W4294967296 H4294967296",
            "W0 H4",
            "H4",
            "Wx H4",
            "W-4 H4",
            "W4 H4 F9",
            "W4 H4 Cpink",
        ] {
            assert!(decode(stream(params, &[])).is_err(), "{params}");
        }
        assert!(decode(vec![b'Y'; 5000]).is_err());
        assert!(decode(stream("W16384 H16384 C444p12", &[])).is_err(), "a frame over the limit");
    }
}
