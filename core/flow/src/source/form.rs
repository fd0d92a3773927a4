//! What every kind of value has in common: one interface and the book of result times.
//! **Invariant:** the newest result's time never goes back.
//! It does not hold any value.

use alloc::{boxed::Box, vec::Vec};

use super::{Backtest, Carried, TrackState};
use crate::{
    gate::{Fit, FitState, Target},
    geometry::{Point, Rect},
    ingredient::Ingredients,
    time::Timestamp,
    value::Value,
};

/// One kind of value, carried. The methods are those of [`super::Carrier`]; values are of the right kind and sound.
pub(super) trait Form: core::fmt::Debug + Send + Sync {
    fn admit(&mut self, time: Timestamp, value: &Value) -> Backtest;
    fn answer(&self, at: Timestamp, out: &mut Value) -> Option<Carried>;
    fn reset(&mut self);
    /// A copy that answers as this does. It need not be fit for anything else.
    fn for_answers(&self) -> Box<dyn Form>;
    fn targets(&self, _background: Point, _out: &mut Vec<Target>) {}
    fn follow(&mut self, _time: Timestamp, _fits: &[Fit]) {}
    /// Whether these fits make the answer suspect.
    fn lost(&self, fits: &[Fit]) -> bool {
        fits.iter().any(|fit| fit.state == FitState::Lost)
    }
    fn set_frame(&mut self, _frame: Rect) {}
    fn without(&mut self, _ingredients: Ingredients) {}
    /// `None` where pixels do not matter.
    fn outlook(&self, _at: Timestamp, _horizon: f32) -> Option<f32> {
        None
    }
    fn tracks(&self, _at: Timestamp, _out: &mut Vec<TrackState>) {}
}

/// When results were.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Answers are asked for this long back, in seconds; 0 without delay.
    pub delay: f32,
    first: Option<Timestamp>,
    newest: Option<Timestamp>,
}

impl Times {
    pub const fn new(delay: f32) -> Self {
        Self { delay, first: None, newest: None }
    }

    pub const fn reset(&mut self) {
        (self.first, self.newest) = (None, None);
    }

    pub const fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Whether a newer result was there already.
    pub fn late(&self, time: Timestamp) -> bool {
        self.newest.is_some_and(|n| time < n)
    }

    /// Seconds from the newest result to `time`; 0 without one and for a late one.
    pub fn age(&self, time: Timestamp) -> f32 {
        self.newest.map_or(0.0, |n| time.secs_from(n).max(0.0))
    }

    pub fn add(&mut self, time: Timestamp) {
        self.first.get_or_insert(time);
        self.newest = self.newest.max(Some(time));
    }

    /// Whether answers show corrections gradually: between two results there is nothing to blend.
    pub fn blends(&self) -> bool {
        self.delay == 0.0
    }

    /// The newest result's time if `at` can be answered: with a delay nothing is shown before the first result.
    pub fn answerable(&self, at: Timestamp) -> Option<Timestamp> {
        let (first, newest) = (self.first?, self.newest?);
        (self.blends() || at >= first).then_some(newest)
    }
}
