//! `backup_keygen()` gives a new recovery key, as text: 256 bits from the operating system's random generator. Whoever
//! has it can open every bundle made with it. Without it nobody can. Keep it in two places, off this machine.

use crate::sql::edge::{Call, Reply};
use lifeboat_core::{Error, RecoveryKey, Result};
use zeroize::Zeroizing;

pub(crate) fn call(_: &Call<'_>) -> Result<Reply> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice())
        .map_err(|error| Error::host(format!("the operating system gives no random bytes: {error}")))?;
    Ok(Reply::Secret(RecoveryKey::from_bytes(*bytes)?.to_text()))
}
