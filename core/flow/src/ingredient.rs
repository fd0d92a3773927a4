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

/// Ingredients in the order of their bits.
macro_rules! ingredients {
    ($($(#[$doc:meta])* $bit:ident $word:literal,)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)] // named as the constants that they are for
        enum Bit {
            $($bit,)*
        }

        impl Ingredients {
            $($(#[$doc])* pub const $bit: Self = Self::only(Bit::$bit);)*

            /// Each ingredient with its name.
            pub const ALL: &'static [(&'static str, Self)] = &[$(($word, Self::$bit),)*];
        }
    };
}

ingredients! {
    /// Pixels as evidence for the scheduler: lost tracks, unexplained change, cuts. Answers follow pixels all the same.
    GATE "gate",
    /// Following pixels at all.
    PIXELS "pixels",
    /// Carrying answers beyond the newest frame: without, they stand where that showed them.
    PREDICTION "prediction",
    /// Random runs that check the forecast.
    AUDITS "audits",
    /// The result cache.
    CACHE "cache",
    /// Runs on change that neither tracks nor background explain.
    BIRTHS "births",
    /// Runs on tracks that do not look like their key frame any more.
    RESIDUALS "residuals",
    /// Recognising that the picture as a whole is another one.
    CUTS "cuts",
    /// Learning how fast each track's answer drifts away from the truth.
    DRIFT "drift",
    /// The background's motion: where tracks are looked for, and what it explains.
    GLOBAL_MOTION "global-motion",
    /// Knowing which tracks may be in front of others.
    OCCLUSION "occlusion",
    /// Online conformal quantiles of the forecast: without, the source's own spread is believed.
    CONFORMAL "conformal",
    /// The virtual queue of violations that moves the threshold.
    QUEUE "queue",
    /// Lower forecasts while answers violate more rarely than they may.
    SLACK "slack",
    /// Limiting runs that evidence asks for by what such runs have yielded.
    YIELDS "yields",
    /// Runs on picture that a moving camera uncovers.
    ENTRIES "entries",
    /// Showing the way of carrying that has been best, followed, extrapolated or held: without, it is what is followed.
    CHOICE "choice",
}

impl Ingredients {
    /// Nothing.
    pub const NONE: Self = Self(0);

    const fn only(bit: Bit) -> Self {
        Self(1 << bit as u32)
    }

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
        for &(name, one) in Ingredients::ALL {
            assert!(one.0.is_power_of_two() && !all.has(one), "{name}");
            assert_eq!(Ingredients::named(name), Some(one));
            all = all.with(one);
        }
        assert_eq!(Ingredients::named("luck"), None);
    }
}
