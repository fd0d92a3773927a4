//! `cargo xtask package-android` and `package-ios`: the library as an AAR and as an XCFramework.
//! **Invariant:** whatever is made is unpacked and checked again; what is not for shipping says so in its name.
//! It does not sign or publish.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};

use super::{Platform, build::Compilers, contents::Contents, size};
use crate::{bindings, process, repo::Repo, report::Tally};

const RULES: &str = "android/inbetween/consumer-rules.pro";
const MANIFEST: &str = "android/inbetween/src/main/AndroidManifest.xml";
/// What an XCFramework may hold, by its identifier: Rust's targets, platform, variant.
const SLICES: &[(&str, &[&str], &str, Option<&str>)] = &[
    ("ios-arm64", &["aarch64-apple-ios"], "ios", None),
    ("ios-arm64_x86_64-simulator", &["aarch64-apple-ios-sim", "x86_64-apple-ios"], "ios", Some("simulator")),
    ("macos-arm64_x86_64", &["aarch64-apple-darwin", "x86_64-apple-darwin"], "macos", None),
];

/// Builds the AAR: with Gradle and an NDK for shipping, else a trial of one architecture that shows that the parts fit.
pub fn android(repo: &Repo) -> Result<PathBuf> {
    let ndk = ["ANDROID_NDK_HOME", "ANDROID_NDK_ROOT"].iter().find_map(env::var_os);
    let gradle = process::capture(repo.command("gradle").arg("--version")).is_ok_and(|end| end.success);
    let aar = if ndk.is_some() && gradle {
        let mut gradle = repo.command("gradle");
        gradle.args([
            "--project-dir",
            "android",
            ":inbetween:assembleRelease",
            ":inbetween-camerax:assembleRelease",
        ]);
        let end = process::stream(&mut gradle, |_| true)?;
        ensure!(end.success, "Gradle failed ({})", end.status);
        repo.root.join("android/inbetween/build/outputs/aar/inbetween-release.aar")
    } else {
        eprintln!(
            "  no NDK (ANDROID_NDK_HOME) or no Gradle: a trial package, linked against empty system libraries"
        );
        trial_aar(repo)?
    };
    check_aar(repo, &aar)?;
    Ok(aar)
}

/// An AAR of what the suite `kotlin` compiled and `size` linked.
fn trial_aar(repo: &Repo) -> Result<PathBuf> {
    let classes = repo.target.join("android-check/classes");
    ensure!(classes.join("dev/inbetween").is_dir(), "no classes: run `cargo xtask test kotlin` first");
    let library = Compilers::find(repo)?.build(repo, Platform::Android)?;
    let folder = fresh(&repo.target.join("packages/aar"))?;
    let jni = folder.join("jni/arm64-v8a");
    fs::create_dir_all(&jni)?;
    fs::copy(library, jni.join("libinbetween_ffi.so"))?;
    fs::copy(repo.root.join(MANIFEST), folder.join("AndroidManifest.xml"))?;
    fs::copy(repo.root.join(RULES), folder.join("proguard.txt"))?;
    fs::write(folder.join("R.txt"), "")?;
    jar(repo, &folder.join("classes.jar"), &classes)?;
    let aar = repo.target.join("packages/inbetween-trial.aar");
    jar(repo, &aar, &folder)?;
    Ok(aar)
}

fn jar(repo: &Repo, file: &Path, folder: &Path) -> Result<()> {
    let mut jar = repo.command("jar");
    jar.args(["--create", "--no-manifest", "--file"]).arg(file).arg("-C").arg(folder).arg(".");
    let end = process::capture(&mut jar)?;
    ensure!(end.success, "jar failed: {}", end.tail(3));
    Ok(())
}

/// Layout, rules, classes, and each library: what the Android build of an app relies on.
fn check_aar(repo: &Repo, aar: &Path) -> Result<()> {
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
    let mut architectures = 0;
    for entry in fs::read_dir(folder.join("jni")).context("the AAR has no jni")? {
        let library = entry?.path().join("libinbetween_ffi.so");
        size::sound(Platform::Android, &Contents::read(&library)?)
            .with_context(|| library.display().to_string())?;
        architectures += 1;
    }
    ensure!(architectures > 0, "the AAR has no library");
    println!("{}: {architectures} architecture(s), checked", aar.display());
    Ok(())
}

fn unpacked(repo: &Repo, archive: &Path) -> Result<PathBuf> {
    let folder = fresh(&archive.with_extension("unpacked"))?;
    let mut python = repo.command("python3");
    python.args(["-m", "zipfile", "-e"]).arg(archive).arg(&folder);
    let end = process::capture(&mut python)?;
    ensure!(end.success, "{} cannot be unpacked: {}", archive.display(), end.tail(2));
    Ok(folder)
}

fn fresh(folder: &Path) -> Result<PathBuf> {
    let _ = fs::remove_dir_all(folder); // not there the first time
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder.to_path_buf())
}

/// Builds the XCFramework that `ios/Package.swift` names: all slices on macOS, elsewhere the one for devices.
pub fn ios(repo: &Repo) -> Result<PathBuf> {
    let generated = bindings::for_swift(repo)?;
    let apple = cfg!(target_os = "macos");
    let framework = if apple {
        repo.root.join("ios/Generated/InbetweenCoreFFI.xcframework")
    } else {
        eprintln!("  not macOS: a trial with the slice for devices only");
        repo.target.join("packages/trial.xcframework")
    };
    fresh(&framework)?;
    let slices = if apple { SLICES } else { &SLICES[..1] };
    for (identifier, targets, ..) in slices {
        let slice = framework.join(identifier);
        let headers = slice.join("Headers");
        fs::create_dir_all(&headers)?;
        fs::copy(generated.join("InbetweenCoreFFI.h"), headers.join("InbetweenCoreFFI.h"))?;
        fs::write(headers.join("module.modulemap"), bindings::MODULE_MAP)?;
        let library = slice.join("libinbetween_ffi.a");
        if apple {
            with_xcode(repo, targets, &library)?;
        } else {
            Compilers::find(repo)?.build(repo, Platform::Ios)?;
            let built = repo.target.join("mobile/aarch64-apple-ios/mobile/libinbetween_ffi.a");
            fs::copy(built, &library)?;
        }
    }
    fs::write(framework.join("Info.plist"), info_plist(slices))?;
    check_framework(repo, &framework, slices.len())?;
    Ok(framework)
}

/// One static library of all targets, by the installed toolchain and Xcode's `lipo`.
fn with_xcode(repo: &Repo, targets: &[&str], output: &Path) -> Result<()> {
    let mut lipo = repo.command("lipo");
    lipo.arg("-create");
    for target in targets {
        let mut cargo = repo.cargo();
        cargo.args(["rustc", "--package", "inbetween-ffi", "--lib", "--profile", "mobile"]);
        cargo.args(["--crate-type", "staticlib", "--target", target]);
        let end = process::stream(&mut cargo, |_| true)?;
        ensure!(end.success, "inbetween-ffi does not build for {target}: `rustup target add {target}`");
        lipo.arg(repo.target.join(target).join("mobile/libinbetween_ffi.a"));
    }
    let end = process::stream(lipo.arg("-output").arg(output), |_| true)?;
    ensure!(end.success, "lipo failed ({})", end.status);
    Ok(())
}

/// What Xcode reads first. The format is that of `xcodebuild -create-xcframework`.
fn info_plist(slices: &[(&str, &[&str], &str, Option<&str>)]) -> String {
    let mut libraries = Vec::new();
    for (identifier, targets, platform, variant) in slices {
        let architectures: Vec<String> = targets
            .iter()
            .map(|t| if t.starts_with("aarch64") { "arm64" } else { "x86_64" })
            .map(|a| format!("\t\t\t\t<string>{a}</string>\n"))
            .collect();
        let architectures = architectures.concat();
        let variant = variant.map_or(String::new(), |v| {
            format!("\t\t\t<key>SupportedPlatformVariant</key>\n\t\t\t<string>{v}</string>\n")
        });
        libraries.push(format!(
            "\t\t<dict>\n\t\t\t<key>BinaryPath</key>\n\t\t\t<string>libinbetween_ffi.a</string>\n\
             \t\t\t<key>HeadersPath</key>\n\t\t\t<string>Headers</string>\n\
             \t\t\t<key>LibraryIdentifier</key>\n\t\t\t<string>{identifier}</string>\n\
             \t\t\t<key>LibraryPath</key>\n\t\t\t<string>libinbetween_ffi.a</string>\n\
             \t\t\t<key>SupportedArchitectures</key>\n\t\t\t<array>\n{architectures}\t\t\t</array>\n\
             \t\t\t<key>SupportedPlatform</key>\n\t\t\t<string>{platform}</string>\n{variant}\t\t</dict>\n"
        ));
    }
    let libraries = libraries.concat();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n\t<key>AvailableLibraries</key>\n\t<array>\n{libraries}\t</array>\n\
         \t<key>CFBundlePackageType</key>\n\t<string>XFWK</string>\n\
         \t<key>XCFrameworkFormatVersion</key>\n\t<string>1.0</string>\n</dict>\n</plist>\n"
    )
}

/// Reads the property list as Python does, and finds every file that it names.
fn check_framework(repo: &Repo, framework: &Path, slices: usize) -> Result<()> {
    const READ: &str = "import plistlib, pathlib, sys\n\
        root = pathlib.Path(sys.argv[1])\n\
        with open(root / 'Info.plist', 'rb') as f: info = plistlib.load(f)\n\
        assert info['CFBundlePackageType'] == 'XFWK' and info['XCFrameworkFormatVersion'] == '1.0', info\n\
        for l in info['AvailableLibraries']:\n\
        \x20   slice = root / l['LibraryIdentifier']\n\
        \x20   files = [slice / l['LibraryPath'], *(slice / l['HeadersPath'] / n for n in sys.argv[2:])]\n\
        \x20   assert all(f.is_file() and f.stat().st_size for f in files), files\n\
        print(len(info['AvailableLibraries']))\n";
    let mut python = repo.command("python3");
    python.args(["-c", READ]).arg(framework).args(["InbetweenCoreFFI.h", "module.modulemap"]);
    let end = process::capture(&mut python)?;
    if !end.success || end.lines.last().map(String::as_str) != Some(&*slices.to_string()) {
        bail!("{}: {}", framework.display(), end.tail(3));
    }
    println!("{}: {slices} slice(s), checked", framework.display());
    Ok(())
}

/// What can be said about the packages without building them.
pub fn check_package_files(repo: &Repo, tally: &mut Tally) {
    tally.check("property list of the XCFramework", checked_plist(repo));
    tally.check("deployment targets", deployment_targets(repo));
    for script in [".ci/mobile.sh", ".ci/swift.sh", ".ci/run"] {
        let end = process::capture(repo.command("bash").args(["-n", script]));
        let parsed = end.and_then(|end| if end.success { Ok(()) } else { bail!("{}", end.tail(3)) });
        tally.check(script, parsed);
    }
}

/// The XCFramework of all slices, with empty libraries.
fn checked_plist(repo: &Repo) -> Result<()> {
    let framework = fresh(&repo.target.join("packages/empty.xcframework"))?;
    for (identifier, ..) in SLICES {
        let headers = framework.join(identifier).join("Headers");
        fs::create_dir_all(&headers)?;
        fs::write(headers.join("InbetweenCoreFFI.h"), "// none\n")?;
        fs::write(headers.join("module.modulemap"), bindings::MODULE_MAP)?;
        fs::write(framework.join(identifier).join("libinbetween_ffi.a"), "!<arch>\n")?;
    }
    fs::write(framework.join("Info.plist"), info_plist(SLICES))?;
    check_framework(repo, &framework, SLICES.len())?;
    fs::remove_file(framework.join("ios-arm64/Headers/module.modulemap"))?;
    ensure!(check_framework(repo, &framework, SLICES.len()).is_err(), "a missing module map is not seen");
    Ok(())
}

/// The oldest systems are the same in the build of the library and in those of the packages.
fn deployment_targets(repo: &Repo) -> Result<()> {
    let package = repo.read("ios/Package.swift")?;
    let ios = super::build::IOS.split('.').next().unwrap_or_default();
    ensure!(package.contains(&format!(".iOS(.v{ios})")), "ios/Package.swift is not for iOS {ios}");
    ensure!(
        package.contains("Generated/InbetweenCoreFFI.xcframework"),
        "ios/Package.swift names another XCFramework than `cargo xtask package-ios` makes"
    );
    let versions = repo.read("android/gradle/libs.versions.toml")?;
    let api = super::build::ANDROID_API;
    ensure!(versions.contains(&format!("min-sdk = \"{api}\"")), "min-sdk of Gradle is not {api}");
    Ok(())
}
