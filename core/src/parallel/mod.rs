//! The two ways between a state and a bundle, each over several threads, and the id of a state (feature `parallel`):
//!
//! ```text
//!   export    caller: rows → canonical bytes ─▶ worker: digests, differences, chunks ─▶ worker: compress, seal, write
//!   restore   caller: state ← changes ← plain chunks ◀─ worker: read, open, decompress
//!   id        caller: rows → canonical bytes ─▶ worker: digests
//! ```
//!
//! The holder of the state (for example a SQLite connection) is used only on the caller's thread. The queues between
//! the threads are short, so memory is bounded. The bytes do not depend on the threads. Where no thread can be made,
//! one thread does all the work. All threads end before a call returns.
//!
//! ```text
//! export   a state → a bundle, and its ledger
//! write    plain chunks → a bundle, and a ledger; compositions begin here
//! restore  a chain → its state
//! digest   a state → its id
//! threads  a worker, and the error when one of two threads fails
//! ```

mod digest;
mod export;
mod restore;
mod threads;
mod write;

#[cfg(test)]
mod tests;

pub use digest::state_id;
pub use export::{Knowledge, Making, RowSink, export};
pub use restore::restore;
pub use threads::{begin_with, start};
pub use write::{Outgoing, Written, write};

/// How many threads an export may keep busy, with the caller's. Fewer threads leave the other cores to the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// Only the caller's thread.
    One,
    /// A worker seals and writes.
    Two,
    /// Another worker makes the chunks.
    #[default]
    Three,
}
