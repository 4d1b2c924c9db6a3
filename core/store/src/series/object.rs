//! A bundle in a store as bytes at any place.

use crate::{Cancel, Store};
use lifeboat_core::chain::Source;
use lifeboat_core::keys::DomainId;
use lifeboat_core::log::BundleHash;
use lifeboat_core::log::name::{Name, Object};
use lifeboat_core::{Error, Result};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A bundle up to this size is read at once: that costs less than its ranges would.
const SMALL: u64 = 128 << 10;

/// Reads a bundle by ranges; a small one is read whole by the first read, and its hash is checked. Its length comes from
/// a signed record, never from the store.
pub(crate) struct ObjectSource {
    store: Arc<dyn Store>,
    name: String,
    hash: BundleHash,
    length: u64,
    cancel: Cancel,
    patience: Option<Duration>,
    whole: OnceLock<Vec<u8>>,
}

impl ObjectSource {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        domain_id: DomainId,
        hash: BundleHash,
        length: u64,
        cancel: &Cancel,
    ) -> Self {
        let name = Name { domain_id, object: Object::Bundle(hash) }.to_string();
        Self { store, name, hash, length, cancel: cancel.clone(), patience: None, whole: OnceLock::new() }
    }

    /// Each read may take this long at most.
    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience: Some(patience), ..self }
    }

    /// All of its bytes, if they are held. Then a read does not wait.
    pub(crate) fn held(&self) -> Option<&[u8]> {
        self.whole.get().map(Vec::as_slice)
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
        if self.length > SMALL {
            return self.fetch(offset, buffer);
        }
        let mut whole = vec![0; usize::try_from(self.length).unwrap_or(0)];
        self.fetch(0, &mut whole)?;
        if BundleHash::of(&whole) != self.hash {
            return Err(Error::corrupt("a bundle of a copy does not have the hash of its name"));
        }
        self.whole.get_or_init(|| whole).as_slice().read(offset, buffer)
    }
}
