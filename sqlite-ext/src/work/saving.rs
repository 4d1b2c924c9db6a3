//! What all saves to stores say in the same way.

use crate::sql::arguments::to_path;
use crate::sql::host::Host;
use lifeboat_core::log::SealedPart;
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::{Connection, quote_name};
use lifeboat_store::save::Save;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest `timeout`: a day.
const TIMEOUT_MAX: f64 = 86_400.0;

/// How long a copy may stand still.
///
/// # Errors
/// Misuse for a number that makes no sense.
pub(crate) fn patience(timeout: Option<f64>) -> Result<Duration> {
    match timeout {
        None => Ok(Save::PATIENCE),
        Some(seconds) if seconds > 0.0 && seconds <= TIMEOUT_MAX => Ok(Duration::from_secs_f64(seconds)),
        Some(_) => Err(Error::misuse("the option `timeout` is a number of seconds, above 0 and at most 86400")),
    }
}

/// The time since 1970.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// How many bytes the file of this database has. What lies in its WAL is not counted.
///
/// # Errors
/// Misuse for a path that cannot be one.
pub(crate) fn database_bytes(app: &Connection<'_>, schema: &str) -> Result<Option<u64>> {
    let file = app.file_name(schema)?;
    if file.is_empty() {
        return Ok(None);
    }
    Ok(std::fs::metadata(to_path(&file)?).ok().map(|metadata| metadata.len()))
}

/// What the record of a save tells to holders of the key. `date`: in milliseconds since 1970; None: now.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn sealed(
    source: &Connection<'_>,
    schema: &str,
    date: Option<i64>,
    writer: Option<String>,
    label: Option<String>,
) -> Result<SealedPart> {
    let page_size = source.query_i64(&format!("PRAGMA {}.page_size", quote_name(schema)))?;
    Ok(SealedPart {
        date: date.or_else(|| i64::try_from(now().as_millis()).ok()),
        writer,
        label,
        // SAFETY: the function has no conditions.
        sqlite_version: u32::try_from(unsafe { (Host::get().api.libversion_number)() }).ok(),
        page_size: u32::try_from(page_size).ok(),
        group: None,
    })
}
