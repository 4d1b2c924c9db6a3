//! What the caller of a save says.

use super::exporter::Exporter;
use super::files::Files;
use super::steps;
use super::summary::SaveSummary;
use crate::{Cancel, Store};
use lifeboat_core::keys::DomainKeys;
use lifeboat_core::log::{RecordHash, SealedPart};
use lifeboat_core::{Error, Result};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// One copy: a store, and how the caller calls it.
#[derive(Clone)]
pub struct CopyStore {
    /// For texts. It must not hold a secret.
    pub name: String,
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
    /// The directory of local state. It is made if it is missing; its parent is not.
    pub local: &'a Path,
    /// What that directory lies on: [`SystemFiles`](super::SystemFiles).
    pub files: &'a dyn Files,
    /// The keys of the domain, with which records are signed.
    pub keys: &'a DomainKeys,
    /// What the record tells to holders of the key.
    pub details: SealedPart,
    /// The caller's decision where the copies are ahead or fork: go on from this record.
    pub go_on: Option<RecordHash>,
    /// The caller's decision for copies that are new, lost or rolled back: fill them.
    pub add: bool,
    /// The longest time without any progress of a copy. What a short cut is composed from has this time in all.
    pub patience: Duration,
    /// How much longer the others are waited for once the minimum is reached.
    pub grace: Duration,
    /// Ends the waits of all threads of this save. Whoever asks the application sets it: [`Save::run`] does, and so should
    /// the exporter, whose base may come from a store.
    pub cancel: Cancel,
    /// The time in seconds since 1970, by which a copy that failed is not waited for again for a minute.
    pub now: u64,
}

impl Save<'_> {
    /// The usual [`Save::patience`].
    pub const PATIENCE: Duration = Duration::from_secs(30);
    /// The usual [`Save::grace`].
    pub const GRACE: Duration = Duration::from_secs(2);

    /// Saves the live state: when this returns, so many copies as the minimum says hold it. `interrupted` tells whether the
    /// application wants an end; it is asked each 10 ms of a wait, only on the thread that calls.
    ///
    /// # Errors
    /// - Unreachable: fewer copies hold it, with the reason for each. Nothing is lost; call again.
    /// - Mismatch: the copies are ahead, or fork, or nothing is remembered and not all copies answer. The text names what
    ///   to decide. Nothing was put.
    /// - Busy: another save of this database runs.
    /// - Host, with SQLite's code for a full disk: local state cannot be written.
    /// - Interrupted, misuse, and what the exporter returns.
    pub fn run(&self, exporter: &mut dyn Exporter, interrupted: &dyn Fn() -> bool) -> Result<SaveSummary> {
        steps::run(self, exporter, interrupted)
    }

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
