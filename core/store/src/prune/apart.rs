//! Whether the copy that is to be dropped is a place of its own.
//!
//! Two names of stores may mean one place in a way that no name shows, such as a directory and a server that serves it.
//! Both are proved sound then, and what is deleted by one name is gone by the other.

use crate::read::wait::Pace;
use crate::{Result, Store, StoreError, StoreErrorKind};
use lifeboat_core::keys::DomainId;
use lifeboat_core::log::BundleHash;
use lifeboat_core::log::name::{Name, Object};
use sha2::{Digest, Sha256};

/// Puts an object that nobody needs, and looks for it in the other copies, each with its name.
///
/// # Errors
/// Refused: it came to another copy, too. Those of the store.
pub(super) fn check(
    store: &dyn Store,
    others: &[(&dyn Store, String)],
    domain: DomainId,
    now: u64,
    pace: &Pace,
) -> Result<()> {
    // What a check that was killed has left does no harm: it is in this place alone.
    let text = format!("the copy of {domain} in this store is dropped ({now})");
    let object = Object::Bundle(BundleHash(Sha256::digest(&text).into()));
    let name = Name { domain_id: domain, object }.to_string();
    match store.put(&name, &text.as_bytes(), &pace.next()) {
        // Nothing can be put there, so nobody can tell.
        Err(error) if matches!(error.kind(), StoreErrorKind::Full | StoreErrorKind::Refused) => return Ok(()),
        put => put.map(drop)?,
    }
    let twin = others.iter().find(|(other, _)| other.head(&name, &pace.next()).is_ok());
    match store.delete(&name, &pace.next()) {
        // It is retained, and counted with what else is.
        Err(error) if error.kind() == StoreErrorKind::Refused => {}
        deleted => deleted?,
    }
    match twin {
        None => Ok(()),
        Some((_, twin)) => Err(StoreError::refused(format!(
            "nothing was deleted: this is the same place as {twin}, which would lose all, too; take one of the two out of \
             the stores"
        ))),
    }
}
