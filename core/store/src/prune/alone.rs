//! Whether another prune works on the same copy.

use crate::read::wait::Pace;
use crate::scrub::catalog::Catalog;
use crate::series::FIRST_PAGE;
use crate::{LIST_MAX, Result, Store, StoreError};
use lifeboat_core::keys::{DomainId, VerifyKey};
use lifeboat_core::log::name::{self, Name, Object};
use lifeboat_core::log::{FLOOR_MAX, Floor};
use std::collections::BTreeSet;

/// The floor statements that were there before this prune. Each prune puts its own one before it deletes anything.
/// So one that is not known is that of another prune.
pub(super) struct Alone<'a> {
    store: &'a dyn Store,
    domain: DomainId,
    key: VerifyKey,
    known: BTreeSet<String>,
}

impl<'a> Alone<'a> {
    /// `own`: the name of this prune's statement.
    pub fn new(store: &'a dyn Store, catalog: &Catalog, key: VerifyKey, own: String) -> Self {
        let known = catalog.floors.iter().map(|(floor, _)| floor.name().to_string());
        Self { store, domain: catalog.domain, key, known: known.chain([own]).collect() }
    }

    /// # Errors
    /// Refused: another prune works here. Those of the store.
    pub fn check(&self, pace: &Pace) -> Result<()> {
        let (prefix, mut after, mut limit) = (name::floors(self.domain), String::new(), FIRST_PAGE);
        loop {
            let page = self.store.list(&prefix, &after, limit, &pace.next())?;
            for entry in page.iter().filter(|entry| !self.known.contains(&entry.name)) {
                let name = Name::parse(&entry.name).filter(|name| matches!(name.object, Object::Floor { .. }));
                let length = usize::try_from(entry.length).ok().filter(|length| *length <= FLOOR_MAX);
                let Some((name, length)) = name.zip(length) else { continue };
                let mut bytes = vec![0; length];
                let is_read = self.store.get(&entry.name, 0, &mut bytes, &pace.next()).is_ok();
                if is_read && Floor::read_at(&name, &bytes, Some(&self.key)).is_ok() {
                    return Err(StoreError::refused("another prune works on this copy; call again when it has ended"));
                }
            }
            match page.last() {
                Some(last) if page.len() == limit && last.name > after => after = last.name.clone(),
                _ => return Ok(()),
            }
            limit = LIST_MAX;
        }
    }
}
