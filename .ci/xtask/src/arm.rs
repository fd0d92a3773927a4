//! Cross-building for 64-bit ARM Linux and running the result under emulation.
//! **Invariant:** what is missing is fetched once into the build directory, or the reason why it cannot be is the error.
//! It does not choose what is built or run: the suite `aarch64` and `bench counts` do.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{process, repo::Repo};

/// The target of Rust.
pub const TARGET: &str = "aarch64-unknown-linux-gnu";
/// Where Debian's cross libraries are.
const SYSROOT: &str = "/usr/aarch64-linux-gnu";
const LINKER: &str = "aarch64-linux-gnu-gcc";

/// What it takes.
#[derive(Clone, Debug)]
pub struct Cross {
    /// A compiler with the standard library of the target; `None` when the installed one has it.
    rust: Option<PathBuf>,
    emulator: PathBuf,
}

impl Cross {
    /// Finds or fetches everything.
    ///
    /// # Errors
    /// When this machine has not, and cannot get, what it takes.
    pub fn find(repo: &Repo) -> Result<Self> {
        let tools = fetched(repo, "tools")?;
        let installed =
            process::capture(repo.command("rustc").args(["--print", "target-libdir", "--target", TARGET]));
        let has_std =
            installed.is_ok_and(|end| end.success && end.lines.iter().any(|dir| Path::new(dir).is_dir()));
        let rust = if has_std { None } else { Some(fetched(repo, "rust")?) };
        Ok(Self { rust, emulator: tools.join("usr/bin/qemu-aarch64") })
    }

    /// A cargo command that builds for the target and runs under emulation of `processor`.
    pub fn cargo(&self, repo: &Repo, processor: &str) -> Command {
        let mut command = repo.cargo();
        command.env("CARGO_BUILD_TARGET", TARGET).env(variable("LINKER"), LINKER);
        command.env(variable("RUNNER"), self.runner(processor).join(" "));
        if let Some(root) = &self.rust {
            command.env("RUSTC", root.join("bin/rustc")).env("RUSTDOC", root.join("bin/rustdoc"));
        }
        command
    }

    /// A command that runs `program`, which was built for the target, as `processor` would. Tests that start programs
    /// find the emulator in the environment.
    pub fn command(&self, repo: &Repo, processor: &str, program: &Path) -> Command {
        let runner = self.runner(processor);
        let mut command = repo.command(&self.emulator);
        command.args(&runner[1..]).arg(program).env("INBETWEEN_EMULATOR", runner.join("\n"));
        command
    }

    fn runner(&self, processor: &str) -> [String; 5] {
        let text = |s: &str| s.to_owned();
        [
            self.emulator.to_string_lossy().into_owned(),
            text("-cpu"),
            text(processor),
            text("-L"),
            text(SYSROOT),
        ]
    }
}

/// An emulator that loads plugins, with the plugin that counts.
#[derive(Clone, Debug)]
pub struct Counter {
    emulator: PathBuf,
    plugin: PathBuf,
    random: PathBuf,
}

impl Counter {
    /// Fetches the emulator and compiles the plugin.
    ///
    /// # Errors
    /// As [`Cross::find`]; also when there is no C compiler.
    pub fn find(repo: &Repo) -> Result<Self> {
        let root = fetched(repo, "counter")?;
        Ok(Self {
            emulator: root.join("bin/qemu-aarch64-plugin"),
            plugin: shared_object(repo, "cc", "plugin")?,
            random: shared_object(repo, LINKER, "random")?,
        })
    }

    /// A command that runs `program` as `processor` would and writes one line for each region to `out`: instructions,
    /// loads, stores. It has no environment but `variables`.
    pub fn command(
        &self,
        repo: &Repo,
        processor: &str,
        variables: &[(&str, &str)],
        program: &Path,
        out: &Path,
    ) -> Command {
        let mut command = repo.command(&self.emulator);
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.args(["-seed", "1", "-cpu", processor, "-L", SYSROOT, "-E"]);
        command.arg(format!("LD_PRELOAD={}", self.random.display()));
        for (name, value) in variables {
            command.arg("-E").arg(format!("{name}={value}"));
        }
        command.arg("-plugin").arg(format!("{},out={}", self.plugin.display(), out.display())).arg(program);
        command
    }
}

/// Compiles `.ci/count/NAME.c` to a shared object, when that is not done yet.
///
/// # Errors
/// When the compiler is missing or refuses.
pub fn shared_object(repo: &Repo, compiler: &str, name: &str) -> Result<PathBuf> {
    let source = repo.root.join(format!(".ci/count/{name}.c"));
    let folder = repo.target.join("tools/count");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let object = folder.join(format!("{name}-{compiler}.so"));
    let modified = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).ok();
    if modified(&object).is_none_or(|made| modified(&source).is_none_or(|changed| changed > made)) {
        let mut compile = repo.command(compiler);
        compile.args(["-O2", "-shared", "-fPIC", "-o"]).arg(&object).arg(&source);
        let end = process::capture(&mut compile).with_context(|| format!("install {compiler}"))?;
        if !end.success {
            bail!("{compiler} refuses {}:\n{}", source.display(), end.tail(5));
        }
    }
    Ok(object)
}

/// The folder that `.ci/aarch64.sh WHAT` fills, filled once.
fn fetched(repo: &Repo, what: &str) -> Result<PathBuf> {
    let root = repo.target.join("tools").join(format!("aarch64-{what}"));
    let stamp = root.join("complete");
    if stamp.is_file() {
        return Ok(root);
    }
    eprintln!("  fetching what ARM takes ({what}) into {}", root.display());
    let end = process::stream(repo.command(".ci/aarch64.sh").arg(what).arg(&root), |_| false)?;
    if !end.success {
        bail!("{}", end.tail(2));
    }
    fs::write(stamp, "").context("cannot write into the build directory")?;
    Ok(root)
}

/// `CARGO_TARGET_…_NAME` of the target.
fn variable(name: &str) -> String {
    format!("CARGO_TARGET_{}_{name}", TARGET.to_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_reads_the_variable_of_the_target() {
        assert_eq!(variable("LINKER"), "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER");
    }
}
