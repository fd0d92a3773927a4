//! Snapshots as OpenTelemetry metrics: the bytes are the official crate's, and the counts are the monitor's.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::Duration;

use inbetween_flow::{
    Feature, FeatureValue, FeatureWatch, Frame, MonitorConfig, PredictionId, Session, SliceWatch, Timestamp,
    Truth, Value,
    monitor::{Live, Monitor, export::Sender},
};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{KeyValue, any_value},
    metrics::v1::{Metric, metric::Data, number_data_point},
};
use prost::Message as _;

const SENDER: Sender<'_> = Sender {
    service: "shop",
    instance: [0xAB; 16],
    model_version: 12,
    origin_unix_nanos: 1_800_000_000_000_000_000,
};

fn config() -> MonitorConfig {
    MonitorConfig {
        session: Session::Event,
        features: vec![FeatureWatch {
            name: "amount".to_owned(),
            edges: vec![0.25, 0.5, 0.75],
            reference: vec![1, 1, 1, 1],
        }],
        positive_class: Some(1),
        slices: vec![SliceWatch { name: "country".to_owned(), values: vec!["AT".to_owned()] }],
        ..MonitorConfig::default()
    }
}

/// A monitor with `n` events in its last full window.
fn monitor(config: MonitorConfig, n: u64) -> Monitor {
    let mut live = Live::new(config, 1).unwrap();
    live.tick(Timestamp::from_millis(1), |_| {});
    for i in 0..n {
        let now = Timestamp::from_millis(100 + 333 * i);
        let amount = if i % 10 == 9 { f64::NAN } else { (i * 37 % 100) as f64 / 100.0 };
        let features = [
            Feature { name: "amount", value: FeatureValue::Number(amount) },
            Feature { name: "country", value: FeatureValue::Category(if i % 3 == 0 { "AT" } else { "FR" }) },
        ];
        live.tick(now, |_| {});
        live.frame(now, &Frame::features(Timestamp::from_millis(90 + 333 * i), &features));
        let p = (i % 7) as f32 / 7.0;
        live.predicted(now, PredictionId(i), live.mask(), &Value::Probabilities(vec![1.0 - p, p]), None);
        live.label(now, PredictionId(i), Truth::Class(u32::from(i % 2 == 0)), (1.0, 0.1));
    }
    live.tick(Timestamp::ZERO + Duration::from_hours(2), |_| {});
    Monitor::of(live)
}

fn metrics(bytes: &[u8]) -> Vec<Metric> {
    let mut request = ExportMetricsServiceRequest::decode(bytes).unwrap();
    assert_eq!(request.encode_to_vec(), bytes, "what the official crate encodes is what we wrote");
    assert_eq!(request.resource_metrics.len(), 1);
    let mut resource = request.resource_metrics.remove(0);
    let attributes = resource.resource.unwrap().attributes;
    assert_eq!(text(&attributes, "service.name"), Some("shop"));
    assert_eq!(text(&attributes, "service.instance.id"), Some("ab".repeat(16).as_str()));
    assert_eq!(resource.scope_metrics.len(), 1);
    resource.scope_metrics.remove(0).metrics
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|a| a.key == key)?.value.as_ref()?.value.as_ref()?;
    if let any_value::Value::StringValue(s) = found { Some(s) } else { None }
}

fn counted(metrics: &[Metric], name: &str, attributes: &[(&str, &str)]) -> i64 {
    let metric = metrics.iter().find(|m| m.name == name).unwrap();
    let Some(Data::Sum(sum)) = &metric.data else { panic!("{name}") };
    assert!(sum.is_monotonic && sum.aggregation_temporality == 1);
    let matches = |a: &[KeyValue]| attributes.iter().all(|(k, v)| text(a, k) == Some(*v));
    let points = sum.data_points.iter().filter(|p| matches(&p.attributes));
    points
        .map(|p| match p.value {
            Some(number_data_point::Value::AsInt(n)) => n,
            _ => panic!("{name}"),
        })
        .sum()
}

#[test]
fn bytes_and_counts_are_right() {
    let monitor = monitor(config(), 400);
    let metrics = metrics(&monitor.snapshot().unwrap().otlp(&SENDER));
    assert_eq!(counted(&metrics, "inbetween.frames", &[]), 400);
    assert_eq!(counted(&metrics, "inbetween.labels", &[]), 400);
    assert_eq!(
        counted(&metrics, "inbetween.feature.unusable", &[("feature", "amount"), ("kind", "nan")]),
        40
    );
    assert_eq!(counted(&metrics, "inbetween.slice.events", &[("slice", "country"), ("value", "AT")]), 134);
    assert_eq!(counted(&metrics, "inbetween.slice.events", &[("value", "other")]), 266);

    let feature = metrics.iter().find(|m| m.name == "inbetween.feature").unwrap();
    let Some(Data::Histogram(histogram)) = &feature.data else { panic!() };
    let sessions =
        histogram.data_points.iter().find(|p| text(&p.attributes, "sample") == Some("sessions")).unwrap();
    assert_eq!((sessions.count, sessions.bucket_counts.iter().sum::<u64>(), sessions.sum), (360, 360, None));
    assert_eq!(sessions.explicit_bounds, [0.25, 0.5, 0.75]);
    let origin = SENDER.origin_unix_nanos;
    assert_eq!(sessions.start_time_unix_nano, origin + 1_000_000);
    assert_eq!(sessions.time_unix_nano, origin + 7_200_000_000_000);

    let lag = metrics.iter().find(|m| m.name == "inbetween.lag").unwrap();
    let Some(Data::ExponentialHistogram(lag)) = &lag.data else { panic!() };
    let lag = &lag.data_points[0];
    let buckets = lag.positive.as_ref().unwrap();
    // All frames are handled 10 ms after their capture, which is in the bucket above 2^(-27/4) s.
    assert_eq!((lag.count, lag.scale, buckets.offset, &buckets.bucket_counts[..]), (400, 2, -27, &[400][..]));
}

#[test]
fn an_empty_window_is_a_sound_message() {
    for config in [config(), MonitorConfig::default()] {
        let monitor = monitor(config, 0);
        let metrics = metrics(&monitor.snapshot().unwrap().otlp(&SENDER));
        assert_eq!(counted(&metrics, "inbetween.frames", &[]), 0);
    }
    assert!(Monitor::default().snapshot().is_none());
}

#[test]
fn nothing_of_an_input_is_in_a_snapshot() {
    let with = |amount: f64| {
        let mut live = Live::new(config(), 1).unwrap();
        live.tick(Timestamp::from_millis(1), |_| {});
        for i in 0..50 {
            let now = Timestamp::from_millis(100 + i);
            live.frame(
                now,
                &Frame::features(now, &[Feature { name: "amount", value: FeatureValue::Number(amount) }]),
            );
        }
        live.tick(Timestamp::ZERO + Duration::from_hours(2), |_| {});
        Monitor::of(live).snapshot().unwrap().otlp(&SENDER)
    };
    // Only the bin is told.
    assert_eq!(with(0.3), with(0.499_999));
    assert_ne!(with(0.3), with(0.6));
}

#[test]
fn prometheus_text_counts_up_and_escapes() {
    let mut config = config();
    config.features[0].name = "a \"b\"\\c".to_owned();
    let text = monitor(config, 400).prometheus(Timestamp::ZERO + Duration::from_hours(2));
    assert!(text.ends_with('\n') && text.contains("# TYPE inbetween_latency_seconds histogram\n"));
    assert!(text.contains("inbetween_latency_seconds_bucket{le=\"+Inf\"} 0\n"));
    assert!(text.contains("inbetween_signal{id=\"missing.a \\\"b\\\"\\\\c\",verdict=\"stable\"} "), "{text}");
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}
