//! Runs every stage under a tool that counts: callgrind on x86-64, an emulator's plugin on 64-bit ARM.
//! **Invariant:** only what is inside `counted` counts, on one thread, after the stage has run a few times.
//! It does not count by itself: `cargo xtask bench counts` starts it and reads what the tool wrote.
//!
//! Every stage is run and checked, or those of the groups that are named; `--plant STAGE N` adds N turns of a loop to one.
//! `--list` prints the names in the order of the regions, `--graph` what the demo's model takes, `--boxes` what it finds in
//! some frames, all as JSON.
#![allow(missing_docs, clippy::print_stdout)] // a tool

use std::{hint::black_box, process::ExitCode};

use inbetween::{CancelToken, Detection, Value};
use inbetween_bench::{
    scenes,
    stages::{self, Stage},
};
use inbetween_sim::SceneSpec;
use serde_json::json;

/// Steps before the one that counts, and one more that the tool follows: memory is allocated and caches are warm by then.
const WARM: usize = 3;

/// The region.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    mark::begin();
    work();
    mark::end();
}

/// Marks that real processors run as no operation.
#[cfg(target_arch = "aarch64")]
mod mark {
    use std::arch::asm;

    /// The plugin needs no time to get ready.
    pub fn ready() {}

    /// The plugin starts from zero.
    pub fn begin() {
        // SAFETY: a hint that no processor defines does nothing.
        unsafe { asm!("hint #126", options(preserves_flags, nostack)) }
    }

    /// The plugin writes what it has counted.
    pub fn end() {
        // SAFETY: as above.
        unsafe { asm!("hint #127", options(preserves_flags, nostack)) }
    }
}

/// Requests to callgrind, which processors run as no operation: rotations by 128 bits in all, and an exchange of a register
/// with itself.
///
/// # Source
/// `valgrind.h` and `callgrind.h` of Valgrind, for amd64.
#[cfg(target_arch = "x86_64")]
mod mark {
    use std::arch::asm;

    /// `VG_USERREQ_TOOL_BASE('C', 'T')`.
    const BASE: u64 = 0x4354_0000;
    const DUMP_STATS: u64 = BASE;
    const ZERO_STATS: u64 = BASE + 1;
    const START_INSTRUMENTATION: u64 = BASE + 4;
    const STOP_INSTRUMENTATION: u64 = BASE + 5;

    #[inline]
    fn request(code: u64) {
        let arguments = [code, 0, 0, 0, 0, 0];
        // SAFETY: under valgrind the arguments are read; otherwise nothing happens. `rdi` is as before in the end.
        unsafe {
            asm!(
                "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
                in("rax") arguments.as_ptr(), inout("rdx") 0_u64 => _, options(nostack)
            );
        }
    }

    /// Callgrind follows the program from here on: its caches get warm.
    pub fn ready() {
        request(START_INSTRUMENTATION);
    }

    /// Callgrind starts from zero.
    pub fn begin() {
        request(ZERO_STATS);
    }

    /// Callgrind writes what it has counted, and leaves the program alone.
    pub fn end() {
        request(DUMP_STATS);
        request(STOP_INSTRUMENTATION);
    }
}

#[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
mod mark {
    pub fn ready() {}
    pub fn begin() {}
    pub fn end() {}
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).filter(|a| *a != "--bench").collect();
    let done = match words[..] {
        ["--list", ref groups @ ..] => list(groups),
        ["--graph"] => graph(),
        ["--boxes"] => boxes(),
        ["--plant", stage, turns, ref groups @ ..] => run(groups, stage, turns.parse().unwrap_or(0)),
        ref groups => run(groups, "", 0),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(groups: &[&str], planted: &str, turns: u64) -> anyhow::Result<()> {
    for mut stage in stages::of(groups)? {
        let turns = if stage.name == planted { turns } else { 0 };
        for _ in 0..WARM {
            stage.step(&mut |work| work())?;
        }
        mark::ready();
        stage.step(&mut |work| work())?;
        stage.step(&mut |work| {
            counted(&mut || {
                work();
                for turn in 0..turns {
                    black_box(turn);
                }
            });
        })?;
    }
    Ok(())
}

fn list(groups: &[&str]) -> anyhow::Result<()> {
    let names: Vec<String> = stages::of(groups)?.into_iter().map(|Stage { name, .. }| name).collect();
    println!("{}", json!(names));
    Ok(())
}

fn graph() -> anyhow::Result<()> {
    let model = stages::demo_model()?;
    let work = model.work();
    println!(
        "{}",
        json!({
            "macs": work.macs, "weight_bytes": work.weight_bytes, "activation_bytes": work.activation_bytes,
            "kernels": model.kernels(),
        })
    );
    Ok(())
}

/// `[x0, y0, x1, y1, score]` of what the demo's model finds in frames of its scene, surest first.
fn boxes() -> anyhow::Result<()> {
    let mut runner = stages::demo_model()?.runner()?;
    let mut scene = SceneSpec::parse(scenes::DEMO)?.build(1);
    let mut all = Vec::new();
    for index in (0..scene.frames()).step_by(60) {
        let Value::Boxes(mut found) = runner.run(&scene.frame(index).as_frame(), &CancelToken::new())? else {
            anyhow::bail!("the demo's model gives no boxes");
        };
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        let numbers = |d: &Detection| [d.bounds.x0, d.bounds.y0, d.bounds.x1, d.bounds.y1, d.score];
        all.push(found.iter().map(numbers).collect::<Vec<_>>());
    }
    println!("{}", json!(all));
    Ok(())
}
