//! Writes the graph anew with fused operators, whose pictures have their channels next to each other.
//! **Invariant:** inputs and outputs of the model stay what they were, in shape, type and order.
//! It does not compute: constants are arranged, everything else is done when the model runs.

use std::collections::{BTreeMap, BTreeSet};

use tract_core::{
    internal::*,
    ops::{array::Pad, binary::TypedBinOp, change_axes::AxisOp, element_wise::ElementWiseOp, konst::Const},
};

use super::{
    chain::{self, Chain},
    head::{Head, pooling},
    layout::Layout,
    ops::{FusedConv, FusedMaxPool},
    pool::Pool,
    simd::Processor,
};

/// Multiply-accumulates that must be won for each float that is moved to another layout.
const MACS_PER_MOVE: usize = 16;

/// The graph with fused operators, or `None` where they do not pay.
pub(crate) fn rewrite(model: &TypedModel, processor: Processor) -> TractResult<Option<TypedModel>> {
    let pays = |fused: &Fused| fused.moved.saturating_mul(MACS_PER_MOVE) <= fused.macs;
    Ok(fuse(model, processor)?.filter(pays).map(|fused| fused.graph))
}

/// A graph that was written anew.
#[derive(Debug)]
pub(super) struct Fused {
    pub graph: TypedModel,
    /// Multiply-accumulates of the fused convolutions.
    pub macs: usize,
    /// Floats that are moved to another layout.
    pub moved: usize,
}

/// Fuses whatever can be; `None` where nothing can.
pub(super) fn fuse(model: &TypedModel, processor: Processor) -> TractResult<Option<Fused>> {
    let order = model.eval_order()?;
    let (mut fused, mut absorbed, mut taken) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    for id in &order {
        let Some(head) = Head::of(model, &model.nodes[*id]) else { continue };
        let chain = chain::follow(model, *id, head.to, head.bias.len(), &taken);
        absorbed.extend(chain.absorbed.iter().copied());
        taken.extend(chain.absorbed.iter().copied().chain([chain.tail]));
        fused.insert(chain.tail, (head, chain));
    }
    if fused.is_empty() {
        return Ok(None);
    }
    let mut new = Rewrite {
        old: model,
        new: TypedModel {
            symbols: model.symbols.clone(),
            properties: model.properties.clone(),
            ..TypedModel::default()
        },
        plain: BTreeMap::new(),
        pictures: BTreeMap::new(),
        processor,
        pool: Pool::default(),
        wires: 0,
        moved: 0,
    };
    for input in &model.inputs {
        let node = model.node(input.node);
        let source = new.new.add_source(&*node.name, model.outlet_fact(*input)?.clone())?;
        new.plain.insert(*input, source);
    }
    for id in order {
        let node = &model.nodes[id];
        let known = new.plain.contains_key(&OutletId::new(id, 0)) || node.op_is::<Const>();
        if let Some((head, chain)) = fused.get(&id) {
            new.convolution(node, head, chain)?;
        } else if !known && !absorbed.contains(&id) && !new.picture(node)? {
            new.copy(node)?;
        }
    }
    let outputs = model.outputs.iter().map(|o| new.plain(*o)).collect::<TractResult<Vec<_>>>()?;
    new.new.select_output_outlets(&outputs)?;
    let macs: usize = fused.values().map(|(head, _)| head.macs()).sum();
    let same = model.outputs.iter().zip(&outputs).all(|(old, new_outlet)| {
        let facts = (model.outlet_fact(*old), new.new.outlet_fact(*new_outlet));
        matches!(facts, (Ok(a), Ok(b)) if a.datum_type == b.datum_type && a.shape == b.shape)
    });
    Ok(same.then_some(Fused { graph: new.new, macs, moved: new.moved }))
}

struct Rewrite<'a> {
    old: &'a TypedModel,
    new: TypedModel,
    /// Values as they were.
    plain: BTreeMap<OutletId, OutletId>,
    /// Values as `1, rows, columns, channels`, with the layout that they had.
    pictures: BTreeMap<OutletId, (OutletId, Layout)>,
    processor: Processor,
    pool: Pool,
    /// For names.
    wires: usize,
    /// Floats that are moved to another layout.
    moved: usize,
}

impl Rewrite<'_> {
    /// A value as it was.
    fn plain(&mut self, outlet: OutletId) -> TractResult<OutletId> {
        if let Some(known) = self.plain.get(&outlet) {
            return Ok(*known);
        }
        let made = if let Some((picture, layout)) = self.pictures.get(&outlet).copied() {
            self.steps(picture, layout.plain_again())?
        } else {
            let node = self.old.node(outlet.node);
            ensure!(node.op_is::<Const>(), "`{}` has no value yet", node.name);
            self.wire(node.op.clone(), &[])?
        };
        self.plain.insert(outlet, made);
        Ok(made)
    }

    /// A value as a picture.
    fn as_picture(&mut self, outlet: OutletId, layout: Layout) -> TractResult<OutletId> {
        match self.pictures.get(&outlet) {
            Some((picture, known)) if *known == layout => return Ok(*picture),
            _ => {}
        }
        let plain = self.plain(outlet)?;
        let made = self.steps(plain, layout.canonical())?;
        self.pictures.entry(outlet).or_insert((made, layout));
        Ok(made)
    }

    fn steps(&mut self, from: OutletId, steps: TVec<AxisOp>) -> TractResult<OutletId> {
        let mut at = from;
        for step in steps {
            if matches!(step, AxisOp::Move(..)) {
                self.moved += self.new.outlet_fact(at)?.shape.as_concrete().map_or(0, |s| s.iter().product());
            }
            at = self.wire(Box::new(step), &[at])?;
        }
        Ok(at)
    }

    fn wire(&mut self, op: Box<dyn TypedOp>, inputs: &[OutletId]) -> TractResult<OutletId> {
        self.wires += 1;
        Ok(self.new.wire_node(format!("{}.{}", op.name(), self.wires), op, inputs)?[0])
    }

    /// A node as it was.
    fn copy(&mut self, node: &TypedNode) -> TractResult<()> {
        let inputs = node.inputs.iter().map(|i| self.plain(*i)).collect::<TractResult<TVec<_>>>()?;
        let outlets = self.new.wire_node(&*node.name, node.op.clone(), &inputs)?;
        for (slot, outlet) in outlets.into_iter().enumerate() {
            self.plain.insert(OutletId::new(node.id, slot), outlet);
        }
        Ok(())
    }

    fn convolution(&mut self, tail: &TypedNode, head: &Head, chain: &Chain) -> TractResult<()> {
        let sums = head.sums(&chain.bias).context("weights that were checked")?;
        let mut inputs = tvec!(self.as_picture(head.input, head.from)?);
        let mut channels = None;
        if let Some(residual) = chain.residual {
            let sizes = head.to.sizes(self.old.outlet_fact(residual)?);
            channels = Some(sizes.context("a residual that was checked")?[2]);
            inputs.push(self.as_picture(residual, head.to)?);
        }
        let op = FusedConv {
            window: head.window.clone(),
            sums,
            residual: channels,
            activation: chain.activation.clone(),
            processor: self.processor,
            pool: self.pool.clone(),
        };
        let outlet = self.new.wire_node(&*tail.name, op, &inputs)?[0];
        self.pictures.insert(OutletId::new(tail.id, 0), (outlet, head.to));
        Ok(())
    }

    /// Operators between convolutions that can be done on pictures as they are; whether this was one.
    fn picture(&mut self, node: &TypedNode) -> TractResult<bool> {
        let output = OutletId::new(node.id, 0);
        if let Some(axis) = node.op_as::<AxisOp>() {
            return self.move_axis(axis, node.inputs[0], output);
        }
        let Some((_, layout)) = node.inputs.iter().find_map(|i| self.pictures.get(i)).copied() else {
            return Ok(false);
        };
        if node.outputs.len() != 1 || layout.sizes(&node.outputs[0].fact).is_none() {
            return Ok(false);
        }
        let op: Box<dyn TypedOp> = if let Some((own, window)) = pooling(self.old, node) {
            if own != layout {
                return Ok(false);
            }
            Box::new(FusedMaxPool { window, processor: self.processor, pool: self.pool.clone() })
        } else if let Some(pad) = node.op_as::<Pad>() {
            let [rows, columns] = layout.picture_axes();
            if layout.batch && pad.pads[0] != (0, 0) {
                return Ok(false);
            }
            let pads = vec![(0, 0), pad.pads[rows], pad.pads[columns], pad.pads[layout.channel_axis()]];
            Box::new(Pad { pads, mode: pad.mode.clone() })
        } else if node.op_is::<ElementWiseOp>() || node.op_is::<TypedBinOp>() {
            node.op.clone()
        } else {
            return Ok(false);
        };
        let mut inputs: TVec<OutletId> = tvec!();
        for input in &node.inputs {
            if let Some((picture, known)) = self.pictures.get(input).copied() {
                let broadcast = self.old.outlet_fact(*input)?.shape != node.outputs[0].fact.shape;
                if known != layout || broadcast && node.op_is::<TypedBinOp>() {
                    return Ok(false);
                }
                inputs.push(picture);
            } else if let Some(number) = chain::scalar(self.old, *input) {
                let number = tensor4(&[[[[number]]]]).into_arc_tensor();
                inputs.push(self.wire(Box::new(Const::new(number)?), &[])?);
            } else {
                return Ok(false);
            }
        }
        let outlet = self.new.wire_node(&*node.name, op, &inputs)?[0];
        self.pictures.insert(output, (outlet, layout));
        Ok(true)
    }

    /// Exporters turn pictures round and back; on pictures with a batch these steps are nothing.
    fn move_axis(&mut self, axis: &AxisOp, input: OutletId, output: OutletId) -> TractResult<bool> {
        let channels_first = Layout { batch: true, channels_last: false };
        let fact = self.old.outlet_fact(output)?;
        match axis {
            AxisOp::Move(3, 1) if channels_first.sizes(fact).is_some() => {
                let picture = self.plain(input)?;
                self.pictures.insert(output, (picture, channels_first));
                Ok(true)
            }
            AxisOp::Move(1, 3) if fact.rank() == 4 => match self.pictures.get(&input).copied() {
                Some((picture, known)) if known == channels_first => {
                    self.plain.insert(output, picture);
                    Ok(true)
                }
                _ => Ok(false),
            },
            _ => Ok(false),
        }
    }
}
