//! How long runs take: lognormal, longer when cold, longer when hot.
//! **Invariant:** the random part belongs to the frame, so that policies which run the same frame draw the same time.
//! It does not run anything: it says when a run would end.

use core::time::Duration;

use inbetween_flow::Timestamp;

use crate::{
    rng::{key, normal},
    scene::Scene,
    spec::LatencySpec,
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
}

impl Worker {
    /// The worker of `scene`, cold.
    pub fn new(scene: &Scene) -> Self {
        Self {
            spec: scene.spec().latency.clone(),
            seed: key(&[scene.seed(), 0x1A7]),
            heat: 0.0,
            idle_since: None,
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
        // First-order heating: towards 1 while busy, towards 0 while idle.
        self.heat *= libm::exp(-idle.unwrap_or(0.0) / spec.throttle_s);
        ms *= 1.0 + spec.throttle * self.heat;
        self.heat = 1.0 - (1.0 - self.heat) * libm::exp(-ms * 1e-3 / spec.throttle_s);
        let takes = Duration::from_nanos((ms * 1e6) as u64);
        self.idle_since = Some(now + takes);
        takes
    }

    /// The run that would have gone on was cancelled `now`.
    pub fn cancel(&mut self, now: Timestamp) {
        self.idle_since = Some(now);
    }
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
}
