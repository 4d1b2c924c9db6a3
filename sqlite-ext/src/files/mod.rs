//! Files: what is at a path, what may take its place, and how.
//!
//! ```text
//!   regular     opens regular files, and nothing on which it would wait
//!   found       what is at a path that is to be written to
//!   guard       what may take its place: one table for bundles, ledgers and databases
//!   identity    two names of one file
//!   database    databases that this connection has open, or anybody else
//!   successor   whether a bundle goes on where the one that it replaces ended
//!   atomic      a file that appears complete or not at all
//!   owner       whose the file is that takes the place of another
//!   leftovers   files in the making that a killed process left
//!   names       names that come from elsewhere, as names of files
//!   folder      a folder of files that appears complete or not at all
//!   bundle      where a bundle is put: all of this together
//! ```

mod atomic;
mod bundle;
mod database;
mod folder;
mod found;
mod guard;
mod identity;
mod leftovers;
mod names;
mod owner;
mod regular;
mod successor;

pub(crate) use atomic::{Access, AtomicFile, Existing, resolve, sync, sync_directory};
pub(crate) use bundle::BundleTarget;
pub(crate) use database::refuse_in_use;
#[cfg(unix)]
pub(crate) use folder::MODE;
pub(crate) use folder::{Folder, make_directory};
pub(crate) use found::{Call as FoundCall, Found, Whose, refuse_database};
pub(crate) use guard::{Guard, Writing};
pub(crate) use identity::{beside, is_one_file};
pub(crate) use names::{escaped, folded, is_plain};
pub(crate) use regular::{NotOpened, open, try_open_unlinked};
