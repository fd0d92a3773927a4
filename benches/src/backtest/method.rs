//! What a method lost on recorded sessions, and methods side by side: paired, with intervals.
//! **Invariant:** both sides of a difference are of the same pieces of the same sessions in every resample.
//! It does not replay.

use serde::Serialize;

use crate::summary::{Clusters, Estimate};

/// What a method is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The whole system, as the card states it.
    Card,
    /// The same by another card.
    Against,
    /// The simple method.
    Baseline,
    /// A rung of the ladder alone.
    Rung,
}

/// A piece of a session that is drawn as one: a second of frames, or an event.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Piece {
    /// What was lost in it.
    pub lost: f64,
    /// Of how much: refreshes, or one event.
    pub of: f64,
}

/// What a method did.
#[derive(Clone, Debug, PartialEq)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The pieces of each session.
    pub sessions: Vec<Vec<Piece>>,
    /// Runs of a model.
    pub runs: u64,
}

/// A method beside the card's own way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What it loses.
    pub loss: Estimate,
    /// That less what the card's own way loses.
    pub difference: Estimate,
    /// Runs of a model.
    pub runs: u64,
}

/// The methods side by side. The first is the card's own way; all have the same sessions and pieces.
pub fn compare(methods: &[Method]) -> Vec<Line> {
    let Some(own) = methods.first() else { return Vec::new() };
    let mut places = Vec::new();
    let mut clusters = Clusters(Vec::new());
    for (s, session) in own.sessions.iter().enumerate() {
        let start = places.len();
        places.extend((0..session.len()).map(|p| (s, p)));
        clusters.0.push((start..places.len()).collect());
    }
    let piece = |m: &Method, i: usize| {
        let (s, p) = places[i];
        m.sessions.get(s).and_then(|pieces| pieces.get(p)).copied().unwrap_or_default()
    };
    let mean = |m: &Method, draw: &[Vec<usize>]| {
        let (mut lost, mut of) = (0.0, 0.0);
        for i in draw.iter().flatten() {
            let piece = piece(m, *i);
            lost += piece.lost;
            of += piece.of;
        }
        (of > 0.0).then(|| lost / of)
    };
    let nothing = Estimate { value: f64::NAN, low: f64::NAN, high: f64::NAN };
    let line = |m: &Method| Line {
        name: m.name.clone(),
        kind: m.kind,
        loss: clusters.estimate(|draw| mean(m, draw)).unwrap_or(nothing),
        difference: clusters.estimate(|draw| Some(mean(m, draw)? - mean(own, draw)?)).unwrap_or(nothing),
        runs: m.runs,
    };
    methods.iter().map(line).collect()
}

/// The rung that loses most when answers come from it alone.
pub fn worst_rung(lines: &[Line]) -> Option<&Line> {
    let rungs = lines.iter().filter(|l| l.kind == Kind::Rung);
    rungs.max_by(|a, b| a.loss.value.total_cmp(&b.loss.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(name: &str, kind: Kind, lost: impl Fn(usize) -> f64) -> Method {
        let pieces = |s: usize| (0..20).map(|p| Piece { lost: lost(s * 20 + p), of: 10.0 }).collect();
        Method { name: name.into(), kind, sessions: (0..3).map(pieces).collect(), runs: 0 }
    }

    #[test]
    fn differences_are_paired() {
        let noise = |i: usize| (i * 7 % 5) as f64;
        let lines = compare(&[
            method("card", Kind::Card, noise),
            method("rule", Kind::Rung, |i| noise(i) + 1.0),
            method("unavailable", Kind::Rung, |_| 10.0),
        ]);
        assert_eq!(lines[0].difference, Estimate { value: 0.0, low: 0.0, high: 0.0 });
        let rule = lines[1].difference;
        // One more in ten in every piece: the noise is common to both and cancels.
        assert!((rule.value - 0.1).abs() < 1e-12 && (rule.high - rule.low).abs() < 1e-12, "{rule:?}");
        assert!(lines[1].loss.high - lines[1].loss.low > 0.01);
        assert_eq!(worst_rung(&lines).map(|l| l.name.as_str()), Some("unavailable"));
        assert!(compare(&[]).is_empty());
    }
}
