//! `backup_keygen()` gives a new recovery key, as text: 256 bits from the operating system's random generator. Whoever
//! has it can open every bundle made with it. Without it nobody can. Keep it in two places, off this machine.
//!
//! `backup_keygen(secret, label)` gives the recovery key of a secret that the owner keeps already, such as the seed of a wallet: a BLOB, or
//! TEXT in the forms of a key (`file:`, `env:`), of at least 16 random bytes. The label tells its uses apart.

use crate::sql::arguments::Argument;
use crate::sql::edge::{Call, Reply};
use lifeboat_core::{Error, RecoveryKey, Result};
use zeroize::Zeroizing;

pub(crate) fn call(call: &Call<'_>) -> Result<Reply> {
    let key = match call.arguments.len() {
        0 => random()?,
        _ => derived(call)?,
    };
    Ok(Reply::Secret(key.to_text()))
}

fn random() -> Result<RecoveryKey> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice())
        .map_err(|error| Error::host(format!("the operating system gives no random bytes: {error}")))?;
    RecoveryKey::from_bytes(*bytes)
}

fn derived(call: &Call<'_>) -> Result<RecoveryKey> {
    let label = call.arguments.text(1, "the label")?.ok_or_else(|| {
        Error::misuse(
            "a key from a secret needs a label, such as the name of the application: backup_keygen(secret, label)",
        )
    })?;
    match call.arguments.get(0)? {
        Argument::Blob(secret) => RecoveryKey::derive(secret, label),
        Argument::Text(_) => RecoveryKey::derive(call.arguments.secret(0)?.as_bytes(), label),
        Argument::Null => Err(Error::misuse("the secret is NULL; give a BLOB or a text of at least 16 random bytes")),
        Argument::Integer(_) | Argument::Real => {
            Err(Error::misuse("the secret is a number; give a BLOB or a text of at least 16 random bytes"))
        }
    }
}
