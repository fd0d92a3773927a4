//! Writes the JSON Schema of a card to standard output, for `core/card/card.schema.json`.
//! **Invariant:** it is what the types say.
//! It does not write files.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(inbetween_card::schema().as_bytes())
}
