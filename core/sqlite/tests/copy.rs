//! The rebuilt database over the app's own.

mod common;

use common::{Directory, Recording, api, borrow, rebuild_into};
use lifeboat_core::ErrorKind;
use lifeboat_core::state::TextEncoding;
use lifeboat_sqlite::{CheckLevel, Connection, OpenMode, RebuildOptions, Target, Version, adopt_encoding, copy_into};

fn source(encoding: &str) -> rusqlite::Connection {
    let source = rusqlite::Connection::open_in_memory().expect("memory");
    let sql = "CREATE TABLE t(a PRIMARY KEY, b);
        INSERT INTO t WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 3000)
            SELECT i, hex(randomblob(20)) FROM c;
        CREATE INDEX i ON t(b);
        PRAGMA user_version = 5";
    source.execute_batch(&format!("PRAGMA encoding = '{encoding}'; {sql}")).expect("source");
    source
}

fn rebuilt(source: &rusqlite::Connection, options: RebuildOptions) -> Connection<'static> {
    let scratch = Connection::open(api(), "", OpenMode::Create).expect("scratch");
    rebuild_into(&borrow(source), &scratch, options).expect("rebuild");
    scratch
}

#[test]
fn it_goes_into_every_kind_of_target() {
    let directory = Directory::new("targets");
    let source = source("UTF-8");
    let expected = Recording::of(&borrow(&source));
    let targets = [
        (":memory:", ""),
        ("empty", ""),
        ("wal", "PRAGMA journal_mode = wal; CREATE TABLE old(x)"),
        ("wal-empty", "PRAGMA page_size = 8192; PRAGMA journal_mode = wal"),
        ("large-pages", "PRAGMA page_size = 65536; CREATE TABLE old(x)"),
        ("auto-vacuum", "PRAGMA auto_vacuum = 1; CREATE TABLE old(x)"),
        ("exclusive", "PRAGMA locking_mode = exclusive; CREATE TABLE old(x)"),
        (":memory:", "PRAGMA page_size = 1024; CREATE TABLE old(x)"),
    ];
    for (name, prepared) in targets {
        let file = if name == ":memory:" { name.to_owned() } else { directory.file(name) };
        let app = rusqlite::Connection::open(&file).expect("open");
        app.execute_batch(prepared).expect(prepared);
        let version = Version::of(&borrow(&app), "main").expect(name);
        let target = Target::read(&borrow(&app), "main").expect(name);
        assert_eq!(target.is_empty, !prepared.contains("CREATE"), "{name}");
        let scratch = rebuilt(&source, target.options(CheckLevel::Full));
        copy_into(&scratch, &borrow(&app), "main", version).expect(name);
        assert_eq!(Recording::of(&borrow(&app)), expected, "{name}");
        let after = Target::read(&borrow(&app), "main").expect(name);
        assert_eq!(after, Target { is_empty: false, ..target }, "{name}");
        let check: String = app.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect(name);
        assert_eq!(check, "ok");
        // The app goes on with it.
        app.execute("INSERT INTO t VALUES (-1, 'new')", []).expect(name);
    }
}

#[test]
fn reserved_bytes_are_kept() {
    let directory = Directory::new("reserved");
    let file = directory.file("db");
    {
        let app = Connection::open(api(), &file, OpenMode::Create).expect("open");
        let options = RebuildOptions { reserve_bytes: 16, ..Default::default() };
        rebuild_into(&borrow(&source("UTF-8")), &app, options).expect("a target with reserved bytes");
    }
    let app = Connection::open(api(), &file, OpenMode::ReadWrite).expect("open");
    let target = Target::read(&app, "main").expect("target");
    assert_eq!(target.reserve_bytes, 16);
    let version = Version::of(&app, "main").expect("version");
    copy_into(&rebuilt(&source("UTF-8"), target.options(CheckLevel::Quick)), &app, "main", version).expect("copy");
    drop(app);
    assert_eq!(std::fs::read(&file).expect("the file")[20], 16);
}

#[test]
fn a_fresh_connection_takes_the_encoding_and_no_other_does() {
    let directory = Directory::new("encoding");
    let source = source("UTF-16be");
    let app = rusqlite::Connection::open(directory.file("fresh")).expect("open");
    let ours = borrow(&app);
    let scratch = rebuilt(&source, Target::read(&ours, "main").expect("target").options(CheckLevel::Quick));
    let version = Version::of(&ours, "main").expect("version");
    assert_eq!(copy_into(&scratch, &ours, "main", version).expect_err("too early").kind(), ErrorKind::Misuse);
    adopt_encoding(&ours, TextEncoding::Utf16be).expect("fresh");
    copy_into(&scratch, &ours, "main", version).expect("copy");
    assert_eq!(Recording::of(&ours), Recording::of(&borrow(&source)));

    let app = rusqlite::Connection::open(directory.file("used")).expect("open");
    app.execute_batch("CREATE TABLE old(x)").expect("table");
    let ours = borrow(&app);
    let error = adopt_encoding(&ours, TextEncoding::Utf16be).expect_err("used");
    assert_eq!((error.kind(), error.message().contains("new file")), (ErrorKind::Misuse, true), "{error}");
    let version = Version::of(&ours, "main").expect("version");
    assert_eq!(copy_into(&scratch, &ours, "main", version).expect_err("used").kind(), ErrorKind::Misuse);
    assert_eq!(ours.query_i64("SELECT count(*) FROM old").expect("still there"), 0);
}

#[test]
fn targets_that_could_not_survive_a_crash_are_refused() {
    let directory = Directory::new("refused");
    let file = directory.file("db");
    for journal in ["off", "memory"] {
        let app = rusqlite::Connection::open(&file).expect("open");
        app.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(())).expect("journal");
        let error = Target::read(&borrow(&app), "main").expect_err(journal);
        assert_eq!((error.kind(), error.message().contains("journal_mode")), (ErrorKind::Misuse, true), "{error}");
    }
    rusqlite::Connection::open(&file).expect("open").execute_batch("CREATE TABLE t(x)").expect("table");
    let app = Connection::open(api(), &file, OpenMode::ReadOnly).expect("open");
    let error = Target::read(&app, "main").expect_err("read-only");
    assert_eq!((error.kind(), error.message().contains("reading only")), (ErrorKind::Misuse, true), "{error}");
}

#[test]
fn a_target_in_use_is_left_as_it_was() {
    let directory = Directory::new("in-use");
    let file = directory.file("db");
    let app = rusqlite::Connection::open(&file).expect("open");
    app.execute_batch("CREATE TABLE old(x); INSERT INTO old VALUES (1), (2)").expect("old");
    app.busy_timeout(std::time::Duration::from_millis(20)).expect("timeout");
    let scratch = rebuilt(&source("UTF-8"), RebuildOptions::default());
    let version = Version::of(&borrow(&app), "main").expect("version");
    {
        let mut reading = app.prepare("SELECT x FROM old").expect("statement");
        let mut rows = reading.query([]).expect("query");
        rows.next().expect("row");
        let error = copy_into(&scratch, &borrow(&app), "main", version).expect_err("in use");
        assert!(error.message().contains("statements"), "{error}");
    }
    {
        let other = rusqlite::Connection::open(&file).expect("open");
        other.execute_batch("BEGIN IMMEDIATE").expect("lock");
        let error = copy_into(&scratch, &borrow(&app), "main", version).expect_err("locked");
        assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    }
    for (who, journal) in [("others", "delete"), ("the app itself", "wal"), ("others", "wal")] {
        app.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(())).expect("journal");
        let version = Version::of(&borrow(&app), "main").expect("version");
        let other = rusqlite::Connection::open(&file).expect("open");
        let writer = if who == "others" { &other } else { &app };
        writer.execute_batch("UPDATE old SET x = x + 1").expect("update");
        let error = copy_into(&scratch, &borrow(&app), "main", version).expect_err("changed");
        assert_eq!((error.kind(), error.message().contains("meanwhile")), (ErrorKind::Busy, true), "{who}: {error}");
    }
    assert_eq!(Recording::of(&borrow(&app)).rows("old").len(), 2);
    let version = Version::of(&borrow(&app), "main").expect("version");
    copy_into(&scratch, &borrow(&app), "main", version).expect("free again");
    assert_eq!(Recording::of(&borrow(&app)).rows("t").len(), 3000);
}
