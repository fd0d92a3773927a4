//! Pictures that outlive their key frame: what a later frame is registered with to see whether a view has come back.
//! **Invariant:** a still compares as the frame did that it was taken of.
//! It does not decide whether two pictures show the same.

use alloc::vec::Vec;

use super::{Gate, Kept, Picture, Target};
use crate::{geometry::Point, plan::TicketId};

/// The ticket under which a still passes through [`Gate::rekey`]; no run has it.
const STILL: TicketId = TicketId(u64::MAX);

/// The small picture of a frame on which the model ran.
#[derive(Clone, Debug)]
pub struct Still(Picture);

impl Still {
    /// Bytes that it holds outside of itself.
    pub fn bytes(&self) -> usize {
        size_of_val(self.0.values.as_slice()) + size_of_val(self.0.blocks.as_slice())
    }
}

impl Gate {
    /// A copy of the picture that is kept for `ticket`.
    pub fn still(&self, ticket: TicketId) -> Option<Still> {
        let kept = self.kept.iter().find(|k| k.ticket == ticket)?;
        let Picture { captured, full, side, size, ref blocks, ref values, .. } = kept.picture;
        let (blocks, values) = (blocks.clone(), values.clone());
        Some(Still(Picture {
            captured,
            full,
            side,
            size,
            blocks,
            values,
            wholes: Vec::new(),
            sums: Vec::new(),
        }))
    }

    /// Forgets everything and takes `still` as the key frame, with `targets` on it.
    pub fn show(&mut self, still: &Still, targets: &[Target]) {
        self.reset();
        self.kept.push(Kept { ticket: STILL, picture: still.0.clone(), background: Point::default() });
        self.rekey(STILL, targets);
    }
}
