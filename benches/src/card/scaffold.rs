//! A new card: a commented template, filled with what is known and with questions where nothing is.
//! **Invariant:** what it writes is a card that parses; each question is one that `card check` finds.
//! It does not answer for anyone: what nobody said stays a placeholder.

use std::{
    fmt::Write as _,
    io::{BufRead, Write},
};

use anyhow::Context as _;
use inbetween_card::Card;
use sha2::{Digest as _, Sha256};

use crate::cli::Kind;

const TEMPLATE: &str = include_str!("template.toml");

/// What is asked: its place in the template, and the question.
const QUESTIONS: &[(&str, &str)] = &[
    ("name", "the model's name?"),
    ("decision", "what is decided with the answers, and what is done?"),
    ("who", "who uses it?"),
    ("unit", "in which unit are costs?"),
    ("owner", "who answers for it: a role or a team?"),
];

/// What is known about a card that is to be written.
#[derive(Clone, Debug)]
pub struct Answers {
    input: Kind,
    given: Vec<(&'static str, String)>,
    file: String,
    sha256: Option<String>,
}

impl Answers {
    /// Nothing but what the model looks at.
    pub fn new(input: Kind) -> Self {
        Self { input, given: Vec::new(), file: "<which file in the bundle?>".to_owned(), sha256: None }
    }

    /// Takes name and hash of the model's file.
    pub fn model(&mut self, file: &str, bytes: &[u8]) {
        file.clone_into(&mut self.file);
        let digest = Sha256::digest(bytes);
        self.sha256 = Some(digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")));
        self.given.push(("name", file.split('.').next().unwrap_or(file).to_owned()));
    }

    /// Asks what is not known; an empty line leaves the question in the card.
    ///
    /// # Errors
    /// When it cannot read or write.
    pub fn ask(&mut self, from: &mut impl BufRead, to: &mut impl Write) -> anyhow::Result<()> {
        for (place, question) in QUESTIONS {
            if self.given.iter().any(|(known, _)| known == place) {
                continue;
            }
            write!(to, "{question} ")?;
            to.flush()?;
            let mut line = String::new();
            if from.read_line(&mut line)? == 0 {
                break;
            }
            if !line.trim().is_empty() {
                self.given.push((place, line.trim().to_owned()));
            }
        }
        Ok(())
    }

    /// The card.
    ///
    /// # Errors
    /// When what was answered does not make a card.
    pub fn card(&self) -> anyhow::Result<String> {
        let mut text = TEMPLATE.to_owned();
        for (place, question) in QUESTIONS {
            let given = self.given.iter().find(|(known, _)| known == place);
            let value = given.map_or_else(|| format!("<{question}>"), |(_, value)| value.clone());
            text = text.replace(&format!("{{{{{place}}}}}"), &escaped(&value));
        }
        let hash = match &self.sha256 {
            Some(hash) => format!("sha256 = \"{hash}\""),
            None => "# sha256 = \"…\" # 64 hexadecimal digits, of the file".to_owned(),
        };
        let mut fields = vec![("file", escaped(&self.file)), ("sha256", hash)];
        fields.extend(parts(self.input).map(|(place, value)| (place, value.to_owned())));
        for (place, value) in fields {
            text = text.replace(&format!("{{{{{place}}}}}"), &value);
        }
        let unhashed = text.replace("{{schema}}", &"0".repeat(64));
        let card = Card::parse(&unhashed).context("the answers do not make a card")?;
        Ok(text.replace("{{schema}}", &card.schema_sha256()))
    }
}

/// A text inside quotes of TOML.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// What depends on the kind of input.
fn parts(input: Kind) -> [(&'static str, &'static str); 9] {
    let features = match input {
        Kind::Image => SEEN,
        Kind::Audio => HEARD,
        Kind::Features => NAMED,
    };
    let (model, decide) = match input {
        Kind::Image => (PICTURE, SHOWN),
        Kind::Audio => (SOUND, DECIDED),
        Kind::Features => (TABLE, DECIDED),
    };
    let (signals, references) = match input {
        Kind::Features => (
            "    { id = \"psi.amount\" },\n",
            "features = [{ name = \"amount\", edges = [10, 100], reference = [1, 1, 1] }] # bins of training data\n\
             scores = { edges = [0.1, 0.5], reference = [1, 1, 1] } # the same of held-out scores\n\n",
        ),
        Kind::Audio => {
            ("", "scores = { edges = [0.1, 0.5], reference = [1, 1, 1] } # bins of held-out scores\n\n")
        }
        Kind::Image => ("", "\n"),
    };
    [
        ("features", features),
        ("model", model),
        ("decide", decide),
        ("signals", signals),
        ("references", references),
        ("mode", if input == Kind::Features { "edge" } else { "streaming" }),
        // Pixels for boxes, probability for the rest.
        (
            "epsilon",
            if input == Kind::Image { "8 # pixels of the upright frame" } else { "0.1 # of probability" },
        ),
        ("expires", "2027-06-30"),
        ("cut", ""),
    ]
}

const SEEN: &str =
    r#"{ name = "image", source = "the camera", owner = "<who?>", freshness_ms = 100, known_ms = 0 }"#;
const HEARD: &str =
    r#"{ name = "audio", source = "the microphone", owner = "<who?>", freshness_ms = 100, known_ms = 0 }"#;
const NAMED: &str =
    r#"{ name = "amount", source = "<where from?>", owner = "<who?>", freshness_ms = 0, known_ms = 0 }"#;

const SHOWN: &str = r#"outcomes = [
    { outcome = "found", action = "<what is done?>", reversible = true },
    { outcome = "nothing", action = "<what is done?>", reversible = true },
]
"#;
const DECIDED: &str = r#"positive_class = 1 # the class whose probability is decided on
hysteresis = 0.05
outcomes = [
    { outcome = "positive", action = "<what is done?>", reversible = true },
    { outcome = "negative", action = "<what is done?>", reversible = true },
]
"#;

const PICTURE: &str = r#"[model.input]
kind = "image"
width = 256
height = 256
[model.head]
kind = "yolo"
"#;
const SOUND: &str = r#"[model.input]
kind = "audio"
sample_rate = 16000
block = 512
[model.head]
kind = "classification"
classes = 2
[model.calibrator] # `inbetween calibrate` fits it
kind = "temperature"
temperature = 1
"#;
const TABLE: &str = r#"[model.input]
kind = "features"
features = [{ name = "amount", range = [0, 1000] }]
[model.head]
kind = "classification"
classes = 2
[model.calibrator] # `inbetween calibrate` fits it
kind = "temperature"
temperature = 1
"#;

#[cfg(test)]
mod tests {
    use inbetween_card::{Date, Review, review};

    use super::*;

    fn reviewed(text: &str) -> Review {
        review(text, Date::new(2026, 12, 1).expect("a day"))
    }

    /// What someone who fills a card in would do.
    fn filled(text: &str) -> String {
        let mut out = String::new();
        let mut words = 0;
        for (i, piece) in text.split("\"<").enumerate() {
            match piece.split_once(">\"").filter(|_| i > 0) {
                Some((_, rest)) => {
                    words += 1;
                    let _ = write!(out, "\"answer {words}\"{rest}");
                }
                None => out.push_str(piece),
            }
        }
        out.replace("# sha256 = \"…\"", &format!("sha256 = \"{}\"", "ab".repeat(32)))
            .replace("{ status = \"planned\",", "{ status = \"done\", evidence = \"a report\",")
    }

    #[test]
    fn a_new_card_lacks_only_what_nobody_said_and_passes_when_that_is_said() {
        for input in [Kind::Image, Kind::Features, Kind::Audio] {
            let text = Answers::new(input).card().unwrap_or_else(|e| panic!("{input:?}: {e:#}"));
            assert!(!text.contains("{{"), "{text}");
            for f in reviewed(&text).findings {
                let asked = f.wrong == "this is still a placeholder"
                    || [
                        "model.sha256",
                        "validation.offline.status",
                        "validation.backtest.status",
                        "baseline.not_measured",
                    ]
                    .contains(&f.field.as_str());
                assert!(asked, "{input:?}: {f:?}");
            }
            let review = reviewed(&filled(&text));
            assert!(review.passes(), "{input:?}: {:?}", review.findings);
        }
    }

    #[test]
    fn answers_and_the_model_are_taken() {
        let mut answers = Answers::new(Kind::Image);
        answers.model("face.onnx", b"bytes");
        let mut said = Vec::new();
        answers.ask(&mut "blur \"faces\"\n\nEUR\n".as_bytes(), &mut said).unwrap();
        let card = Card::parse(&answers.card().unwrap()).unwrap();
        assert_eq!((card.model.name.as_str(), card.model.file.as_str()), ("face", "face.onnx"));
        assert!(card.model.sha256.is_some());
        assert_eq!(card.decision.text, "blur \"faces\"");
        assert_eq!(card.user.unwrap().who, "<who uses it?>");
        assert_eq!(card.failure.unwrap().unit, "EUR");
        assert_eq!(String::from_utf8(said).unwrap().matches('?').count(), 4);
    }
}
