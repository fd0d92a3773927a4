//! Where a kernel lies on a picture whose channels are next to each other.
//! **Invariant:** a position that is given out is inside of the picture.
//! It does not compute anything with pixels.

use std::ops::Range;

/// Picture, kernel and steps; each pair is vertical, horizontal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Rows and columns of the input.
    pub input: [usize; 2],
    /// Channels of the input.
    pub channels: usize,
    /// Rows and columns of the output.
    pub output: [usize; 2],
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    /// Rows above and columns before the input that count as zero.
    pub before: [usize; 2],
}

impl Window {
    /// Pixels of the output.
    pub(super) fn pixels(&self) -> usize {
        self.output[0] * self.output[1]
    }

    pub(super) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Whether an output pixel is made of the input pixel at the same place alone.
    pub(super) fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.before == [0, 0] && self.input == self.output
    }

    /// Which taps are inside of the input for output row (axis 0) or column (axis 1) `at`.
    #[inline(always)]
    pub(super) fn inside(&self, axis: usize, at: usize) -> Range<usize> {
        let (start, before) = (at * self.stride[axis], self.before[axis]);
        let dilation = self.dilation[axis];
        let first = before.saturating_sub(start).div_ceil(dilation);
        // The tap k reads start + k * dilation - before, which must be less than the size.
        let end = (self.input[axis] + before).saturating_sub(start).div_ceil(dilation);
        first.min(end)..end.min(self.kernel[axis]).max(first.min(end))
    }

    /// The input row or column of a tap that is inside.
    #[inline(always)]
    pub(super) fn position(&self, axis: usize, at: usize, tap: usize) -> usize {
        at * self.stride[axis] + tap * self.dilation[axis] - self.before[axis]
    }

    /// Output columns for which all taps are inside.
    pub(super) fn interior(&self) -> Range<usize> {
        let all = |at: &usize| self.inside(1, *at) == (0..self.kernel[1]);
        let first = (0..self.output[1]).find(all).unwrap_or(self.output[1]);
        let end = (first..self.output[1]).find(|at| !all(at)).unwrap_or(self.output[1]);
        first..end
    }

    /// Whether every output pixel sees some of the input.
    pub(super) fn always_sees(&self) -> bool {
        [0, 1].into_iter().all(|axis| (0..self.output[axis]).all(|at| !self.inside(axis, at).is_empty()))
    }
}
