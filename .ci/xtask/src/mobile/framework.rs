//! `cargo xtask package-ios`: the library as an XCFramework.
//! **Invariant:** what is not for shipping says so in its name, and is refused where a package for shipping is asked for.
//! It does not sign or publish.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail, ensure};

use super::{build::Compilers, folder::fresh, licences};
use crate::{bindings, process, repo::Repo};

/// A part of an XCFramework: identifier, Rust's targets, platform, variant.
type Slice = (&'static str, &'static [&'static str], &'static str, Option<&'static str>);

/// What the XCFramework holds.
const SLICES: [Slice; 3] = [
    ("ios-arm64", &["aarch64-apple-ios"], "ios", None),
    ("ios-arm64_x86_64-simulator", &["aarch64-apple-ios-sim", "x86_64-apple-ios"], "ios", Some("simulator")),
    ("macos-arm64_x86_64", &["aarch64-apple-darwin", "x86_64-apple-darwin"], "macos", None),
];

/// Builds the XCFramework that `ios/Package.swift` names: all slices on macOS; elsewhere a trial with the one for devices, and
/// with `ship` an error.
pub fn ios(repo: &Repo, ship: bool) -> Result<PathBuf> {
    let apple = cfg!(target_os = "macos");
    if ship && !apple {
        bail!(
            "an XCFramework for shipping needs macOS: Xcode's SDKs to build {} and its `lipo` to join them; without `--ship` \
             this machine makes a trial of the slice for devices",
            SLICES.map(|(identifier, ..)| identifier).join(", "),
        );
    }
    let generated = bindings::for_swift(repo)?;
    let framework = if apple {
        repo.root.join("ios/Generated/InbetweenCoreFFI.xcframework")
    } else {
        eprintln!("  not macOS: a trial with the slice for devices only, not for shipping");
        repo.target.join("packages/trial.xcframework")
    };
    fresh(&framework)?;
    let slices = if apple { &SLICES[..] } else { &SLICES[..1] };
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
            fs::copy(Compilers::find(repo)?.for_ios(repo)?, &library)?;
        }
    }
    let targets: Vec<&str> = slices.iter().flat_map(|(_, targets, ..)| *targets).copied().collect();
    licences::write(repo, &targets, &framework.join("Licences"))?;
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
fn info_plist(slices: &[Slice]) -> String {
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

/// The XCFramework of all slices, with empty libraries.
pub fn checked_plist(repo: &Repo) -> Result<()> {
    let framework = fresh(&repo.target.join("packages/empty.xcframework"))?;
    for (identifier, ..) in SLICES {
        let headers = framework.join(identifier).join("Headers");
        fs::create_dir_all(&headers)?;
        fs::write(headers.join("InbetweenCoreFFI.h"), "// none\n")?;
        fs::write(headers.join("module.modulemap"), bindings::MODULE_MAP)?;
        fs::write(framework.join(identifier).join("libinbetween_ffi.a"), "!<arch>\n")?;
    }
    fs::write(framework.join("Info.plist"), info_plist(&SLICES))?;
    check_framework(repo, &framework, SLICES.len())?;
    fs::remove_file(framework.join("ios-arm64/Headers/module.modulemap"))?;
    ensure!(check_framework(repo, &framework, SLICES.len()).is_err(), "a missing module map is not seen");
    Ok(())
}
