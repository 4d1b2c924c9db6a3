//! `backup_verify_key(key [, domain])` gives the verify key of a domain, as text. It opens nothing. Anybody can use it
//! to check who made a bundle: `backup_verify(bundle, verify_key)`. `domain`: with a recovery key, the name of the
//! domain (default `"default"`).

use crate::sql::edge::{Call, Reply};
use crate::sql::key_argument::DomainKey;
use lifeboat_core::Result;

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let verify_key = match call.arguments.domain_key()? {
        DomainKey::Write(key) => key.verify_key(),
        DomainKey::Read(key) => key.verify_key(),
    };
    Ok(Reply::Text(verify_key.to_string()))
}
