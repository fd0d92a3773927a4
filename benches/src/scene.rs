//! `inbetween scene export` and `inbetween scene check`.
//! **Invariant:** exported truth is in pixels of the exported frames, whatever their size.
//! It does not run models.

use std::{io::BufWriter, path::PathBuf};

use anyhow::{Context as _, bail, ensure};
use image::{
    ExtendedColorType, ImageEncoder as _, RgbImage,
    codecs::png::{CompressionType, FilterType, PngEncoder},
    imageops,
};
use inbetween_sim::Colour;
use serde::Serialize;

use crate::{
    assets,
    cli::{ExportArgs, SceneCommand},
    scenes,
    terminal::{progress, say},
};

/// The command.
///
/// # Errors
/// When a file is no scene, or frames cannot be written.
pub fn command(command: &SceneCommand) -> anyhow::Result<()> {
    match command {
        SceneCommand::Export(args) => export(args),
        SceneCommand::Check { files } => check(files),
    }
}

fn check(files: &[PathBuf]) -> anyhow::Result<()> {
    let mut bad = 0;
    for file in files {
        match scenes::read(file) {
            Ok(spec) => say(format_args!(
                "{}: scene {}, {} s at {} frames a second, {} kinds of objects, split {}",
                file.display(),
                spec.name,
                spec.duration_s,
                spec.camera.fps,
                spec.objects.len(),
                spec.split.as_str()
            )),
            Err(e) => {
                bad += 1;
                say(format_args!("{e:#}"));
            }
        }
    }
    if bad > 0 {
        bail!("{bad} of {} files are not scenes", files.len());
    }
    Ok(())
}

#[derive(Serialize)]
struct Truth {
    scene: String,
    seed: u64,
    width: u32,
    height: u32,
    frames: Vec<FrameTruth>,
}

#[derive(Serialize)]
struct FrameTruth {
    file: String,
    captured_s: f64,
    objects: Vec<ObjectTruth>,
}

#[derive(Serialize)]
struct ObjectTruth {
    identity: u32,
    class: u32,
    /// Left, top, right, bottom in pixels.
    r#box: [f32; 4],
    visible: f32,
}

fn export(args: &ExportArgs) -> anyhow::Result<()> {
    let mut spec = scenes::read(&args.scene)?;
    if let Err(why) = assets::supply(&mut spec)? {
        bail!("scene {} cannot be drawn: {why}", spec.name);
    }
    let mut scene = spec.build(args.seed).with_colour(Colour::Nv12);
    let total = scene.frames();
    ensure!(
        (1..=total).contains(&args.frames),
        "--frames must be from 1 to the {total} that the scene has: raise its duration_s for more"
    );
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    let (width, height) = args.size.unwrap_or((spec.camera.width, spec.camera.height));
    let (sx, sy) = (width as f32 / spec.camera.width as f32, height as f32 / spec.camera.height as f32);
    let mut truth = Truth { scene: spec.name.clone(), seed: args.seed, width, height, frames: Vec::new() };
    let bar = progress(Some(args.frames), "frames");
    for i in 0..args.frames {
        let frame = scene.frame(i * total / args.frames);
        let file = format!("{i:05}.png");
        let path = args.out.join(&file);
        let picture = RgbImage::from_raw(frame.width, frame.height, frame.rgb())
            .context("a rendered frame has the wrong size")?;
        let picture = if args.size.is_some() {
            imageops::resize(&picture, width, height, imageops::FilterType::Triangle)
        } else {
            picture
        };
        let context = || format!("cannot write {}", path.display());
        let writer = BufWriter::new(std::fs::File::create(&path).with_context(context)?);
        PngEncoder::new_with_quality(writer, CompressionType::Fast, FilterType::Adaptive)
            .write_image(&picture, width, height, ExtendedColorType::Rgb8)
            .with_context(context)?;
        let object = |t: &inbetween_sim::Truth| ObjectTruth {
            identity: t.identity,
            class: t.class,
            r#box: [t.bounds.x0 * sx, t.bounds.y0 * sy, t.bounds.x1 * sx, t.bounds.y1 * sy],
            visible: t.visible,
        };
        truth.frames.push(FrameTruth {
            file,
            captured_s: frame.captured.as_secs_f64(),
            objects: frame.truth.iter().map(object).collect(),
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    let path = args.out.join("truth.json");
    let writer = std::fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    serde_json::to_writer(BufWriter::new(writer), &truth)?;
    say(format_args!("{} frames and truth.json in {}", args.frames, args.out.display()));
    Ok(())
}
