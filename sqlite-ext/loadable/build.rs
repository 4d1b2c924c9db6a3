//! What the linker has to be told.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Else the file would be known by the path at which it was built.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "macos") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/liblifeboat.dylib");
    }
}
