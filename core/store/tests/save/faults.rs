//! Local files and stores that stop working at a step. This is what a process sees that is killed
//! there.
#![allow(dead_code, reason = "each test uses a part of it")]

use lifeboat_core::chain::Source;
use lifeboat_store::save::{Files, SystemFiles};
use lifeboat_store::{Cancel, Entry, Put, Result, Store, StoreError};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// From this step on, nothing is done.
    Killed,
    /// The step is done, but nothing after it.
    KilledAfter,
    /// Only this step fails. It is not done.
    Once,
    /// Only this step fails, but it is done.
    OnceAfter,
}

/// Counts all steps of local files and of stores.
#[derive(Clone)]
pub struct Steps {
    count: Arc<AtomicU64>,
    at: u64,
    fault: Fault,
    /// Local writes fail because the disk is full. False: they fail with an error of the device.
    pub full: bool,
    /// How long each request to a store takes.
    pub delay: Duration,
}

impl Steps {
    pub fn new(at: u64, fault: Fault) -> Self {
        Self { count: Arc::default(), at, fault, full: false, delay: Duration::ZERO }
    }

    /// Whether the step with the fault was reached.
    pub fn reached(&self) -> bool {
        self.count.load(Ordering::SeqCst) > self.at
    }

    fn step<T, E>(&self, work: impl FnOnce() -> Result<T, E>, error: impl FnOnce() -> E) -> Result<T, E> {
        let step = self.count.fetch_add(1, Ordering::SeqCst);
        let here = step == self.at;
        match self.fault {
            Fault::Killed if step >= self.at => Err(error()),
            Fault::KilledAfter if step > self.at => Err(error()),
            Fault::Once if here => Err(error()),
            Fault::KilledAfter | Fault::OnceAfter if here => work().and_then(|_| Err(error())),
            _ => work(),
        }
    }

    fn local<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let kind = if self.full { io::ErrorKind::StorageFull } else { io::ErrorKind::Other };
        self.step(work, || io::Error::new(kind, "this step fails in this test"))
    }

    fn remote<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        std::thread::sleep(self.delay);
        self.step(work, || StoreError::unreachable("this request fails in this test"))
    }
}

/// Local files with a fault.
pub struct FaultyFiles(pub Steps);

impl Files for FaultyFiles {
    fn make_directory(&self, path: &Path) -> io::Result<()> {
        self.0.local(|| SystemFiles.make_directory(path))
    }

    fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        self.0.local(|| SystemFiles.names(path))
    }

    fn read(&self, path: &Path, longest: u64) -> io::Result<Vec<u8>> {
        self.0.local(|| SystemFiles.read(path, longest))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // The process is killed in the middle of a write: half of the file is there.
        if self.0.fault == Fault::Killed && self.0.count.load(Ordering::SeqCst) == self.0.at {
            std::fs::write(path, &bytes[..bytes.len() / 2])?;
        }
        self.0.local(|| SystemFiles.write(path, bytes))
    }

    fn append(&self, path: &Path, at: u64, bytes: &[u8]) -> io::Result<()> {
        if self.0.fault == Fault::Killed && self.0.count.load(Ordering::SeqCst) == self.0.at {
            SystemFiles.append(path, at, &bytes[..bytes.len() / 2])?;
        }
        self.0.local(|| SystemFiles.append(path, at, bytes))
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        self.0.local(|| SystemFiles.sync(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.local(|| SystemFiles.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.local(|| SystemFiles.remove(path))
    }

    fn lock(&self, path: &Path) -> io::Result<Option<File>> {
        self.0.local(|| SystemFiles.lock(path))
    }

    fn share(&self, path: &Path) -> io::Result<Option<File>> {
        self.0.local(|| SystemFiles.share(path))
    }
}

/// A store with a fault.
pub struct FaultyStore(pub Arc<dyn Store>, pub Steps);

impl Store for FaultyStore {
    fn id(&self) -> Result<String> {
        self.0.id()
    }

    fn put(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<Put> {
        self.1.remote(|| self.0.put(name, content, cancel))
    }

    fn replace(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<()> {
        self.1.remote(|| self.0.replace(name, content, cancel))
    }

    fn get(&self, name: &str, offset: u64, buffer: &mut [u8], cancel: &Cancel) -> Result<()> {
        self.1.remote(|| self.0.get(name, offset, buffer, cancel))
    }

    fn list(&self, prefix: &str, after: &str, limit: usize, cancel: &Cancel) -> Result<Vec<Entry>> {
        self.1.remote(|| self.0.list(prefix, after, limit, cancel))
    }

    fn head(&self, name: &str, cancel: &Cancel) -> Result<u64> {
        self.1.remote(|| self.0.head(name, cancel))
    }

    fn delete(&self, name: &str, cancel: &Cancel) -> Result<()> {
        self.1.remote(|| self.0.delete(name, cancel))
    }
}

/// A store where something else happens before the first put of a record.
pub struct Interposed {
    inner: Arc<dyn Store>,
    other: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Interposed {
    pub fn new(inner: Arc<dyn Store>, other: impl FnOnce() + Send + 'static) -> Self {
        Self { inner, other: Mutex::new(Some(Box::new(other))) }
    }
}

impl Store for Interposed {
    fn id(&self) -> Result<String> {
        self.inner.id()
    }

    fn put(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<Put> {
        if name.contains("/log/")
            && let Some(other) = self.other.lock().unwrap().take()
        {
            other();
        }
        self.inner.put(name, content, cancel)
    }

    fn replace(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<()> {
        self.inner.replace(name, content, cancel)
    }

    fn get(&self, name: &str, offset: u64, buffer: &mut [u8], cancel: &Cancel) -> Result<()> {
        self.inner.get(name, offset, buffer, cancel)
    }

    fn list(&self, prefix: &str, after: &str, limit: usize, cancel: &Cancel) -> Result<Vec<Entry>> {
        self.inner.list(prefix, after, limit, cancel)
    }

    fn head(&self, name: &str, cancel: &Cancel) -> Result<u64> {
        self.inner.head(name, cancel)
    }

    fn delete(&self, name: &str, cancel: &Cancel) -> Result<()> {
        self.inner.delete(name, cancel)
    }
}

/// It takes everything that is put, and never answers a read.
pub struct Hanging(pub Arc<dyn Store>);

impl Store for Hanging {
    fn id(&self) -> Result<String> {
        self.0.id()
    }

    fn put(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<Put> {
        self.0.put(name, content, cancel)
    }

    fn replace(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<()> {
        self.0.replace(name, content, cancel)
    }

    fn get(&self, _: &str, _: u64, _: &mut [u8], cancel: &Cancel) -> Result<()> {
        loop {
            cancel.check()?;
            std::thread::sleep(Cancel::STEP);
        }
    }

    fn list(&self, prefix: &str, after: &str, limit: usize, cancel: &Cancel) -> Result<Vec<Entry>> {
        self.0.list(prefix, after, limit, cancel)
    }

    fn head(&self, name: &str, cancel: &Cancel) -> Result<u64> {
        self.0.head(name, cancel)
    }

    fn delete(&self, name: &str, cancel: &Cancel) -> Result<()> {
        self.0.delete(name, cancel)
    }
}
