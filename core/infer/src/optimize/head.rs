//! Convolutions of the graph that the kernels can compute.
//! **Invariant:** what is not certain is left to the runtime.
//! It does not look at what follows a convolution.

use tract_core::{
    internal::*,
    ops::{
        cnn::{Conv, KernelFormat, MaxPool, PoolSpec},
        einsum::EinSum,
    },
};

use super::{
    chain::{constant, floats},
    dense::{ROWS, Weights},
    layout::{Layout, pointwise},
    ops::Sums,
    simd::LANES,
    window::Window,
};

/// A convolution.
#[derive(Debug)]
pub(super) struct Head {
    pub input: OutletId,
    /// Layouts of input and output.
    pub from: Layout,
    pub to: Layout,
    pub window: Window,
    pub bias: Vec<f32>,
    depthwise: bool,
    /// By output, then tap, then channel.
    weights: Vec<f32>,
}

impl Head {
    /// Reads a node, if it is a convolution for these kernels.
    pub(super) fn of(model: &TypedModel, node: &TypedNode) -> Option<Self> {
        let head = Self::conv(model, node).or_else(|| Self::product(model, node))?;
        let outputs = head.bias.len();
        let [rows, columns, channels] = head.to.sizes(&node.outputs[0].fact)?;
        let fits = [rows, columns] == head.window.output
            && channels == outputs
            && outputs >= LANES
            && head.window.pixels() >= ROWS
            && head.weights.iter().chain(&head.bias).all(|w| w.is_finite());
        fits.then_some(head)
    }

    fn conv(model: &TypedModel, node: &TypedNode) -> Option<Self> {
        let conv = node.op_as::<Conv>()?;
        let ([input, kernel, bias], None, KernelFormat::OIHW) =
            (&node.inputs[..], conv.q_params, conv.kernel_fmt)
        else {
            return None;
        };
        let layout = Layout::of(conv.pool_spec.data_format);
        let window = window(model, *input, layout, &conv.pool_spec)?;
        let (outputs, taps) = (conv.output_channels(), window.taps());
        let depthwise = conv.group != 1;
        if depthwise && (conv.group != window.channels || conv.group != outputs) {
            return None;
        }
        let channels = if depthwise { 1 } else { window.channels };
        let kernel = constant(model, *kernel)?;
        if kernel.shape() != [outputs, channels, window.kernel[0], window.kernel[1]] {
            return None;
        }
        let kernel = floats(&kernel)?;
        let mut weights = Vec::with_capacity(kernel.len());
        for output in kernel.chunks_exact(channels * taps) {
            weights.extend((0..taps).flat_map(|t| (0..channels).map(move |c| output[c * taps + t])));
        }
        let bias = match floats(&*constant(model, *bias)?)? {
            one if one.len() == 1 => vec![one[0]; outputs],
            all => Some(all).filter(|all| all.len() == outputs)?,
        };
        Some(Self { input: *input, from: layout, to: layout, window, bias, depthwise, weights })
    }

    fn product(model: &TypedModel, node: &TypedNode) -> Option<Self> {
        let product = node.op_as::<EinSum>()?;
        let ([input, weights], None) = (&node.inputs[..], product.q_params) else { return None };
        let fact = model.outlet_fact(*input).ok()?;
        let weights = constant(model, *weights)?;
        if product.operating_dt != f32::datum_type() || weights.rank() != 2 || fact.konst.is_some() {
            return None;
        }
        let (from, to, outputs_axis) = pointwise(product, fact, &node.outputs[0].fact)?;
        let [rows, columns, channels] = from.sizes(fact)?;
        let outputs = weights.shape()[outputs_axis];
        if weights.shape()[1 - outputs_axis] != channels {
            return None;
        }
        let numbers = floats(&weights)?;
        let weights = if outputs_axis == 0 {
            numbers
        } else {
            (0..outputs)
                .flat_map(|o| (0..channels).map(move |c| (o, c)))
                .map(|(o, c)| numbers[c * outputs + o])
                .collect()
        };
        let window = Window {
            input: [rows, columns],
            channels,
            output: [rows, columns],
            kernel: [1; 2],
            stride: [1; 2],
            dilation: [1; 2],
            before: [0; 2],
        };
        Some(Self { input: *input, from, to, window, bias: vec![0.0; outputs], depthwise: false, weights })
    }

    /// Weights and all biases, arranged.
    pub(super) fn sums(&self, more: &[f32]) -> Option<Sums> {
        let bias: Vec<f32> = self.bias.iter().zip(more).map(|(a, b)| a + b).collect();
        let depth = self.weights.len() / bias.len();
        if self.depthwise {
            let taps = (0..depth).flat_map(|t| (0..bias.len()).map(move |c| (t, c)));
            let weights: Vec<f32> = taps.map(|(t, c)| self.weights[c * depth + t]).collect();
            return Some(Sums::Depthwise { weights: weights.into(), bias: bias.into() });
        }
        Weights::arrange(depth, &bias, |output, k| self.weights[output * depth + k]).map(Sums::Dense)
    }

    /// Multiply-accumulates of one run.
    pub(super) fn macs(&self) -> usize {
        self.weights.len() * self.window.pixels()
    }
}

/// The window of a pooling by the largest, if the kernel can compute it.
pub(super) fn pooling(model: &TypedModel, node: &TypedNode) -> Option<(Layout, Window)> {
    let pool = node.op_as::<MaxPool>()?;
    let layout = Layout::of(pool.pool_spec.data_format);
    let window = window(model, node.inputs[0], layout, &pool.pool_spec)?;
    let sizes = layout.sizes(&node.outputs[0].fact)?;
    let fits = pool.with_index_outputs.is_none()
        && node.outputs.len() == 1
        && sizes == [window.output[0], window.output[1], window.channels]
        && window.channels >= LANES
        && window.always_sees();
    fits.then_some((layout, window))
}

fn window(model: &TypedModel, input: OutletId, layout: Layout, spec: &PoolSpec) -> Option<Window> {
    let fact = model.outlet_fact(input).ok()?;
    let [rows, columns, channels] = layout.sizes(fact)?;
    let padding = spec.computed_padding(&[rows, columns]);
    let pair = |values: &[usize]| <[usize; 2]>::try_from(values).ok();
    let window = Window {
        input: [rows, columns],
        channels,
        output: pair(&padding.iter().map(|p| p.convoluted).collect::<Vec<_>>())?,
        kernel: pair(&spec.kernel_shape)?,
        stride: pair(&spec.strides())?,
        dilation: pair(&spec.dilations())?,
        before: pair(&padding.iter().map(|p| p.pad_before).collect::<Vec<_>>())?,
    };
    let positive = [window.kernel, window.stride, window.dilation].iter().flatten().all(|n| *n > 0);
    (positive && fact.konst.is_none()).then_some(window)
}
