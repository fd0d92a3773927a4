//! The wire format of Protocol Buffers, as far as metrics need it.
//! **Invariant:** fields are written in the order of their calls; numbers that are the default are left out.
//! It does not know messages: `otlp` does.
//!
//! # Source
//! Protocol Buffers documentation, encoding.

use alloc::vec::Vec;

/// A message as it is written.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

/// How a field's value is laid out.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Length = 2,
}

impl Writer {
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.0.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.0.push(n as u8);
    }

    fn key(&mut self, field: u32, wire: Wire) {
        self.varint(u64::from(field << 3 | wire as u32));
    }

    pub fn uint(&mut self, field: u32, n: u64) {
        if n != 0 {
            self.key(field, Wire::Varint);
            self.varint(n);
        }
    }

    /// A signed number in zigzag form.
    pub fn sint(&mut self, field: u32, n: i32) {
        self.uint(field, u64::from((n << 1 ^ n >> 31) as u32));
    }

    pub fn fixed(&mut self, field: u32, n: u64) {
        if n != 0 {
            self.present_fixed(field, n);
        }
    }

    /// A number of a `oneof`, which is there even if it is 0.
    pub fn present_fixed(&mut self, field: u32, n: u64) {
        self.key(field, Wire::Fixed64);
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    /// A number that is optional, or of a `oneof`.
    pub fn present_double(&mut self, field: u32, x: f64) {
        self.present_fixed(field, x.to_bits());
    }

    /// An integer of a `oneof`.
    pub fn present_uint(&mut self, field: u32, n: u64) {
        self.key(field, Wire::Varint);
        self.varint(n);
    }

    pub fn text(&mut self, field: u32, text: &str) {
        if !text.is_empty() {
            self.present_text(field, text);
        }
    }

    /// A text of a `oneof`.
    pub fn present_text(&mut self, field: u32, text: &str) {
        self.key(field, Wire::Length);
        self.varint(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Numbers of eight bytes each, packed.
    pub fn packed_fixed(&mut self, field: u32, numbers: impl ExactSizeIterator<Item = u64>) {
        if numbers.len() > 0 {
            self.key(field, Wire::Length);
            self.varint(8 * numbers.len() as u64);
            numbers.for_each(|n| self.0.extend_from_slice(&n.to_le_bytes()));
        }
    }

    /// Numbers of varying length, packed.
    pub fn packed(&mut self, field: u32, numbers: impl Iterator<Item = u64>) {
        let mut inner = Self::default();
        numbers.for_each(|n| inner.varint(n));
        if !inner.0.is_empty() {
            self.key(field, Wire::Length);
            self.varint(inner.0.len() as u64);
            self.0.extend_from_slice(&inner.0);
        }
    }

    /// A message within the message.
    pub fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.key(field, Wire::Length);
        self.varint(inner.0.len() as u64);
        self.0.extend_from_slice(&inner.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_documentation() {
        let mut w = Writer::default();
        w.uint(1, 150);
        w.text(2, "testing");
        w.message(3, |w| w.uint(1, 150));
        w.packed(4, [3, 270, 86_942].into_iter());
        w.sint(5, -1);
        w.uint(6, 0);
        let hex = [
            &[0x08, 0x96, 0x01][..],
            &[0x12, 0x07, b't', b'e', b's', b't', b'i', b'n', b'g'],
            &[0x1a, 0x03, 0x08, 0x96, 0x01],
            &[0x22, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05],
            &[0x28, 0x01],
        ];
        assert_eq!(w.into_bytes(), hex.concat());
    }
}
