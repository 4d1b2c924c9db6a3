//! Memory whose size a bundle or a database decides, and large buffers. Where there is not enough memory, the caller
//! gets an error, and the process goes on.
//!
//! Short pieces (a key, a name, a message) are allocated as usual. Where many of them add up, the code asks an
//! [`Allowance`]. Code that takes a large piece leaves some memory for short ones: so the large request fails, and not
//! the next short one.

use crate::error::{Error, Result};

/// A piece of this size is large.
const LARGE: usize = 64 << 10;
/// The memory that must be left after a large piece was taken.
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

/// A buffer with this many zeros.
///
/// # Errors
/// As [`copy`].
pub(crate) fn zeros(length: usize, what: &str) -> Result<Vec<u8>> {
    let mut zeros = with_room(length, what)?;
    zeros.resize(length, 0);
    Ok(zeros)
}

/// An empty vector with room for this many items.
///
/// # Errors
/// As [`copy`].
pub(crate) fn with_room<T>(length: usize, what: &str) -> Result<Vec<T>> {
    let mut items = Vec::new();
    items.try_reserve_exact(length).map_err(|_| none(what))?;
    leave_some(items.capacity() * size_of::<T>(), what)?;
    Ok(items)
}

/// Checks that enough memory is left after a piece of this size was taken.
fn leave_some(taken: usize, what: &str) -> Result<()> {
    if taken >= LARGE { room(LEFT, what) } else { Ok(()) }
}

/// Makes room for this many more bytes at the end.
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

/// Checks that this many bytes are free now. For the moment before many small allocations that come to this
/// total.
///
/// # Errors
/// As [`copy`].
pub(crate) fn room(bytes: usize, what: &str) -> Result<()> {
    let mut tried = Vec::<u8>::new();
    tried.try_reserve_exact(bytes).map_err(|_| none(what))?;
    // A compiler may remove an allocation that is freed unused.
    std::hint::black_box(&mut tried);
    Ok(())
}

/// How much an allowance asks for at once, for many small allocations.
const STEP: usize = 256 << 10;

/// Checks now and then that there is memory for many small allocations.
pub(crate) struct Allowance {
    left: usize,
    what: &'static str,
}

impl Allowance {
    /// `what` names what is held.
    pub fn new(what: &'static str) -> Self {
        Self { left: 0, what }
    }

    /// Call this before allocations that come to about this many bytes.
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
