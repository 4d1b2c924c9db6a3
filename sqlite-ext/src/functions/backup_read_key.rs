//! `backup_read_key(key [, domain])` gives the read key of a domain, as text: `lifeboatread1…`. Its holder can verify
//! and restore the bundles of this domain. Its holder cannot make a bundle that others accept, and learns nothing of
//! another domain. `domain`: with a recovery key, the name of the domain (default `"default"`).

use crate::sql::edge::{Call, Reply};
use crate::sql::key_argument::DomainKey;
use lifeboat_core::Result;

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let key = match call.arguments.domain_key()? {
        DomainKey::Write(key) => key.read_key(),
        DomainKey::Read(key) => key,
    };
    Ok(Reply::Secret(key.to_text()))
}
