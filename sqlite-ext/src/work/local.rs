//! Where the local state of a database is: the directory that remembers its saves.

use crate::files;
use crate::sql::arguments::{path_of, to_path};
use crate::work::read::given::refuse_store;
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::Connection;
use lifeboat_store::Places;
use std::path::{Path, PathBuf};

/// The text after the name of the database.
const SUFFIX: &str = "-lifeboat";

/// The directory of the local state of this attached database: that of the option `local`, else one beside the database
/// file.
///
/// # Errors
/// Misuse for a database without a file, and for a text that is not a path.
pub(crate) fn local_of(app: &Connection<'_>, schema: &str, option: Option<&str>) -> Result<PathBuf> {
    if let Some(path) = option {
        return path_of(path.as_bytes(), "the local state");
    }
    beside_database(app, schema)?.ok_or_else(|| {
        Error::misuse(format!(
            "the database {schema:?} has no file, beside which its local state could lie; name a directory by the option \
             \"local\""
        ))
    })
}

/// The directory beside the database's file. None: the database has no file.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn beside_database(app: &Connection<'_>, schema: &str) -> Result<Option<PathBuf>> {
    let file = app.file_name(schema)?;
    if file.is_empty() { Ok(None) } else { to_path(&file).map(|path| Some(beside(&path))) }
}

/// The directory beside a database at this path.
pub(crate) fn beside(database: &Path) -> PathBuf {
    files::beside(database, SUFFIX)
}

/// The directory where a scrub or a prune remembers what it saw, if the option `local` names one.
///
/// # Errors
/// Misuse for a path that cannot be one, and for a store.
pub(crate) fn checker_local(local: Option<&str>, places: &Places) -> Result<Option<PathBuf>> {
    let local = local.map(|local| path_of(local.as_bytes(), "the local state")).transpose()?;
    if let Some(local) = &local {
        refuse_store(places, local, "both a store and the local state; give one of them another directory")?;
    }
    Ok(local)
}
