//! Numbers of a scene file: exact, or a range from which the seed draws.
//! **Invariant:** a drawn number lies in its range, ends included; drawing always takes one step of the stream.
//! It does not know what the number is for.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
};

use crate::rng::Rng;

/// A number, or `[low, high]`: every seed (and every copy of an object) draws its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Num {
    /// Lower end; the number itself when it is exact.
    pub low: f64,
    /// Upper end; the number itself when it is exact.
    pub high: f64,
}

impl Num {
    /// Exactly `x`.
    pub const fn exact(x: f64) -> Self {
        Self { low: x, high: x }
    }

    /// Drawn from `[low, high]`.
    pub const fn range(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    /// Draws the number.
    pub fn draw(&self, rng: &mut Rng) -> f64 {
        rng.between(self.low, self.high)
    }

    /// Whether the whole range lies within the given one.
    pub fn within(&self, low: f64, high: f64) -> bool {
        self.low >= low && self.high <= high
    }
}

impl Serialize for Num {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.low == self.high {
            serializer.serialize_f64(self.low)
        } else {
            [self.low, self.high].serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Num {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumVisitor)
    }
}

struct NumVisitor;

impl<'de> Visitor<'de> for NumVisitor {
    type Value = Num;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a range `[low, high]`")
    }

    fn visit_f64<E: de::Error>(self, x: f64) -> Result<Num, E> {
        if x.is_finite() { Ok(Num::exact(x)) } else { Err(E::custom("the number must be finite")) }
    }

    fn visit_i64<E: de::Error>(self, x: i64) -> Result<Num, E> {
        Ok(Num::exact(x as f64))
    }

    fn visit_u64<E: de::Error>(self, x: u64) -> Result<Num, E> {
        Ok(Num::exact(x as f64))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Num, A::Error> {
        let mut next = |at| seq.next_element::<f64>()?.ok_or_else(|| de::Error::invalid_length(at, &self));
        let (low, high) = (next(0)?, next(1)?);
        if seq.next_element::<f64>()?.is_some() {
            return Err(de::Error::invalid_length(3, &self));
        }
        if !low.is_finite() || !high.is_finite() || low > high {
            return Err(de::Error::custom("a range must be `[low, high]`, both finite and in order"));
        }
        Ok(Num { low, high })
    }
}
