//! The JSON Schema of a complete card, for editors that complete and check TOML.
//! **Invariant:** it is made from the types that read cards, so it cannot say anything else.
//! It does not know ranges and what ties sections together: `check` and the review do.

use crate::{Card, Date};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};

/// The JSON Schema (2020-12) of a complete card: all fourteen sections are required.
///
/// # Source
/// <https://json-schema.org/draft/2020-12>
pub fn schema() -> String {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Card>();
    schema.insert("title".to_owned(), "Inbetween system card".into());
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

impl JsonSchema for Date {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // A TOML date; editors and validators see it as text.
        json_schema!({ "type": "string", "format": "date" })
    }
}
