//! Cards with one fault each: the finding names the line, the field, and what is wrong.

mod common;

use common::{RISK, listed, reviewed};
use inbetween_card::Level;

/// What is replaced by what, the field that must be named, a part of the line that must be named, a part of what is said.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip] // one row a line reads as the table that it is
const BROKEN: &[Row] = &[
    // Text that is no card.
    ("[user]", "[user", "[user", "[user", "unclosed table"),
    ("deadline_ms = 200", "deadline_ms = ", "deadline_ms", "deadline_ms", "string values must be quoted"),
    ("who = \"people", "whom = \"people", "user.whom", "whom", "unknown field `whom`"),
    ("[platform]", "[platfrom]", "platfrom", "[platfrom]", "unknown field `platfrom`"),
    ("cost_wrong = 5", "cost_wrong = \"five\"", "decision.cost_wrong", "five", "invalid type: string"),
    ("mode = \"human_in_the_loop\"", "mode = \"cloud\"", "serving.mode", "cloud", "unknown variant `cloud`"),
    ("severity = \"page\"", "severity = \"loud\"", "monitoring.response.0.severity", "loud", "unknown variant `loud`"),
    ("\"arm64-v8a\", ", "\"mips\", ", "platform.abi.0", "mips", "unknown variant `mips`"),
    ("expires = 2027-06-30", "expires = \"soon\"", "ownership.expires", "expires", "write a day as 2027-06-30"),
    ("expires = 2027-06-30", "expires = 2027-06-30T10:00:00", "ownership.expires", "expires", "write a day"),
    ("unit = \"EUR\"\n", "", "failure.unit", "[failure]", "missing"),
    // decision
    ("text = \"Let a payment through, hold it, or ask a person.\"", "text = \" \"", "decision.text", "text =", "the decision in words"),
    ("cost_late = 1", "cost_late = -1", "decision.cost_late", "cost_late", "not negative"),
    ("deadline_ms = 200\n", "", "decision.deadline_ms", "[decision]", "no deadline"),
    ("deadline_ms = 200", "deadline_ms = 0", "decision.deadline_ms", "deadline_ms = 0", "above 0"),
    ("deadline_ms = 200", "deadline_ms = 100", "budget.deadline_ms", "deadline_ms = 150", "runs may end 150 ms"),
    ("positive_class = 1", "positive_class = 2", "decision.positive_class", "positive_class", "index of a class"),
    ("hysteresis = 0.05", "hysteresis = 0.5", "decision.hysteresis", "hysteresis", "below 0.5"),
    ("capacity_per_hour = 20", "capacity_per_hour = 0", "decision.review.capacity_per_hour", "capacity_per_hour", "above 0"),
    ("capacity_per_hour = 20", "capacity_per_hour = 7", "decision.review.load", "load", "8.0 cases an hour"),
    ("queue = 64", "queue = 0", "decision.review.queue", "queue", "from 1 to 4096"),
    ("load = 0.02", "load = 2", "decision.review.load", "load", "from 0 to 1"),
    ("    { outcome = \"negative\", action = \"let the payment through\", reversible = false },\n", "", "decision.outcomes", "outcomes", "`negative` has no action"),
    ("outcome = \"review\"", "outcome = \"maybe\"", "decision.outcomes.2.outcome", "maybe", "never gives the outcome `maybe`"),
    ("outcome = \"review\"", "outcome = \"negative\"", "decision.outcomes.2.outcome", "negative", "no other one here has"),
    // user
    ("devices = [\"phones since 2019\"]", "devices = []", "user.devices", "devices", "at least one device"),
    ("events_per_hour = 4", "events_per_hour = 0", "user.volume.events_per_hour", "events_per_hour", "above 0"),
    ("context = \"at a till, in a hurry, often without a network\"", "context = \"<where?>\"", "user.context", "<where?>", "still a placeholder"),
    // failure
    ("false_positive = 5.0", "false_positive = 0.0", "failure.false_positive", "false_positive", "it always pays to act"),
    ("false_negative = 200.0", "false_negative = -1.0", "failure.false_negative", "false_negative", "it never pays to act"),
    ("true_positive = 0.0", "true_positive = nan", "failure.true_positive", "true_positive", "finite"),
    ("review = 2.0", "review = 50.0", "failure.review", "review = 50", "no guess ever costs more than 4.88"),
    ("late = \"a queue at the till\"", "late = \"\"", "failure.late", "late", "does to whom"),
    // goals
    ("non_goals = [\"judge whether a customer can afford it\"]", "non_goals = []", "goals.non_goals", "non_goals", "not meant"),
    ("metric = \"cost\"\ngate", "metric = \"costs\"\ngate", "goals.goal.0.metric", "costs", "no metric has the id `costs`"),
    ("gate = { at_most = 0.9 }\n\n[data]", "gate = {}\n\n[data]", "goals.goal.0.gate", "gate = {}", "at_least"),
    // data
    ("delay_hours = 72 }\nfreshness", "delay_hours = -1 }\nfreshness", "data.labels.delay_hours", "delay_hours", "from 0"),
    ("freshness_hours = 2160", "freshness_hours = 0", "data.freshness_hours", "freshness_hours", "above 0"),
    ("schema_sha256 = \"4", "schema_sha256 = \"5", "data.schema_sha256", "schema_sha256", "another one than the schema"),
    ("schema_sha256 = \"4", "schema_sha256 = \"", "data.schema_sha256", "schema_sha256", "64 hexadecimal digits"),
    ("{ name = \"amount\", range = [0, 100_000] },", "{ name = \"amount\", range = [0, 1_000] },", "data.schema_sha256", "schema_sha256", "retrain for the new schema"),
    ("same = true", "same = false", "data.same_features.same", "same = false", "compute features differently"),
    ("freshness_ms = 86_400_000, known_ms = -1000", "freshness_ms = 86_400_000, known_ms = 86_400_000", "data.features.1.known_ms", "age_days", "leaks the future"),
    ("owner = \"accounts\", ", "owner = \"\", ", "data.features.1.owner", "age_days", "a role or a team"),
    ("    { name = \"country\", source = \"the till\", owner = \"payments\", freshness_ms = 0, known_ms = 0 },\n", "", "data.features", "features = [", "`country` is not declared"),
    ("{ name = \"country\", source", "{ name = \"land\", source", "data.features.2.name", "land", "no input `land`"),
    // baseline
    ("interval = [0.7, 0.9]", "interval = [0.1, 1.5]", "baseline.candidate", "candidate", "does not beat `hold payments above 500`"),
    ("interval = [0.7, 0.9]", "interval = [0.85, 0.9]", "baseline.candidate.interval", "interval", "the score between them"),
    ("better = \"lower\"", "better = \"higher\"", "baseline.candidate", "candidate", "does not beat"),
    ("level = 0.95", "level = 95", "baseline.candidate.level", "level", "as 0.95"),
    ("metric = \"cost\"\nbetter", "metric = \"auc\"\nbetter", "baseline.metric", "auc", "no metric has the id `auc`"),
    ("score = 1.4\n", "", "baseline.score", "[baseline]", "together with baseline.candidate"),
    // metrics
    ("business = [{ id = \"losses\", text = \"EUR a month\" }]", "business = []", "metrics.business", "business", "at least one metric"),
    ("honest payments that are held\", gate = { at_most = 0.01 } }", "honest payments that are held\" }", "metrics.guardrail.0.gate", "held_honest", "any value would pass"),
    ("gate = { at_most = 1.5 }", "gate = { at_most = 1.5, at_least = 0 }", "metrics.slice.0.gate", "at_least = 0", "either"),
    ("monitoring = [{ id = \"psi.amount\"", "monitoring = [{ id = \"psi.amuont\"", "metrics.monitoring.0.id", "amuont", "the engine has no metric `psi.amuont`"),
    ("monitoring = [{ id = \"psi.amount\"", "monitoring = [{ id = \"age.p95_ms\"", "metrics.monitoring.0.id", "age.p95_ms", "is not watched"),
    // model
    ("format = \"onnx\"\n", "", "model.format", "[model]", "format of the file is not stated"),
    ("sha256 = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"\n", "", "model.sha256", "[model]", "any file would be taken"),
    ("sha256 = \"9f86", "sha256 = \"9g86", "model.sha256", "9g86", "64 hexadecimal digits"),
    ("temperature = 1.3", "temperature = 0", "model.calibrator.temperature", "temperature = 0", "above 0"),
    ("[model.calibrator]\nkind = \"temperature\"\ntemperature = 1.3\n", "", "model.calibrator", "[model]", "not calibrated"),
    ("\ncalibrator = { kind = \"platt\", a = -1.2, b = 0.1 }", "", "model.variants.0.calibrator", "[[model.variants]]", "calibrator of another model"),
    ("a = -1.2", "a = 1.2", "model.variants.0.calibrator.a", "a = 1.2", "below 0"),
    ("classes = 2\nactivation", "classes = 1\nactivation", "model.head.classes", "classes = 1", "from 2"),
    // serving
    ("mode = \"human_in_the_loop\"", "mode = \"edge\"", "serving.mode", "edge", "people are asked"),
    ("review = { capacity_per_hour = 20, queue = 64, load = 0.02 }\n", "", "serving.mode", "human_in_the_loop", "nothing says who looks"),
    ("duty = 0.5\nenergy_mj_per_s = 20\n", "", "budget.duty", "[budget]", "neither energy nor share of time"),
    ("miss_rate = 0.05", "miss_rate = 1", "tolerance.miss_rate", "miss_rate", "both excluded"),
    ("deadline_ms = 150", "deadline_ms = 5000", "budget.deadline_ms", "5000", "at most max_age_ms"),
    ("memory_mib = 32", "memory_mib = 0", "serving.memory_mib", "memory_mib = 0", "above 0"),
    // validation
    ("status = \"done\", how = \"held-out weeks\"", "status = \"planned\", how = \"held-out weeks\"", "validation.offline.status", "held-out", "was not done"),
    (", evidence = \"records/backtest.json\"", "", "validation.backtest.evidence", "backtest", "where the results are"),
    ("status = \"planned\", how = \"two weeks beside the limit\" }\nstaged = { status = \"planned\"", "status = \"not_needed\", how = \"no\" }\nstaged = { status = \"not_needed\"", "validation.staged.status", "staged", "everyone at once"),
    // monitoring
    ("window_minutes = 60", "window_minutes = 0", "monitoring.window_minutes", "window_minutes", "from 1"),
    ("edges = [10, 50, 200]", "edges = [10, 200, 50]", "monitoring.features.0.edges", "amount", "each above the one before"),
    ("reference = [400, 300, 200, 100]", "reference = [400, 300, 200]", "monitoring.features.0.reference", "amount", "one more than edges"),
    ("reference = [800, 150, 50]", "reference = [0, 0, 0]", "monitoring.scores.reference", "scores", "sum to more than 0"),
    ("scores = { edges = [0.1, 0.5], reference = [800, 150, 50] }\n", "", "monitoring.scores", "[monitoring]", "only sudden drift"),
    ("{ name = \"age_days\", edges", "{ name = \"country\", edges", "monitoring.features.1.name", "country", "a number of model.input"),
    ("values = [\"AT\", \"DE\"] }]", "values = [\"AT\", \"AT\"] }]", "monitoring.slices.0.values.1", "slices", "no other one here has"),
    ("labels = { delay_hours = 72, expiry_hours = 240 }", "labels = { delay_hours = 24, expiry_hours = 48 }", "monitoring.labels.expiry_hours", "expiry_hours", "none would be joined"),
    ("labels = { delay_hours = 72, expiry_hours = 240 }\n", "", "monitoring.signals.9.id", "concept.evidence", "made of labels"),
    ("    { id = \"psi.age_days\" },\n", "", "monitoring.features.1.name", "age_days", "nothing watches it"),
    ("    { id = \"latency.p95_ms\" },\n", "", "monitoring.signals", "signals", "nothing watches latency"),
    ("{ id = \"failure_rate\" }", "{ id = \"failures\" }", "monitoring.signals.4.id", "failures", "a metric id that the engine has"),
    ("signal = \"psi.amount\"", "signal = \"psi.country\"", "monitoring.response.0.signal", "psi.country", "a metric id that the engine has"),
    ("signal = \"psi.amount\"", "signal = \"age.p95_ms\"", "monitoring.response.0.signal", "age.p95_ms", "not watched"),
    ("above = 0.25\n", "", "monitoring.response.0.above", "[[monitoring.response]]", "one bound for each response"),
    ("above = 0.25", "above = 0.25\nbelow = 0.1", "monitoring.response.0.above", "above", "instead of it"),
    ("owner = \"payments\"\naction", "owner = \"\"\naction", "monitoring.response.0.owner", "owner", "a role or a team"),
    // fallback
    ("rungs = [\"model\", \"predicted\", \"rule\", \"unavailable\"]", "rungs = [\"model\", \"predicted\", \"rule\"]", "ladder.rungs", "rungs", "cannot be left out"),
    ("    { rung = \"rule\", trigger", "    { rung = \"cached\", trigger", "fallback.rungs", "rungs = [", "none of them twice"),
    ("    { rung = \"predicted\", trigger = \"a run is under way\", recovery = \"it ends\", test = \"tests/ladder.rs predicted\" },\n", "", "fallback.rungs", "rungs = [", "nothing says how the rung `predicted`"),
    ("recovery = \"a new model\", ", "", "fallback.rungs.3.recovery", "rule", "nothing leads back up"),
    ("test = \"tests/ladder.rs none\"", "test = \"\"", "fallback.rungs.4.test", "unavailable", "the drill that reaches"),
    ("rule = { probabilities = [0.5, 0.5] }", "rule = { scalar = 1 }", "ladder.rule", "rule", "of the kind that model.head gives"),
    // ownership
    ("training = \"risk models\"", "training = \"\"", "ownership.training", "training", "a role or a team"),
    ("expires = 2027-06-30", "expires = 2026-06-30", "ownership.expires", "expires", "expired on 2026-06-30"),
    ("alert_route = \"pager risk-models\"", "alert_route = \"<a channel that someone reads>\"", "ownership.alert_route", "alert_route", "still a placeholder"),
    // platform
    ("memory_mib = 64", "memory_mib = 16", "platform.memory_mib", "memory_mib = 16", "serving takes 32 MiB"),
    ("os = [{ name = \"Android\", at_least = \"26\" }, { name = \"iOS\", at_least = \"15\" }]", "os = []", "platform.os", "os", "at least one system"),
];

#[test]
fn each_fault_is_found_where_it_is() {
    let mut wrong = Vec::new();
    for (from, to, field, on, says) in BROKEN {
        assert!(RISK.contains(from), "{from}");
        let text = RISK.replacen(from, to, 1);
        let review = reviewed(&text);
        let found = review.findings.iter().any(|f| {
            let line = text.lines().nth(f.line - 1).unwrap_or_default();
            f.level == Level::Error
                && f.field == *field
                && line.contains(on)
                && format!("{}; {}", f.wrong, f.mend).contains(says)
        });
        if !found || review.passes() {
            wrong.push(format!(
                "{from:?} -> {to:?}: wanted `{field}` on {on:?} saying {says:?}, found\n{}",
                listed(&review)
            ));
        }
    }
    assert!(BROKEN.len() >= 60);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_two_rows_are_the_same() {
    for (i, row) in BROKEN.iter().enumerate() {
        assert!(BROKEN[..i].iter().all(|other| (other.0, other.1) != (row.0, row.1)), "{row:?}");
    }
}
