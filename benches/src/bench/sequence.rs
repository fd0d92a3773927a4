//! One sequence: a scene with a seed is rendered once, and every policy that is missing meets its frames.
//! **Invariant:** what a policy does is the same whoever runs beside it; only its measured time is of the machine.
//! It does not keep anything between sequences: memory is that of one scene and its policies.

use cpu_time::ThreadTime;
use inbetween_sim::{
    Colour, Policy, Report as Detail, SceneSpec, Setup, SimulatedDetector, run, tune::Setting,
};

use super::{
    journal::{Done, Journal, key},
    policies::{Choice, How},
};
use crate::{film::Film, session::Still};

/// What is to be filmed: the timeline and stills of the first policy.
#[derive(Debug, Default)]
pub struct Filmed {
    /// What happened.
    pub detail: Option<Detail>,
    /// Pictures of it.
    pub stills: Vec<Still>,
}

/// Most marks of a timeline: two minutes at 240 Hz.
const TIMELINE: usize = 2 * 60 * 240;

/// The policies of one pass. A setting that several choices want is run once.
struct Lanes {
    policies: Vec<Box<dyn Policy>>,
    settings: Vec<(Setting, usize)>,
}

impl Lanes {
    fn setting(&mut self, setting: Setting, spec: &SceneSpec, seed: u64) -> usize {
        if let Some((_, lane)) = self.settings.iter().find(|(s, _)| *s == setting) {
            return *lane;
        }
        let lane = self.add(setting.policy("setting", spec, seed));
        self.settings.push((setting, lane));
        lane
    }

    fn add(&mut self, policy: Box<dyn Policy>) -> usize {
        self.policies.push(policy);
        self.policies.len() - 1
    }
}

/// Runs those of `choices` that the journal does not have, and puts them there. With `film`, all are run.
///
/// # Errors
/// When a policy cannot be made for the scene, or the journal cannot be written.
pub fn measure(
    spec: &SceneSpec,
    seed: u64,
    choices: &[&Choice],
    journal: &Journal,
    film: bool,
) -> anyhow::Result<Filmed> {
    let mut missing = Vec::new();
    for choice in choices {
        let key = key(spec, seed, &choice.name, &choice.setting())?;
        if film || journal.get(&key).is_none() {
            missing.push((*choice, key));
        }
    }
    if missing.is_empty() {
        return Ok(Filmed::default());
    }
    let mut lanes = Lanes { policies: Vec::new(), settings: Vec::new() };
    let mut wanted = Vec::new();
    for (choice, key) in missing {
        let of = match &choice.how {
            How::Set(setting) => vec![lanes.setting(*setting, spec, seed)],
            How::Hindsight(kind) => {
                kind.settings().into_iter().map(|s| lanes.setting(s, spec, seed)).collect()
            }
            How::Named | How::Tolerance(_) => match choice.policy(spec, seed)? {
                Some(policy) => vec![lanes.add(policy)],
                None => Vec::new(),
            },
        };
        wanted.push((choice, key, of));
    }
    let colour = if film { Colour::Nv12 } else { Colour::Gray };
    let mut scene = spec.build(seed).with_colour(colour);
    let mut detector = SimulatedDetector::new(&scene);
    // Time of this thread alone: others share the machine.
    let start = ThreadTime::now();
    let mut clock = || start.elapsed().as_nanos() as u64;
    let mut camera = Film::new(spec.duration_s, 8, 4);
    let mut observer = |moment: &inbetween_sim::Moment<'_>| camera.see(moment);
    let setup = Setup {
        seed,
        timeline: if film { TIMELINE } else { 0 },
        always_render: film,
        clock: Some(&mut clock),
        observer: if film { Some(&mut observer) } else { None },
        ..Setup::default()
    };
    let mut reports = run(&mut scene, &mut lanes.policies, &mut detector, setup);
    for (choice, key, of) in wanted {
        if let Some(chosen) = choose(&of, &reports, spec.tolerance.miss_rate) {
            let mut row = reports[chosen].row.clone();
            row.policy.clone_from(&choice.name);
            let faults = reports[chosen].faults;
            journal.put(key, Done::Row { row: Box::new(row), faults })?;
        }
    }
    if !film || reports.is_empty() {
        return Ok(Filmed::default());
    }
    let mut first = reports.swap_remove(0);
    first.row.policy.clone_from(&choices[0].name);
    let stills = camera.develop(&first.timeline);
    Ok(Filmed { detail: Some(first), stills })
}

/// Of several lanes the one that a look back would choose: of those that keep the promise the one with the fewest runs;
/// where none does, the one that violates least.
fn choose(lanes: &[usize], reports: &[Detail], miss_rate: f64) -> Option<usize> {
    lanes.iter().copied().min_by_key(|&lane| {
        let row = &reports[lane].row;
        if row.violation_rate() <= miss_rate {
            (0, row.runs, row.violations)
        } else {
            (1, row.violations, row.runs)
        }
    })
}
