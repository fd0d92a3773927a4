//! Answers for the display thread while another thread has the engine.
//! **Invariant:** the lock is held to make one answer or to exchange two pointers, never while pixels are looked at.
//! It does not know the engine: the session updates one answerer while the other one is asked.

use std::sync::{Mutex, MutexGuard};

use inbetween::{Answer, Answerer, Timestamp};

/// The answerer that is asked; none when the session is not open any more.
#[derive(Debug)]
pub(crate) struct Front(Mutex<Option<Box<Answerer>>>);

impl Front {
    pub(crate) fn new(answerer: Answerer) -> Self {
        Self(Mutex::new(Some(Box::new(answerer))))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<Answerer>>> {
        self.0.lock().unwrap_or_else(|poison| {
            // A panic amid an answer: what it left is not trusted.
            self.0.clear_poison();
            let mut front = poison.into_inner();
            *front = None;
            front
        })
    }

    /// Puts one that is up to date to the front and gives back the other, which has something to be counted.
    pub(crate) fn exchange(&self, back: &mut Box<Answerer>) {
        if let Some(front) = &mut *self.lock() {
            std::mem::swap(front, back);
        }
    }

    /// Calls `read` with the answer for `display`, if there is an answerer.
    pub(crate) fn ask<T>(&self, display: Timestamp, read: impl FnOnce(&Answer) -> T) -> Option<T> {
        self.lock().as_mut().map(|answerer| read(answerer.answer_at(display)))
    }

    /// Lets go of it.
    pub(crate) fn close(&self) {
        drop(self.lock().take());
    }
}
