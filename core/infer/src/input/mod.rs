//! From a frame to the model's input tensors, as the card's input spec states.
//! **Invariant:** any frame gives tensors or a typed fault; buffers are reused from frame to frame.
//! It does not run the model and does not decode.

mod audio;
mod image;
mod pixels;
mod place;
mod table;

use std::sync::Arc;

use inbetween_card::{ElementType, InputSpec};
use inbetween_flow::{Frame, Input};
use tract_core::prelude::{Datum, DatumType, Tensor};

pub use image::{ImageStage, Pixels};
pub use place::Placement;

use crate::error::InputFault;

/// Shape and type of one tensor that a preprocessor makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TensorShape {
    /// The model input that it feeds; the first one when `None`.
    pub name: Option<String>,
    pub datum_type: DatumType,
    pub shape: Vec<usize>,
}

/// Makes input tensors of frames.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Preprocessor {
    /// Of images.
    Image(Box<ImageStage>),
    /// Of audio blocks.
    Audio(audio::AudioStage),
    /// Of tensors.
    Tensors(inbetween_card::TensorsInput),
    /// Of features.
    Features(inbetween_card::FeaturesInput),
}

impl Preprocessor {
    /// The preprocessor that `spec` states.
    pub fn new(spec: &InputSpec) -> Self {
        match spec {
            InputSpec::Image(spec) => Self::Image(Box::new(ImageStage::new(spec.clone()))),
            InputSpec::Audio(spec) => Self::Audio(audio::AudioStage::new(spec.clone())),
            InputSpec::Tensors(spec) => Self::Tensors(spec.clone()),
            InputSpec::Features(spec) => Self::Features(spec.clone()),
        }
    }

    /// What `prepare` fills.
    pub(crate) fn shapes(&self) -> Vec<TensorShape> {
        let one = |name: &Option<String>, datum_type, shape: Vec<usize>| {
            vec![TensorShape { name: name.clone(), datum_type, shape }]
        };
        match self {
            Self::Image(stage) => {
                let spec = stage.spec();
                one(&spec.tensor, datum(spec.dtype), stage.shape())
            }
            Self::Audio(stage) => {
                let spec = stage.spec();
                one(&spec.tensor, f32::datum_type(), vec![(spec.block + spec.context) as usize])
            }
            Self::Tensors(spec) => (spec.tensors.iter())
                .map(|t| TensorShape {
                    name: Some(t.name.clone()),
                    datum_type: datum(t.dtype),
                    shape: t.shape.clone(),
                })
                .collect(),
            Self::Features(spec) => one(&spec.tensor, f32::datum_type(), vec![1, spec.features.len()]),
        }
    }

    /// Fills the tensors of `shapes`, in their order. Images also give where their pixels lie in the frame.
    pub(crate) fn prepare(
        &mut self,
        frame: &Frame<'_>,
        tensors: &mut [&mut Arc<Tensor>],
    ) -> Result<Option<Placement>, InputFault> {
        match (self, frame.input) {
            (Self::Image(stage), Input::Image(image)) => {
                let placement = if stage.spec().dtype == ElementType::U8 {
                    elements(tensors, |t| stage.write(&image, Pixels::U8(t)))
                } else {
                    elements(tensors, |t| stage.write(&image, Pixels::F32(t)))
                };
                placement.map(Some)
            }
            (Self::Audio(stage), Input::Audio(audio)) => {
                elements(tensors, |t| stage.write(frame.captured, &audio, t)).map(|()| None)
            }
            (Self::Tensors(spec), Input::Tensors(list)) => {
                for (spec, tensor) in spec.tensors.iter().zip(tensors) {
                    table::tensor(spec, list, exclusive(tensor))?;
                }
                Ok(None)
            }
            (Self::Features(spec), Input::Features(list)) => {
                elements(tensors, |t| table::features(spec, list, t)).map(|()| None)
            }
            _ => Err(InputFault::Kind),
        }
    }
}

/// Lets `write` fill the elements of the only tensor.
fn elements<T: Datum, R>(
    tensors: &mut [&mut Arc<Tensor>],
    write: impl FnOnce(&mut [T]) -> Result<R, InputFault>,
) -> Result<R, InputFault> {
    let [tensor] = tensors else { return Err(InputFault::Length) };
    let mut view = exclusive(tensor).try_as_plain_ram_mut().map_err(|_| InputFault::ElementType)?;
    write(view.as_slice_mut().map_err(|_| InputFault::ElementType)?)
}

/// The tensor to write to: the same memory as before, unless the last run still holds it.
fn exclusive(tensor: &mut Arc<Tensor>) -> &mut Tensor {
    Arc::make_mut(tensor)
}

pub(crate) fn datum(dtype: ElementType) -> DatumType {
    match dtype {
        ElementType::U8 => u8::datum_type(),
        ElementType::I64 => i64::datum_type(),
        ElementType::I32 => i32::datum_type(),
        ElementType::F32 => f32::datum_type(),
    }
}
