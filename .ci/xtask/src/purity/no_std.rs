//! Purity 1: the policy crate and all that it depends on do without std.
//! **Invariant:** no target without std need be installed: the probe brings its own `panic_impl`, of which there can
//! be only one, so the compiler refuses the probe as soon as any crate below it links std.
//! It does not run the probe; it is only checked.

use anyhow::{Result, bail};

use super::scratch::{Scratch, must_fail, must_pass};
use crate::{repo::Repo, report::Tally};

const MANIFEST: &str = "[package]\nname = \"probe\"\nedition = \"2024\"\n\n[dependencies]\ninbetween-flow.workspace = true\n\n[lib]\ncrate-type = [\"staticlib\"]\n";

const PROBE: &str = "#![no_std]
extern crate inbetween_flow;
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
struct None;
unsafe impl core::alloc::GlobalAlloc for None {
    unsafe fn alloc(&self, _: core::alloc::Layout) -> *mut u8 {
        core::ptr::null_mut()
    }
    unsafe fn dealloc(&self, _: *mut u8, _: core::alloc::Layout) {}
}
#[global_allocator]
static ALLOCATOR: None = None;
";

/// The crate says `no_std`; it holds for the whole tree; two plants are refused.
pub fn run(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    tally.check("flow says #![no_std]", declares(repo));
    tally.check("flow and its dependencies build without std", probe(repo, None, &[]));
    let clock = "/// Planted.\npub fn planted() -> std::time::Instant {\n    std::time::Instant::now()\n}";
    tally.check("planted clock in flow is refused", probe(repo, Some(clock), &["E0433"]));
    let std = "extern crate std;\n/// Planted.\npub fn planted() -> std::time::Instant {\n    std::time::Instant::now()\n}";
    tally.check(
        "planted `extern crate std` in flow is refused",
        probe(repo, Some(std), &["E0152", "panic_impl"]),
    );
    tally
}

fn declares(repo: &Repo) -> Result<()> {
    let root = repo.read("core/flow/src/lib.rs")?;
    let lines: Vec<&str> = root.lines().collect();
    if !lines.contains(&"#![no_std]") {
        bail!("core/flow/src/lib.rs lacks #![no_std]");
    }
    for (index, line) in lines.iter().enumerate() {
        if line.contains("extern crate std") && (index == 0 || lines[index - 1] != "#[cfg(test)]") {
            bail!("core/flow/src/lib.rs:{}: std outside tests", index + 1);
        }
    }
    Ok(())
}

fn probe(repo: &Repo, plant: Option<&str>, reasons: &[&str]) -> Result<()> {
    let scratch = Scratch::new(repo, "no_std")?;
    scratch.write("probe/Cargo.toml", MANIFEST)?;
    scratch.write("probe/src/lib.rs", PROBE)?;
    if let Some(text) = plant {
        scratch.plant("core/flow/src/lib.rs", text)?;
    }
    let end = scratch.cargo(&["check", "--package", "probe"], &[])?;
    if plant.is_some() { must_fail(&end, reasons) } else { must_pass(&end) }
}
