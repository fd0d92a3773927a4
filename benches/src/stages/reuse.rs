//! Stages of the caches: the digest of a frame, and lookups of an exact and of a similar picture.
//! **Invariant:** lookups find what they look for; a cache that finds nothing is quicker and would flatter.
//! It does not decide what may be served.

use std::time::Duration;

use inbetween_flow::{
    Frame, Image, Label, Luma, PixelFormat, Timestamp, Value,
    cache::{Digest, ExactCache, Key, NearCache, Scope},
};

use super::{Stage, metered, noise};

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;
/// Entries of each cache.
const ENTRIES: u64 = 48;

#[allow(clippy::unnecessary_wraps)] // as the other groups
pub(super) fn stages() -> anyhow::Result<Vec<Stage>> {
    Ok(vec![digest(), exact(), key(), near()])
}

/// Small pictures that differ in where their bright part is.
fn picture(n: u64) -> Vec<u8> {
    let mut data = noise(64 * 36);
    for (i, pixel) in data.iter_mut().enumerate() {
        let (x, y) = (i as u64 % 64, i as u64 / 64);
        let bright = x / 8 == n % 8 && y / 6 == n / 8;
        *pixel = *pixel / 8 + if bright { 220 } else { (n * 3) as u8 };
    }
    data
}

fn key_of(width: u32, height: u32, data: &[u8]) -> Option<Key> {
    let image = Image::packed(PixelFormat::Gray8, width, height, data);
    Luma::of(&image).map(|luma| Key::of(&image, &luma))
}

fn digest() -> Stage {
    let data = noise((WIDTH * HEIGHT) as usize);
    let first = Digest::of(&frame(&data), Scope::default());
    Stage::new("cache/digest", 1.0, move |meter| {
        let found = metered(meter, || Digest::of(&frame(&data), Scope::default()));
        f64::from(u8::from(found == Some(first)))
    })
}

fn frame(data: &[u8]) -> Frame<'_> {
    Frame::image(Timestamp::ZERO, Image::packed(PixelFormat::Gray8, WIDTH, HEIGHT, data))
}

fn exact() -> Stage {
    let mut cache = ExactCache::new(64 * 1024);
    let digest = |n: u64| {
        let data = picture(n);
        let image = Image::packed(PixelFormat::Gray8, 64, 36, &data);
        Digest::of(&Frame::image(Timestamp::ZERO, image), Scope::default())
    };
    for n in 0..ENTRIES {
        cache.insert(digest(n), &Value::Scalar(n as f32));
    }
    let wanted = digest(20);
    Stage::new("cache/exact", 20.0, move |meter| match metered(meter, || cache.get(wanted).cloned()) {
        Some(Some(Value::Scalar(x))) => f64::from(x),
        _ => f64::NAN,
    })
}

fn key() -> Stage {
    let data = noise((WIDTH * HEIGHT) as usize);
    let first = key_of(WIDTH, HEIGHT, &data);
    Stage::new("cache/key", 1.0, move |meter| {
        let found = metered(meter, || key_of(WIDTH, HEIGHT, &data));
        f64::from(u8::from(found == Some(first)))
    })
}

fn near() -> Stage {
    let mut cache = NearCache::<()>::new(1 << 20, 0.5, 0.02);
    for n in 0..ENTRIES {
        let value = Value::Label(Label { class: n as u32, score: 1.0 });
        // The second sighting makes it an entry.
        for sighting in 0..2 {
            if let Some(key) = key_of(64, 36, &picture(n)) {
                let at = Timestamp::from_millis(10 * n + sighting);
                let candidate = cache.nearest(&key, at, Duration::from_mins(1));
                cache.sight(&key, &value, at, candidate.as_ref(), || None);
            }
        }
    }
    let wanted = key_of(64, 36, &picture(20));
    Stage::new("cache/near", 0.0, move |meter| {
        let now = Timestamp::from_millis(1000);
        let find = || cache.nearest(wanted.as_ref()?, now, Duration::from_mins(1));
        metered(meter, find).flatten().map_or(f64::NAN, |c| f64::from(c.distance))
    })
}
