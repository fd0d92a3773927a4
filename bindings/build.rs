//! How the library is linked for Android.
//! **Invariant:** segments are aligned to 16 KiB pages, as Android 15 and newer devices ask.
//! It does not generate code.

#![allow(clippy::print_stdout)] // how a build script speaks

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("android") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,max-page-size=16384");
    }
}
