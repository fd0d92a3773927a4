//! A small workspace of its own under the build directory, with copies of the product's crates to plant things in.
//! **Invariant:** it is laid anew each time, and uses the product's lock file, so that it builds the same versions.
//! It does not share build results with the product: its own are in `purity/target`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{
    process::{self, Finished},
    repo::Repo,
};

/// A workspace under the build directory.
#[derive(Debug)]
pub struct Scratch {
    repo: Repo,
    root: PathBuf,
}

impl Scratch {
    /// An empty workspace called `name`.
    pub fn new(repo: &Repo, name: &str) -> Result<Self> {
        let root = repo.target.join("purity").join(name);
        if root.exists() {
            fs::remove_dir_all(&root).with_context(|| format!("cannot clear {}", root.display()))?;
        }
        let scratch = Self { repo: repo.clone(), root };
        let manifest: toml::Table = repo.read("Cargo.toml")?.parse()?;
        let workspace = manifest.get("workspace").context("no workspace in Cargo.toml")?;
        let mut kept = toml::Table::new();
        for key in ["resolver", "package", "dependencies", "lints"] {
            kept.extend(workspace.get(key).map(|v| (key.to_owned(), v.clone())));
        }
        let members = ["probe", "core/flow"].map(|m| toml::Value::String(m.to_owned()));
        kept.insert("members".to_owned(), toml::Value::Array(members.to_vec()));
        let abort: toml::Table = "dev = { panic = \"abort\" }".parse()?;
        let whole = toml::Table::from_iter([
            ("workspace".to_owned(), toml::Value::Table(kept)),
            ("profile".to_owned(), toml::Value::Table(abort)),
        ]);
        scratch.write("Cargo.toml", &whole.to_string())?;
        scratch.write("Cargo.lock", &repo.read("Cargo.lock")?)?;
        copy(&repo.root.join("core/flow"), &scratch.root.join("core/flow"))?;
        scratch.write("probe/Cargo.toml", "[package]\nname = \"probe\"\nedition = \"2024\"\n")?;
        scratch.write("probe/src/lib.rs", "")?;
        Ok(scratch)
    }

    /// Writes a file.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Puts `text` at the end of a file.
    pub fn plant(&self, path: &str, text: &str) -> Result<()> {
        let file = self.root.join(path);
        let before = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        self.write(path, &format!("{before}\n{text}\n"))
    }

    /// Runs cargo in the workspace.
    pub fn cargo(&self, arguments: &[&str], environment: &[(&str, &Path)]) -> Result<Finished> {
        let mut command = self.repo.cargo();
        command.current_dir(&self.root).args(arguments);
        command.env("CARGO_TARGET_DIR", self.repo.target.join("purity/target"));
        for (name, value) in environment {
            command.env(name, value);
        }
        process::capture(&mut command)
    }
}

/// Fails unless the command did.
pub fn must_pass(end: &Finished) -> Result<()> {
    if !end.success {
        bail!("{}", end.tail(40));
    }
    Ok(())
}

/// Fails unless the command failed and says each of `reasons`.
pub fn must_fail(end: &Finished, reasons: &[&str]) -> Result<()> {
    if end.success {
        bail!("the planted violation was not found");
    }
    for reason in reasons {
        if !end.says(reason) {
            bail!("it failed without saying {reason:?}:\n{}", end.tail(40));
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
