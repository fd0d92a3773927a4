//! Photographs that a scene names and its host supplies.
//! **Invariant:** a photograph has as many luma bytes as pixels, and at least one.
//! It does not open files: bytes come in.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Pattern, SceneSpec, Texture};

/// A photograph's luma, row by row.
///
/// # Example
/// ```
/// use inbetween_sim::Photograph;
///
/// assert!(Photograph::new(2, 2, vec![0, 80, 160, 240]).is_some());
/// assert!(Photograph::new(2, 2, vec![0]).is_none(), "a byte for each pixel");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photograph {
    width: usize,
    height: usize,
    luma: Vec<u8>,
}

impl Photograph {
    /// From `width × height` luma bytes; `None` when there are fewer, more or none.
    pub fn new(width: usize, height: usize, luma: Vec<u8>) -> Option<Self> {
        (width.checked_mul(height) == Some(luma.len()) && !luma.is_empty()).then_some(Self {
            width,
            height,
            luma,
        })
    }

    /// Width in pixels.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub const fn height(&self) -> usize {
        self.height
    }

    /// The luma bytes.
    pub fn luma(&self) -> &[u8] {
        &self.luma
    }
}

/// The photographs of a scene, by their names in its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Photographs(Arc<BTreeMap<String, Photograph>>);

impl Photographs {
    /// The photograph of a name, if the host supplied it.
    pub fn get(&self, name: &str) -> Option<&Photograph> {
        self.0.get(name)
    }
}

impl FromIterator<(String, Photograph)> for Photographs {
    fn from_iter<T: IntoIterator<Item = (String, Photograph)>>(named: T) -> Self {
        Self(Arc::new(named.into_iter().collect()))
    }
}

/// Which part of which photograph a surface shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhotoSpec {
    /// The name that the host knows it by.
    pub name: String,
    /// Left, top, right and bottom edge of the part, as shares of the photograph.
    #[serde(default = "PhotoSpec::whole")]
    pub crop: [f64; 4],
    /// Width of the part in pixels of the frame; its own when left out. An object's part has the object's size.
    pub width_px: Option<f64>,
}

impl PhotoSpec {
    const fn whole() -> [f64; 4] {
        [0.0, 0.0, 1.0, 1.0]
    }

    /// Width and height of the part in pixels of the frame, when it is a background of `photograph`.
    pub(crate) fn size_px(&self, photograph: &Photograph) -> (f64, f64) {
        let [x0, y0, x1, y1] = self.crop;
        let (w, h) = ((x1 - x0) * photograph.width as f64, (y1 - y0) * photograph.height as f64);
        let width = self.width_px.unwrap_or(w);
        (width, width * h / w.max(1e-9))
    }
}

impl SceneSpec {
    /// The names of the photographs that the scene shows, in order, each once.
    pub fn photograph_names(&self) -> Vec<&str> {
        let textures =
            std::iter::once(&self.background.texture).chain(self.objects.iter().map(|o| &o.texture));
        let mut names: Vec<&str> = textures.filter_map(Texture::photograph).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The names of those that the host has not supplied. They would be drawn plain grey, so that a scene which lacks
    /// any says nothing about real pixels.
    pub fn photographs_missing(&self) -> Vec<&str> {
        let mut names = self.photograph_names();
        names.retain(|name| self.photographs.get(name).is_none());
        names
    }
}

impl Texture {
    /// The name of the photograph that it shows, if it shows one.
    pub fn photograph(&self) -> Option<&str> {
        self.photo.as_ref().filter(|_| self.kind == Pattern::Photo).map(|p| p.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENE: &str = r#"
        name = "p"
        [background]
        texture = { kind = "photo", photo = { name = "yard" } }
        [[objects]]
        texture = { kind = "photo", photo = { name = "cat", crop = [0.25, 0, 0.75, 1] } }
        [[objects]]
        edge = "leave"
        texture = { kind = "behind" }
    "#;

    #[test]
    fn a_scene_says_which_photographs_it_needs_and_lacks() {
        let mut spec = SceneSpec::parse(SCENE).unwrap();
        assert_eq!(spec.photograph_names(), ["cat", "yard"]);
        let yard = Photograph::new(4, 2, vec![9; 8]).unwrap();
        spec.photographs = std::iter::once(("yard".to_owned(), yard)).collect();
        assert_eq!(spec.photographs_missing(), ["cat"]);
    }

    #[test]
    fn a_photograph_without_name_or_with_a_wrong_crop_is_refused() {
        let refuse = |texture: &str| {
            SceneSpec::parse(&format!("name = \"p\"\n[background]\ntexture = {texture}\n"))
                .unwrap_err()
                .to_string()
        };
        assert!(refuse("{ kind = \"photo\" }").contains("photo"));
        for crop in ["[0.5, 0, 0.5, 1]", "[0, 0, 1.5, 1]"] {
            let e = refuse(&format!("{{ kind = \"photo\", photo = {{ name = \"a\", crop = {crop} }} }}"));
            assert!(e.contains("crop"), "{e}");
        }
        assert!(refuse("{ kind = \"behind\" }").contains("behind"), "a background has nothing behind it");
    }
}
