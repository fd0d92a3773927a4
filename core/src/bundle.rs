//! A card and its model, as the app ships them.
//! **Invariant:** the card of a `Bundle` was accepted, and the model's bytes are those that it states, if it does.
//! It does not check signatures yet: see [`Bundle`].

use std::sync::Arc;

use inbetween_card::Card;
use sha2::{Digest, Sha256};

use crate::error::BundleError;

/// A card and the bytes of its model and of the model's variants.
///
/// **There is no signature yet.** This stage takes all parts from the app itself and trusts them as far as it
/// trusts the app's own files; manifest, signature and golden vectors come with a later stage. Until then do not
/// load bundles from a network. A model's bytes are treated as untrusted all the same: they are checked before
/// they are parsed, and cannot make the engine panic.
#[derive(Clone, Debug)]
pub struct Bundle {
    card: Card,
    /// The model itself, then its variants.
    models: Vec<Arc<[u8]>>,
}

impl Bundle {
    /// A bundle of a card's text and its model's bytes.
    ///
    /// # Errors
    /// When the card is refused, lists variants, or states a SHA-256 that is not that of `model`.
    ///
    /// # Example
    /// ```
    /// let error = inbetween::Bundle::from_parts("[decision]\ntext = 3", b"").unwrap_err();
    /// assert!(error.to_string().starts_with("card line 2, `decision.text`"), "{error}");
    /// ```
    pub fn from_parts(card_toml: &str, model: &[u8]) -> Result<Self, BundleError> {
        let mut model = Some(Vec::from(model));
        Self::from_files(card_toml, |_| model.take())
    }

    /// A bundle of a card's text and the files that it names: that of the model first, then those of its variants in
    /// the card's order.
    ///
    /// # Errors
    /// When the card is refused, `file` has no bytes for a name, or these have not the SHA-256 that the card states.
    ///
    /// # Example
    /// ```no_run
    /// let card = std::fs::read_to_string("bundle/card.toml")?;
    /// let bundle = inbetween::Bundle::from_files(&card, |name| std::fs::read(format!("bundle/{name}")).ok())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_files(
        card_toml: &str,
        mut file: impl FnMut(&str) -> Option<Vec<u8>>,
    ) -> Result<Self, BundleError> {
        let card = Card::parse(card_toml)?;
        let model = &card.model;
        let named = core::iter::once((&model.file, &model.sha256))
            .chain(model.variants.iter().map(|v| (&v.file, &v.sha256)));
        let mut models = Vec::new();
        for (name, stated) in named {
            let bytes = file(name).ok_or_else(|| BundleError::Missing { file: name.clone() })?;
            if let Some(stated) = stated {
                let found = hex(&Sha256::digest(&bytes));
                if !found.eq_ignore_ascii_case(stated) {
                    return Err(BundleError::Digest { found, stated: stated.clone() });
                }
            }
            models.push(bytes.into());
        }
        Ok(Self { card, models })
    }

    /// The card.
    pub const fn card(&self) -> &Card {
        &self.card
    }

    /// The model's bytes.
    pub fn model(&self) -> &[u8] {
        self.models.first().map_or(&[], |m| m)
    }

    /// A part of the hash of all models' bytes.
    pub(crate) fn identity(&self) -> u64 {
        let all =
            self.models.iter().fold(Sha256::new(), |all, model| all.chain_update(Sha256::digest(model)));
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(all.finalize());
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// The bytes of the model and of its variants, in the order in which tickets count them.
    pub fn models(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.models.iter().map(|m| &**m)
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|d| char::from(digits[usize::from(d)])).collect()
}
