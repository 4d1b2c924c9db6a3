//! The index: an entry for each chunk, and a summary (`FORMAT.md`, "Index").

use crate::digest::Total;
use crate::{Error, Result, cbor, limits};
use serde::{Deserialize, Serialize};

/// The last item of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub domain: String,
    pub base: Total,
    pub target: Total,
    pub chunks: u64,
    pub changes: u64,
}

#[derive(Serialize, Deserialize)]
struct Fields<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>, Total, Total, u64, u64);

impl Summary {
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(&Fields(self.domain.as_str().into(), self.base, self.target, self.chunks, self.changes))
    }

    pub fn decode(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > limits::SUMMARY_MAX {
            return Err(Error::too_big("the summary of the index is longer than it can be"));
        }
        let Fields(domain, base, target, chunks, changes) = cbor::from_slice(bytes, "the summary of the index")?;
        Ok(Self { domain: domain.into_owned(), base, target, chunks, changes })
    }
}
