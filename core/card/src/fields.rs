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
    let inner: Vec<String> = all.keys().cloned().collect();
    all.retain(|path, _| {
        !inner.iter().any(|p| p.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.')))
    });
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
            for value in list {
                let name = NAMES.iter().find_map(|key| value.get(key)?.as_str()).or(value.as_str());
                let mut path = format!("{at}[{}]", name.unwrap_or_default());
                // Two responses to one signal are told apart by their severity, then by their order.
                if let Some(severity) = value.get("severity").and_then(Value::as_str)
                    && all.keys().any(|known| known.starts_with(&path))
                {
                    path = format!("{at}[{} {severity}]", name.unwrap_or_default());
                }
                while all.keys().any(|known| known.starts_with(&path)) {
                    path.insert(path.len() - 1, '\'');
                }
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
