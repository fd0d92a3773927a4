//! Finds lines and dotted paths in a card's text.
//! **Invariant:** any text and any offset give an answer; nothing here can fail.
//! It does not judge values: `check` does.

use core::ops::Range;
use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

/// Line of a byte offset, counted from 1.
pub(crate) fn line_at(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|b| **b == b'\n').count()
}

/// Dotted path of the smallest key or value that covers `at`; empty when none does.
pub(crate) fn path_at(text: &str, at: usize) -> String {
    let mut best = (usize::MAX, String::new());
    if let Ok(root) = DeTable::parse(text) {
        walk(root.get_ref(), "", &mut |path, span, _| {
            if span.contains(&at) && span.len() < best.0 {
                best = (span.len(), path.to_owned());
            }
        });
    }
    best.1
}

/// Line of the field at `path` or, when it is not in the text, of its nearest section that is.
pub(crate) fn line_of(text: &str, path: &str) -> usize {
    Lines::of(text).line(path)
}

/// The line of every field of a text.
pub(crate) struct Lines(BTreeMap<String, usize>);

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        let ends: Vec<usize> =
            text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i).collect();
        let mut first = BTreeMap::new();
        if let Ok(root) = DeTable::parse(text) {
            walk(root.get_ref(), "", &mut |path, span, _| {
                // A key comes before its value; the first hit of a path is the key.
                first
                    .entry(path.to_owned())
                    .or_insert_with(|| 1 + ends.partition_point(|end| *end < span.start));
            });
        }
        Self(first)
    }

    /// Line of the field at `path`, of its nearest section that is there, or the first.
    pub(crate) fn line(&self, path: &str) -> usize {
        let mut path = path;
        loop {
            if let Some(line) = self.0.get(path) {
                return *line;
            }
            match path.rfind('.') {
                Some(dot) => path = &path[..dot],
                None => return 1,
            }
        }
    }
}

/// Path of the first key `name` inside the section at `under`.
pub(crate) fn find_key(text: &str, under: &str, name: &str) -> Option<String> {
    find(text, under, &|path, _| path.rsplit('.').next() == Some(name))
}

/// Path of the first text value `value` inside the section at `under`.
pub(crate) fn find_text(text: &str, under: &str, value: &str) -> Option<String> {
    find(text, under, &|_, found| found == Some(value))
}

/// Whether the field at `path` is in the text.
pub(crate) fn has(text: &str, path: &str) -> bool {
    find(text, path, &|found, _| found == path).is_some()
}

/// Every text value with its path.
pub(crate) fn each_text(text: &str, visit: &mut dyn FnMut(&str, &str)) {
    if let Ok(root) = DeTable::parse(text) {
        walk(root.get_ref(), "", &mut |path, _, value| {
            if let Some(value) = value {
                visit(path, value);
            }
        });
    }
}

fn find(text: &str, under: &str, wanted: &dyn Fn(&str, Option<&str>) -> bool) -> Option<String> {
    let mut hit = None;
    if let Ok(root) = DeTable::parse(text) {
        walk(root.get_ref(), "", &mut |path, _, value| {
            if hit.is_none() && path.starts_with(under) && wanted(path, value) {
                hit = Some(path.to_owned());
            }
        });
    }
    hit
}

type Visit<'a> = dyn FnMut(&str, Range<usize>, Option<&str>) + 'a;

fn walk(table: &DeTable<'_>, prefix: &str, visit: &mut Visit<'_>) {
    for (key, value) in table {
        let name = key.get_ref();
        let path = if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") };
        visit(&path, key.span(), None);
        walk_value(value.get_ref(), value.span(), &path, visit);
    }
}

fn walk_value(value: &DeValue<'_>, span: Range<usize>, path: &str, visit: &mut Visit<'_>) {
    visit(path, span, value.as_str());
    if let Some(table) = value.as_table() {
        walk(table, path, visit);
    } else if let Some(items) = value.as_array() {
        for (i, item) in items.iter().enumerate() {
            walk_value(item.get_ref(), item.span(), &format!("{path}.{i}"), visit);
        }
    }
}
