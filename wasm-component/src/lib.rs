//! The recovery component: WIT to core, nothing else.
//!
//! ```text
//! pieces ─► Audit ─────────────────────► report            Checking (no key)
//! pieces ─► Incoming ─► Discard ───────► report            Inspection
//!                    ─► Rebuild ───────► pages of a file   Database
//!                    ─► Queue ─────────► batches of rows   Rows
//! pieces ─► Held ─► Salvage ─► Queue ──► batches of rows   Rescue
//!                           ─► Rebuild ► pages of a file
//! ```
//!
//! `Incoming` holds the deltas of a chain (`DeltaIntake`, `Deltas`), then lets its full bundle pass (`Restore`). `Held` keeps
//! whole bundles: a salvage reads at any place.
//!
//! The interface and its promises stand in `wit/recovery.wit`. All of this also builds natively, for tests, except the
//! module `component`, which exports the interface and gives SQLite what it needs of a machine: memory, and a clock and
//! randomness that are fixed, because nothing of them enters a state.

mod batches;
mod database;
mod held;
mod incoming;
mod inspection;
mod rows;
mod salvage;
mod scratch;
mod work;

#[cfg(target_arch = "wasm32")]
mod component;

pub use batches::{Batch, Cell, Row};
pub use database::{Built, Database, Layout, Recovered};
pub use inspection::Inspection;
pub use rows::Rows;
pub use salvage::{Rescue, Salvaged, SalvagedDatabase};
pub use work::{Checking, PIECE_MAX};

#[cfg(target_arch = "wasm32")]
use component::memory::{check as memory_check, room as memory_room};

/// Memory is looked after in the component only.
#[cfg(not(target_arch = "wasm32"))]
fn memory_check() -> lifeboat_core::Result<()> {
    Ok(())
}

/// As [`memory_check`].
#[cfg(not(target_arch = "wasm32"))]
fn memory_room(_: usize) -> lifeboat_core::Result<()> {
    Ok(())
}
