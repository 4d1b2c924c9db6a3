//! The built component in a real runtime. Needs the build of `dist/` first (`make dist`).

mod bundles;
#[macro_use]
mod host;
mod chains;
mod copies;
mod hostile;
// Without Lifeboat's own code, as the tests of the hosts have it.
#[path = "../../../host-tests/src/items.rs"]
mod items;
mod recovery;
mod salvage;
