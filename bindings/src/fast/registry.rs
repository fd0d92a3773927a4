//! Sessions by number, for calls that pass no objects.
//! **Invariant:** a number is given out once and names one session; a stale one finds nothing.
//! It does not keep a session alive.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{error::SdkError, session::Session};

static SESSIONS: RwLock<BTreeMap<u64, Weak<Session>>> = RwLock::new(BTreeMap::new());
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Gives a session its number.
pub(crate) fn add(session: &Arc<Session>) -> u64 {
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    SESSIONS.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::downgrade(session));
    id
}

/// Forgets a number.
pub(crate) fn remove(id: u64) {
    SESSIONS.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
}

/// The session of a number; one that is gone was shut down.
pub(crate) fn find(id: u64) -> Result<Arc<Session>, SdkError> {
    let sessions = SESSIONS.read().unwrap_or_else(PoisonError::into_inner);
    sessions.get(&id).and_then(Weak::upgrade).ok_or(SdkError::ShutDown)
}
