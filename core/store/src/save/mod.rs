//! One save to all copies (`DURABILITY.md`).
//!
//! ```text
//! request    what the caller says: copies, minimum, local state, key, decisions
//! exporter   what makes bundles of the live database
//! local      lock, memory, spool and ledger
//! memory     what this place remembers of the line and of each copy
//! situation  what the copies show, and what follows from it
//! apart      whether the copies are places of their own
//! base       what a new record begins from
//! short_cuts bundles that lead to a record from further back
//! replicas   the records that a copy lacks
//! lane       one copy: replicas, bundles, record, and a look afterwards
//! gather     all copies side by side, with a deadline and a grace
//! steps      the save itself, from the lock to the end of the spool
//! summary    what was saved, and where; status: how the last saves ended
//! events     what a save tells in the log of events
//! remembered the local state outside of a save: what it tells, and when it goes or begins anew
//! ```

mod apart;
mod base;
mod events;
mod exporter;
mod gather;
mod lane;
mod local;
mod memory;
mod remembered;
mod replicas;
mod request;
mod short_cuts;
mod situation;
mod status;
mod steps;
mod summary;

use crate::files;
pub use exporter::{Base, Exported, Exporter, LedgerPart};
pub use files::{Files, SystemFiles};
pub use remembered::{Remembered, forget, prepare, resume};
pub(crate) use replicas::fits;
pub use request::{CopyStore, Save};
pub use status::{CopyStatus, LastError, LastSave, Status};
pub use summary::{CopyState, CopySummary, SaveSummary};
