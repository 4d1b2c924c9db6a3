//! The switches of a connection that handles a foreign schema.

use crate::ffi::connection::Connection;
use lifeboat_core::{Error, Result};
use std::ffi::c_int;

const ENABLE_FKEY: c_int = 1002;
const ENABLE_TRIGGER: c_int = 1003;
const ENABLE_LOAD_EXTENSION: c_int = 1005;
const DEFENSIVE: c_int = 1010;
const WRITABLE_SCHEMA: c_int = 1011;
const DQS_DML: c_int = 1013;
const DQS_DDL: c_int = 1014;
const ENABLE_VIEW: c_int = 1015;
const LEGACY_FILE_FORMAT: c_int = 1016;
const TRUSTED_SCHEMA: c_int = 1017;

pub(crate) const LIMIT_LENGTH: c_int = 0;
const LIMIT_ATTACHED: c_int = 7;
const LIMIT_TRIGGER_DEPTH: c_int = 10;
const LIMIT_LIKE_PATTERN_LENGTH: c_int = 8;
/// The time of a match grows with the pattern.
const LIKE_PATTERN_MAX: c_int = 4096;

/// The largest value may grow to this size in an expression, besides four times its own size.
pub(crate) const LENGTH_SLACK: usize = 64 << 10;

/// Nothing in a schema may act here: no triggers, views, extensions, attached files. Expressions may use functions
/// only if they are harmless.
pub(crate) fn raise(connection: &Connection<'_>) -> Result<()> {
    // This is off, so that the rows of sqlite_schema can be written.
    let defensive = connection.configure(DEFENSIVE, false);
    for option in [ENABLE_FKEY, ENABLE_TRIGGER, ENABLE_VIEW, TRUSTED_SCHEMA] {
        if option == TRUSTED_SCHEMA && distrusts_json(connection) {
            continue;
        }
        if !defensive || !connection.configure(option, false) {
            return Err(Error::unsupported(
                "this SQLite is too old to handle a schema from outside; 3.31 is the oldest",
            ));
        }
    }
    for option in [ENABLE_LOAD_EXTENSION, DQS_DML, LEGACY_FILE_FORMAT] {
        // Builds that leave the feature out do not know the switch.
        connection.configure(option, false);
    }
    // Old schemas may have "text" where 'text' is meant. SQLite reads them, so they must be readable here.
    connection.configure(DQS_DDL, true);
    connection.limit(LIMIT_ATTACHED, 0);
    connection.limit(LIMIT_TRIGGER_DEPTH, 0);
    connection.limit(LIMIT_LIKE_PATTERN_LENGTH, LIKE_PATTERN_MAX);
    connection.execute("PRAGMA ignore_check_constraints = ON")
}

/// SQLite 3.38 to 3.40 take their own JSON functions for harmful: without trust, no index or generated column may have
/// one. Trust lets no function act that `validate` would refuse: it has its own list of what may be evaluated.
fn distrusts_json(connection: &Connection<'_>) -> bool {
    (3_038_000..3_041_000).contains(&connection.sqlite_version())
}

/// Allows compiling statements about views and triggers. Nothing may be run on such a connection.
pub(crate) fn let_compile(connection: &Connection<'_>) {
    connection.configure(ENABLE_VIEW, true);
    connection.configure(ENABLE_TRIGGER, true);
    // Newer versions of SQLite check it while they compile.
    connection.limit(LIMIT_TRIGGER_DEPTH, 10);
}

/// Opens or closes `sqlite_schema` for writing.
pub(crate) fn writable_schema(connection: &Connection<'_>, on: bool) {
    connection.configure(WRITABLE_SCHEMA, on);
}

/// Limits what an expression can make of values that have `largest` bytes: `hex(zeroblob(4e8))` cannot use up
/// memory.
pub(crate) fn limit_length(connection: &Connection<'_>, largest: usize) {
    let limit = largest.saturating_mul(4).saturating_add(LENGTH_SLACK);
    connection.limit(LIMIT_LENGTH, c_int::try_from(limit).unwrap_or(c_int::MAX));
}
