//! Ranges and contradictions that types cannot refuse.
//! **Invariant:** the first fault in the card's own order is reported, with the path of its field.
//! It does not parse.

use crate::{
    Activation, AudioInput, Card, DisplayMode, FeaturesInput, HeadSpec, Hits, ImageInput, InputSpec,
    ModelSpec, Normalise, RuleValue, Rung, SsdHead, TensorsInput,
};

/// A field that is out of range.
pub(crate) struct Fault {
    pub field: String,
    pub must: &'static str,
}

type Checked = Result<(), Fault>;

/// The largest dimension that an input may have: beyond it, no phone runs the model.
const MAX_SIDE: u32 = 8192;
/// The most elements that one tensor may have (256 MiB of floats).
const MAX_ELEMENTS: usize = 1 << 26;

fn need(ok: bool, field: impl Into<String>, must: &'static str) -> Checked {
    if ok { Ok(()) } else { Err(Fault { field: field.into(), must }) }
}

/// Milliseconds that a duration can hold: finite, not negative, under a day.
fn millis(ms: f64) -> bool {
    (0.0..=86_400_000.0).contains(&ms)
}

/// Checks every section.
pub(crate) fn card(card: &Card) -> Checked {
    let (d, t, b, s) = (&card.decision, &card.tolerance, &card.budget, &card.scheduling);
    need(!d.text.trim().is_empty(), "decision.text", "the decision in words")?;
    for (cost, field) in [
        (d.cost_wrong, "decision.cost_wrong"),
        (d.cost_late, "decision.cost_late"),
        (d.cost_missing, "decision.cost_missing"),
    ] {
        need(cost.is_finite() && cost >= 0.0, field, "finite and not negative")?;
    }
    need(t.epsilon.is_finite() && t.epsilon > 0.0, "tolerance.epsilon", "finite and above 0")?;
    need(
        t.miss_rate > 0.0 && t.miss_rate < 1.0,
        "tolerance.miss_rate",
        "between 0 and 1, both excluded (0.05 lets 5% of refreshes miss)",
    )?;
    need(millis(t.grace_ms), "tolerance.grace_ms", "from 0 to a day")?;
    need(millis(b.max_age_ms) && b.max_age_ms > 0.0, "budget.max_age_ms", "above 0, at most a day")?;
    need(
        b.deadline_ms > 0.0 && b.deadline_ms <= b.max_age_ms,
        "budget.deadline_ms",
        "above 0 and at most max_age_ms",
    )?;
    need(
        b.energy_mj_per_run.is_finite() && b.energy_mj_per_run >= 0.0,
        "budget.energy_mj_per_run",
        "finite and not negative",
    )?;
    need(
        b.energy_mj_per_s.is_none_or(|e| e.is_finite() && e > 0.0 && b.energy_mj_per_run > 0.0),
        "budget.energy_mj_per_s",
        "finite and above 0, with budget.energy_mj_per_run beside it",
    )?;
    need(b.duty > 0.0 && b.duty <= 1.0, "budget.duty", "above 0 and at most 1")?;
    need((1..=8).contains(&b.max_in_flight), "budget.max_in_flight", "from 1 to 8")?;
    need((1.0..=1000.0).contains(&card.display.hz), "display.hz", "from 1 to 1000")?;
    match card.display.mode {
        DisplayMode::Predict => {
            need(card.display.delay_ms == 0.0, "display.delay_ms", "left out, or mode = \"delayed\"")?;
        }
        DisplayMode::Delayed => {
            let delay = card.display.delay_ms;
            need(
                millis(delay) && delay > 0.0 && delay <= b.max_age_ms,
                "display.delay_ms",
                "above 0 and at most budget.max_age_ms",
            )?;
        }
    }
    ladder(card)?;
    need((0.0..=0.5).contains(&s.audit_rate), "scheduling.audit_rate", "from 0 to 0.5")?;
    need(
        millis(s.initial_latency_ms) && s.initial_latency_ms > 0.0,
        "scheduling.initial_latency_ms",
        "above 0, at most a day",
    )?;
    need(s.cache_kib <= 1 << 20, "scheduling.cache_kib", "at most 1048576 (1 GiB)")?;
    need(s.attribute_kib <= 1 << 20, "scheduling.attribute_kib", "at most 1048576 (1 GiB)")?;
    need(s.reuse_kib <= 1 << 20, "scheduling.reuse_kib", "at most 1048576 (1 GiB)")?;
    model(card)
}

fn ladder(card: &Card) -> Checked {
    let rungs = &card.ladder.rungs;
    need(
        rungs.windows(2).all(|w| w[0] < w[1]),
        "ladder.rungs",
        "in the order model, predicted, rule, unavailable, none of them twice",
    )?;
    need(
        [Rung::Model, Rung::Predicted, Rung::Unavailable].iter().all(|r| rungs.contains(r)),
        "ladder.rungs",
        "a list with model, predicted and unavailable: these three cannot be left out",
    )?;
    let rule = card.ladder.rule.as_ref();
    need(
        rungs.contains(&Rung::Rule) == rule.is_some(),
        "ladder.rule",
        "given when `rungs` contains \"rule\", and only then",
    )?;
    let Some(rule) = rule else { return Ok(()) };
    let fits = matches!(
        (rule, &card.model.head),
        (RuleValue::Boxes(_), HeadSpec::Ssd(_) | HeadSpec::Yolo(_))
            | (RuleValue::Keypoints(_), HeadSpec::Keypoints(_))
            | (RuleValue::Vector(_), HeadSpec::Raw(_))
            | (RuleValue::Rotation(_), HeadSpec::Rotation(_))
    ) || match (rule, &card.model.head) {
        (RuleValue::Probabilities(_), HeadSpec::Classification(h)) => !h.label,
        (RuleValue::Label(_), HeadSpec::Classification(h)) => h.label,
        (RuleValue::Scalar(_), HeadSpec::Regression(h)) => h.length == 1,
        (RuleValue::Vector(_), HeadSpec::Regression(h)) => h.length != 1,
        (RuleValue::Embedding(v), HeadSpec::Embedding(h)) => v.len() == h.length,
        _ => false,
    };
    need(fits, "ladder.rule", "a value of the kind that model.head gives (there is none for masks)")?;
    let sound = match rule {
        RuleValue::Scalar(x) => x.is_finite(),
        RuleValue::Vector(v) => v.iter().all(|x| x.is_finite()),
        RuleValue::Keypoints(v) => v.iter().flatten().all(|x| x.is_finite()),
        RuleValue::Boxes(v) => v
            .iter()
            .all(|b| [b.x0, b.y0, b.x1, b.y1].iter().all(|x| x.is_finite()) && b.x0 <= b.x1 && b.y0 <= b.y1),
        RuleValue::Probabilities(v) => {
            v.iter().all(|p| (0.0..=1.0).contains(p)) && (v.iter().sum::<f32>() - 1.0).abs() < 0.01
        }
        RuleValue::Label(_) => true,
        RuleValue::Rotation(v) => unit(v),
        RuleValue::Embedding(v) => unit(v),
    };
    need(
        sound,
        "ladder.rule",
        "finite, boxes with x0 <= x1 and y0 <= y1, probabilities that sum to 1, rotations and embeddings of length 1",
    )
}

/// Whether a vector has length 1, within the engine's 1%.
fn unit(v: &[f32]) -> bool {
    let square: f64 = v.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
    (0.981..=1.02).contains(&square)
}

fn model(card: &Card) -> Checked {
    let m = &card.model;
    spec(m)?;
    need(
        m.state.is_empty() || card.budget.max_in_flight == 1,
        "budget.max_in_flight",
        "1 for a model with recurrent state: its runs depend on each other",
    )?;
    let c = &m.input_contract;
    need((16..=16_384).contains(&c.max_side), "model.input_contract.max_side", "from 16 to 16384")?;
    need(
        c.min_side >= 16 && c.min_side <= c.max_side,
        "model.input_contract.min_side",
        "from 16 to max_side",
    )?;
    variants(card)
}

fn variants(card: &Card) -> Checked {
    let m = &card.model;
    need(m.variants.len() <= 7, "model.variants", "at most 7")?;
    need(
        m.variants.is_empty() || m.state.is_empty(),
        "model.variants",
        "left out for a model with recurrent state: another model cannot take it over",
    )?;
    let mut most = 1.0;
    for (i, v) in m.variants.iter().enumerate() {
        let path = |field: &str| format!("model.variants.{i}.{field}");
        need(
            v.energy > 0.0 && v.energy <= most,
            path("energy"),
            "above 0 and at most 1, the energy of the model; in falling order",
        )?;
        most = v.energy;
        need(v.error_scale.is_finite() && v.error_scale > 0.0, path("error_scale"), "finite and above 0")?;
        need(
            v.initial_latency_ms.is_none_or(|ms| ms > 0.0 && ms <= card.budget.max_age_ms),
            path("initial_latency_ms"),
            "above 0 and at most budget.max_age_ms",
        )?;
        let Some(whole) = m.variant(i + 1) else { continue };
        spec(&whole).map_err(|fault| Fault {
            field: fault.field.replacen("model", &format!("model.variants.{i}"), 1),
            must: fault.must,
        })?;
        need(
            output(&whole.head) == output(&m.head),
            path("head"),
            "one that gives values as the model's own does",
        )?;
        need(
            core::mem::discriminant(&whole.input) == core::mem::discriminant(&m.input),
            path("input"),
            "of the same kind as the model's own",
        )?;
    }
    Ok(())
}

/// The kind of value that a head gives, and of how many elements.
const fn output(head: &HeadSpec) -> (&'static str, usize) {
    match head {
        HeadSpec::Ssd(_) | HeadSpec::Yolo(_) => ("boxes", 0),
        HeadSpec::Keypoints(h) => ("keypoints", h.points),
        HeadSpec::Classification(h) if h.label => ("label", h.classes),
        HeadSpec::Classification(h) => ("probabilities", h.classes),
        HeadSpec::Regression(h) => ("numbers", h.length),
        HeadSpec::Raw(h) => ("vector", h.length),
        HeadSpec::Rotation(_) => ("rotation", 4),
        HeadSpec::Embedding(h) => ("embedding", h.length),
        HeadSpec::Mask(h) => ("mask", h.width.saturating_mul(h.height)),
    }
}

/// What a model says of itself, beside its place in the card.
fn spec(m: &ModelSpec) -> Checked {
    need(!m.name.trim().is_empty(), "model.name", "a name")?;
    need(!m.file.trim().is_empty(), "model.file", "the file name of the model in the bundle")?;
    need(
        m.sha256.as_ref().is_none_or(|s| s.len() == 64 && s.bytes().all(|b| b.is_ascii_hexdigit())),
        "model.sha256",
        "64 hexadecimal digits",
    )?;
    match &m.input {
        InputSpec::Image(i) => image(i)?,
        InputSpec::Audio(i) => audio(i)?,
        InputSpec::Tensors(i) => tensors(i)?,
        InputSpec::Features(i) => features(i)?,
    }
    match &m.head {
        HeadSpec::Ssd(h) => ssd(h, &m.input)?,
        HeadSpec::Yolo(h) => {
            need(
                matches!(m.input, InputSpec::Image(_)),
                "model.head.kind",
                "another one: boxes need an image input",
            )?;
            hits(&h.hits)?;
        }
        HeadSpec::Keypoints(h) => {
            need(
                matches!(m.input, InputSpec::Image(_)),
                "model.head.kind",
                "another one: keypoints need an image input",
            )?;
            need((1..=100_000).contains(&h.points), "model.head.points", "from 1 to 100000")?;
            need((2..=16).contains(&h.dims), "model.head.dims", "from 2 to 16")?;
            need(
                h.visibility.is_none_or(|v| (2..h.dims).contains(&v)),
                "model.head.visibility",
                "an index from 2 to dims - 1",
            )?;
        }
        HeadSpec::Classification(h) => {
            need((2..=1_000_000).contains(&h.classes), "model.head.classes", "from 2 to 1000000")?;
            need(
                h.classes == 2 || !matches!(h.activation, Activation::Sigmoid | Activation::Probability),
                "model.head.activation",
                "softmax or probabilities for more than two classes",
            )?;
        }
        HeadSpec::Regression(h) => {
            need((1..=MAX_ELEMENTS).contains(&h.length), "model.head.length", "at least 1")?;
            need(h.scale.is_finite() && h.scale != 0.0, "model.head.scale", "finite and not 0")?;
            need(h.offset.is_finite(), "model.head.offset", "finite")?;
        }
        HeadSpec::Raw(h) => need((1..=MAX_ELEMENTS).contains(&h.length), "model.head.length", "at least 1")?,
        HeadSpec::Rotation(h) => {
            need(h.first < MAX_ELEMENTS, "model.head.first", "the index of a number of the output")?;
        }
        HeadSpec::Mask(h) => {
            need(
                matches!(m.input, InputSpec::Image(_)),
                "model.head.kind",
                "another one: a mask needs an image input",
            )?;
            need((1..=4096).contains(&h.width), "model.head.width", "from 1 to 4096")?;
            need((1..=4096).contains(&h.height), "model.head.height", "from 1 to 4096")?;
            need((1..=1024).contains(&h.channels), "model.head.channels", "from 1 to 1024")?;
            need(h.channel < h.channels, "model.head.channel", "an index from 0 to channels - 1")?;
        }
        HeadSpec::Embedding(h) => {
            need((1..=MAX_ELEMENTS).contains(&h.length), "model.head.length", "at least 1")?;
        }
    }
    for (i, s) in m.state.iter().enumerate() {
        need(elements(&s.shape), format!("model.state.{i}.shape"), "dimensions above 0, not too large")?;
    }
    Ok(())
}

fn elements(shape: &[usize]) -> bool {
    shape.iter().all(|d| *d > 0)
        && shape.iter().try_fold(1_usize, |n, d| n.checked_mul(*d)).is_some_and(|n| n <= MAX_ELEMENTS)
}

fn image(i: &ImageInput) -> Checked {
    need((1..=MAX_SIDE).contains(&i.width), "model.input.width", "from 1 to 8192")?;
    need((1..=MAX_SIDE).contains(&i.height), "model.input.height", "from 1 to 8192")?;
    need(
        matches!(i.dtype, crate::ElementType::F32 | crate::ElementType::U8),
        "model.input.dtype",
        "f32 or u8 for an image",
    )?;
    normalise(&i.normalise, i.channels.count())?;
    need(
        i.dtype == crate::ElementType::F32 || i.normalise == Normalise::default(),
        "model.input.normalise",
        "left out for dtype u8: the model gets bytes",
    )
}

fn normalise(n: &Normalise, channels: usize) -> Checked {
    need(
        (n.mean.is_none() && n.std.is_none()) || (n.scale.is_none() && n.offset.is_none()),
        "model.input.normalise",
        "either mean and std, or scale and offset",
    )?;
    let lists = [(&n.mean, "mean"), (&n.std, "std"), (&n.scale, "scale"), (&n.offset, "offset")];
    for (list, name) in lists {
        let Some(list) = list else { continue };
        let nonzero = matches!(name, "std" | "scale");
        let path = format!("model.input.normalise.{name}");
        need(
            matches!(list, crate::PerChannel::All(_)) || list.values().len() == channels,
            path.clone(),
            "a number, or a list with one number for each channel",
        )?;
        need(
            list.values().iter().all(|x| x.is_finite() && (!nonzero || *x != 0.0)),
            path,
            "finite, and for std and scale not 0",
        )?;
    }
    Ok(())
}

fn audio(i: &AudioInput) -> Checked {
    need((1..=768_000).contains(&i.sample_rate), "model.input.sample_rate", "from 1 to 768000 Hz")?;
    need((1..=1 << 24).contains(&i.block), "model.input.block", "from 1 to 16777216 samples")?;
    need(i.context <= i.block, "model.input.context", "at most `block`")
}

fn tensors(i: &TensorsInput) -> Checked {
    need(!i.tensors.is_empty(), "model.input.tensors", "at least one")?;
    for (k, t) in i.tensors.iter().enumerate() {
        need(
            elements(&t.shape),
            format!("model.input.tensors.{k}.shape"),
            "dimensions above 0, not too large",
        )?;
        need(
            i.tensors[..k].iter().all(|o| o.name != t.name),
            format!("model.input.tensors.{k}.name"),
            "a name that no other tensor has",
        )?;
    }
    Ok(())
}

fn features(i: &FeaturesInput) -> Checked {
    need(!i.features.is_empty(), "model.input.features", "at least one")?;
    for (k, f) in i.features.iter().enumerate() {
        let path = |field: &str| format!("model.input.features.{k}.{field}");
        need(
            i.features[..k].iter().all(|o| o.name != f.name),
            path("name"),
            "a name that no other feature has",
        )?;
        need(f.default.is_none_or(f32::is_finite), path("default"), "finite")?;
        need(f.range.is_none_or(|[lo, hi]| lo <= hi), path("range"), "[low, high] with low <= high")?;
        need(
            f.range.is_none() || f.categories.is_empty(),
            path("range"),
            "left out for a feature with categories",
        )?;
    }
    Ok(())
}

fn ssd(h: &SsdHead, input: &InputSpec) -> Checked {
    let InputSpec::Image(image) = input else {
        return need(false, "model.head.kind", "another one: boxes need an image input");
    };
    need(!h.outputs.is_empty(), "model.head.outputs", "at least one pair of scores and boxes")?;
    need(!h.anchors.is_empty(), "model.head.anchors", "at least one layer")?;
    for (k, a) in h.anchors.iter().enumerate() {
        let path = |field: &str| format!("model.head.anchors.{k}.{field}");
        let side = image.width.max(image.height);
        need((1..=side).contains(&a.stride), path("stride"), "from 1 to the input's longer side")?;
        need((1..=64).contains(&a.per_cell), path("per_cell"), "from 1 to 64")?;
        need(
            a.sizes.is_empty() || a.sizes.len() == a.per_cell as usize,
            path("sizes"),
            "left out, or one [width, height] for each anchor of a cell",
        )?;
        need(
            a.sizes.iter().flatten().all(|s| s.is_finite() && *s > 0.0),
            path("sizes"),
            "finite and above 0",
        )?;
    }
    need(
        h.box_scale.iter().all(|s| s.is_finite() && *s > 0.0),
        "model.head.box_scale",
        "four numbers above 0 (the input size for BlazeFace; 1/variance for SSD)",
    )?;
    hits(&h.hits)
}

fn hits(h: &Hits) -> Checked {
    need(
        h.threshold > 0.0 && h.threshold <= 1.0,
        "model.head.hits.threshold",
        "above 0 and at most 1: with 0 every candidate would be a detection",
    )?;
    need(h.nms.iou > 0.0 && h.nms.iou <= 1.0, "model.head.hits.nms.iou", "above 0 and at most 1")?;
    need((1..=10_000).contains(&h.nms.max), "model.head.hits.nms.max", "from 1 to 10000")
}
