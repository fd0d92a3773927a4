//! A card and a model from files, ready to make engines, runners and the promise that is scored.
//! **Invariant:** what is scored is what the card promises; there is no second place for a tolerance.
//! It does not run anything by itself.

use std::path::Path;

use anyhow::{Context as _, bail};
use inbetween::{Bundle, Card, Config, Engine, LoadLimits, Model, Options, Runner, ValueKind, config};
use inbetween_sim::{RunCost, SceneSpec, ToleranceSpec};

/// A loaded model with its card.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The card.
    pub card: Card,
    /// The engine's configuration that the card states.
    pub config: Config,
    /// The model.
    pub model: Model,
    bytes: usize,
}

impl Loaded {
    /// From the text of a card and the bytes of a model.
    ///
    /// # Errors
    /// When either is refused, or the model gives something without a place in the picture.
    pub fn from_parts(card: &str, model: &[u8]) -> anyhow::Result<Self> {
        let bundle = Bundle::from_parts(card, model)?;
        let card = bundle.card().clone();
        let model = Model::load(bundle.model(), &card.model, LoadLimits::default())?;
        let config = config(&card);
        if !matches!(config.output, ValueKind::Boxes | ValueKind::Keypoints) {
            bail!(
                "the card's head gives {:?}: this command compares boxes and keypoints, so take a card whose \
                 `model.head` is a detector or `keypoints`",
                config.output
            );
        }
        Ok(Self { card, config, model, bytes: bundle.model().len() })
    }

    /// From files.
    ///
    /// # Errors
    /// As [`Loaded::from_parts`], with the file that is at fault.
    pub fn from_files(model: &Path, card: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(card).with_context(|| format!("cannot read card {}", card.display()))?;
        let bytes = std::fs::read(model).with_context(|| format!("cannot read model {}", model.display()))?;
        Self::from_parts(&text, &bytes)
            .with_context(|| format!("cannot use {} with card {}", model.display(), card.display()))
    }

    /// An engine on this model.
    ///
    /// # Errors
    /// When the configuration is out of range.
    pub fn engine(&self, seed: u64) -> anyhow::Result<Engine> {
        Ok(Engine::with_model(self.config.clone(), self.model.clone(), Options { seed })?)
    }

    /// A runner outside any engine, for the model on every frame.
    ///
    /// # Errors
    /// When the runtime cannot make a state.
    pub fn runner(&self) -> anyhow::Result<Runner> {
        Ok(self.model.runner()?)
    }

    /// Whether the model gives the points of a shape instead of boxes.
    pub fn gives_points(&self) -> bool {
        self.config.output == ValueKind::Keypoints
    }

    /// What a run costs: the model's multiply-accumulates, and its weights read once.
    pub fn cost(&self) -> RunCost {
        RunCost { macs: self.model.macs(), bytes: self.bytes as u64 }
    }

    /// A scene that stands for a video: its size and rates, and the card's promise. It has no objects.
    ///
    /// # Errors
    /// When the size is not one that a scene may have.
    pub fn stand_in(&self, name: &str, size: (u32, u32)) -> anyhow::Result<SceneSpec> {
        stand_in(name, size, self.card.display.hz, self.tolerance())
    }

    /// The promise of the card as the simulator's scorer takes it.
    pub fn tolerance(&self) -> ToleranceSpec {
        promise(&self.card)
    }
}

/// The promise of a card as the simulator's scorer takes it.
pub fn promise(card: &Card) -> ToleranceSpec {
    ToleranceSpec {
        epsilon_px: f64::from(card.tolerance.epsilon),
        miss_rate: f64::from(card.tolerance.miss_rate),
        grace_ms: card.tolerance.grace_ms,
        max_age_ms: card.budget.max_age_ms,
        deadline_ms: card.budget.deadline_ms,
        duty: f64::from(card.budget.duty),
    }
}

/// A scene that stands for a video of `size`, shown at `hz`, with a promise. It has no objects.
///
/// # Errors
/// When the size is not one that a scene may have.
pub fn stand_in(
    name: &str,
    size: (u32, u32),
    hz: f64,
    tolerance: ToleranceSpec,
) -> anyhow::Result<SceneSpec> {
    let mut spec = SceneSpec::parse("name = \"video\"")?;
    name.clone_into(&mut spec.name);
    name.clone_into(&mut spec.family);
    (spec.camera.width, spec.camera.height) = size;
    spec.display.hz = hz;
    spec.tolerance = tolerance;
    Ok(spec)
}
