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
//! read     one bundle, from its first byte to its last          salvage  what damaged bundles still prove
//! log      what stands beside bundles: signed records of their order, names, ways to a state
//! ```
//!
//! [`stream::Export`] and [`stream::BundleWriter`] are the way out. [`stream::Restore`] (an [`stream::Opener`] and a
//! [`stream::Decoder`]) is the way back. [`stream::Audit`] checks a bundle without a key. The halves can run on two
//! threads: `parallel`. [`salvage::Salvage`] gives what damaged bundles still prove.
#![cfg_attr(not(test), forbid(unsafe_code))]

mod alloc;
mod cbor;
pub mod chain;
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
#[cfg(feature = "parallel")]
pub mod parallel;
mod read;
mod restore;
pub mod salvage;
pub mod state;
#[cfg(test)]
mod tests;
mod whole;

pub use crypto::domain::Domain;
pub use crypto::id::StateId;
pub use crypto::key::{AccessKey, RecoveryKey};
pub use error::{Error, ErrorKind, Result};
pub use export::chunk::ExportOptions;
pub use export::writer::BundleSummary;
pub use read::reader::PublicReport;
pub use restore::decoder::Report;
pub use state::sink::StateSink;
pub use whole::{audit, export, restore, verify};

/// The keys of one domain, and their text (`FORMAT.md`, "Keys").
pub mod keys {
    pub use crate::crypto::id::DomainId;
    pub use crate::crypto::key::{ReadKey, VerifyKey, WriteKey};
    pub use crate::crypto::key_text::KeyKind;
    pub use crate::crypto::schedule::DomainKeys;
}

/// The steps between a state and its bytes, one by one. For callers who hold a stream, or who divide the work between
/// threads.
pub mod stream {
    pub use crate::error::Position;
    pub use crate::export::chunk::{ExportTotals, PlainChunk};
    pub use crate::export::encoder::{Encoded, Encoder};
    pub use crate::export::items::{Export, Finished};
    pub use crate::export::touched::Touched;
    pub use crate::export::writer::BundleWriter;
    pub use crate::kinds::{ChunkKind, Compression, FileKind};
    pub use crate::read::reader::{Audit, DigestsAhead, Opened};
    pub use crate::restore::decoder::Decoder;
    pub use crate::restore::opener::{Discard, LookAhead, Opener, Restore};
}
