//! Runs commands: streamed line by line, so that a long build is seen, or captured.
//! **Invariant:** every line that the child writes is in the result, in the order of arrival.
//! It does not write to standard output: that is for results, progress goes to standard error.

use std::{
    io::{self, BufRead, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

/// How a command ended.
#[derive(Debug)]
pub struct Finished {
    /// Whether its exit code was 0.
    pub success: bool,
    /// Its exit code or signal, for people.
    pub status: String,
    /// Its lines, standard output and standard error as they came.
    pub lines: Vec<String>,
}

impl Finished {
    /// The last lines, for a message.
    pub fn tail(&self, count: usize) -> String {
        self.lines[self.lines.len().saturating_sub(count)..].join("\n")
    }

    /// Whether some line contains `text`.
    pub fn says(&self, text: &str) -> bool {
        self.lines.iter().any(|l| l.contains(text))
    }
}

/// Runs `command` and shows each line for which `show` is true.
pub fn stream(command: &mut Command, mut show: impl FnMut(&str) -> bool) -> Result<Finished> {
    let name = command.get_program().to_string_lossy().into_owned();
    // One pipe for both streams keeps their lines in order.
    let (pipe, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("cannot run {name}"))?;
    // The command keeps its ends of the pipe open, and with them the reading below.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut reader = BufReader::new(pipe);
    let mut lines = Vec::new();
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        bytes.clear();
        if show(&line) {
            eprintln!("  {line}");
        }
        lines.push(line);
    }
    let status = child.wait().with_context(|| format!("lost {name}"))?;
    Ok(Finished { success: status.success(), status: status.to_string(), lines })
}

/// Runs `command` in silence.
pub fn capture(command: &mut Command) -> Result<Finished> {
    stream(command, |_| false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_both_streams_come_in_order() {
        let script = "for i in 1 2 3; do echo out $i; echo err $i >&2; done; exit 3";
        let mut shown = Vec::new();
        let end = stream(Command::new("sh").args(["-c", script]), |line| {
            shown.push(line.to_owned());
            false
        });
        let end = end.expect("sh runs");
        assert_eq!(end.lines, ["out 1", "err 1", "out 2", "err 2", "out 3", "err 3"]);
        assert_eq!(shown, end.lines);
        assert!(!end.success && end.says("err 3") && end.tail(1) == "err 3");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = capture(&mut Command::new("no-such-program")).expect_err("it is missing");
        assert!(error.to_string().contains("no-such-program"));
    }
}
