//! The fourteen sections of a card.
//! **Invariant:** every field of a card belongs to exactly one of them.
//! It does not check them.

use crate::Card;

/// A section, in the order of the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// What the answers are for.
    Decision,
    /// Who uses them.
    User,
    /// What failure costs.
    Failure,
    /// What must be reached.
    Goals,
    /// What the model is made from and fed with.
    Data,
    /// The simple method.
    Baseline,
    /// What is measured.
    Metrics,
    /// The model path.
    Model,
    /// Mode, tolerance, budget, display and scheduling.
    Serving,
    /// How it is tried.
    Validation,
    /// How it is watched.
    Monitoring,
    /// The ladder, and how each rung is reached.
    Fallback,
    /// Who answers for it.
    Ownership,
    /// What the device must have.
    Platform,
}

impl Section {
    /// All of them, in the order of the card.
    pub const ALL: [Self; 14] = [
        Self::Decision,
        Self::User,
        Self::Failure,
        Self::Goals,
        Self::Data,
        Self::Baseline,
        Self::Metrics,
        Self::Model,
        Self::Serving,
        Self::Validation,
        Self::Monitoring,
        Self::Fallback,
        Self::Ownership,
        Self::Platform,
    ];

    /// Its name in a card.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::User => "user",
            Self::Failure => "failure",
            Self::Goals => "goals",
            Self::Data => "data",
            Self::Baseline => "baseline",
            Self::Metrics => "metrics",
            Self::Model => "model",
            Self::Serving => "serving",
            Self::Validation => "validation",
            Self::Monitoring => "monitoring",
            Self::Fallback => "fallback",
            Self::Ownership => "ownership",
            Self::Platform => "platform",
        }
    }

    /// Its tables in a card.
    pub const fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Serving => &["serving", "tolerance", "budget", "display", "scheduling"],
            Self::Fallback => &["fallback", "ladder"],
            Self::Decision => &["decision"],
            Self::User => &["user"],
            Self::Failure => &["failure"],
            Self::Goals => &["goals"],
            Self::Data => &["data"],
            Self::Baseline => &["baseline"],
            Self::Metrics => &["metrics"],
            Self::Model => &["model"],
            Self::Validation => &["validation"],
            Self::Monitoring => &["monitoring"],
            Self::Ownership => &["ownership"],
            Self::Platform => &["platform"],
        }
    }

    /// The question that it answers.
    pub const fn asks(self) -> &'static str {
        match self {
            Self::Decision => {
                "what is decided, what is done for each outcome, by when, and can it be undone?"
            }
            Self::User => "who uses the answers, where, on which devices, how many an hour?",
            Self::Failure => "what does each kind of error cost, and what does a bad output do to whom?",
            Self::Goals => "what must be reached, by which metric and gate, and what is not meant?",
            Self::Data => "from where, whose, how fresh, known when, and the same at training and serving?",
            Self::Baseline => "which simple method is beaten, by how much, with which interval?",
            Self::Metrics => {
                "what is measured offline, for the business, as guardrail, by slice, in operation?"
            }
            Self::Model => "which file, of which format and hash, eats and says what?",
            Self::Serving => {
                "in which mode, what does real time mean, how much error, time, memory and energy?"
            }
            Self::Validation => "how is it tried: offline, backtest, shadow, staged, ab, human_review?",
            Self::Monitoring => "which signals are watched, and what is done about each?",
            Self::Fallback => "how is each rung of the ladder reached, and how is that tested?",
            Self::Ownership => "who answers for each duty, where do alerts go, when does the card expire?",
            Self::Platform => "which ABI, system, memory and permissions must the device have?",
        }
    }

    /// The section that a field belongs to; the first for a field that belongs to none.
    pub fn of(field: &str) -> Self {
        let table = field.split('.').next().unwrap_or_default();
        Self::ALL.into_iter().find(|s| s.tables().contains(&table)).unwrap_or(Self::Decision)
    }

    /// Whether a card has it.
    pub(super) const fn given(self, card: &Card) -> bool {
        match self {
            Self::Decision | Self::Model => true,
            Self::User => card.user.is_some(),
            Self::Failure => card.failure.is_some(),
            Self::Goals => card.goals.is_some(),
            Self::Data => card.data.is_some(),
            Self::Baseline => card.baseline.is_some(),
            Self::Metrics => card.metrics.is_some(),
            Self::Serving => card.serving.is_some(),
            Self::Validation => card.validation.is_some(),
            Self::Monitoring => card.monitoring.is_some(),
            Self::Fallback => card.fallback.is_some(),
            Self::Ownership => card.ownership.is_some(),
            Self::Platform => card.platform.is_some(),
        }
    }
}
