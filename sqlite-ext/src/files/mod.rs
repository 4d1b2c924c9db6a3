//! Files: what exists at a path, what may replace it, and how.
//!
//! ```text
//!   regular     opens regular files, and nothing that it would have to wait for
//!   found       what is at a target path
//!   guard       what may replace it: one table for bundles, ledgers and databases
//!   identity    two names of one file
//!   database    databases that this connection or others have open
//!   successor   whether a bundle goes on where the one that it replaces ended
//!   atomic      a file that appears complete or not at all
//!   owner       the owner of a file that replaces another
//!   leftovers   unfinished files that a killed process left
//!   names       names from elsewhere, as names of files
//!   folder      a folder of files that appears complete or not at all
//!   bundle      the place of a bundle: joins all of this
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

pub use atomic::{Access, AtomicFile, Existing};
pub(crate) use atomic::{io_error, resolve, sync, sync_directory};
pub(crate) use bundle::BundleTarget;
pub(crate) use database::refuse_in_use;
#[cfg(unix)]
pub(crate) use folder::MODE;
pub(crate) use folder::{Folder, make_directory};
pub(crate) use found::{Call as FoundCall, Found, Whose, refuse_database};
pub(crate) use guard::{Guard, Writing};
pub(crate) use identity::{beside, is_one_file};
pub(crate) use names::{escaped, folded, is_plain, no_file_of_windows};
pub(crate) use regular::{NotOpened, open, try_open_unlinked};
