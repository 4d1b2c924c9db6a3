//! The recovery component: it connects the WIT interface to the core, and does nothing else.
//!
//! ```text
//! pieces ─► Audit ─────────────────────► report            Checking (no key)
//! pieces ─► Incoming ─► Discard ───────► report            Inspection
//!                    ─► Rebuild ───────► pages of a file   Database
//!                    ─► Queue ─────────► batches of rows   Rows
//! pieces ─► Held ─► Salvage ─► Queue ──► batches of rows   Rescue
//!                           ─► Rebuild ► pages of a file
//! names, objects ──────────────────────► a plan            Store
//! ```
//!
//! `Incoming` holds the deltas of a chain (`DeltaIntake`, `Deltas`). Then its full bundle passes through (`Restore`).
//! `Held` keeps whole bundles, because a salvage reads at any place.
//!
//! The interface and its promises are in `wit/recovery.wit`. All of this also builds natively, for tests, except the
//! module `component`. That module exports the interface, and gives SQLite what it needs of a machine: memory, a clock
//! and randomness. The clock and the randomness are fixed, because a state never depends on them.

mod batches;
mod database;
mod held;
mod incoming;
mod inspection;
mod rows;
mod salvage;
mod scratch;
mod store;
mod work;

#[cfg(target_arch = "wasm32")]
mod component;

pub use batches::{Batch, Cell, Row};
pub use database::{Built, Database, Layout, Recovered};
pub use inspection::Inspection;
pub use rows::Rows;
pub use salvage::{Rescue, Salvaged, SalvagedDatabase};
pub use store::Store;
pub use work::{Checking, PIECE_MAX};

#[cfg(target_arch = "wasm32")]
use component::memory::{check as memory_check, room as memory_room};

/// Only the component watches its memory.
#[cfg(not(target_arch = "wasm32"))]
fn memory_check() -> lifeboat_core::Result<()> {
    Ok(())
}

/// The same as [`memory_check`].
#[cfg(not(target_arch = "wasm32"))]
fn memory_room(_: usize) -> lifeboat_core::Result<()> {
    Ok(())
}
