//! `auto_extension`: in a program of its own, since it is for all connections of the process.

mod common;

use common::*;
use rusqlite::Connection;
use std::thread;

#[test]
fn each_connection_has_the_functions() {
    let before = Connection::open_in_memory().unwrap();
    lifeboat::auto_extension().unwrap();
    lifeboat::auto_extension().unwrap();
    assert!(before.prepare("SELECT backup_version()").is_err(), "it was open already");

    let directory = directory();
    let path = directory.path().join("app.db");
    let app = Connection::open(&path).unwrap();
    app.execute_batch(SAMPLE).unwrap();
    let key = key(&app);
    let bundle: Vec<u8> = one(&app, "SELECT backup_export(?)", [&key]);

    // The scratch databases of a restore are such connections, too.
    let connections = (0..4).map(|_| {
        let (key, bundle) = (key.clone(), bundle.clone());
        thread::spawn(move || {
            let db = Connection::open_in_memory().unwrap();
            json(&db, "SELECT backup_restore(?, ?)", (&bundle, &key));
            assert_eq!(one::<Vec<u8>>(&db, "SELECT backup_export(?)", [&key]), bundle);
            let rows = "SELECT count(*) FROM backup_rows(?, ?, 'people') WHERE key = 7";
            assert_eq!(one::<i64>(&db, rows, (&bundle, &key)), 1);
        })
    });
    connections.collect::<Vec<_>>().into_iter().for_each(|connection| connection.join().unwrap());
}

#[test]
fn a_refusal_has_sqlites_words() {
    let db = Connection::open_in_memory().unwrap();
    // Nothing can be registered while a statement is running that uses a function of the name.
    register(&db);
    let mut statement = db.prepare("SELECT backup_version() UNION ALL SELECT 1").unwrap();
    let mut rows = statement.query([]).unwrap();
    rows.next().unwrap();
    // SAFETY: the connection is open, and of the library that is linked into this program.
    let error = unsafe { lifeboat::register(db.handle().cast()) }.unwrap_err();
    assert_eq!(error.kind(), lifeboat::ErrorKind::Host);
    assert!(error.to_string().contains("due to active statements"), "{error}");
}
