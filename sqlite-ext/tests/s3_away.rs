//! A bucket whose credentials or certificates cannot be read is away, like a disk that is not connected: it hinders no
//! other copy, and is there again once they can be read.
#![cfg(all(feature = "s3", target_os = "linux"))]

mod common;
#[allow(dead_code, reason = "the tests of the stores use all of it")]
#[path = "../../core/store/tests/support/servers.rs"]
mod servers;

use common::*;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use servers::Server;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const CREDENTIALS: &str = "[default]\naws_access_key_id = any\naws_secret_access_key = hunter2\n";

/// A database with a copy in a directory and one in a bucket.
struct Scene {
    directory: TempDir,
    db: Connection,
    key: String,
    bucket: String,
}

impl Scene {
    fn new(bucket: &str) -> Self {
        let directory = directory();
        let db = open(&directory.path().join("app.db"));
        db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t(x); INSERT INTO t VALUES (1)").unwrap();
        let credentials = directory.path().join("credentials");
        let bucket = format!("{bucket}&credentials={}", credentials.display());
        let scene = Self { key: key(&db), db, directory, bucket };
        scene.write_credentials();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write_credentials(&self) {
        fs::write(self.path("credentials"), CREDENTIALS).unwrap();
    }

    /// The bucket comes first: what hinders it would hinder all that come after it.
    fn stores(&self) -> String {
        json!([self.bucket, format!("dir:{}", self.path("copy").display())]).to_string()
    }

    fn save(&self) -> Value {
        self.db.execute("INSERT INTO t VALUES (2)", []).unwrap();
        json(&self.db, "SELECT backup_save(?, ?, '{\"minimum\": 1}')", params![self.key, self.stores()])
    }

    /// The kinds of the events, the newest last.
    fn events(&self) -> Vec<String> {
        let local = self.path("app.db-lifeboat");
        let mut query = self.db.prepare("SELECT kind FROM backup_events(?)").unwrap();
        query.query_map([local.to_str()], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }
}

/// The bucket of moto, without its credentials.
fn of_moto(bucket: &str) -> String {
    let server = Server::shared_moto();
    server.bucket(bucket, &[]);
    format!("s3://{bucket}/p?endpoint=http://127.0.0.1:{}", server.port)
}

fn is_away(copy: &Value, part: &str) {
    let why = copy["why"].as_str().unwrap_or_default();
    assert!(why.contains(part) && !copy.to_string().contains("hunter2"), "{copy}");
}

#[test]
fn a_file_of_credentials_that_is_gone_hinders_one_copy() {
    let scene = Scene::new(&of_moto("credentials-gone"));
    assert_eq!(scene.save()["done"], 2);
    fs::remove_file(scene.path("credentials")).unwrap();
    let part = "credentials' cannot be read: No such file or directory (os error 2); correct its path";
    for _ in 0..2 {
        let saved = scene.save();
        assert_eq!((&saved["done"], &saved["copies"][0]["state"]), (&json!(1), &json!("away")), "{saved}");
        is_away(&saved["copies"][0], part);
    }
    assert_eq!(scene.events().iter().filter(|kind| *kind == "store_unreachable").count(), 1, "{:?}", scene.events());

    // What reads takes the other copy.
    let (db, key, stores) = (&scene.db, &scene.key, scene.stores());
    let status = json(db, "SELECT backup_status(?, ?)", params![stores, key]);
    assert_eq!(status["stores"]["current"], 1, "{status}");
    is_away(&status["stores"]["copies"][0], part);
    assert_eq!(one::<i64>(db, "SELECT count(DISTINCT number) FROM backup_log(?, ?)", params![stores, key]), 3);
    let scrub = json(db, "SELECT backup_scrub(?, ?)", params![stores, key]);
    is_away(&scrub["series"][0]["copies"][0], part);
    let verified = json(db, "SELECT backup_verify(?, ?)", params![stores, key]);
    is_away(&verified["series"]["copies"][0], part);
    let rows: i64 = one(db, "SELECT count(*) FROM backup_rows(?, ?, 't')", params![stores, key]);
    assert_eq!(rows, 4);
    let target = scene.path("restored.db");
    json(db, "SELECT backup_restore_file(?, ?, ?)", params![stores, key, target.to_str()]);
    let all = json(db, "SELECT backup_restore_all(?, ?, ?)", params![stores, key, scene.path("all").to_str()]);
    assert!(all.to_string().contains("cannot be read"), "{all}");
    let pruned = json(
        db,
        "SELECT backup_prune(?, ?, '{\"keep\": {\"last\": 2}, \"force\": true, \"minimum\": 1}')",
        params![stores, key],
    );
    is_away(&pruned["copies"][0], part);

    // A copy that holds too little alone is named.
    let said = error(db, "SELECT backup_save(?, ?, '{\"minimum\": 2}')", params![key, stores]);
    assert!(said.contains("unreachable: saved in 1 of 2 copies") && said.contains(part), "{said}");

    // The file has no such section: that, too, can be put right.
    fs::write(scene.path("credentials"), "[other]\n").unwrap();
    is_away(&scene.save()["copies"][0], "has no access key for the profile 'default'");
    fs::remove_file(scene.path("credentials")).unwrap();
    fs::create_dir(scene.path("credentials")).unwrap();
    is_away(&scene.save()["copies"][0], "it is not a regular file");
    fs::remove_dir(scene.path("credentials")).unwrap();

    scene.write_credentials();
    let all = "SELECT backup_save(?, ?, '{\"minimum\": 2}')";
    assert_eq!(json(db, all, params![key, stores])["done"], 2);
}

/// Nothing is remembered, so a mistyped path is told at once.
#[test]
fn the_first_save_names_what_is_missing() {
    let scene = Scene::new("s3://abc/p?endpoint=https://127.0.0.1:1&ca=/no/such/ca.pem");
    let first =
        |stores: &str| error(&scene.db, "SELECT backup_save(?, ?, '{\"minimum\": 1}')", params![scene.key, stores]);
    let said = first(&scene.stores());
    assert!(said.starts_with("backup_save: unreachable: ") && said.contains("this place remembers no save"), "{said}");
    assert!(said.contains("the certificates in '/no/such/ca.pem' cannot be read"), "{said}");
    fs::remove_file(scene.path("credentials")).unwrap();
    let said = first(&scene.stores());
    assert!(said.contains("away: absent: the file of credentials '") && said.contains("correct its path"), "{said}");
    // What is wrong in the name of a store stays wrong, whatever happens.
    let said = first(&scene.stores().replace("&ca=", "&caa="));
    assert!(said.starts_with("backup_save: misuse: "), "{said}");
    assert!(!files_below(&scene.path("copy")).iter().any(|file| file.contains("/log/")), "nothing was saved");
}

/// A protection keeps the connections of a bucket between its saves, and takes new credentials nevertheless.
#[test]
fn a_protection_takes_new_credentials() {
    let keys = Arc::new(Mutex::new(Vec::new()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn({
        let keys = Arc::clone(&keys);
        move || listener.incoming().for_each(|stream| refuse(stream.unwrap(), &keys))
    });
    let scene = Scene::new(&format!("s3://abc/p?endpoint=http://127.0.0.1:{port}"));
    let copy = format!("dir:{}", scene.path("copy").display());
    json(&scene.db, "SELECT backup_save(?, ?)", params![scene.key, copy]);
    json(&scene.db, "SELECT backup_protect(?, ?, '{\"minimum\": 1}')", params![scene.key, scene.stores()]);
    let is_seen =
        |key: &str| keys.lock().unwrap().iter().any(|seen: &String| seen.contains(&format!("Credential={key}/")));
    wait_for(|| is_seen("any"));
    replace(&scene.path("credentials"), &CREDENTIALS.replace("= any", "= new"));
    wait_for(|| {
        scene.db.execute("INSERT INTO t VALUES (2)", []).unwrap();
        is_seen("new")
    });
    let status = json(&scene.db, "SELECT backup_status()", []);
    assert_eq!(status["protection"]["saved"]["done"], 1, "{status}");
}

/// Answers each request with an error, and notes it.
fn refuse(mut stream: std::net::TcpStream, seen: &Mutex<Vec<String>>) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
        head.push(byte[0]);
    }
    seen.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
    let body = "<Error><Code>ExpiredToken</Code></Error>";
    let _ =
        write!(stream, "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
}

fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}

fn wait_for(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not come");
        std::thread::sleep(Duration::from_millis(100));
    }
}
