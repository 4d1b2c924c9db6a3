//! The built component in a real runtime. Needs the build of `dist/` first (`make dist`).

mod bundles;
#[macro_use]
mod host;
mod chains;
mod hostile;
mod recovery;
