//! Objects by number, for calls that pass no objects.
//! **Invariant:** a number is given out once and names one object; a stale one finds nothing.
//! It does not keep an object alive.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::error::SdkError;

/// Numbers and what they name.
pub(crate) struct Registry<T> {
    objects: RwLock<BTreeMap<u64, Weak<T>>>,
    next: AtomicU64,
}

impl<T> Registry<T> {
    /// One that names nothing yet; numbers begin at 1.
    pub(crate) const fn new() -> Self {
        Self { objects: RwLock::new(BTreeMap::new()), next: AtomicU64::new(1) }
    }

    /// Gives an object its number.
    pub(crate) fn add(&self, object: &Arc<T>) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.objects.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::downgrade(object));
        id
    }

    /// Forgets a number.
    pub(crate) fn remove(&self, id: u64) {
        self.objects.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// The object of a number; one that is gone was shut down.
    #[cfg_attr(target_os = "ios", allow(dead_code))] // only the JVM calls it
    pub(crate) fn find(&self, id: u64) -> Result<Arc<T>, SdkError> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        objects.get(&id).and_then(Weak::upgrade).ok_or(SdkError::ShutDown)
    }
}
