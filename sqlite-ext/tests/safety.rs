//! What must not happen to files and databases: half a file, a lost database, rows that are lost in silence.

mod common;

use common::*;
use rusqlite::params;
use std::fs;

#[test]
fn t23_a_file_that_is_not_ours_is_not_overwritten() {
    let (db, key, _) = sample();
    let directory = directory();
    let path = directory.path().join("a.bundle");
    let name = path.to_str().unwrap();
    let export = "SELECT backup_export_file(?, ?)";
    for content in [&b""[..], b"notes", &[0; 5000]] {
        fs::write(&path, content).unwrap();
        assert!(error(&db, export, [&key, name]).contains("already exists and is not a bundle"));
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    let other = common::key(&db);
    json(&db, "SELECT backup_export_file(?, ?, '{\"replace\": true}')", [&other, name]);
    assert!(error(&db, export, [&key, name]).contains("already exists and is a bundle of another key"));
    let domain = "SELECT backup_export_file(?, ?, '{\"domain\": \"wallet\"}')";
    assert!(error(&db, domain, [&other, name]).contains("is a bundle of another domain of this key"));
    json(&db, export, [&other, name]);
    db.execute("DELETE FROM people", []).unwrap();
    assert_eq!(json(&db, export, [&other, name])["changed"], true);
    let sql = "SELECT backup_export_file(?, ?)";
    assert!(error(&db, sql, [&key, directory.path().to_str().unwrap()]).starts_with("backup_export_file: "));
    assert_eq!(names(directory.path()), ["a.bundle"]);
}

#[test]
fn z7_a_restore_that_fails_changes_nothing() {
    let (_, key, bundle) = sample();
    let other = memory();
    other.execute_batch("CREATE TABLE mine(x); INSERT INTO mine VALUES (1)").unwrap();
    let before: Vec<u8> = one(&other, "SELECT backup_export(?)", [&key]);
    let wrong_key = common::key(&other);
    let restore = "SELECT backup_restore(?, ?, '{\"replace\": true}')";
    let found = error(&other, "SELECT backup_restore(?, ?)", params![bundle, key]);
    assert!(found.contains("is not empty") && found.contains("\"replace\": true"), "{found}");
    assert!(error(&other, restore, params![bundle, wrong_key]).starts_with("backup_restore: wrong key"));
    assert!(error(&other, restore, params![&bundle[..bundle.len() - 1], key]).starts_with("backup_restore: truncated"));
    let expect = format!("{{\"replace\": true, \"expect\": \"{}\"}}", "ab".repeat(32));
    let found = error(&other, "SELECT backup_restore(?, ?, ?)", params![bundle, key, expect]);
    assert!(found.starts_with("backup_restore: mismatch"), "{found}");
    assert_eq!(one::<Vec<u8>>(&other, "SELECT backup_export(?)", [&key]), before);
    json(&other, restore, params![bundle, key]);
    assert_eq!(one::<Vec<u8>>(&other, "SELECT backup_export(?)", [&key]), bundle);
}

#[test]
fn z7_a_file_restore_that_fails_leaves_nothing() {
    let (db, key, bundle) = sample();
    let directory = directory();
    let path = directory.path().join("a.db");
    let name = path.to_str().unwrap();
    let sql = "SELECT backup_restore_file(?, ?, ?, ?)";
    let mut damaged = bundle.clone();
    damaged[bundle.len() / 2] ^= 1;
    error(&db, sql, params![damaged, key, name, "{}"]);
    error(&db, sql, params![&bundle[..bundle.len() - 9], key, name, "{}"]);
    error(&db, sql, params![bundle, key, name, format!("{{\"expect\": \"{}\"}}", "0".repeat(64))]);
    assert!(error(&db, sql, params![bundle, key, name, "{\"page_size\": 1000}"]).contains("a power of two"));
    assert_eq!(names(directory.path()), [""; 0]);
    fs::write(&path, "old").unwrap();
    error(&db, sql, params![damaged, key, name, "{\"replace\": true}"]);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(directory.path()), ["a.db"]);
}

#[test]
fn a_database_in_use_is_not_replaced() {
    let (_, key, bundle) = sample();
    let directory = directory();
    let path = directory.path().join("app.db");
    let name = path.to_str().unwrap();
    let app = open(&path);
    app.execute_batch("CREATE TABLE mine(x)").unwrap();
    let sql = "SELECT backup_restore_file(?, ?, ?, '{\"replace\": true}')";
    assert!(error(&app, sql, params![bundle, key, name]).contains("is a database of this connection"));
    for verb in ["SELECT backup_export_file(?2, ?3, '{\"replace\": true}'), ?1", "SELECT backup_verify(?3, ?2), ?1"] {
        assert!(error(&app, verb, params![bundle, key, name]).contains("is a database of this connection"), "{verb}");
    }
    let other = memory();
    app.execute_batch("BEGIN; INSERT INTO mine VALUES (1)").unwrap();
    let found = error(&other, sql, params![bundle, key, name]);
    assert!(found.contains("app.db-journal") || found.contains("is locked"), "{found}");
    app.execute_batch("COMMIT; BEGIN; SELECT * FROM mine").unwrap();
    let found = error(&other, sql, params![bundle, key, name]);
    assert!(found.starts_with("backup_restore_file: busy:") && found.contains("is locked"), "{found}");
    app.execute_batch("COMMIT; PRAGMA journal_mode = WAL; INSERT INTO mine VALUES (2)").unwrap();
    assert!(error(&other, sql, params![bundle, key, name]).contains("app.db-wal' exists"));
    assert_eq!(one::<i64>(&app, "SELECT count(*) FROM mine", []), 2);
    drop(app);
    json(&other, sql, params![bundle, key, name]);
    assert_eq!(one::<Vec<u8>>(&open(&path), "SELECT backup_export(?)", [&key]), bundle);
}

/// A link must not hide the log beside the file that it leads to.
#[cfg(unix)]
#[test]
fn a_link_to_a_database_in_use_is_not_replaced() {
    let (db, key, bundle) = sample();
    let directory = directory();
    let (real, link) = (directory.path().join("real.db"), directory.path().join("link.db"));
    let user = open(&real);
    user.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE old(a); INSERT INTO old VALUES (1)").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    for path in [&real, &link] {
        let path = path.display().to_string();
        let refused =
            error(&db, "SELECT backup_restore_file(?2, ?1, ?3, '{\"replace\": true}')", params![key, bundle, path]);
        assert!(refused.contains("-wal"), "{refused}");
    }
    assert_eq!(one::<i64>(&user, "SELECT a FROM old", []), 1);
}

#[test]
fn files_that_belong_to_an_open_database_are_left_alone() {
    let directory = directory();
    let path = directory.path().join("app.db");
    let db = open(&path);
    load(&db);
    db.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t(a); INSERT INTO t VALUES (1)").unwrap();
    let key: String = one(&db, "SELECT backup_keygen()", []);
    let key_in_database = format!("file:{}", path.display());
    let refused = error(&db, "SELECT backup_verify_key(?1)", [&key_in_database]);
    assert!(refused.contains("is a database of this connection"), "{refused}");
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let target = format!("{}{suffix}", path.display());
        let refused = error(&db, "SELECT backup_export_file(?1, ?2, '{\"replace\": true}')", params![key, target]);
        assert!(refused.contains("belongs to one"), "{suffix}: {refused}");
    }
    assert_eq!(one::<i64>(&db, "SELECT a FROM t", []), 1);
    for sql in [
        "SELECT backup_export(?1, '{\"schema\": \"temp\"}')",
        "SELECT backup_restore(x'', ?1, '{\"schema\": \"TEMP\"}')",
    ] {
        assert!(error(&db, sql, [&key]).contains("temp"), "{sql}");
    }
    let misplaced = error(&db, "SELECT backup_export_file(?1, ' ' || ?1)", [&key]);
    assert!(misplaced.contains("order of the arguments") && !misplaced.contains(&key[20..50]), "{misplaced}");
}

/// An authorizer that hides a column must not make a bundle that lacks it.
#[test]
fn what_an_authorizer_hides_is_not_lost_in_silence() {
    use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
    let (mut db, key, _) = sample();
    db.execute_batch("CREATE TABLE hidden(open, secret); INSERT INTO hidden VALUES (1, 2)").unwrap();
    let bundle: Vec<u8> = one(&db, "SELECT backup_export(?1)", [&key]);
    let hide = |table: &'static str, column: &'static str| {
        move |context: AuthContext<'_>| match context.action {
            AuthAction::Read { table_name, column_name } if table_name == table && column_name == column => {
                Authorization::Ignore
            }
            _ => Authorization::Allow,
        }
    };
    for (table, column) in [("hidden", "secret"), ("sqlite_master", "sql")] {
        db.authorizer(Some(hide(table, column))).unwrap();
        let refused = error(&db, "SELECT backup_export(?1)", [&key]);
        assert!(refused.contains("authorizer"), "{table}.{column}: {refused}");
    }
    db.authorizer(None::<fn(AuthContext<'_>) -> Authorization>).unwrap();
    assert_eq!(one::<Vec<u8>>(&db, "SELECT backup_export(?1)", [&key]), bundle);
}

/// A database that is being built, and one that was, is its owner's alone.
#[cfg(unix)]
#[test]
fn a_restored_database_is_its_owners() {
    use std::os::unix::fs::PermissionsExt;
    let (db, key, bundle) = sample();
    let directory = directory();
    let path = directory.path().join("new.db");
    let restored = "SELECT backup_restore_file(?2, ?1, ?3, '{\"replace\": true}') IS NOT NULL";
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert!(one::<bool>(&db, restored, params![key, bundle, path.display().to_string()]));
    assert_eq!(mode(), 0o600);
    // One that replaces another takes over who could read that.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(one::<bool>(&db, restored, params![key, bundle, path.display().to_string()]));
    assert_eq!(mode(), 0o640);
}

/// An index of another version of SQLite, or a forged one: the rows are not lost with it.
#[test]
fn an_expression_that_fails_leaves_the_rows_within_reach() {
    let db = memory();
    db.execute_batch(
        "CREATE TABLE t(a); CREATE INDEX i ON t(length(a)); INSERT INTO t VALUES ('{}'), ('no JSON');
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'length(a)', 'json_extract(a, ''$'')') WHERE name = 'i';
         PRAGMA writable_schema = RESET;",
    )
    .unwrap();
    let key = key(&db);
    let bundle: Vec<u8> = one(&db, "SELECT backup_export(?)", [&key]);
    let refused = error(&memory(), "SELECT backup_restore(?, ?)", params![bundle, key]);
    assert!(refused.starts_with("backup_restore: unsupported: ") && refused.contains("malformed JSON"), "{refused}");
    assert!(refused.contains("restore with the SQLite that") && refused.contains("read the rows"), "{refused}");
    let rows = "SELECT group_concat(row ->> 'a') FROM backup_rows(?, ?, 't')";
    assert_eq!(one::<String>(&memory(), rows, params![bundle, key]), "{},no JSON");
}
