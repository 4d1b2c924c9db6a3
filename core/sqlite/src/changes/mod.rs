//! Which rows can have changed since an earlier export, by the pages that the write-ahead log got since. `QUICK.md` has
//! the rules, and why they hold.
//!
//! ```text
//! index_header   how far the log goes, as all readers see it
//! log            the pages between two moments, each frame checked
//! pages          any page at the moment of a transaction
//! tree           the rows that a page has a part in
//! find           all of it together: the touched rows
//! ```

mod find;
mod index_header;
mod log;
mod pages;
mod tree;

use crate::ffi::connection::Connection;
use crate::ffi::raw_file::SharedIndex;
use index_header::IndexHeader;
use lifeboat_core::state::SchemaRow;
use std::collections::BTreeMap;

/// Why the touched rows cannot be known. Then all rows are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt(pub &'static str);

/// Where the write-ahead log ended, before a read transaction began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnd(IndexHeader);

impl LogEnd {
    /// Where the log of the main database ends now. The connection must have read that database before, and no
    /// transaction may be open on it. None: it cannot be told (no write-ahead log, an empty one, one whose index is not
    /// shared, a VFS without shared memory, a commit just now).
    pub fn now(connection: &Connection<'_>) -> Option<Self> {
        let is_idle = connection.autocommit()
            && connection.txn_state(None).is_ok_and(|state| state.is_none_or(|state| state == 0));
        if is_idle { Self::read(connection) } else { None }
    }

    fn read(connection: &Connection<'_>) -> Option<Self> {
        IndexHeader::read(&mut SharedIndex::of(connection)?).map(Self)
    }
}

/// A moment of a database, to which a later one is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    end: IndexHeader,
    /// A column that was added has a value in each row, and no page of the table tells.
    schema: Vec<SchemaRow>,
    /// The root pages of the tables with rowids.
    roots: BTreeMap<String, u32>,
}

/// The checksum of the log and of its index, gone on from `sum`.
fn checksum(sum: [u32; 2], pairs: impl Iterator<Item = [u32; 2]>) -> [u32; 2] {
    pairs.fold(sum, |[first, second], [a, b]| {
        let first = first.wrapping_add(a).wrapping_add(second);
        [first, second.wrapping_add(b).wrapping_add(first)]
    })
}
