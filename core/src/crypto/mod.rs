//! Keys, and what is computed with them.
//!
//! ```text
//! key        the keys that people hold; key_text: their text
//! id         ids of states and of domains, and their text
//! schedule   recovery key → write key → read key, and the keys of a domain
//! domain     a domain for which bundles are made
//! digest     digests of items, sums of them, the id of a state
//! hmac       HMAC-SHA-256 of many messages that begin alike; short ones: short_mac
//! siv_batch  AES-SIV for several chunks at once
//! ```

pub(crate) mod digest;
pub(crate) mod domain;
pub(crate) mod hmac;
pub(crate) mod id;
pub(crate) mod key;
pub(crate) mod key_text;
pub(crate) mod schedule;
pub(crate) mod short_mac;
pub(crate) mod siv_batch;
