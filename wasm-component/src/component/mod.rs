//! The component itself: the interface of `wit/recovery.wit`, on WebAssembly only.

mod copies;
mod exports;
mod losses;
mod machine;
pub(crate) mod memory;

#[allow(missing_docs, clippy::all)]
mod bindings {
    wit_bindgen::generate!({ world: "lifeboat", path: "../wit" });
}
