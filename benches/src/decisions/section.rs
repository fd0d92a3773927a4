//! A section of a card, written anew in its text.
//! **Invariant:** everything outside the section stays as it was, comments too; what would be no card is not written.
//! It does not judge what stands in the section: `card check` does.

use std::{fs, path::Path};

use anyhow::Context as _;
use inbetween_card::Card;

/// Writes the section `name` of the card at `path` anew, as `body`.
///
/// # Errors
/// When the file cannot be read or written, or would not be a card any more.
pub fn put(path: &Path, name: &str, body: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let new = replace(&text, name, body);
    Card::parse(&new).with_context(|| format!("{} would not be a card any more", path.display()))?;
    fs::write(path, new).with_context(|| format!("cannot write {}", path.display()))
}

/// `card` with the tables `name` and `name.*` replaced by `body`, which has their headers.
pub fn replace(card: &str, name: &str, body: &str) -> String {
    let mut kept = String::new();
    let mut inside = false;
    for line in card.lines() {
        if let Some(header) = line.trim_start().strip_prefix('[') {
            let header = header.trim_start_matches('[').split(']').next().unwrap_or_default().trim();
            inside = header == name || header.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        }
        if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    format!("{}\n\n{}\n", kept.trim_end(), body.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_section_changes() {
        let card = "# card\n[a]\nx = 1 # kept\n\n[b]\ny = 2\n[b.c]\nz = 3\n[bc]\nw = 4\n";
        let new = replace(card, "b", "[b]\ny = 5");
        assert_eq!(new, "# card\n[a]\nx = 1 # kept\n\n[bc]\nw = 4\n\n[b]\ny = 5\n");
        assert_eq!(replace(&new, "b", "[b]\ny = 5"), new);
    }
}
