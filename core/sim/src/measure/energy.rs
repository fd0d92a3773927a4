//! Modelled energy from counts: multiply-accumulates, bytes, processor time, wake-ups.
//! **Invariant:** linear in the counts; a win is one only where it holds in every profile.
//! It does not measure joules: that needs a meter and a validation record.

use serde::{Deserialize, Serialize};

/// What one run of the model costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunCost {
    /// Multiply-accumulates.
    pub macs: u64,
    /// Bytes to and from memory: weights, input, activations that do not fit a cache.
    pub bytes: u64,
}

impl Default for RunCost {
    /// A short-range face detector (BlazeFace, 128 × 128): about 31 million multiply-accumulates, 0.4 MB of weights
    /// and about as much of activations.
    fn default() -> Self {
        Self { macs: 31_000_000, bytes: 1_000_000 }
    }
}

/// What a policy spent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Multiply-accumulates of the model.
    pub macs: u64,
    /// Bytes to and from memory for the model.
    pub bytes: u64,
    /// Processor time of the policy itself, in nanoseconds.
    pub cpu_ns: u64,
    /// Times that the worker was woken.
    pub wakes: u64,
}

/// Coefficients of the energy model.
///
/// # Source
/// Horowitz, ISSCC 2014 (45 nm): 32-bit float multiply 3.7 pJ and add 0.9 pJ; 8-bit multiply 0.2 pJ and add 0.03 pJ;
/// 64 bits from DRAM 1.3 to 2.6 nJ; one instruction about 70 pJ. Core power and wake-up energy are assumptions, and
/// differ between the profiles for that reason.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnergyProfile {
    /// Its name.
    pub name: &'static str,
    /// Joules of a multiply-accumulate.
    pub joule_per_mac: f64,
    /// Joules of a byte to or from memory.
    pub joule_per_byte: f64,
    /// Watts of a busy core.
    pub core_watt: f64,
    /// Joules of waking the worker.
    pub joule_per_wake: f64,
}

/// The profiles in which a ranking must hold. The first is the one of [`Row::energy`](super::Row::energy).
pub const PROFILES: [EnergyProfile; 3] = [
    // Floats on a processor core: 4.6 pJ of arithmetic and a quarter of an instruction (four lanes).
    EnergyProfile {
        name: "cpu-f32",
        joule_per_mac: 22e-12,
        joule_per_byte: 240e-12,
        core_watt: 0.7,
        joule_per_wake: 50e-6,
    },
    // Bytes on an accelerator: arithmetic nearly free, memory and waking are what counts.
    EnergyProfile {
        name: "accelerator-i8",
        joule_per_mac: 0.5e-12,
        joule_per_byte: 160e-12,
        core_watt: 0.7,
        joule_per_wake: 200e-6,
    },
    // A frugal model beside a thirsty core: the least favourable to whoever thinks much between runs.
    EnergyProfile {
        name: "costly-core",
        joule_per_mac: 4.6e-12,
        joule_per_byte: 160e-12,
        core_watt: 2.0,
        joule_per_wake: 20e-6,
    },
];

impl EnergyProfile {
    /// Modelled energy: `Σ MAC·e_mac + bytes·e_byte + cpu·P_core + wakes·e_wake`.
    ///
    /// # Units
    /// Joules.
    pub fn joules(&self, spent: &Spent) -> f64 {
        spent.macs as f64 * self.joule_per_mac
            + spent.bytes as f64 * self.joule_per_byte
            + spent.cpu_ns as f64 * 1e-9 * self.core_watt
            + spent.wakes as f64 * self.joule_per_wake
    }
}

/// Modelled energy in each of [`PROFILES`], in joules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Energies(pub [f64; PROFILES.len()]);

impl Energies {
    /// Of what was spent.
    pub fn of(spent: &Spent) -> Self {
        Self(PROFILES.map(|p| p.joules(spent)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_the_stated_sum() {
        let p = EnergyProfile {
            name: "t",
            joule_per_mac: 1.0,
            joule_per_byte: 10.0,
            core_watt: 1e9,
            joule_per_wake: 1000.0,
        };
        assert_eq!(p.joules(&Spent { macs: 1, bytes: 2, cpu_ns: 300, wakes: 4 }), 4321.0);
    }
}
