//! Exact results: the value that the model gave for exactly these bytes.
//! **Invariant:** a hit is the value of the same input under the same geometry; bytes held stay under the bound.
//! It does not guess: a near miss is a miss.

use alloc::vec::Vec;

use xxhash_rust::xxh3::Xxh3;

use crate::{
    frame::{Elements, FeatureValue, Frame, Image, Input, Samples},
    value::{Detection, Keypoint, Value},
};

/// A 128-bit digest of a model input. Two different inputs share one with a probability near 2^−128 each, which
/// is why a hit needs no second look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u128);

impl Digest {
    /// The digest of what the model would see of `frame`: its samples, shape and geometry, without padding and
    /// without its capture time. `seed` separates models, versions and variants.
    ///
    /// # Source
    /// XXH3, 128 bits.
    pub fn of(frame: &Frame<'_>, seed: u64) -> Self {
        let mut hash = Xxh3::with_seed(seed);
        match &frame.input {
            Input::Image(image) => digest_image(&mut hash, image),
            Input::Audio(audio) => {
                hash.update(&audio.sample_rate.to_le_bytes());
                match audio.samples {
                    Samples::I16(s) => numbers(&mut hash, 0, s.iter().map(|x| x.to_le_bytes())),
                    Samples::F32(s) => numbers(&mut hash, 1, s.iter().map(|x| x.to_bits().to_le_bytes())),
                }
            }
            Input::Tensors(tensors) => {
                for tensor in *tensors {
                    text(&mut hash, tensor.name);
                    numbers(&mut hash, 2, tensor.shape.iter().map(|d| (*d as u64).to_le_bytes()));
                    match tensor.elements {
                        Elements::F32(e) => {
                            numbers(&mut hash, 3, e.iter().map(|x| x.to_bits().to_le_bytes()));
                        }
                        Elements::I64(e) => numbers(&mut hash, 4, e.iter().map(|x| x.to_le_bytes())),
                        Elements::I32(e) => numbers(&mut hash, 5, e.iter().map(|x| x.to_le_bytes())),
                        Elements::U8(e) => numbers(&mut hash, 6, e.iter().map(|x| [*x])),
                    }
                }
            }
            Input::Features(features) => {
                for feature in *features {
                    text(&mut hash, feature.name);
                    match feature.value {
                        FeatureValue::Number(x) => {
                            numbers(&mut hash, 7, [x.to_bits().to_le_bytes()].into_iter());
                        }
                        FeatureValue::Category(name) => {
                            hash.update(&[8]);
                            text(&mut hash, name);
                        }
                        FeatureValue::Missing => hash.update(&[9]),
                    }
                }
            }
        }
        Self(hash.digest128())
    }
}

fn digest_image(hash: &mut Xxh3, image: &Image<'_>) {
    let kind =
        [image.format as u8, image.rotation as u8, u8::from(image.mirror), u8::from(image.region.is_some())];
    hash.update(&kind);
    hash.update(&image.width.to_le_bytes());
    hash.update(&image.height.to_le_bytes());
    if let Some(r) = image.region {
        for edge in [r.x0, r.y0, r.x1, r.y1] {
            hash.update(&edge.to_bits().to_le_bytes());
        }
    }
    for (i, plane) in image.planes.iter().enumerate().take(image.format.planes()) {
        let (row, rows) = image.format.plane_size(i, image.width, image.height);
        if plane.row_stride == row {
            hash.update(plane.data.get(..row * rows).unwrap_or(plane.data));
        } else {
            for y in 0..rows {
                let at = y * plane.row_stride;
                hash.update(plane.data.get(at..at + row).unwrap_or(&[]));
            }
        }
    }
}

fn text(hash: &mut Xxh3, text: &str) {
    hash.update(&(text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

/// Kind and count go in front, so that no two sequences of lists run into the same bytes.
fn numbers<const N: usize>(hash: &mut Xxh3, kind: u8, items: impl ExactSizeIterator<Item = [u8; N]>) {
    hash.update(&[kind]);
    hash.update(&(items.len() as u64).to_le_bytes());
    for item in items {
        hash.update(&item);
    }
}

#[derive(Debug)]
struct Entry {
    digest: Digest,
    value: Value,
    bytes: usize,
    visited: bool,
}

/// A bounded map from digests to values with SIEVE eviction.
///
/// # Source
/// Zhang et al.: SIEVE is simpler than LRU, NSDI 2024.
#[derive(Debug, Default)]
pub struct ExactCache {
    /// Oldest first.
    entries: Vec<Entry>,
    hand: usize,
    bytes: usize,
    capacity: usize,
}

impl ExactCache {
    /// A cache of at most `capacity` bytes, values and bookkeeping together; 0 keeps nothing.
    pub const fn new(capacity: usize) -> Self {
        Self { entries: Vec::new(), hand: 0, bytes: 0, capacity }
    }

    /// Whether it can keep anything.
    pub const fn is_enabled(&self) -> bool {
        self.capacity > 0
    }

    /// Bytes held.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The value for `digest`.
    pub fn get(&mut self, digest: Digest) -> Option<&Value> {
        let entry = self.entries.iter_mut().find(|e| e.digest == digest)?;
        entry.visited = true;
        Some(&entry.value)
    }

    /// Keeps `value` for `digest`, and drops what is used least to make room. A value larger than the whole cache
    /// is not kept.
    pub fn insert(&mut self, digest: Digest, value: &Value) {
        let bytes = size_of::<Entry>() + heap_bytes(value);
        if bytes > self.capacity || self.entries.iter().any(|e| e.digest == digest) {
            return;
        }
        while self.bytes + bytes > self.capacity {
            self.evict();
        }
        self.bytes += bytes;
        self.entries.push(Entry { digest, value: value.clone(), bytes, visited: false });
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.hand = 0;
        self.bytes = 0;
    }

    /// The hand moves from old to new, forgives what was visited, and takes the first that was not.
    fn evict(&mut self) {
        loop {
            if self.hand >= self.entries.len() {
                self.hand = 0;
            }
            let entry = &mut self.entries[self.hand];
            if entry.visited {
                entry.visited = false;
                self.hand += 1;
            } else {
                self.bytes -= entry.bytes;
                self.entries.remove(self.hand);
                return;
            }
        }
    }
}

fn heap_bytes(value: &Value) -> usize {
    match value {
        Value::Scalar(_) | Value::Label(_) | Value::Rotation(_) => 0,
        Value::Vector(v) | Value::Probabilities(v) | Value::Embedding(v) => size_of_val(v.as_slice()),
        Value::Boxes(v) => v.len() * size_of::<Detection>(),
        Value::Keypoints(v) => v.len() * size_of::<Keypoint>(),
        Value::Mask(m) => m.cells.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        frame::{Feature, PixelFormat, Plane, Rotation},
        time::Timestamp,
    };
    use std::vec;

    fn digest(image: Image<'_>) -> Digest {
        Digest::of(&Frame::image(Timestamp::ZERO, image), 0)
    }

    #[test]
    fn padding_does_not_count_but_pixels_and_geometry_do() {
        let tight: vec::Vec<u8> = (0..16 * 16).map(|i| i as u8).collect();
        let mut wide = vec![77_u8; 16 * 20];
        for y in 0..16 {
            wide[y * 20..y * 20 + 16].copy_from_slice(&tight[y * 16..y * 16 + 16]);
        }
        let packed = Image::packed(PixelFormat::Gray8, 16, 16, &tight);
        let padded = Image::new(PixelFormat::Gray8, 16, 16, &[Plane { data: &wide, row_stride: 20 }]);
        assert_eq!(digest(packed), digest(padded));
        assert_ne!(digest(packed), digest(packed.rotated(Rotation::Cw180)));
        assert_ne!(digest(packed), digest(packed.mirrored(true)));
        let mut other = tight.clone();
        other[255] ^= 1;
        assert_ne!(digest(packed), digest(Image::packed(PixelFormat::Gray8, 16, 16, &other)));
        let frame = Frame::image(Timestamp::ZERO, packed);
        assert_ne!(Digest::of(&frame, 1), Digest::of(&frame, 2));
        let later = Frame::image(Timestamp::from_millis(5), packed);
        assert_eq!(Digest::of(&frame, 1), Digest::of(&later, 1));
    }

    #[test]
    fn a_missing_feature_is_not_a_category() {
        let of = |value| Digest::of(&Frame::features(Timestamp::ZERO, &[Feature { name: "f", value }]), 0);
        assert_ne!(of(FeatureValue::Missing), of(FeatureValue::Category("")));
        assert_ne!(of(FeatureValue::Number(0.0)), of(FeatureValue::Number(-0.0)));
    }

    #[test]
    fn stays_under_its_bytes_and_keeps_what_is_asked_for() {
        let capacity = 4 * (size_of::<Entry>() + 40);
        let mut cache = ExactCache::new(capacity);
        let value = |x: f32| Value::Vector(vec![x; 10]);
        for i in 0..100_u128 {
            cache.insert(Digest(i), &value(i as f32));
            assert!(cache.bytes() <= capacity);
            assert!(cache.get(Digest(0)).is_some(), "the entry that is used each time was dropped at {i}");
        }
        assert_eq!(cache.get(Digest(0)), Some(&value(0.0)));
        assert_eq!(cache.get(Digest(50)), None);
        cache.insert(Digest(1_000), &Value::Vector(vec![0.0; 10_000]));
        assert_eq!(cache.get(Digest(1_000)), None);
        cache.clear();
        assert_eq!((cache.bytes(), cache.get(Digest(0))), (0, None));
    }
}
