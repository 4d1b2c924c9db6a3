//! A domain for which bundles are made.

use crate::crypto::id::DomainId;
use crate::crypto::key::{AccessKey, ReadKey, RecoveryKey, WriteKey};
use crate::crypto::schedule::{DomainKeys, check_name};
use crate::error::Result;
use crate::format::header::Header;
use std::ops::Deref;

/// A domain for which bundles are made: its keys, and the name that its bundles hold.
#[derive(Clone)]
pub struct Domain {
    name: String,
    keys: DomainKeys,
    ledger: DomainKeys,
}

impl Domain {
    /// The name that its bundles get.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The keys of its ledgers. A ledger seals and signs the same states with other keys, so that nobody takes one for
    /// the other.
    pub(crate) fn ledger(&self) -> &DomainKeys {
        &self.ledger
    }

    /// The first bytes of all its ledgers. No other file has them.
    pub fn ledger_header(&self) -> Vec<u8> {
        Header::of(&self.ledger).encode()
    }
}

/// A domain can be used wherever a caller asks for its keys.
impl Deref for Domain {
    type Target = DomainKeys;

    fn deref(&self) -> &DomainKeys {
        &self.keys
    }
}

impl RecoveryKey {
    /// The domain of this name.
    ///
    /// # Errors
    /// As [`RecoveryKey::domain_id`].
    pub fn domain(&self, name: &str) -> Result<Domain> {
        let key = self.write_key(name)?;
        Ok(Domain { name: name.to_owned(), keys: key.domain(), ledger: key.ledger() })
    }
}

impl AccessKey {
    /// The domain with this name. A write key gives its own domain, whatever the name is: it cannot tell the name with
    /// which its domain was made.
    ///
    /// # Errors
    /// Misuse when this is a read key, or as [`RecoveryKey::domain_id`].
    pub fn named_domain(&self, name: &str) -> Result<Domain> {
        match self {
            Self::Recovery(key) => key.domain(name),
            Self::Write(WriteKey { domain_id, .. }) | Self::Read(ReadKey { domain_id, .. }) => {
                self.domain_of(*domain_id, name)
            }
        }
    }

    /// The domain with this id, for bundles that get this name.
    ///
    /// # Errors
    /// Wrong key when this is the key of another domain; as [`AccessKey::named_domain`].
    pub fn domain_of(&self, id: DomainId, name: &str) -> Result<Domain> {
        check_name(name)?;
        Ok(Domain { name: name.to_owned(), keys: self.keys(id)?, ledger: self.ledger_keys(id)? })
    }
}
