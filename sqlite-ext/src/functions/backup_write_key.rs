//! `backup_write_key(key [, domain])` gives the write key of a domain, as text: `lifeboatwrite1…`. Its holder can
//! export, compose, verify and restore the bundles of this domain, and learns nothing of another one. `domain`: with a
//! recovery key, the name of the domain (default `"default"`).

use crate::sql::edge::{Call, Reply};
use crate::sql::key_argument::DomainKey;
use lifeboat_core::{Error, Result};

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    match call.arguments.domain_key()? {
        DomainKey::Write(key) => Ok(Reply::Secret(key.to_text())),
        DomainKey::Read(_) => Err(Error::misuse("a read key does not give the write key; give the recovery key")),
    }
}
