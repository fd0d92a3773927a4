//! From an audio block to the model's samples, with context from the block before.
//! **Invariant:** context is either the samples just before this block or zeros, never older ones.
//! It does not resample: the card's rate is the frame contract's.

use inbetween_card::AudioInput;
use inbetween_flow::{Audio, Samples, Timestamp};

use crate::error::InputFault;

/// Makes model inputs of audio blocks.
#[derive(Clone, Debug)]
pub struct AudioStage {
    spec: AudioInput,
    tail: Vec<f32>,
    /// When the block after `tail` begins.
    next: Option<Timestamp>,
}

impl AudioStage {
    pub(crate) fn new(spec: AudioInput) -> Self {
        Self { tail: vec![0.0; spec.context as usize], spec, next: None }
    }

    pub(crate) const fn spec(&self) -> &AudioInput {
        &self.spec
    }

    /// Forgets the block before.
    pub(crate) const fn reset(&mut self) {
        self.next = None;
    }

    /// Writes context and block.
    pub(crate) fn write(
        &mut self,
        captured: Timestamp,
        audio: &Audio<'_>,
        target: &mut [f32],
    ) -> Result<(), InputFault> {
        if audio.sample_rate != self.spec.sample_rate {
            return Err(InputFault::SampleRate);
        }
        let context = self.spec.context as usize;
        if audio.samples.len() != self.spec.block as usize || target.len() != context + audio.samples.len() {
            return Err(InputFault::Length);
        }
        let (before, block) = target.split_at_mut(context);
        match audio.samples {
            Samples::I16(s) => {
                block.iter_mut().zip(s).for_each(|(t, s)| *t = f32::from(*s) / 32_768.0);
            }
            Samples::F32(s) => block.copy_from_slice(s),
            _ => return Err(InputFault::ElementType),
        }
        if !block.iter().all(|s| s.is_finite()) {
            return Err(InputFault::NotFinite);
        }
        // Capture times jitter; a block within half its length of the expected time is the next one.
        let length = u64::from(self.spec.block) * 1_000_000_000 / u64::from(self.spec.sample_rate);
        let follows = self.next.is_some_and(|next| {
            let off = captured.as_nanos().abs_diff(next.as_nanos());
            off <= length / 2
        });
        if follows {
            before.copy_from_slice(&self.tail);
        } else {
            before.fill(0.0);
        }
        self.tail.copy_from_slice(&block[block.len() - context..]);
        self.next = Some(Timestamp::from_nanos(captured.as_nanos().saturating_add(length)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_is_the_block_just_before_or_silence() {
        let spec = AudioInput { tensor: None, sample_rate: 1000, block: 4, context: 2 };
        let mut stage = AudioStage::new(spec);
        let mut run = |ms: u64, samples: [f32; 4]| {
            let mut target = [9.0; 6];
            let audio = Audio { samples: Samples::F32(&samples), sample_rate: 1000 };
            stage.write(Timestamp::from_millis(ms), &audio, &mut target).unwrap();
            target
        };
        assert_eq!(run(0, [0.1, 0.2, 0.3, 0.4]), [0.0, 0.0, 0.1, 0.2, 0.3, 0.4]);
        assert_eq!(run(4, [0.5; 4]), [0.3, 0.4, 0.5, 0.5, 0.5, 0.5]);
        assert_eq!(run(12, [0.6; 4]), [0.0, 0.0, 0.6, 0.6, 0.6, 0.6]); // a block was skipped
    }
}
