//! A bundle in memory that will be a BLOB of SQLite. It is no longer than a BLOB may be.

use lifeboat_core::{Error, Result};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// The limit, and whether it was reached.
pub(crate) struct Limited {
    limit: usize,
    exceeded: AtomicBool,
}

impl Limited {
    /// At most this many bytes.
    pub fn to(limit: usize) -> Self {
        Self { limit, exceeded: AtomicBool::new(false) }
    }

    /// An empty place to write to.
    pub fn place(&self) -> Place<'_> {
        Place { bytes: Vec::new(), limit: self }
    }

    /// The result of writing. Where there were too many bytes, that is the error. `instead`: the function that
    /// has no such limit.
    pub fn explain<T>(&self, outcome: Result<T>, instead: &str) -> Result<T> {
        match outcome {
            Err(_) if self.exceeded.load(Ordering::Relaxed) => Err(Error::too_big(format!(
                "the bundle has more than {} bytes, SQLite's limit of a BLOB here; use {instead}",
                self.limit
            ))),
            outcome => outcome,
        }
    }
}

/// Takes as many bytes as a BLOB may have.
pub(crate) struct Place<'l> {
    pub bytes: Vec<u8>,
    limit: &'l Limited,
}

impl io::Write for Place<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit.limit - self.bytes.len() {
            self.limit.exceeded.store(true, Ordering::Relaxed);
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.try_reserve(bytes.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
