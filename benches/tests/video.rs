//! Decoding of real and generated files, and of damaged ones.
//! **Invariant:** every file is made here, by the encoders of the crates that are tested against.
//! It does not need a network or an installed ffmpeg.

#![allow(clippy::unwrap_used, missing_docs)] // helpers of tests may fail as tests do

mod common;

use std::path::{Path, PathBuf};

use inbetween_bench::video::{Picture, Video, VideoError};
use openh264::{
    OpenH264API,
    encoder::{Encoder, EncoderConfig, FrameRate},
    formats::YUVBuffer,
};

const W: usize = 64;
const H: usize = 48;

/// A grey ramp that moves right by 4 pixels a frame.
fn i420(n: usize) -> Vec<u8> {
    let luma = (0..H).flat_map(|_| (0..W).map(move |x| (((x + W - n * 4 % W) % W) * 3 + 20) as u8));
    luma.chain(std::iter::repeat_n(128, W * H / 2)).collect()
}

fn boxed(name: [u8; 4], body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    [&(body.len() as u32 + 8).to_be_bytes(), &name, &body[..]].concat()
}

fn be(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_be_bytes()).collect()
}

/// Splits an annex B stream into units without their start codes.
fn units(stream: &[u8]) -> Vec<Vec<u8>> {
    let starts: Vec<usize> =
        (0..stream.len().saturating_sub(3)).filter(|&i| stream[i..].starts_with(&[0, 0, 1])).collect();
    let unit = |(i, &at): (usize, &usize)| {
        let end = starts.get(i + 1).copied().unwrap_or(stream.len());
        let unit = &stream[at + 3..end];
        unit[..unit.len() - unit.iter().rev().take_while(|&&b| b == 0).count()].to_vec()
    };
    starts.iter().enumerate().map(unit).collect()
}

/// The smallest mp4 that players accept (ISO/IEC 14496-12 and -15), one chunk, 30 frames a second.
fn mp4(frames: usize, matrix: [i32; 4]) -> Vec<u8> {
    let config = EncoderConfig::new().max_frame_rate(FrameRate::from_hz(30.0)).skip_frames(false);
    let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), config).unwrap();
    let (mut sps, mut pps, mut samples) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..frames {
        let stream = encoder.encode(&YUVBuffer::from_vec(i420(n), W, H)).unwrap().to_vec();
        let mut sample = Vec::new();
        for unit in units(&stream) {
            match unit[0] & 31 {
                7 => sps = unit,
                8 => pps = unit,
                _ => sample.extend([&(unit.len() as u32).to_be_bytes()[..], &unit].concat()),
            }
        }
        samples.push(sample);
    }
    let ftyp = boxed(*b"ftyp", &[b"isom", &be(&[512]), b"isomavc1"]);
    let mdat = boxed(*b"mdat", &[&samples.concat()]);
    let unity = [matrix[0], matrix[1], 0, matrix[2], matrix[3], 0, 0, 0, 0x4000_0000].map(|v| v as u32);
    let count = frames as u32;
    let avcc = boxed(
        *b"avcC",
        &[
            &[1, sps[1], sps[2], sps[3], 0xff, 0xe1],
            &(sps.len() as u16).to_be_bytes(),
            &sps,
            &[1],
            &(pps.len() as u16).to_be_bytes(),
            &pps,
        ],
    );
    let size = [&(W as u16).to_be_bytes()[..], &(H as u16).to_be_bytes()].concat();
    let mut entry = [&be(&[0])[..], &[0, 0, 0, 1], &[0; 16], &size].concat();
    entry.extend(
        [&be(&[0x48_0000, 0x48_0000, 0])[..], &[0, 1], &[0; 32], &[0, 24, 0xff, 0xff], &avcc].concat(),
    );
    let sizes: Vec<u32> = samples.iter().map(|s| s.len() as u32).collect();
    let stbl = boxed(
        *b"stbl",
        &[
            &boxed(*b"stsd", &[&be(&[0, 1]), &boxed(*b"avc1", &[&entry])]),
            &boxed(*b"stts", &[&be(&[0, 1, count, 1000])]),
            &boxed(*b"stsc", &[&be(&[0, 1, 1, count, 1])]),
            &boxed(*b"stsz", &[&be(&[0, 0, count]), &be(&sizes)]),
            &boxed(*b"stco", &[&be(&[0, 1, ftyp.len() as u32 + 8])]),
        ],
    );
    let dref = boxed(*b"dref", &[&be(&[0, 1]), &boxed(*b"url ", &[&be(&[1])])]);
    let minf = boxed(*b"minf", &[&boxed(*b"vmhd", &[&be(&[1, 0, 0])]), &boxed(*b"dinf", &[&dref]), &stbl]);
    let mdia = boxed(
        *b"mdia",
        &[
            &boxed(*b"mdhd", &[&be(&[0, 0, 0, 30_000, count * 1000, 0x55c4_0000])]),
            &boxed(*b"hdlr", &[&be(&[0, 0]), b"vide", &be(&[0, 0, 0]), b"v\0"]),
            &minf,
        ],
    );
    let tkhd = boxed(
        *b"tkhd",
        &[
            &be(&[3, 0, 0, 1, 0, count * 33, 0, 0, 0, 0]),
            &be(&unity),
            &be(&[(W << 16) as u32, (H << 16) as u32]),
        ],
    );
    let mvhd = boxed(
        *b"mvhd",
        &[
            &be(&[0, 0, 0, 1000, count * 33, 0x1_0000, 0x100_0000, 0, 0]),
            &be(&[0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000]),
            &be(&[0, 0, 0, 0, 0, 0, 2]),
        ],
    );
    let moov = boxed(*b"moov", &[&mvhd, &boxed(*b"trak", &[&tkhd, &mdia])]);
    [ftyp, mdat, moov].concat()
}

const UPRIGHT: [i32; 4] = [0x1_0000, 0, 0, 0x1_0000];

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn decode(path: &Path) -> Result<Vec<Picture>, VideoError> {
    Video::open(path, 30.0)?.frames()?.collect()
}

fn difference(a: &[u8], b: &[u8]) -> f64 {
    let sum: u64 = a.iter().zip(b).map(|(&a, &b)| u64::from(a.abs_diff(b))).sum();
    sum as f64 / a.len() as f64
}

#[test]
fn mp4_gives_every_frame_in_order_with_its_time() {
    let folder = common::folder("mp4_gives_every_frame_in_order_with_its_time");
    let path = write(&folder, "a.mp4", &mp4(20, UPRIGHT));
    assert_eq!(Video::open(&path, 30.0).unwrap().declared_frames, Some(20));
    let pictures = decode(&path).unwrap();
    assert_eq!(pictures.len(), 20);
    for (n, p) in pictures.iter().enumerate() {
        assert_eq!((p.width as usize, p.height as usize, p.data.len()), (W, H, W * H * 3 / 2));
        assert_eq!(p.captured.as_nanos(), n as u64 * 1_000_000_000 / 30);
        let (own, other) = (difference(&p.data, &i420(n)), difference(&p.data, &i420(n + 3)));
        assert!(own < 6.0 && own * 2.0 < other, "frame {n} is off by {own}, frame {} by {other}", n + 3);
    }
}

#[test]
fn a_sideways_mp4_comes_upright() {
    let folder = common::folder("a_sideways_mp4_comes_upright");
    let path = write(&folder, "a.mp4", &mp4(2, [0, 0x1_0000, -0x1_0000, 0]));
    let pictures = decode(&path).unwrap();
    assert_eq!(pictures[0].image().upright_size(), (H as u32, W as u32));
}

#[test]
fn a_damaged_mp4_gives_an_error_and_never_a_panic() {
    let folder = common::folder("a_damaged_mp4_gives_an_error_and_never_a_panic");
    let good = mp4(6, UPRIGHT);
    for cut in [12, 40, good.len() / 2, good.len() - 30] {
        let e = decode(&write(&folder, "cut.mp4", &good[..cut])).unwrap_err();
        assert!(matches!(e, VideoError::Damaged { .. } | VideoError::Frame { .. }), "{e}");
    }
    // The tables, which come last, with one byte after the other turned over: an error or some pictures.
    let tables = good.len() - 700;
    for at in (tables..good.len()).step_by(3) {
        let mut bytes = good.clone();
        bytes[at] ^= 0xff;
        let _ = decode(&write(&folder, "flip.mp4", &bytes));
    }
}

#[test]
fn image_folders_play_in_the_order_of_their_numbers() {
    let folder = common::folder("image_folders_play_in_the_order_of_their_numbers");
    for (name, grey) in [("f10.png", 10_u8), ("f9.png", 9), ("F11.PNG", 11)] {
        let picture = image::GrayImage::from_pixel(20, 16, image::Luma([grey]));
        picture.save_with_format(folder.join(name), image::ImageFormat::Png).unwrap();
    }
    write(&folder, "notes.txt", b"not an image");
    let video = Video::open(&folder, 50.0).unwrap();
    let pictures: Vec<_> = video.frames().unwrap().map(Result::unwrap).collect();
    assert_eq!(pictures.len(), 3);
    assert_eq!(pictures[1].captured.as_nanos(), 20_000_000);
    let greys: Vec<u8> = pictures.iter().map(|p| p.data[0]).collect();
    assert_eq!(greys, [11, 9, 10], "upper case sorts before lower case, numbers by value");
}

#[test]
fn what_cannot_be_read_says_why_and_what_to_do() {
    let folder = common::folder("what_cannot_be_read_says_why_and_what_to_do");
    let missing = decode(&folder.join("missing.mp4")).unwrap_err().to_string();
    assert!(missing.contains("missing.mp4"), "{missing}");
    let empty = decode(&folder).unwrap_err().to_string();
    assert!(empty.contains("without .png or .jpg"), "{empty}");
    let none = write(&folder, "none.y4m", b"YUV4MPEG2 W16 H16 F30:1\n");
    assert!(matches!(decode(&none), Err(VideoError::Empty { .. })));
    let other = decode(&write(&folder, "a.avi", b"RIFF....AVI LIST")).unwrap_err();
    assert!(matches!(other, VideoError::NeedsFfmpeg { .. } | VideoError::Ffmpeg { .. }), "{other}");
    let rate = Video::open(&none, 0.0).unwrap_err().to_string();
    assert!(rate.contains("0.1 to 1000"), "{rate}");
}

#[test]
fn images_of_two_sizes_are_refused() {
    let folder = common::folder("images_of_two_sizes_are_refused");
    image::GrayImage::new(20, 16).save(folder.join("1.png")).unwrap();
    image::GrayImage::new(24, 16).save(folder.join("2.png")).unwrap();
    let e = decode(&folder).unwrap_err().to_string();
    assert!(e.contains("from 20x16 to 24x16"), "{e}");
}
