//! Where things are: the repository's root, its tracked files, the build directory.
//! **Invariant:** paths handed out by `files` are relative to the root and use `/`.
//! It does not read anything outside the repository and the build directory.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

/// The repository that this binary was built from.
#[derive(Clone, Debug)]
pub struct Repo {
    /// Its root.
    pub root: PathBuf,
    /// Cargo's build directory, absolute.
    pub target: PathBuf,
}

impl Repo {
    /// Finds the root from the place of this crate, the build directory from the environment.
    pub fn find() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = manifest
            .ancestors()
            .nth(2)
            .filter(|r| r.join(".ci/xtask").is_dir())
            .with_context(|| format!("{} is not .ci/xtask of a checkout", manifest.display()))?
            .to_path_buf();
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |d| root.join(d));
        Ok(Self { root, target })
    }

    /// A cargo command at the root, with the cargo that runs this binary.
    pub fn cargo(&self) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_TERM_COLOR", "never");
        command
    }

    /// Any other command at the root.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// Every file that git tracks or would track, sorted.
    pub fn files(&self) -> Result<Vec<String>> {
        let output = self
            .command("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"])
            .output()
            .context("cannot run git: install it")?;
        if !output.status.success() {
            bail!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let list = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
        let mut files: Vec<String> = list
            .split('\0')
            .filter(|f| !f.is_empty() && self.root.join(f).is_file())
            .map(str::to_owned)
            .collect();
        files.sort();
        Ok(files)
    }

    /// Reads a file of the repository.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<String> {
        let path = self.root.join(path);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Folders of the workspace's crates, as the root manifest lists them.
    pub fn members(&self) -> Result<Vec<String>> {
        let manifest: toml::Table = self.read("Cargo.toml")?.parse()?;
        let list = manifest.get("workspace").and_then(|w| w.get("members")).and_then(|m| m.as_array());
        let list = list.context("Cargo.toml has no workspace.members")?;
        Ok(list.iter().filter_map(|m| m.as_str()).map(str::to_owned).collect())
    }

    /// Name of the package in `folder`.
    pub fn package(&self, folder: &str) -> Result<String> {
        let manifest: toml::Table = self.read(Path::new(folder).join("Cargo.toml"))?.parse()?;
        let name = manifest.get("package").and_then(|p| p.get("name")).and_then(|n| n.as_str());
        Ok(name.with_context(|| format!("{folder}/Cargo.toml names no package"))?.to_owned())
    }
}
