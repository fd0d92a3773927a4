//! Runs a model on frames, one at a time, with memory that is reused.
//! **Invariant:** after any failure, panic or cancellation the next run starts from a sound state.
//! It does not start threads or measure time: the host does both.

use std::sync::Arc;

use inbetween_flow::{Frame, Value, ValueFault};
use tract_core::{internal::tract_smallvec::SmallVec, prelude::*};

use crate::{
    cancel::CancelToken,
    error::{LoadError, RunError},
    guard::caught,
    head::OutputView,
    input::{Placement, Preprocessor},
    model::{Compiled, Model, Role},
};

/// The run state of a model: belongs to one worker at a time.
#[derive(Debug)]
pub struct Runner {
    model: Arc<Compiled>,
    /// `None` after a failure that may have left it half-way: made anew for the next run.
    state: Option<TypedSimpleState>,
    preprocessor: Preprocessor,
    /// One tensor for each input of the model, in the model's order.
    inputs: Vec<Arc<Tensor>>,
    prepared: Option<Prepared>,
}

/// A frame whose tensors are filled.
#[derive(Debug)]
struct Prepared {
    /// Of an image.
    placement: Option<Placement>,
}

/// Why the plan stopped between two operators.
#[derive(Debug, thiserror::Error)]
#[error("cancelled")]
struct Stopped;

impl Model {
    /// A runner of its own state, for one worker at a time.
    ///
    /// # Errors
    /// When the runtime cannot make a state.
    pub fn runner(&self) -> Result<Runner, LoadError> {
        Runner::new(Arc::clone(&self.inner))
    }
}

impl Runner {
    fn new(model: Arc<Compiled>) -> Result<Self, LoadError> {
        let unusable = |e: TractError| LoadError::Unusable { stage: "state", reason: format!("{e:#}") };
        let state = caught(|| model.plan.spawn())
            .map_err(|reason| LoadError::Panicked { reason })?
            .map_err(unusable)?;
        let inputs = model
            .inputs
            .iter()
            .map(|(dt, shape)| Tensor::zero_dt(*dt, shape).map(Arc::new))
            .collect::<TractResult<_>>()
            .map_err(unusable)?;
        let preprocessor = model.preprocessor.clone();
        Ok(Self { model, state: Some(state), preprocessor, inputs, prepared: None })
    }

    /// Runs the model on `frame`: [`Runner::prepare`] and [`Runner::execute`].
    ///
    /// # Errors
    /// As these two.
    pub fn run(&mut self, frame: &Frame<'_>, cancel: &CancelToken) -> Result<Value, RunError> {
        self.prepare(frame)?;
        self.execute(cancel)
    }

    /// Makes the model's input of `frame`; afterwards the frame's memory is not needed any more.
    ///
    /// # Errors
    /// When the frame does not fit the card.
    pub fn prepare(&mut self, frame: &Frame<'_>) -> Result<(), RunError> {
        self.prepared = None;
        let Self { model, preprocessor, inputs, .. } = self;
        // The preprocessor's tensors in its own order, which need not be the model's.
        let mut tensors: Vec<(usize, &mut Arc<Tensor>)> = model
            .roles
            .iter()
            .zip(inputs)
            .filter_map(|(role, tensor)| match role {
                Role::Frame(k) => Some((*k, tensor)),
                Role::State(_) => None,
            })
            .collect();
        tensors.sort_by_key(|(k, _)| *k);
        let mut tensors: Vec<&mut Arc<Tensor>> = tensors.into_iter().map(|(_, t)| t).collect();
        let placement = caught(|| preprocessor.prepare(frame, &mut tensors))
            .map_err(|reason| RunError::Panicked { reason })??;
        self.prepared = Some(Prepared { placement });
        Ok(())
    }

    /// Runs the model on the prepared frame and decodes what it says.
    ///
    /// # Errors
    /// When nothing is prepared, the token was cancelled, the model failed or panicked, or its output is refused.
    pub fn execute(&mut self, cancel: &CancelToken) -> Result<Value, RunError> {
        let prepared = self.prepared.take().ok_or(RunError::NotPrepared)?;
        let mut state = match self.state.take() {
            Some(state) => state,
            None => caught(|| self.model.plan.spawn())
                .map_err(|reason| RunError::Panicked { reason })?
                .map_err(|e| RunError::Model { reason: format!("{e:#}") })?,
        };
        let inputs: TVec<TValue> = self.inputs.iter().map(|t| TValue::from_const(Arc::clone(t))).collect();
        let ran = caught(move || {
            let outputs = state.run_plan_with_eval(inputs, |context, op_state, node, inputs| {
                if cancel.is_cancelled() {
                    return Err(TractError::new(Stopped));
                }
                tract_core::plan::eval(context, op_state, node, inputs)
            });
            (state, outputs)
        });
        // On a panic the state is gone with the closure; on an error it is dropped here.
        let (state, outputs) = ran.map_err(|reason| RunError::Panicked { reason })?;
        let outputs = outputs.map_err(|e| {
            if e.is::<Stopped>() { RunError::Cancelled } else { RunError::Model { reason: format!("{e:#}") } }
        })?;
        self.state = Some(state);
        let value = self.decode(&outputs, prepared.placement.as_ref())?;
        self.keep_state(&outputs)?;
        Ok(value)
    }

    fn decode(&self, outputs: &[TValue], placement: Option<&Placement>) -> Result<Value, RunError> {
        let refused = |_| RunError::Refused(ValueFault::WrongKind);
        // Outputs of other types (bytes, halves, integers) are read as floats.
        let floats: SmallVec<[_; 4]> = outputs[..self.model.head_outputs]
            .iter()
            .map(|o| o.cast_to::<f32>())
            .collect::<TractResult<_>>()
            .map_err(refused)?;
        let views: SmallVec<[_; 4]> = floats
            .iter()
            .map(|t| t.try_as_plain_ram()?.as_slice::<f32>().map(OutputView))
            .collect::<TractResult<_>>()
            .map_err(refused)?;
        self.model.head.decode(&views, placement)
    }

    /// Makes the recurrent outputs of a good run the inputs of the next. A state that is not finite would spoil all
    /// runs to come: the one before stays.
    fn keep_state(&mut self, outputs: &[TValue]) -> Result<(), RunError> {
        let first = self.model.head_outputs;
        for state in &outputs[first..] {
            let view = state.try_as_plain_ram();
            if !view.is_ok_and(|v| v.as_slice::<f32>().is_ok_and(|s| s.iter().all(|x| x.is_finite()))) {
                return Err(RunError::Refused(ValueFault::NotFinite));
            }
        }
        for (role, input) in self.model.roles.iter().zip(&mut self.inputs) {
            if let Role::State(k) = role {
                *input = outputs[first + k].clone().into_arc_tensor();
            }
        }
        Ok(())
    }

    /// Forgets recurrent state and audio context, as after a gap in the stream.
    pub fn reset(&mut self) {
        if let Preprocessor::Audio(stage) = &mut self.preprocessor {
            stage.reset();
        }
        for ((role, input), (dt, shape)) in
            self.model.roles.iter().zip(&mut self.inputs).zip(&self.model.inputs)
        {
            if matches!(role, Role::State(_))
                && let Ok(zeros) = Tensor::zero_dt(*dt, shape)
            {
                *input = Arc::new(zeros);
            }
        }
        self.prepared = None;
    }
}
