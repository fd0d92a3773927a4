//! The card as CycloneDX 1.6: a bill of materials with the model as its one component.
//! **Invariant:** the same card gives the same bytes; what CycloneDX has no place for is kept as properties.
//! It does not sign and has no time of its own.
//!
//! # Source
//! ECMA-424, CycloneDX 1.6, `modelCard`.

use inbetween_card::{Card, HeadSpec, InputSpec, fields};
use serde_json::{Map, Value, json};

/// Prefix of properties, as the standard asks for one in a namespace of its own.
const NAMESPACE: &str = "inbetween:card:";

/// The document.
///
/// # Errors
/// When a number of the card is not finite.
pub fn cyclonedx(text: &str, card: &Card) -> anyhow::Result<String> {
    let model = &card.model;
    let mut component = Map::new();
    let reference = format!("model:{}@{}", model.name, model.version);
    component.insert("type".into(), "machine-learning-model".into());
    component.insert("bom-ref".into(), reference.clone().into());
    component.insert("name".into(), model.name.clone().into());
    component.insert("version".into(), model.version.to_string().into());
    component.insert("description".into(), card.decision.text.clone().into());
    if let Some(hash) = &model.sha256 {
        component.insert("hashes".into(), json!([{ "alg": "SHA-256", "content": hash.to_lowercase() }]));
    }
    component.insert(
        "modelCard".into(),
        json!({
            "bom-ref": format!("card:{}@{}", model.name, model.version),
            "modelParameters": parameters(card),
            "quantitativeAnalysis": { "performanceMetrics": metrics(card) },
            "considerations": considerations(card),
        }),
    );
    component.insert("properties".into(), properties(text));
    let variants: Vec<Value> = model
        .variants
        .iter()
        .map(|v| {
            let mut part = json!({
                "type": "machine-learning-model",
                "bom-ref": format!("model:{}@{}", v.name, v.version),
                "name": v.name,
                "version": v.version.to_string(),
            });
            if let (Some(hash), Some(part)) = (&v.sha256, part.as_object_mut()) {
                part.insert("hashes".into(), json!([{ "alg": "SHA-256", "content": hash.to_lowercase() }]));
            }
            part
        })
        .collect();
    if !variants.is_empty() {
        component.insert("components".into(), variants.into());
    }
    let document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "components": [component],
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn parameters(card: &Card) -> Value {
    let inputs: Vec<Value> = match &card.model.input {
        InputSpec::Image(i) => {
            vec![json!({ "format": format!("image {}x{} {:?}", i.width, i.height, i.channels) })]
        }
        InputSpec::Audio(a) => {
            vec![json!({ "format": format!("{} samples at {} Hz", a.block, a.sample_rate) })]
        }
        InputSpec::Tensors(t) => t
            .tensors
            .iter()
            .map(|t| json!({ "format": format!("tensor {} {:?}", t.name, t.shape) }))
            .collect(),
        InputSpec::Features(f) => {
            let kind = |categories: &[String]| if categories.is_empty() { "number" } else { "category" };
            f.features
                .iter()
                .map(|f| json!({ "format": format!("{} {}", kind(&f.categories), f.name) }))
                .collect()
        }
    };
    let (task, output) = match &card.model.head {
        HeadSpec::Ssd(_) | HeadSpec::Yolo(_) => ("object detection", "boxes".to_owned()),
        HeadSpec::Keypoints(h) => ("keypoint detection", format!("{} points", h.points)),
        HeadSpec::Classification(h) => ("classification", format!("{} classes", h.classes)),
        HeadSpec::Regression(h) => ("regression", format!("{} numbers", h.length)),
        HeadSpec::Raw(h) => ("inference", format!("{} numbers", h.length)),
        HeadSpec::Rotation(_) => ("pose estimation", "quaternion".to_owned()),
        HeadSpec::Embedding(h) => ("embedding", format!("{} numbers", h.length)),
        HeadSpec::Mask(h) => ("segmentation", format!("mask {}x{}", h.width, h.height)),
    };
    let datasets: Vec<Value> = card
        .data
        .iter()
        .flat_map(|d| &d.sources)
        .map(|s| {
            json!({
                "type": "dataset",
                "name": s.name,
                "description": s.text,
                "governance": { "owners": [{ "organization": { "name": s.owner } }] },
            })
        })
        .collect();
    json!({ "task": task, "inputs": inputs, "outputs": [{ "format": output }], "datasets": datasets })
}

fn metrics(card: &Card) -> Vec<Value> {
    let Some(baseline) = &card.baseline else { return Vec::new() };
    let mut list = Vec::new();
    if let Some(c) = &baseline.candidate {
        let [low, high] = c.interval;
        list.push(json!({
            "type": baseline.metric,
            "value": c.score.to_string(),
            "confidenceInterval": { "lowerBound": low.to_string(), "upperBound": high.to_string() },
        }));
    }
    if let Some(score) = baseline.score {
        list.push(json!({
            "type": format!("{} of the baseline: {}", baseline.metric, baseline.method),
            "value": score.to_string(),
        }));
    }
    list
}

fn considerations(card: &Card) -> Value {
    let mut all = Map::new();
    if let Some(user) = &card.user {
        all.insert("users".into(), json!([format!("{}, {}", user.who, user.context)]));
    }
    all.insert("useCases".into(), json!([card.decision.text]));
    if let Some(goals) = &card.goals {
        let limits: Vec<String> = goals.non_goals.iter().map(|g| format!("not meant: {g}")).collect();
        all.insert("technicalLimitations".into(), json!(limits));
    }
    let t = &card.tolerance;
    all.insert(
        "performanceTradeoffs".into(),
        json!([format!(
            "errors up to {} are tolerated, larger ones in {} of all answers",
            t.epsilon, t.miss_rate
        )]),
    );
    if let Some(failure) = &card.failure {
        let risk = |name: &str, text: &str| json!({ "name": format!("{name} output: {text}") });
        all.insert(
            "ethicalConsiderations".into(),
            json!([
                risk("wrong", &failure.wrong),
                risk("biased", &failure.biased),
                risk("unavailable", &failure.unavailable)
            ]),
        );
    }
    all.into()
}

fn properties(text: &str) -> Value {
    let all = fields(text).into_iter().map(
        |(field, value)| json!({ "name": format!("{NAMESPACE}{field}"), "value": value.trim_matches('"') }),
    );
    Value::Array(all.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_export_is_the_one_that_the_standard_accepts() {
        // tests/card/test_cyclonedx.py validates the file by the official schema.
        let card = include_str!("../../../core/card/tests/cards/risk.toml");
        let document = cyclonedx(card, &Card::parse(card).unwrap()).unwrap();
        assert!(
            document == include_str!("../../tests/card/risk.cdx.json"),
            "run: inbetween card export core/card/tests/cards/risk.toml --out benches/tests/card/risk.cdx.json"
        );
    }
}
