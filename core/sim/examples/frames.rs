//! Streams rendered frames with their truth to standard output, for training a detector in another language.
//! **Invariant:** the same arguments give the same bytes, on every platform.
//! It does not train, resize or augment: `benches/detector/train.py` does.
//!
//! `frames [--faces] SEED..END EVERY SCENE.toml…`: seeds from SEED up to but without END, every EVERY-th frame.
//! `--faces` gives every object that counts the texture of a face, for scenes whose objects are plain spots.
//!
//! A frame is one line of JSON (`scene seed index width height truth`, where truth is a list of
//! `[x0, y0, x1, y1, visible, class]`, boxes clipped to the frame), then `width × height` luma bytes.

use std::{
    env, fs,
    io::{self, BufWriter, Write},
    process::ExitCode,
};

use inbetween_sim::{Num, Pattern, RenderedFrame, SceneSpec, Texture};

const USAGE: &str = "usage: frames [--faces] SEED..END EVERY SCENE.toml…";

fn main() -> ExitCode {
    match stream(env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(io::stderr(), "frames: {message}");
            ExitCode::FAILURE
        }
    }
}

fn stream(mut args: Vec<String>) -> Result<(), String> {
    let before = args.len();
    args.retain(|a| a != "--faces");
    let faces = args.len() < before;
    let [seeds, every, files @ ..] = args.as_slice() else { return Err(USAGE.to_owned()) };
    let (first, end) = seeds.split_once("..").ok_or(USAGE)?;
    let number = |text: &str| text.parse::<u64>().map_err(|e| format!("{text}: {e}\n{USAGE}"));
    let (first, end, every) = (number(first)?, number(end)?, number(every)?.max(1));

    let mut out = BufWriter::new(io::stdout().lock());
    for file in files {
        let text = fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
        let mut spec = SceneSpec::parse(&text).map_err(|e| format!("{file}: {e}"))?;
        if faces {
            wear_faces(&mut spec);
        }
        for seed in first..end {
            let mut scene = spec.build(seed);
            let mut frame = RenderedFrame::empty(&scene);
            for index in (0..scene.frames()).step_by(every as usize) {
                scene.render(index, &mut frame);
                write(&mut out, &spec.name, seed, &frame).map_err(|e| format!("standard output: {e}"))?;
            }
        }
    }
    out.flush().map_err(|e| format!("standard output: {e}"))
}

/// Gives every object that counts a face, in the proportions of the demo's.
fn wear_faces(spec: &mut SceneSpec) {
    for object in spec.objects.iter_mut().filter(|o| o.counted) {
        object.aspect = Num::range(1.05, 1.35);
        object.texture = Texture {
            kind: Pattern::Face,
            brightness: Num::range(120.0, 195.0),
            contrast: Num::range(0.55, 0.9),
            ..Texture::default()
        };
    }
}

fn write(out: &mut impl Write, scene: &str, seed: u64, frame: &RenderedFrame) -> io::Result<()> {
    let RenderedFrame { index, width, height, .. } = frame;
    write!(
        out,
        r#"{{"scene":"{scene}","seed":{seed},"index":{index},"width":{width},"height":{height},"truth":["#
    )?;
    for (i, t) in frame.truth.iter().enumerate() {
        let (comma, b) = (if i > 0 { "," } else { "" }, t.bounds);
        write!(out, "{comma}[{},{},{},{},{},{}]", b.x0, b.y0, b.x1, b.y1, t.visible, t.class)?;
    }
    out.write_all(b"]}\n")?;
    out.write_all(frame.luma())
}
