//! `backup_write_key(key [, domain])` gives the write key of a domain, as text: `lifeboatwrite1…`. Its holder exports, composes,
//! verifies and restores the bundles of this domain, and learns nothing of another one. `domain`: with a recovery key, the name of
//! the domain (default `"default"`).

use crate::sql::edge::{Call, Reply};
use crate::sql::options::{no_name, one_domain};
use lifeboat_core::{AccessKey, Error, Result};

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let domain = call.arguments.text(1, "the domain")?;
    let key = match call.arguments.access_key(0)? {
        AccessKey::Recovery(key) => key.write_key(one_domain(domain))?,
        AccessKey::Write(key) => no_name(domain).map(|()| key)?,
        AccessKey::Read(_) => {
            return Err(Error::misuse("a read key does not give the write key; give the recovery key"));
        }
    };
    Ok(Reply::Secret(key.to_text()))
}
