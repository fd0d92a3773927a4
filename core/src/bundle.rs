//! A card and its model, as the app ships them.
//! **Invariant:** the card of a `Bundle` was accepted, and the model's bytes are those that it states, if it does.
//! It does not check signatures yet: see [`Bundle`].

use std::sync::Arc;

use inbetween_card::Card;
use sha2::{Digest, Sha256};

use crate::error::BundleError;

/// A card and the bytes of its model.
///
/// **There is no signature yet.** This stage takes both parts from the app itself and trusts them as far as it
/// trusts the app's own files; manifest, signature and golden vectors come with a later stage. Until then do not
/// load bundles from a network. The model's bytes are treated as untrusted all the same: they are checked before
/// they are parsed, and cannot make the engine panic.
#[derive(Clone, Debug)]
pub struct Bundle {
    card: Card,
    model: Arc<[u8]>,
}

impl Bundle {
    /// A bundle of a card's text and its model's bytes.
    ///
    /// # Errors
    /// When the card is refused, or states a SHA-256 that is not that of `model`.
    ///
    /// # Example
    /// ```
    /// let error = inbetween::Bundle::from_parts("[decision]\ntext = 3", b"").unwrap_err();
    /// assert!(error.to_string().starts_with("card line 2, `decision.text`"), "{error}");
    /// ```
    pub fn from_parts(card_toml: &str, model: &[u8]) -> Result<Self, BundleError> {
        let card = Card::parse(card_toml)?;
        if let Some(stated) = &card.model.sha256 {
            let found = hex(&Sha256::digest(model));
            if !found.eq_ignore_ascii_case(stated) {
                return Err(BundleError::Digest { found, stated: stated.clone() });
            }
        }
        Ok(Self { card, model: model.into() })
    }

    /// The card.
    pub const fn card(&self) -> &Card {
        &self.card
    }

    /// The model's bytes.
    pub fn model(&self) -> &[u8] {
        &self.model
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|d| char::from(digits[usize::from(d)])).collect()
}
