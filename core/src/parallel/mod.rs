//! The two ways between a state and a bundle, each over several threads (feature `parallel`):
//!
//! ```text
//!   export    caller: rows → canonical bytes ─▶ worker: digests, differences, chunks ─▶ worker: compress, seal, write
//!   restore   caller: state ← changes ← plain chunks ◀─ worker: read, open, decompress
//! ```
//!
//! What holds the state (a SQLite connection, for one) is used on the caller's thread only. The queues between the threads
//! are short, so that memory is bounded. The bytes do not depend on the threads. Where no thread can be made, one does all
//! the work. All threads end before a call returns.
//!
//! ```text
//! export   a state → a bundle, and its ledger
//! write    plain chunks → a bundle, and a ledger; compositions begin here
//! restore  a chain → its state
//! threads  a worker, and what two threads say when one of them fails
//! ```

mod export;
mod restore;
mod threads;
mod write;

#[cfg(test)]
mod tests;

pub use export::{Making, RowSink, export};
pub use restore::restore;
pub use threads::has_room_for_thread;
pub use write::{Outgoing, Written, write};

/// How many threads an export may keep busy, the caller's among them. Fewer leave the other cores to the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// The caller's alone.
    One,
    /// A worker seals and writes.
    Two,
    /// Another worker makes the chunks.
    #[default]
    Three,
}
