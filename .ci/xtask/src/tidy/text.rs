//! Rules for any tracked file: length, size, and strings that must not be in it.
//! **Invariant:** the forbidden strings are put together here, so that this file does not contain them.
//! It does not look into binary files.

use super::{Exceptions, File};

/// Lines that a source file aims at.
pub const AIM: usize = 400;

/// Lines past which a source file is a defect (as above).
const LIMIT: usize = 600;

/// Bytes past which a tracked file belongs in a release or a package instead.
const LARGEST: usize = 1 << 20;

/// Source files are at most `LIMIT` lines.
pub fn length(files: &[File], except: &Exceptions) -> Vec<String> {
    let source = |f: &&File| ["rs", "py", "kt", "swift", "sh"].iter().any(|e| f.is(e));
    let excepted = |f: &&File| except.long.iter().any(|l| l.path == f.path);
    files
        .iter()
        .filter(|f| source(f) && !excepted(f))
        .map(|f| (f, f.text.lines().count()))
        .filter(|(_, lines)| *lines > LIMIT)
        .map(|(f, lines)| format!("{}: {lines} lines; split it (the limit is {LIMIT})", f.path))
        .collect()
}

/// Tracked files are small.
pub fn size(files: &[File], _: &Exceptions) -> Vec<String> {
    files
        .iter()
        .filter(|f| f.text.len() > LARGEST)
        .map(|f| format!("{}: {} bytes; the limit is {LARGEST}", f.path, f.text.len()))
        .collect()
}

/// No absolute path of the machine that something was made on.
pub fn machine_paths(files: &[File], _: &Exceptions) -> Vec<String> {
    const PLACES: &[&str] = &[
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/tmp/w", "t/"),
        concat!("/tmp/tar", "get"),
        concat!("/Use", "rs/"),
        concat!("../sha", "red"),
    ];
    contains(files, PLACES, |_| false)
}

/// No host of a package registry, but where a format needs it.
pub fn registry_hosts(files: &[File], _: &Exceptions) -> Vec<String> {
    const HOSTS: &[&str] = &[
        concat!("crates", ".io"),
        concat!("pypi", ".org"),
        concat!("pythonhosted", ".org"),
        concat!("npmjs", ".org"),
        concat!("npmjs", ".com"),
        concat!("maven", ".org"),
        concat!("maven", ".apache.org"),
        concat!("maven", ".google.com"),
        concat!("deb.debian", ".org"),
        concat!("golang", ".org"),
    ];
    contains(files, HOSTS, |path| {
        ["Cargo.lock", "package-lock.json", "pom.xml", "settings.gradle.kts"]
            .iter()
            .any(|n| path.ends_with(n))
    })
}

fn contains(files: &[File], words: &[&str], excepted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|f| !excepted(&f.path)) {
        for (index, line) in file.text.lines().enumerate() {
            for word in words.iter().filter(|w| line.contains(**w)) {
                findings.push(format!("{}:{}: contains {word}", file.path, index + 1));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::Long;

    #[test]
    fn long_files_are_found_unless_excepted() {
        let files = [File::new("a.rs", &"x\n".repeat(601)), File::new("b.txt", &"x\n".repeat(9999))];
        assert_eq!(length(&files, &Exceptions::default()).len(), 1);
        let long = vec![Long { path: "a.rs".into(), why: "a table".into() }];
        assert!(length(&files, &Exceptions { long, ..Exceptions::default() }).is_empty());
        assert!(length(&[File::new("a.rs", &"x\n".repeat(600))], &Exceptions::default()).is_empty());
    }

    #[test]
    fn large_files_are_found() {
        let files = [File::new("a.onnx", &"?".repeat(LARGEST + 1)), File::new("b", "small")];
        assert_eq!(size(&files, &Exceptions::default()).len(), 1);
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        let planted = File::new("a.md", concat!("fine\nsee /ho", "me/me/x"));
        assert_eq!(
            machine_paths(&[planted], &Exceptions::default()),
            [concat!("a.md:2: contains /ho", "me/")]
        );
        assert!(machine_paths(&[File::new("a.md", "target/debug, ~/x")], &Exceptions::default()).is_empty());
    }

    #[test]
    fn registry_hosts_are_found_but_in_lock_files() {
        let text = concat!("registry = \"https://index.crates", ".io\"");
        assert_eq!(registry_hosts(&[File::new("a.toml", text)], &Exceptions::default()).len(), 1);
        assert!(
            registry_hosts(&[File::new("core/fuzz/Cargo.lock", text)], &Exceptions::default()).is_empty()
        );
    }
}
