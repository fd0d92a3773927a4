//! The published schema is the one of the types, and the complete card shows every field of it.

mod common;

use common::RISK;
use serde_json::{Map, Value};

const PUBLISHED: &str = include_str!("../card.schema.json");

#[test]
fn the_published_schema_is_up_to_date() {
    let mend = "cargo run -p inbetween-card --features schema --example schema > core/card/card.schema.json";
    assert!(PUBLISHED == inbetween_card::schema(), "card.schema.json is not what the types say; run: {mend}");
}

/// Fields that the complete card does not show: what stands instead of something else that it shows.
const ELSEWHERE: &[&str] = &[
    "baseline.not_measured",
    "goals.goal.gate.at_least",
    "metrics.*.gate.at_least",
    "model.state",
    "monitoring.response.below",
    "metrics.business.gate",
    "metrics.monitoring.gate",
    "validation.*.evidence",
    "fallback.rungs.recovery",
];

/// Every property of a schema, without alternatives (`oneOf`), whose fields have tests of their own.
fn properties(schema: &Value, root: &Value, at: &str, all: &mut Vec<String>) {
    let schema = match schema.get("$ref").and_then(Value::as_str) {
        Some(name) => &root["$defs"][name.trim_start_matches("#/$defs/")],
        None => schema,
    };
    for (name, inner) in schema["properties"].as_object().unwrap_or(&Map::new()) {
        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        all.push(path.clone());
        properties(inner, root, &path, all);
    }
    properties_of_items(schema, root, at, all);
    for one in schema["anyOf"].as_array().into_iter().flatten() {
        properties(one, root, at, all);
    }
}

fn properties_of_items(schema: &Value, root: &Value, at: &str, all: &mut Vec<String>) {
    if let Some(items) = schema.get("items") {
        properties(items, root, at, all);
    }
}

fn shown(card: &toml::Value, path: &str) -> bool {
    match card {
        _ if path.is_empty() => true,
        toml::Value::Array(list) => list.iter().any(|item| shown(item, path)),
        toml::Value::Table(table) => {
            let (first, rest) = path.split_once('.').unwrap_or((path, ""));
            table.get(first).is_some_and(|inner| shown(inner, rest))
        }
        _ => false,
    }
}

#[test]
fn the_complete_card_shows_every_field() {
    let root: Value = serde_json::from_str(PUBLISHED).expect("JSON");
    let card: toml::Value = toml::from_str::<toml::Table>(RISK).expect("TOML").into();
    let mut all = Vec::new();
    properties(&root, &root, "", &mut all);
    assert!(all.len() > 150, "{} properties", all.len());
    let elsewhere = |path: &str| {
        ELSEWHERE.iter().any(|e| {
            path == *e
                || path.starts_with(&format!("{e}."))
                || e.split_once(".*.").is_some_and(|(a, b)| path.starts_with(a) && path.ends_with(b))
        })
    };
    let hidden: Vec<&String> = all.iter().filter(|path| !shown(&card, path) && !elsewhere(path)).collect();
    assert!(hidden.is_empty(), "no test deletes {hidden:?}");
}
