//! Fused convolutions against sums written down plainly, and graphs that must stay as they are.
//! **Invariant:** a case that is meant to be fused fails when it is not.
//! It does not test real models: `tests/fused_models.rs` does.

use proptest::prelude::*;
use tract_core::{
    internal::*,
    ops::{
        binary::TypedBinOp,
        cnn::{Conv, KernelFormat, MaxPool, PaddingSpec, PoolSpec},
        einsum::EinSum,
        logic::{Iff, comp_gt},
        math::{add, max, min, mul},
        nn::{DataFormat, leaky_relu},
    },
};

use super::{
    ops::{FusedConv, FusedMaxPool},
    rewrite::{Fused, fuse},
    simd::Processor,
};

/// Numbers from -1 to 1 that are the same everywhere.
fn noise(length: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let step = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..length).map(step).collect()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum After {
    Nothing,
    Relu,
    Relu6,
    MinThenMax,
    Slopes,
    OneSlope,
    Leaky,
}

#[derive(Clone, Debug)]
struct Case {
    format: DataFormat,
    input: [usize; 2],
    channels: usize,
    /// `None` for a depthwise convolution.
    outputs: Option<usize>,
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    pad: [usize; 4],
    bias: bool,
    residual: bool,
    after: After,
}

fn cases() -> impl Strategy<Value = Case> {
    let formats = [DataFormat::NCHW, DataFormat::NHWC, DataFormat::CHW, DataFormat::HWC];
    let afters = [
        After::Nothing,
        After::Relu,
        After::Relu6,
        After::MinThenMax,
        After::Slopes,
        After::OneSlope,
        After::Leaky,
    ];
    let pair = |low: usize, high: usize| [low..=high, low..=high];
    (
        (
            proptest::sample::select(formats.to_vec()),
            pair(5, 13),
            8_usize..40,
            proptest::option::of(8_usize..40),
        ),
        (pair(1, 5), pair(1, 3), pair(1, 2), [0_usize..3, 0_usize..3, 0_usize..3, 0_usize..3]),
        (any::<bool>(), any::<bool>(), proptest::sample::select(afters.to_vec())),
    )
        .prop_map(
            |(
                (format, input, channels, outputs),
                (kernel, stride, dilation, pad),
                (bias, residual, after),
            )| {
                Case {
                    format,
                    input,
                    channels,
                    outputs,
                    kernel,
                    stride,
                    dilation,
                    pad,
                    bias,
                    residual,
                    after,
                }
            },
        )
        .prop_filter("six pixels at least", |case| case.output().is_some_and(|o| o[0] * o[1] >= 6))
}

impl Case {
    fn outputs(&self) -> usize {
        self.outputs.unwrap_or(self.channels)
    }

    fn output(&self) -> Option<[usize; 2]> {
        let size = |axis: usize| {
            let reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            let padded = self.input[axis] + self.pad[axis] + self.pad[axis + 2];
            Some(padded.checked_sub(reach)? / self.stride[axis] + 1)
        };
        Some([size(0)?, size(1)?])
    }

    fn shape(&self, size: [usize; 2], channels: usize) -> TVec<usize> {
        self.format.from_n_c_hw(1, channels, size).unwrap().shape
    }

    fn per_channel(&self, channels: usize) -> TVec<usize> {
        self.shape([1, 1], channels)
    }

    /// Where a number is in the graph's layout.
    fn at(&self, size: [usize; 2], channels: usize, y: usize, x: usize, c: usize) -> usize {
        if self.format.c_is_last() {
            (y * size[1] + x) * channels + c
        } else {
            (c * size[0] + y) * size[1] + x
        }
    }

    fn kernel_weights(&self) -> Vec<f32> {
        let inputs = if self.outputs.is_some() { self.channels } else { 1 };
        noise(self.outputs() * inputs * self.kernel[0] * self.kernel[1], 1)
    }

    fn model(&self) -> TypedModel {
        let mut model = TypedModel::default();
        let output = self.output().unwrap();
        let channels = self.outputs();
        let x = model.add_source("x", f32::fact(self.shape(self.input, self.channels))).unwrap();
        let inputs = if self.outputs.is_some() { self.channels } else { 1 };
        let weights =
            Tensor::from_shape(&[channels, inputs, self.kernel[0], self.kernel[1]], &self.kernel_weights());
        let weights = model.add_const("weights", weights.unwrap()).unwrap();
        let zero = model.add_const("no bias", tensor0(0.0_f32)).unwrap();
        let conv = Conv {
            pool_spec: PoolSpec {
                data_format: self.format,
                kernel_shape: self.kernel[..].into(),
                padding: PaddingSpec::Explicit(self.pad[..2].into(), self.pad[2..].into()),
                dilations: Some(self.dilation[..].into()),
                strides: Some(self.stride[..].into()),
                input_channels: self.channels,
                output_channels: channels,
            },
            kernel_fmt: KernelFormat::OIHW,
            group: if self.outputs.is_some() { 1 } else { channels },
            q_params: None,
        };
        let mut at = model.wire_node("conv", conv, &[x, weights, zero]).unwrap()[0];
        let rank = self.shape(output, channels).len();
        let one = |number: f32| Tensor::from_shape(&vec![1; rank], &[number]).unwrap();
        if self.bias {
            let bias = Tensor::from_shape(&self.per_channel(channels), &noise(channels, 2)).unwrap();
            let bias = model.add_const("bias", bias).unwrap();
            at = model.wire_node("add bias", add(), &[bias, at]).unwrap()[0];
        }
        if self.residual {
            let other = model.add_source("residual", f32::fact(self.shape(output, channels))).unwrap();
            at = model.wire_node("add residual", add(), &[at, other]).unwrap()[0];
        }
        let mut bound = |name: &str, number: f32| model.add_const(name, one(number)).unwrap();
        let (low, high) = (bound("low", 0.0), bound("high", 6.0));
        let mut wire =
            |name: &str, op: TypedBinOp, to: &[OutletId]| model.wire_node(name, op, to).unwrap()[0];
        match self.after {
            After::Nothing => {}
            After::Relu => at = wire("relu", max(), &[at, low]),
            After::Relu6 => {
                let relu = wire("relu", max(), &[low, at]);
                at = wire("six", min(), &[relu, high]);
            }
            After::MinThenMax => {
                let six = wire("six", min(), &[at, high]);
                at = wire("relu", max(), &[six, low]);
            }
            After::Leaky => at = model.wire_node("leaky", leaky_relu(0.25), &[at]).unwrap()[0],
            After::Slopes | After::OneSlope => {
                let slope = match self.after {
                    After::Slopes => {
                        Tensor::from_shape(&self.per_channel(channels), &noise(channels, 3)).unwrap()
                    }
                    _ => one(0.1),
                };
                let slope = model.add_const("slope", slope).unwrap();
                let negative = model.wire_node("gt", TypedBinOp(comp_gt(), None), &[low, at]).unwrap()[0];
                let product = model.wire_node("mul", mul(), &[at, slope]).unwrap()[0];
                at = model.wire_node("iff", Iff, &[negative, product, at]).unwrap()[0];
            }
        }
        model.select_output_outlets(&[at]).unwrap();
        model
    }

    fn expected(&self, x: &[f32], residual: &[f32]) -> Vec<f64> {
        let (size, channels) = (self.output().unwrap(), self.outputs());
        let weights = self.kernel_weights();
        let (bias, slopes) = (noise(channels, 2), noise(channels, 3));
        let mut all = vec![0.0; size[0] * size[1] * channels];
        let taps = self.kernel[0] * self.kernel[1];
        for (y, x_at, o) in (0..size[0])
            .flat_map(|y| (0..size[1]).map(move |x| (y, x)))
            .flat_map(|(y, x)| (0..channels).map(move |o| (y, x, o)))
        {
            let mut sum = if self.bias { f64::from(bias[o]) } else { 0.0 };
            let from = if self.outputs.is_some() { 0..self.channels } else { o..o + 1 };
            for (ky, kx) in (0..self.kernel[0]).flat_map(|ky| (0..self.kernel[1]).map(move |kx| (ky, kx))) {
                let row = (y * self.stride[0] + ky * self.dilation[0]).checked_sub(self.pad[0]);
                let column = (x_at * self.stride[1] + kx * self.dilation[1]).checked_sub(self.pad[1]);
                let (Some(row), Some(column)) = (row, column) else { continue };
                if row >= self.input[0] || column >= self.input[1] {
                    continue;
                }
                for c in from.clone() {
                    let input = x[self.at(self.input, self.channels, row, column, c)];
                    let group = (o * from.len() + c - from.start) * taps;
                    sum += f64::from(input) * f64::from(weights[group + ky * self.kernel[1] + kx]);
                }
            }
            let at = self.at(size, channels, y, x_at, o);
            if self.residual {
                sum += f64::from(residual[at]);
            }
            let slope = |slope: f64| if sum < 0.0 { sum * slope } else { sum };
            all[at] = match self.after {
                After::Nothing => sum,
                After::Relu => sum.max(0.0),
                After::Relu6 | After::MinThenMax => sum.clamp(0.0, 6.0),
                After::Slopes => slope(f64::from(slopes[o])),
                After::OneSlope => slope(0.1),
                After::Leaky => slope(0.25),
            };
        }
        all
    }
}

fn fused(model: &TypedModel) -> Option<Fused> {
    fuse(model, Processor::detect().expect("these tests need AVX2 or NEON")).unwrap()
}

fn count<T: TypedOp>(model: &TypedModel) -> usize {
    model.nodes.iter().filter(|n| n.op_is::<T>()).count()
}

/// Runs three times, so that memory that is used again is seen as well.
fn run(model: TypedModel, inputs: &[Tensor]) -> Vec<Vec<f32>> {
    let plan = model.into_optimized().unwrap().into_runnable().unwrap();
    let mut state = plan.spawn().unwrap();
    let mut once = || -> Vec<Vec<f32>> {
        let outputs = state.run(inputs.iter().map(|i| i.clone().into_tvalue()).collect()).unwrap();
        outputs.iter().map(|o| super::chain::floats(o).unwrap()).collect()
    };
    let first = once();
    assert_eq!((once(), once()), (first.clone(), first.clone()));
    first
}

fn close(found: &[f32], expected: impl IntoIterator<Item = f64>) {
    let expected: Vec<f64> = expected.into_iter().collect();
    let largest = expected.iter().fold(1.0_f64, |m, x| m.max(x.abs()));
    assert_eq!(found.len(), expected.len());
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (f64::from(*found) - expected).abs() <= 1e-5 * largest,
            "{found} instead of {expected} at {at}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_are_sums(case in cases()) {
        let model = case.model();
        let fused = fused(&model).expect("a convolution that can be fused");
        // The activation and all that comes before it is one operator; only its picture is turned.
        prop_assert_eq!(count::<FusedConv>(&fused.graph), 1);
        prop_assert_eq!(count::<TypedBinOp>(&fused.graph), 0);
        prop_assert_eq!(count::<Iff>(&fused.graph), 0);
        let (shape, output) = (case.shape(case.input, case.channels), case.output().unwrap());
        let x = noise(shape.iter().product(), 4);
        let mut inputs = vec![Tensor::from_shape(&shape, &x).unwrap()];
        let shape = case.shape(output, case.outputs());
        let residual = noise(shape.iter().product(), 5);
        if case.residual {
            inputs.push(Tensor::from_shape(&shape, &residual).unwrap());
        }
        close(&run(fused.graph, &inputs)[0], case.expected(&x, &residual));
    }
}

/// A pointwise convolution as the runtime writes it, from one layout to another.
fn product(axes: &str, input: &[usize], weights: &[usize]) -> TypedModel {
    let mut model = TypedModel::default();
    let x = model.add_source("x", f32::fact(input)).unwrap();
    let weights = Tensor::from_shape(weights, &noise(weights.iter().product(), 1)).unwrap();
    let weights = model.add_const("weights", weights).unwrap();
    let op = EinSum::new(axes.parse().unwrap(), f32::datum_type());
    let y = model.wire_node("product", op, &[x, weights]).unwrap();
    model.select_output_outlets(&y).unwrap();
    model
}

#[test]
fn products_of_pictures_are_fused_in_all_layouts() {
    for (axes, input, weights) in [
        ("NIHW,OI->NOHW", &[1, 12, 5, 7][..], [10, 12]),
        ("NHWI,OI->NOHW", &[1, 5, 7, 12], [10, 12]),
        ("NHWI,IO->NHWO", &[1, 5, 7, 12], [12, 10]),
        ("IHW,OI->NOHW", &[12, 5, 7], [10, 12]),
        ("NIHW,OI->OHW", &[1, 12, 5, 7], [10, 12]),
        ("HWI,OI->OHW", &[5, 7, 12], [10, 12]),
    ] {
        let model = product(axes, input, &weights);
        let fused = fused(&model).unwrap_or_else(|| panic!("{axes} is not fused"));
        assert_eq!((count::<FusedConv>(&fused.graph), count::<EinSum>(&fused.graph)), (1, 0), "{axes}");
        let x = [Tensor::from_shape(input, &noise(input.iter().product(), 2)).unwrap()];
        let expected = run(model, &x);
        close(&run(fused.graph, &x)[0], expected[0].iter().map(|x| f64::from(*x)));
    }
}

#[test]
fn what_is_no_product_of_one_picture_stays() {
    for (axes, input, weights) in [
        ("NIHW,OI->NOWH", &[1, 12, 5, 7][..], &[10, 12][..]), // turned
        ("NIHW,OI->NOHW", &[2, 12, 5, 7], &[10, 12]),         // two pictures
        ("NIHW,OI->NOHW", &[1, 12, 5, 7], &[7, 12]),          // fewer outputs than a vector has
        ("NIHW,OI->NOHW", &[1, 12, 1, 5], &[10, 12]),         // fewer pixels than are summed at once
        ("NIW,OI->NOW", &[1, 12, 9], &[10, 12]),              // no picture
        ("NIHW,OIH->NOHW", &[1, 12, 5, 7], &[10, 12, 5]),     // weights for each row
        ("NIHW,OI->NOH", &[1, 12, 5, 7], &[10, 12]),          // a sum along rows
    ] {
        assert!(fused(&product(axes, input, weights)).is_none(), "{axes} {input:?}");
    }
}

fn simple() -> Case {
    Case {
        format: DataFormat::NCHW,
        input: [6, 6],
        channels: 8,
        outputs: Some(16),
        kernel: [3, 3],
        stride: [1, 1],
        dilation: [1, 1],
        pad: [1; 4],
        bias: true,
        residual: false,
        after: After::Relu,
    }
}

fn same(model: TypedModel, graph: TypedModel) {
    let inputs: Vec<Tensor> = (0..model.inputs.len())
        .map(|ix| {
            let shape = model.input_fact(ix).unwrap().shape.as_concrete().unwrap().to_vec();
            Tensor::from_shape(&shape, &noise(shape.iter().product(), ix as u32)).unwrap()
        })
        .collect();
    let expected = run(model, &inputs);
    for (found, expected) in run(graph, &inputs).iter().zip(expected) {
        close(found, expected.into_iter().map(f64::from));
    }
}

#[test]
fn a_value_that_is_read_elsewhere_is_kept() {
    let mut model = simple().model();
    let before = model.node_by_name("add bias").unwrap().id;
    let outputs = [model.outputs[0], OutletId::new(before, 0)];
    model.select_output_outlets(&outputs).unwrap();
    let fused = fused(&model).unwrap();
    assert_eq!(count::<TypedBinOp>(&fused.graph), 1, "the bias is fused, the activation is not");
    same(model, fused.graph);
}

#[test]
fn a_sum_of_two_convolutions_is_the_residual_of_one() {
    let mut model = simple().model();
    let conv = model.node_by_name("conv").unwrap().clone();
    let other = model.wire_node("other", conv.op, &conv.inputs).unwrap()[0];
    let padded = tract_core::ops::array::Pad {
        pads: vec![(0, 0), (0, 5), (0, 0), (0, 0)],
        mode: tract_core::ops::array::PadMode::Constant(tensor0(0.0_f32).into_arc_tensor()),
    };
    let few = model.add_source("few", f32::fact([1, 11, 6, 6])).unwrap();
    let padded = model.wire_node("padded", padded, &[few]).unwrap()[0];
    let at = model.outputs[0];
    let at = model.wire_node("sum", add(), &[at, other]).unwrap()[0];
    let weights = Tensor::from_shape(&[16, 16], &noise(256, 9)).unwrap();
    let weights = model.add_const("product's", weights).unwrap();
    let op = EinSum::new("NIHW,OI->NOHW".parse().unwrap(), f32::datum_type());
    let at = model.wire_node("product", op, &[at, weights]).unwrap()[0];
    let at = model.wire_node("sum with few", add(), &[at, padded]).unwrap()[0];
    model.select_output_outlets(&[at]).unwrap();
    let fused = fused(&model).unwrap();
    assert_eq!(count::<FusedConv>(&fused.graph), 3);
    assert_eq!(count::<TypedBinOp>(&fused.graph), 0);
    assert_eq!(count::<tract_core::ops::array::Pad>(&fused.graph), 0, "zeros are not written to be added");
    same(model, fused.graph);
}

#[test]
fn groups_other_types_and_several_pictures_stay() {
    let conv = |model: &mut TypedModel, change: &dyn Fn(&mut Conv), batch: usize, dt: DatumType| {
        let x = model.add_source("x", dt.fact([batch, 8, 6, 6])).unwrap();
        let case = simple();
        let mut op = case.model().node_by_name("conv").unwrap().op_as::<Conv>().unwrap().clone();
        change(&mut op);
        let inputs = 8 / op.group;
        let weights = Tensor::from_shape(&[16, inputs, 3, 3], &noise(16 * inputs * 9, 1)).unwrap();
        let weights = model.add_const("w", weights.cast_to_dt(dt).unwrap().into_owned()).unwrap();
        let bias = model.add_const("b", Tensor::zero_dt(dt, &[]).unwrap()).unwrap();
        let y = model.wire_node("conv", op, &[x, weights, bias]).unwrap();
        model.select_output_outlets(&y).unwrap();
    };
    let float = f32::datum_type();
    type Change<'a> = (&'a dyn Fn(&mut Conv), usize, DatumType, bool);
    let changes: [Change<'_>; 4] = [
        (&|_| {}, 1, float, true),
        (&|op| op.group = 2, 1, float, false),
        (&|_| {}, 2, float, false),
        (&|_| {}, 1, f16::datum_type(), false),
    ];
    for (change, batch, dt, expected) in changes {
        let mut model = TypedModel::default();
        conv(&mut model, change, batch, dt);
        assert_eq!(fused(&model).is_some(), expected, "batch {batch}, {dt:?}");
    }
}

#[test]
fn pictures_stay_pictures_between_convolutions() {
    let mut model = simple().model();
    let pool = MaxPool {
        pool_spec: PoolSpec {
            data_format: DataFormat::NCHW,
            kernel_shape: tvec!(3, 2),
            padding: PaddingSpec::Explicit(tvec!(1, 0), tvec!(1, 1)),
            dilations: None,
            strides: Some(tvec!(2, 2)),
            input_channels: 16,
            output_channels: 16,
        },
        with_index_outputs: None,
    };
    let at = model.outputs[0];
    let at = model.wire_node("pool", pool, &[at]).unwrap()[0];
    let pads = vec![(0, 0), (1, 3), (0, 1), (2, 0)];
    let mode = tract_core::ops::array::PadMode::Constant(tensor0(0.5_f32).into_arc_tensor());
    let at = model.wire_node("pad", tract_core::ops::array::Pad { pads, mode }, &[at]).unwrap()[0];
    let half = model.add_const("half", tensor4(&[[[[0.5_f32]]]])).unwrap();
    let at = model.wire_node("halve", mul(), &[half, at]).unwrap()[0];
    model.select_output_outlets(&[at]).unwrap();
    let fused = fused(&model).unwrap();
    assert_eq!(count::<FusedMaxPool>(&fused.graph), 1);
    // The picture is turned where it comes in and where it goes out, and nowhere else.
    assert_eq!(fused.moved, 8 * 36 + 20 * 4 * 5);
    same(model, fused.graph);
}

#[test]
fn an_operator_refuses_inputs_of_another_shape() {
    let fused = fused(&simple().model()).unwrap();
    let node = fused.graph.nodes.iter().find(|n| n.op_is::<FusedConv>()).unwrap();
    let conv = node.op_as::<FusedConv>().unwrap();
    assert!(conv.output_facts(&[&f32::fact([1, 6, 6, 8])]).is_ok());
    assert!(conv.output_facts(&[&f32::fact([1, 6, 8, 6])]).is_err());
    assert!(conv.output_facts(&[&f16::fact([1, 6, 6, 8])]).is_err());
    assert!(conv.output_facts(&[]).is_err());
    let small = Tensor::zero::<f32>(&[1, 5, 6, 8]).unwrap();
    assert!(conv.eval_out_of_plan(tvec!(small.into_tvalue())).is_err());
}
