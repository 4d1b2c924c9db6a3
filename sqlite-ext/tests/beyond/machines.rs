//! Volume servers of a cluster die while a database is saved to it and restored from it. The cluster holds each chunk on two of
//! three servers.

use crate::app::{Expected, change, content, counter, create};
use crate::cluster::Cluster;
use crate::common::*;
use crate::evidence;
use crate::proxy::Proxy;
use crate::random::Random;
use rusqlite::{Connection, params};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long something may take that takes a second.
const LONG: Duration = Duration::from_secs(60);

/// What the application was told of its saves.
#[derive(Default)]
struct Told {
    /// The counter of the database, and the number of the save.
    saved: Mutex<Vec<(i64, i64)>>,
    failed: Mutex<Vec<String>>,
    end: AtomicBool,
}

/// Ends the saves, also when the test panics.
struct Ends<'t>(&'t Told);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.end.store(true, Ordering::SeqCst);
    }
}

impl Told {
    fn saved(&self) -> usize {
        self.saved.lock().unwrap().len()
    }

    /// Waits until so many more saves were acknowledged.
    fn wait(&self, more: usize) {
        let (start, aim) = (Instant::now(), self.saved() + more);
        while self.saved() < aim {
            let failed = || self.failed.lock().unwrap().last().cloned();
            assert!(start.elapsed() < LONG, "{} of {aim} saves; {:?}", self.saved(), failed());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// `timeout`: in seconds.
fn save(db: &Connection, key: &str, store: &str, timeout: u32) -> Result<i64, String> {
    let options = format!(r#"{{"timeout": {timeout}}}"#);
    let saved =
        db.query_row("SELECT backup_save(?, ?, ?) ->> 'number'", params![key, store, options], |row| row.get(0));
    saved.map_err(|error| error.to_string())
}

fn restore(store: &str, key: &str, target: &Path) -> Connection {
    let _ = std::fs::remove_file(target);
    json(&memory(), "SELECT backup_restore_file(?, ?, ?)", params![store, key, target.to_str()]);
    Connection::open(target).unwrap()
}

/// A save that is not acknowledged says so, and in how many copies it is.
fn is_clear(error: &str) -> bool {
    error.starts_with("backup_save: unreachable: saved in 0 of 1 copies, and the minimum is 1; nothing is lost")
        && error.contains("s3://")
        && !error.contains("secret")
}

#[test]
fn volume_servers_die_during_saves_and_restores() {
    let mut cluster = Cluster::start();
    let directory = directory();
    let (path, restored) = (directory.path().join("app.db"), directory.path().join("restored.db"));
    let db = open(&path);
    create(&db);
    let (key, store) = (key(&db), cluster.bucket("series"));
    drop(db);

    let told = Told::default();
    std::thread::scope(|scope| {
        let ends = Ends(&told);
        scope.spawn(|| {
            let db = open(&path);
            while !told.end.load(Ordering::SeqCst) {
                change(&db);
                match save(&db, &key, &store, 3) {
                    Ok(number) => told.saved.lock().unwrap().push((counter(&db), number)),
                    Err(error) => told.failed.lock().unwrap().push(error),
                }
            }
        });
        told.wait(3);
        for volume in 0..3 {
            cluster.volumes[volume].kill();
            // Saves go on without it, and with it again.
            told.wait(6);
            cluster.start_again(volume);
            told.wait(2);
        }
        drop(ends);
    });
    let (saved, failed) = (told.saved.into_inner().unwrap(), told.failed.into_inner().unwrap());
    println!("{} saves, of which {} failed: {:?}", saved.len() + failed.len(), failed.len(), failed.first());
    assert!(failed.iter().all(|error| is_clear(error)), "{failed:?}");

    // Whichever server is gone, each save that was acknowledged can be restored.
    let mut expected = Expected::new();
    for volume in 0..3 {
        cluster.volumes[volume].kill();
        for (counter, number) in saved.iter().skip(volume).step_by(3) {
            let restored = content(&restore(&format!("{store}#seq={number}"), &key, &restored));
            assert!(restored == expected.of(*counter), "save {number}, without volume server {volume}");
        }
        cluster.start_again(volume);
    }
    evidence::at_least("saves beside a volume server that dies", saved.len());

    dies_during_a_restore(&mut cluster, directory.path());
    too_few_are_left(&mut cluster, directory.path(), &key, &store);
}

/// A large bundle lies on all servers in pieces. One dies while they are read.
fn dies_during_a_restore(cluster: &mut Cluster, directory: &Path) {
    let db = open(&directory.join("large.db"));
    let mut bytes = vec![0; 40 << 20];
    Random::new(1).fill(&mut bytes);
    db.execute_batch("CREATE TABLE large(bytes)").unwrap();
    db.execute("INSERT INTO large VALUES (?)", [&bytes]).unwrap();
    let key = key(&db);
    save(&db, &key, &cluster.bucket("large"), 60).unwrap();
    for volume in 0..3 {
        let proxy = Proxy::to(cluster.port());
        let store = cluster.store("large", proxy.port);
        let target = directory.join("large-restored.db");
        let after = std::thread::scope(|scope| {
            let restores = scope.spawn(|| restore(&store, &key, &target));
            let start = Instant::now();
            while proxy.count() < 3 {
                assert!(start.elapsed() < LONG && !restores.is_finished(), "{} requests", proxy.count());
                std::thread::sleep(Duration::from_millis(1));
            }
            cluster.volumes[volume].kill();
            let before = proxy.count();
            let db = restores.join().unwrap();
            assert!(one::<Vec<u8>>(&db, "SELECT bytes FROM large", []) == bytes, "volume server {volume}");
            proxy.count() - before
        });
        println!("volume server {volume} died, and {after} more requests were made");
        assert!(after > 0, "it died after the restore");
        cluster.start_again(volume);
    }
}

/// Of three servers two are down: nothing can be put on two of them. A save says so. The next one is as if nothing was.
fn too_few_are_left(cluster: &mut Cluster, directory: &Path, key: &str, store: &str) {
    let db = open(&directory.join("app.db"));
    let before = counter(&db);
    for volume in [0, 1] {
        cluster.volumes[volume].kill();
    }
    change(&db);
    let error = save(&db, key, store, 3).unwrap_err();
    assert!(is_clear(&error), "{error}");
    let failed: String = one(&db, "SELECT backup_status() ->> '$.failed.kind'", []);
    assert_eq!(failed, "unreachable");
    for volume in [0, 1] {
        cluster.volumes[volume].start_again();
    }
    cluster.wait_for(3);
    let number = save(&db, key, store, 60).unwrap();
    let restored = content(&restore(store, key, &directory.join("restored.db")));
    assert!(restored == Expected::new().of(before + 1), "save {number}");
}
