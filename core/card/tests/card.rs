//! Cards that are read, and cards that are refused with the line, the field and the mend.

use inbetween_card::{
    AnchorLayer, Card, CardError, Channels, Fit, HeadSpec, InputSpec, Layout, NmsMode, OutputRef,
    QuaternionOrder, RuleValue, Rung,
};

const FACE: &str = r#"
[decision]
text = "keep the face in the middle"
cost_wrong = 1
cost_late = 0.2
cost_missing = 0.5

[tolerance]
epsilon = 12.5
miss_rate = 0.05
grace_ms = 200

[budget]
deadline_ms = 150
max_age_ms = 1000
duty = 0.4
max_in_flight = 2

[display]
mode = "delayed"
delay_ms = 120
hz = 120

[ladder]
rungs = ["model", "predicted", "rule", "unavailable"]
rule = { boxes = [] }

[model]
name = "blazeface-front"
version = 7
file = "face.onnx"

[model.input]
kind = "image"
width = 128
height = 96
layout = "nhwc"
normalise = { scale = 0.0078431373, offset = -1 }

[model.head]
kind = "ssd"
outputs = [{ scores = 0, boxes = "boxes:0" }]
anchors = [{ stride = 8, per_cell = 2 }, { stride = 16, per_cell = 6, sizes = [[1,1],[2,2],[3,3],[4,4],[5,5],[6,6]] }]
box_scale = [128, 128, 128, 128]
hits = { threshold = 0.6, nms = { iou = 0.3, mode = "weighted" } }

[model.input_contract]
formats = ["nv12"]
min_side = 96

[scheduling]
audit_rate = 0.02
cache_kib = 0
"#;

#[test]
fn a_whole_card_is_read() {
    let card = Card::parse(FACE).unwrap();
    assert_eq!(card.tolerance.grace_ms, 200.0);
    assert_eq!(card.ladder.rungs, [Rung::Model, Rung::Predicted, Rung::Rule, Rung::Unavailable]);
    assert_eq!(card.scheduling.cache_kib, 0);
    assert!(card.scheduling.follow_pixels);
    let InputSpec::Image(input) = &card.model.input else { panic!() };
    assert_eq!((input.width, input.height, input.layout), (128, 96, Layout::Nhwc));
    assert_eq!((input.channels, input.fit), (Channels::Rgb, Fit::Letterbox));
    let HeadSpec::Ssd(head) = &card.model.head else { panic!() };
    assert_eq!(head.outputs[0].boxes, OutputRef::Name("boxes:0".to_owned()));
    assert_eq!(head.anchors[0], AnchorLayer { stride: 8, per_cell: 2, sizes: vec![] });
    assert_eq!(head.hits.nms.mode, NmsMode::Weighted);
    assert_eq!(head.hits.nms.max, 100);
    assert!(head.sigmoid && head.hits.clip);
}

/// Replaces `from` by `to` in the card and returns the refusal, which must name `field` and a line that holds `on`.
fn refusal(from: &str, to: &str, field: &str, on: &str) -> String {
    assert!(FACE.contains(from), "{from}");
    let text = FACE.replacen(from, to, 1);
    let error = Card::parse(&text).expect_err(to);
    let (line, found) = match &error {
        CardError::Parse { line, field, .. } | CardError::Field { line, field, .. } => (*line, field.clone()),
        other => panic!("{other}"),
    };
    assert_eq!(found, field, "{error}");
    let content = text.lines().nth(line - 1).unwrap_or_default();
    assert!(content.contains(on), "line {line} is {content:?}: {error}");
    error.to_string()
}

#[test]
fn values_out_of_range_name_their_line_and_their_range() {
    let message = refusal("epsilon = 12.5", "epsilon = -1", "tolerance.epsilon", "epsilon");
    assert!(message.ends_with("must be above 0 and at most 1e12"), "{message}");
    refusal("epsilon = 12.5", "epsilon = 1e20", "tolerance.epsilon", "epsilon");
    refusal("epsilon = 12.5", "epsilon = nan", "tolerance.epsilon", "epsilon");
    refusal("miss_rate = 0.05", "miss_rate = 5", "tolerance.miss_rate", "miss_rate");
    refusal("deadline_ms = 150", "deadline_ms = 2000", "budget.deadline_ms", "deadline_ms");
    refusal("max_age_ms = 1000", "max_age_ms = 1e300", "budget.max_age_ms", "max_age_ms");
    refusal("duty = 0.4", "duty = 0", "budget.duty", "duty");
    refusal("max_in_flight = 2", "max_in_flight = 9", "budget.max_in_flight", "max_in_flight");
    refusal("hz = 120", "hz = 0", "display.hz", "hz");
    refusal("delay_ms = 120", "delay_ms = 0", "display.delay_ms", "delay_ms");
    refusal("mode = \"delayed\"", "mode = \"predict\"", "display.delay_ms", "delay_ms");
    refusal("audit_rate = 0.02", "audit_rate = 0.9", "scheduling.audit_rate", "audit_rate");
    refusal("width = 128", "width = 0", "model.input.width", "width");
    refusal("min_side = 96", "min_side = 9", "model.input_contract.min_side", "min_side");
    refusal("threshold = 0.6", "threshold = 0", "model.head.hits.threshold", "threshold");
    refusal("iou = 0.3", "iou = 1.5", "model.head.hits.nms.iou", "iou");
    refusal("[2,2],", "", "model.head.anchors.1.sizes", "sizes");
    refusal("stride = 8", "stride = 0", "model.head.anchors.0.stride", "stride");
    refusal("box_scale = [128, 128,", "box_scale = [0, 128,", "model.head.box_scale", "box_scale");
    refusal("file = \"face.onnx\"", "file = \"f\"\nsha256 = \"12\"", "model.sha256", "sha256");
}

#[test]
fn contradictions_are_refused() {
    refusal("rule = { boxes = [] }", "", "ladder.rule", "[ladder]");
    refusal("rule = { boxes = [] }", "rule = { scalar = 1 }", "ladder.rule", "rule");
    refusal("boxes = [] }", "boxes = [{ x0 = 9, y0 = 0, x1 = 1, y1 = 1 }] }", "ladder.rule", "rule");
    refusal("\"predicted\", \"rule\"", "\"rule\", \"predicted\"", "ladder.rungs", "rungs");
    refusal("[\"model\", \"predicted\",", "[\"model\",", "ladder.rungs", "rungs");
    refusal("offset = -1 }", "mean = 0.5 }", "model.input.normalise", "normalise");
    refusal(
        "normalise = { scale = 0.0078431373, offset = -1 }",
        "normalise = { std = [1, 1] }",
        "model.input.normalise.std",
        "std",
    );
    refusal(
        "[scheduling]",
        "[[model.state]]\ninput = \"h\"\noutput = \"hn\"\nshape = [1]\n[scheduling]",
        "budget.max_in_flight",
        "max_in_flight",
    );
}

/// The card with another head and, as its rule, `rule`.
fn with_head(head: &str, rule: &str) -> Result<Card, CardError> {
    let (before, rest) = FACE.split_once("[model.head]").expect("a head");
    let (_, after) = rest.split_once("[model.input_contract]").expect("a contract after it");
    let text = format!("{before}[model.head]\n{head}\n[model.input_contract]{after}");
    Card::parse(&text.replace("rule = { boxes = [] }", &format!("rule = {rule}")))
}

#[test]
fn heads_of_directions_are_read_with_their_rules() {
    let card =
        with_head("kind = \"rotation\"\nfirst = 3\norder = \"xyzw\"", "{ rotation = [1, 0, 0, 0] }").unwrap();
    let HeadSpec::Rotation(head) = &card.model.head else { panic!() };
    assert_eq!((head.first, head.order), (3, QuaternionOrder::Xyzw));
    assert_eq!(card.ladder.rule, Some(RuleValue::Rotation([1.0, 0.0, 0.0, 0.0])));
    with_head("kind = \"embedding\"\nlength = 2", "{ embedding = [0.6, 0.8] }").unwrap();

    for (head, rule) in [
        ("kind = \"rotation\"", "{ rotation = [1, 1, 0, 0] }"),
        ("kind = \"rotation\"", "{ embedding = [1, 0, 0, 0] }"),
        ("kind = \"embedding\"\nlength = 3", "{ embedding = [0.6, 0.8] }"),
        ("kind = \"embedding\"\nlength = 2", "{ embedding = [0.5, 0.5] }"),
    ] {
        let error = with_head(head, rule).expect_err(rule).to_string();
        assert!(error.contains("`ladder.rule`"), "{error}");
    }
    let mask = "kind = \"mask\"\nwidth = 256\nheight = 256";
    let refusal = |head: &str| with_head(head, "{ boxes = [] }").unwrap_err().to_string();
    assert!(refusal(mask).contains("there is none for masks"), "{}", refusal(mask));
    let error = with_head("kind = \"embedding\"\nlength = 0", "{ embedding = [] }").unwrap_err().to_string();
    assert!(error.contains("`ladder.rule`") || error.contains("`model.head.length`"), "{error}");
}

const SMALL: &str = r#"
[[model.variants]]
name = "blazeface-small"
version = 2
file = "small.onnx"
energy = 0.4
error_scale = 1.5
"#;

#[test]
fn a_mask_head_is_read_and_checked() {
    let read = |head: &str| {
        let ladder = "rungs = [\"model\", \"predicted\", \"rule\", \"unavailable\"]\nrule = { boxes = [] }";
        let (before, rest) = FACE.split_once("[model.head]").expect("a head");
        let (_, after) = rest.split_once("[model.input_contract]").expect("a contract after it");
        let text = format!("{before}[model.head]\n{head}\n[model.input_contract]{after}");
        Card::parse(&text.replace(ladder, ""))
    };
    let card = read("kind = \"mask\"\nwidth = 256\nheight = 144\nchannels = 2\nchannel = 1").unwrap();
    let HeadSpec::Mask(head) = &card.model.head else { panic!() };
    assert_eq!((head.width, head.height, head.channel, head.sigmoid), (256, 144, 1, false));
    for (head, field) in [
        ("kind = \"mask\"\nwidth = 0\nheight = 2", "model.head.width"),
        ("kind = \"mask\"\nwidth = 2\nheight = 9999", "model.head.height"),
        ("kind = \"mask\"\nwidth = 2\nheight = 2\nchannel = 1", "model.head.channel"),
    ] {
        let error = read(head).expect_err(field).to_string();
        assert!(error.contains(field), "{error}");
    }
}

#[test]
fn variants_take_what_they_do_not_state_from_the_model() {
    let card = Card::parse(&format!("{FACE}{SMALL}initial_latency_ms = 9\n")).unwrap();
    let small = card.model.variant(1).unwrap();
    assert_eq!(
        (small.name.as_str(), small.version, small.file.as_str()),
        ("blazeface-small", 2, "small.onnx")
    );
    assert_eq!((&small.input, &small.head), (&card.model.input, &card.model.head));
    assert_eq!(card.model.variant(0).unwrap().name, "blazeface-front");
    assert_eq!(card.model.variant(2), None);
    let input = "input = { kind = \"image\", width = 64, height = 48 }";
    let card = Card::parse(&format!("{FACE}{SMALL}{input}\n")).unwrap();
    let InputSpec::Image(image) = card.model.variant(1).unwrap().input else { panic!() };
    assert_eq!((image.width, image.height), (64, 48));
}

#[test]
fn variants_that_make_no_sense_are_refused() {
    let refused = |from: &str, to: &str, field: &str| {
        assert!(SMALL.contains(from), "{from}");
        let error = Card::parse(&format!("{FACE}{}", SMALL.replace(from, to))).expect_err(to).to_string();
        assert!(error.contains(&format!("`{field}`")), "{error}");
    };
    refused("energy = 0.4", "energy = 1.4", "model.variants.0.energy");
    refused("energy = 0.4", "energy = 0", "model.variants.0.energy");
    refused("error_scale = 1.5", "error_scale = -1", "model.variants.0.error_scale");
    refused("file = \"small.onnx\"", "file = \" \"", "model.variants.0.file");
    refused("version = 2", "", "model.variants.version");
    let head = "version = 2\nhead = { kind = \"raw\", length = 3 }";
    refused("version = 2", head, "model.variants.0.head");
    refused("version = 2", "version = 2\ninitial_latency_ms = 5000", "model.variants.0.initial_latency_ms");
    let growing = format!("{SMALL}{}", SMALL.replace("0.4", "0.6"));
    let error = Card::parse(&format!("{FACE}{growing}")).unwrap_err().to_string();
    assert!(error.contains("`model.variants.1.energy`"), "{error}");
}

#[test]
fn unknown_missing_and_mistyped_fields_are_named() {
    let message = refusal("duty = 0.4", "duti = 0.4", "budget.duti", "duti");
    assert!(message.contains("expected one of") && message.contains("`duty`"), "{message}");
    refusal("width = 128", "widht = 128", "model.input.widht", "widht");
    refusal("nms = { iou", "nms = { iuo", "model.head.hits.nms.iuo", "iuo");
    refusal("[scheduling]", "[response]\nplan = 1\n[scheduling]", "response", "[response]");
    let message = refusal("epsilon = 12.5", "", "tolerance.epsilon", "[tolerance]");
    assert!(message.contains("missing; add `epsilon = …`"), "{message}");
    refusal("kind = \"ssd\"", "kind = \"sdd\"", "model.head.kind", "sdd");
    refusal("version = 7", "version = \"seven\"", "model.version", "seven");
    refusal("formats = [\"nv12\"]", "formats = [\"nv13\"]", "model.input_contract.formats.0", "nv13");
    refusal("hz = 120", "hz = ", "hz", "hz");
}

#[test]
fn any_text_is_read_or_refused() {
    // The last field that a card cannot do without is the head's box_scale.
    let whole = FACE.find("box_scale").unwrap();
    for end in 0..FACE.len() {
        assert!(Card::parse(&FACE[..end]).is_err() || end > whole, "cut at {end}");
    }
    for text in ["", "[", "= 3", "\u{0}", "[a]\n[a]", "a.b = 1\na = 2", "[model]\ninput = 3"] {
        let error = Card::parse(text).unwrap_err();
        assert!(error.to_string().starts_with("card line "), "{error}");
    }
}
