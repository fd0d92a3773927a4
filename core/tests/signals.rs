//! The card's list of metric ids is the monitor's.
#![allow(missing_docs)]

use inbetween::monitor;

#[test]
fn a_card_knows_the_metrics_that_the_monitor_has() {
    assert_eq!(inbetween_card::SIGNALS.to_vec(), monitor::SIGNALS.map(|(id, _)| id));
    assert_eq!(inbetween_card::FEATURE_SIGNALS.to_vec(), monitor::FEATURE_SIGNALS.map(|(prefix, _)| prefix));
    assert_eq!(inbetween_card::IMAGE_FEATURES, monitor::IMAGE_FEATURES);
    assert_eq!(inbetween_card::AUDIO_FEATURES, monitor::AUDIO_FEATURES);
    assert_eq!(inbetween_card::SLICE_SIGNALS.to_vec(), monitor::SLICE_SIGNALS.map(|(prefix, _)| prefix));
}
