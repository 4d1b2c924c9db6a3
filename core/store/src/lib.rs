#![doc = include_str!("../README.md")]
//!
//! ## How it is built
//!
//! ```text
//! places    the stores that an argument names: one, an array of copies, or a shared configuration
//! reserve   the shared configuration: copies by name, minimum, what a prune keeps. shape: the mistakes in JSON
//! place     the name of one store (`dir:…`, `volume:…`, `s3://…`), and which state is meant; copy_name: what it is called
//! store     what every store can do; error: how it fails
//! cancel    a deadline and an interrupt, for each wait; locks: which locks on files can be believed
//! drivers   the stores. Below them: s3_place (what an `s3://…` says) and identity (whether two names mean one place)
//! series    a series in one store: its newest records, and the bundles of a path
//! files     every operation on a file of local state; rename: another name that lasts; redact: texts without keys;
//!           descriptors: the locks of this process, which a child that is forked gives up
//! events    what is told to somebody who is not there, and limits
//! save      one save to all copies
//! read      a series from all of its copies: records, paths, bundles by ranges
//! scrub     all copies checked, and healed from one another
//! prune     old states deleted, or one copy dropped
//! traffic   how many bytes went to and fro
//! ```
#![forbid(unsafe_code)]

mod cancel;
mod copy_name;
#[cfg(unix)]
mod descriptors;
pub mod drivers;
mod error;
pub mod events;
mod files;
mod identity;
mod locks;
mod name;
mod notes;
mod place;
mod places;
pub mod prune;
pub mod read;
pub mod redact;
mod rename;
mod reserve;
mod s3_place;
pub mod save;
pub mod scrub;
mod series;
pub mod shape;
mod store;
mod traffic;

pub use cancel::Cancel;
pub use copy_name::CopyName;
#[cfg(unix)]
pub use descriptors::close_locks_of_parent;
pub use error::{Result, StoreError, StoreErrorKind};
pub use identity::{Identity, device_and_inode};
pub use locks::locks_tell;
pub use place::{Place, Selector, date_of, date_text, is_store, parse_date};
pub use places::Places;
pub use rename::{rename, rename_new};
pub use reserve::Reserve;
pub use s3_place::S3Place;
pub use store::{Entry, LIST_MAX, NAME_MAX, Put, Store};
pub use traffic::{Traffic, traffic};
