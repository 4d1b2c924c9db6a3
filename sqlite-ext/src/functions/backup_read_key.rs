//! `backup_read_key(key [, domain])` gives the read key of a domain, as text: `lifeboatread1…`. Its holder verifies and restores
//! the bundles of this domain, can make none that others take for one, and learns nothing of another domain. `domain`: with a
//! recovery key, the name of the domain (default `"default"`).

use crate::sql::edge::{Call, Reply};
use crate::sql::options::{no_name, one_domain};
use lifeboat_core::{AccessKey, Result};

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let domain = call.arguments.text(1, "the domain")?;
    let key = match call.arguments.access_key(0)? {
        AccessKey::Recovery(key) => key.write_key(one_domain(domain))?.read_key(),
        AccessKey::Write(key) => no_name(domain).map(|()| key.read_key())?,
        AccessKey::Read(key) => no_name(domain).map(|()| key)?,
    };
    Ok(Reply::Secret(key.to_text()))
}
