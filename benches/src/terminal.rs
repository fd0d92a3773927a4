//! What goes to the terminal: results to standard output, progress to standard error.
//! **Invariant:** a closed pipe ends the output, not the program; progress is hidden where nobody watches.
//! It does not decide what is said.

use std::{
    io::{IsTerminal as _, Write as _},
    sync::Mutex,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Writes one line to standard output.
pub fn say(line: impl std::fmt::Display) {
    // `inbetween bench | head` is no error.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A bar for `count` steps, or a spinner where the count is not known. Hidden when standard error is no terminal.
pub fn progress(count: Option<u64>, what: &'static str) -> ProgressBar {
    let (bar, template) = match count {
        Some(n) => (ProgressBar::new(n), "{msg:>12} {bar:36} {pos}/{len} {eta}"),
        None => (ProgressBar::new_spinner(), "{msg:>12} {spinner} {pos} {elapsed}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Steps of long work, done by several threads: a bar where somebody watches, else a line every half minute.
#[derive(Debug)]
pub struct Steps {
    what: String,
    bar: Option<ProgressBar>,
    total: u64,
    begun: Instant,
    state: Mutex<(u64, Instant)>,
}

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(30);

impl Steps {
    /// For `total` units of work.
    pub fn new(total: u64, what: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| ProgressBar::new(total));
        if let Some(bar) = &bar {
            let template = "{msg:>12} {bar:36} {percent}% in {elapsed}, {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("━╸ "));
            }
            bar.set_message(what.to_owned());
            bar.enable_steady_tick(Duration::from_millis(500));
        }
        let now = Instant::now();
        Self { what: what.to_owned(), bar, total, begun: now, state: Mutex::new((0, now)) }
    }

    /// So many more units are done.
    pub fn done(&self, units: u64) {
        let Ok(mut state) = self.state.lock() else { return };
        let (done, said) = &mut *state;
        *done += units;
        if let Some(bar) = &self.bar {
            bar.set_position(*done);
            if *done >= self.total {
                bar.finish_and_clear();
            }
        } else if said.elapsed() >= EVERY {
            *said = Instant::now();
            let line = eta(&self.what, *done, self.total, self.begun.elapsed());
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }
}

/// What is done, and how long the rest takes at the same pace.
fn eta(what: &str, done: u64, total: u64, gone: Duration) -> String {
    let share = done as f64 / total.max(1) as f64;
    let left = if share > 0.0 { gone.as_secs_f64() * (1.0 - share) / share } else { f64::INFINITY };
    let clock = |s: f64| format!("{}:{:02}", (s / 60.0) as u64, s as u64 % 60);
    format!("{what}: {:.0}% in {}, about {} left", share * 100.0, clock(gone.as_secs_f64()), clock(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_as_what_is_done() {
        assert_eq!(eta("suite", 25, 100, Duration::from_secs(61)), "suite: 25% in 1:01, about 3:03 left");
        assert_eq!(eta("suite", 4, 4, Duration::from_secs(5)), "suite: 100% in 0:05, about 0:00 left");
    }
}
