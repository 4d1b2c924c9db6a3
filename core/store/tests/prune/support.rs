//! Prunes of stores, series with dates, and stores where something happens at a delete.
#![allow(dead_code, reason = "each test uses a part of it")]

use super::support::{Place, keys, recovery_key};
use lifeboat_core::chain::Source;
use lifeboat_core::{AccessKey, Result};
use lifeboat_store::prune::{Keep, Prune, PruneReport, What};
use lifeboat_store::read::{CopyStore, Wait};
use lifeboat_store::save::SystemFiles;
use lifeboat_store::{Cancel, Entry, Put, Result as StoreResult, Store};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub fn last(last: u64) -> Keep {
    Keep { last, ..Keep::default() }
}

/// The options of a prune. The stores have the names "copy 0", "copy 1" and so on.
pub struct Pruning<'a> {
    pub key: AccessKey,
    pub what: What<'a>,
    pub minimum: usize,
    pub force: bool,
    pub dry_run: bool,
    pub local: Option<PathBuf>,
    pub now: u64,
    pub interrupted: &'a dyn Fn() -> bool,
}

impl<'a> Pruning<'a> {
    pub fn new(what: What<'a>) -> Self {
        let key = recovery_key().into();
        let (local, now) = (None, 1_800_000_000);
        Self { key, what, minimum: 1, force: false, dry_run: false, local, now, interrupted: &|| false }
    }

    pub fn keep(keep: Keep) -> Self {
        Self::new(What::Keep(keep))
    }

    pub fn force(mut self) -> Self {
        self.force = true;
        self
    }

    pub fn of(&self, stores: &[Arc<dyn Store>]) -> Result<PruneReport> {
        let copies = stores
            .iter()
            .enumerate()
            .map(|(number, store)| CopyStore { name: format!("copy {number}").into(), store: store.clone() });
        let prune = Prune {
            copies: copies.collect(),
            key: &self.key,
            domain: None,
            what: self.what.clone(),
            minimum: self.minimum,
            force: self.force,
            dry_run: self.dry_run,
            local: self.local.as_deref(),
            files: &SystemFiles,
            now: self.now,
        };
        prune.run(&Wait { patience: Duration::from_secs(20), interrupted: self.interrupted })
    }
}

/// Before and after each delete, and before a floor statement is put, something else may happen.
pub struct AtDelete<F> {
    pub inner: Arc<dyn Store>,
    pub count: AtomicUsize,
    /// It is called with the number of the delete (`usize::MAX`: it is a put), the name, and whether the delete was done.
    pub other: Mutex<F>,
}

impl<F: FnMut(usize, &str, bool) + Send> AtDelete<F> {
    pub fn new(inner: Arc<dyn Store>, other: F) -> Self {
        Self { inner, count: AtomicUsize::new(0), other: Mutex::new(other) }
    }
}

impl<F: FnMut(usize, &str, bool) + Send> Store for AtDelete<F> {
    fn id(&self) -> StoreResult<String> {
        self.inner.id()
    }

    fn put(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> StoreResult<Put> {
        if name.contains("/floor/") {
            (self.other.lock().unwrap())(usize::MAX, name, false);
        }
        self.inner.put(name, content, cancel)
    }

    fn replace(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> StoreResult<()> {
        self.inner.replace(name, content, cancel)
    }

    fn get(&self, name: &str, offset: u64, buffer: &mut [u8], cancel: &Cancel) -> StoreResult<()> {
        self.inner.get(name, offset, buffer, cancel)
    }

    fn list(&self, prefix: &str, after: &str, limit: usize, cancel: &Cancel) -> StoreResult<Vec<Entry>> {
        self.inner.list(prefix, after, limit, cancel)
    }

    fn head(&self, name: &str, cancel: &Cancel) -> StoreResult<u64> {
        self.inner.head(name, cancel)
    }

    fn delete(&self, name: &str, cancel: &Cancel) -> StoreResult<()> {
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        (self.other.lock().unwrap())(number, name, false);
        let deleted = self.inner.delete(name, cancel);
        (self.other.lock().unwrap())(number, name, true);
        deleted
    }
}

/// A place whose next save has this date, in seconds.
pub fn dated(place: &mut Place, date: u64) -> &mut Place {
    place.now = date - 100;
    place
}

pub fn log_names(names: &[String]) -> usize {
    names.iter().filter(|name| name.starts_with(&format!("{}/log/", keys().id()))).count()
}
