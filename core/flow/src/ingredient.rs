//! The ingredients of the engine, by name, so that each can be left out and what it is worth measured.
//! **Invariant:** with nothing left out every branch on an ingredient is as if it were not there.
//! It does not act anywhere: each stage asks where its ingredient does.

/// A set of ingredients. An app leaves nothing out; a benchmark leaves out one at a time and compares.
///
/// # Example
/// ```
/// use inbetween_flow::{Config, Ingredients, ValueKind};
///
/// let mut config = Config::for_images(ValueKind::Boxes, 6.0);
/// config.scheduling.without = Ingredients::AUDITS.with(Ingredients::BIRTHS);
/// assert!(config.scheduling.without.has(Ingredients::AUDITS));
/// assert!(!config.scheduling.without.has(Ingredients::PIXELS));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ingredients(u32);

impl Ingredients {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Pixels as evidence for the scheduler: lost tracks, unexplained change, cuts. Answers follow pixels all the same.
    pub const GATE: Self = Self(1);
    /// Following pixels at all.
    pub const PIXELS: Self = Self(1 << 1);
    /// Carrying answers beyond the newest frame: without, they stand where that showed them.
    pub const PREDICTION: Self = Self(1 << 2);
    /// Random runs that check the forecast.
    pub const AUDITS: Self = Self(1 << 3);
    /// The result cache.
    pub const CACHE: Self = Self(1 << 4);
    /// Runs on change that neither tracks nor background explain.
    pub const BIRTHS: Self = Self(1 << 5);
    /// Runs on tracks that do not look like their key frame any more.
    pub const RESIDUALS: Self = Self(1 << 6);
    /// Recognising that the picture as a whole is another one.
    pub const CUTS: Self = Self(1 << 7);
    /// Learning how fast each track's answer drifts away from the truth.
    pub const DRIFT: Self = Self(1 << 8);
    /// The background's motion: where tracks are looked for, and what it explains.
    pub const GLOBAL_MOTION: Self = Self(1 << 9);
    /// Knowing which tracks may be in front of others.
    pub const OCCLUSION: Self = Self(1 << 10);
    /// Online conformal quantiles of the forecast: without, the source's own spread is believed.
    pub const CONFORMAL: Self = Self(1 << 11);
    /// The virtual queue of violations that moves the threshold.
    pub const QUEUE: Self = Self(1 << 12);
    /// Limiting runs that evidence asks for by what such runs have yielded.
    pub const YIELDS: Self = Self(1 << 13);
    /// Runs on picture that a moving camera uncovers.
    pub const ENTRIES: Self = Self(1 << 14);

    /// Each ingredient with its name.
    pub const ALL: [(&'static str, Self); 15] = [
        ("gate", Self::GATE),
        ("pixels", Self::PIXELS),
        ("prediction", Self::PREDICTION),
        ("audits", Self::AUDITS),
        ("cache", Self::CACHE),
        ("births", Self::BIRTHS),
        ("residuals", Self::RESIDUALS),
        ("cuts", Self::CUTS),
        ("drift", Self::DRIFT),
        ("global-motion", Self::GLOBAL_MOTION),
        ("occlusion", Self::OCCLUSION),
        ("conformal", Self::CONFORMAL),
        ("queue", Self::QUEUE),
        ("yields", Self::YIELDS),
        ("entries", Self::ENTRIES),
    ];

    /// Whether any of `other` is in it.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The ingredient of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, one)| *one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_a_bit_of_its_own() {
        let mut all = Ingredients::NONE;
        for (name, one) in Ingredients::ALL {
            assert!(one.0.is_power_of_two() && !all.has(one), "{name}");
            assert_eq!(Ingredients::named(name), Some(one));
            all = all.with(one);
        }
        assert_eq!(Ingredients::named("luck"), None);
    }
}
