#![doc = include_str!("../README.md")]
//!
//! ## How it is built
//!
//! ```text
//!   a state (StateSink)   rows of a live database                rows for a new database       a state (StateSink)
//!        │ export.rs      items → canonical changes              changes → items                       ▲ decoder.rs
//!        │ tally.rs       digests, sums, the state id            the same, and compared                │ tally.rs
//!        │ chunk.rs       changes → plain chunks                 plain chunks → changes                │ change.rs
//!        │ seal.rs        compress, pad, encrypt                 decrypt, unpad, decompress            │ seal.rs
//!        ▼ writer.rs      head, chunks, index, tail              split, hash, check the tail           │ reader.rs
//!     bytes               ─────────────────── one bundle ───────────────────                        bytes
//! ```
//!
//! [`Export`] and [`BundleWriter`] are the way out, [`Restore`] (an [`Opener`] and a [`Decoder`]) the way back, and
//! [`Audit`] checks a bundle without a key. The halves can run on two threads.
#![cfg_attr(not(test), forbid(unsafe_code))]

mod alone;
mod base;
mod bundle;
mod cbor;
mod chain;
mod change;
mod changes;
mod chunk;
mod compose;
mod composition;
mod cursor;
mod decoder;
mod difference;
mod digest;
mod encoder;
mod error;
#[cfg(test)]
#[path = "../tests/support/evidence.rs"]
mod evidence;
mod export;
mod framing;
mod head;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod hostile_chain;
#[cfg(test)]
mod hostile_memory;
mod index;
mod intake;
mod key;
mod ledger;
#[cfg(test)]
mod limited;
pub mod limits;
mod memory;
mod open_chunk;
mod output;
mod overlay;
mod prefix_mac;
#[cfg(test)]
mod published;
mod reader;
mod restore;
mod rows;
mod rules;
mod schedule;
mod seal;
mod selection;
mod short_mac;
mod side_by_side;
mod source;
mod state;
mod successor;
mod tail;
mod tally;
mod value;
mod writer;
#[cfg(test)]
mod writer_memory;

pub use base::Base;
pub use bundle::Bundle;
pub use chain::{Chain, Deltas, check_links};
pub use chunk::{ChunkKind, Compression, ExportTotals, PlainChunk};
pub use compose::Composed;
pub use decoder::{Decoder, Report};
pub use digest::{DomainId, StateId};
pub use encoder::{Encoded, EncodedSink, Encoder};
pub use error::{Error, ErrorKind, Result};
pub use export::{Export, ExportOptions};
pub use head::Form;
pub use intake::DeltaIntake;
pub use key::{RecoveryKey, VerifyKey};
pub use reader::{Audit, Place, PublicReport};
pub use restore::{DigestsAhead, Discard, LookAhead, Opened, Opener, Restore};
pub use rows::{Diff, RowDifference, StoredRow, TableRows};
pub use schedule::DomainKeys;
pub use selection::Selection;
pub use source::Source;
pub use state::{SchemaKind, SchemaRow, Settings, StateSink, TextEncoding, is_system_table};
pub use successor::{Continuity, continuity};
pub use tally::StateDigest;
pub use value::{Key, Value};
pub use writer::{BundleSummary, BundleWriter};

/// The revision of states: ids, order and encoding of items.
pub const STATE_REVISION: u8 = 1;
/// The revision of bundles: cutting, compression, seal and signature.
pub const SUITE: u8 = 1;
