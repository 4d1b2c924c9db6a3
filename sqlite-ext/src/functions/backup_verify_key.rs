//! `backup_verify_key(key [, domain])` gives the verify key of a recovery key and a domain, as text. It opens nothing; with
//! it anybody can check who made a bundle: `backup_verify(bundle, verify_key)`. Without a domain it is that of [`DEFAULT_DOMAIN`].

use crate::sql::edge::{Call, Reply};
use crate::sql::options::DEFAULT_DOMAIN;
use lifeboat_core::Result;

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let domain = call.arguments.text(1, "the domain")?.unwrap_or(DEFAULT_DOMAIN);
    let key = call.arguments.recovery_key(0)?;
    let keys = key.domain(key.domain_id(domain)?);
    Ok(Reply::Text(keys.verify_key().to_string()))
}
