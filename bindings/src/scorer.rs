//! Independent events as they cross the border: features in, a decision out.
//! **Invariant:** the bits of every number are those of the facade's `Scorer`.
//! It does not decide, and it does not carry anything from one event to the next.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use inbetween::{Bundle, Frame};

use crate::{
    answer::{Degraded, Value},
    decision::{Decision, ReviewItem},
    error::SdkError,
    event::Event,
    guard::guarded,
    time,
};

/// One feature of an event. Without a number and a category it is missing.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct Feature {
    /// Its name in the card.
    pub name: String,
    /// Its number.
    #[uniffi(default = None)]
    pub number: Option<f64>,
    /// Its category, where it has no number.
    #[uniffi(default = None)]
    pub category: Option<String>,
}

/// One event, scored.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct ScoredEvent {
    /// The value; left out only when neither a model nor the rule says anything.
    pub value: Option<Value>,
    /// What to do about it, when the card names a positive class and costs.
    pub decision: Option<Decision>,
    /// The variant that scored it: 0 is the model itself.
    pub variant: u8,
    /// That variant's version.
    pub model_version: u32,
    /// Why it stands on a lower rung, when it does.
    pub degraded: Option<Degraded>,
}

/// A card's model, its variants and its rule, for events that have nothing to do with each other.
///
/// All methods may be called from any thread; `score` takes as long as the model takes, and others wait for it.
#[derive(Debug, uniffi::Object)]
pub struct Scorer {
    scorer: Mutex<inbetween::Scorer>,
}

#[uniffi::export]
impl Scorer {
    /// Loads a card with the files that it names.
    ///
    /// # Errors
    /// When the card is refused, a file is missing, or a model cannot be used.
    #[uniffi::constructor]
    #[allow(clippy::implicit_hasher)] // the border knows one hasher
    pub fn new(card: &str, mut files: HashMap<String, Vec<u8>>) -> Result<Arc<Self>, SdkError> {
        guarded(|| {
            let bundle = Bundle::from_files(card, |name| files.remove(name))?;
            Ok(Arc::new(Self { scorer: Mutex::new(inbetween::Scorer::new(&bundle)?) }))
        })
    }

    /// Scores one event and decides on it. Features that are missing or wrong take the event down the ladder: that is
    /// no error.
    ///
    /// # Errors
    /// When a time is negative.
    pub fn score(
        &self,
        now_nanos: i64,
        captured_nanos: i64,
        features: &[Feature],
    ) -> Result<ScoredEvent, SdkError> {
        let now = time::timestamp("now_nanos", now_nanos)?;
        let captured = time::timestamp("captured_nanos", captured_nanos)?;
        let features: Vec<_> = features.iter().map(feature).collect();
        guarded(|| {
            let answer = self.lock().score(now, &Frame::features(captured, &features));
            Ok(ScoredEvent {
                value: answer.value.as_ref().map(Into::into),
                decision: answer.decision.map(Into::into),
                variant: answer.variant,
                model_version: answer.model_version,
                degraded: answer.degraded.map(Into::into),
            })
        })
    }

    /// The next thing that the host may want to know.
    ///
    /// # Errors
    /// None today: it returns an error type so that a panic inside can never end the app.
    pub fn poll_event(&self) -> Result<Option<Event>, SdkError> {
        guarded(|| Ok(self.lock().poll_event().map(Into::into)))
    }

    /// The item that is the dearest to leave unseen, for a person who is free now.
    ///
    /// # Errors
    /// None today, as above.
    pub fn take_review(&self) -> Result<Option<ReviewItem>, SdkError> {
        guarded(|| Ok(self.lock().take_review().map(Into::into)))
    }
}

impl Scorer {
    /// A call that panicked cannot leave an event half-scored: each is answered by itself.
    fn lock(&self) -> std::sync::MutexGuard<'_, inbetween::Scorer> {
        self.scorer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn feature(feature: &Feature) -> inbetween::Feature<'_> {
    let value = match (feature.number, &feature.category) {
        (Some(x), _) => inbetween::FeatureValue::Number(x),
        (None, Some(name)) => inbetween::FeatureValue::Category(name),
        (None, None) => inbetween::FeatureValue::Missing,
    };
    inbetween::Feature { name: &feature.name, value }
}

/// The bucket of a unit (an installation, a user) in a namespace, from 0 to 9,999: the same in every language, for ever.
#[uniffi::export]
pub fn bucket(namespace: &str, unit: &str) -> u16 {
    inbetween::rollout::bucket(namespace, unit)
}
