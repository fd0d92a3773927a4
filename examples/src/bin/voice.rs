//! Audio: is somebody speaking? A recurrent model hears blocks of 32 ms, and every block is answered.
//! **Invariant:** time is counted in samples, so the same recording gives the same lines on every machine.
//! It does not bring a model or a recording: `cargo xtask assets voice speech` fetches both.
#![allow(clippy::print_stdout)] // a command line tool

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use inbetween::{Audio, Bundle, Engine, Frame, Options, Plan, Samples, Timestamp, Value};
use inbetween_examples::asset;

const MODEL: &str = "pypi/silero-vad-6.2.3/silero_vad/data/silero_vad_openvino_16k.onnx";
const SPEECH: &str = "deb/codec2-examples-1.0.5-1/usr/share/codec2/raw/speech_orig_16k.wav";
const CARD: &str = r#"
[decision]
text = "Send audio on only while somebody speaks."
cost_missing = 3.0 # a lost word is worse than a second of noise

[tolerance]
epsilon = 0.3 # of the probability of speech
miss_rate = 0.1

[budget]
deadline_ms = 100
max_age_ms = 400

[model]
name = "silero-vad"
version = 6
file = "silero_vad_openvino_16k.onnx"
input = { kind = "audio", tensor = "input", sample_rate = 16000, block = 512, context = 64 }
head = { kind = "regression", length = 1 }
state = [{ input = "state", output = "stateN", shape = [2, 1, 128] }]
"#;
/// Samples a second, as the card states.
const RATE: usize = 16_000;
/// Samples in a block, as the card states.
const BLOCK: usize = 512;

fn main() -> anyhow::Result<()> {
    let Some((model, speech)) = files() else {
        println!("This example needs a model and a recording: run `cargo xtask assets voice speech` first.");
        return Ok(());
    };
    let total = voice(&fs::read(model)?, &read(&speech)?)?;
    println!("{} blocks, {} runs of the model, speech in {} blocks", total.blocks, total.runs, total.speech);
    Ok(())
}

/// Model and recording, when both were fetched.
fn files() -> Option<(PathBuf, PathBuf)> {
    let files = (asset(MODEL), asset(SPEECH));
    (files.0.is_file() && files.1.is_file()).then_some(files)
}

/// The samples of a recording: mono, 16 bits, 16 kHz.
fn read(path: &Path) -> anyhow::Result<Vec<i16>> {
    let mut wav = hound::WavReader::open(path).with_context(|| path.display().to_string())?;
    let spec = wav.spec();
    ensure!(
        spec.channels == 1 && spec.bits_per_sample == 16 && spec.sample_rate as usize == RATE,
        "{}: {spec:?} instead of one channel of 16 bits at {RATE} Hz",
        path.display()
    );
    Ok(wav.samples::<i16>().collect::<Result<_, _>>()?)
}

/// What happened.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    blocks: usize,
    runs: usize,
    /// Blocks whose answer was more likely speech than not.
    speech: usize,
}

fn voice(model: &[u8], samples: &[i16]) -> anyhow::Result<Tally> {
    let mut engine = Engine::new(Bundle::from_parts(CARD, model)?, Options { seed: 1 })?;
    let time = |samples: usize| Timestamp::from_micros((samples * 1_000_000 / RATE) as u64);
    let (mut total, mut before) = (Tally::default(), Tally::default());
    for (index, block) in samples.chunks_exact(BLOCK).enumerate() {
        // A block is captured when its first sample is, and can be handled after its last.
        let (captured, now) = (time(index * BLOCK), time((index + 1) * BLOCK));
        let frame = Frame::audio(captured, Audio { samples: Samples::I16(block), sample_rate: RATE as u32 });
        if let Plan::Run(job) = engine.handle_frame(now, &frame)? {
            total.runs += 1;
            // A microphone would not wait: see `live` for a worker thread.
            engine.handle_completion(now + Duration::from_millis(2), job.run(&frame));
        }
        let answer = engine.answer_at(now + Duration::from_millis(4));
        total.blocks += 1;
        total.speech += usize::from(matches!(answer.value, Some(Value::Scalar(p)) if p >= 0.5));

        let second = (index + 1) * BLOCK / RATE;
        if second > index * BLOCK / RATE {
            println!(
                "{second:3} s: {:2} blocks, {:2} runs; speech in {:2}",
                total.blocks - before.blocks,
                total.runs - before.runs,
                total.speech - before.speech
            );
            before = total;
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_is_heard_where_it_is_and_silence_is_not() {
        let Some((model, speech)) = files() else {
            println!("SKIPPED: no {MODEL} or no {SPEECH}; run cargo xtask assets");
            return;
        };
        let (model, speech) = (fs::read(model).expect("a model"), read(&speech).expect("a recording"));
        let total = voice(&model, &speech[..6 * RATE]).expect("it runs");
        assert_eq!(total.blocks, 6 * RATE / BLOCK);
        assert!(total.runs > 0 && total.runs < total.blocks, "{total:?}");
        assert!(total.speech > total.blocks / 4, "{total:?}");

        let silence = voice(&model, &vec![0; 3 * RATE]).expect("it runs");
        assert_eq!(silence.speech, 0, "{silence:?}");
        assert!(silence.runs < total.runs, "silence {silence:?}, speech {total:?}");
    }
}
