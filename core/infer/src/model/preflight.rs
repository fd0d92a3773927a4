//! Checks a parsed ONNX model before the runtime builds anything of it.
//! **Invariant:** allocates in proportion to the file at most.
//! It does not infer shapes: what only becomes large by computing is caught after typing, in `compile`.

use std::collections::{BTreeMap, BTreeSet};

use tract_onnx::{
    Onnx,
    pb::{GraphProto, ModelProto, NodeProto, TensorProto},
};

use super::LoadLimits;
use crate::error::LoadError;

/// `TensorProto.DataType` codes that the runtime loads, with the bytes of one element in `raw_data`.
const ELEMENT_BYTES: [(i32, usize); 13] = [
    (1, 4),  // float
    (2, 1),  // uint8
    (3, 1),  // int8
    (4, 2),  // uint16
    (5, 2),  // int16
    (6, 4),  // int32
    (7, 8),  // int64
    (8, 0),  // string
    (9, 1),  // bool
    (10, 2), // float16
    (11, 8), // double
    (12, 4), // uint32
    (13, 8), // uint64
];

/// Attributes whose numbers the runtime takes as sizes, and the largest that makes sense.
const SIZE_ATTRIBUTES: [&str; 8] = [
    "pads",
    "strides",
    "dilations",
    "kernel_shape",
    "output_padding",
    "output_shape",
    "group",
    "num_outputs",
];
const MAX_SIZE_ATTRIBUTE: u64 = 1 << 16;

/// Which input of an operator holds the dimensions of a tensor that it makes.
const SHAPE_INPUTS: [(&str, usize); 6] =
    [("ConstantOfShape", 0), ("Expand", 1), ("Reshape", 1), ("Tile", 1), ("OneHot", 1), ("Resize", 3)];

/// Checks the model.
///
/// # Errors
/// The first fault, or the list of all operators that are not supported.
pub(crate) fn check(model: &ModelProto, onnx: &Onnx, limits: &LoadLimits) -> Result<(), LoadError> {
    let graph = model
        .graph
        .as_ref()
        .ok_or_else(|| LoadError::Malformed { reason: "there is no graph".to_owned() })?;
    let mut walk = Walk { onnx, limits, nodes: 0, unsupported: BTreeSet::new() };
    walk.graph(graph, 0)?;
    if !walk.unsupported.is_empty() {
        return Err(LoadError::UnsupportedOperators { operators: walk.unsupported.into_iter().collect() });
    }
    let produced: BTreeSet<&str> = (graph.node.iter().flat_map(|n| &n.output).map(String::as_str))
        .chain(graph.input.iter().map(|i| i.name.as_str()))
        .chain(graph.initializer.iter().map(|i| i.name.as_str()))
        .collect();
    match graph.output.iter().find(|o| !produced.contains(o.name.as_str())) {
        Some(o) => Err(LoadError::Malformed { reason: format!("nothing produces output `{}`", o.name) }),
        None => Ok(()),
    }
}

struct Walk<'a> {
    onnx: &'a Onnx,
    limits: &'a LoadLimits,
    nodes: usize,
    unsupported: BTreeSet<String>,
}

impl Walk<'_> {
    fn graph(&mut self, graph: &GraphProto, depth: usize) -> Result<(), LoadError> {
        if depth > self.limits.depth {
            return Err(LoadError::TooMany { what: "levels of nested graphs", limit: self.limits.depth });
        }
        if !graph.sparse_initializer.is_empty() {
            self.unsupported.insert("sparse initializers".to_owned());
        }
        let mut constants: BTreeMap<&str, &TensorProto> = BTreeMap::new();
        for tensor in &graph.initializer {
            self.tensor(tensor)?;
            constants.insert(&tensor.name, tensor);
        }
        for node in &graph.node {
            self.nodes += 1;
            if self.nodes > self.limits.nodes {
                return Err(LoadError::TooMany { what: "nodes", limit: self.limits.nodes });
            }
            if !self.onnx.op_register.0.contains_key(&node.op_type) {
                self.unsupported.insert(node.op_type.clone());
            }
            self.attributes(node, depth)?;
            if node.op_type == "Constant"
                && let (Some(name), Some(value)) =
                    (node.output.first(), node.attribute.iter().find_map(|a| a.t.as_ref()))
            {
                constants.insert(name, value);
            }
            self.made_dimensions(node, &constants)?;
        }
        Ok(())
    }

    fn attributes(&mut self, node: &NodeProto, depth: usize) -> Result<(), LoadError> {
        for a in &node.attribute {
            for tensor in a.t.iter().chain(&a.tensors) {
                self.tensor(tensor)?;
            }
            for graph in a.g.iter().chain(&a.graphs) {
                self.graph(graph, depth + 1)?;
            }
            if a.sparse_tensor.is_some() || !a.sparse_tensors.is_empty() {
                self.unsupported.insert("sparse tensors".to_owned());
            }
            if SIZE_ATTRIBUTES.contains(&a.name.as_str())
                && a.ints.iter().chain(core::iter::once(&a.i)).any(|i| i.unsigned_abs() > MAX_SIZE_ATTRIBUTE)
            {
                return Err(self.too_large(&format!("{}.{}", node.name, a.name)));
            }
        }
        Ok(())
    }

    fn tensor(&self, t: &TensorProto) -> Result<(), LoadError> {
        let name = || t.name.clone();
        if t.data_location.is_some_and(|l| l != 0) || !t.external_data.is_empty() {
            return Err(LoadError::ExternalData { tensor: name() });
        }
        let Some((_, bytes)) = ELEMENT_BYTES.iter().find(|(code, _)| *code == t.data_type) else {
            return Err(LoadError::ElementType { tensor: name(), code: t.data_type });
        };
        let count = self.product(&t.dims).ok_or_else(|| self.too_large(&t.name))?;
        let found = if t.raw_data.is_empty() {
            match t.data_type {
                1 => t.float_data.len(),
                7 | 13 => t.int64_data.len().max(t.uint64_data.len()),
                8 => t.string_data.len(),
                11 => t.double_data.len(),
                12 => t.int32_data.len().max(t.uint64_data.len()),
                _ => t.int32_data.len(),
            }
        } else if *bytes > 0 && t.raw_data.len().is_multiple_of(*bytes) {
            t.raw_data.len() / bytes
        } else {
            usize::MAX
        };
        if found == count {
            Ok(())
        } else {
            Err(LoadError::Malformed {
                reason: format!("tensor `{}` needs {count} elements and carries another count", t.name),
            })
        }
    }

    /// Refuses constants that ask an operator for a tensor beyond the limit, before the runtime folds them.
    fn made_dimensions(
        &self,
        node: &NodeProto,
        constants: &BTreeMap<&str, &TensorProto>,
    ) -> Result<(), LoadError> {
        let Some((_, at)) = SHAPE_INPUTS.iter().find(|(op, _)| *op == node.op_type) else { return Ok(()) };
        let Some(t) = node.input.get(*at).and_then(|name| constants.get(name.as_str())) else {
            return Ok(());
        };
        let dims: Vec<i64> = match t.raw_data.as_chunks::<8>() {
            (raw, []) if !raw.is_empty() => raw.iter().map(|b| i64::from_le_bytes(*b)).collect(),
            _ => t.int64_data.clone(),
        };
        // 0 and -1 have meanings of their own in Reshape and Expand; neither makes a tensor larger.
        let dims: Vec<i64> = dims.into_iter().map(|d| if d == 0 || d == -1 { 1 } else { d }).collect();
        if self.product(&dims).is_none() { Err(self.too_large(&node.name)) } else { Ok(()) }
    }

    fn product(&self, dims: &[i64]) -> Option<usize> {
        dims.iter()
            .try_fold(1_usize, |n, d| n.checked_mul(usize::try_from(*d).ok()?))
            .filter(|n| *n <= self.limits.tensor_elements)
    }

    fn too_large(&self, tensor: &str) -> LoadError {
        LoadError::Dimensions { tensor: tensor.to_owned(), limit: self.limits.tensor_elements }
    }
}
