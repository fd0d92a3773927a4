//! The `log` of the SDK, for the host's own log: logcat, os_log.
//! **Invariant:** below the level nothing is even put into words; a sink is never called while a lock is held.
//! It does not write anywhere itself, and a sink that fails does not fail the call that told it.

use std::{
    cell::RefCell,
    sync::{Arc, PoisonError, RwLock},
};

use log::{Level, LevelFilter, Log, Metadata, Record};

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What the host must mend.
    Error,
    /// What makes answers worse.
    Warn,
    /// What happens rarely and is worth knowing.
    Info,
    /// What helps to find a mistake.
    Debug,
    /// Everything.
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Off => Self::Off,
            LogLevel::Error => Self::Error,
            LogLevel::Warn => Self::Warn,
            LogLevel::Info => Self::Info,
            LogLevel::Debug => Self::Debug,
            LogLevel::Trace => Self::Trace,
        }
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::Error,
            Level::Warn => Self::Warn,
            Level::Info => Self::Info,
            Level::Debug => Self::Debug,
            Level::Trace => Self::Trace,
        }
    }
}

/// What a sink may throw; anything else that it throws becomes this too.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum LogSinkError {
    /// The host's code failed.
    #[error("the log sink failed: {reason}")]
    Host {
        /// What it said.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for LogSinkError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Host { reason: error.reason }
    }
}

/// Where the host writes what the SDK has to say. Called on the thread of the call that said it, after that call let
/// go of its locks; it may call the SDK.
#[uniffi::export(with_foreign)]
pub trait LogSink: Send + Sync {
    /// Writes one message.
    ///
    /// # Errors
    /// When it cannot. The sink is then not called again; `log_problem` says why.
    fn log(&self, level: LogLevel, target: String, message: String) -> Result<(), LogSinkError>;
}

/// Messages that a thread keeps until it may deliver them; more than a call ever has.
const KEPT: usize = 64;

/// Who is told, and why the last one is not any more.
struct Bridge {
    sink: Option<Arc<dyn LogSink>>,
    problem: Option<String>,
}

static BRIDGE: RwLock<Bridge> = RwLock::new(Bridge { sink: None, problem: None });

thread_local! {
    static WAITING: RefCell<Vec<(LogLevel, String, String)>> = const { RefCell::new(Vec::new()) };
}

struct Collector;

impl Log for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level() && metadata.target().starts_with("inbetween")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let message = (record.level().into(), record.target().to_owned(), record.args().to_string());
        // A thread that ends has nobody to tell any more.
        let _ = WAITING.try_with(|waiting| {
            if let Ok(mut waiting) = waiting.try_borrow_mut()
                && waiting.len() < KEPT
            {
                waiting.push(message);
            }
        });
    }

    fn flush(&self) {}
}

/// Tells `sink` what the SDK has to say, down to `level`; nobody when it is left out. One for the whole process.
///
/// # Errors
/// When another logger than this one was installed in the process's Rust code.
#[uniffi::export]
pub fn set_log_sink(sink: Option<Arc<dyn LogSink>>, level: LogLevel) -> Result<(), LogSinkError> {
    static INSTALLED: std::sync::Once = std::sync::Once::new();
    let mut refused = None;
    INSTALLED.call_once(|| refused = log::set_logger(&Collector).err());
    if let Some(error) = refused {
        return Err(LogSinkError::Host { reason: error.to_string() });
    }
    let filter = if sink.is_some() { level.into() } else { LevelFilter::Off };
    let before = std::mem::replace(
        &mut *BRIDGE.write().unwrap_or_else(PoisonError::into_inner),
        Bridge { sink, problem: None },
    );
    log::set_max_level(filter);
    drop(before); // frees the host's object: not under the lock
    Ok(())
}

/// Why the sink is not called any more, if it failed.
#[uniffi::export]
pub fn log_problem() -> Option<String> {
    BRIDGE.read().unwrap_or_else(PoisonError::into_inner).problem.clone()
}

/// Hands on what this thread has to say. To be called without a lock.
pub(crate) fn deliver() {
    let waiting = WAITING.try_with(|w| w.try_borrow_mut().map(|mut w| std::mem::take(&mut *w)));
    let Ok(Ok(waiting)) = waiting else { return };
    if waiting.is_empty() {
        return;
    }
    let sink = BRIDGE.read().unwrap_or_else(PoisonError::into_inner).sink.clone();
    let Some(sink) = sink else { return };
    for (level, target, message) in waiting {
        if let Err(error) = sink.log(level, target, message) {
            log::set_max_level(LevelFilter::Off);
            let mut bridge = BRIDGE.write().unwrap_or_else(PoisonError::into_inner);
            let ours = bridge.sink.take_if(|s| Arc::ptr_eq(s, &sink));
            if ours.is_some() {
                bridge.problem = Some(error.to_string());
            }
            drop(bridge);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<(LogLevel, String)>>);

    impl LogSink for Kept {
        fn log(&self, level: LogLevel, _: String, message: String) -> Result<(), LogSinkError> {
            self.0.lock().expect("not poisoned").push((level, message.clone()));
            if message == "break" { Err(LogSinkError::Host { reason: "full".to_owned() }) } else { Ok(()) }
        }
    }

    // One test: the logger belongs to the process.
    #[test]
    fn the_sink_is_told_later_filtered_and_dropped_when_it_fails() {
        const US: &str = "inbetween_ffi::logging::tests";
        let sink = Arc::new(Kept::default());
        set_log_sink(Some(sink.clone()), LogLevel::Warn).expect("no other logger");
        let told = || std::mem::take(&mut *sink.0.lock().expect("not poisoned"));
        log::warn!(target: US, "a");
        log::info!(target: US, "below the level");
        log::error!(target: "tract", "of another crate");
        assert!(told().is_empty(), "nothing before it is delivered");
        deliver();
        assert_eq!(told(), [(LogLevel::Warn, "a".to_owned())]);
        log::error!(target: US, "break");
        log::error!(target: US, "after");
        deliver();
        assert_eq!(told(), [(LogLevel::Error, "break".to_owned())]);
        assert_eq!(log_problem().as_deref(), Some("the log sink failed: full"));
        log::error!(target: US, "nobody hears");
        deliver();
        assert!(told().is_empty());
        for n in 0..3 * KEPT {
            set_log_sink(Some(sink.clone()), LogLevel::Trace).expect("ours");
            log::trace!(target: US, "{n}");
        }
        deliver();
        assert_eq!(told().len(), KEPT);
        set_log_sink(None, LogLevel::Trace).expect("ours");
        assert_eq!((log_problem(), log::max_level()), (None, LevelFilter::Off));
    }
}
