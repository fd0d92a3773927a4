//! What goes to the terminal: results to standard output, progress to standard error.
//! **Invariant:** a closed pipe ends the output, not the program; progress is hidden where nobody watches.
//! It does not decide what is said.

use std::{io::Write as _, time::Duration};

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
