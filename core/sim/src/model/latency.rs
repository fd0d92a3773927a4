//! How long runs take: lognormal, longer when cold, longer when hot, in one go or by steps of frequency.
//! **Invariant:** the random part belongs to the frame, so that policies which run the same frame draw the same time.
//! It does not run anything: it says when a run would end.

use core::time::Duration;

use inbetween_flow::Timestamp;

use crate::{
    rng::{key, normal},
    scene::Scene,
    spec::{FrequencyStep, LatencySpec},
};

/// The 95% quantile of the standard normal distribution.
const Z95: f64 = 1.644_853_6;

/// One worker that runs one model at a time, with its temperature.
#[derive(Clone, Debug)]
pub struct Worker {
    spec: LatencySpec,
    seed: u64,
    heat: f64,
    idle_since: Option<Timestamp>,
    /// The step of frequency in use, by its place.
    step: usize,
}

impl Worker {
    /// The worker of `scene`, cold.
    pub fn new(scene: &Scene) -> Self {
        Self {
            spec: scene.spec().latency.clone(),
            seed: key(&[scene.seed(), 0x1A7]),
            heat: 0.0,
            idle_since: None,
            step: 0,
        }
    }

    /// How long a run on frame `index` takes that starts `now`.
    pub fn start(&mut self, now: Timestamp, index: u64) -> Duration {
        let spec = &self.spec;
        let mut ms = 0.0;
        if spec.median_ms > 0.0 {
            let sigma = libm::log(spec.p95_ms / spec.median_ms) / Z95;
            ms = spec.median_ms * libm::exp(sigma * normal(key(&[self.seed, index])));
        }
        let idle = self.idle_since.map(|t| now.since(t).as_secs_f64());
        if idle.is_none_or(|s| s * 1e3 >= spec.idle_ms) {
            ms += spec.cold_ms;
        }
        // First-order heating: towards what the power would lead to while busy, towards 0 while idle.
        self.heat *= libm::exp(-idle.unwrap_or(0.0) / spec.throttle_s);
        self.step = governed(&spec.steps, self.step, self.heat);
        let (slower, hottest) = spec
            .steps
            .get(self.step)
            .map_or((1.0 + spec.throttle * self.heat, 1.0), |s| (s.slower, s.watt / spec.steps[0].watt));
        ms *= slower;
        self.heat = hottest - (hottest - self.heat) * libm::exp(-ms * 1e-3 / spec.throttle_s);
        let takes = Duration::from_nanos((ms * 1e6) as u64);
        self.idle_since = Some(now + takes);
        takes
    }

    /// The step of frequency that the last run was started in, where the scene has any.
    pub fn step(&self) -> Option<&FrequencyStep> {
        self.spec.steps.get(self.step)
    }

    /// The run that would have gone on was cancelled `now`.
    pub fn cancel(&mut self, now: Timestamp) {
        self.idle_since = Some(now);
    }
}

/// The step that a governor takes at this heat, coming from `step`.
fn governed(steps: &[FrequencyStep], mut step: usize, heat: f64) -> usize {
    while steps.get(step + 1).is_some_and(|next| heat >= next.from_heat) {
        step += 1;
    }
    while step > 0 && heat <= steps[step].back_heat {
        step -= 1;
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::SceneSpec;

    fn worker(latency: &str) -> Worker {
        let text = format!("name = \"l\"\n[latency]\n{latency}");
        Worker::new(&SceneSpec::parse(&text).unwrap().build(1))
    }

    #[test]
    fn quantiles_are_the_stated_ones() {
        let mut w = worker("median_ms = 30\np95_ms = 60\n");
        let mut all: Vec<Duration> = (0..2000).map(|i| w.start(Timestamp::ZERO, i)).collect();
        all.sort();
        let ms = |i: usize| all[i].as_secs_f64() * 1e3;
        assert!(
            (28.0..32.0).contains(&ms(1000)) && (55.0..66.0).contains(&ms(1900)),
            "{} {}",
            ms(1000),
            ms(1900)
        );
    }

    #[test]
    fn cold_and_hot_runs_take_longer() {
        let mut w = worker(
            "median_ms = 20\np95_ms = 20\ncold_ms = 30\nidle_ms = 100\nthrottle = 1\nthrottle_s = 1\n",
        );
        let first = w.start(Timestamp::ZERO, 0).as_millis();
        let mut now = Timestamp::from_millis(50);
        let next = w.start(now, 1).as_millis();
        for i in 0..200 {
            now = now + w.start(now, i);
        }
        let hot = w.start(now, 201).as_millis();
        let after = w.start(now + Duration::from_secs(20), 202).as_millis();
        assert_eq!((first, after), (50, 50));
        assert!((20..22).contains(&next) && hot > 36, "{next} {hot}");
    }
    const STEPS: &str = "median_ms = 20\np95_ms = 20\nthrottle_s = 1\n\
        [[latency.steps]]\nmhz = 2000\nslower = 1\nwatt = 4\n\
        [[latency.steps]]\nmhz = 1000\nslower = 2\nwatt = 1\nfrom_heat = 0.6\nback_heat = 0.4\n";

    #[test]
    fn heat_takes_a_step_down_and_cooling_one_up() {
        let mut w = worker(STEPS);
        let mut now = Timestamp::ZERO;
        let mut mhz = Vec::new();
        for i in 0..200 {
            let takes = w.start(now, i);
            let step = *w.step().unwrap();
            assert_eq!(takes.as_millis(), if step.mhz < 1500.0 { 40 } else { 20 });
            mhz.push(step.mhz);
            now = now + takes;
        }
        assert_eq!(mhz[0], 2000.0);
        // The slow step heats to a quarter only, so that the device goes back and forth between both: never from run to run.
        let changes = mhz.windows(2).filter(|w| w[0] != w[1]).count();
        assert!((3..40).contains(&changes), "{changes} changes");
        w.start(now + Duration::from_secs(20), 200);
        assert_eq!(w.step().unwrap().mhz, 2000.0, "cooled");
    }

    #[test]
    fn steps_that_could_not_be_are_refused() {
        for (from, to) in [
            ("watt = 1\n", "watt = 5\n"),
            ("slower = 2", "slower = 0.5"),
            ("back_heat = 0.4", "back_heat = 0.7"),
            ("throttle_s = 1", "throttle_s = 1\nthrottle = 1"),
        ] {
            let text = format!("name = \"l\"\n[latency]\n{}", STEPS.replacen(from, to, 1));
            assert!(SceneSpec::parse(&text).is_err_and(|e| e.to_string().contains("latency.")), "{to}");
        }
    }
}
