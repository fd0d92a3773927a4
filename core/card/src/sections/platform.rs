//! The platform: what the device must have.
//! **Invariant:** every ABI is one that the SDK is built for.
//! It does not ask the device.

use serde::Deserialize;

use crate::check::Faults;

/// What the device must have.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// Instruction sets.
    pub abi: Vec<Abi>,
    /// Systems, with the oldest version.
    pub os: Vec<Os>,
    /// Memory that must be free, in MiB.
    pub memory_mib: f64,
    /// Permissions that the app must have, as the system names them; `[]` for none.
    pub permissions: Vec<String>,
}

/// An instruction set, by its name on the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Abi {
    /// 64-bit ARM on Android.
    #[serde(rename = "arm64-v8a")]
    Arm64V8a,
    /// 32-bit ARM on Android.
    #[serde(rename = "armeabi-v7a")]
    ArmeabiV7a,
    /// 64-bit ARM on Apple systems.
    #[serde(rename = "arm64")]
    Arm64,
    /// 64-bit ARM elsewhere.
    #[serde(rename = "aarch64")]
    Aarch64,
    /// 64-bit x86.
    #[serde(rename = "x86_64")]
    X8664,
}

/// A system and its oldest version.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Os {
    /// Its name.
    pub name: String,
    /// The oldest version (on Android the API level).
    pub at_least: String,
}

impl Platform {
    pub(crate) fn check(&self, f: &mut Faults) {
        f.need(!self.abi.is_empty(), "platform.abi", "at least one instruction set");
        f.need(!self.os.is_empty(), "platform.os", "at least one system");
        for (i, os) in self.os.iter().enumerate() {
            f.words(&os.name, format!("platform.os.{i}.name"), "the name of a system");
            f.words(&os.at_least, format!("platform.os.{i}.at_least"), "the oldest version that works");
        }
        f.distinct(self.os.iter().map(|o| o.name.as_str()), |i| format!("platform.os.{i}.name"));
        f.need(
            self.memory_mib > 0.0 && self.memory_mib <= 65_536.0,
            "platform.memory_mib",
            "above 0, at most 65536 MiB",
        );
        f.each(&self.permissions, "platform.permissions", "a permission by its name on the system");
    }
}
