//! How much this process has exchanged with stores, so that a program can show that work goes on.

use crate::{Cancel, Entry, Put, Result, Store};
use lifeboat_core::chain::Source;
use std::sync::atomic::{AtomicU64, Ordering};

static REQUESTS: AtomicU64 = AtomicU64::new(0);
static READ: AtomicU64 = AtomicU64::new(0);
static PUT: AtomicU64 = AtomicU64::new(0);

/// What this process has exchanged with all stores that [`crate::Place::open`] gave, since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// How often a store was asked for something, whatever came of it.
    pub requests: u64,
    /// Bytes of objects that came.
    pub read: u64,
    /// Bytes of objects that were written. What was there already does not count.
    pub put: u64,
}

/// The traffic until now. It takes no lock, and any thread may ask.
pub fn traffic() -> Traffic {
    let now = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Traffic { requests: now(&REQUESTS), read: now(&READ), put: now(&PUT) }
}

/// A store whose traffic counts.
pub(crate) struct Counted<S>(pub S);

fn asked() {
    REQUESTS.fetch_add(1, Ordering::Relaxed);
}

fn written(content: &dyn Source) {
    PUT.fetch_add(content.length().unwrap_or(0), Ordering::Relaxed);
}

impl<S: Store> Store for Counted<S> {
    fn id(&self) -> Result<String> {
        self.0.id()
    }

    fn put(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<Put> {
        asked();
        let put = self.0.put(name, content, cancel)?;
        if put == Put::Written {
            written(content);
        }
        Ok(put)
    }

    fn replace(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<()> {
        asked();
        self.0.replace(name, content, cancel)?;
        written(content);
        Ok(())
    }

    fn get(&self, name: &str, offset: u64, buffer: &mut [u8], cancel: &Cancel) -> Result<()> {
        asked();
        self.0.get(name, offset, buffer, cancel)?;
        READ.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn list(&self, prefix: &str, after: &str, limit: usize, cancel: &Cancel) -> Result<Vec<Entry>> {
        asked();
        self.0.list(prefix, after, limit, cancel)
    }

    fn head(&self, name: &str, cancel: &Cancel) -> Result<u64> {
        asked();
        self.0.head(name, cancel)
    }

    fn delete(&self, name: &str, cancel: &Cancel) -> Result<()> {
        asked();
        self.0.delete(name, cancel)
    }

    fn exists(&self) -> bool {
        self.0.exists()
    }

    fn free(&self) -> Option<u64> {
        self.0.free()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::memory::MemoryStore;

    /// No other test of this program counts.
    #[test]
    fn what_is_read_and_written_counts() {
        let (store, cancel) = (Counted(MemoryStore::new("memory:1")), Cancel::never());
        let before = traffic();
        let since = || {
            let now = traffic();
            (now.requests - before.requests, now.read - before.read, now.put - before.put)
        };
        store.put("a", b"12345", &cancel).unwrap();
        assert_eq!(since(), (1, 0, 5));
        // It is there already.
        assert_eq!(store.put("a", b"12345", &cancel), Ok(Put::Existed));
        assert_eq!(since(), (2, 0, 5));
        store.get("a", 1, &mut [0; 3], &cancel).unwrap();
        store.get("b", 0, &mut [0; 3], &cancel).unwrap_err();
        assert_eq!(since(), (4, 3, 5));
        store.replace("a", b"54321", &cancel).unwrap();
        store.list("", "", 9, &cancel).unwrap();
        store.head("a", &cancel).unwrap();
        store.delete("a", &cancel).unwrap();
        assert_eq!(since(), (8, 3, 10));
    }
}
