//! The header of a bundle: 75 public bytes (`FORMAT.md`, "Bundle").

use crate::cbor;
use crate::crypto::digest::sha256;
use crate::crypto::id::DomainId;
use crate::crypto::key::AccessKey;
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, Result};
use crate::kinds::FileKind;
use crate::limits::{LEDGER_VERSION, STATE_REVISION, SUITE};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

/// These bytes are the same in every revision, so that an unknown revision does not look like damage.
pub(crate) const HEADER_LENGTH: usize = 75;
/// The self-described CBOR tag, 55799 (RFC 8949 §3.4.6).
const TAG: [u8; 3] = [0xd9, 0xd9, 0xf7];
/// The length of the header's own hash, with the head of its byte string.
const CHECK: usize = 9;

impl FileKind {
    /// The kind of file that these first bytes begin, if any. The rest of it may still be damaged.
    pub fn of(start: &[u8]) -> Option<Self> {
        let is = |file_kind: &Self| start.len() >= HEADER_LENGTH && Header::may_begin(*file_kind, start);
        [Self::Bundle, Self::Ledger].into_iter().find(is)
    }

    fn magic(self) -> &'static str {
        match self {
            FileKind::Bundle => "lifeboat",
            FileKind::Ledger => "lbledger",
        }
    }

    /// The number after the state revision: how such a file is written.
    fn version(self) -> u8 {
        match self {
            FileKind::Bundle => SUITE,
            FileKind::Ledger => LEDGER_VERSION,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub file_kind: FileKind,
    pub domain_id: DomainId,
    pub commitment: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct Fields<'a>(&'a str, u8, u8, ByteArray<16>, ByteArray<32>, ByteArray<8>);

impl Header {
    /// Whether these first bytes, at most a header's, can belong to this kind of file.
    pub fn may_begin(file_kind: FileKind, bytes: &[u8]) -> bool {
        let begin = [&TAG[..], &[0x86, 0x68], file_kind.magic().as_bytes()].concat();
        bytes.iter().zip(&begin).all(|(byte, expected)| byte == expected)
    }

    /// The header of all files of this kind and domain.
    pub fn of(keys: &DomainKeys) -> Self {
        Self { file_kind: keys.file_kind, domain_id: keys.domain_id, commitment: *keys.commitment }
    }

    pub fn encode(&self) -> Vec<u8> {
        let fields = |check| {
            Fields(
                self.file_kind.magic(),
                STATE_REVISION,
                self.file_kind.version(),
                ByteArray::new(self.domain_id.0),
                ByteArray::new(self.commitment),
                check,
            )
        };
        let mut header = [&TAG[..], &cbor::to_vec(&fields(ByteArray::new([0; 8])))].concat();
        let check = check_of(&header);
        let at = header.len() - check.len();
        header[at..].copy_from_slice(&check);
        header
    }

    /// # Errors
    /// Corrupt when the bytes are no header or are damaged; unsupported when they are a sound header of another
    /// revision.
    pub fn decode(file_kind: FileKind, bytes: &[u8; HEADER_LENGTH]) -> Result<Self> {
        if !Self::may_begin(file_kind, bytes) {
            return Err(not_of(file_kind, bytes));
        }
        if bytes[HEADER_LENGTH - 8..] != check_of(bytes) {
            return Err(Error::corrupt("the header is damaged: its hash is wrong"));
        }
        let (revision, version) = (bytes[13], bytes[14]);
        if (revision, version) != (STATE_REVISION, file_kind.version()) {
            return Err(Error::unsupported(match file_kind {
                FileKind::Bundle => format!(
                    "a bundle of state revision {revision} and suite {version}; this version reads {STATE_REVISION} and \
                     {SUITE}: use a newer one"
                ),
                FileKind::Ledger => format!("a ledger of state revision {revision} and version {version}"),
            }));
        }
        let Fields(_, _, _, domain_id, commitment, _) = cbor::from_slice(&bytes[TAG.len()..], "the header")?;
        Ok(Self { file_kind, domain_id: DomainId(*domain_id), commitment: *commitment })
    }
}

/// The error when the key did not seal the file of this header.
pub(crate) fn wrong_key(key: &AccessKey) -> Error {
    Error::wrong_key(format!("this {} did not make this bundle; nothing was opened", key.kind_name()))
}

/// Why these first bytes do not belong to this kind of file.
pub(crate) fn not_of(file_kind: FileKind, bytes: &[u8]) -> Error {
    let is = |file_kind| bytes.len() == HEADER_LENGTH && Header::may_begin(file_kind, bytes);
    match file_kind {
        FileKind::Bundle if is(FileKind::Ledger) => {
            Error::mismatch("this is a ledger, not a bundle: it remembers digests and holds no rows; give the bundle")
        }
        FileKind::Bundle => Error::corrupt("this is not a Lifeboat bundle, or its first bytes are damaged"),
        FileKind::Ledger if is(FileKind::Bundle) => {
            Error::mismatch("this is a bundle, not a ledger; give a bundle as the base")
        }
        FileKind::Ledger => Error::corrupt("this is not a Lifeboat ledger, or its first bytes are damaged"),
    }
}

fn check_of(header: &[u8]) -> [u8; 8] {
    let mut check = [0; 8];
    check.copy_from_slice(&sha256(&header[..header.len() - CHECK])[..8]);
    check
}
