//! What the caller of a save says.

use super::files::Files;
use crate::events::Settings;
use crate::{Cancel, CopyName, Store};
use lifeboat_core::keys::DomainKeys;
use lifeboat_core::log::{RecordHash, SealedPart};
use lifeboat_core::{Error, Result};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// One copy: a store, and the caller's name for it.
#[derive(Clone)]
pub struct CopyStore {
    /// The name in texts and reports. It must not hold a secret.
    pub name: CopyName,
    /// The store.
    pub store: Arc<dyn Store>,
}

/// One save of one database to all copies of its series.
///
/// Threads run only while [`Save::run`] does.
pub struct Save<'a> {
    /// All copies, at least one.
    pub copies: Vec<CopyStore>,
    /// How many of them must hold the state before the save returns: from 1 to their number.
    pub minimum: usize,
    /// The directory of local state. It is made if it does not exist, but its parent is not made.
    pub local: &'a Path,
    /// The file system of that directory: [`SystemFiles`](super::SystemFiles).
    pub files: &'a dyn Files,
    /// The keys of the domain. They sign records.
    pub keys: &'a DomainKeys,
    /// What the record tells to holders of the key.
    pub details: SealedPart,
    /// The caller's decision, for copies that are ahead or forked: go on from this record.
    pub go_on: Option<RecordHash>,
    /// The caller's decision, for copies that are new, lost or rolled back: fill them.
    pub add: bool,
    /// The longest time that a copy may take without progress. Reading what a short cut is composed from may take no
    /// longer in all.
    pub patience: Duration,
    /// How much longer the other copies are waited for, once the minimum is reached.
    pub grace: Duration,
    /// How long another save of this database is waited for, before this one gives up as busy.
    pub turn: Duration,
    /// Ends the waits of all threads of this save. Whoever asks the application sets it. [`Save::run`] does so; the
    /// exporter should, too, because its base may come from a store.
    pub cancel: Cancel,
    /// How many bytes the database has, if that is known. It is only for its limit.
    pub database_bytes: Option<u64>,
    /// What is told in the log of events, and when.
    pub events: &'a Settings,
    /// The time in seconds since 1970. A copy that failed is not waited for again for a minute; this time decides about
    /// that.
    pub now: u64,
}

impl Save<'_> {
    /// The usual [`Save::patience`].
    pub const PATIENCE: Duration = Duration::from_secs(30);
    /// The usual [`Save::grace`].
    pub const GRACE: Duration = Duration::from_secs(2);

    /// # Errors
    /// Interrupted.
    pub(super) fn check_interrupt(&self) -> Result<()> {
        if self.cancel.is_interrupted() {
            Err(Error::interrupted("the application interrupted the save; nothing is lost; call again"))
        } else {
            Ok(())
        }
    }
}
