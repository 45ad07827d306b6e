//! How the library is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // What `cargo pgrx schema` reads is in a section that nothing refers to. cargo-pgrx has a flag of the compiler for that, with
    // which everything is compiled again that the tests need, too; ./dev turns it off.
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|now| now == value);
    if is("CARGO_CFG_TARGET_FAMILY", "unix") && !is("CARGO_CFG_TARGET_OS", "macos") {
        println!("cargo::rustc-link-arg-cdylib=-Wl,--no-gc-sections");
    }
}
