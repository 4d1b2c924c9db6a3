//! Bytes at any place, from which chains, single rows and bases of deltas are read. A bundle that comes once, from its
//! beginning, does not need this ([`Restore`](crate::stream::Restore)).

use crate::error::{Error, Result};

/// The bytes of a bundle. A caller may read any part, more than once.
///
/// What is read is compared with hashes that were checked before. So a file that changes meanwhile is noticed.
pub trait Source {
    /// The number of bytes.
    fn length(&self) -> Result<u64>;

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// Truncated when there are fewer bytes; host.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()>;
}

/// Of several kinds, behind one pointer.
impl Source for Box<dyn Source + Send> {
    fn length(&self) -> Result<u64> {
        (**self).length()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        (**self).read(offset, buffer)
    }
}

/// The same, of what is used on one thread.
impl Source for Box<dyn Source + '_> {
    fn length(&self) -> Result<u64> {
        (**self).length()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        (**self).read(offset, buffer)
    }
}

impl<T: AsRef<[u8]>> Source for T {
    fn length(&self) -> Result<u64> {
        Ok(self.as_ref().len() as u64)
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let start = usize::try_from(offset).ok();
        let range = start.and_then(|start| Some(start..start.checked_add(buffer.len())?));
        let bytes = range.and_then(|range| self.as_ref().get(range));
        buffer.copy_from_slice(bytes.ok_or_else(|| Error::truncated("the bundle ends before what its footer lists"))?);
        Ok(())
    }
}
