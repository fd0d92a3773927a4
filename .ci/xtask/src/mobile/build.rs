//! Builds the library for phones: with compilers that are unpacked below the build directory and empty system libraries.
//! **Invariant:** one folder of the build directory for all of it: its standard library is built with it, optimised for size.
//! It does not make a library that runs: what it links against has no code. Sizes, contents and imports are real.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use super::Platform;
use crate::{bindings, process, repo::Repo};

/// The oldest Android that the library is for; `android/gradle/libs.versions.toml` says the same.
pub const ANDROID_API: u32 = 24;
/// The oldest iOS; `ios/Package.swift` says the same.
pub const IOS: &str = "15.0";

/// Compilers that `.ci/mobile.sh` unpacked.
pub struct Compilers {
    root: PathBuf,
}

impl Compilers {
    /// Those of the build directory, unpacked there the first time.
    pub fn find(repo: &Repo) -> Result<Self> {
        let root = repo.target.join("tools/mobile");
        let stamp = root.join("complete");
        if !stamp.is_file() {
            eprintln!("  unpacking compilers into {}", root.display());
            for step in ["install", "stubs"] {
                let end = process::stream(repo.command(".ci/mobile.sh").arg(step).arg(&root), |_| true)?;
                if !end.success {
                    bail!("no compilers for phones: {}", end.tail(2));
                }
            }
            fs::write(stamp, "").context("cannot write into the build directory")?;
        }
        Ok(Self { root })
    }

    fn program(&self, name: &str) -> PathBuf {
        self.root.join("bin").join(name)
    }

    /// The library, stripped and linked as an app's build would: an ELF shared object, or a Mach-O library that holds what an
    /// app takes from the static one.
    pub fn build(&self, repo: &Repo, platform: Platform) -> Result<PathBuf> {
        let Some(triple) = platform.triple() else { return bindings::library_for_tests(repo) };
        let target = repo.target.join("mobile");
        let under = triple.replace('-', "_");
        let kind = match platform {
            Platform::Android => "cdylib",
            Platform::Ios | Platform::Desktop => "staticlib",
        };
        let mut cargo = repo.cargo();
        cargo
            .args(["rustc", "--package", "inbetween-ffi", "--lib", "--profile", "mobile"])
            .args(["-Zbuild-std=std,panic_unwind", "--target", triple, "--crate-type", kind])
            .env("CARGO_TARGET_DIR", &target)
            .env("RUSTC", self.program("rustc"))
            .env("RUSTDOC", self.program("rustdoc"))
            .env("RUSTC_BOOTSTRAP", "1") // for build-std: there is no ready-made standard library for these targets
            .env(format!("CC_{under}"), self.program("clang"))
            .env(format!("AR_{under}"), self.program("llvm-ar"));
        match platform {
            Platform::Android => {
                cargo.env(format!("CFLAGS_{under}"), format!("--target={triple}{ANDROID_API}"));
                cargo.env("CARGO_TARGET_AARCH64_LINUX_ANDROID_LINKER", self.program("link-android"));
            }
            Platform::Ios => {
                cargo.env(format!("CFLAGS_{under}"), format!("--target=arm64-apple-ios{IOS}"));
                cargo.env("IPHONEOS_DEPLOYMENT_TARGET", IOS);
                cargo.env("SDKROOT", self.root.join("stubs/apple")); // keeps the compilers from asking Xcode
            }
            Platform::Desktop => {}
        }
        let end =
            process::stream(&mut cargo, |line| !line.contains("Compiling") || line.contains("inbetween"))?;
        if !end.success {
            bail!("inbetween-ffi does not build for {triple} ({})", end.status);
        }
        let folder = target.join(triple).join("mobile");
        match platform {
            Platform::Android => Ok(folder.join("libinbetween_ffi.so")),
            Platform::Ios | Platform::Desktop => self.link_for_ios(repo, &folder.join("libinbetween_ffi.a")),
        }
    }

    /// What an app takes from the static library when it uses all that the header declares.
    fn link_for_ios(&self, repo: &Repo, archive: &Path) -> Result<PathBuf> {
        let mut nm = repo.command(self.program("llvm-nm"));
        nm.args(["--defined-only", "--extern-only", "--quiet"]).arg(archive);
        let symbols = process::capture(&mut nm)?;
        let mut roots: Vec<&str> =
            symbols.lines.iter().filter_map(|l| l.rsplit(' ').next()).filter(|s| is_interface(s)).collect();
        roots.sort_unstable();
        roots.dedup();
        if roots.is_empty() {
            bail!("{} exports nothing of the bindings: {}", archive.display(), symbols.tail(3));
        }
        let list = archive.with_extension("exports");
        fs::write(&list, roots.join("\n") + "\n").context("cannot write the list of exports")?;
        let output = archive.with_extension("dylib");
        let mut linker = repo.command(self.program("ld64.lld"));
        linker
            .args(["-dylib", "-arch", "arm64", "-platform_version", "ios", IOS, IOS])
            .args(["-undefined", "dynamic_lookup", "-dead_strip", "-x", "-S"])
            .args(["-install_name", "@rpath/libinbetween_ffi.dylib", "-exported_symbols_list"])
            .arg(&list);
        for root in roots {
            linker.args(["-u", root]);
        }
        let end = process::capture(linker.arg("-o").arg(&output).arg(archive))?;
        if !end.success {
            bail!("the static library does not link: {}", end.tail(5));
        }
        Ok(output)
    }
}

/// Whether a symbol is one that hosts call: of the scaffolding, or of JNI. Mach-O puts an underscore before each.
pub fn is_interface(symbol: &str) -> bool {
    let symbol = symbol.strip_prefix('_').unwrap_or(symbol);
    ["uniffi_", "ffi_inbetween_ffi_", "UNIFFI_META_"].iter().any(|p| symbol.starts_with(p))
        || symbol == "JNI_OnLoad"
}
