//! Preprocessing against Pillow and NumPy: see `reference/make.py`.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on fails, and says what it skipped

mod common;

use inbetween_card::InputSpec;
use inbetween_flow::{Image, PixelFormat, Plane, Point, Rect, Rotation};
use inbetween_infer::{
    ImageStage,
    InputFault::{Planes, Region},
    Pixels,
};
use serde_json::Value;

/// The same bytes as `texture` in make.py.
fn texture(width: usize, height: usize, seed: usize) -> Vec<u8> {
    let at = |x: usize, y: usize| {
        let ramp = 40 + (x * 90) / width + (y * 60) / height;
        (ramp + (x * 31 + y * 17 + x * y * seed) % 41) as u8
    };
    (0..height).flat_map(|y| (0..width).map(move |x| at(x, y))).collect()
}

/// Rows with `padding` bytes of rubbish behind each but the last, as camera buffers have.
fn strided(rows: &[u8], row: usize, padding: usize) -> (Vec<u8>, usize) {
    let mut out = Vec::new();
    for r in rows.chunks_exact(row) {
        out.extend_from_slice(r);
        out.extend(std::iter::repeat_n(0xEE, padding));
    }
    out.truncate(out.len() - padding);
    (out, row + padding)
}

/// The planes of a frame, each with its stride.
fn buffer(format: PixelFormat, width: usize, height: usize) -> Vec<(Vec<u8>, usize)> {
    let (cw, ch) = (width.div_ceil(2), height.div_ceil(2));
    let chroma = || (texture(cw, ch, 5), texture(cw, ch, 7).into_iter().rev().collect::<Vec<u8>>());
    let luma = || strided(&texture(width, height, 3), width, 5);
    let colours = [3, 5, 7].map(|seed| texture(width, height, seed));
    let packed = |order: &[usize]| -> Vec<u8> {
        let byte = |i: usize, c: usize| if c == 3 { 77 } else { colours[c][i] };
        (0..width * height).flat_map(|i| order.iter().map(move |c| byte(i, *c))).collect()
    };
    match format {
        PixelFormat::Gray8 => vec![luma()],
        PixelFormat::Nv12 | PixelFormat::Nv21 => {
            let (u, v) = chroma();
            let pairs: Vec<u8> = u
                .iter()
                .zip(&v)
                .flat_map(|(u, v)| if format == PixelFormat::Nv12 { [*u, *v] } else { [*v, *u] })
                .collect();
            vec![luma(), strided(&pairs, 2 * cw, 6)]
        }
        PixelFormat::I420 => {
            let (u, v) = chroma();
            vec![luma(), strided(&u, cw, 3), strided(&v, cw, 9)]
        }
        PixelFormat::Rgb8 => vec![strided(&packed(&[0, 1, 2]), 3 * width, 2)],
        PixelFormat::Rgba8 => vec![strided(&packed(&[0, 1, 2, 3]), 4 * width, 8)],
        PixelFormat::Bgra8 => vec![strided(&packed(&[2, 1, 0, 3]), 4 * width, 8)],
        other => panic!("{other:?}"),
    }
}

fn format(name: &str) -> PixelFormat {
    match name {
        "nv12" => PixelFormat::Nv12,
        "nv21" => PixelFormat::Nv21,
        "i420" => PixelFormat::I420,
        "rgba8" => PixelFormat::Rgba8,
        "bgra8" => PixelFormat::Bgra8,
        "rgb8" => PixelFormat::Rgb8,
        "gray8" => PixelFormat::Gray8,
        other => panic!("{other}"),
    }
}

/// The stage and the frame of a case; the frame borrows `planes`.
fn stage(case: &Value) -> ImageStage {
    let text = |key: &str| case[key].as_str().unwrap();
    let spec = common::spec(&format!(
        "input = {{ kind = \"image\", width = {}, height = {}, channels = \"{}\", layout = \"{}\", fit = \"{}\", \
         pad = {}, resample = \"{}\", matrix = \"{}\", range = \"{}\", dtype = \"u8\" }}\n\
         head = {{ kind = \"raw\", length = 1 }}",
        case["out"][0],
        case["out"][1],
        text("channels"),
        text("layout"),
        text("fit"),
        case["pad"],
        text("resample"),
        text("matrix"),
        text("range"),
    ));
    let InputSpec::Image(spec) = spec.input else { panic!() };
    ImageStage::new(spec)
}

fn image<'a>(case: &Value, planes: &'a [(Vec<u8>, usize)]) -> Image<'a> {
    let planes: Vec<Plane<'_>> =
        planes.iter().map(|(data, row_stride)| Plane { data, row_stride: *row_stride }).collect();
    let side = |key: &str| case[key].as_u64().unwrap() as u32;
    let mut image =
        Image::new(format(case["format"].as_str().unwrap()), side("width"), side("height"), &planes)
            .rotated(Rotation::from_degrees(side("rotation")).unwrap())
            .mirrored(case["mirror"].as_bool().unwrap());
    if let Some(r) = case["region"].as_array() {
        let r: Vec<f32> = r.iter().map(|v| v.as_f64().unwrap() as f32).collect();
        image = image.with_region(Rect::new(r[0], r[1], r[2], r[3]));
    }
    image
}

fn cases() -> Vec<Value> {
    serde_json::from_slice(&common::file("tests/reference/preprocessing.json")).unwrap()
}

/// Largest and mean difference that is accepted, in byte steps. Both sides round after the conversion and after each
/// of the two passes of the resize; the order of the passes differs where the frame is turned.
const MAX_STEPS: u8 = 2;
const MEAN_STEPS: f32 = 0.3;

#[test]
fn bytes_agree_with_pillow() {
    let cases = cases();
    assert!(cases.len() >= 60, "{}", cases.len());
    let mut worst = 0;
    for case in &cases {
        let hex = case["bytes"].as_str().unwrap();
        let wanted: Vec<u8> =
            (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
        let mut found = vec![0xAA; wanted.len()];
        let planes = buffer(
            format(case["format"].as_str().unwrap()),
            case["width"].as_u64().unwrap() as usize,
            case["height"].as_u64().unwrap() as usize,
        );
        stage(case).write(&image(case, &planes), Pixels::U8(&mut found)).unwrap();
        let steps = || wanted.iter().zip(&found).map(|(a, b)| a.abs_diff(*b));
        let max = steps().max().unwrap();
        let mean = steps().map(f32::from).sum::<f32>() / wanted.len() as f32;
        let mut label = case.clone();
        label.as_object_mut().unwrap().remove("bytes");
        assert!(max <= MAX_STEPS && mean <= MEAN_STEPS, "max {max}, mean {mean} in {label}");
        worst = worst.max(max);
    }
    println!("{} cases, largest difference {worst}", cases.len());
}

#[test]
fn floats_are_the_bytes_normalised() {
    let planes = [(texture(20, 12, 3), 20)];
    let frame = Image::new(PixelFormat::Gray8, 20, 12, &[Plane { data: &planes[0].0, row_stride: 20 }]);
    let stage = |normalise: &str, dtype: &str| {
        let spec = common::spec(&format!(
            "input = {{ kind = \"image\", width = 8, height = 8, pad = 9{normalise}, dtype = \"{dtype}\" }}\n\
             head = {{ kind = \"raw\", length = 1 }}"
        ));
        let InputSpec::Image(spec) = spec.input else { panic!() };
        ImageStage::new(spec)
    };
    let mut bytes = [0_u8; 192];
    stage("", "u8").write(&frame, Pixels::U8(&mut bytes)).unwrap();
    let check = |normalise: &str, wanted: &dyn Fn(usize, f32) -> f32| {
        let mut floats = [0.0_f32; 192];
        stage(normalise, "f32").write(&frame, Pixels::F32(&mut floats)).unwrap();
        for (i, (f, b)) in floats.iter().zip(bytes).enumerate() {
            let w = wanted(i / 64, f32::from(b));
            assert!((f - w).abs() < 1e-5, "{normalise} at {i}: {f} for {w}");
        }
    };
    check("", &|_, b| b / 255.0);
    check(", normalise = { scale = 0.0078125, offset = -1 }", &|_, b| b / 128.0 - 1.0);
    let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    check(", normalise = { mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225] }", &|c, b| {
        (b / 255.0 - mean[c]) / std[c]
    });
}

#[test]
fn placement_finds_the_pixel_again() {
    // A single bright pixel block, wherever it lies in the upright frame, is found where `to_model` says.
    let (w, h) = (64_u32, 48_u32);
    let base = cases().into_iter().next().unwrap();
    for (turn, mirror, fit) in
        [(0, false, "letterbox"), (90, true, "stretch"), (180, false, "crop"), (270, true, "letterbox")]
    {
        let mut case = base.clone();
        for (key, value) in [("format", "gray8"), ("channels", "gray"), ("fit", fit)] {
            case[key] = value.into();
        }
        for (key, value) in [("width", w), ("height", h), ("rotation", turn), ("pad", 0)] {
            case[key] = value.into();
        }
        case["mirror"] = mirror.into();
        case["region"] = Value::Null;
        case["out"] = serde_json::json!([32, 32]);
        let mut data = vec![0_u8; (w * h) as usize];
        for y in 20..24 {
            data[y * w as usize + 28..y * w as usize + 32].fill(255);
        }
        let planes = [(data, w as usize)];
        let frame = image(&case, &planes);
        let mut model = vec![0_u8; 32 * 32];
        let placement = stage(&case).write(&frame, Pixels::U8(&mut model)).unwrap();

        let weigh = |at: &dyn Fn(u32, u32) -> u8, w: u32, h: u32| {
            let (mut sx, mut sy, mut total) = (0.0, 0.0, 0.0);
            for y in 0..h {
                for x in 0..w {
                    let v = f32::from(at(x, y));
                    (sx, sy, total) = (sx + v * (x as f32 + 0.5), sy + v * (y as f32 + 0.5), total + v);
                }
            }
            Point::new(sx / total, sy / total)
        };
        let luma = inbetween_flow::Luma::of(&frame).unwrap();
        let in_frame = weigh(&|x, y| luma.at(x, y), luma.width(), luma.height());
        let in_model = weigh(&|x, y| model[(y * 32 + x) as usize], 32, 32);
        let mapped = placement.to_frame(in_model);
        assert!((mapped - in_frame).length() < 0.3, "{turn} {mirror} {fit}: {mapped:?} for {in_frame:?}");
        let back = placement.to_model(placement.to_frame(in_model));
        assert!((back - in_model).length() < 1e-3);
    }
}

#[test]
fn frames_that_do_not_hold_their_planes_are_faults() {
    let case = cases().remove(0);
    let mut stage = stage(&case);
    let mut out = vec![0_u8; 360];
    let data = vec![0_u8; 64 * 48 * 3];
    let mut fault = |image: Image<'_>| stage.write(&image, Pixels::U8(&mut out)).err();
    for format in [PixelFormat::Nv12, PixelFormat::I420, PixelFormat::Rgba8, PixelFormat::Gray8] {
        assert_eq!(
            fault(Image::packed(format, 64, 48, &data)),
            (format == PixelFormat::Rgba8).then_some(Planes)
        );
        assert_eq!(fault(Image::packed(format, 0, 48, &data)), Some(Planes));
        assert_eq!(fault(Image::packed(format, u32::MAX, u32::MAX, &data)), Some(Planes));
        let mut thin = Image::packed(format, 32, 24, &data);
        thin.planes[0].row_stride = 31;
        assert_eq!(fault(thin), Some(Planes));
        thin.planes[0].row_stride = usize::MAX;
        assert_eq!(fault(thin), Some(Planes));
        let small = Image::packed(format, 32, 24, &data);
        for region in [
            Rect::new(f32::NAN, 0.0, 1.0, 1.0),
            Rect::new(5.0, 5.0, 4.0, 9.0),
            Rect::new(100.0, 100.0, 200.0, 200.0),
            Rect::new(1.0, 1.0, 1.5, 9.0),
        ] {
            assert_eq!(fault(small.with_region(region)), Some(Region), "{region:?}");
        }
        // Partly outside is clipped.
        assert_eq!(fault(small.with_region(Rect::new(-50.0, -50.0, 9.0, 9.0))), None);
    }
}
