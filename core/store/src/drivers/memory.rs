//! A store in memory, for tests. It fails where a test tells it to.

use crate::name::{self, Check};
use crate::{Cancel, Entry, LIST_MAX, Put, Result, Store, StoreError, StoreErrorKind};
use lifeboat_core::chain::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// `put` and `replace`.
    Put,
    /// `get`
    Get,
    /// `list`
    List,
    /// `head`
    Head,
    /// `delete`
    Delete,
}

#[derive(Clone, Copy, Debug)]
struct Failure {
    kind: StoreErrorKind,
    /// The request is carried out, but its answer is lost.
    after: bool,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    requests: Vec<(Request, String)>,
    /// By the number of the request, from 0 on.
    failures: BTreeMap<usize, Failure>,
    /// All requests fail.
    away: Option<StoreErrorKind>,
    /// Names that lists do not show yet, with the number of further lists that will miss them.
    unseen: BTreeMap<String, usize>,
    lag: usize,
    capacity: Option<usize>,
    retained: BTreeSet<String>,
}

/// A store in memory. Clones are handles of the same store.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    id: String,
    state: Arc<Mutex<State>>,
}

impl MemoryStore {
    /// An empty one, which is remembered by this id.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), state: Arc::default() }
    }

    /// The same store by another name, as a server is that serves a directory.
    pub fn by_another_name(&self, id: &str) -> Self {
        Self { id: id.to_owned(), state: self.state.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The requests so far, with their names or prefixes. Those that failed are among them.
    pub fn requests(&self) -> Vec<(Request, String)> {
        self.state().requests.clone()
    }

    /// The request with this number (from 0 on, of all so far) fails and does nothing.
    pub fn fail_at(&self, number: usize, kind: StoreErrorKind) {
        self.state().failures.insert(number, Failure { kind, after: false });
    }

    /// The request with this number is carried out, but its answer is an error.
    pub fn fail_after(&self, number: usize, kind: StoreErrorKind) {
        self.state().failures.insert(number, Failure { kind, after: true });
    }

    /// From now on all requests fail like this. None: they no longer fail.
    pub fn away(&self, kind: Option<StoreErrorKind>) {
        self.state().away = kind;
    }

    /// What is put from now on appears only after this number of lists.
    pub fn lag(&self, lists: usize) {
        self.state().lag = lists;
    }

    /// The store has room for this many bytes. None: for any number.
    pub fn capacity(&self, bytes: Option<usize>) {
        self.state().capacity = bytes;
    }

    /// This object cannot be deleted or replaced.
    pub fn retain(&self, name: &str) {
        self.state().retained.insert(name.to_owned());
    }

    /// All names.
    pub fn names(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    /// The bytes of an object.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.state().objects.get(name).cloned()
    }

    /// Puts any bytes under any name, or (None) removes an object.
    pub fn set(&self, name: &str, bytes: Option<&[u8]>) {
        let mut state = self.state();
        match bytes {
            Some(bytes) => drop(state.objects.insert(name.to_owned(), bytes.to_vec())),
            None => drop(state.objects.remove(name)),
        }
    }

    /// Flips a bit of an object. False: there is no such byte.
    pub fn damage(&self, name: &str, at: usize) -> bool {
        let mut state = self.state();
        let byte = state.objects.get_mut(name).and_then(|bytes| bytes.get_mut(at));
        byte.map(|byte| *byte ^= 1).is_some()
    }

    /// A copy of all objects, for [`MemoryStore::restore`] later: an old image.
    pub fn image(&self) -> BTreeMap<String, Vec<u8>> {
        self.state().objects.clone()
    }

    /// Replaces all objects with these.
    pub fn restore(&self, image: BTreeMap<String, Vec<u8>>) {
        self.state().objects = image;
    }

    fn request<T>(
        &self,
        request: Request,
        name: &str,
        cancel: &Cancel,
        work: impl FnOnce(&mut State) -> Result<T>,
    ) -> Result<T> {
        cancel.check()?;
        let state = &mut *self.state();
        let number = state.requests.len();
        state.requests.push((request, name.to_owned()));
        let failed = |kind| StoreError::new(kind, format!("{}: request {number} fails in this test", self.id));
        if let Some(kind) = state.away {
            return Err(failed(kind));
        }
        match state.failures.remove(&number) {
            None => work(state),
            Some(failure) if failure.after => work(state).and(Err(failed(failure.kind))),
            Some(failure) => Err(failed(failure.kind)),
        }
    }

    fn put_as(&self, name: &str, content: &dyn Source, keep: bool, cancel: &Cancel) -> Result<Put> {
        name::check(name)?;
        let length = content.length().map_err(StoreError::source)?;
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| StoreError::full("no memory has so many bytes"))?];
        content.read(0, &mut bytes).map_err(StoreError::source)?;
        let mut check = Check::new(name);
        check.update(&bytes);
        check.finish()?;
        self.request(Request::Put, name, cancel, |state| {
            let found = state.objects.get(name);
            if keep && found == Some(&bytes) {
                return Ok(Put::Existed);
            }
            if found.is_some() && state.retained.contains(name) {
                return Err(StoreError::refused(format!("'{name}' is retained")));
            }
            let held: usize =
                state.objects.iter().filter(|(other, _)| *other != name).map(|(_, bytes)| bytes.len()).sum();
            if state.capacity.is_some_and(|capacity| held + bytes.len() > capacity) {
                return Err(StoreError::full(format!("no room for '{name}'")));
            }
            if state.lag > 0 && found.is_none() {
                let lag = state.lag;
                state.unseen.insert(name.to_owned(), lag);
            }
            state.objects.insert(name.to_owned(), bytes);
            Ok(Put::Written)
        })
    }
}

impl Store for MemoryStore {
    fn id(&self) -> Result<String> {
        Ok(self.id.clone())
    }

    fn put(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<Put> {
        self.put_as(name, content, true, cancel)
    }

    fn replace(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<()> {
        self.put_as(name, content, false, cancel).map(drop)
    }

    fn get(&self, name: &str, offset: u64, buffer: &mut [u8], cancel: &Cancel) -> Result<()> {
        name::check(name)?;
        self.request(Request::Get, name, cancel, |state| {
            let bytes = state.objects.get(name).ok_or_else(|| not_found(name))?;
            let range = usize::try_from(offset).ok().and_then(|start| Some(start..start.checked_add(buffer.len())?));
            let found = range.and_then(|range| bytes.get(range));
            buffer.copy_from_slice(
                found.ok_or_else(|| StoreError::corrupt(format!("'{name}' has only {} bytes", bytes.len())))?,
            );
            Ok(())
        })
    }

    fn list(&self, prefix: &str, after: &str, limit: usize, cancel: &Cancel) -> Result<Vec<Entry>> {
        name::check_prefix(prefix)?;
        self.request(Request::List, prefix, cancel, |state| {
            let entries = state.objects.range(prefix.to_owned()..).take_while(|(name, _)| name.starts_with(prefix));
            let seen = entries
                .filter(|(name, _)| ***name > *after && name::is_valid(name) && !state.unseen.contains_key(*name));
            let entries = seen.take(limit.min(LIST_MAX));
            let entries =
                entries.map(|(name, bytes)| Entry { name: name.clone(), length: bytes.len() as u64 }).collect();
            state.unseen.retain(|_, lists| {
                *lists -= 1;
                *lists > 0
            });
            Ok(entries)
        })
    }

    fn head(&self, name: &str, cancel: &Cancel) -> Result<u64> {
        name::check(name)?;
        self.request(Request::Head, name, cancel, |state| {
            state.objects.get(name).map(|bytes| bytes.len() as u64).ok_or_else(|| not_found(name))
        })
    }

    fn delete(&self, name: &str, cancel: &Cancel) -> Result<()> {
        name::check(name)?;
        self.request(Request::Delete, name, cancel, |state| {
            if state.retained.contains(name) {
                return Err(StoreError::refused(format!("'{name}' is retained")));
            }
            state.objects.remove(name);
            Ok(())
        })
    }
}

fn not_found(name: &str) -> StoreError {
    StoreError::not_found(format!("there is no object '{name}'"))
}
