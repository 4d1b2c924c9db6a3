//! The last step of a restore: copies the rebuilt pages over the app's own database, in one transaction of SQLite's.
//!
//! A crash or an I/O error on the way leaves the old database or the new one, never a mix: the copy is an ordinary
//! write transaction under the target's journal. Hooks, triggers and the authorizer of the app's connection do not see
//! it.

use crate::ffi::backup::Backup;
use crate::ffi::connection::Connection;
use crate::ffi::quote::quote_name;
use crate::rebuild::builder::{RESERVE_BYTES, RebuildOptions};
use crate::rebuild::check::CheckLevel;
use crate::restore::cipher;
use lifeboat_core::state::TextEncoding;
use lifeboat_core::{Error, ErrorKind, Result};
use std::ffi::c_int;

/// The properties of a target database that a rebuilt one must have, too. If not, the copy would change them in silence
/// or fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Bytes per page.
    pub page_size: u32,
    /// `PRAGMA auto_vacuum`: 0 none, 1 full, 2 incremental.
    pub auto_vacuum: u8,
    /// Bytes at the end of each page that the target leaves to others (checksums, encryption).
    pub reserve_bytes: u8,
    /// Its schema is empty.
    pub is_empty: bool,
}

impl Target {
    /// Looks at `schema` of the app's connection.
    ///
    /// [Misuse](Error::misuse) when it cannot be replaced safely: it is read-only, or its journal mode does not survive
    /// a crash in the middle of a write.
    pub fn read(app: &Connection<'_>, schema: &str) -> Result<Self> {
        if app.is_read_only(schema)? {
            return Err(Error::misuse(format!(
                "the database {schema:?} is open for reading only; open it for writing"
            )));
        }
        let pragma = |name: &str| format!("PRAGMA {}.{name}", quote_name(schema));
        let journal = app.query_text(&pragma("journal_mode"))?;
        if matches!(journal.as_str(), "off" | "memory") && !app.file_name(schema)?.is_empty() {
            return Err(Error::misuse(format!(
                "PRAGMA journal_mode is {journal}, so a crash would leave half a database; set it to DELETE or WAL \
                 first"
            )));
        }
        let objects = app.query_i64(&format!("SELECT count(*) FROM {}.sqlite_master", quote_name(schema)))?;
        let number = |value: i64| u8::try_from(value).map_err(|_| Error::host(format!("{schema:?}: {value}")));
        // -1 only asks. An older SQLite does not know the question, and reserves nothing by itself.
        let mut reserve = -1;
        let known = app.file_control(schema, RESERVE_BYTES, &mut reserve)?;
        let page_size = app.query_i64(&pragma("page_size"))?;
        Ok(Self {
            page_size: u32::try_from(page_size).map_err(|_| Error::host(format!("PRAGMA page_size: {page_size}")))?,
            auto_vacuum: number(app.query_i64(&pragma("auto_vacuum"))?)?,
            reserve_bytes: if known { number(reserve.into())? } else { 0 },
            is_empty: objects == 0,
        })
    }

    /// The options for a rebuild that will be copied over this target.
    pub fn options(&self, check: CheckLevel) -> RebuildOptions {
        let Self { page_size, auto_vacuum, reserve_bytes, .. } = *self;
        RebuildOptions { page_size, auto_vacuum, reserve_bytes, check, ..RebuildOptions::default() }
    }
}

/// `SQLITE_FCNTL_DATA_VERSION`
const DATA_VERSION: c_int = 35;

/// The state of a database that a connection has seen. It is another one after each change, by the connection or by
/// others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(c_int);

impl Version {
    /// Looks at `schema` of the app's connection.
    pub fn of(app: &Connection<'_>, schema: &str) -> Result<Self> {
        app.query_i64(&format!("SELECT count(*) FROM {}.sqlite_master", quote_name(schema)))?;
        Self::last_seen(app, schema)
    }

    fn last_seen(app: &Connection<'_>, schema: &str) -> Result<Self> {
        let mut version = 0;
        if app.file_control(schema, DATA_VERSION, &mut version)? {
            Ok(Self(version))
        } else {
            Err(Error::host(format!("{schema:?}: SQLite does not tell the version of its data")))
        }
    }
}

/// Gives the app's connection this encoding, if that is still possible: before any table was made, attached or made
/// temporarily. SQLite would copy pages of another encoding without a word, and leave the connection unusable.
///
/// [Misuse](Error::misuse) when the connection has another encoding that can no longer change.
pub fn adopt_encoding(app: &Connection<'_>, encoding: TextEncoding) -> Result<()> {
    if app.encoding()? == encoding {
        return Ok(());
    }
    app.set_encoding(encoding)
        .map_err(|error| error.at("the backup holds text in another encoding; restore it into a new file instead"))
}

/// Copies the main database of `scratch` over `schema` of the app's connection: all or nothing, and committed when this
/// returns. The app's busy timeout is honoured.
///
/// Call these before: [`check_may_restore`](crate::check_may_restore), the [`Version`] of what may be lost,
/// [`Target::read`], [`adopt_encoding`], and a [`Rebuild`](crate::Rebuild) with [`Target::options`].
/// [`Busy`](lifeboat_core::ErrorKind::Busy) when others use the database, or it has changed since that version. After
/// every error the target is as it was.
pub fn copy_into(scratch: &Connection<'_>, app: &Connection<'_>, schema: &str, version: Version) -> Result<()> {
    if scratch.encoding()? != app.encoding()? {
        return Err(Error::misuse("the rebuilt database and the target have different text encodings"));
    }
    let copied = copy(scratch, app, schema, version);
    if copied.as_ref().is_err_and(|error| error.kind() != ErrorKind::Busy) {
        // After a failed write, SQLite puts the old content back when the database is next read: here, before anybody
        // finds it half written. If that fails, too, the next program that opens it does so.
        let _ = Version::of(app, schema);
    }
    copied
}

fn copy(scratch: &Connection<'_>, app: &Connection<'_>, schema: &str, version: Version) -> Result<()> {
    let place = |error: Error| error.at(format!("replacing the database {schema:?}"));
    let mut backup = Backup::start(app, schema, scratch, "main").map_err(|(_, error)| match error {
        error if cipher::is_refusal(&error) => cipher::refused(schema, &error),
        error if error.message().contains("in use") => place(
            error.at("finish or reset what still reads it on this connection (statements, open blobs), then try again"),
        ),
        error => place(error),
    })?;
    // Locks the target, and copies nothing yet. From here on nobody changes it.
    backup.step(0).map_err(place)?;
    // During a backup nobody may use the target: whoever did could see half a database. This is a number of
    // the connection, and no page is read for it.
    if Version::last_seen(app, schema)? != version {
        return Err(Error::busy(format!(
            "the database {schema:?} was changed meanwhile; nothing was replaced; try again"
        )));
    }
    while !backup.step(-1).map_err(place)? {}
    Ok(())
}
