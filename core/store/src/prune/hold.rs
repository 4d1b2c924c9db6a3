//! The bytes of a bundle while it is deleted. They are what can be put back.

use crate::read::wait::Pace;
use crate::scrub::context::time_for;
use crate::{Result, Store, StoreError};
use lifeboat_core::chain::Source;
use lifeboat_core::{Error, Result as CoreResult};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

/// A bundle up to this size is held in memory; a larger one in a file of the system's directory for such files. That file
/// has no name, or none that outlives this process: the system takes it back, however the process ends.
const IN_MEMORY: u64 = 8 << 20;
/// How many bytes are read at once.
const PIECE: u64 = 2 << 20;

/// The bytes of one bundle.
pub(super) enum Held {
    Bytes(Vec<u8>),
    File { file: Mutex<File>, length: u64 },
}

impl Held {
    /// Reads a bundle.
    ///
    /// # Errors
    /// Those of the store; full or unreachable when the file cannot be written.
    pub fn read(store: &dyn Store, name: &str, length: u64, pace: &Pace) -> Result<Self> {
        if length <= IN_MEMORY {
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
            store.get(name, 0, &mut bytes, &pace.cancel.within(time_for(length, pace.patience)))?;
            return Ok(Self::Bytes(bytes));
        }
        let mut file = tempfile::tempfile().map_err(not_held)?;
        let (mut buffer, mut at) = (vec![0; usize::try_from(PIECE).unwrap_or(0)], 0);
        while at < length {
            let piece = PIECE.min(length - at);
            let bytes = &mut buffer[..usize::try_from(piece).unwrap_or(0)];
            store.get(name, at, bytes, &pace.cancel.within(time_for(piece, pace.patience)))?;
            file.write_all(bytes).map_err(not_held)?;
            at += piece;
        }
        Ok(Self::File { file: Mutex::new(file), length })
    }
}

fn not_held(error: std::io::Error) -> StoreError {
    let text = format!("a bundle cannot be held in a temporary file while it is deleted: {error}");
    match error.kind() {
        std::io::ErrorKind::StorageFull => StoreError::full(text),
        _ => StoreError::unreachable(text),
    }
}

impl Source for Held {
    fn length(&self) -> CoreResult<u64> {
        Ok(match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        })
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> CoreResult<()> {
        match self {
            Self::Bytes(bytes) => bytes.as_slice().read(offset, buffer),
            Self::File { file, .. } => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(buffer));
                read.map_err(|error| Error::host(format!("a temporary file cannot be read: {error}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cancel;
    use crate::drivers::memory::MemoryStore;
    use std::time::Duration;

    #[test]
    fn a_large_bundle_is_held_in_a_file() {
        let store = MemoryStore::new("memory");
        let pace = Pace { cancel: Cancel::never(), patience: Duration::from_secs(20) };
        for length in [0, 1, IN_MEMORY, IN_MEMORY + 1, IN_MEMORY + PIECE + 5] {
            let bytes: Vec<u8> = (0..length).map(|place| (place % 251) as u8).collect();
            store.set("bundle", Some(&bytes));
            let held = Held::read(&store, "bundle", length, &pace).unwrap();
            store.set("bundle", None);
            assert_eq!(Source::length(&held).unwrap(), length);
            store.put("bundle", &held, &Cancel::never()).unwrap();
            assert!(store.bytes("bundle").unwrap() == bytes);
            assert_eq!(matches!(held, Held::File { .. }), length > IN_MEMORY);
            // A process that is killed leaves nothing: the file has no name.
            #[cfg(unix)]
            if let Held::File { file, .. } = &held {
                let metadata = file.lock().unwrap().metadata().unwrap();
                assert_eq!(std::os::unix::fs::MetadataExt::nlink(&metadata), 0);
            }
            // It is shorter than its record says.
            assert!(Held::read(&store, "bundle", length + IN_MEMORY, &pace).is_err());
        }
    }
}
