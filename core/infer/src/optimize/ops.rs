//! Operators of the runtime's graph that run these kernels on `1, rows, columns, channels`.
//! **Invariant:** inputs of another shape than the operator was made for are an error, never a wrong answer.
//! It does not choose where they pay: `rewrite` does.

use std::sync::Arc;

use tract_core::internal::*;

use super::{
    dense::{Dense, Weights},
    depthwise::Depthwise,
    largest::Largest,
    pool::Pool,
    simd::{Activation, Processor, Residual},
    window::Window,
};

/// How a convolution sums.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sums {
    /// Over all channels.
    Dense(Weights),
    /// Over each channel by itself: weights by tap and channel, and the biases.
    Depthwise { weights: Arc<[f32]>, bias: Arc<[f32]> },
}

/// A convolution with bias, residual (a second input) and activation.
#[derive(Clone, Debug)]
pub(crate) struct FusedConv {
    pub(super) window: Window,
    pub(super) sums: Sums,
    /// Channels of the second input, if there is one: as many as the output has, or fewer.
    pub(super) residual: Option<usize>,
    pub(super) activation: Activation,
    pub(super) processor: Processor,
    pub(super) pool: Pool,
}

impl PartialEq for FusedConv {
    fn eq(&self, other: &Self) -> bool {
        (&self.window, &self.sums, self.residual, &self.activation)
            == (&other.window, &other.sums, other.residual, &other.activation)
    }
}

impl Eq for FusedConv {} // processor and memory do not change what is computed

impl FusedConv {
    fn outputs(&self) -> usize {
        match &self.sums {
            Sums::Dense(weights) => weights.outputs(),
            Sums::Depthwise { bias, .. } => bias.len(),
        }
    }

    /// What computes it, for the list of kernels.
    pub(crate) fn kernel(&self) -> String {
        let kind = match self.sums {
            Sums::Dense(_) => "dense",
            Sums::Depthwise { .. } => "depthwise",
        };
        format!("{}_conv_{kind}_f32_8", self.processor.name())
    }
}

fn shape(window: &Window, channels: usize) -> [usize; 4] {
    [1, window.output[0], window.output[1], channels]
}

/// That `facts` are floats of these shapes.
fn expect(facts: &[&TypedFact], shapes: &[[usize; 4]]) -> TractResult<()> {
    ensure!(facts.len() == shapes.len(), "{} inputs instead of {}", facts.len(), shapes.len());
    for (fact, shape) in facts.iter().zip(shapes) {
        ensure!(
            fact.datum_type == f32::datum_type() && fact.shape.as_concrete() == Some(&shape[..]),
            "an input is {fact:?} instead of {shape:?} floats"
        );
    }
    Ok(())
}

impl Op for FusedConv {
    fn name(&self) -> StaticName {
        "FusedConv".into()
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for FusedConv {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let shape = shape(&self.window, self.outputs());
        let plain: TVec<_> = inputs.iter().map(|i| i.try_as_plain_ram()).collect::<TractResult<_>>()?;
        let slices: TVec<&[f32]> =
            plain.iter().map(PlainView::as_slice::<f32>).collect::<TractResult<_>>()?;
        let size = self.window.input[0] * self.window.input[1] * self.window.channels;
        let (input, residual) = match (&slices[..], self.residual) {
            ([input], None) => (*input, None),
            ([input, numbers], Some(channels)) => (*input, Some(Residual { numbers, channels })),
            _ => bail!("{} inputs are not those that the operator was made for", slices.len()),
        };
        let mut tensor = self.pool.take(&shape)?;
        let mut view = tensor.try_as_plain_ram_mut()?;
        let output = view.as_slice_mut::<f32>()?;
        ensure!(input.len() == size, "{} numbers instead of {size}", input.len());
        let fits = |r: Residual<'_>| r.numbers.len() == self.window.pixels() * r.channels;
        ensure!(residual.is_none_or(fits), "the residual has another size");
        let (window, activation) = (&self.window, &self.activation);
        match &self.sums {
            Sums::Dense(weights) => {
                self.processor.run(Dense { window, weights, activation, input, residual, output });
            }
            Sums::Depthwise { weights, bias } => {
                self.processor.run(Depthwise { window, weights, bias, activation, input, residual, output });
            }
        }
        Ok(tvec!(self.pool.lend(tensor)))
    }
}

impl TypedOp for FusedConv {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let input = [1, self.window.input[0], self.window.input[1], self.window.channels];
        let residual = self.residual.map(|channels| shape(&self.window, channels));
        expect(inputs, &[input].into_iter().chain(residual).collect::<Vec<_>>())?;
        Ok(tvec!(f32::fact(shape(&self.window, self.outputs()))))
    }

    fn cost(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        let each = match self.sums {
            Sums::Dense(_) => self.window.channels * self.outputs(),
            Sums::Depthwise { .. } => self.outputs(),
        };
        let macs = self.window.taps() * self.window.pixels() * each;
        Ok(tvec!((Cost::FMA(f32::datum_type()), macs.to_dim())))
    }

    as_op!();
}

/// The largest of a window, for each channel.
#[derive(Clone, Debug)]
pub(super) struct FusedMaxPool {
    pub(super) window: Window,
    pub(super) processor: Processor,
    pub(super) pool: Pool,
}

impl PartialEq for FusedMaxPool {
    fn eq(&self, other: &Self) -> bool {
        self.window == other.window
    }
}

impl Eq for FusedMaxPool {}

impl Op for FusedMaxPool {
    fn name(&self) -> StaticName {
        "FusedMaxPool".into()
    }

    op_as_typed_op!();
}

impl EvalOp for FusedMaxPool {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let plain = input.try_as_plain_ram()?;
        let input = plain.as_slice::<f32>()?;
        let size = self.window.input[0] * self.window.input[1] * self.window.channels;
        ensure!(input.len() == size, "{} numbers instead of {size}", input.len());
        let mut tensor = self.pool.take(&shape(&self.window, self.window.channels))?;
        let mut view = tensor.try_as_plain_ram_mut()?;
        self.processor.run(Largest { window: &self.window, input, output: view.as_slice_mut::<f32>()? });
        Ok(tvec!(self.pool.lend(tensor)))
    }
}

impl TypedOp for FusedMaxPool {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        expect(inputs, &[[1, self.window.input[0], self.window.input[1], self.window.channels]])?;
        Ok(tvec!(f32::fact(shape(&self.window, self.window.channels))))
    }

    as_op!();
}
