//! Rules about how the system runs: model, serving, validation, monitoring, fallback, ownership, platform.
//! **Invariant:** what the card promises in operation has someone, or a test, behind it.
//! It does not run anything.

use super::{Notes, Subject};
use crate::sections::monitoring::MAX_FEATURES;
use crate::{
    InputSpec, ResponseAction, Rung, RungName, ServingMode, StepStatus, locate,
    signal_table::{self, SignalKind},
};

/// The card expires soon, in days: time for a release and its rollout.
const SOON_DAYS: i32 = 30;

/// Format and hash of every file.
pub(super) fn hashes(s: &Subject<'_>, notes: &mut Notes) {
    let model = &s.card.model;
    if model.format.is_none() {
        notes.error("model.format", "the format of the file is not stated", "add format = \"onnx\"");
    }
    let mut hash = |stated: bool, field: String, file: &str| {
        if !stated {
            notes.error(
                field,
                "any file would be taken for this model",
                format!("add the SHA-256 of {file}"),
            );
        }
    };
    hash(model.sha256.is_some(), "model.sha256".to_owned(), &model.file);
    for (i, v) in model.variants.iter().enumerate() {
        hash(v.sha256.is_some(), format!("model.variants.{i}.sha256"), &v.file);
    }
}

/// Costs need probabilities.
pub(super) fn calibrated(s: &Subject<'_>, notes: &mut Notes) {
    let model = &s.card.model;
    if s.card.decision.positive_class.is_none() {
        return;
    }
    if model.calibrator.is_none() {
        notes.error(
            "model.calibrator",
            "the decision weighs costs by a probability that is not calibrated",
            "fit one on held-out labels and add [model.calibrator]",
        );
    }
    for (i, v) in model.variants.iter().enumerate() {
        if v.calibrator.is_none() {
            notes.error(
                format!("model.variants.{i}.calibrator"),
                format!("`{}` would be decided on with the calibrator of another model", v.name),
                "fit one for it on held-out labels",
            );
        }
    }
}

/// A budget that someone chose.
pub(super) fn energy(s: &Subject<'_>, notes: &mut Notes) {
    let stated = |field| locate::has(s.text, field);
    if !stated("budget.duty") && !stated("budget.energy_mj_per_s") {
        notes.error(
            "budget.duty",
            "neither energy nor share of time is bounded: the model may run all the time",
            "add budget.duty, or energy_mj_per_s with energy_mj_per_run",
        );
    }
}

/// A mode that fits the decision.
pub(super) fn mode(s: &Subject<'_>, notes: &mut Notes) {
    let Some(serving) = &s.card.serving else { return };
    let asked = s.card.decision.review.is_some();
    if asked && matches!(serving.mode, ServingMode::Edge | ServingMode::Streaming) {
        notes.error(
            "serving.mode",
            "people are asked (decision.review), and the mode says that they are not",
            "write \"human_in_the_loop\", or leave decision.review out",
        );
    }
    if !asked && serving.mode == ServingMode::HumanInTheLoop {
        notes.error(
            "serving.mode",
            "a person is in the loop, and nothing says who looks at how much",
            "add decision.review = { capacity_per_hour = …, queue = …, load = … }, or write another mode",
        );
    }
}

/// What must be done before anyone depends on it.
pub(super) fn tried(s: &Subject<'_>, notes: &mut Notes) {
    let Some(validation) = &s.card.validation else { return };
    for (name, step) in [("offline", &validation.offline), ("backtest", &validation.backtest)] {
        if step.status != StepStatus::Done {
            notes.error(
                format!("validation.{name}.status"),
                "it was not done, and needs no users to be done",
                "do it, then write \"done\" with its evidence",
            );
        }
    }
    let later = [&validation.shadow, &validation.staged, &validation.ab];
    if later.iter().all(|step| step.status == StepStatus::NotNeeded) {
        notes.error(
            "validation.staged.status",
            "it would reach everyone at once: no shadow, no staged rollout, no comparison",
            "plan at least one of shadow, staged and ab",
        );
    }
}

/// The signals that no system can do without.
pub(super) fn kinds(s: &Subject<'_>, notes: &mut Notes) {
    let Some(monitoring) = &s.card.monitoring else { return };
    let tabular = matches!(s.card.model.input, InputSpec::Features(_));
    for kind in SignalKind::REQUIRED {
        // Distributions of inputs are those of named features; pictures and sound have none.
        let needed = kind != SignalKind::Input || tabular;
        let watched = monitoring
            .signals
            .iter()
            .any(|s| signal_table::find(&s.id, monitoring).is_some_and(|known| known.kind == kind));
        if needed && !watched {
            let ids: Vec<&str> =
                signal_table::SIGNAL_TABLE.iter().filter(|s| s.kind == kind).map(|s| s.id).collect();
            notes.error(
                "monitoring.signals",
                format!("nothing watches {}", kind.text()),
                format!("add one of {} as [[monitoring.signals]]", ids.join(", ")),
            );
        }
    }
}

/// Signals of labels need labels, and signals of slices need slices.
pub(super) fn sources(s: &Subject<'_>, notes: &mut Notes) {
    let Some(monitoring) = &s.card.monitoring else { return };
    let labelled = ["concept.evidence", "error_rate", "calibration_gap", "label_loss", "slice_gap"];
    for (i, signal) in monitoring.signals.iter().enumerate() {
        let field = format!("monitoring.signals.{i}.id");
        let of_labels = labelled.contains(&signal.id.as_str()) || signal.id.starts_with("error_rate.");
        if of_labels && monitoring.labels.is_none() {
            let wrong = format!("`{}` is made of labels, and none are joined", signal.id);
            notes.error(&field, wrong, "add monitoring.labels = { delay_hours = …, expiry_hours = … }");
        }
        if signal.id == "slice_gap" && monitoring.slices.is_empty() {
            let wrong = "`slice_gap` compares slices, and there are none";
            notes.error(&field, wrong, "add monitoring.slices = [{ name = \"…\", values = [\"…\"] }]");
        }
    }
}

/// References for what drifts, and signals for references.
pub(super) fn references(s: &Subject<'_>, notes: &mut Notes) {
    let Some(monitoring) = &s.card.monitoring else { return };
    let watched = |id: &str| monitoring.signals.iter().any(|s| s.id == id);
    if let InputSpec::Features(input) = &s.card.model.input {
        // The monitor's memory has room for so many; of more, the card chooses.
        let numbers: Vec<&str> =
            input.features.iter().filter(|f| f.categories.is_empty()).map(|f| f.name.as_str()).collect();
        for name in numbers.iter().filter(|_| numbers.len() <= MAX_FEATURES) {
            if !monitoring.features.iter().any(|f| f.name == *name) {
                notes.error(
                    "monitoring.features",
                    format!("the model's feature `{name}` has no reference: its drift would not be seen"),
                    format!("add {{ name = \"{name}\", edges = […], reference = […] }} from training data"),
                );
            }
        }
    }
    for (i, feature) in monitoring.features.iter().enumerate() {
        let id = format!("psi.{}", feature.name);
        if !watched(&id) {
            let wrong = format!("`{}` has a reference, and nothing watches it", feature.name);
            notes.error(
                format!("monitoring.features.{i}.name"),
                wrong,
                format!("add {id} to monitoring.signals"),
            );
        }
    }
    if s.card.decision.positive_class.is_some() && watched("psi.scores") && monitoring.scores.is_none() {
        notes.error(
            "monitoring.scores",
            "scores are decided on, and have no reference: only sudden drift would be seen",
            "add monitoring.scores = { edges = […], reference = […] } from held-out data",
        );
    }
}

/// Responses that someone waits for.
pub(super) fn responses(s: &Subject<'_>, notes: &mut Notes) {
    let Some(monitoring) = &s.card.monitoring else { return };
    if monitoring.response.is_empty() {
        notes.error(
            "monitoring.response",
            "nothing is done about any signal",
            "add [[monitoring.response]] with signal, above, for_minutes, severity, owner and action",
        );
    }
    for (i, response) in monitoring.response.iter().enumerate() {
        if !monitoring.signals.iter().any(|s| s.id == response.signal) {
            notes.error(
                format!("monitoring.response.{i}.signal"),
                format!("`{}` is answered, and not watched", response.signal),
                "add it to monitoring.signals",
            );
        }
        let falls = matches!(response.action, ResponseAction::FallBack | ResponseAction::Disable);
        if falls && !s.card.ladder.rungs.contains(&Rung::Rule) && s.card.model.variants.is_empty() {
            notes.warning(
                format!("monitoring.response.{i}.action"),
                "without a rule or a variant, this leaves the app without answers",
                "add the rung rule to the ladder, or a variant",
            );
        }
    }
}

/// Rungs that are reached.
pub(super) fn rungs(s: &Subject<'_>, notes: &mut Notes) {
    let Some(fallback) = &s.card.fallback else { return };
    let of = |rung: Rung| match rung {
        Rung::Model => RungName::Model,
        Rung::Predicted => RungName::Predicted,
        Rung::Rule => RungName::Rule,
        Rung::Unavailable => RungName::Unavailable,
    };
    let mut ladder: Vec<RungName> = s.card.ladder.rungs.iter().copied().map(of).collect();
    if !s.card.model.variants.is_empty() {
        ladder.push(RungName::Variant);
    }
    for rung in &ladder {
        if !fallback.rungs.iter().any(|r| r.rung == *rung) {
            notes.error(
                "fallback.rungs",
                format!("nothing says how the rung `{}` is reached", rung.name()),
                format!(
                    "add {{ rung = \"{}\", trigger = \"…\", recovery = \"…\", test = \"…\" }}",
                    rung.name()
                ),
            );
        }
    }
    let cached = s.card.scheduling.cache_kib > 0 || s.card.scheduling.reuse_kib > 0;
    for (i, entry) in fallback.rungs.iter().enumerate() {
        let possible = ladder.contains(&entry.rung) || entry.rung == RungName::Cached && cached;
        if !possible {
            notes.error(
                format!("fallback.rungs.{i}.rung"),
                format!("the rung `{}` cannot be reached: the card does not have it", entry.rung.name()),
                "add it (ladder.rungs, model.variants, scheduling.cache_kib), or take the entry out",
            );
        }
    }
}

/// Rungs that are left again.
pub(super) fn recovery(s: &Subject<'_>, notes: &mut Notes) {
    let Some(fallback) = &s.card.fallback else { return };
    for (i, entry) in fallback.rungs.iter().enumerate().skip(1) {
        if entry.recovery.is_none() {
            notes.error(
                format!("fallback.rungs.{i}.recovery"),
                format!("nothing leads back up from the rung `{}`", entry.rung.name()),
                "add recovery = \"…\"",
            );
        }
    }
}

/// A card that someone has looked at.
pub(super) fn expiry(s: &Subject<'_>, notes: &mut Notes) {
    let Some(ownership) = &s.card.ownership else { return };
    let left = ownership.expires.unix_days() - s.today.unix_days();
    let mend = "look through the whole card with its owners, then set a new date";
    if left < 0 {
        notes.error("ownership.expires", format!("the card expired on {}", ownership.expires), mend);
    } else if left < SOON_DAYS {
        notes.warning("ownership.expires", format!("the card expires in {left} days"), mend);
    }
}

/// Memory that is there.
pub(super) fn memory(s: &Subject<'_>, notes: &mut Notes) {
    let (Some(serving), Some(platform)) = (&s.card.serving, &s.card.platform) else { return };
    if serving.memory_mib > platform.memory_mib {
        notes.error(
            "platform.memory_mib",
            format!("serving takes {} MiB, the device must have {}", serving.memory_mib, platform.memory_mib),
            "raise it to serving.memory_mib or more",
        );
    }
}
