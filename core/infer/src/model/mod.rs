//! From bytes to a model that can run.
//! **Invariant:** any bytes give a model or a typed error; no panic gets out, no file is opened.
//! It does not run the model: a `Runner` does.

mod compile;
mod preflight;
mod repair;
mod wire;
mod work;

use std::{collections::BTreeMap, sync::Arc};

use inbetween_card::ModelSpec;
use tract_onnx::{pb::ModelProto, prelude::*};

pub(crate) use compile::{Compiled, Role};
pub use work::Work;

use crate::{error::LoadError, guard::caught};

/// What a model may demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadLimits {
    /// Bytes of the file.
    pub bytes: usize,
    /// Nodes in all graphs together.
    pub nodes: usize,
    /// Messages and strings of the file; each costs some hundred bytes when it is parsed.
    pub items: usize,
    /// Levels of nested graphs.
    pub depth: usize,
    /// Elements of any one tensor.
    pub tensor_elements: usize,
    /// Elements of all tensors between the operators together.
    pub total_elements: usize,
}

impl Default for LoadLimits {
    /// Room for any model that a phone runs in a fraction of a second.
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            nodes: 10_000,
            items: 1 << 18,
            depth: 4,
            tensor_elements: 1 << 26,
            total_elements: 1 << 29,
        }
    }
}

/// A loaded model; clones share it.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) inner: Arc<Compiled>,
}

impl Model {
    /// Loads an ONNX file for the input and head that `spec` states.
    ///
    /// Repairs what exporters commonly get wrong: stated output shapes are ignored, stated shapes of intermediate
    /// values too when they contradict, and `ConstantOfShape` without a value is float32.
    ///
    /// # Errors
    /// When the bytes are not a model that is within `limits`, supported, and of the inputs and outputs that `spec`
    /// states. Nothing in the bytes makes this panic.
    pub fn load(bytes: &[u8], spec: &ModelSpec, limits: LoadLimits) -> Result<Self, LoadError> {
        if bytes.len() > limits.bytes {
            return Err(LoadError::FileSize { bytes: bytes.len(), limit: limits.bytes });
        }
        wire::walk(bytes, limits.items, limits.depth)?;
        let inner = caught(|| load(bytes, spec, &limits))
            .unwrap_or_else(|reason| Err(LoadError::Panicked { reason }))?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Multiply-accumulates of one run: those of convolutions and matrix products, the usual definition.
    pub fn macs(&self) -> u64 {
        self.inner.work.total_macs()
    }

    /// What one run takes: multiply-accumulates by type, and bytes. Equal on all processors.
    pub fn work(&self) -> &Work {
        &self.inner.work
    }

    /// What computes convolutions and matrix products on this processor, each with the number of operators that it
    /// computes. The runtime chooses by what the processor can do, so results differ in rounding from one to another.
    pub fn kernels(&self) -> &BTreeMap<String, usize> {
        &self.inner.kernels
    }

    /// Whether runs depend on the runs before (the card names recurrent state).
    pub fn is_stateful(&self) -> bool {
        self.inner.roles.iter().any(|r| matches!(r, Role::State(_)))
    }
}

fn load(bytes: &[u8], spec: &ModelSpec, limits: &LoadLimits) -> Result<Compiled, LoadError> {
    let onnx = tract_onnx::onnx().with_ignore_output_shapes(true);
    let mut proto: ModelProto = onnx
        .proto_model_for_read(&mut &*bytes)
        .map_err(|e| LoadError::Malformed { reason: format!("{e:#}") })?;
    preflight::check(&proto, &onnx, limits)?;
    let repairs = repair::repair(&mut proto);
    log::debug!("model `{}`: {repairs} repairs", spec.name);
    match caught(|| compile::compile(&onnx, &proto, spec, limits)) {
        Ok(Err(LoadError::Unusable { stage, reason })) => {
            log::debug!("model `{}`: {stage}: {reason}; again without stated shapes", spec.name);
        }
        Ok(done) => return done,
        Err(reason) => {
            log::debug!("model `{}`: panic: {reason}; again without stated shapes", spec.name);
        }
    }
    compile::compile(&onnx.with_ignore_value_info(true), &proto, spec, limits)
}
