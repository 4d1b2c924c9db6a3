//! Memory whose size a bundle or a database decides, and large buffers: where there is not enough,
//! the caller gets an error, and the process goes on.
//!
//! What is short (a key, a name, a message) is allocated as usual; where much of it adds up, an
//! [`Allowance`] is asked. And who takes a large piece leaves some memory for what is short: it is
//! then the large request that fails, not the next small one.

use crate::error::{Error, Result};

/// A piece of this size is large.
const LARGE: usize = 64 << 10;
/// What has to be left when a large piece was taken.
const LEFT: usize = 512 << 10;

fn none(what: &str) -> Error {
    Error::no_memory(format!("there is no memory for {what}"))
}

/// A copy of these bytes.
///
/// # Errors
/// Too big when there is no memory; `what` names the bytes.
pub(crate) fn copy(bytes: &[u8], what: &str) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    append(&mut copy, bytes, what)?;
    Ok(copy)
}

/// So many zeros.
///
/// # Errors
/// As [`copy`].
pub(crate) fn zeros(length: usize, what: &str) -> Result<Vec<u8>> {
    let mut zeros = with_room(length, what)?;
    zeros.resize(length, 0);
    Ok(zeros)
}

/// An empty vector with room for so many items.
///
/// # Errors
/// As [`copy`].
pub(crate) fn with_room<T>(length: usize, what: &str) -> Result<Vec<T>> {
    let mut items = Vec::new();
    items.try_reserve_exact(length).map_err(|_| none(what))?;
    leave_some(items.capacity() * size_of::<T>(), what)?;
    Ok(items)
}

/// After a piece of this size was taken.
fn leave_some(taken: usize, what: &str) -> Result<()> {
    if taken >= LARGE { room(LEFT, what) } else { Ok(()) }
}

/// Room for so many more bytes at the end.
///
/// # Errors
/// As [`copy`].
pub(crate) fn reserve(bytes: &mut Vec<u8>, more: usize, what: &str) -> Result<()> {
    let before = bytes.capacity();
    bytes.try_reserve(more).map_err(|_| none(what))?;
    leave_some(bytes.capacity() - before, what)
}

/// Adds bytes to the end.
///
/// # Errors
/// As [`copy`].
pub(crate) fn append(bytes: &mut Vec<u8>, more: &[u8], what: &str) -> Result<()> {
    reserve(bytes, more.len(), what)?;
    bytes.extend_from_slice(more);
    Ok(())
}

/// Adds an item to the end.
///
/// # Errors
/// As [`copy`].
pub(crate) fn push<T>(items: &mut Vec<T>, item: T, what: &str) -> Result<()> {
    let before = items.capacity();
    items.try_reserve(1).map_err(|_| none(what))?;
    leave_some((items.capacity() - before) * size_of::<T>(), what)?;
    items.push(item);
    Ok(())
}

/// That so many bytes could be had now, all at once: before many small allocations that come to as
/// much.
///
/// # Errors
/// As [`copy`].
pub(crate) fn room(bytes: usize, what: &str) -> Result<()> {
    let mut tried = Vec::<u8>::new();
    tried.try_reserve_exact(bytes).map_err(|_| none(what))?;
    // A compiler may leave out what is taken and given back unused.
    std::hint::black_box(&mut tried);
    Ok(())
}

/// How much is asked for at once on behalf of small allocations.
const STEP: usize = 256 << 10;

/// Makes sure now and then that there is memory for many small allocations.
pub(crate) struct Allowance {
    left: usize,
    what: &'static str,
}

impl Allowance {
    /// `what` names what is held.
    pub fn new(what: &'static str) -> Self {
        Self { left: 0, what }
    }

    /// Before allocations that come to about so many bytes.
    ///
    /// # Errors
    /// As [`copy`].
    pub fn take(&mut self, bytes: usize) -> Result<()> {
        if bytes > self.left {
            room(bytes.saturating_add(STEP), self.what)?;
            self.left = bytes.saturating_add(STEP);
        }
        self.left -= bytes;
        Ok(())
    }
}
