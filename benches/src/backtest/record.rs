//! Recorded sessions: one JSON object a line, a head and then what happened, in order of time.
//! **Invariant:** what is written is what is read; a line that is not sound is refused with its number.
//! It does not replay and does not judge.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufWriter, Write as _},
    path::Path,
};

use anyhow::{Context as _, bail, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use inbetween::{Detection, Rect};
use serde::{Deserialize, Serialize};

/// The version of the format.
pub const VERSION: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    /// [`VERSION`].
    inbetween_session: u32,
    #[serde(flatten)]
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
enum Kind {
    Frames { width: u32, height: u32 },
    Events,
}

/// A box: left, top, right, bottom in pixels of the recorded frames, score, class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoxLine(pub f32, pub f32, pub f32, pub f32, pub f32, pub u32);

impl BoxLine {
    /// As the engine takes it.
    pub const fn detection(self) -> Detection {
        let Self(x0, y0, x1, y1, score, class) = self;
        Detection { bounds: Rect::new(x0, y0, x1, y1), score, class, identity: None }
    }
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameLine {
    /// Capture time in milliseconds, on any clock that goes forward.
    pub at_ms: f64,
    /// Its brightness, a byte a pixel, rows from the top, in base64.
    pub gray: String,
    /// What a run on it took, in milliseconds.
    pub took_ms: f64,
    /// What the model says of it. Every frame has this: another schedule runs on other frames than the device did.
    pub said: Vec<BoxLine>,
    /// What a person says of it, where somebody did; what the model says is the truth of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<Vec<BoxLine>>,
}

impl FrameLine {
    /// A frame without labels.
    pub fn new(at_ms: f64, gray: &[u8], took_ms: f64, said: Vec<BoxLine>) -> Self {
        Self { at_ms, gray: BASE64_STANDARD.encode(gray), took_ms, said, truth: None }
    }
}

/// The value of a feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// A number.
    Number(f64),
    /// A category.
    Text(String),
    /// Nothing.
    Missing(()),
}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventLine {
    /// Its time in milliseconds, on any clock that goes forward.
    pub at_ms: f64,
    /// Its features, by name.
    pub features: BTreeMap<String, Cell>,
    /// What the model says of it, then what each variant does: probabilities, one for each class; nothing where it failed.
    pub said: Vec<Option<Vec<f32>>>,
    /// Whether it was of the positive class.
    pub label: bool,
    /// What the card's simple method says: the probability of the positive class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
}

/// One recorded session.
#[derive(Clone, Debug, PartialEq)]
pub enum Session {
    /// Frames of a stream, all of one size.
    Frames {
        /// Width and height in pixels.
        size: (u32, u32),
        /// The frames.
        frames: Vec<(FrameLine, Vec<u8>)>,
    },
    /// Events that have nothing to do with each other.
    Events(Vec<EventLine>),
}

impl Session {
    /// A session of frames.
    ///
    /// # Errors
    /// When a frame has not as many pixels as `size` says.
    pub fn of_frames(size: (u32, u32), lines: Vec<FrameLine>) -> anyhow::Result<Self> {
        let frame = |(i, line): (usize, FrameLine)| {
            let gray = BASE64_STANDARD.decode(&line.gray);
            let gray = gray.with_context(|| format!("frame {}: `gray` is no base64", i + 1))?;
            let wanted = size.0 as usize * size.1 as usize;
            ensure!(gray.len() == wanted, "frame {}: {} pixels, not {wanted}", i + 1, gray.len());
            let boxes = line.said.iter().chain(line.truth.iter().flatten());
            let sound = |b: &BoxLine| [b.0, b.1, b.2, b.3, b.4].iter().all(|x| x.is_finite());
            ensure!(boxes.into_iter().all(sound), "frame {}: a box is not finite", i + 1);
            ensure!((0.0..=3.6e6).contains(&line.took_ms), "frame {}: `took_ms` is no time of a run", i + 1);
            Ok((line, gray))
        };
        let frames: Vec<_> = lines.into_iter().enumerate().map(frame).collect::<anyhow::Result<_>>()?;
        ensure!(frames.len() >= 2, "a session of frames has two or more");
        rising(frames.iter().map(|(f, _)| f.at_ms))?;
        Ok(Self::Frames { size, frames })
    }

    /// A session of events.
    ///
    /// # Errors
    /// When there is none, or their times do not rise.
    pub fn of_events(events: Vec<EventLine>) -> anyhow::Result<Self> {
        ensure!(!events.is_empty(), "a session of events has one or more");
        rising(events.iter().map(|e| e.at_ms))?;
        Ok(Self::Events(events))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or a line is not sound; the message names it.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is no recorded session", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let (_, head) = lines.next().context("it is empty")?;
        let head: Head = serde_json::from_str(head).context("line 1 is no head")?;
        if head.inbetween_session != VERSION {
            bail!("it is of version {}, and {VERSION} is read", head.inbetween_session);
        }
        match head.kind {
            Kind::Frames { width, height } => {
                ensure!(
                    (16..=4096).contains(&width) && (16..=4096).contains(&height),
                    "a side is not 16 to 4096"
                );
                Self::of_frames((width, height), parsed(lines)?)
            }
            Kind::Events => Self::of_events(parsed(lines)?),
        }
    }

    /// Writes a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let kind = match self {
            Self::Frames { size: (width, height), .. } => Kind::Frames { width: *width, height: *height },
            Self::Events(_) => Kind::Events,
        };
        let context = || format!("cannot write {}", path.display());
        let mut file = BufWriter::new(fs::File::create(path).with_context(context)?);
        writeln!(file, "{}", serde_json::to_string(&Head { inbetween_session: VERSION, kind })?)?;
        match self {
            Self::Frames { frames, .. } => {
                for (frame, _) in frames {
                    writeln!(file, "{}", serde_json::to_string(frame)?)?;
                }
            }
            Self::Events(events) => {
                for event in events {
                    writeln!(file, "{}", serde_json::to_string(event)?)?;
                }
            }
        }
        file.flush().with_context(context)
    }
}

fn parsed<'a, T: serde::de::DeserializeOwned>(
    lines: impl Iterator<Item = (usize, &'a str)>,
) -> anyhow::Result<Vec<T>> {
    lines
        .map(|(i, line)| serde_json::from_str(line).with_context(|| format!("line {} is not sound", i + 1)))
        .collect()
}

fn rising(mut times: impl Iterator<Item = f64>) -> anyhow::Result<()> {
    let mut before = f64::NEG_INFINITY;
    let ok = times.all(|at| at.is_finite() && at > std::mem::replace(&mut before, at));
    ensure!(ok, "times must be finite and rise");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_not_sound_are_refused_by_number() {
        let head = r#"{"inbetween_session":1,"kind":"events"}"#;
        let event =
            r#"{"at_ms":5,"features":{"x":1.5,"c":"AT","m":null},"said":[[0.2,0.8],null],"label":true}"#;
        let Session::Events(events) = Session::parse(&format!("{head}\n{event}\n")).unwrap() else {
            panic!()
        };
        assert_eq!(events[0].features["m"], Cell::Missing(()));
        assert_eq!((events[0].said[1].as_ref(), events[0].label), (None, true));
        let error = |text: &str| format!("{:#}", Session::parse(text).unwrap_err());
        assert!(error("").contains("empty"));
        assert!(error(&head.replace('1', "9")).contains("version 9"));
        assert!(error(&format!("{head}\n{event}\n{event}")).contains("rise"));
        let typo = event.replace("label", "labels");
        assert!(error(&format!("{head}\n{event}\n{typo}")).contains("line 3"));
        let frames = r#"{"inbetween_session":1,"kind":"frames","width":16,"height":16}"#;
        let frame = r#"{"at_ms":0,"gray":"AAAA","took_ms":5,"said":[]}"#;
        assert!(error(&format!("{frames}\n{frame}")).contains("frame 1: 3 pixels, not 256"));
        assert!(error(&format!("{}\n", frames.replace("16", "8"))).contains("16 to 4096"));
    }
}
