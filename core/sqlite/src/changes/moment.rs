//! Where the pages of a moment lie.

use super::index_header::{self, IndexHeader};
use super::{Doubt, log};
use crate::ffi::connection::Connection;
use crate::ffi::raw_file::SharedIndex;

/// The pages that a read transaction sees. All pages without a frame up to the end of the log are read from the file.
/// While the transaction is open, these stay as they are: in a rollback mode by its lock, and with a log by the mark that
/// keeps a checkpoint away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// The end of the log. None: there is no log, or it is empty.
    pub end: Option<IndexHeader>,
    /// The same, if some pages must be read from the log. None: all pages lie in the file. So it is, too, when a checkpoint
    /// has brought all frames there. Then others may begin the log anew meanwhile.
    pub log: Option<IndexHeader>,
    pub page_size: usize,
    pub pages: u32,
}

impl Moment {
    /// That of the open transaction. `end`: where its log ends. None: SQLite does not tell the number or the size of its
    /// pages.
    pub fn of(connection: &Connection<'_>, end: Option<IndexHeader>) -> Option<Self> {
        if let Some(header) = end.filter(|header| header.frames() > 0) {
            let backfilled = SharedIndex::of(connection).and_then(|mut index| index_header::backfilled(&mut index));
            let is_in_file = backfilled.is_some_and(|frames| frames >= header.frames());
            let log = (!is_in_file).then_some(header);
            return Some(Self { end, log, page_size: header.page_size(), pages: header.pages() });
        }
        let pragma = |name: &str| connection.query_i64(&format!("PRAGMA main.{name}")).ok();
        let page_size = usize::try_from(pragma("page_size")?).ok()?;
        Some(Self { end: None, log: None, page_size, pages: u32::try_from(pragma("page_count")?).ok()? })
    }

    /// The index of the log, for those pages that have frames.
    ///
    /// # Errors
    /// Doubt where it cannot be read any more.
    pub fn index<'c>(&self, connection: &'c Connection<'c>) -> Result<Option<SharedIndex<'c>>, Doubt> {
        let Some(_) = self.log else { return Ok(None) };
        SharedIndex::of(connection).map(Some).ok_or(Doubt("the write-ahead log has no shared index"))
    }

    /// Checks that what was read of the log in this transaction was the log of this moment: it may have gone on, but
    /// nobody began it anew.
    ///
    /// # Errors
    /// Doubt.
    pub fn check_log(&self, connection: &Connection<'_>, index: Option<SharedIndex<'_>>) -> Result<(), Doubt> {
        let (Some(end), Some(mut index)) = (&self.log, index) else { return Ok(()) };
        if IndexHeader::read(&mut index).is_some_and(|now| now.may_follow(end))
            && log::salts(connection)? == end.salts()
        {
            return Ok(());
        }
        Err(Doubt("the write-ahead log began anew"))
    }
}
