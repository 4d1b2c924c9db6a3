//! A series in one store: its newest records, the bundles of a path, and what is known of its lines.
//!
//! ```text
//! look     what one list shows of a copy
//! known    records that were read, and which of them are ends
//! object   an object of a store as bytes at any place
//! path     the bundles in a copy that lead to a state
//! ```

mod known;
mod look;
mod object;
mod path;

pub(crate) use known::{Ends, Known};
pub(crate) use look::{FIRST_PAGE, Look, Remembered, each_newer, is_pruned, look, named, read_record, read_record_of};
pub(crate) use object::ObjectSource;
pub(crate) use path::{Records, path_to};
