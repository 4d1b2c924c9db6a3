#![doc = include_str!("../README.md")]
//!
//! ## How it is built
//!
//! ```text
//! place     the name of a store (`dir:…`, `volume:…`, `s3://…`), copies, and which state is meant
//! store     what every store can do, and how it fails
//! cancel    a deadline and an interrupt, for each wait; locks: which locks on files can be believed
//! drivers   the stores
//! series    a series in one store: its newest records, and the bundles of a path
//! save      one save to all copies
//! read      a series from all of its copies: records, paths, bundles by ranges
//! scrub     all copies checked, and healed from one another
//! ```
#![forbid(unsafe_code)]

mod cancel;
pub mod drivers;
mod locks;
mod name;
mod place;
pub mod read;
pub mod save;
pub mod scrub;
mod series;
mod store;

pub use cancel::Cancel;
pub use locks::locks_tell;
pub use place::{Identity, Place, Places, S3Place, Selector, date_text, is_store, parse_date};
pub use store::{Entry, LIST_MAX, NAME_MAX, Put, Result, Store, StoreError, StoreErrorKind};
