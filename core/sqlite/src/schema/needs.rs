//! What a schema needs besides the tables and functions that each SQLite has: collations and functions of the
//! application, and functions of SQLite that some versions do not have.

use crate::ffi::collations;
use crate::ffi::connection::Connection;
use crate::schema::functions::who_has;
use lifeboat_core::{Error, Result};

/// The thing that is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needed {
    /// A collation of the application.
    Collation(String),
    /// A function of the application.
    AppFunction(String),
    /// A function of SQLite that some versions do not have: its name, and whether this one has it.
    Function(String, bool),
    /// Something else, in the words of this SQLite.
    Other(String),
}

/// An object of a schema, and what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The kind and name of the object: `index "i"`.
    pub object: String,
    /// The name of the index, if a statement made it, so that a restore may leave it out.
    pub index: Option<String>,
    /// What the object needs.
    pub needed: Needed,
}

impl Need {
    /// Which SQLite has the needed thing, where that depends on its version or build.
    pub fn sqlite(&self) -> Option<String> {
        match &self.needed {
            Needed::Function(name, _) => Some(who_has(name)),
            _ => None,
        }
    }

    /// Whether a rebuild on this connection has it.
    pub(crate) fn is_met(&self, connection: &Connection<'_>) -> bool {
        match &self.needed {
            Needed::Collation(name) => collations::can_compare(connection, name),
            Needed::Function(_, is_here) => *is_here,
            Needed::AppFunction(_) | Needed::Other(_) => false,
        }
    }

    /// The error of a restore.
    pub(crate) fn refuse_restore(&self, connection: &Connection<'_>) -> Error {
        let object = &self.object;
        let (why, then) = match &self.needed {
            Needed::Collation(name) => (
                format!("sorts by the collation {name:?}, which only the application has"),
                "restore from a connection on which it is registered".to_owned(),
            ),
            Needed::AppFunction(name) => (
                format!("calls {name}(), a function that only the application has"),
                "no restore computes it".to_owned(),
            ),
            Needed::Function(name, _) => {
                let version = connection.query_text("SELECT sqlite_version()").unwrap_or_default();
                (
                    format!("calls {name}(), which this SQLite ({version}) does not have"),
                    format!("restore with {}, or with the recovery component", who_has(name)),
                )
            }
            Needed::Other(words) => (format!("cannot be built by this SQLite ({words})"), "use another one".to_owned()),
        };
        let without = match self.index {
            Some(_) => "restore without such indexes (the option \"skip_indexes\" of a restore), or ",
            None => "",
        };
        Error::unsupported(format!("{object} {why}: {then}, or {without}read the rows alone (backup_rows)"))
    }

    /// Whether an export may hold it: some SQLite or application can give it.
    ///
    /// # Errors
    /// Unsupported, by name, for what no restore can build.
    pub(crate) fn check_export(&self) -> Result<()> {
        let object = &self.object;
        let drop = match self.index {
            Some(_) => "drop it before the export",
            None => "drop its generated columns before the export",
        };
        let why = match &self.needed {
            Needed::Collation(_) | Needed::Function(..) => return Ok(()),
            Needed::AppFunction(name) => format!("calls {name}(), a function of the application, which no restore has"),
            Needed::Other(words) => format!("could not be built again: {words}"),
        };
        Err(Error::unsupported(format!("{object} {why}; {drop}")))
    }
}
