//! `cargo xtask package-android`: the library as an AAR.
//! **Invariant:** whatever is made is unpacked and checked again; what is not for shipping says so in its name, and is
//! refused where a package for shipping is asked for.
//! It does not sign or publish.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    Platform,
    build::{ABIS, Compilers},
    contents::Contents,
    folder::fresh,
    licences,
    package::unpacked,
    size,
};
use crate::{process, repo::Repo};

const RULES: &str = "android/inbetween/consumer-rules.pro";
const MANIFEST: &str = "android/inbetween/src/main/AndroidManifest.xml";
/// Where licences are in the classes; not `META-INF/LICENSE*`, which builds of apps leave out.
const LICENCES: &str = "META-INF/dev.inbetween";
const LIBRARY: &str = "libinbetween_ffi.so";

/// Builds the AAR: with Gradle and an NDK for shipping; else a trial that shows that the parts fit, and with `ship` an error.
pub fn android(repo: &Repo, ship: bool) -> Result<PathBuf> {
    let aar = match missing(repo).as_slice() {
        [] => by_gradle(repo)?,
        missing if ship => bail!(
            "an AAR for shipping needs {}; without `--ship` this machine makes a trial of its parts",
            missing.join(", ")
        ),
        missing => {
            eprintln!("  without {}: a trial, linked against empty system libraries", missing.join(", "));
            trial(repo)?
        }
    };
    check(repo, &aar)?;
    Ok(aar)
}

/// What a build for shipping lacks here.
fn missing(repo: &Repo) -> Vec<&'static str> {
    let ndk = ["ANDROID_NDK_HOME", "ANDROID_NDK_ROOT"].iter().find_map(env::var_os);
    let runs = |program: &str, argument: &str| {
        process::capture(repo.command(program).arg(argument)).is_ok_and(|end| end.success)
    };
    let mut missing = Vec::new();
    if !ndk.is_some_and(|folder| Path::new(&folder).is_dir()) {
        missing.push("an NDK (ANDROID_NDK_HOME)");
    }
    if !runs("gradle", "--version") {
        missing.push("Gradle");
    }
    if !runs("cargo-ndk", "--version") {
        missing.push("cargo-ndk (`cargo install cargo-ndk`)");
    }
    missing
}

fn by_gradle(repo: &Repo) -> Result<PathBuf> {
    let mut gradle = repo.command("gradle");
    gradle.args(["--project-dir", "android", ":inbetween:assembleRelease"]);
    gradle.arg(":inbetween-camerax:assembleRelease");
    let end = process::stream(&mut gradle, |_| true)?;
    ensure!(end.success, "Gradle failed ({})", end.status);
    Ok(repo.root.join("android/inbetween/build/outputs/aar/inbetween-release.aar"))
}

/// An AAR of what the suite `kotlin` compiled and the compilers for phones link.
fn trial(repo: &Repo) -> Result<PathBuf> {
    let compiled = repo.target.join("android-check/classes");
    ensure!(compiled.join("dev/inbetween").is_dir(), "no classes: run `cargo xtask test kotlin` first");
    let compilers = Compilers::find(repo)?;
    let folder = fresh(&repo.target.join("packages/aar"))?;
    for abi in &ABIS {
        let jni = folder.join("jni").join(abi.name);
        fs::create_dir_all(&jni)?;
        fs::copy(compilers.for_android(repo, abi)?, jni.join(LIBRARY))?;
    }
    fs::copy(repo.root.join(MANIFEST), folder.join("AndroidManifest.xml"))?;
    fs::copy(repo.root.join(RULES), folder.join("proguard.txt"))?;
    fs::write(folder.join("R.txt"), "")?;
    let resources = fresh(&repo.target.join("packages/aar-resources"))?;
    licences::write(repo, &ABIS.map(|abi| abi.triple), &resources.join(LICENCES))?;
    jar(repo, &folder.join("classes.jar"), &[&compiled, &resources])?;
    let aar = repo.target.join("packages/inbetween-trial.aar");
    jar(repo, &aar, &[&folder])?;
    Ok(aar)
}

fn jar(repo: &Repo, file: &Path, folders: &[&Path]) -> Result<()> {
    let mut jar = repo.command("jar");
    jar.args(["--create", "--no-manifest", "--file"]).arg(file);
    for folder in folders {
        jar.arg("-C").arg(folder).arg(".");
    }
    let end = process::capture(&mut jar)?;
    ensure!(end.success, "jar failed: {}", end.tail(3));
    Ok(())
}

/// Layout, rules, classes, licences, and each library: what the Android build of an app relies on.
fn check(repo: &Repo, aar: &Path) -> Result<()> {
    let folder = unpacked(repo, aar)?;
    for file in ["AndroidManifest.xml", "classes.jar", "proguard.txt", "R.txt"] {
        ensure!(folder.join(file).is_file(), "the AAR lacks {file}");
    }
    let rules = fs::read_to_string(folder.join("proguard.txt"))?;
    ensure!(rules.contains(repo.read(RULES)?.trim()), "the AAR's proguard.txt is not {RULES}");
    let classes = unpacked(repo, &folder.join("classes.jar"))?;
    for class in ["InbetweenSession", "FastPath", "Answer", "SdkException"] {
        ensure!(classes.join(format!("dev/inbetween/{class}.class")).is_file(), "classes.jar lacks {class}");
    }
    ensure!(!classes.join("dev/inbetween/sample").exists(), "classes.jar holds the sample");
    licences::check(&classes.join(LICENCES)).context("classes.jar")?;
    let jni = folder.join("jni");
    let found = fs::read_dir(&jni).context("the AAR has no jni")?;
    let found = found.map(|e| Ok(e?.file_name().to_string_lossy().into_owned()));
    let found: BTreeSet<String> = found.collect::<Result<_>>()?;
    let wanted: BTreeSet<String> = ABIS.iter().map(|abi| abi.name.to_owned()).collect();
    ensure!(found == wanted, "the AAR is for {found:?}, not for {wanted:?}");
    for abi in &ABIS {
        let library = Contents::read(&jni.join(abi.name).join(LIBRARY))?;
        ensure!(library.architecture == abi.architecture, "{} is for {:?}", abi.name, library.architecture);
        size::sound(Platform::Android, &library).context(abi.name)?;
        let mb = |bytes: u64| bytes as f64 / 1e6;
        println!("{}: {:.2} MB, {:.2} MB compressed", abi.name, mb(library.file), mb(library.compressed));
    }
    println!("{}: {} architectures, checked", aar.display(), ABIS.len());
    Ok(())
}
