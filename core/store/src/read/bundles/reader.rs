//! One bundle as bytes at any place.

use super::fetch::Threads;
use lifeboat_core::Result;
use lifeboat_core::chain::Source;
use std::rc::Rc;
use std::sync::Arc;

/// How much is handed on at one time.
const PIECE: u64 = 1 << 20;

/// One bundle. Clones share what was fetched.
///
/// A chain or a lookup reads from it as a [`Source`]. A read that goes on where another ended fetches ahead, in several
/// pieces at once, and the pieces grow up to 2 MiB. A read elsewhere fetches the items that it touches. A wait of
/// [`Source::read`] ends when the other side answers or its time is over; [`BundleReader::interruptible`] ends it
/// earlier.
#[derive(Clone)]
pub struct BundleReader {
    threads: Arc<Threads>,
    bundle: usize,
}

impl BundleReader {
    pub(super) fn new(threads: Arc<Threads>, bundle: usize) -> Self {
        Self { threads, bundle }
    }

    /// How many bytes it has, as a signed record says.
    pub fn length(&self) -> u64 {
        self.threads.0.bundles[self.bundle].object.length
    }

    /// Hands on the whole bundle, from its first byte to its last.
    ///
    /// # Errors
    /// Those of `take`, and of reading: see [`BundleReader::read_at`].
    pub fn read_all(&self, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let (mut at, mut buffer) = (0, vec![0; usize::try_from(PIECE.min(self.length())).unwrap_or(0)]);
        while at < self.length() {
            let piece = usize::try_from(PIECE.min(self.length() - at)).unwrap_or(0);
            self.read_at(at, &mut buffer[..piece])?;
            take(&buffer[..piece])?;
            at += piece as u64;
        }
        Ok(())
    }

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// Truncated when the bundle has fewer bytes. When no copy gives them: unreachable if a copy that did not answer
    /// may have them, else corrupt; the text says what each copy said. Too big when there is no memory.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.threads.0.read(self.bundle, offset, buffer, &|| false)
    }

    /// Ends the waits of all readers of these bundles, on all threads, with an error of the kind interrupted.
    pub fn interrupt(&self) {
        self.threads.0.cancel.interrupt();
    }

    /// The same bundle, but its waits end when `ask` says so. `ask` is called each 10 ms, on the thread that reads.
    pub fn interruptible<'a>(&self, ask: Rc<dyn Fn() -> bool + 'a>) -> Interruptible<'a> {
        Interruptible { reader: self.clone(), ask }
    }
}

impl Source for BundleReader {
    fn length(&self) -> Result<u64> {
        Ok(self.length())
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.read_at(offset, buffer)
    }
}

/// A bundle whose reads end when the application wants to stop, with an error of the kind interrupted.
#[derive(Clone)]
pub struct Interruptible<'a> {
    reader: BundleReader,
    ask: Rc<dyn Fn() -> bool + 'a>,
}

impl Source for Interruptible<'_> {
    fn length(&self) -> Result<u64> {
        Ok(self.reader.length())
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.reader.threads.0.read(self.reader.bundle, offset, buffer, &*self.ask)
    }
}
