//! What can be wrong with a bundle or an engine's configuration.
//! **Invariant:** every variant carries its cause as data.
//! It does not cover frames and runs: `FrameError` and `RunFailure` do.

use inbetween_card::CardError;
use inbetween_flow::ConfigError;
use inbetween_infer::LoadError;

/// Why a bundle is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The card is refused.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The model is not the one that the card names.
    #[error(
        "the model's SHA-256 is {found}, the card states {stated}: ship the file that the card was made for"
    )]
    Digest {
        /// Of the bytes that came, in hexadecimal.
        found: String,
        /// What the card states.
        stated: String,
    },
    /// A file that the card names is not there.
    #[error("the card names `{file}`, and there are no bytes for it: give the model and all of its variants")]
    Missing {
        /// Its name in the card.
        file: String,
    },
}

/// Why an engine cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A field of the configuration is out of range.
    #[error("configuration: {0}")]
    Config(ConfigError),
    /// The model cannot be used.
    #[error(transparent)]
    Model(#[from] LoadError),
    /// A variant of the model cannot be used.
    #[error("variant `{name}`: {error}")]
    Variant {
        /// Its name in the card.
        name: String,
        /// Why not.
        error: LoadError,
    },
}
