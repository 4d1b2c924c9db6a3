//! Which rows can have changed since an earlier export: by the pages that the write-ahead log got since, or by the hashes
//! of all pages. `QUICK.md` has the rules, and why they hold.
//!
//! ```text
//! moment         where the pages of a moment lie
//! index_header   how far the log goes, as all readers see it
//! log            the pages between two moments, each frame checked
//! hashes         a hash of each page, and the pages whose hashes differ
//! pages          any page at the moment of a transaction, or all of them
//! tree           the rows that a page has a part in
//! find           all of it together: the touched rows
//! ```

mod find;
mod hashes;
mod index_header;
mod log;
mod moment;
mod pages;
mod tree;

use crate::ffi::connection::Connection;
use crate::ffi::raw_file::SharedIndex;
pub use find::Found;
use hashes::Hashes;
pub use hashes::PageKey;
use index_header::IndexHeader;
use lifeboat_core::state::{SchemaRow, TextEncoding};
use moment::Moment;
use std::collections::BTreeMap;

/// Why the touched rows cannot be known. Then all rows are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt(pub &'static str);

/// Where the write-ahead log ended, before a read transaction began. None: the database has a rollback journal, and no
/// log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnd(Option<IndexHeader>);

impl LogEnd {
    /// Where the log of the main database ends now. The connection must have read that database before, and no
    /// transaction may be open on it. None: it cannot be told (a log whose index is not shared, a VFS without shared
    /// memory, a commit just now, a database in memory or locked for this connection alone).
    pub fn now(connection: &Connection<'_>) -> Option<Self> {
        let is_idle = connection.autocommit()
            && connection.txn_state(None).is_ok_and(|state| state.is_none_or(|state| state == 0));
        if is_idle { Self::read(connection) } else { None }
    }

    fn read(connection: &Connection<'_>) -> Option<Self> {
        if let Some(mut index) = SharedIndex::of(connection) {
            return IndexHeader::read(&mut index).map(|header| Self(Some(header)));
        }
        let pragma = |name: &str| connection.query_text(&format!("PRAGMA main.{name}")).unwrap_or_default();
        let is_file = connection.file_name("main").is_ok_and(|name| !name.is_empty());
        let has_journal = matches!(pragma("journal_mode").as_str(), "delete" | "truncate" | "persist");
        (is_file && has_journal && pragma("locking_mode") == "normal").then_some(Self(None))
    }
}

/// A moment of a database, to which a later one is compared.
#[derive(Clone, Debug)]
pub struct Mark {
    moment: Moment,
    /// What the bytes of a page mean besides: how many at its end SQLite leaves free, and the encoding of text.
    form: (u8, TextEncoding),
    /// A column that was added has a value in each row, and no page of the table tells.
    schema: Vec<SchemaRow>,
    /// The root pages of the tables with rowids.
    roots: BTreeMap<String, u32>,
    /// Those of the tables that are read as a whole.
    whole: Vec<u32>,
    /// The hashes of all pages, if they are known.
    hashes: Option<Hashes>,
}

impl Mark {
    /// Whether the hash of each page is known.
    pub fn has_hashes(&self) -> bool {
        self.hashes.is_some()
    }

    /// Takes those hashes from another mark that are the same, so that they are in memory once.
    pub fn share(&mut self, other: &Self) {
        if let (Some(hashes), Some(other)) = (&mut self.hashes, &other.hashes) {
            hashes.share(other);
        }
    }
}

/// The checksum of the log and of its index, gone on from `sum`.
fn checksum(sum: [u32; 2], pairs: impl Iterator<Item = [u32; 2]>) -> [u32; 2] {
    pairs.fold(sum, |[first, second], [a, b]| {
        let first = first.wrapping_add(a).wrapping_add(second);
        [first, second.wrapping_add(b).wrapping_add(first)]
    })
}
