//! What changes with time in a scene file: motions of points, changes of single numbers.
//! **Invariant:** every variant has its units in its field names; several add up.
//! It does not evaluate anything: `scene::motion` does.

use serde::{Deserialize, Serialize};

use super::Num;

/// A whole turn, in degrees.
const ANY_DIRECTION: Num = Num::range(0.0, 360.0);

fn any_direction() -> Num {
    ANY_DIRECTION
}

/// A displacement that grows with the time since the object's start (since the scene's start for the camera).
/// The motions of one object add up.
///
/// # Units
/// Directions in degrees: 0 is to the right, 90 is down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Motion {
    /// Constant velocity.
    Linear {
        /// Speed.
        speed_px_s: Num,
        /// Direction; any when left out.
        #[serde(default = "any_direction")]
        direction_deg: Num,
    },
    /// Constant acceleration whose sign changes twice a period: starts at rest, swings back.
    Accelerate {
        /// Acceleration.
        acceleration_px_s2: Num,
        /// Time until the motion repeats.
        period_s: Num,
        /// Direction; any when left out.
        #[serde(default = "any_direction")]
        direction_deg: Num,
    },
    /// Swings to and fro.
    Sinusoid {
        /// Half of the way between the ends.
        amplitude_px: Num,
        /// Time until the motion repeats.
        period_s: Num,
        /// Where in the period it starts; anywhere when left out.
        #[serde(default = "any_direction")]
        phase_deg: Num,
        /// Direction; any when left out.
        #[serde(default = "any_direction")]
        direction_deg: Num,
    },
    /// Moves at constant velocity, stands still, moves on.
    StopAndGo {
        /// Speed while it moves.
        speed_px_s: Num,
        /// How long it moves.
        go_s: Num,
        /// How long it stands.
        stop_s: Num,
        /// Direction; any when left out.
        #[serde(default = "any_direction")]
        direction_deg: Num,
    },
    /// Wanders: the velocity goes smoothly from one random direction to the next.
    RandomWalk {
        /// Speed at the turns.
        speed_px_s: Num,
        /// Time between turns.
        turn_s: Num,
    },
    /// Trembles, in both directions, as a hand-held camera does: three incommensurate frequencies.
    Shake {
        /// Root mean square displacement in each direction.
        amplitude_px: Num,
        /// Middle frequency.
        frequency_hz: Num,
    },
    /// Through given displacements at given times.
    Keys {
        /// `[seconds, x_px, y_px]`, in order of time.
        points: Vec<[f64; 3]>,
        /// How to go from one to the next.
        #[serde(default)]
        easing: Easing,
        /// Whether to begin again after the last.
        #[serde(default)]
        repeat: bool,
    },
}

/// How to go from one key to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Easing {
    /// At constant speed.
    Linear,
    /// Slow at both ends.
    #[default]
    Smooth,
    /// Stays at the key, then jumps.
    Jump,
}

/// A change of one number with time. Several add up; what the sum means says the field that holds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Swings about 0.
    Wave {
        /// Largest value.
        amplitude: Num,
        /// Time until it repeats.
        period_s: Num,
        /// Where in the period it starts; anywhere when left out.
        #[serde(default = "any_direction")]
        phase_deg: Num,
    },
    /// Goes from 0 to `by` at constant speed and stays.
    Ramp {
        /// When it begins.
        from_s: Num,
        /// When it ends.
        until_s: Num,
        /// What it ends at.
        by: Num,
    },
    /// Jumps from 0 to `by` and stays.
    Step {
        /// When.
        at_s: Num,
        /// By how much.
        by: Num,
    },
    /// Grows without end.
    Rate {
        /// How much in a second.
        per_s: Num,
    },
}
