//! The steady-state purity test: warms an engine up, gives up all system calls but those for memory, runs 1,000 frames.
//! **Invariant:** it ends with code 0 only after all frames, with runs, skips and answers among them.
//! It does not print once the filter is on: the way it ends is what it says. `cargo xtask test purity` reads it.
//!
//! With an argument it does one forbidden thing after the frames, and must be killed for it.

mod session;

use std::process::ExitCode;

/// Frames before the filter: long enough that all that is learnt and grown has been.
const WARM_UP: u32 = 600;

/// Frames under the filter.
const STEADY: u32 = 1_000;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let plant = std::env::args().nth(1);
    let Some(mut session) = session::Session::new() else { return ExitCode::from(2) };
    session.run(WARM_UP);
    if let Err(why) = linux::give_up() {
        eprintln!("cannot give up system calls: {why}");
        return ExitCode::from(3);
    }
    session.run(STEADY);
    let code = if session.did_everything() { 0 } else { 4 };
    match plant.as_deref() {
        None => {}
        Some("clock-call") => linux::clock_call(),
        Some("clock") => _ = std::hint::black_box(std::time::Instant::now()),
        Some("file") => _ = std::hint::black_box(std::fs::File::open("/dev/null").is_ok()),
        Some("socket") => _ = std::hint::black_box(std::net::UdpSocket::bind("127.0.0.1:0").is_ok()),
        Some("thread") => _ = std::thread::Builder::new().spawn(|| ()).is_ok(),
        Some("print") => eprintln!("planted"),
        Some(_) => linux::end(5),
    }
    linux::end(code)
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("the filter exists on Linux only");
    ExitCode::from(77)
}

#[cfg(target_os = "linux")]
mod linux {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

    /// From here on any system call kills the process, but for memory and for the end; so does reading the
    /// processor's time stamp, on which clocks that need no system call are built.
    pub fn give_up() -> Result<(), seccompiler::Error> {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: two integers to the kernel; no memory is passed.
        unsafe {
            libc::prctl(libc::PR_SET_TSC, libc::PR_TSC_SIGSEGV, 0, 0, 0);
        }
        let calls = [
            libc::SYS_brk,
            libc::SYS_mmap,
            libc::SYS_munmap,
            libc::SYS_mremap,
            libc::SYS_mprotect,
            libc::SYS_madvise,
            libc::SYS_exit_group,
        ];
        let filter = SeccompFilter::new(
            calls.into_iter().map(|call| (call, Vec::new())).collect(),
            SeccompAction::KillProcess,
            SeccompAction::Allow,
            std::env::consts::ARCH.try_into()?,
        )?;
        let program: BpfProgram = filter.try_into()?;
        seccompiler::apply_filter(&program)
    }

    /// Reads the clock through the kernel.
    pub fn clock_call() {
        // SAFETY: a `timespec` is plain integers, and the kernel writes one to the pointer that it is given.
        unsafe {
            let mut time: libc::timespec = std::mem::zeroed();
            libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_MONOTONIC, &raw mut time);
        }
    }

    /// Ends at once, without what a runtime does at exit.
    pub fn end(code: i32) -> ! {
        // SAFETY: takes an integer and does not return.
        unsafe { libc::_exit(code) }
    }
}
