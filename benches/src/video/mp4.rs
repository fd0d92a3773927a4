//! H.264 in mp4, with nothing installed: re_mp4 reads the container, openh264 the pictures.
//! **Invariant:** pictures leave in display order with the container's presentation times.
//! It does not decode other codecs, sound, or fragmented streams that are still being written.

use std::{
    collections::VecDeque,
    io::{self, Cursor, Read, Seek, SeekFrom},
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use inbetween_flow::{PixelFormat, Rotation, Timestamp};
use openh264::{
    OpenH264API,
    decoder::{DecodedYUV, Decoder, DecoderConfig, Flush},
    formats::YUVSource,
};
use re_mp4::{Mp4, Sample, StsdBoxContent};

use super::{Frames, MAX_SIDE, Picture, VideoError, read};

/// What is needed of a container.
struct Track {
    samples: Vec<Sample>,
    parameters: Vec<u8>,
    length_bytes: usize,
    rotation: Rotation,
}

pub(super) fn frame_count(path: &Path) -> Result<u64, VideoError> {
    Ok(track(path, &read(path)?)?.samples.len() as u64)
}

pub(super) fn open(path: &Path) -> Result<Frames, VideoError> {
    let bytes = read(path)?;
    let Track { samples, parameters, length_bytes, rotation } = track(path, &bytes)?;
    let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
    let decoder = Decoder::with_api_config(OpenH264API::from_source(), config)
        .map_err(|e| VideoError::Damaged { path: path.into(), what: e.to_string() })?;
    // The decoder gives pictures in display order, so the times are handed out in rising order.
    let mut times: Vec<Timestamp> = samples.iter().map(presentation).collect();
    times.sort_unstable();
    let mut samples = VecDeque::from(samples);
    samples.make_contiguous().sort_by_key(|s| s.decode_timestamp);
    Ok(Box::new(Mp4Frames {
        path: path.into(),
        bytes,
        samples,
        times: times.into(),
        packet: parameters,
        length_bytes,
        rotation,
        decoder,
        ready: VecDeque::new(),
        decoded: 0,
        flushed: false,
    }))
}

fn presentation(sample: &Sample) -> Timestamp {
    let units = u128::try_from(sample.composition_timestamp.max(0)).unwrap_or(0);
    let nanos = units * 1_000_000_000 / u128::from(sample.timescale.max(1));
    Timestamp::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Finds the first H.264 track.
fn track(path: &Path, bytes: &[u8]) -> Result<Track, VideoError> {
    let damaged = |what: String| VideoError::Damaged { path: path.into(), what };
    // re_mp4 0.5.1 indexes its tables without checks: a file whose tables contradict each other makes it panic.
    let reader = || Metered { inner: Cursor::new(bytes), left: 8 * bytes.len() as u64 + 100_000 };
    let mp4 = catch_unwind(|| Mp4::read(reader(), bytes.len() as u64))
        .map_err(|_| damaged("its tables contradict each other".into()))?
        .map_err(|e| damaged(e.to_string()))?;
    let mut found = Vec::new();
    for trak in &mp4.moov.traks {
        let stsd = &trak.mdia.minf.stbl.stsd;
        let StsdBoxContent::Avc1(avc) = &stsd.contents else {
            found.extend(stsd.contents.codec_string());
            continue;
        };
        if u32::from(avc.width.max(avc.height)) > MAX_SIDE || avc.width == 0 || avc.height == 0 {
            return Err(damaged(format!("it states a size of {}x{}", avc.width, avc.height)));
        }
        let Some(track) = mp4.tracks().get(&trak.tkhd.track_id) else { continue };
        let avcc = &avc.avcc.contents;
        let mut parameters = Vec::new();
        for unit in avcc.sequence_parameter_sets.iter().chain(&avcc.picture_parameter_sets) {
            parameters.extend_from_slice(&START_CODE);
            parameters.extend_from_slice(&unit.bytes);
        }
        let m = &trak.tkhd.matrix;
        return Ok(Track {
            samples: track.samples.clone(),
            parameters,
            length_bytes: usize::from(avcc.length_size_minus_one & 3) + 1,
            rotation: rotation([m.a, m.b, m.c, m.d]),
        });
    }
    let found = if found.is_empty() { "no video".into() } else { found.join(", ") };
    Err(VideoError::Codec { path: path.into(), found })
}

/// A reader that gives up: re_mp4 0.5.1 walks in circles where a nested box states a size of nothing.
struct Metered<'a> {
    inner: Cursor<&'a [u8]>,
    left: u64,
}

impl Metered<'_> {
    fn pay(&mut self, cost: usize) -> io::Result<()> {
        self.left = self
            .left
            .checked_sub(cost as u64 + 1)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "its boxes lead in circles"))?;
        Ok(())
    }
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.pay(n)?;
        Ok(n)
    }
}

impl Seek for Metered<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.pay(0)?;
        self.inner.seek(to)
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        self.inner.stream_position()
    }
}

/// The quarter turn of a track's matrix (ISO/IEC 14496-12, 6.2.2); other matrices are taken as upright.
fn rotation(matrix: [i32; 4]) -> Rotation {
    match matrix.map(i32::signum) {
        [0, 1, -1, 0] => Rotation::Cw90,
        [-1, 0, 0, -1] => Rotation::Cw180,
        [0, -1, 1, 0] => Rotation::Cw270,
        _ => Rotation::None,
    }
}

/// What separates NAL units in a byte stream (ITU-T H.264, annex B).
const START_CODE: [u8; 4] = [0, 0, 0, 1];

struct Mp4Frames {
    path: PathBuf,
    bytes: Vec<u8>,
    samples: VecDeque<Sample>,
    times: VecDeque<Timestamp>,
    packet: Vec<u8>,
    length_bytes: usize,
    rotation: Rotation,
    decoder: Decoder,
    ready: VecDeque<Picture>,
    decoded: u64,
    flushed: bool,
}

impl Mp4Frames {
    fn error(&self, what: &str) -> VideoError {
        VideoError::Frame { path: self.path.clone(), frame: self.decoded, what: what.into() }
    }

    /// Appends a sample to `packet`, its length prefixes turned into start codes.
    fn unpack(&mut self, sample: &Sample) -> Result<(), VideoError> {
        let end = sample.offset.checked_add(sample.size);
        let range = sample.offset as usize..end.unwrap_or(u64::MAX) as usize;
        let Some(mut data) = self.bytes.get(range) else {
            return Err(self.error("it lies outside the file; is the download complete?"));
        };
        while !data.is_empty() {
            let Some((prefix, rest)) = data.split_at_checked(self.length_bytes) else {
                return Err(self.error("a unit's length is cut off"));
            };
            let length = prefix.iter().fold(0_usize, |n, &b| n << 8 | usize::from(b));
            let Some((unit, rest)) = rest.split_at_checked(length) else {
                return Err(self.error("a unit is longer than its sample"));
            };
            self.packet.extend_from_slice(&START_CODE);
            self.packet.extend_from_slice(unit);
            data = rest;
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<Option<Picture>, VideoError> {
        loop {
            if let Some(picture) = self.ready.pop_front() {
                return Ok(Some(picture));
            }
            let Some(sample) = self.samples.pop_front() else {
                if std::mem::replace(&mut self.flushed, true) {
                    return Ok(None);
                }
                let rest = self.decoder.flush_remaining();
                let rest: Result<Vec<_>, _> = rest
                    .map_err(|e| e.to_string())
                    .and_then(|r| r.iter().map(|yuv| copy(yuv, &mut self.times, self.rotation)).collect());
                self.ready.extend(rest.map_err(|e| self.error(&e))?);
                continue;
            };
            self.unpack(&sample)?;
            let decoded = self.decoder.decode(&self.packet);
            let picture = match decoded {
                Ok(Some(yuv)) => Some(copy(&yuv, &mut self.times, self.rotation)),
                Ok(None) => None,
                Err(e) => Some(Err(e.to_string())),
            };
            self.packet.clear();
            if let Some(picture) = picture {
                self.ready.push_back(picture.map_err(|e| self.error(&e))?);
            }
            self.decoded += 1;
        }
    }
}

/// Copies a decoded picture without its padding.
fn copy(
    yuv: &DecodedYUV<'_>,
    times: &mut VecDeque<Timestamp>,
    rotation: Rotation,
) -> Result<Picture, String> {
    let (w, h) = yuv.dimensions();
    let (stride_y, stride_u, stride_v) = yuv.strides();
    let captured = times.pop_front().ok_or("there are more pictures than times")?;
    let mut data = Vec::with_capacity(w * h * 3 / 2 + w + h);
    let planes = [
        (yuv.y(), stride_y, w, h),
        (yuv.u(), stride_u, w.div_ceil(2), h.div_ceil(2)),
        (yuv.v(), stride_v, w.div_ceil(2), h.div_ceil(2)),
    ];
    for (plane, stride, row, rows) in planes {
        for y in 0..rows {
            data.extend_from_slice(plane.get(y * stride..y * stride + row).ok_or("a plane is too short")?);
        }
    }
    Ok(Picture { captured, format: PixelFormat::I420, width: w as u32, height: h as u32, rotation, data })
}

impl Iterator for Mp4Frames {
    type Item = Result<Picture, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}
