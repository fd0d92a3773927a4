//! A card as one list of fields, with list elements by their name.
//! **Invariant:** the order of named list elements does not matter; that of plain values does.
//! It does not compare.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// What names an element of a list, the first that it has.
const NAMES: [&str; 7] = ["id", "name", "signal", "outcome", "rung", "metric", "text"];

/// Every field of a card's text with its value as TOML, by path; list elements by their name.
///
/// # Example
/// ```
/// let fields = inbetween_card::fields("[[goals.goal]]\ntext = \"stay on the face\"\ngate.at_most = 0.05");
/// assert_eq!(fields[0], ("goals.goal[stay on the face].gate.at_most".to_owned(), "0.05".to_owned()));
/// ```
pub fn fields(text: &str) -> Vec<(String, String)> {
    let mut all = values(text);
    // Elements stand for themselves in a comparison only.
    all.retain(|path, value| !(path.ends_with(']') && *value == Value::Boolean(true)));
    all.into_iter().map(|(path, value)| (path, value.to_string())).collect()
}

/// The same as values, with one entry more for each element that is a table.
pub(crate) fn values(text: &str) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    if let Ok(table) = toml::from_str::<Table>(text) {
        walk(Value::Table(table), String::new(), &mut all);
    }
    all
}

fn walk(value: Value, at: String, all: &mut BTreeMap<String, Value>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                walk(value, if at.is_empty() { key } else { format!("{at}.{key}") }, all);
            }
        }
        Value::Array(list) if list.iter().any(|v| v.is_table() || v.is_str()) => {
            let mut seen: BTreeMap<String, usize> = BTreeMap::new();
            for value in list {
                let name = NAMES
                    .iter()
                    .find_map(|key| value.get(key)?.as_str())
                    .or(value.as_str())
                    .unwrap_or_default();
                let count = seen.entry(name.to_owned()).and_modify(|n| *n += 1).or_insert(1);
                let path =
                    if *count == 1 { format!("{at}[{name}]") } else { format!("{at}[{name} #{count}]") };
                // The element itself, so that its removal is one change with a rule of its own.
                if value.is_table() {
                    all.insert(path.clone(), Value::Boolean(true));
                }
                walk(value, path, all);
            }
        }
        other => drop(all.insert(at, other)),
    }
}
