//! The kinds of files, of chunks, and of compression.

use crate::error::{Error, Result};
use crate::limits::EXTENSIONS_MAX;
use std::ops::RangeInclusive;

/// The kind of file that a header begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A bundle.
    Bundle,
    /// A ledger: it has digests in place of rows.
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
    /// What a later version may put beside the changes: kinds 16 to 23. This version writes none, and opens none.
    Extension(u8),
}

/// The kinds of extension chunks.
const EXTENSIONS: RangeInclusive<u8> = 16..=23;

impl ChunkKind {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Changes => 0,
            Self::Part => 1,
            Self::LastPart => 2,
            Self::IndexPage => 3,
            Self::Extension(number) => number,
        }
    }

    pub(crate) fn from_number(number: u8) -> Result<Self> {
        match number {
            0 => Ok(Self::Changes),
            1 => Ok(Self::Part),
            2 => Ok(Self::LastPart),
            3 => Ok(Self::IndexPage),
            number if EXTENSIONS.contains(&number) => Ok(Self::Extension(number)),
            other => Err(Error::corrupt(format!("a chunk of kind {other}, which suite 1 does not have"))),
        }
    }
}

/// Checks that a file of this kind may have this many extension chunks.
///
/// # Errors
/// Corrupt when a ledger has any; too big above the limit.
pub(crate) fn check_extensions(file_kind: FileKind, count: usize) -> Result<()> {
    match file_kind {
        FileKind::Ledger if count > 0 => Err(Error::corrupt("a ledger with an extension chunk")),
        _ if count > EXTENSIONS_MAX => {
            Err(Error::too_big(format!("a bundle of more than {EXTENSIONS_MAX} extension chunks")))
        }
        _ => Ok(()),
    }
}

/// How the plaintext of a chunk is packed before it is sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not compressed. For tables into which strangers write beside secrets: the length of a compressed chunk tells
    /// something about its content (`SECURITY.md`).
    None,
    /// Compressed with zstd, where that is shorter.
    #[default]
    Zstd,
}
