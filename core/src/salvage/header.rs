//! The keys of a bundle whose header is damaged. All 75 bytes of a header follow from the key and the id of the domain.
//! So a header is made again, and a hash or a signature proves that it is the lost one.

use crate::crypto::digest::sha256;
use crate::crypto::id::DomainId;
use crate::crypto::key::AccessKey;
use crate::crypto::schedule::DomainKeys;
use crate::format::header::{HEADER_LENGTH, Header};
use crate::kinds::FileKind;

/// The places of the domain's id and of the commitment in a header.
const DOMAIN_ID: std::ops::Range<usize> = 16..32;
const COMMITMENT: std::ops::Range<usize> = 34..66;

/// The domain that most exports use, as they name no other.
const DEFAULT_DOMAIN: &str = "default";

/// The keys with which the bundle may have been made. They are those of the domain whose id is in the damaged header,
/// and those of the key's own domain or of the default one.
pub(crate) fn candidates(key: &AccessKey, damaged: &[u8; HEADER_LENGTH]) -> Vec<DomainKeys> {
    let own = match key {
        AccessKey::Recovery(key) => key.domain_id(DEFAULT_DOMAIN).ok(),
        AccessKey::Write(key) => Some(key.domain_id),
        AccessKey::Read(key) => Some(key.domain_id),
    };
    let mut ids = vec![part(damaged, DOMAIN_ID).map(DomainId), own];
    ids.dedup();
    ids.into_iter().flatten().filter_map(|id| key.keys(id).ok()).collect()
}

/// SHA-256 of the header of these keys.
pub(crate) fn hash_of(keys: &DomainKeys) -> [u8; 32] {
    sha256(&Header::of(keys).encode())
}

/// Whether a header with the id and the commitment of this damaged one has this hash. Then both are right.
pub(crate) fn is_proven(damaged: &[u8; HEADER_LENGTH], hash: &[u8; 32]) -> bool {
    let (Some(domain_id), Some(commitment)) = (part(damaged, DOMAIN_ID), part(damaged, COMMITMENT)) else {
        return false;
    };
    let header = Header { file_kind: FileKind::Bundle, domain_id: DomainId(domain_id), commitment };
    sha256(&header.encode()) == *hash
}

fn part<const N: usize>(header: &[u8; HEADER_LENGTH], range: std::ops::Range<usize>) -> Option<[u8; N]> {
    header.get(range)?.try_into().ok()
}
