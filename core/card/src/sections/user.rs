//! The user: who decides with the answers, where, on which devices, and how often.
//! **Invariant:** the volume is one number that loads can be worked out from.
//! It does not know one user from another.

use serde::Deserialize;

use crate::check::Faults;

/// Who uses the answers, and where.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Who.
    pub who: String,
    /// What they are doing, and what is around them.
    pub context: String,
    /// Devices, or classes of devices.
    pub devices: Vec<String>,
    /// How much there is to answer.
    pub volume: Volume,
}

/// How much there is to answer.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Events (frames, rows) an hour on one device at its busiest time.
    pub events_per_hour: f64,
    /// Devices in use.
    pub devices: u64,
}

impl User {
    pub(crate) fn check(&self, f: &mut Faults) {
        f.words(&self.who, "user.who", "who uses the answers, in words");
        f.words(&self.context, "user.context", "what users are doing and what is around them, in words");
        f.need(!self.devices.is_empty(), "user.devices", "at least one device or class of devices");
        f.each(&self.devices, "user.devices", "a device or a class of devices");
        let events = self.volume.events_per_hour;
        f.need(events.is_finite() && events > 0.0, "user.volume.events_per_hour", "finite and above 0");
        f.need(self.volume.devices > 0, "user.volume.devices", "at least 1");
    }
}
