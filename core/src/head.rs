//! The head of a bundle: 75 public bytes (`FORMAT.md`, "Head").

use crate::digest::sha256;
use crate::{DomainId, Error, Result, STATE_REVISION, SUITE, cbor};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

/// The same in every revision, so that damage is told apart from an unknown revision.
pub(crate) const HEAD_LENGTH: usize = 75;
/// The self-described CBOR tag, 55799 (RFC 8949 §3.4.6).
const TAG: [u8; 3] = [0xd9, 0xd9, 0xf7];
/// The length of the head's own hash, with the head of its byte string.
const CHECK: usize = 9;

/// What a head begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A bundle.
    Bundle,
    /// A ledger: digests in place of rows.
    Ledger,
}

impl Form {
    /// What these first bytes of a file begin, if anything. Whether the rest of it is sound is another question.
    pub fn of(start: &[u8]) -> Option<Self> {
        let is = |form: &Self| start.len() >= HEAD_LENGTH && Head::may_begin(*form, start);
        [Self::Bundle, Self::Ledger].into_iter().find(is)
    }

    fn magic(self) -> &'static str {
        match self {
            Form::Bundle => "lifeboat",
            Form::Ledger => "lbledger",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub form: Form,
    pub domain_id: DomainId,
    pub commitment: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct Fields<'a>(&'a str, u8, u8, ByteArray<16>, ByteArray<32>, ByteArray<8>);

impl Head {
    /// Whether these first bytes, at most a head's, can be those of this form.
    pub fn may_begin(form: Form, bytes: &[u8]) -> bool {
        let begin = [&TAG[..], &[0x86, 0x68], form.magic().as_bytes()].concat();
        bytes.iter().zip(&begin).all(|(byte, expected)| byte == expected)
    }

    pub fn encode(&self) -> Vec<u8> {
        let fields = |check| {
            Fields(
                self.form.magic(),
                STATE_REVISION,
                SUITE,
                ByteArray::new(self.domain_id.0),
                ByteArray::new(self.commitment),
                check,
            )
        };
        let mut head = [&TAG[..], &cbor::to_vec(&fields(ByteArray::new([0; 8])))].concat();
        let check = check_of(&head);
        let at = head.len() - check.len();
        head[at..].copy_from_slice(&check);
        head
    }

    /// # Errors
    /// Corrupt when the bytes are no head or are damaged; unsupported when they are a sound head of another revision.
    pub fn decode(form: Form, bytes: &[u8; HEAD_LENGTH]) -> Result<Self> {
        if !Self::may_begin(form, bytes) {
            return Err(not_of(form, bytes));
        }
        if bytes[HEAD_LENGTH - 8..] != check_of(bytes) {
            return Err(Error::corrupt("the head is damaged: its hash is wrong"));
        }
        let (revision, suite) = (bytes[13], bytes[14]);
        if (revision, suite) != (STATE_REVISION, SUITE) {
            return Err(Error::unsupported(format!(
                "a bundle of state revision {revision} and suite {suite}; this version reads {STATE_REVISION} and {SUITE}: use a newer one"
            )));
        }
        let Fields(_, _, _, domain_id, commitment, _) = cbor::from_slice(&bytes[TAG.len()..], "the head")?;
        Ok(Self { form, domain_id: DomainId(*domain_id), commitment: *commitment })
    }
}

/// Why these first bytes are not those of this form.
pub(crate) fn not_of(form: Form, bytes: &[u8]) -> Error {
    let is = |form| bytes.len() == HEAD_LENGTH && Head::may_begin(form, bytes);
    match form {
        Form::Bundle if is(Form::Ledger) => {
            Error::mismatch("this is a ledger, not a bundle: it remembers digests and holds no rows; give the bundle")
        }
        Form::Bundle => Error::corrupt("this is not a Lifeboat bundle, or its first bytes are damaged"),
        Form::Ledger if is(Form::Bundle) => {
            Error::mismatch("this is a bundle, not a ledger; a bundle is given as the base")
        }
        Form::Ledger => Error::corrupt("this is not a Lifeboat ledger, or its first bytes are damaged"),
    }
}

fn check_of(head: &[u8]) -> [u8; 8] {
    let mut check = [0; 8];
    check.copy_from_slice(&sha256(&head[..head.len() - CHECK])[..8]);
    check
}
