//! What the response plan has done to the service, as bytes that outlive the process.
//! **Invariant:** only bytes of this card and these models are taken; every other kind of bytes is told apart.
//! It does not store them: the host does, and gives them back at the next start.

use core::fmt;

use crate::{
    config::{Bound, Config, Response},
    monitor::{Live, Monitor},
};

/// Length of what [`Engine::latched`](super::Engine::latched) gives, in bytes.
pub const LATCHED_BYTES: usize = 26;

const MAGIC: [u8; 4] = *b"IBS1";
/// Where the check sum begins.
const BODY: usize = LATCHED_BYTES - 8;

/// What became of bytes that were given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Restored {
    /// Nothing stood: the service is full.
    Nothing,
    /// What stood before the restart stands again.
    Latched,
    /// They are of another card or model, whose faults are not those of this one: nothing was taken. Write the new state.
    Cleared,
}

/// Why bytes are refused. The engine is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LatchError {
    /// There are more or fewer than [`LATCHED_BYTES`].
    Length {
        /// What came.
        found: usize,
    },
    /// They do not begin as such bytes do: another file, or another version of the format.
    Format,
    /// They were changed since they were written.
    Corrupt,
    /// They name a rule or a model that the card does not have.
    Content,
}

impl fmt::Display for LatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Length { found } => {
                write!(f, "{found} bytes came where a latched response has {LATCHED_BYTES}: the file was cut")
            }
            Self::Format => write!(
                f,
                "these bytes are no latched response of this version: read the file that was written"
            ),
            Self::Corrupt => {
                write!(
                    f,
                    "the bytes were changed since they were written: start without them, and have the model looked at"
                )
            }
            Self::Content => write!(f, "the bytes name a rule or a model that the card does not have"),
        }
    }
}

impl core::error::Error for LatchError {}

/// What the response plan has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Latched {
    /// Rules that stand, as bits in the order of the card.
    pub rules: u32,
    /// Models before this one are rolled back.
    pub barred: u8,
    /// Whether the last one was, too.
    pub retired: bool,
}

impl Latched {
    pub(super) fn to_bytes(self, of: u64) -> [u8; LATCHED_BYTES] {
        let mut bytes = [0; LATCHED_BYTES];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..12].copy_from_slice(&of.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.rules.to_le_bytes());
        (bytes[16], bytes[17]) = (self.barred, u8::from(self.retired));
        let sum = fnv(FNV, &bytes[..BODY]);
        bytes[BODY..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// What bytes of `of` say; `None` where they are of something else.
    pub(super) fn from_bytes(of: u64, bytes: &[u8]) -> Result<Option<Self>, LatchError> {
        let Ok(bytes) = <[u8; LATCHED_BYTES]>::try_from(bytes) else {
            return Err(LatchError::Length { found: bytes.len() });
        };
        if bytes[..4] != MAGIC {
            return Err(LatchError::Format);
        }
        if bytes[BODY..] != fnv(FNV, &bytes[..BODY]).to_le_bytes() {
            return Err(LatchError::Corrupt);
        }
        if bytes[4..12] != of.to_le_bytes() {
            return Ok(None);
        }
        let [.., a, b, c, d, barred, retired, _, _, _, _, _, _, _, _] = bytes;
        let rules = u32::from_le_bytes([a, b, c, d]);
        match retired {
            0 | 1 => Ok(Some(Self { rules, barred, retired: retired == 1 })),
            _ => Err(LatchError::Content),
        }
    }

    /// Whether `config` has the rules and models that this names.
    pub(super) fn fits(self, config: &Config, monitor: &Monitor, most_barred: usize) -> bool {
        let lasting = monitor.live().map_or(0, Live::lasting);
        let models = config.variants.len() + 1;
        self.rules & !lasting == 0 && usize::from(self.barred) <= most_barred.min(models)
    }

    /// What came of taking it.
    pub(super) const fn restored(self) -> Restored {
        if self.rules == 0 && self.barred == 0 && !self.retired {
            Restored::Nothing
        } else {
            Restored::Latched
        }
    }
}

/// What the bytes belong to: the models, by their versions and by `identity`, and the response plan. Another version or
/// another plan is a new start.
pub(super) fn belonging(config: &Config, identity: u64) -> u64 {
    let mut hash = fnv(FNV, &identity.to_le_bytes());
    hash = fnv(hash, &config.model_version.to_le_bytes());
    for variant in &config.variants {
        hash = fnv(hash, &variant.model_version.to_le_bytes());
    }
    for rule in config.monitoring.iter().flat_map(|m| &m.responses) {
        let (side, bound) = match rule.bound {
            Bound::Above(x) => (0, x),
            Bound::Below(x) => (1, x),
        };
        let response = match rule.response {
            Response::Alert => 0,
            Response::FallBack => 1,
            Response::Disable => 2,
            Response::RollBack => 3,
            Response::Retrain => 4,
        };
        hash = fnv(hash, rule.signal.as_bytes());
        hash = fnv(hash, &[0xFF, side, response]);
        hash = fnv(hash, &bound.to_bits().to_le_bytes());
        hash = fnv(hash, &rule.hold.as_nanos().to_le_bytes());
    }
    hash
}

/// Where FNV-1a begins (RFC 9923).
const FNV: u64 = 0xCBF2_9CE4_8422_2325;

/// FNV-1a, 64 bits: against accidents, not against an attacker, who could delete the file as well.
///
/// # Source
/// Fowler, Noll, Vo; RFC 9923.
fn fnv(mut hash: u64, bytes: &[u8]) -> u64 {
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: Latched = Latched { rules: 0b101, barred: 1, retired: true };

    #[test]
    fn the_hash_is_that_of_the_tables() {
        assert_eq!(fnv(FNV, b""), 0xCBF2_9CE4_8422_2325);
        assert_eq!(fnv(FNV, b"a"), 0xAF63_DC4C_8601_EC8C);
        assert_eq!(fnv(FNV, b"foobar"), 0x8594_4171_F739_67E8);
    }

    #[test]
    fn bytes_come_back_as_what_they_were() {
        let bytes = SOME.to_bytes(7);
        assert_eq!(Latched::from_bytes(7, &bytes), Ok(Some(SOME)));
        assert_eq!(Latched::from_bytes(8, &bytes), Ok(None), "of another model");
    }

    #[test]
    fn every_changed_bit_and_every_length_is_found() {
        let bytes = SOME.to_bytes(7);
        for bit in 0..LATCHED_BYTES * 8 {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            let wanted = if bit < 32 { LatchError::Format } else { LatchError::Corrupt };
            assert_eq!(Latched::from_bytes(7, &changed), Err(wanted), "bit {bit}");
        }
        for length in (0..60).filter(|n| *n != LATCHED_BYTES) {
            let long = [0; 60];
            assert_eq!(Latched::from_bytes(7, &long[..length]), Err(LatchError::Length { found: length }));
        }
    }
}
