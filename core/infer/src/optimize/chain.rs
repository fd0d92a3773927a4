//! What follows a convolution in the graph and can be done before its sums are stored: bias, residual, activation.
//! **Invariant:** a value that anything else reads, or that the model gives out, is never taken away.
//! It does not change the graph.

use std::{collections::BTreeSet, sync::Arc};

use tract_core::{
    internal::*,
    ops::{
        array::{Pad, PadMode},
        binary::TypedBinOp,
        element_wise::ElementWiseOp,
        logic::{CompGT, Iff},
        math::{Add, Max, Min, Mul},
        nn::LeakyRelu,
    },
};

use super::{layout::Layout, simd::Activation};

/// What follows.
#[derive(Debug)]
pub(super) struct Chain {
    /// Added to the convolution's own, one for each output.
    pub bias: Vec<f32>,
    /// Added to the sums.
    pub residual: Option<OutletId>,
    pub activation: Activation,
    /// Nodes that are not needed any more, without the last.
    pub absorbed: Vec<usize>,
    /// The node whose value the fused operator gives.
    pub tail: usize,
}

/// Follows the value of `head`, which is in `layout`, as far as no node is `taken` by another convolution.
pub(super) fn follow(
    model: &TypedModel,
    head: usize,
    layout: Layout,
    channels: usize,
    taken: &BTreeSet<usize>,
) -> Chain {
    let mut chain = Chain {
        bias: vec![0.0; channels],
        residual: None,
        activation: Activation::None,
        absorbed: Vec::new(),
        tail: head,
    };
    let walk = Walk { model, layout, channels, taken };
    while let Some((next, other)) = walk.binary::<Add>(chain.tail) {
        if let Some(constant) = constant(model, other) {
            let Some(bias) = walk.per_channel(&constant).filter(|_| chain.residual.is_none()) else { break };
            chain.bias.iter_mut().zip(bias).for_each(|(sum, bias)| *sum += bias);
        } else if chain.residual.is_none() && walk.is_like(other, chain.tail) {
            let (residual, padding) = walk.without_padding(other);
            chain.residual = Some(residual);
            chain.absorbed.extend(padding);
        } else {
            break;
        }
        chain.advance(next);
    }
    if let Some((low, high, last)) = walk.clamp(chain.tail) {
        if last[0] != last[1] {
            chain.advance(last[0]);
        }
        chain.advance(last[1]);
        chain.activation = Activation::Clamp { low, high };
    } else if let Some((slope, between, last)) = walk.slope(chain.tail) {
        chain.absorbed.extend(between);
        chain.advance(last);
        chain.activation = Activation::Slope(slope);
    }
    chain
}

impl Chain {
    fn advance(&mut self, next: usize) {
        self.absorbed.push(self.tail);
        self.tail = next;
    }
}

/// A constant of floats.
pub(super) fn constant(model: &TypedModel, outlet: OutletId) -> Option<Arc<Tensor>> {
    let konst = model.outlet_fact(outlet).ok()?.konst.clone()?;
    (konst.datum_type() == f32::datum_type()).then_some(konst)
}

/// The only number of a constant.
pub(super) fn scalar(model: &TypedModel, outlet: OutletId) -> Option<f32> {
    let konst = constant(model, outlet)?;
    floats(&konst).filter(|f| f.len() == 1).map(|f| f[0])
}

/// The numbers of a tensor.
pub(super) fn floats(tensor: &Tensor) -> Option<Vec<f32>> {
    Some(tensor.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec())
}

/// The other value of an operation on two.
fn other<T: tract_core::ops::binary::BinMiniOp>(node: &TypedNode, one: usize) -> Option<OutletId> {
    let op = node.op_as::<TypedBinOp>()?;
    let one = OutletId::new(one, 0);
    if !op.0.is::<T>() || op.1.is_some_and(|dt| dt != f32::datum_type()) {
        return None;
    }
    match node.inputs[..] {
        [a, b] if a == one && b != one => Some(b),
        [a, b] if b == one && a != one => Some(a),
        _ => None,
    }
}

struct Walk<'a> {
    model: &'a TypedModel,
    layout: Layout,
    channels: usize,
    taken: &'a BTreeSet<usize>,
}

impl Walk<'_> {
    /// The only node that reads the value of `node`.
    fn sole(&self, node: usize) -> Option<&TypedNode> {
        match self.readers(node)?[..] {
            [reader] => Some(&self.model.nodes[reader]),
            _ => None,
        }
    }

    /// Nodes that read the value of `node`, unless the model gives it out or one of them is taken.
    fn readers(&self, node: usize) -> Option<Vec<usize>> {
        let outlet = OutletId::new(node, 0);
        if self.model.outputs.contains(&outlet) || self.model.nodes[node].outputs.len() != 1 {
            return None;
        }
        let readers: Vec<usize> =
            self.model.nodes[node].outputs[0].successors.iter().map(|s| s.node).collect();
        readers.iter().all(|reader| !self.taken.contains(reader)).then_some(readers)
    }

    /// The only reader, if it is this operation on two values, with the other value.
    fn binary<T: tract_core::ops::binary::BinMiniOp>(&self, node: usize) -> Option<(usize, OutletId)> {
        let next = self.sole(node)?;
        let other = other::<T>(next, node)?;
        self.is_like(OutletId::new(next.id, 0), node).then_some((next.id, other))
    }

    /// Whether a value has type and shape of that of `node`.
    fn is_like(&self, outlet: OutletId, node: usize) -> bool {
        let like = &self.model.nodes[node].outputs[0].fact;
        self.model
            .outlet_fact(outlet)
            .is_ok_and(|fact| fact.datum_type == like.datum_type && fact.shape == like.shape)
    }

    /// What becomes `outlet` by channels of zeros behind its own, with the node that adds them if it is of no other use.
    fn without_padding(&self, outlet: OutletId) -> (OutletId, Option<usize>) {
        let node = &self.model.nodes[outlet.node];
        let Some(pad) = node.op_as::<Pad>() else { return (outlet, None) };
        let behind = |(axis, pad): (usize, &(usize, usize))| {
            pad.0 == 0 && (pad.1 == 0 || axis == self.layout.channel_axis())
        };
        let zero = matches!(&pad.mode, PadMode::Constant(c) if floats(c).is_some_and(|c| c == [0.0]));
        let known = self.model.outlet_fact(node.inputs[0]).is_ok_and(|f| self.layout.sizes(f).is_some());
        if zero && known && pad.pads.iter().enumerate().all(behind) {
            (node.inputs[0], self.sole(node.id).map(|_| node.id))
        } else {
            (outlet, None)
        }
    }

    /// One number for each channel, of a constant that has one or as many along the axis of the channels.
    fn per_channel(&self, constant: &Tensor) -> Option<Vec<f32>> {
        let numbers = floats(constant)?;
        if numbers.len() == 1 && constant.rank() <= self.layout.rank() {
            return Some(vec![numbers[0]; self.channels]);
        }
        let along = |(axis, size): (usize, &usize)| axis == self.layout.channel_axis() || *size == 1;
        let fits = constant.rank() == self.layout.rank()
            && numbers.len() == self.channels
            && constant.shape().iter().enumerate().all(along);
        fits.then_some(numbers)
    }

    /// Bounds that follow: low, high, and the first and the last node.
    fn clamp(&self, node: usize) -> Option<(f32, f32, [usize; 2])> {
        let max = |node| self.binary::<Max>(node).and_then(|(n, o)| Some((n, scalar(self.model, o)?)));
        let min = |node| self.binary::<Min>(node).and_then(|(n, o)| Some((n, scalar(self.model, o)?)));
        if let Some((first, low)) = max(node) {
            return Some(match min(first) {
                Some((last, high)) if low <= high => (low, high, [first, last]),
                _ => (low, f32::INFINITY, [first; 2]),
            });
        }
        let (first, high) = min(node)?;
        Some(match max(first) {
            Some((last, low)) if low <= high => (low, high, [first, last]),
            _ => (f32::NEG_INFINITY, high, [first; 2]),
        })
    }

    /// A slope for what is negative: factors, the nodes between, and the last node.
    fn slope(&self, node: usize) -> Option<(Arc<[f32]>, Vec<usize>, usize)> {
        let readers = self.readers(node)?;
        if let [reader] = readers[..] {
            let op = self.model.nodes[reader].op_as::<ElementWiseOp>()?;
            let leaky = op.0.downcast_ref::<LeakyRelu>().filter(|_| op.1.is_none())?;
            return Some((vec![leaky.alpha; self.channels].into(), Vec::new(), reader));
        }
        // Exporters' PReLU as the runtime writes it: if 0 > x then x * slope else x.
        let value = OutletId::new(node, 0);
        let nodes = || readers.iter().map(|id| &self.model.nodes[*id]);
        let last = nodes().find(|n| n.op_is::<Iff>())?;
        let negative = nodes().find(|n| other::<CompGT>(n, node).is_some())?;
        let product = nodes().find(|n| other::<Mul>(n, node).is_some())?;
        let between = [negative.id, product.id];
        let wired = readers.len() == 3
            && last.inputs[..] == [OutletId::new(negative.id, 0), OutletId::new(product.id, 0), value]
            && negative.inputs[1] == value
            && scalar(self.model, negative.inputs[0]) == Some(0.0)
            && between.iter().all(|id| self.sole(*id).is_some_and(|n| n.id == last.id))
            && self.is_like(OutletId::new(last.id, 0), node);
        let slope = self.per_channel(&*constant(self.model, other::<Mul>(product, node)?)?)?;
        wired.then(|| (slope.into(), between.to_vec(), last.id))
    }
}
