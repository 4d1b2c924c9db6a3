#![doc = include_str!("../README.md")]
//!
//! ## How it is built
//!
//! ```text
//!   a state (StateSink)                                                                     a state (StateSink)
//!        │ export/items   items → canonical changes         changes → items                       ▲ restore/decoder
//!        │ export/chunk   changes → plain chunks            plain chunks → changes                │ read/change_reader
//!        │ format/seal    compress, pad, encrypt            decrypt, unpad, decompress            │ format/seal
//!        ▼ export/writer  header, chunks, index, footer     split, hash, check the footer         │ read/reader
//!     bytes               ──────────────── one bundle ────────────────                          bytes
//!
//! state    what a state is                          crypto   keys, digests, ids
//! format   the bytes of a bundle, part by part      chain    bundles read at any place, and several together
//! export   from a state to bytes                    restore  from bytes to a state
//! read     one bundle, from its first byte to its last
//! log      what stands beside bundles: signed records of their order, names, ways to a state
//! ```
//!
//! [`Export`] and [`BundleWriter`] are the way out, [`Restore`] (an [`Opener`] and a [`Decoder`]) the way back, and
//! [`Audit`] checks a bundle without a key. The halves can run on two threads.
#![cfg_attr(not(test), forbid(unsafe_code))]

mod alloc;
mod cbor;
mod chain;
mod crypto;
mod error;
#[cfg(test)]
#[path = "../tests/support/evidence.rs"]
mod evidence;
mod export;
mod format;
mod kinds;
pub mod limits;
pub mod log;
mod read;
mod restore;
mod state;
#[cfg(test)]
mod tests;

pub use chain::base::Base;
pub use chain::bundle::Bundle;
pub use chain::continuity::{Continuity, continuity};
pub use chain::links::{Chain, Deltas, check_links};
pub use chain::rows::{Diff, RowDifference, StoredRow, TableRows};
pub use chain::source::Source;
pub use crypto::domain::Domain;
pub use crypto::id::{DomainId, StateId};
pub use crypto::key::{AccessKey, ReadKey, RecoveryKey, VerifyKey, WriteKey};
pub use crypto::key_text::KeyKind;
pub use crypto::schedule::DomainKeys;
pub use error::{Error, ErrorKind, Result};
pub use export::chunk::{ExportOptions, ExportTotals, PlainChunk};
pub use export::compose::Composed;
pub use export::encoder::{Encoded, Encoder};
pub use export::items::Export;
pub use export::state_digest::StateDigest;
pub use export::writer::{BundleSummary, BundleWriter};
pub use kinds::{ChunkKind, Compression, FileKind};
pub use read::reader::{Audit, DigestsAhead, Opened, Place, PublicReport};
pub use restore::decoder::{Decoder, Report};
pub use restore::delta_buffer::DeltaIntake;
pub use restore::opener::{Discard, LookAhead, Opener, Restore};
pub use state::selection::Selection;
pub use state::sink::{SchemaKind, SchemaRow, Settings, StateSink, is_system_table};
pub use state::value::{Key, TextEncoding, Value};

/// The revision of states: ids, order and encoding of items.
pub const STATE_REVISION: u8 = 1;
/// The version of ledgers (`LEDGER.md`).
pub const LEDGER_VERSION: u8 = 1;
/// The revision of bundles: cutting, compression, seal and signature.
pub const SUITE: u8 = 1;
