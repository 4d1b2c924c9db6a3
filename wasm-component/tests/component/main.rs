//! The built component in a real runtime. Needs the build of `dist/` first (`make dist`).

#[macro_use]
mod host;
mod hostile;
mod recovery;
