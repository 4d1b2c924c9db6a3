//! An object of a store as bytes at any place.

use crate::{Cancel, Store};
use lifeboat_core::chain::Source;
use lifeboat_core::{Error, Result};
use std::sync::Arc;
use std::time::Duration;

/// Reads an object by ranges. Its length comes from a signed record, never from the store.
pub(crate) struct ObjectSource {
    store: Arc<dyn Store>,
    name: String,
    length: u64,
    cancel: Cancel,
    patience: Option<Duration>,
}

impl ObjectSource {
    pub(crate) fn new(store: Arc<dyn Store>, name: String, length: u64, cancel: &Cancel) -> Self {
        Self { store, name, length, cancel: cancel.clone(), patience: None }
    }

    /// Each read may take this long at most.
    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience: Some(patience), ..self }
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
        let cancel = self.patience.map_or_else(|| self.cancel.clone(), |patience| self.cancel.within(patience));
        Ok(self.store.get(&self.name, offset, buffer, &cancel)?)
    }
}
