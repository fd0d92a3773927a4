//! The generator of `uniffi`, at exactly the version of the scaffolding in `inbetween-ffi`.
//! **Invariant:** what it writes depends on the library that it reads and on `bindings/bindgen.toml`, nothing else.
//! It does not build the library: `cargo xtask bindings LANGUAGE` does both.

fn main() {
    uniffi::uniffi_bindgen_main();
}
