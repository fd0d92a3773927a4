//! What the two packages share, and what can be said about both without building them.
//! **Invariant:** a folder that is handed out holds one archive.
//! It does not build: `aar` and `framework` do.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use super::{build, folder::fresh, framework, licences};
use crate::{process, repo::Repo, report::Tally};

/// The folder next to `archive` that it was unpacked into.
pub fn unpacked(repo: &Repo, archive: &Path) -> Result<PathBuf> {
    let folder = fresh(&archive.with_extension("unpacked"))?;
    let mut python = repo.command("python3");
    python.args(["-m", "zipfile", "-e"]).arg(archive).arg(&folder);
    let end = process::capture(&mut python)?;
    ensure!(end.success, "{} cannot be unpacked: {}", archive.display(), end.tail(2));
    Ok(folder)
}

/// What can be said about the packages without building them.
pub fn check_package_files(repo: &Repo, tally: &mut Tally) {
    tally.check("licences in packages", licences::check_written(repo));
    tally.check("property list of the XCFramework", framework::checked_plist(repo));
    tally.check("deployment targets", deployment_targets(repo));
    for script in [".ci/mobile.sh", ".ci/swift.sh", ".ci/run"] {
        let end = process::capture(repo.command("bash").args(["-n", script]));
        let parsed = end.and_then(|end| if end.success { Ok(()) } else { bail!("{}", end.tail(3)) });
        tally.check(script, parsed);
    }
}

/// The oldest systems are the same in the build of the library and in those of the packages.
fn deployment_targets(repo: &Repo) -> Result<()> {
    let package = repo.read("ios/Package.swift")?;
    let ios = build::IOS.split('.').next().unwrap_or_default();
    ensure!(package.contains(&format!(".iOS(.v{ios})")), "ios/Package.swift is not for iOS {ios}");
    ensure!(
        package.contains("Generated/InbetweenCoreFFI.xcframework"),
        "ios/Package.swift names another XCFramework than `cargo xtask package-ios` makes"
    );
    let versions = repo.read("android/gradle/libs.versions.toml")?;
    let api = build::ANDROID_API;
    ensure!(versions.contains(&format!("min-sdk = \"{api}\"")), "min-sdk of Gradle is not {api}");
    let gradle = repo.read("android/inbetween/build.gradle.kts")?;
    let abis = format!("val abis = listOf({})", build::ABIS.map(|abi| format!("{:?}", abi.name)).join(", "));
    ensure!(gradle.contains(&abis), "android/inbetween/build.gradle.kts has no `{abis}`");
    Ok(())
}
