//! Builds the library for phones: with compilers that are unpacked below the build directory and empty system libraries.
//! **Invariant:** one folder of the build directory for all of it: its standard library is built with it, optimised for size.
//! It does not make a library that runs: what it links against has no code. Sizes, contents and imports are real.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use object::Architecture;

use super::Platform;
use crate::{bindings, process, repo::Repo};

/// The oldest Android that the library is for; `android/gradle/libs.versions.toml` says the same.
pub const ANDROID_API: u32 = 24;
/// The oldest iOS; `ios/Package.swift` says the same.
pub const IOS: &str = "15.0";

/// An architecture of Android devices.
pub struct Abi {
    /// The folder in an AAR.
    pub name: &'static str,
    /// Rust's name for the target.
    pub triple: &'static str,
    /// Clang's, without the level of the API.
    pub clang: &'static str,
    /// What Clang must be told beside it: assembler for 32-bit ARM is refused unless registers for floats are named.
    flags: &'static str,
    /// What the library's header says.
    pub architecture: Architecture,
}

/// Those that the library ships for, that of phones first; `android/inbetween/build.gradle.kts` says the same.
pub const ABIS: [Abi; 3] = [
    Abi {
        architecture: Architecture::Aarch64,
        name: "arm64-v8a",
        triple: "aarch64-linux-android",
        flags: "",
        clang: "aarch64-linux-android",
    },
    Abi {
        architecture: Architecture::Arm,
        name: "armeabi-v7a",
        triple: "armv7-linux-androideabi",
        flags: " -mfloat-abi=softfp",
        clang: "armv7a-linux-androideabi",
    },
    Abi {
        architecture: Architecture::X86_64,
        name: "x86_64",
        triple: "x86_64-linux-android",
        flags: "",
        clang: "x86_64-linux-android",
    },
];

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
            script(repo, "install", &root)?;
            fs::write(stamp, "").context("cannot write into the build directory")?;
        }
        script(repo, "stubs", &root)?; // each time: it takes a second, and an older script made others
        Ok(Self { root })
    }

    fn program(&self, name: &str) -> PathBuf {
        self.root.join("bin").join(name)
    }

    /// The library, stripped and linked as an app's build would: an ELF shared object for arm64, or a Mach-O library that
    /// holds what an app takes from the static one.
    pub fn build(&self, repo: &Repo, platform: Platform) -> Result<PathBuf> {
        match platform {
            Platform::Android => self.for_android(repo, &ABIS[0]),
            Platform::Ios => self.link_for_ios(repo, &self.for_ios(repo)?),
            Platform::Desktop => bindings::library_for_tests(repo),
        }
    }

    /// The shared object of one of Android's architectures.
    pub fn for_android(&self, repo: &Repo, abi: &Abi) -> Result<PathBuf> {
        let mut cargo = self.cargo(repo, abi.triple, "cdylib");
        let linker = format!("CARGO_TARGET_{}_LINKER", abi.triple.to_uppercase().replace('-', "_"));
        cargo.env(linker, self.program(&format!("link-{}", abi.clang)));
        cargo.env(
            for_target("CFLAGS", abi.triple),
            format!("--target={}{ANDROID_API}{}", abi.clang, abi.flags),
        );
        run(&mut cargo, abi.triple)?;
        Ok(built(repo, abi.triple, "libinbetween_ffi.so"))
    }

    /// The static library for devices, as it is in the XCFramework.
    pub fn for_ios(&self, repo: &Repo) -> Result<PathBuf> {
        const TRIPLE: &str = "aarch64-apple-ios";
        let mut cargo = self.cargo(repo, TRIPLE, "staticlib");
        cargo.env(for_target("CFLAGS", TRIPLE), format!("--target=arm64-apple-ios{IOS}"));
        cargo.env("IPHONEOS_DEPLOYMENT_TARGET", IOS);
        cargo.env("SDKROOT", self.root.join("stubs/apple")); // keeps the compilers from asking Xcode
        run(&mut cargo, TRIPLE)?;
        Ok(built(repo, TRIPLE, "libinbetween_ffi.a"))
    }

    fn cargo(&self, repo: &Repo, triple: &str, kind: &str) -> Command {
        let mut cargo = repo.cargo();
        cargo
            .args(["rustc", "--package", "inbetween-ffi", "--lib", "--profile", "mobile"])
            .args(["-Zbuild-std=std,panic_unwind", "--target", triple, "--crate-type", kind])
            .env("CARGO_TARGET_DIR", folder(repo))
            .env("RUSTC", self.program("rustc"))
            .env("RUSTDOC", self.program("rustdoc"))
            .env("RUSTC_BOOTSTRAP", "1") // for build-std: there is no ready-made standard library for these targets
            .env(for_target("CC", triple), self.program("clang"))
            .env(for_target("AR", triple), self.program("llvm-ar"));
        cargo
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

/// One step of `.ci/mobile.sh`.
fn script(repo: &Repo, step: &str, root: &Path) -> Result<()> {
    let end = process::stream(repo.command(".ci/mobile.sh").arg(step).arg(root), |_| true)?;
    if !end.success {
        bail!("no compilers for phones: {}", end.tail(2));
    }
    Ok(())
}

fn run(cargo: &mut Command, triple: &str) -> Result<()> {
    let end = process::stream(cargo, |line| !line.contains("Compiling") || line.contains("inbetween"))?;
    if !end.success {
        bail!("inbetween-ffi does not build for {triple} ({})", end.status);
    }
    Ok(())
}

/// The name of a variable that is for one target only.
fn for_target(variable: &str, triple: &str) -> String {
    format!("{variable}_{}", triple.replace('-', "_"))
}

fn folder(repo: &Repo) -> PathBuf {
    repo.target.join("mobile")
}

fn built(repo: &Repo, triple: &str, file: &str) -> PathBuf {
    folder(repo).join(triple).join("mobile").join(file)
}

/// Whether a symbol is one that hosts call: of the scaffolding, or of JNI. Mach-O puts an underscore before each.
pub fn is_interface(symbol: &str) -> bool {
    let symbol = symbol.strip_prefix('_').unwrap_or(symbol);
    ["uniffi_", "ffi_inbetween_ffi_", "UNIFFI_META_"].iter().any(|p| symbol.starts_with(p))
        || symbol == "JNI_OnLoad"
}
