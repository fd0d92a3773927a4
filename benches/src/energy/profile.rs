//! Coefficient profiles of the energy model, with the source and the error of each number.
//! **Invariant:** a number without a source, or that is no positive number, is refused.
//! It does not claim: a [`Validation`](super::validation::Validation) says what an estimate may be called.

use anyhow::{Context as _, ensure};
use inbetween_sim::{EnergyProfile, PROFILES};
use serde::Deserialize;

use super::validation::{Claim, Validations};

/// The profiles that come with the project.
const SHIPPED: &str = include_str!("../../energy/profiles.toml");

/// One coefficient.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coefficient {
    /// The number, in the unit of its name.
    pub value: f64,
    /// By what share it may be wrong.
    pub error: f64,
    /// Where it comes from.
    pub source: String,
}

impl Coefficient {
    fn check(&self, name: &str, what: &str) -> anyhow::Result<()> {
        let Self { value, error, source } = self;
        ensure!(value.is_finite() && *value > 0.0, "{name}: {what} is {value}: it must be more than 0");
        ensure!((0.0..=1.0).contains(error), "{name}: the error of {what} is {error}: a share from 0 to 1");
        ensure!(!source.trim().is_empty(), "{name}: {what} has no source");
        Ok(())
    }
}

/// One set of coefficients.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// What kind of device it stands for.
    pub text: String,
    /// Names of devices for which it was fitted; none for a profile that stands for a kind.
    pub devices: Vec<String>,
    /// Joules of a multiply-accumulate.
    pub joule_per_mac: Coefficient,
    /// Joules of a byte to or from memory.
    pub joule_per_byte: Coefficient,
    /// Watts of a busy core.
    pub core_watt: Coefficient,
    /// Joules of waking the worker.
    pub joule_per_wake: Coefficient,
}

/// What a vendor publishes of a core.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Core {
    /// The chip.
    pub chip: String,
    /// The core.
    pub core: String,
    /// Picojoules of a cycle at one volt.
    pub picojoule_per_cycle: Coefficient,
}

/// All of a file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profiles {
    /// Goes up when a number changes: estimates of different versions cannot be compared.
    pub version: u32,
    /// The sets.
    #[serde(rename = "profile")]
    pub profiles: Vec<Profile>,
    /// Cores.
    #[serde(rename = "core", default)]
    pub cores: Vec<Core>,
}

/// What was counted, as the model weighs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Counts {
    /// Multiply-accumulates.
    pub macs: f64,
    /// Bytes to and from memory.
    pub bytes: f64,
    /// Seconds of a busy core.
    pub cpu_s: f64,
    /// Times that the worker was woken.
    pub wakes: f64,
}

impl Profile {
    fn coefficients(&self) -> [(&'static str, &Coefficient); 4] {
        [
            ("joule_per_mac", &self.joule_per_mac),
            ("joule_per_byte", &self.joule_per_byte),
            ("core_watt", &self.core_watt),
            ("joule_per_wake", &self.joule_per_wake),
        ]
    }

    /// The modelled energy and by how much it may be wrong, errors of the coefficients taken as independent.
    ///
    /// # Units
    /// Joules, of the model: see [`Validation`](super::validation::Validation) for when they may be called so.
    pub fn energy(&self, counts: &Counts) -> (f64, f64) {
        let weights = [counts.macs, counts.bytes, counts.cpu_s, counts.wakes];
        let parts = self.coefficients().into_iter().zip(weights).map(|((_, c), n)| (c.value * n, c.error));
        let (sum, square) = parts.fold((0.0, 0.0), |(sum, square), (joules, error)| {
            (sum + joules, square + (joules * error).powi(2))
        });
        (sum, square.sqrt())
    }

    /// Whether it has the coefficients of one of the simulator's.
    pub fn is(&self, other: &EnergyProfile) -> bool {
        let EnergyProfile { name, joule_per_mac, joule_per_byte, core_watt, joule_per_wake } = *other;
        let values = self.coefficients().map(|(_, c)| c.value);
        self.name == name && values == [joule_per_mac, joule_per_byte, core_watt, joule_per_wake]
    }
}

impl Profiles {
    /// Those that come with the project.
    ///
    /// # Errors
    /// When the simulator has other ones.
    pub fn shipped() -> anyhow::Result<Self> {
        let profiles = Self::parse(SHIPPED)?;
        let same = profiles.profiles.len() == PROFILES.len()
            && profiles.profiles.iter().zip(&PROFILES).all(|(ours, simulated)| ours.is(simulated));
        ensure!(same, "benches/energy/profiles.toml has other numbers than the simulator's PROFILES");
        Ok(profiles)
    }

    /// Reads a file of profiles.
    ///
    /// # Errors
    /// When it is none, a number is not positive or has no source, or there are fewer than three.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let profiles: Self = toml::from_str(text).context("these are no profiles")?;
        ensure!(
            profiles.profiles.len() >= 3,
            "a ranking needs three profiles at least, to show how it depends on them"
        );
        for profile in &profiles.profiles {
            for (what, coefficient) in profile.coefficients() {
                coefficient.check(&profile.name, what)?;
            }
        }
        for core in &profiles.cores {
            core.picojoule_per_cycle.check(&core.core, "picojoule_per_cycle")?;
        }
        Ok(profiles)
    }

    /// What figures may be called that are shown in every profile: the least of what each may be.
    pub fn claim(&self, validations: &Validations) -> Claim {
        self.profiles.iter().map(|p| validations.claim(&p.name, &p.devices)).min().unwrap_or_default()
    }

    /// The profile that was fitted for a device.
    pub fn of_device(&self, device: &str) -> Option<&Profile> {
        self.profiles.iter().find(|p| p.devices.iter().any(|d| d == device))
    }

    /// What each profile makes of two things, one divided by the other: how a ratio depends on the profile.
    pub fn ratios(&self, a: &Counts, b: &Counts) -> Vec<(String, f64)> {
        self.profiles.iter().map(|p| (p.name.clone(), p.energy(a).0 / p.energy(b).0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_profiles_are_the_simulators() {
        let profiles = Profiles::shipped().unwrap();
        assert_eq!(profiles.version, 1);
        assert!(profiles.of_device("pixel").is_none(), "none is fitted to a device yet");
        assert!(profiles.cores.len() >= 5);
    }

    #[test]
    fn energy_is_the_weighted_sum_with_its_error() {
        let counts = Counts { macs: 1e9, bytes: 0.0, cpu_s: 0.0, wakes: 0.0 };
        let profiles = Profiles::shipped().unwrap();
        let (joules, error) = profiles.profiles[0].energy(&counts);
        assert!((joules - 0.022).abs() < 1e-9 && (error - 0.011).abs() < 1e-9);
        let twice = Counts { macs: 2e9, ..counts };
        assert!(profiles.ratios(&twice, &counts).iter().all(|(_, r)| (r - 2.0).abs() < 1e-9));
    }

    #[test]
    fn what_a_figure_is_called_follows_from_what_was_validated() {
        use super::super::validation::{Pair, Validation};
        let mut profiles = Profiles::shipped().unwrap();
        assert_eq!(profiles.claim(&Validations::shipped().unwrap()).word(), "modelled");
        let pair = |i: u32| Pair { workload: i.to_string(), measured_j: i.into(), modelled_j: i.into() };
        let on = Validation::of("board", &(1..10).map(pair).collect::<Vec<_>>()).unwrap();
        let validations =
            Validations(profiles.profiles.iter().map(|p| (p.name.clone(), vec![on.clone()])).collect());
        for profile in &mut profiles.profiles[1..] {
            profile.devices.push("board".to_owned());
        }
        assert_eq!(profiles.claim(&validations), Claim::Modelled, "one profile stands for no device");
        profiles.profiles[0].devices.push("board".to_owned());
        assert_eq!(profiles.claim(&validations).word(), "validated");
    }

    #[test]
    fn numbers_without_a_source_are_refused() {
        for (from, to) in [
            ("value = 22e-12, error = 0.5", "value = -1.0, error = 0.5"),
            ("error = 0.5, source = \"Horowitz", "error = 5.0, source = \"Horowitz"),
            ("source = \"judgement: a shallow idle state\"", "source = \" \""),
            ("version = 1", "version = 1\ncoefficient = 2"),
        ] {
            let text = SHIPPED.replacen(from, to, 1);
            assert_ne!(text, SHIPPED, "{from}");
            assert!(Profiles::parse(&text).is_err(), "{to}");
        }
    }
}
