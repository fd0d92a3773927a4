//! `inbetween peers tensor`: one model on one input tensor, as another runtime would be given it.
//! **Invariant:** the numbers that are fed and written are the model's own; no preprocessing and no head comes between.
//! It does not compare: what reads the outputs does.

use std::{fs, path::Path, time::Instant};

use anyhow::{Context as _, bail, ensure};
use cpu_time::ThreadTime;
use inbetween::{CancelToken, Card, Elements, Frame, LoadLimits, Model, Runner, Tensor, Timestamp, Value};
use serde::Serialize;

use crate::{cli::TensorArgs, record::write_lines};

/// What is written.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Measured {
    /// From bytes in memory to the end of the first run, in milliseconds of wall time.
    cold_ms: f64,
    /// CPU time of each further run, in microseconds.
    run_us: Vec<f64>,
    /// Most memory held, less what was held before loading, in KiB; nothing where the system does not say.
    peak_kib: Option<u64>,
}

/// Measures.
///
/// # Errors
/// When a file or the model cannot be used.
pub fn command(args: &TensorArgs) -> anyhow::Result<()> {
    let bytes = fs::read(&args.model).with_context(|| format!("cannot read {}", args.model.display()))?;
    let input = floats(&args.input)?;
    ensure!(
        args.shape.iter().product::<usize>() == input.len(),
        "{} holds {} numbers, not those of shape {:?}",
        args.input.display(),
        input.len(),
        args.shape
    );
    let tensors = [Tensor { name: &args.name, shape: &args.shape, elements: Elements::F32(&input) }];
    let frame = Frame::tensors(Timestamp::ZERO, &tensors);
    let before = memory("VmRSS");
    let start = Instant::now();
    let mut runner = load(args, &bytes, 0)?;
    let mut outputs = run(&mut runner, &frame)?;
    let cold_ms = start.elapsed().as_secs_f64() * 1e3;
    let mut run_us = Vec::with_capacity(args.runs);
    for _ in 0..args.runs {
        let start = ThreadTime::now();
        run(&mut runner, &frame)?;
        run_us.push(start.elapsed().as_secs_f64() * 1e6);
    }
    let peak_kib = memory("VmHWM").zip(before).map(|(peak, before)| peak.saturating_sub(before));
    for output in 1..args.lengths.len() {
        outputs.extend(run(&mut load(args, &bytes, output)?, &frame)?);
    }
    let raw: Vec<u8> = outputs.iter().flat_map(|x| x.to_le_bytes()).collect();
    fs::write(&args.outputs, raw).with_context(|| format!("cannot write {}", args.outputs.display()))?;
    write_lines(&args.json, [Measured { cold_ms, run_us, peak_kib }])
}

/// A runner whose value is one output as it is.
fn load(args: &TensorArgs, bytes: &[u8], output: usize) -> anyhow::Result<Runner> {
    let (name, shape, length) = (&args.name, &args.shape, args.lengths[output]);
    let card = Card::parse(&format!(
        "[decision]\ntext = \"Numbers as they are.\"\n[tolerance]\nepsilon = 1\nmiss_rate = 0.05\n\
         [budget]\ndeadline_ms = 1000\nmax_age_ms = 1000\n\
         [model]\nname = \"model\"\nversion = 1\nfile = \"model.onnx\"\n\
         input = {{ kind = \"tensors\", tensors = [{{ name = {name:?}, shape = {shape:?} }}] }}\n\
         head = {{ kind = \"raw\", output = {output}, length = {length} }}\n"
    ))?;
    let model = Model::load(bytes, &card.model, LoadLimits::default())
        .with_context(|| format!("cannot use {}", args.model.display()))?;
    Ok(model.runner()?)
}

fn run(runner: &mut Runner, frame: &Frame<'_>) -> anyhow::Result<Vec<f32>> {
    match runner.run(frame, &CancelToken::new())? {
        Value::Vector(numbers) => Ok(numbers),
        other => bail!("the head gave {:?}", other.kind()),
    }
}

fn floats(path: &Path) -> anyhow::Result<Vec<f32>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    ensure!(rest.is_empty(), "{} does not hold whole floats", path.display());
    Ok(numbers.iter().map(|b| f32::from_le_bytes(*b)).collect())
}

/// A line of the process's status, in KiB.
fn memory(line: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let value = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':'))?;
    value.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_is_read() {
        let (now, peak) = (memory("VmRSS").unwrap(), memory("VmHWM").unwrap());
        assert!(now > 100 && peak >= now);
        assert_eq!(memory("NoSuchLine"), None);
    }
}
