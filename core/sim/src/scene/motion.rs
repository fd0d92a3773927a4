//! Where a point is and what a number is at a time: the changes of a scene file with their numbers drawn.
//! **Invariant:** a pure function of time; every moment can be asked for in any order.
//! It does not know frames: time is in seconds, displacement in pixels.

use core::f64::consts::TAU;

use crate::{
    rng::Rng,
    spec::{Change, Easing, Motion, Num},
};

/// A displacement in pixels.
pub type Offset = [f64; 2];

/// A motion with its numbers drawn.
#[derive(Clone, Debug)]
pub enum Path {
    /// Constant velocity.
    Linear { velocity: Offset },
    /// Acceleration whose sign changes twice a period.
    Accelerate { acceleration: Offset, period: f64 },
    /// Harmonic.
    Sinusoid { amplitude: Offset, period: f64, phase: f64 },
    /// Moves, then stands.
    StopAndGo { velocity: Offset, go: f64, stop: f64 },
    /// Position and velocity at knots; velocity is linear in between.
    RandomWalk { step: f64, knots: Vec<(Offset, Offset)> },
    /// Sum of three frequencies in each direction.
    Shake { amplitude: f64, waves: [[(f64, f64); 3]; 2] },
    /// Keys.
    Keys { points: Vec<[f64; 3]>, easing: Easing, repeat: bool },
}

/// Ratios of the frequencies of a shake, chosen incommensurate so that it does not repeat visibly.
const SHAKE_RATIOS: [f64; 3] = [0.618, 1.0, 1.732];

impl Path {
    /// Draws the numbers of a motion that lasts `duration` seconds.
    pub fn draw(motion: &Motion, duration: f64, rng: &mut Rng) -> Self {
        match motion {
            Motion::Linear { speed_px_s, direction_deg } => {
                Self::Linear { velocity: polar(speed_px_s, direction_deg, rng) }
            }
            Motion::Accelerate { acceleration_px_s2, period_s, direction_deg } => Self::Accelerate {
                acceleration: polar(acceleration_px_s2, direction_deg, rng),
                period: period_s.draw(rng),
            },
            Motion::Sinusoid { amplitude_px, period_s, phase_deg, direction_deg } => Self::Sinusoid {
                amplitude: polar(amplitude_px, direction_deg, rng),
                period: period_s.draw(rng),
                phase: phase_deg.draw(rng) / 360.0,
            },
            Motion::StopAndGo { speed_px_s, go_s, stop_s, direction_deg } => Self::StopAndGo {
                velocity: polar(speed_px_s, direction_deg, rng),
                go: go_s.draw(rng),
                stop: stop_s.draw(rng),
            },
            Motion::RandomWalk { speed_px_s, turn_s } => {
                let step = turn_s.draw(rng);
                let mut knots = Vec::new();
                let (mut at, mut velocity) = ([0.0, 0.0], polar(speed_px_s, &Num::range(0.0, 360.0), rng));
                for _ in 0..=(duration / step) as usize + 1 {
                    knots.push((at, velocity));
                    let next = polar(speed_px_s, &Num::range(0.0, 360.0), rng);
                    at = [
                        at[0] + 0.5 * step * (velocity[0] + next[0]),
                        at[1] + 0.5 * step * (velocity[1] + next[1]),
                    ];
                    velocity = next;
                }
                Self::RandomWalk { step, knots }
            }
            Motion::Shake { amplitude_px, frequency_hz } => {
                let (amplitude, frequency) = (amplitude_px.draw(rng), frequency_hz.draw(rng));
                let waves = [(); 2].map(|()| SHAKE_RATIOS.map(|ratio| (frequency * ratio, rng.unit())));
                Self::Shake { amplitude, waves }
            }
            Motion::Keys { points, easing, repeat } => {
                Self::Keys { points: points.clone(), easing: *easing, repeat: *repeat }
            }
        }
    }

    /// The displacement `t` seconds after the start.
    pub fn at(&self, t: f64) -> Offset {
        match self {
            Self::Linear { velocity } => scaled(*velocity, t),
            Self::Accelerate { acceleration, period } => {
                // Over half a period +a then −a: out and at rest again; then the same way back.
                let half = period * 0.5;
                let quarter = half * 0.5;
                let x = t.rem_euclid(*period);
                let (y, back) = if x < half { (x, false) } else { (x - half, true) };
                let out =
                    if y < quarter { 0.5 * y * y } else { quarter * quarter - 0.5 * (half - y) * (half - y) };
                scaled(*acceleration, if back { quarter * quarter - out } else { out })
            }
            Self::Sinusoid { amplitude, period, phase } => {
                scaled(*amplitude, libm::sin(TAU * (t / period + phase)))
            }
            Self::StopAndGo { velocity, go, stop } => {
                let cycle = go + stop;
                let whole = (t / cycle).floor();
                scaled(*velocity, whole * go + (t - whole * cycle).min(*go))
            }
            Self::RandomWalk { step, knots } => {
                let Some(last) = knots.len().checked_sub(2) else { return [0.0, 0.0] };
                let i = ((t / step).max(0.0) as usize).min(last);
                let dt = t - i as f64 * step;
                let ((at, v), (_, next)) = (knots[i], knots[i + 1]);
                let curve = 0.5 * dt * dt / step;
                [0, 1].map(|k| at[k] + v[k] * dt + (next[k] - v[k]) * curve)
            }
            Self::Shake { amplitude, waves } => {
                // Three sines of amplitude √(2/3) have unit variance together.
                let k = amplitude * libm::sqrt(2.0 / 3.0);
                waves.map(|three| {
                    k * three.iter().map(|(f, phase)| libm::sin(TAU * (f * t + phase))).sum::<f64>()
                })
            }
            Self::Keys { points, easing, repeat } => keys(points, *easing, *repeat, t),
        }
    }
}

fn keys(points: &[[f64; 3]], easing: Easing, repeat: bool, t: f64) -> Offset {
    let Some(last) = points.last() else { return [0.0, 0.0] };
    let t = if repeat && last[0] > 0.0 { t.rem_euclid(last[0]) } else { t };
    let after = points.partition_point(|p| p[0] <= t);
    if after == 0 {
        return [points[0][1], points[0][2]];
    }
    let a = points[after - 1];
    let Some(b) = points.get(after) else { return [a[1], a[2]] };
    let x = (t - a[0]) / (b[0] - a[0]);
    let w = match easing {
        Easing::Linear => x,
        Easing::Smooth => x * x * (3.0 - 2.0 * x),
        Easing::Jump => 0.0,
    };
    [a[1] + w * (b[1] - a[1]), a[2] + w * (b[2] - a[2])]
}

fn polar(length: &Num, degrees: &Num, rng: &mut Rng) -> Offset {
    let (length, angle) = (length.draw(rng), TAU * degrees.draw(rng) / 360.0);
    [length * libm::cos(angle), length * libm::sin(angle)]
}

fn scaled(v: Offset, k: f64) -> Offset {
    [v[0] * k, v[1] * k]
}

/// The sum of several paths at one time.
pub fn sum(paths: &[Path], t: f64) -> Offset {
    paths.iter().fold([0.0, 0.0], |s, path| {
        let d = path.at(t);
        [s[0] + d[0], s[1] + d[1]]
    })
}

/// A change of one number with its own numbers drawn.
#[derive(Clone, Copy, Debug)]
pub enum Curve {
    /// Harmonic.
    Wave { amplitude: f64, period: f64, phase: f64 },
    /// Linear between two times.
    Ramp { from: f64, until: f64, by: f64 },
    /// A jump.
    Step { at: f64, by: f64 },
    /// Without end.
    Rate { per_s: f64 },
}

impl Curve {
    /// Draws the numbers of a change.
    pub fn draw(change: &Change, rng: &mut Rng) -> Self {
        match change {
            Change::Wave { amplitude, period_s, phase_deg } => Self::Wave {
                amplitude: amplitude.draw(rng),
                period: period_s.draw(rng),
                phase: phase_deg.draw(rng) / 360.0,
            },
            Change::Ramp { from_s, until_s, by } => {
                Self::Ramp { from: from_s.draw(rng), until: until_s.draw(rng), by: by.draw(rng) }
            }
            Change::Step { at_s, by } => Self::Step { at: at_s.draw(rng), by: by.draw(rng) },
            Change::Rate { per_s } => Self::Rate { per_s: per_s.draw(rng) },
        }
    }

    /// Its value at `t` seconds.
    pub fn at(&self, t: f64) -> f64 {
        match *self {
            Self::Wave { amplitude, period, phase } => amplitude * libm::sin(TAU * (t / period + phase)),
            Self::Ramp { from, until, by } => by * ((t - from) / (until - from)).clamp(0.0, 1.0),
            Self::Step { at, by } => {
                if t >= at {
                    by
                } else {
                    0.0
                }
            }
            Self::Rate { per_s } => per_s * t,
        }
    }
}

/// The sum of several curves at one time.
pub fn total(curves: &[Curve], t: f64) -> f64 {
    curves.iter().map(|c| c.at(t)).sum()
}

/// Draws all motions of a list.
pub fn paths(motions: &[Motion], duration: f64, rng: &mut Rng) -> Vec<Path> {
    motions.iter().map(|m| Path::draw(m, duration, rng)).collect()
}

/// Draws all changes of a list.
pub fn curves(changes: &[Change], rng: &mut Rng) -> Vec<Curve> {
    changes.iter().map(|c| Curve::draw(c, rng)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(motion: &Motion) -> Path {
        Path::draw(motion, 20.0, &mut Rng::new(3))
    }

    #[test]
    fn stop_and_go_stands_still_between() {
        let p = path(&Motion::StopAndGo {
            speed_px_s: Num::exact(10.0),
            go_s: Num::exact(1.0),
            stop_s: Num::exact(2.0),
            direction_deg: Num::exact(0.0),
        });
        assert_eq!([0.5, 1.0, 2.5, 3.5].map(|t| p.at(t)[0]), [5.0, 10.0, 10.0, 15.0]);
    }

    #[test]
    fn acceleration_is_constant_and_comes_back() {
        let p = path(&Motion::Accelerate {
            acceleration_px_s2: Num::exact(8.0),
            period_s: Num::exact(4.0),
            direction_deg: Num::exact(0.0),
        });
        assert_eq!([0.0, 1.0, 2.0, 3.0, 4.0].map(|t| p.at(t)[0]), [0.0, 4.0, 8.0, 4.0, 0.0]);
        let second = |t: f64| (p.at(t + 0.1)[0] - 2.0 * p.at(t)[0] + p.at(t - 0.1)[0]) / 0.01;
        assert!((second(0.5) - 8.0).abs() < 1e-6 && (second(1.5) + 8.0).abs() < 1e-6);
    }

    #[test]
    fn every_motion_is_continuous() {
        let any = Num::range(0.0, 360.0);
        let (s, p) = (Num::exact(50.0), Num::exact(1.5));
        let all = [
            Motion::Linear { speed_px_s: s, direction_deg: any },
            Motion::Accelerate { acceleration_px_s2: s, period_s: p, direction_deg: any },
            Motion::Sinusoid { amplitude_px: s, period_s: p, phase_deg: any, direction_deg: any },
            Motion::StopAndGo { speed_px_s: s, go_s: p, stop_s: p, direction_deg: any },
            Motion::RandomWalk { speed_px_s: s, turn_s: p },
            Motion::Shake { amplitude_px: Num::exact(5.0), frequency_hz: Num::exact(3.0) },
            Motion::Keys {
                points: vec![[0.0, 0.0, 0.0], [2.0, 40.0, 10.0], [3.0, 0.0, 0.0]],
                easing: Easing::Smooth,
                repeat: true,
            },
        ];
        for motion in &all {
            let p = path(motion);
            for i in 0..18_000 {
                let t = f64::from(i) * 1e-3;
                let (a, b) = (p.at(t), p.at(t + 1e-3));
                assert!((a[0] - b[0]).abs() + (a[1] - b[1]).abs() < 0.5, "{motion:?} jumps at {t}");
            }
        }
    }
}
