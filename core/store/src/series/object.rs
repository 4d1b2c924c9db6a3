//! An object of a store as bytes at any place.

use crate::{Cancel, Store};
use lifeboat_core::chain::Source;
use lifeboat_core::log::BundleHash;
use lifeboat_core::{Error, Result};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A bundle up to this size is read at once: that costs less than its ranges would.
const SMALL: u64 = 128 << 10;

/// Reads an object by ranges. Its length comes from a signed record, never from the store.
pub(crate) struct ObjectSource {
    store: Arc<dyn Store>,
    name: String,
    length: u64,
    cancel: Cancel,
    patience: Option<Duration>,
    /// The hash of a small bundle, and all of its bytes once they were read.
    small: Option<(BundleHash, OnceLock<Vec<u8>>)>,
}

impl ObjectSource {
    pub(crate) fn new(store: Arc<dyn Store>, name: String, length: u64, cancel: &Cancel) -> Self {
        Self { store, name, length, cancel: cancel.clone(), patience: None, small: None }
    }

    /// Each read may take this long at most.
    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience: Some(patience), ..self }
    }

    /// If the bundle is small, the first read fetches all of it, and its hash is checked.
    pub(crate) fn small_at_once(self, hash: BundleHash) -> Self {
        let small = (self.length <= SMALL).then(|| (hash, OnceLock::new()));
        Self { small, ..self }
    }

    /// All of its bytes, if they are held. Then a read does not wait.
    pub(crate) fn held(&self) -> Option<&[u8]> {
        self.small.as_ref().and_then(|(_, whole)| whole.get()).map(Vec::as_slice)
    }

    fn fetch(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let cancel = self.patience.map_or_else(|| self.cancel.clone(), |patience| self.cancel.within(patience));
        Ok(self.store.get(&self.name, offset, buffer, &cancel)?)
    }
}

impl Source for ObjectSource {
    fn length(&self) -> Result<u64> {
        Ok(self.length)
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        if offset.checked_add(buffer.len() as u64).is_none_or(|end| end > self.length) {
            return Err(Error::truncated("the bundle ends before what its footer lists"));
        }
        if let Some(held) = self.held() {
            return held.read(offset, buffer);
        }
        let Some((hash, held)) = &self.small else { return self.fetch(offset, buffer) };
        let mut whole = vec![0; usize::try_from(self.length).unwrap_or(0)];
        self.fetch(0, &mut whole)?;
        if BundleHash::of(&whole) != *hash {
            return Err(Error::corrupt("a bundle of a copy does not have the hash of its name"));
        }
        held.get_or_init(|| whole).as_slice().read(offset, buffer)
    }
}
