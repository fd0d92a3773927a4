//! Stages that look at pictures: preprocessing for each pixel format, the gate, and a run of the demo's model.
//! **Invariant:** pictures are made before a stage is measured; expected results are of these pictures.
//! It does not decide whether a model should run.

use std::hint::black_box;

use anyhow::Context as _;
use inbetween::{CancelToken, Card, Frame, Image, LoadLimits, Model, PixelFormat, Timestamp, Value};
use inbetween_card::InputSpec;
use inbetween_flow::{
    Luma, Point, TicketId,
    gate::{Gate, Target},
};
use inbetween_infer::{ImageStage, Pixels};
use inbetween_sim::SceneSpec;

use super::{Stage, metered, noise};
use crate::{demo, scenes, workload::Workload};

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;

/// Formats with the mean of the prepared tensor: noise around mid-grey, and -1 in the bars of the letterbox, 7 of 16 rows.
const FORMATS: [(&str, PixelFormat, f64); 7] = [
    ("nv12", PixelFormat::Nv12, -0.431),
    ("nv21", PixelFormat::Nv21, -0.431),
    ("i420", PixelFormat::I420, -0.431),
    ("rgba8", PixelFormat::Rgba8, -0.437),
    ("bgra8", PixelFormat::Bgra8, -0.437),
    ("rgb8", PixelFormat::Rgb8, -0.437),
    ("gray8", PixelFormat::Gray8, -0.437),
];

/// A picture of the demo's model in colour: what face detectors take.
const CARD: &str = include_str!("../../cards/blazeface-front.toml");

pub(super) fn stages() -> anyhow::Result<Vec<Stage>> {
    let mut stages = Vec::new();
    let card = Card::parse(CARD).context("the card of the colour picture")?;
    let InputSpec::Image(input) = &card.model.input else { anyhow::bail!("the card takes no picture") };
    for (name, format, mean) in FORMATS {
        let bytes: usize = (0..format.planes())
            .map(|p| format.plane_size(p, WIDTH, HEIGHT))
            .map(|(row, rows)| row * rows)
            .sum();
        let data = noise(bytes);
        let mut stage = ImageStage::new(input.clone());
        let mut tensor = vec![0.0_f32; stage.shape().iter().product()];
        stages.push(
            Stage::new(format!("prepare/{name}"), mean, move |meter| {
                let image = Image::packed(format, WIDTH, HEIGHT, &data);
                let done = metered(meter, || stage.write(&image, Pixels::F32(&mut tensor)).is_ok());
                let sum: f64 = tensor.iter().map(|x| f64::from(*x)).sum();
                if done == Some(true) { sum / tensor.len() as f64 } else { f64::NAN }
            })
            // Resizing and the colour matrix may round a byte the other way on another processor.
            .within(0.01),
        );
    }
    for count in [0, 10] {
        stages.push(gate(count)?);
    }
    stages.push(run()?);
    Ok(stages)
}

fn gate(count: usize) -> anyhow::Result<Stage> {
    let work = Workload::new(WIDTH, HEIGHT, 8)?;
    let mut gate = Gate::new(8.0);
    let (key, found) = &work.frames[0];
    let luma = |data| Luma::of(&Image::packed(PixelFormat::Gray8, WIDTH, HEIGHT, data));
    gate.keep(TicketId(1), key.captured, &luma(&key.data).context("no luma")?);
    let targets: Vec<Target> = (found.iter().take(count).enumerate())
        .map(|(i, d)| Target { identity: i as u32, bounds: d.bounds, guess: Point::default() })
        .collect();
    anyhow::ensure!(
        targets.len() == count && gate.rekey(TicketId(1), &targets),
        "the gate kept no key frame"
    );
    let mut n = 0;
    Ok(Stage::new(format!("gate/{count} tracks"), count as f64, move |meter| {
        n += 1;
        let (frame, _) = &work.frames[n % work.frames.len()];
        let at = Timestamp::from_millis(33 * n as u64);
        let measured = metered(meter, || {
            let luma = Luma::of(&Image::packed(PixelFormat::Gray8, WIDTH, HEIGHT, &frame.data));
            luma.is_some_and(|luma| black_box(gate.measure(at, &luma)).is_some())
        });
        if measured == Some(true) { gate.fits().len() as f64 } else { f64::NAN }
    }))
}

/// The demo's model.
pub(super) fn model() -> anyhow::Result<Model> {
    let card = Card::parse(demo::CARD).context("the demo's card")?;
    Ok(Model::load(demo::MODEL, &card.model, LoadLimits::default())?)
}

/// The demo's model on a frame of its scene, from pixels to boxes.
fn run() -> anyhow::Result<Stage> {
    let mut runner = model()?.runner()?;
    let mut scene = SceneSpec::parse(scenes::DEMO)?.build(1);
    let frame = scene.frame(0);
    let cancel = CancelToken::new();
    Ok(Stage::new("run/demo", 4.0, move |meter| {
        let frame = Frame::image(
            frame.captured,
            Image::packed(PixelFormat::Gray8, frame.width, frame.height, &frame.data),
        );
        match metered(meter, || runner.run(&frame, &cancel)) {
            Some(Ok(Value::Boxes(boxes))) => boxes.len() as f64,
            _ => f64::NAN,
        }
    }))
}
