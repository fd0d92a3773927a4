//! The commands `card new`, `check`, `render`, `diff` and `export`.
//! **Invariant:** a card that is incomplete, expired or loosened ends with another code than 0.
//! It does not judge cards: `inbetween-card` does.

pub mod check;
pub mod compare;
pub mod export;
pub mod page;
pub mod render;
pub mod scaffold;

use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    process::ExitCode,
    time::SystemTime,
};

use anyhow::{Context as _, ensure};
use inbetween_card::{Card, Date, Level, diff, review};

use crate::cli::{CardCommand, NewArgs};

/// Does what the command line says.
///
/// # Errors
/// When a file cannot be read, written, or is no card where one is needed.
pub fn command(command: &CardCommand) -> anyhow::Result<ExitCode> {
    match command {
        CardCommand::New(args) => new(args),
        CardCommand::Check(args) => {
            let mut passes = true;
            for path in &args.cards {
                let text = read(path)?;
                let review = review(&text, args.today.unwrap_or_else(today));
                say(&check::report(&path.to_string_lossy(), &text, &review))?;
                passes &= review.passes();
            }
            Ok(code(passes))
        }
        CardCommand::Render(args) => {
            let text = read(&args.card)?;
            Card::parse(&text)?;
            let day = args.today.unwrap_or_else(today);
            let page = page::Page::new(&text, &review(&text, day), day);
            let html =
                args.out.as_ref().and_then(|p| p.extension()).is_some_and(|e| e == "html" || e == "htm");
            write(args.out.as_deref(), &if html { render::html(&page) } else { render::markdown(&page) })?;
            Ok(ExitCode::SUCCESS)
        }
        CardCommand::Diff { old, new } => {
            let changes = diff(&read(old)?, &read(new)?).context("both must be cards")?;
            say(&compare::report(&changes))?;
            Ok(code(!compare::loosened(&changes)))
        }
        CardCommand::Export { card, out } => {
            let text = read(card)?;
            let document = export::cyclonedx(&text, &Card::parse(&text)?)?;
            write(out.as_deref(), &document)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn new(args: &NewArgs) -> anyhow::Result<ExitCode> {
    if let Some(path) = &args.out {
        ensure!(!path.exists(), "{} is there already: choose another file", path.display());
    }
    let mut answers = scaffold::Answers::new(args.input);
    if let Some(path) = &args.model {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        answers.model(path.file_name().unwrap_or_default().to_string_lossy().as_ref(), &bytes);
    }
    if !args.yes && io::stdin().is_terminal() {
        answers.ask(&mut io::stdin().lock(), &mut io::stderr().lock())?;
    }
    let text = answers.card()?;
    write(args.out.as_deref(), &text)?;
    let left = review(&text, today()).findings.iter().filter(|f| f.level == Level::Error).count();
    eprintln!("{left} things are left to say; `inbetween card check` lists them");
    Ok(ExitCode::SUCCESS)
}

fn code(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: Option<&Path>, text: &str) -> anyhow::Result<()> {
    match path {
        Some(path) => fs::write(path, text).with_context(|| format!("cannot write {}", path.display())),
        None => say(text),
    }
}

/// Writes to standard output; a reader that goes away (`| head`) is no error.
fn say(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(()),
    }
}

fn today() -> Date {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Date::from_unix_days(u32::try_from(now.as_secs() / 86_400).unwrap_or(u32::MAX >> 8))
}
