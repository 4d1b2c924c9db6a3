//! A bundle that is read once, from its first byte to its last.

use crate::files;
use crate::sql::arguments::Bundle;
use lifeboat_core::{Error, Result};
use lifeboat_store::read::BundleReader;
use std::fs::File;
use std::io::{self, Read};

/// How many bytes of a bundle are read at once.
const PIECE: usize = 1 << 20;

/// A bundle to read, once, from its beginning.
pub(crate) enum Input<'a> {
    /// A bundle that the caller holds.
    Bytes(&'a [u8]),
    /// A file, with its name for errors.
    File(File, String),
    /// One in a store, and how far it was read.
    Stored(BundleReader, u64),
}

impl<'a> Input<'a> {
    /// # Errors
    /// Host when the file cannot be opened.
    pub fn open(bundle: &Bundle<'a>) -> Result<Self> {
        match bundle {
            Bundle::Bytes(bytes) => Ok(Self::Bytes(bytes)),
            Bundle::File(path) => Ok(Self::File(files::open(path, "bundle")?, path.display().to_string())),
            Bundle::Stored(stored) => Ok(Self::Stored(stored.reader.clone(), 0)),
        }
    }

    /// The next piece in `buffer`, or the slice itself. Empty at the end.
    pub fn next<'b>(&'b mut self, buffer: &'b mut Vec<u8>) -> Result<&'b [u8]> {
        match self {
            Self::Bytes(bytes) => {
                let (piece, rest) = bytes.split_at(bytes.len().min(PIECE));
                *bytes = rest;
                Ok(piece)
            }
            Self::File(file, name) => {
                reserve(buffer, name)?;
                loop {
                    match file.read(buffer) {
                        Ok(length) => return Ok(&buffer[..length]),
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => {
                            let refused = Error::host(format!("reading the bundle '{name}': {error}"));
                            return Err(refused.caused_by(error));
                        }
                    }
                }
            }
            Self::Stored(reader, at) => {
                reserve(buffer, "of the store")?;
                let length = usize::try_from(reader.length() - *at).map_or(PIECE, |left| left.min(PIECE));
                reader.read_at(*at, &mut buffer[..length])?;
                *at += length as u64;
                Ok(&buffer[..length])
            }
        }
    }

    /// Hands on piece after piece until the end.
    pub fn read_all(&mut self, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut buffer = Vec::new();
        loop {
            match self.next(&mut buffer)? {
                [] => return Ok(()),
                piece => take(piece)?,
            }
        }
    }
}

/// Makes room for a piece.
fn reserve(buffer: &mut Vec<u8>, name: &str) -> Result<()> {
    let missing = PIECE - buffer.len().min(PIECE);
    buffer
        .try_reserve_exact(missing)
        .map_err(|_| Error::no_memory(format!("there is no memory to read the bundle '{name}'")))?;
    buffer.resize(PIECE, 0);
    Ok(())
}
