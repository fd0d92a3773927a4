//! Purity 4: what the release libraries of the facade and of everything below it call.
//! **Invariant:** a library that gives no symbols fails, as does an allowance that nothing needs any more.
//! It does not ask whether a call is reachable: a crate that contains one is listed in `.ci/purity-allow.toml`, with
//! the reason why the core does not get there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSymbol, read::archive::ArchiveFile};
use serde::Deserialize;

use super::{
    libraries::{below_facade, library},
    scratch::{Scratch, must_pass},
};
use crate::{repo::Repo, report::Tally};

/// What must not be called: group, and how paths (with `::`) begin or what foreign symbols are called.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "files",
        &[
            "std::fs::",
            "std::sys::fs::",
            "std::os::unix::fs::",
            "open",
            "open64",
            "openat",
            "fopen",
            "fopen64",
        ],
    ),
    ("sockets", &["std::net::", "std::sys::net::", "std::os::unix::net::", "socket", "connect"]),
    (
        "clock",
        &[
            "std::time::Instant::now",
            "std::time::Instant::elapsed",
            "std::time::SystemTime::now",
            "std::sys::time::",
            "clock_gettime",
            "gettimeofday",
            "time",
        ],
    ),
    (
        "threads",
        &[
            "std::thread::spawn",
            "std::thread::Builder",
            "std::thread::builder::",
            "std::thread::lifecycle::",
            "std::thread::scope",
            "std::thread::functions::sleep",
            "std::thread::sleep",
            "std::sys::thread::",
            "pthread_create",
            "fork",
        ],
    ),
    ("environment", &["std::env::", "std::sys::env::", "getenv", "secure_getenv"]),
    (
        "processes",
        &[
            "std::process::Command",
            "std::process::Child",
            "std::process::exit",
            "std::sys::process::",
            "execve",
        ],
    ),
    ("printing", &["std::io::stdio::", "printf", "puts"]),
    ("randomness", &["std::hash::random::", "std::sys::random::", "getrandom"]),
];

/// One function for each group, so that the check is shown to find it.
const PLANTS: &[(&str, &str)] = &[
    ("files", "pub fn files() -> bool { std::fs::read(\"x\").is_ok() }"),
    ("files", "pub fn open() -> bool { std::fs::File::open(\"x\").is_ok() }"),
    ("sockets", "pub fn sockets() -> bool { std::net::TcpStream::connect(\"127.0.0.1:1\").is_ok() }"),
    ("sockets", "pub fn udp() -> bool { std::net::UdpSocket::bind(\"127.0.0.1:1\").is_ok() }"),
    ("clock", "pub fn clock() -> std::time::Instant { std::time::Instant::now() }"),
    ("clock", "pub fn calendar() -> std::time::SystemTime { std::time::SystemTime::now() }"),
    ("threads", "pub fn threads() { std::thread::spawn(|| ()); }"),
    ("threads", "pub fn builder() -> bool { std::thread::Builder::new().spawn(|| ()).is_ok() }"),
    ("environment", "pub fn environment() -> bool { std::env::var_os(\"x\").is_some() }"),
    ("processes", "pub fn processes() -> bool { std::process::Command::new(\"x\").spawn().is_ok() }"),
    ("printing", "pub fn printing() { println!(\"x\"); }"),
    (
        "randomness",
        "pub fn randomness() -> std::collections::HashMap<u8, u8> { std::collections::HashMap::new() }",
    ),
];

/// Crates that must give symbols: those with code of their own.
const SPEAKING: &[&str] = &["inbetween", "inbetween-card", "inbetween-flow", "inbetween-infer"];

/// `.ci/purity-allow.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowances {
    allow: Vec<Allowance>,
}

/// Calls that one crate contains and the core does not make.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowance {
    #[serde(rename = "crate")]
    krate: String,
    /// How the symbols begin.
    symbols: Vec<String>,
    why: String,
}

/// The libraries hold to the list; the plants are found; no symbols are a failure.
pub fn run(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    tally.check("symbols of the release libraries", product(repo));
    match planted(repo) {
        Ok(results) => {
            for (plant, result) in results {
                tally.check(&format!("symbols: planted `{plant}` is found"), result);
            }
        }
        Err(why) => tally.fail(format!("symbols: plants: {why:#}")),
    }
    tally.check("symbols: an empty library is a failure", empty(repo));
    tally
}

/// What a library contains.
#[derive(Debug, Default)]
struct Symbols {
    count: usize,
    /// Forbidden symbols with their group.
    forbidden: BTreeMap<String, &'static str>,
}

fn product(repo: &Repo) -> Result<()> {
    let allowances: Allowances =
        toml::from_str(&repo.read(".ci/purity-allow.toml")?).context(".ci/purity-allow.toml")?;
    let mut libraries = Vec::new();
    for (krate, path) in below_facade(repo)? {
        libraries.push((krate, read(&path)?));
    }
    let findings = judge(&libraries, &allowances.allow, SPEAKING);
    if !findings.is_empty() {
        bail!("{} findings\n    {}", findings.len(), findings.join("\n    "));
    }
    let count: usize = libraries.iter().map(|(_, s)| s.count).sum();
    eprintln!("  symbols: {} libraries, {count} symbols", libraries.len());
    Ok(())
}

/// What is wrong with `libraries` (crate and symbols), given what is allowed and which crates must have symbols.
fn judge(libraries: &[(String, Symbols)], allowed: &[Allowance], speaking: &[&str]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut unused: BTreeSet<(&str, &str)> =
        allowed.iter().flat_map(|a| a.symbols.iter().map(|s| (&*a.krate, &**s))).collect();
    for (krate, symbols) in libraries {
        for (symbol, group) in &symbols.forbidden {
            let of_crate = allowed.iter().filter(|a| a.krate == *krate);
            match of_crate.flat_map(|a| &a.symbols).find(|s| symbol.starts_with(&***s)) {
                Some(entry) => _ = unused.remove(&(&**krate, &**entry)),
                None => findings.push(format!("{krate}: {group}: {symbol}")),
            }
        }
    }
    for krate in speaking {
        if libraries.iter().filter(|(k, _)| k == krate).all(|(_, s)| s.count == 0) {
            findings.push(format!("{krate}: no symbols; the check sees nothing"));
        }
    }
    for (krate, symbol) in unused {
        findings.push(format!(".ci/purity-allow.toml: {krate} does not contain {symbol} any more"));
    }
    for bare in allowed.iter().filter(|a| a.why.split_whitespace().count() < 3) {
        findings.push(format!(".ci/purity-allow.toml: {} gives no reason", bare.krate));
    }
    findings
}

fn read(path: &Path) -> Result<Symbols> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let archive = ArchiveFile::parse(&*bytes).with_context(|| format!("{} is no library", path.display()))?;
    let mut symbols = Symbols::default();
    for member in archive.members() {
        let data = member?.data(&*bytes)?;
        let Ok(object) = object::File::parse(data) else { continue }; // the crate's metadata
        for symbol in object.symbols() {
            let name = symbol.name().unwrap_or_default();
            if name.is_empty() {
                continue;
            }
            symbols.count += 1;
            // `<std::time::Instant>::now` is `std::time::Instant::now`, whatever the mangling.
            let name = format!("{:#}", rustc_demangle::demangle(name)).replace(['<', '>', '&'], "");
            if let Some((group, path)) = forbidden(&name) {
                symbols.forbidden.insert(path.to_owned(), group);
            }
        }
    }
    Ok(symbols)
}

/// The group of a symbol, and the forbidden path in it: `<std::fs::File as Read>::read` has `std::fs::File as Read`.
fn forbidden(symbol: &str) -> Option<(&'static str, &str)> {
    let inside = |prefix: &str| {
        symbol.match_indices(prefix).find_map(|(at, _)| {
            let before = symbol[..at].chars().next_back();
            let begins = !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
            begins.then(|| symbol[at..].split([',', '{']).next().unwrap_or_default())
        })
    };
    FORBIDDEN.iter().find_map(|(group, prefixes)| {
        let found = prefixes.iter().find_map(|prefix| {
            if prefix.contains("::") { inside(prefix) } else { (symbol == *prefix).then_some(symbol) }
        });
        Some((*group, found?))
    })
}

/// Builds each plant as a release library and looks for it.
fn planted(repo: &Repo) -> Result<Vec<(&'static str, Result<()>)>> {
    let mut results = Vec::new();
    let scratch = Scratch::new(repo, "symbols")?;
    for (group, function) in PLANTS {
        let symbols = build(&scratch, function)?;
        let found = symbols.forbidden.values().any(|g| g == group);
        let result = if found { Ok(()) } else { Err(anyhow::anyhow!("found only {:?}", symbols.forbidden)) };
        results.push((*function, result));
    }
    let clean = build(&scratch, "pub fn clean(x: u32) -> String { x.to_string() }")?;
    let result = if clean.forbidden.is_empty() && clean.count > 0 {
        Ok(())
    } else {
        Err(anyhow::anyhow!("{clean:?}"))
    };
    results.push(("nothing", result));
    Ok(results)
}

fn build(scratch: &Scratch, function: &str) -> Result<Symbols> {
    scratch.write("probe/src/lib.rs", &format!("#[inline(never)]\n{function}\n"))?;
    let end = scratch.cargo(
        &["build", "--release", "--package", "probe", "--message-format=json-render-diagnostics"],
        &[],
    )?;
    must_pass(&end)?;
    let library = end.lines.iter().find_map(|line| library(&serde_json::from_str(line).ok()?));
    read(&library.context("the probe gave no library")?)
}

/// A library without symbols must not pass for a clean one.
fn empty(repo: &Repo) -> Result<()> {
    let path = repo.target.join("purity/empty.rlib");
    fs::write(&path, "!<arch>\n")?;
    let libraries = [("inbetween-flow".to_owned(), read(&path)?)];
    if judge(&libraries, &[], &["inbetween-flow"]).is_empty()
        || judge(&[], &[], &["inbetween-flow"]).is_empty()
    {
        bail!("an empty archive passes for a library");
    }
    fs::write(&path, "")?;
    if read(&path).is_ok() {
        bail!("an empty file passes for a library");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_fall_into_their_groups() {
        let group = |symbol: &str| forbidden(symbol).map(|(group, _)| group);
        assert_eq!(group("std::fs::File::open_c"), Some("files"));
        assert_eq!(group("std::time::Instant::now"), Some("clock"));
        assert_eq!(group("str as std::net::socket_addr::ToSocketAddrs::to_socket_addrs"), Some("sockets"));
        assert_eq!(group("core::ptr::drop_in_place std::fs::File"), Some("files"));
        assert_eq!(group("open64"), Some("files"));
        assert_eq!(group("opening"), None);
        assert_eq!(group("core::net::ip_addr::Ipv4Addr::is_private"), None);
        assert_eq!(group("my::std::fs::lookalike"), None);
        assert_eq!(
            forbidden("std::fs::File as std::io::Read::read,x"),
            Some(("files", "std::fs::File as std::io::Read::read"))
        );
    }

    #[test]
    fn findings_allowances_and_stale_allowances() {
        let symbols = |forbidden: &[&str]| Symbols {
            count: 9,
            forbidden: forbidden.iter().map(|s| ((*s).to_owned(), "files")).collect(),
        };
        let libraries =
            [("a".to_owned(), symbols(&["std::fs::read::inner"])), ("b".to_owned(), symbols(&[]))];
        let allow = |krate: &str, why: &str| {
            [Allowance {
                krate: krate.to_owned(),
                symbols: vec!["std::fs::read".to_owned()],
                why: why.to_owned(),
            }]
        };
        assert_eq!(judge(&libraries, &[], &[]), ["a: files: std::fs::read::inner"]);
        assert!(judge(&libraries, &allow("a", "reads folders of models"), &["a"]).is_empty());
        assert_eq!(
            judge(&libraries, &allow("b", "reads folders of models"), &[]).len(),
            2,
            "finding and stale"
        );
        assert_eq!(judge(&libraries, &allow("a", "why"), &[]).len(), 1, "no reason");
        assert_eq!(judge(&[("a".to_owned(), Symbols::default())], &[], &["a"]).len(), 1, "no symbols");
    }
}
