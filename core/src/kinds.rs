//! What a file is, what a chunk holds, and how it is packed.

use crate::{Error, Result};

/// The kind of file that a header begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A bundle.
    Bundle,
    /// A ledger: digests in place of rows.
    Ledger,
}

/// What a chunk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkKind {
    /// Whole changes.
    Changes,
    /// A piece of one change that is too large for a chunk; the next chunk goes on with it.
    Part,
    /// The last piece of such a change.
    LastPart,
    /// A page of the index.
    IndexPage,
}

impl ChunkKind {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Changes => 0,
            Self::Part => 1,
            Self::LastPart => 2,
            Self::IndexPage => 3,
        }
    }

    pub(crate) fn from_number(number: u8) -> Result<Self> {
        match number {
            0 => Ok(Self::Changes),
            1 => Ok(Self::Part),
            2 => Ok(Self::LastPart),
            3 => Ok(Self::IndexPage),
            other => Err(Error::corrupt(format!("a chunk of kind {other}, which suite 1 does not have"))),
        }
    }
}

/// How the plaintext of a chunk is packed before it is sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As it is. For tables into which strangers write beside secrets: the length of a compressed chunk tells something
    /// about its content (`SECURITY.md`).
    None,
    /// zstd, where that is shorter.
    #[default]
    Zstd,
}
