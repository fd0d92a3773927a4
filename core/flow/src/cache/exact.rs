//! Exact results: the value that the model gave for exactly these bytes.
//! **Invariant:** a hit is the value of the same input under the same geometry; bytes held stay under the bound.
//! It does not guess: a near miss is a miss.

use xxhash_rust::xxh3::Xxh3;

use super::{heap_bytes, sieve::Sieve};
use crate::{
    frame::{Elements, FeatureValue, Frame, Image, Input, Samples},
    value::Value,
};

/// A 128-bit digest of a model input. Two different inputs share one with a probability near 2^−128 each, which
/// is why a hit needs no second look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u128);

impl Digest {
    /// The digest of what the model would see of `frame`: its samples, shape, region and geometry, without padding
    /// and without its capture time, under `scope`.
    ///
    /// # Source
    /// XXH3, 128 bits.
    pub fn of(frame: &Frame<'_>, scope: Scope) -> Self {
        let mut hash = Xxh3::with_seed(scope.input_version);
        hash.update(&scope.model_version.to_le_bytes());
        hash.update(&[scope.variant]);
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

/// What a result depends on beside the input: another value of any of these is another result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The model's version.
    pub model_version: u32,
    /// The variant that ran.
    pub variant: u8,
    /// The version of everything between frame and model: preprocessing, and the card's region of interest.
    pub input_version: u64,
}

#[derive(Debug)]
struct Entry {
    digest: Digest,
    value: Value,
}

/// More exact results than this are not kept: they are looked up one by one.
const MOST: usize = 1024;

/// A bounded map from digests to values: the only tier that is never wrong.
#[derive(Debug)]
pub struct ExactCache(Sieve<Entry>);

impl ExactCache {
    /// A cache of at most `capacity` bytes, values and bookkeeping together; 0 keeps nothing.
    pub const fn new(capacity: usize) -> Self {
        Self(Sieve::new(capacity, MOST))
    }

    /// Whether it can keep anything.
    pub const fn is_enabled(&self) -> bool {
        self.0.capacity() > 0
    }

    /// Bytes held.
    pub const fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// The value for `digest`.
    pub fn get(&mut self, digest: Digest) -> Option<&Value> {
        self.0.touch(|e| e.digest == digest).map(|e| &e.value)
    }

    /// Keeps `value` for `digest`, and drops what is used least to make room. A value larger than the whole cache
    /// is not kept.
    pub fn insert(&mut self, digest: Digest, value: &Value) {
        let heap = heap_bytes(value);
        if heap <= self.0.capacity() && self.0.touch(|e| e.digest == digest).is_none() {
            self.0.insert(Entry { digest, value: value.clone() }, heap);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        frame::{Feature, PixelFormat, Plane, Rotation},
        geometry::Rect,
        time::Timestamp,
    };
    use std::vec;

    fn digest(image: Image<'_>) -> Digest {
        Digest::of(&Frame::image(Timestamp::ZERO, image), Scope::default())
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
        let later = Frame::image(Timestamp::from_millis(5), packed);
        assert_eq!(Digest::of(&frame, Scope::default()), Digest::of(&later, Scope::default()));
    }

    #[test]
    fn model_variant_preprocessing_and_region_are_part_of_it() {
        let pixels: vec::Vec<u8> = (0..16 * 16).map(|i| i as u8).collect();
        let image = Image::packed(PixelFormat::Gray8, 16, 16, &pixels);
        let region = |x0| image.with_region(Rect::new(x0, 0.0, 8.0, 8.0));
        let of = |image, scope| Digest::of(&Frame::image(Timestamp::ZERO, image), scope);
        let plain = Scope::default();
        let all = [
            of(image, plain),
            of(image, Scope { model_version: 1, ..plain }),
            of(image, Scope { variant: 1, ..plain }),
            of(image, Scope { input_version: 1, ..plain }),
            of(region(0.0), plain),
            of(region(1.0), plain),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|b| a != b), "{i}");
        }
    }

    #[test]
    fn a_missing_feature_is_not_a_category() {
        let of = |value| {
            Digest::of(&Frame::features(Timestamp::ZERO, &[Feature { name: "f", value }]), Scope::default())
        };
        assert_ne!(of(FeatureValue::Missing), of(FeatureValue::Category("")));
        assert_ne!(of(FeatureValue::Number(0.0)), of(FeatureValue::Number(-0.0)));
    }

    #[test]
    fn stays_under_its_bytes_and_keeps_what_is_asked_for() {
        let capacity = 4 * (size_of::<Entry>() + 16 + 40);
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
