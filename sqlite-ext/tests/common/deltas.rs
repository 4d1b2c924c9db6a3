//! Deltas and ledgers, made by the format itself.

use lifeboat_core::chain::{Base, Chain};
use lifeboat_core::stream::{BundleWriter, Export, PlainChunk};
use lifeboat_core::{ExportOptions, RecoveryKey};
use lifeboat_sqlite::{Connection as Database, Snapshot, linked_api};
use rusqlite::Connection;
use std::cell::RefCell;

/// The bundle that leads from the state of a chain (none: from nothing) to that of `db`, and the ledger of the latter.
pub fn export_from(db: &Connection, key: &str, domain: &str, base: &[&[u8]]) -> (Vec<u8>, Vec<u8>) {
    let key = RecoveryKey::from_text(key).unwrap();
    let domain = key.domain(domain).unwrap();
    // SAFETY: the connection is open, and of the library that is linked into this program.
    let app = unsafe { Database::borrow(linked_api!(), db.handle().cast()) };
    let snapshot = Snapshot::open(&app, "main").unwrap();
    let mut writer = BundleWriter::new(&domain, Vec::new()).unwrap();
    let ledger = RefCell::new(BundleWriter::ledger(&domain, Vec::new()).unwrap());
    let emit = |chunk: PlainChunk| writer.chunk(&chunk);
    let options = ExportOptions::default();
    let export = match base {
        [] => Export::new(&domain, options, emit),
        base => {
            let base = Base::chain(&Chain::open(&key, base.iter().copied()).unwrap()).unwrap();
            Export::delta(&domain, options, base, None, emit).unwrap()
        }
    };
    let mut export = export.with_ledger(|chunk| ledger.borrow_mut().chunk(&chunk));
    snapshot.walk(&mut export).unwrap();
    let finished = export.finish().unwrap();
    let (_, bundle) = writer.finish(&finished.bundle).unwrap();
    let (_, ledger) = ledger.into_inner().finish(&finished.ledger.unwrap()).unwrap();
    (bundle, ledger)
}

/// The delta in the default domain.
pub fn delta(db: &Connection, key: &str, base: &[&[u8]]) -> Vec<u8> {
    export_from(db, key, "default", base).0
}
