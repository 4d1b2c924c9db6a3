//! The protected databases of this process, and the connections that hold them.

use super::holder;
use super::options::Asked;
use super::protected::Protected;
use super::worker::{Job, start};
use crate::files::is_one_file;
use crate::sql::arguments::to_path;
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::Connection;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which file a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// The file at this path. On Unix it is not opened: that would drop SQLite's locks when it is closed.
    ///
    /// # Errors
    /// Host when it is not there.
    pub fn of(path: &Path) -> Result<Self> {
        let found = lifeboat_store::device_and_inode(path);
        let (device, inode) =
            found.map_err(|error| Error::host(format!("the database '{}' is not found: {error}", path.display())))?;
        Ok(Self { device, inode })
    }
}

/// What one process has. A child that was forked begins with nothing, and leaves what was its parent's alone: a mutex
/// there may be locked forever.
struct Process {
    id: u32,
    registry: Mutex<Registry>,
}

/// By connection, the databases that it holds. A connection is here from its first protection to its `xDisconnect`.
#[derive(Default)]
struct Registry {
    connections: HashMap<usize, Vec<Arc<Protected>>>,
}

static PROCESS: AtomicPtr<Process> = AtomicPtr::new(ptr::null_mut());

fn registry() -> MutexGuard<'static, Registry> {
    let id = std::process::id();
    let mut found = PROCESS.load(Ordering::Acquire);
    loop {
        // SAFETY: what was stored here is never freed.
        if let Some(process) = unsafe { found.as_ref() }.filter(|process| process.id == id) {
            return process.registry.lock().unwrap_or_else(PoisonError::into_inner);
        }
        let new = Box::into_raw(Box::new(Process { id, registry: Mutex::default() }));
        match PROCESS.compare_exchange(found, new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => found = new,
            Err(other) => {
                // SAFETY: nobody else has seen it.
                drop(unsafe { Box::from_raw(new) });
                found = other;
            }
        }
    }
}

impl Registry {
    fn find(&self, identity: &Identity) -> Option<&Arc<Protected>> {
        let all = self.connections.values().flatten().filter(|found| found.identity == *identity);
        // One that ended by itself counts only where there is no other.
        all.min_by_key(|found| found.has_stopped())
    }

    fn holders(&self, protected: &Arc<Protected>) -> usize {
        self.connections.values().filter(|held| held.iter().any(|one| Arc::ptr_eq(one, protected))).count()
    }

    /// The databases of a connection, without those that others hold, too.
    fn last_held(&self, held: Vec<Arc<Protected>>) -> Vec<Arc<Protected>> {
        held.into_iter().filter(|one| self.holders(one) == 0).collect()
    }
}

/// Begins to protect a database, or adds this connection to those that hold it.
///
/// # Errors
/// Misuse when it is protected in another way, with the difference; what the thread meets when it opens the database;
/// what `interrupted` says.
pub(crate) fn protect(
    app: &Connection<'_>,
    identity: Identity,
    local: PathBuf,
    asked: Asked,
    job: Job,
    interrupted: &dyn Fn() -> Result<()>,
) -> Result<Arc<Protected>> {
    let db = app.handle().addr();
    // The registry is not locked meanwhile: this may end what an earlier module of this connection held.
    if !registry().connections.contains_key(&db) {
        holder::attach(app)?;
        registry().connections.entry(db).or_default();
    }
    let (protected, job) = {
        let mut registry = registry();
        let found = registry.find(&identity).filter(|found| !found.has_stopped()).cloned();
        let (protected, job) = match found {
            Some(found) => match found.asked.difference(&asked) {
                None => (found, None),
                Some(difference) => {
                    return Err(Error::misuse(format!(
                        "this database is protected already, in another way: {difference}; say the same, or end that \
                         protection with backup_unprotect() first"
                    )));
                }
            },
            None => (Arc::new(Protected::new(identity, job.place.path().to_vec(), local, asked)), Some(job)),
        };
        let held = registry.connections.entry(db).or_default();
        // What ended by itself has no thread.
        held.retain(|one| one.identity != protected.identity);
        held.push(Arc::clone(&protected));
        (protected, job)
    };
    match job {
        Some(job) => start(&protected, job),
        None => protected.wake(),
    }
    let started = protected.started(interrupted);
    if let Err(error) = started {
        release(db, &protected);
        return Err(error);
    }
    Ok(protected)
}

/// A connection no longer holds this database.
fn release(db: usize, protected: &Arc<Protected>) {
    let mut registry = registry();
    if let Some(held) = registry.connections.get_mut(&db) {
        held.retain(|one| !Arc::ptr_eq(one, protected));
    }
    let is_last = registry.holders(protected) == 0;
    drop(registry);
    if is_last {
        protected.end();
    }
}

/// A connection no longer holds anything. Gives how many databases it held, and how many of them others still hold.
pub(crate) fn unprotect(db: usize) -> (usize, usize) {
    let mut registry = registry();
    let held = registry.connections.get_mut(&db).map(std::mem::take).unwrap_or_default();
    let all = held.len();
    let ended = registry.last_held(held);
    drop(registry);
    ended.iter().for_each(|one| one.end_and_tell());
    (all, all - ended.len())
}

/// The same for a connection that is being closed.
pub(super) fn disconnected(db: usize) {
    let mut registry = registry();
    let held = registry.connections.remove(&db).unwrap_or_default();
    let ended = registry.last_held(held);
    drop(registry);
    ended.iter().for_each(|one| one.end());
}

/// The protection of a database that saves with this local state.
///
/// # Errors
/// Misuse for a schema that does not exist.
pub(crate) fn of_local(app: &Connection<'_>, schema: &str, local: &Path) -> Result<Option<Arc<Protected>>> {
    let found = of(app, schema)?.map(|(protected, _)| protected);
    Ok(found.filter(|found| !found.has_stopped() && is_one_file(&found.local, local)))
}

/// The protection of the database that this schema is, and how many connections hold it.
///
/// # Errors
/// Misuse for a schema that does not exist.
pub(crate) fn of(app: &Connection<'_>, schema: &str) -> Result<Option<(Arc<Protected>, usize)>> {
    let file = app.file_name(schema)?;
    if file.is_empty() {
        return Ok(None);
    }
    // What this connection holds counts, also if another file is at its path now.
    let identity = Identity::of(&to_path(&file)?);
    let registry = registry();
    let held = registry.connections.get(&app.handle().addr()).into_iter().flatten().find(|held| held.path == file);
    let found = held.or_else(|| identity.ok().and_then(|identity| registry.find(&identity)));
    Ok(found.map(|found| (Arc::clone(found), registry.holders(found))))
}
