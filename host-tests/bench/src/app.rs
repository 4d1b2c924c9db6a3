//! An application that writes all the time: `lifeboat-bench app DATABASE SECONDS`. A token comes and the oldest one goes, in one
//! transaction after the other, each synced (WAL mode, `synchronous = FULL`). Prints what its commits took, in JSON.

use std::path::Path;
use std::time::{Duration, Instant};

use lifeboat_host_tests::random::Random;
use lifeboat_host_tests::zkap::token;
use rusqlite::{Connection, TransactionBehavior};
use serde_json::json;

/// Writes for so many seconds.
///
/// # Errors
/// When the database cannot be written.
pub fn run(database: &Path, seconds: u64) -> rusqlite::Result<()> {
    let mut db = Connection::open(database)?;
    db.busy_timeout(Duration::from_secs(10))?;
    db.execute_batch("PRAGMA journal_mode = wal; PRAGMA synchronous = full")?;
    let highest: i64 = db.query_row(r#"SELECT max(rowid) FROM "unblinded-tokens""#, [], |row| row.get(0))?;
    let mut random = Random::new(highest.unsigned_abs());
    let mut took: Vec<f64> = Vec::new();
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        let token = token(&mut random);
        let began = Instant::now();
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.prepare_cached(r#"INSERT INTO "unblinded-tokens" VALUES (?, 1)"#)?.execute([token])?;
        let oldest = r#"DELETE FROM "unblinded-tokens" WHERE rowid = (SELECT min(rowid) FROM "unblinded-tokens")"#;
        transaction.prepare_cached(oldest)?.execute([])?;
        transaction.commit()?;
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    took.sort_by(f64::total_cmp);
    let percentile = |part: usize| took.get(took.len() * part / 100);
    println!(
        "{}",
        json!({"commits": took.len(), "p50": percentile(50), "p99": percentile(99), "longest": took.last()})
    );
    Ok(())
}
