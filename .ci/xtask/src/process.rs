//! Runs commands: streamed line by line, so that a long build is seen, or captured.
//! **Invariant:** every line that the child writes is in the result, in the order of arrival.
//! It does not write to standard output: that is for results, progress goes to standard error.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
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
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {name}"))?;
    let (sender, receiver) = mpsc::channel();
    let pipes: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|p| Box::new(p) as Box<dyn Read + Send>),
        child.stderr.take().map(|p| Box::new(p) as Box<dyn Read + Send>),
    ];
    for pipe in pipes.into_iter().flatten() {
        let sender = sender.clone();
        thread::spawn(move || {
            let mut reader = BufReader::new(pipe);
            let mut bytes = Vec::new();
            while reader.read_until(b'\n', &mut bytes).is_ok_and(|n| n > 0) {
                let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
                bytes.clear();
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
    }
    drop(sender);
    let mut lines = Vec::new();
    for line in receiver {
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
