//! Purity 2: every crate under core/ forbids unsafe code.
//! **Invariant:** what is compiled are the crate's own attributes, so an attribute that has no effect is found.
//! It does not build the crates: their attributes over one planted function are enough.

use anyhow::Result;

use super::scratch::{Scratch, must_fail, must_pass};
use crate::{repo::Repo, report::Tally};

/// Each crate's attributes accept a safe function and refuse an unsafe one.
pub fn run(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    let members = match repo.members() {
        Ok(members) => members,
        Err(why) => {
            tally.fail(format!("{why:#}"));
            return tally;
        }
    };
    for folder in members.iter().filter(|m| core_crate(m)) {
        tally.check(&format!("{folder} forbids unsafe code"), forbids(repo, folder));
    }
    tally
}

/// Whether a workspace member is under core/.
pub fn core_crate(folder: &str) -> bool {
    folder == "core" || folder.starts_with("core/")
}

fn forbids(repo: &Repo, folder: &str) -> Result<()> {
    let attributes = inner_attributes(&repo.read(format!("{folder}/src/lib.rs"))?);
    let scratch = Scratch::new(repo, "attributes")?;
    let root = "probe/src/lib.rs";
    scratch.write(root, &format!("//! Probe.\n{attributes}\n/// Safe.\npub fn safe() {{}}\n"))?;
    must_pass(&scratch.cargo(&["check", "--package", "probe"], &[])?)?;
    scratch.plant(root, "/// Unsafe.\n#[allow(unsafe_code)]\npub fn planted(p: &u8) -> u8 {\n    unsafe { *core::ptr::from_ref(p) }\n}")?;
    must_fail(&scratch.cargo(&["check", "--package", "probe"], &[])?, &["unsafe_code"])
}

/// The `#![…]` attributes at the head of a crate's root.
pub fn inner_attributes(text: &str) -> String {
    let mut kept = Vec::new();
    let mut open = false;
    for line in text.lines() {
        open |= line.trim_start().starts_with("#![");
        if open {
            kept.push(line);
            let code = line.split("//").next().unwrap_or(line).trim_end();
            open = !code.ends_with(']');
        }
    }
    kept.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_taken_whole() {
        let text = "//! Doc.\n#![no_std]\n#![forbid(\n    unsafe_code, // why\n    a::b\n)]\nextern crate alloc;\n#[cfg(test)]\nmod t;";
        assert_eq!(inner_attributes(text), "#![no_std]\n#![forbid(\n    unsafe_code, // why\n    a::b\n)]");
    }

    #[test]
    fn crates_under_core_are_told_apart() {
        assert!(core_crate("core") && core_crate("core/flow") && !core_crate("benches"));
    }
}
