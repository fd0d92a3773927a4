//! Ranges and contradictions of the model's section.
//! **Invariant:** a variant is checked as the model that it would be.
//! It does not look at the model's file.

use super::{
    Activation, AudioInput, ElementType, FeaturesInput, HeadSpec, Hits, ImageInput, InputSpec, ModelSpec,
    Normalise, PerChannel, SsdHead, TensorsInput,
};
use crate::{
    Budget,
    check::{Faults, sha256},
};

/// The largest dimension that an input may have: beyond it, no phone runs the model.
const MAX_SIDE: u32 = 8192;
/// The most elements that one tensor may have (256 MiB of floats).
const MAX_ELEMENTS: usize = 1 << 26;

impl ModelSpec {
    pub(crate) fn check(&self, budget: &Budget, f: &mut Faults) {
        self.check_names("model", f);
        self.input.check("model.input", f);
        self.head.check("model.head", &self.input, f);
        if let Some(calibrator) = &self.calibrator {
            calibrator.check("model.calibrator", &self.head, f);
        }
        for (i, s) in self.state.iter().enumerate() {
            f.need(elements(&s.shape), format!("model.state.{i}.shape"), "dimensions above 0, not too large");
        }
        f.need(
            self.state.is_empty() || budget.max_in_flight == 1,
            "budget.max_in_flight",
            "1 for a model with recurrent state: its runs depend on each other",
        );
        let c = &self.input_contract;
        f.need((16..=16_384).contains(&c.max_side), "model.input_contract.max_side", "from 16 to 16384");
        f.need(
            c.min_side >= 16 && c.min_side <= c.max_side,
            "model.input_contract.min_side",
            "from 16 to max_side",
        );
        self.check_variants(budget, f);
    }

    fn check_variants(&self, budget: &Budget, f: &mut Faults) {
        f.need(self.variants.len() <= 7, "model.variants", "at most 7");
        f.need(
            self.variants.is_empty() || self.state.is_empty(),
            "model.variants",
            "left out for a model with recurrent state: another model cannot take it over",
        );
        let mut most = 1.0;
        for (i, v) in self.variants.iter().enumerate() {
            let at = format!("model.variants.{i}");
            let path = |field: &str| format!("{at}.{field}");
            f.need(
                v.energy > 0.0 && v.energy <= most,
                path("energy"),
                "above 0 and at most 1, the energy of the model; in falling order",
            );
            most = v.energy;
            f.need(
                v.error_scale.is_finite() && v.error_scale > 0.0,
                path("error_scale"),
                "finite and above 0",
            );
            f.need(
                v.initial_latency_ms.is_none_or(|ms| ms > 0.0 && ms <= budget.max_age_ms),
                path("initial_latency_ms"),
                "above 0 and at most budget.max_age_ms",
            );
            let Some(whole) = self.variant(i + 1) else { continue };
            whole.check_names(&at, f);
            if v.input.is_some() || v.head.is_some() {
                whole.input.check(&path("input"), f);
                whole.head.check(&path("head"), &whole.input, f);
            }
            if let Some(calibrator) = &v.calibrator {
                calibrator.check(&path("calibrator"), &whole.head, f);
            }
            f.need(
                output(&whole.head) == output(&self.head),
                path("head"),
                "one that gives values as the model's own does",
            );
            f.need(
                core::mem::discriminant(&whole.input) == core::mem::discriminant(&self.input),
                path("input"),
                "of the same kind as the model's own",
            );
        }
    }

    /// Name, file and hash of a model whose place in the card is `at`.
    fn check_names(&self, at: &str, f: &mut Faults) {
        let path = |field: &str| format!("{at}.{field}");
        f.words(&self.name, path("name"), "a name");
        f.words(&self.file, path("file"), "the file name of the model in the bundle");
        f.need(self.sha256.as_deref().is_none_or(sha256), path("sha256"), "64 hexadecimal digits");
    }
}

/// The kind of value that a head gives, and of how many elements.
const fn output(head: &HeadSpec) -> (&'static str, usize) {
    match head {
        HeadSpec::Ssd(_) | HeadSpec::Yolo(_) => ("boxes", 0),
        HeadSpec::Keypoints(h) => ("keypoints", h.points),
        HeadSpec::Classification(h) if h.label => ("label", h.classes),
        HeadSpec::Classification(h) => ("probabilities", h.classes),
        HeadSpec::Regression(h) => ("numbers", h.length),
        HeadSpec::Raw(h) => ("vector", h.length),
        HeadSpec::Rotation(_) => ("rotation", 4),
        HeadSpec::Embedding(h) => ("embedding", h.length),
        HeadSpec::Mask(h) => ("mask", h.width.saturating_mul(h.height)),
    }
}

impl InputSpec {
    fn check(&self, at: &str, f: &mut Faults) {
        match self {
            Self::Image(i) => image(i, at, f),
            Self::Audio(i) => audio(i, at, f),
            Self::Tensors(i) => tensors(i, at, f),
            Self::Features(i) => features(i, at, f),
        }
    }
}

impl HeadSpec {
    fn check(&self, at: &str, input: &InputSpec, f: &mut Faults) {
        let path = |field: &str| format!("{at}.{field}");
        match self {
            Self::Ssd(h) => ssd(h, at, input, f),
            Self::Yolo(h) => {
                f.need(
                    matches!(input, InputSpec::Image(_)),
                    path("kind"),
                    "another one: boxes need an image input",
                );
                hits(&h.hits, &path("hits"), f);
            }
            Self::Keypoints(h) => {
                f.need(
                    matches!(input, InputSpec::Image(_)),
                    path("kind"),
                    "another one: keypoints need an image input",
                );
                f.need((1..=100_000).contains(&h.points), path("points"), "from 1 to 100000");
                f.need((2..=16).contains(&h.dims), path("dims"), "from 2 to 16");
                f.need(
                    h.visibility.is_none_or(|v| (2..h.dims).contains(&v)),
                    path("visibility"),
                    "an index from 2 to dims - 1",
                );
            }
            Self::Classification(h) => {
                f.need((2..=1_000_000).contains(&h.classes), path("classes"), "from 2 to 1000000");
                f.need(
                    h.classes == 2 || !matches!(h.activation, Activation::Sigmoid | Activation::Probability),
                    path("activation"),
                    "softmax or probabilities for more than two classes",
                );
            }
            Self::Regression(h) => {
                f.need((1..=MAX_ELEMENTS).contains(&h.length), path("length"), "at least 1");
                f.need(h.scale.is_finite() && h.scale != 0.0, path("scale"), "finite and not 0");
                f.need(h.offset.is_finite(), path("offset"), "finite");
            }
            Self::Raw(h) => {
                f.need((1..=MAX_ELEMENTS).contains(&h.length), path("length"), "at least 1");
            }
            Self::Rotation(h) => {
                f.need(h.first < MAX_ELEMENTS, path("first"), "the index of a number of the output");
            }
            Self::Mask(h) => {
                f.need(
                    matches!(input, InputSpec::Image(_)),
                    path("kind"),
                    "another one: a mask needs an image input",
                );
                f.need((1..=4096).contains(&h.width), path("width"), "from 1 to 4096");
                f.need((1..=4096).contains(&h.height), path("height"), "from 1 to 4096");
                f.need((1..=1024).contains(&h.channels), path("channels"), "from 1 to 1024");
                f.need(h.channel < h.channels, path("channel"), "an index from 0 to channels - 1");
            }
            Self::Embedding(h) => {
                f.need((1..=MAX_ELEMENTS).contains(&h.length), path("length"), "at least 1");
            }
        }
    }
}

fn elements(shape: &[usize]) -> bool {
    shape.iter().all(|d| *d > 0)
        && shape.iter().try_fold(1_usize, |n, d| n.checked_mul(*d)).is_some_and(|n| n <= MAX_ELEMENTS)
}

fn image(i: &ImageInput, at: &str, f: &mut Faults) {
    let path = |field: &str| format!("{at}.{field}");
    f.need((1..=MAX_SIDE).contains(&i.width), path("width"), "from 1 to 8192");
    f.need((1..=MAX_SIDE).contains(&i.height), path("height"), "from 1 to 8192");
    f.need(matches!(i.dtype, ElementType::F32 | ElementType::U8), path("dtype"), "f32 or u8 for an image");
    normalise(&i.normalise, i.channels.count(), &path("normalise"), f);
    f.need(
        i.dtype == ElementType::F32 || i.normalise == Normalise::default(),
        path("normalise"),
        "left out for dtype u8: the model gets bytes",
    );
}

fn normalise(n: &Normalise, channels: usize, at: &str, f: &mut Faults) {
    f.need(
        (n.mean.is_none() && n.std.is_none()) || (n.scale.is_none() && n.offset.is_none()),
        at,
        "either mean and std, or scale and offset",
    );
    let lists = [(&n.mean, "mean"), (&n.std, "std"), (&n.scale, "scale"), (&n.offset, "offset")];
    for (list, name) in lists {
        let Some(list) = list else { continue };
        let nonzero = matches!(name, "std" | "scale");
        let path = format!("{at}.{name}");
        f.need(
            matches!(list, PerChannel::All(_)) || list.values().len() == channels,
            path.clone(),
            "a number, or a list with one number for each channel",
        );
        f.need(
            list.values().iter().all(|x| x.is_finite() && (!nonzero || *x != 0.0)),
            path,
            "finite, and for std and scale not 0",
        );
    }
}

fn audio(i: &AudioInput, at: &str, f: &mut Faults) {
    let path = |field: &str| format!("{at}.{field}");
    f.need((1..=768_000).contains(&i.sample_rate), path("sample_rate"), "from 1 to 768000 Hz");
    f.need((1..=1 << 24).contains(&i.block), path("block"), "from 1 to 16777216 samples");
    f.need(i.context <= i.block, path("context"), "at most `block`");
}

fn tensors(i: &TensorsInput, at: &str, f: &mut Faults) {
    let path = |field: &str| format!("{at}.{field}");
    f.need(!i.tensors.is_empty(), path("tensors"), "at least one");
    for (k, t) in i.tensors.iter().enumerate() {
        f.need(elements(&t.shape), path(&format!("tensors.{k}.shape")), "dimensions above 0, not too large");
    }
    f.distinct(i.tensors.iter().map(|t| t.name.as_str()), |k| format!("{at}.tensors.{k}.name"));
}

fn features(i: &FeaturesInput, at: &str, f: &mut Faults) {
    f.need(!i.features.is_empty(), format!("{at}.features"), "at least one");
    for (k, feature) in i.features.iter().enumerate() {
        let path = |field: &str| format!("{at}.features.{k}.{field}");
        f.need(feature.default.is_none_or(f32::is_finite), path("default"), "finite");
        f.need(feature.range.is_none_or(|[lo, hi]| lo <= hi), path("range"), "[low, high] with low <= high");
        f.need(
            feature.range.is_none() || feature.categories.is_empty(),
            path("range"),
            "left out for a feature with categories",
        );
    }
    f.distinct(i.features.iter().map(|f| f.name.as_str()), |k| format!("{at}.features.{k}.name"));
}

fn ssd(h: &SsdHead, at: &str, input: &InputSpec, f: &mut Faults) {
    let path = |field: &str| format!("{at}.{field}");
    let InputSpec::Image(image) = input else {
        f.need(false, path("kind"), "another one: boxes need an image input");
        return;
    };
    f.need(!h.outputs.is_empty(), path("outputs"), "at least one pair of scores and boxes");
    f.need(!h.anchors.is_empty(), path("anchors"), "at least one layer");
    for (k, a) in h.anchors.iter().enumerate() {
        let path = |field: &str| format!("{at}.anchors.{k}.{field}");
        let side = image.width.max(image.height);
        f.need((1..=side).contains(&a.stride), path("stride"), "from 1 to the input's longer side");
        f.need((1..=64).contains(&a.per_cell), path("per_cell"), "from 1 to 64");
        f.need(
            a.sizes.is_empty() || a.sizes.len() == a.per_cell as usize,
            path("sizes"),
            "left out, or one [width, height] for each anchor of a cell",
        );
        f.need(
            a.sizes.iter().flatten().all(|s| s.is_finite() && *s > 0.0),
            path("sizes"),
            "finite and above 0",
        );
    }
    f.need(
        h.box_scale.iter().all(|s| s.is_finite() && *s > 0.0),
        path("box_scale"),
        "four numbers above 0 (the input size for BlazeFace; 1/variance for SSD)",
    );
    hits(&h.hits, &path("hits"), f);
}

fn hits(h: &Hits, at: &str, f: &mut Faults) {
    let path = |field: &str| format!("{at}.{field}");
    f.need(
        h.threshold > 0.0 && h.threshold <= 1.0,
        path("threshold"),
        "above 0 and at most 1: with 0 every candidate would be a detection",
    );
    f.need(h.nms.iou > 0.0 && h.nms.iou <= 1.0, path("nms.iou"), "above 0 and at most 1");
    f.need((1..=10_000).contains(&h.nms.max), path("nms.max"), "from 1 to 10000");
}
