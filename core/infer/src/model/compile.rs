//! From a checked ONNX graph to an optimised plan with concrete shapes.
//! **Invariant:** in a `Compiled`, every input has a role and every output that is kept has a known shape.
//! It does not check the file: `preflight` did.

use std::{collections::BTreeMap, sync::Arc};

use inbetween_card::{HeadSpec, ModelSpec};
use tract_core::internal::DimLike;
use tract_onnx::{Onnx, pb::ModelProto, prelude::*, tract_hir::internal::Factoid};

use super::{
    LoadLimits,
    work::{self, Work},
};
use crate::{
    error::LoadError,
    guard::caught,
    head::Head,
    input::{Preprocessor, TensorShape},
    optimize::{self, Processor},
};

/// What feeds one input of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The preprocessor's tensor of this index.
    Frame(usize),
    /// The kept output of this index, from the run before.
    State(usize),
}

/// A plan with everything that a runner needs.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub plan: Arc<TypedSimplePlan>,
    pub preprocessor: Preprocessor,
    pub head: Head,
    /// What feeds each input, in the model's order.
    pub roles: Vec<Role>,
    /// Shape and type of each input.
    pub inputs: Vec<(DatumType, Vec<usize>)>,
    /// How many of the kept outputs, the first ones, are the head's.
    pub head_outputs: usize,
    pub work: Work,
    /// See [`work::kernels`].
    pub kernels: BTreeMap<String, usize>,
}

pub(crate) fn compile(
    onnx: &Onnx,
    proto: &ModelProto,
    spec: &ModelSpec,
    limits: &LoadLimits,
) -> Result<Compiled, LoadError> {
    let preprocessor = Preprocessor::new(&spec.input);
    let mut model = onnx.model_for_proto_model(proto).map_err(unusable("parse"))?;
    let outputs: Vec<String> = proto.graph.iter().flat_map(|g| &g.output).map(|o| o.name.clone()).collect();
    let (roles, inputs) = set_inputs(&mut model, &preprocessor.shapes(), spec)?;
    let kept = kept_outputs(&spec.head, spec, &outputs)?;
    let outlets = kept
        .iter()
        .map(|ix| model.output_outlets().map(|all| all[*ix]))
        .collect::<TractResult<Vec<_>>>()
        .map_err(unusable("outputs"))?;
    model.select_output_outlets(&outlets).map_err(unusable("outputs"))?;

    let mut typed = model.into_typed().map_err(unusable("type"))?;
    check_size(&typed, limits)?;
    typed.declutter().map_err(unusable("declutter"))?;
    check_size(&typed, limits)?;
    let work = work::of(&typed).map_err(unusable("count"))?;
    if let Some(fused) = fused(&typed) {
        typed = fused;
    }
    typed.optimize().map_err(unusable("optimise"))?;
    let kernels = work::kernels(&typed);

    let mut shapes = Vec::with_capacity(kept.len());
    for (slot, ix) in kept.iter().enumerate() {
        let fact = typed.output_fact(slot).map_err(unusable("outputs"))?;
        let shape = fact.shape.as_concrete().ok_or_else(|| LoadError::Output {
            output: outputs[*ix].clone(),
            reason: "its shape depends on the data: export the model without that".to_owned(),
            outputs: outputs.clone(),
        })?;
        shapes.push(shape.to_vec());
    }
    let head_outputs = kept.len() - spec.state.len();
    for (state, shape) in spec.state.iter().zip(&shapes[head_outputs..]) {
        if state.shape != *shape {
            return Err(LoadError::Output {
                output: state.output.clone(),
                reason: format!(
                    "its shape is {shape:?}, but the state that it feeds has shape {:?}",
                    state.shape
                ),
                outputs,
            });
        }
    }
    let head = Head::new(&spec.head, &spec.input, &shapes[..head_outputs]).map_err(|(slot, reason)| {
        LoadError::Output { output: outputs[kept[slot]].clone(), reason, outputs: outputs.clone() }
    })?;
    let plan = typed.into_runnable().map_err(unusable("plan"))?;
    Ok(Compiled { plan, preprocessor, head, roles, inputs, head_outputs, work, kernels })
}

/// The graph with operators of our own. Should that fail, the runtime's do as well.
fn fused(typed: &TypedModel) -> Option<TypedModel> {
    let processor = Processor::detect()?;
    match caught(|| optimize::rewrite(typed, processor)) {
        Ok(Ok(fused)) => fused,
        Ok(Err(error)) => {
            log::debug!("operators are not fused: {error:#}");
            None
        }
        Err(reason) => {
            log::debug!("operators are not fused: panic: {reason}");
            None
        }
    }
}

fn unusable(stage: &'static str) -> impl Fn(TractError) -> LoadError {
    move |e| LoadError::Unusable { stage, reason: format!("{e:#}") }
}

type Roles = (Vec<Role>, Vec<(DatumType, Vec<usize>)>);

/// Gives every input of the model a role and a concrete shape.
fn set_inputs(
    model: &mut InferenceModel,
    tensors: &[TensorShape],
    spec: &ModelSpec,
) -> Result<Roles, LoadError> {
    let outlets = model.input_outlets().map_err(unusable("inputs"))?.to_vec();
    let names: Vec<String> = outlets.iter().map(|o| model.node(o.node).name.clone()).collect();
    let fault = |name: &str, reason: String| LoadError::Input {
        name: name.to_owned(),
        reason,
        inputs: names.clone(),
    };
    let is_state = |name: &str| spec.state.iter().position(|s| s.input == name);
    // A tensor without a name feeds the first input that is no state.
    let unnamed = names.iter().position(|n| is_state(n).is_none());
    let mut roles = vec![None; names.len()];
    for (k, tensor) in tensors.iter().enumerate() {
        let at = match &tensor.name {
            Some(name) => names.iter().position(|n| n == name),
            None => unnamed,
        };
        let label = tensor.name.as_deref().unwrap_or("(first)");
        let at = at.ok_or_else(|| fault(label, "the model has no such input".to_owned()))?;
        roles[at] = Some((Role::Frame(k), tensor.datum_type, tensor.shape.clone()));
    }
    for (k, state) in spec.state.iter().enumerate() {
        let at = names.iter().position(|n| *n == state.input);
        let at = at.ok_or_else(|| fault(&state.input, "the model has no such input".to_owned()))?;
        roles[at] = Some((Role::State(k), f32::datum_type(), state.shape.clone()));
    }
    let mut found = Vec::with_capacity(roles.len());
    let mut inputs = Vec::with_capacity(roles.len());
    for (ix, role) in roles.into_iter().enumerate() {
        let (role, datum, mut shape) = role.ok_or_else(|| {
            fault(&names[ix], "neither `input` nor `state` of the card feeds it".to_owned())
        })?;
        let stated = model.outlet_fact(outlets[ix]).map_err(unusable("inputs"))?;
        fit_shape(stated, &mut shape).map_err(|reason| fault(&names[ix], reason))?;
        if let Some(wanted) = stated.datum_type.concretize()
            && wanted != datum
        {
            return Err(fault(&names[ix], format!("the model wants {wanted:?}, the card gives {datum:?}")));
        }
        let fact = InferenceFact::dt_shape(datum, &*shape);
        model.set_input_fact(ix, fact).map_err(unusable("inputs"))?;
        found.push(role);
        inputs.push((datum, shape));
    }
    Ok((found, inputs))
}

/// Makes `shape` the rank that the model states by leading ones, and checks it against what the model fixes.
fn fit_shape(stated: &InferenceFact, shape: &mut Vec<usize>) -> Result<(), String> {
    let Some(rank) = stated.shape.rank().concretize() else { return Ok(()) };
    let rank = rank as usize;
    while shape.len() < rank {
        shape.insert(0, 1);
    }
    while shape.len() > rank && shape.first() == Some(&1) {
        shape.remove(0);
    }
    let fixed: Vec<Option<usize>> =
        stated.shape.dims().map(|d| d.concretize().and_then(|d| d.to_usize().ok())).collect();
    // 0 stands for "any" in some exporters' files.
    let fits = fixed.len() == shape.len()
        && fixed.iter().zip(shape.iter()).all(|(f, s)| f.is_none_or(|f| f == *s || f == 0));
    if fits {
        Ok(())
    } else {
        let stated: Vec<String> = fixed.iter().map(|d| d.map_or("?".to_owned(), |d| d.to_string())).collect();
        Err(format!("the card gives shape {shape:?}, the model wants [{}]", stated.join(", ")))
    }
}

/// Indexes of the model's outputs that are needed: the head's first, then the states'.
fn kept_outputs(head: &HeadSpec, spec: &ModelSpec, outputs: &[String]) -> Result<Vec<usize>, LoadError> {
    let fault = |output: String| LoadError::Output {
        output,
        reason: "the model has no such output".to_owned(),
        outputs: outputs.to_vec(),
    };
    let mut kept = Vec::new();
    for wanted in Head::outputs(head) {
        let at = match wanted {
            inbetween_card::OutputRef::Index(ix) => Some(*ix).filter(|ix| *ix < outputs.len()),
            inbetween_card::OutputRef::Name(name) => outputs.iter().position(|o| o == name),
        };
        kept.push(at.ok_or_else(|| fault(format!("{wanted:?}")))?);
    }
    for state in &spec.state {
        let at = outputs.iter().position(|o| *o == state.output);
        kept.push(at.ok_or_else(|| fault(state.output.clone()))?);
    }
    Ok(kept)
}

/// Refuses tensors between operators that are beyond the limits.
fn check_size(model: &TypedModel, limits: &LoadLimits) -> Result<(), LoadError> {
    let mut total = 0_usize;
    for node in model.nodes() {
        for output in &node.outputs {
            // Shapes that depend on data are caught at the outputs; here only what is known counts.
            let Some(shape) = output.fact.shape.as_concrete() else { continue };
            let count = shape.iter().try_fold(1_usize, |n, d| n.checked_mul(*d));
            let count = count.filter(|n| *n <= limits.tensor_elements).ok_or_else(|| {
                LoadError::Dimensions { tensor: node.name.clone(), limit: limits.tensor_elements }
            })?;
            total = total.saturating_add(count);
        }
    }
    if total > limits.total_elements {
        return Err(LoadError::TooMany {
            what: "elements in all tensors together",
            limit: limits.total_elements,
        });
    }
    Ok(())
}
