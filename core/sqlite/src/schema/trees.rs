//! Makes many empty b-trees at once.

use crate::ffi::connection::Connection;
use crate::schema::write_schema::write;
use lifeboat_core::{Error, Result};

/// After each CREATE TABLE, SQLite looks through all of `sqlite_schema`. So only this many tables may be in it at a
/// time, or making n b-trees would cost n².
const BATCH: usize = 100;

/// Runs these CREATE TABLE statements of ours, each of which makes one b-tree, and gives the root pages in their order.
/// `sqlite_schema` is empty before and afterwards. A transaction must be open. An error comes with the number of the
/// statement that failed.
pub(crate) fn make(
    connection: &Connection<'_>,
    statements: impl IntoIterator<Item = String>,
) -> Result<Vec<i64>, (usize, Error)> {
    let mut roots = Vec::new();
    let mut waiting = 0;
    for (number, statement) in statements.into_iter().enumerate() {
        connection.execute(&statement).map_err(|error| (number, error))?;
        waiting += 1;
        if waiting == BATCH {
            harvest(connection, &mut roots).map_err(|error| (number, error))?;
            waiting = 0;
        }
    }
    harvest(connection, &mut roots).map_err(|error| (roots.len(), error))?;
    Ok(roots)
}

/// Notes the roots of the tables in the schema, and removes the tables from the schema. The b-trees stay.
fn harvest(connection: &Connection<'_>, roots: &mut Vec<i64>) -> Result<()> {
    let mut statement = connection.prepare("SELECT rootpage FROM sqlite_master ORDER BY rowid")?;
    while statement.step()? {
        roots.push(statement.integer(0));
    }
    drop(statement);
    write(connection, true, [])
}
