//! From ONNX bytes to a decoded value: loading, preprocessing, running and heads over tract.
//!
//! This is the only crate that names tract. A model is untrusted input: [`Model::load`] walks it before it is
//! parsed, refuses what is too large, external or unsupported, and no panic of the model's making gets out. A
//! [`Runner`] belongs to one worker at a time and reuses its buffers from run to run. What a model eats and says is
//! data in the card ([`inbetween_card::InputSpec`], [`inbetween_card::HeadSpec`]).
//!
//! A panic inside the model library is caught and becomes a typed error; the host's panic hook still sees it.
//!
//! # Example
//! ```no_run
//! # fn demo(bytes: &[u8], card: &inbetween_card::Card, frame: &inbetween_flow::Frame<'_>)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! use inbetween_infer::{CancelToken, LoadLimits, Model};
//!
//! let model = Model::load(bytes, &card.model, LoadLimits::default())?;
//! let mut runner = model.runner()?;
//! let value = runner.run(frame, &CancelToken::new())?;
//! println!("{value:?}, {} multiply-accumulates", model.macs());
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]
#![forbid(clippy::disallowed_types, clippy::disallowed_methods)]

mod cancel;
mod error;
mod guard;
mod head;
mod input;
mod model;
mod optimize;
mod runner;

pub use cancel::CancelToken;
pub use error::{InputFault, LoadError, RunError};
pub use head::{Head, OutputView, suppress};
pub use input::{ImageStage, Pixels, Placement, Preprocessor};
pub use model::{LoadLimits, Model, Work};
pub use runner::Runner;
