//! Databases of an encrypting SQLite: SQLCipher, SQLite3 Multiple Ciphers.
//!
//! Rows are read through them as through any SQLite. But pages are copied only from one encrypted
//! database to another. So what is rebuilt for an encrypted database is rebuilt encrypted, too: under a key
//! that is thrown away. The target keeps its own key.

use crate::ffi::backup::Backup;
use crate::ffi::connection::{Connection, OpenMode};
use crate::ffi::quote::{quote_name, quote_text};
use lifeboat_core::{Error, Result};
use std::fmt::Write;

/// Both refuse with these words to copy pages between an encrypted database and one that is not.
const REFUSED: &str = "backup is not supported with ";

/// The settings of SQLCipher for the form of its pages. All of them must be the same where pages
/// are copied.
const SQLCIPHER_SETTINGS: [&str; 4] =
    ["cipher_page_size", "cipher_use_hmac", "cipher_hmac_algorithm", "cipher_plaintext_header_size"];

/// The library that encrypts a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    /// SQLCipher.
    SqlCipher,
    /// SQLite3 Multiple Ciphers, or another one that works like it.
    Multiple,
}

impl Cipher {
    /// The library that keeps this database encrypted. None for a plain one. A database that is empty and has a
    /// key counts.
    ///
    /// # Errors
    /// These errors are those of the machine.
    pub fn of(app: &Connection<'_>, schema: &str) -> Result<Option<Self>> {
        // SQLite looks at both databases when a copy begins, and changes nothing.
        let plain = Connection::open(*app.api(), ":memory:", OpenMode::Create)?;
        match Backup::start(&plain, "main", app, schema) {
            Err((_, error)) if is_refusal(&error) => Ok(Some(match ask(app, schema, "cipher_version") {
                Some(_) => Self::SqlCipher,
                None => Self::Multiple,
            })),
            Err((_, error)) if crate::is_of_machine(&error) => Err(error),
            _ => Ok(None),
        }
    }

    /// Whether it encrypts temporary databases, which have no name.
    pub fn takes_temporary(self) -> bool {
        self == Self::SqlCipher
    }

    /// Prepares an empty scratch database, so that its pages can be copied over `schema` of the app's
    /// connection. `secret` is random, and nobody needs it again.
    ///
    /// # Errors
    /// [Unsupported](Error::unsupported) when this SQLite does not copy pages into that database.
    pub fn encrypt(
        self,
        scratch: &Connection<'_>,
        app: &Connection<'_>,
        schema: &str,
        secret: &[u8; 32],
    ) -> Result<()> {
        let mut key = String::with_capacity(2 * secret.len());
        // Writing to a String cannot fail.
        secret.iter().for_each(|byte| _ = write!(key, "{byte:02x}"));
        // SQLite's words about the error would show the key.
        let set = |pragma: &str| {
            let failed =
                |_| Error::unsupported(format!("the database {schema:?} is encrypted, and its scratch copy cannot be"));
            scratch.execute(pragma).map_err(failed)
        };
        match self {
            // It takes a key of this form as it is, and skips the slow work for a passphrase.
            Self::SqlCipher => {
                set(&format!("PRAGMA key = \"x'{key}'\""))?;
                for name in SQLCIPHER_SETTINGS {
                    if let Some(value) = ask(app, schema, name) {
                        set(&format!("PRAGMA {name} = {value}"))?;
                    }
                }
            }
            Self::Multiple => {
                if let Some(cipher) = ask(app, schema, "cipher") {
                    set(&format!("PRAGMA cipher = {}", quote_text(&cipher)))?;
                }
                set(&format!("PRAGMA key = '{key}'"))?;
                let page_size = app.query_i64(&format!("PRAGMA {}.page_size", quote_name(schema)))?;
                set(&format!("PRAGMA page_size = {page_size}"))?;
            }
        }
        match Backup::start(app, schema, scratch, "main") {
            Err((_, error)) if is_refusal(&error) => Err(refused(schema, &error)),
            Err((_, error)) if crate::is_of_machine(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

fn ask(app: &Connection<'_>, schema: &str, pragma: &str) -> Option<String> {
    app.query_text(&format!("PRAGMA {}.{pragma}", quote_name(schema))).ok()
}

pub(crate) fn is_refusal(error: &Error) -> bool {
    error.message().contains(REFUSED)
}

pub(crate) fn refused(schema: &str, error: &Error) -> Error {
    Error::unsupported(format!(
        "the database {schema:?} is encrypted, and this SQLite copies nothing into it ({}); restore into a new file with \
         backup_restore_file, which is not encrypted, and encrypt that with your SQLite (SQLCipher: sqlcipher_export; SQLite3 \
         Multiple Ciphers: PRAGMA rekey)",
        error.message()
    ))
}
