//! `backup_verify_key(key [, domain])` gives the verify key of a domain, as text. It opens nothing; with it anybody can check who
//! made a bundle: `backup_verify(bundle, verify_key)`. `domain`: with a recovery key, the name of the domain (default `"default"`).

use crate::sql::edge::{Call, Reply};
use crate::sql::options::{no_name, one_domain};
use lifeboat_core::{AccessKey, Result};

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let domain = call.arguments.text(1, "the domain")?;
    let verify_key = match call.arguments.access_key(0)? {
        AccessKey::Recovery(key) => key.write_key(one_domain(domain))?.verify_key(),
        AccessKey::Write(key) => no_name(domain).map(|()| key.verify_key())?,
        AccessKey::Read(key) => no_name(domain).map(|()| key.verify_key())?,
    };
    Ok(Reply::Text(verify_key.to_string()))
}
