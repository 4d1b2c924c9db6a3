//! The pages of a database at the moment of a read transaction, read as SQLite's own handles give them.

use super::moment::Moment;
use super::{Doubt, log};
use crate::ffi::connection::Connection;
use crate::ffi::raw_file::{SharedIndex, file_size, read_at};
use crate::ffi::sqlite_error;
use std::collections::HashMap;
use std::rc::Rc;

/// The bytes of pages that are held.
const HELD_MAX: usize = 8 << 20;

/// The most pages that are read for one look.
const READS_MAX: usize = 100_000;
/// The most pages that are asked for, read or held. Pages that lead to one another in a circle never end.
const ASKED_MAX: usize = 10_000_000;

/// After so many pages it is asked whether to go on.
const ASK: u32 = 256;

const UNREADABLE: Doubt = Doubt("a page cannot be read");

/// The first of the bytes that are locked in the file. Nothing else is ever in their page.
const LOCK_BYTE: u64 = 0x4000_0000;

/// The number of that page.
pub(super) fn lock_page(page_size: usize) -> u32 {
    u32::try_from(LOCK_BYTE / page_size as u64).map_or(u32::MAX, |before| before + 1)
}

/// Reads pages. It holds the last ones.
pub(super) struct Pages<'c> {
    connection: &'c Connection<'c>,
    index: Option<SharedIndex<'c>>,
    moment: Moment,
    held: HashMap<u32, Rc<[u8]>>,
    /// How many more may be read.
    left: usize,
    /// How many more may be asked for.
    left_to_ask: usize,
}

impl<'c> Pages<'c> {
    /// `moment`: that of the transaction, which must be open.
    ///
    /// # Errors
    /// Doubt where the index of the log cannot be read.
    pub fn new(connection: &'c Connection<'c>, moment: Moment) -> Result<Self, Doubt> {
        let index = moment.index(connection)?;
        Ok(Self { connection, index, moment, held: HashMap::new(), left: READS_MAX, left_to_ask: ASKED_MAX })
    }

    /// Ends the reading: [`Moment::check_log`].
    ///
    /// # Errors
    /// Doubt whether all pages were of this moment.
    pub fn finish(self) -> Result<(), Doubt> {
        self.moment.check_log(self.connection, self.index)
    }

    /// The number of pages.
    pub fn count(&self) -> u32 {
        self.moment.pages
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
        let size = self.moment.page_size;
        let mut page = vec![0; size];
        // A page with a frame is never read from the file: a checkpoint may write it there at any time.
        let frame = match (&self.moment.log, &mut self.index) {
            (Some(log), Some(index)) => log::frame_of(index, number, log.frames())?,
            _ => None,
        };
        read_page(self.connection, number, frame, &mut page)?;
        let page: Rc<[u8]> = page.into();
        if (self.held.len() + 1) * size > HELD_MAX {
            self.held.clear();
        }
        self.held.insert(number, Rc::clone(&page));
        Ok(page)
    }
}

/// Fills `page` from this frame of the log, or from the file.
fn read_page(connection: &Connection<'_>, number: u32, frame: Option<u32>, page: &mut [u8]) -> Result<(), Doubt> {
    if let Some(frame) = frame {
        return log::read_frame(connection, frame, page);
    }
    let offset = i64::from(number - 1) * page.len() as i64;
    match read_at(connection, offset, page) {
        Some(sqlite_error::OK) => Ok(()),
        _ => Err(UNREADABLE),
    }
}

/// Hands each page of the moment but that of the lock byte to `each`, in order. The transaction must be open. `go_on` is
/// asked from time to time.
///
/// # Errors
/// Doubt for a page that cannot be read, whether all were of this moment, and when it shall not go on.
pub(super) fn read_all(
    connection: &Connection<'_>,
    moment: &Moment,
    go_on: &dyn Fn() -> bool,
    mut each: impl FnMut(u32, &[u8]),
) -> Result<(), Doubt> {
    let (size, mut index) = (moment.page_size, moment.index(connection)?);
    let frames = match (&moment.log, &mut index) {
        (Some(log), Some(index)) => log::frames(index, log.frames(), moment.pages)?,
        _ => Vec::new(),
    };
    let in_file = file_size(connection).ok_or(UNREADABLE)? / size as u64;
    let lock_page = lock_page(size);
    let mut page = vec![0; size];
    for number in 1..=moment.pages {
        if number % ASK == 0 && !go_on() {
            return Err(Doubt("it was interrupted"));
        }
        // On Windows nobody can read what somebody has locked.
        if number == lock_page {
            continue;
        }
        // One page at a time: some VFSes check or change what they read page by page.
        let frame = frames.get(number as usize - 1).copied().filter(|frame| *frame > 0);
        if frame.is_none() && u64::from(number) > in_file {
            // SQLite, too, takes what is behind the end of the file for zeros: pages that were freed before they were
            // written.
            page.fill(0);
        } else {
            read_page(connection, number, frame, &mut page)?;
        }
        each(number, &page);
    }
    moment.check_log(connection, index)
}
