//! Snapshots of the monitor in formats that others merge: OpenTelemetry's protobuf and Prometheus' text.
//! **Invariant:** counts of bins leave the device and nothing else: no input, no value, no time of a single event.
//! It does not send anything: the host does, where the person who owns the device agreed to it.

mod otlp;
mod prometheus;
mod protobuf;

use alloc::{string::String, vec::Vec};

use crate::{
    config::{MOST_CELLS, MonitorConfig},
    time::Timestamp,
};

use super::{
    Monitor,
    live::Live,
    window::{Cell, Window},
};

/// Who a snapshot is from, and how its times are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender<'a> {
    /// Name of the app, which is the service of OpenTelemetry.
    pub service: &'a str,
    /// A random number that the host draws and may draw anew at any time: deltas need no history, so that a new one breaks
    /// nothing, and nobody can be followed by it for longer.
    pub instance: [u8; 16],
    /// Version of the model.
    pub model_version: u32,
    /// Unix time of the clock's origin, in nanoseconds.
    pub origin_unix_nanos: u64,
}

/// One window of a monitor.
///
/// A full window is told once, as a delta: the sum over all windows of all devices is the fleet's. The engine says when one
/// is ready ([`Event::WindowClosed`](crate::Event::WindowClosed)); it stays until the next one is.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    live: &'a Live,
    window: &'a Window,
}

impl Monitor {
    /// The last full window.
    pub fn snapshot(&self) -> Option<Snapshot<'_>> {
        let live = self.live()?;
        live.full_window().map(|window| Snapshot { live, window })
    }

    /// What happened so far as Prometheus' text, version 0.0.4, and how each signal stands at `now`.
    ///
    /// # Source
    /// Prometheus documentation, exposition formats.
    pub fn prometheus(&self, now: Timestamp) -> String {
        prometheus::text(self, now)
    }
}

impl<'a> Snapshot<'a> {
    /// What it counts.
    pub const fn window(&self) -> &'a Window {
        self.window
    }

    /// The message `ExportMetricsServiceRequest` of OpenTelemetry's protocol, ready to be posted to `/v1/metrics`.
    ///
    /// # Source
    /// opentelemetry-proto 1.x, `metrics/v1/metrics.proto`; temporality is delta.
    ///
    /// # Example
    /// ```
    /// use inbetween_flow::{Config, Engine, Event, MonitorConfig, Timestamp, ValueKind, monitor::export::Sender};
    /// let mut config = Config::for_images(ValueKind::Scalar, 0.1);
    /// config.monitoring = Some(MonitorConfig::default());
    /// let mut engine = Engine::new(config, 1)?;
    /// // An hour later:
    /// engine.handle_timeout(Timestamp::from_millis(1));
    /// engine.handle_timeout(Timestamp::from_millis(3_700_000));
    /// assert_eq!(engine.poll_event(), Some(Event::WindowClosed));
    /// let sender = Sender { service: "my-app", instance: [7; 16], model_version: 3, origin_unix_nanos: 0 };
    /// let bytes = engine.monitor().snapshot().unwrap().otlp(&sender);
    /// assert!(bytes.len() < 64 * 1024);
    /// # Ok::<(), inbetween_flow::ConfigError>(())
    /// ```
    pub fn otlp(&self, sender: &Sender<'_>) -> Vec<u8> {
        otlp::encode(self, sender)
    }

    const fn config(&self) -> &'a MonitorConfig {
        self.live.config()
    }

    /// Name, value and counts of each group.
    fn cells(&self) -> impl Iterator<Item = (&'a str, &'a str, &'a Cell)> + 'a {
        let named =
            self.config().slices.iter().flat_map(|s| s.values.iter().map(|v| (s.name.as_str(), v.as_str())));
        let cells = self.window.cells.iter();
        let other = ("", "other", &self.window.cells[MOST_CELLS]);
        named.zip(cells).map(|((name, value), cell)| (name, value, cell)).chain(core::iter::once(other))
    }

    /// Counters without attributes: name, what it is, value.
    fn counters(&self) -> [(&'static str, &'static str, u32); 18] {
        let (w, o) = (self.window, &self.window.outcomes);
        [
            ("inbetween.frames", "Frames handed in", w.frames),
            ("inbetween.rejected", "Frames that broke the contract", w.rejected),
            ("inbetween.schema_breaks", "Frames of another shape", w.schema_breaks),
            ("inbetween.runs", "Runs that ended", w.runs),
            ("inbetween.failures", "Runs without a value", w.failures),
            ("inbetween.timeouts", "Runs that did not end in time", w.timeouts),
            ("inbetween.answers", "Answers", w.answers),
            ("inbetween.fallbacks", "Answers from the rule, or none", w.fallbacks),
            ("inbetween.within", "Answers believed within tolerance", w.within),
            ("inbetween.backtests", "Back-tests", w.backtests),
            ("inbetween.violations", "Back-tests above the tolerance", w.violations),
            ("inbetween.sessions", "Sessions that ended", w.sessions),
            ("inbetween.scored", "Predictions with a probability", o.scored),
            ("inbetween.labels", "Labels that met their prediction", o.labelled),
            ("inbetween.wrong", "Labelled predictions that were wrong", o.wrong),
            ("inbetween.labels.unknown", "Labels without a prediction", o.unknown),
            ("inbetween.labels.expired", "Predictions that expired", o.expired),
            ("inbetween.labels.dropped", "Predictions pushed out", o.dropped),
        ]
    }
}
