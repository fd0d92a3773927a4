//! Which axis of a tensor is what, for operators on pictures.
//! **Invariant:** only layouts of one picture are known: a batch is 1 or absent.
//! It does not move data.

use tract_core::{
    internal::*,
    ops::{change_axes::AxisOp, einsum::EinSum, nn::DataFormat},
};

/// A picture's axes in the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Whether there is a first axis of size 1.
    pub batch: bool,
    /// Whether channels come after rows and columns.
    pub channels_last: bool,
}

impl Layout {
    pub(super) fn of(format: DataFormat) -> Self {
        let (batch, channels_last) = match format {
            DataFormat::NCHW => (true, false),
            DataFormat::NHWC => (true, true),
            DataFormat::CHW => (false, false),
            DataFormat::HWC => (false, true),
        };
        Self { batch, channels_last }
    }

    pub(super) fn rank(self) -> usize {
        3 + usize::from(self.batch)
    }

    /// Which axis channels are.
    pub(super) fn channel_axis(self) -> usize {
        usize::from(self.batch) + if self.channels_last { 2 } else { 0 }
    }

    /// Which axes rows and columns are.
    pub(super) fn picture_axes(self) -> [usize; 2] {
        let first = usize::from(self.batch) + usize::from(!self.channels_last);
        [first, first + 1]
    }

    /// Rows, columns and channels, if `fact` is one picture of floats in this layout.
    pub(super) fn sizes(self, fact: &TypedFact) -> Option<[usize; 3]> {
        let shape = fact.shape.as_concrete()?;
        let fits = fact.datum_type == f32::datum_type()
            && shape.len() == self.rank()
            && (!self.batch || shape[0] == 1)
            && shape.iter().all(|d| *d > 0);
        let [rows, columns] = self.picture_axes();
        fits.then(|| [shape[rows], shape[columns], shape[self.channel_axis()]])
    }

    /// What makes `1, rows, columns, channels` of this layout.
    pub(super) fn canonical(self) -> TVec<AxisOp> {
        let mut steps = tvec!();
        if !self.batch {
            steps.push(AxisOp::Add(0));
        }
        if !self.channels_last {
            steps.push(AxisOp::Move(1, 3));
        }
        steps
    }

    /// What makes this layout of `1, rows, columns, channels`.
    pub(super) fn plain_again(self) -> TVec<AxisOp> {
        self.canonical().iter().rev().map(AxisOp::recip).collect()
    }
}

/// A product of matrices that is a pointwise convolution: the layouts of input and output, and which axis of the weights is
/// that of the outputs.
pub(super) fn pointwise(
    op: &EinSum,
    input: &TypedFact,
    output: &TypedFact,
) -> Option<(Layout, Layout, usize)> {
    let layout = |rank: usize, channels: usize| {
        let batch = match rank {
            3 => false,
            4 => true,
            _ => return None,
        };
        let channels_last = channels == rank - 1;
        (channels_last || channels == usize::from(batch)).then_some(Layout { batch, channels_last })
    };
    let (mut contracted, mut outputs, mut others) = (None, None, Vec::new());
    for axis in op.axes.iter_all_axes() {
        match (&axis.inputs[0][..], &axis.inputs[1][..], &axis.outputs[0][..]) {
            ([x], [_], []) if contracted.is_none() => contracted = Some(*x),
            ([], [w], [y]) if outputs.is_none() => outputs = Some((*w, *y)),
            (x, [], y) if x.len() <= 1 && y.len() <= 1 => {
                others.push((x.first().copied(), y.first().copied()));
            }
            _ => return None,
        }
    }
    let (weights_axis, output_channels) = outputs?;
    let from = layout(input.rank(), contracted?)?;
    let to = layout(output.rank(), output_channels)?;
    let ([rows, columns], [to_rows, to_columns]) = (from.picture_axes(), to.picture_axes());
    let pictures = [(Some(rows), Some(to_rows)), (Some(columns), Some(to_columns))];
    // All that is left is the batch, which is 1 where it is there.
    let batch = |axis: &(Option<usize>, Option<usize>)| {
        axis.0.is_none_or(|x| from.batch && x == 0) && axis.1.is_none_or(|y| to.batch && y == 0)
    };
    let fits = pictures.iter().all(|p| others.contains(p))
        && others.iter().all(|axis| pictures.contains(axis) || batch(axis));
    fits.then_some((from, to, weights_axis))
}
