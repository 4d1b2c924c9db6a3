//! The pages of a database at the moment of a read transaction, read as SQLite's own handles give them.

use super::index_header::IndexHeader;
use super::{Doubt, log};
use crate::ffi::connection::Connection;
use crate::ffi::raw_file::{SharedIndex, read_at};
use crate::ffi::sqlite_error;
use std::collections::HashMap;
use std::rc::Rc;

/// The bytes of pages that are held.
const HELD_MAX: usize = 8 << 20;

/// The most pages that are read for one look.
const READS_MAX: usize = 100_000;
/// The most pages that are asked for, read or held. Pages that lead to one another in a circle never end.
const ASKED_MAX: usize = 10_000_000;

/// Reads pages. It holds the last ones.
pub(super) struct Pages<'c> {
    connection: &'c Connection<'c>,
    index: SharedIndex<'c>,
    header: IndexHeader,
    held: HashMap<u32, Rc<[u8]>>,
    /// How many more may be read.
    left: usize,
    /// How many more may be asked for.
    left_to_ask: usize,
}

impl<'c> Pages<'c> {
    /// `header`: that of the transaction, which must be open.
    pub fn new(connection: &'c Connection<'c>, index: SharedIndex<'c>, header: IndexHeader) -> Self {
        Self { connection, index, header, held: HashMap::new(), left: READS_MAX, left_to_ask: ASKED_MAX }
    }

    /// The index again, after the last page.
    pub fn into_index(self) -> SharedIndex<'c> {
        self.index
    }

    /// The number of pages.
    pub fn count(&self) -> u32 {
        self.header.pages()
    }

    /// # Errors
    /// Doubt for a page that is not there, or cannot be read.
    pub fn read(&mut self, number: u32) -> Result<Rc<[u8]>, Doubt> {
        if number == 0 || number > self.count() {
            return Err(Doubt("a page refers to one that is not there"));
        }
        const TOO_MANY: Doubt = Doubt("too many pages would be read");
        self.left_to_ask = self.left_to_ask.checked_sub(1).ok_or(TOO_MANY)?;
        if let Some(page) = self.held.get(&number) {
            return Ok(Rc::clone(page));
        }
        self.left = self.left.checked_sub(1).ok_or(TOO_MANY)?;
        let size = self.header.page_size();
        let mut page = vec![0; size];
        // A page with a frame is never read from the file: a checkpoint may write it there at any time. All others stay
        // as they are while the transaction is open.
        match log::frame_of(&mut self.index, number, self.header.frames())? {
            Some(frame) => log::read_frame(self.connection, frame, &mut page)?,
            None => {
                let offset = i64::from(number - 1) * size as i64;
                if read_at(self.connection, offset, &mut page) != Some(sqlite_error::OK) {
                    return Err(Doubt("a page cannot be read"));
                }
            }
        }
        let page: Rc<[u8]> = page.into();
        if (self.held.len() + 1) * size > HELD_MAX {
            self.held.clear();
        }
        self.held.insert(number, Rc::clone(&page));
        Ok(page)
    }
}
