//! What one run of a model takes, read off its graph: multiply-accumulates, bytes, and the kernels that were chosen.
//! **Invariant:** counts are of the graph before it is optimised for a processor, so that they are equal on all of them.
//! It does not measure, and does not know caches: bytes are what operators read and write.

use std::collections::BTreeMap;

use tract_core::{
    internal::Cost,
    ops::{
        cnn::{Conv, Deconv},
        einsum::EinSum,
        konst::Const,
        matmul::optimized::OptMatMul,
        scan::Scan,
    },
};
use tract_onnx::prelude::*;

use crate::optimize::FusedConv;

/// What one run takes, by the model's graph.
///
/// # Units
/// Multiply-accumulates and bytes, for one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Work {
    /// Multiply-accumulates of convolutions and matrix products, the usual definition, by the type of their inputs
    /// (`F32`, `F16`, `I8`, …).
    pub macs: BTreeMap<String, u64>,
    /// Bytes of all constants: what a run reads at least once.
    pub weight_bytes: u64,
    /// Bytes that operators read and write, constants left out: an upper bound of the traffic, for what stays in a cache
    /// is counted as well.
    pub activation_bytes: u64,
}

impl Work {
    /// Multiply-accumulates of all types.
    pub fn total_macs(&self) -> u64 {
        self.macs.values().fold(0, |sum, n| sum.saturating_add(*n))
    }
}

/// Counts the work of a graph that is not optimised yet.
pub(super) fn of(model: &TypedModel) -> TractResult<Work> {
    let mut work = Work::default();
    add(model, 1, &mut work)?;
    Ok(work)
}

fn add(model: &TypedModel, times: u64, work: &mut Work) -> TractResult<()> {
    for node in model.nodes() {
        let inputs = model.node_input_facts(node.id)?;
        let outputs: u64 = node.outputs.iter().map(|o| bytes(&o.fact)).sum();
        if node.op_is::<Const>() {
            work.weight_bytes = work.weight_bytes.saturating_add(outputs);
            continue;
        }
        let read: u64 = inputs.iter().filter(|fact| fact.konst.is_none()).map(|fact| bytes(fact)).sum();
        let traffic = read.saturating_add(outputs).saturating_mul(times);
        work.activation_bytes = work.activation_bytes.saturating_add(traffic);
        let mut count = |datum: DatumType, n: u64| {
            let sum = work.macs.entry(format!("{:?}", datum.unquantized())).or_default();
            *sum = sum.saturating_add(n.saturating_mul(times));
        };
        if let Some(deconv) = node.op_as::<Deconv>() {
            // The runtime states no cost for it: every input element meets every kernel tap of its group.
            let volume = inputs[0].shape.volume().to_i64().unwrap_or(0).max(0);
            let taps: usize = deconv.pool_spec.kernel_shape.iter().product();
            let per_input = taps * deconv.pool_spec.output_channels / deconv.group.max(1);
            count(inputs[0].datum_type, (volume as u64).saturating_mul(per_input as u64));
        } else if node.op_is::<Conv>() || node.op_is::<EinSum>() {
            for (cost, n) in node.op.cost(&inputs)? {
                if let Cost::FMA(datum) = cost {
                    count(datum, n.to_i64().unwrap_or(0).max(0) as u64);
                }
            }
        } else if let Some(scan) = node.op_as::<Scan>() {
            let iterations = scan.iteration_count(&inputs);
            let iterations = iterations.and_then(|n| n.to_i64().ok()).unwrap_or(1).max(1) as u64;
            add(&scan.body, times.saturating_mul(iterations), work)?;
        }
    }
    Ok(())
}

/// Bytes of a value; 0 where its shape depends on data.
fn bytes(fact: &TypedFact) -> u64 {
    let elements = fact.shape.as_concrete().map_or(0, |dims| dims.iter().product::<usize>());
    (elements as u64).saturating_mul(fact.datum_type.size_of() as u64)
}

/// Names of what computes convolutions and matrix products in an optimised graph, each with how many operators it
/// computes: kernels by their own names, other convolutions by that of the operator.
pub(super) fn kernels(model: &TypedModel) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for node in model.nodes() {
        if let Some(product) = node.op_as::<OptMatMul>() {
            for kernel in &product.mmm {
                *found.entry(kernel.name().to_owned()).or_default() += 1;
            }
        } else if let Some(conv) = node.op_as::<FusedConv>() {
            *found.entry(conv.kernel()).or_default() += 1;
        } else if node.op.name().contains("Conv") {
            *found.entry(node.op.name().into_owned()).or_default() += 1;
        }
    }
    found
}
