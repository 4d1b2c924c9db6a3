//! Saves of a real database to a bucket, over a connection that fails: at each request of a save, in each way.
#![cfg(all(feature = "s3", target_os = "linux"))]

#[allow(dead_code, reason = "another test uses all of it")]
#[path = "save_kills/app.rs"]
mod app;
mod common;
#[path = "../../core/tests/support/evidence.rs"]
mod evidence;
#[allow(dead_code, reason = "the tests of the stores use all of it")]
#[path = "../../core/store/tests/support/proxy.rs"]
mod proxy;
#[allow(dead_code, reason = "the tests of the hosts use all of it")]
#[path = "../../host-tests/src/random.rs"]
mod random;
#[allow(dead_code, reason = "the tests of the stores use all of it")]
#[path = "../../core/store/tests/support/servers.rs"]
mod servers;

use app::{Expected, change, content, counter, create};
use common::*;
use proxy::{Fault, Proxy};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use servers::Server;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// What became of the saves.
#[derive(Debug, Default)]
struct Tally {
    faults: AtomicUsize,
    saved: AtomicUsize,
    failed: AtomicUsize,
}

impl Tally {
    fn publish(&self, name: &str) {
        let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
        assert!(count(&self.saved) > 0 && count(&self.failed) > 0, "{self:?}");
        evidence::at_least(name, count(&self.faults));
    }
}

/// A database that is saved to a directory and to a bucket behind a faulty connection.
struct Scene {
    directory: TempDir,
    db: Connection,
    key: String,
    proxy: Proxy,
    /// The bucket, over the faulty connection.
    faulty: String,
    /// The bucket, over a sound one.
    sound: String,
    expected: Expected,
}

impl Scene {
    fn new(bucket: &str) -> Self {
        let server = Server::shared_moto();
        server.bucket(bucket, &[]);
        let proxy = Proxy::to(server.port);
        let (faulty, sound) = (server.store(bucket, "p", proxy.port), server.store(bucket, "p", server.port));
        let directory = directory();
        let db = open(&directory.path().join("app.db"));
        create(&db);
        let key = key(&db);
        Self { directory, db, key, proxy, faulty, sound, expected: Expected::new() }
    }

    /// Both copies have to hold the state.
    fn save(&self) -> Result<Value, String> {
        let stores = json!([self.faulty, format!("dir:{}", self.directory.path().join("copy").display())]).to_string();
        let parameters = params![self.key, stores, "{\"minimum\": 2, \"timeout\": 3}"];
        let saved = self.db.query_row("SELECT backup_save(?, ?, ?)", parameters, |row| row.get::<_, String>(0));
        saved.map(|summary| serde_json::from_str(&summary).unwrap()).map_err(|error| error.to_string())
    }

    /// How many requests a save makes.
    fn requests(&self) -> usize {
        let before = self.proxy.count();
        let summary = self.save().unwrap();
        assert_eq!(summary["done"], 2, "{summary}");
        self.proxy.count() - before
    }

    /// What the bucket alone restores is what the counter of the database stands for.
    fn check(&mut self, context: &str) {
        let target = self.directory.path().join("restored.db");
        let _ = fs::remove_file(&target);
        let parameters = params![self.sound, self.key, target.to_str()];
        json(&memory(), "SELECT backup_restore_file(?, ?, ?)", parameters);
        let restored = content(&Connection::open(&target).unwrap());
        assert!(restored == self.expected.of(counter(&self.db)), "{context}");
    }

    /// A save whose request with this number fails: it succeeds, or says that the bucket cannot be reached. Then the
    /// next save completes, and the bucket restores the state.
    fn save_with_fault(&mut self, number: usize, fault: &Fault, tally: &Tally, context: &str) {
        let context = format!("{context}, request {number}, {fault:?}");
        self.proxy.fail(number, fault.clone());
        tally.faults.fetch_add(1, Ordering::Relaxed);
        match self.save() {
            Ok(summary) => {
                assert_eq!(summary["done"], 2, "{context}: {summary}");
                tally.saved.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                let is_named = error.starts_with("backup_save: unreachable: ") && error.contains("s3://");
                assert!(is_named && !error.contains("secret"), "{context}: {error}");
                tally.failed.fetch_add(1, Ordering::Relaxed);
                self.proxy.sound();
                let summary = self.save().unwrap_or_else(|error| panic!("{context}: the next save: {error}"));
                assert_eq!(summary["done"], 2, "{context}: {summary}");
            }
        }
        self.proxy.sound();
        self.check(&context);
    }

    fn change(&self) {
        change(&self.db);
    }

    /// The number of the next save.
    fn next_number(&self) -> i64 {
        let sql = "SELECT coalesce(max(number), 0) + 1 FROM backup_log(?, ?)";
        one(&self.db, sql, [&self.sound, &self.key])
    }

    /// Saves until the next save makes a short cut.
    fn up_to_a_short_cut(&self) {
        while self.next_number() % 16 != 0 {
            self.change();
            self.save().unwrap();
        }
        self.change();
    }
}

/// What happens to a request.
const FAULTS: [Fault; 6] = [
    Fault::Lost,
    Fault::AnswerLost,
    Fault::Cut(50),
    Fault::Status(500, "InternalError"),
    Fault::Status(403, "AccessDenied"),
    Fault::Wrong(40),
];

fn is_soak() -> bool {
    std::env::var_os("LIFEBOAT_SOAK").is_some()
}

/// Fails each request of saves in one way.
fn each_request(bucket: &str, fault: &Fault, tally: &Tally) {
    let mut scene = Scene::new(bucket);
    // The first save, in a bucket of its own for each request.
    let first = scene.requests();
    for request in 0..first {
        let mut scene = Scene::new(&format!("{bucket}-first-{request}"));
        scene.save_with_fault(request, fault, tally, "the first save");
    }
    scene.change();
    let next = scene.requests();
    for request in 0..next {
        scene.change();
        scene.save_with_fault(request, fault, tally, "a save");
    }
    let unchanged = scene.requests();
    for request in 0..unchanged {
        scene.save_with_fault(request, fault, tally, "a save without a change");
    }
    // Without local state, the base of the delta is read from a copy.
    let forget = |scene: &Scene| fs::remove_dir_all(scene.directory.path().join("app.db-lifeboat")).unwrap();
    forget(&scene);
    let blind = scene.requests();
    for request in (0..blind).step_by(if is_soak() { 1 } else { 3 }) {
        forget(&scene);
        scene.save_with_fault(request, fault, tally, "a save without local state");
    }
    println!("{fault:?}: {first}, {next}, {unchanged}, {blind} requests");
}

#[test]
fn each_request_of_a_save_fails() {
    let tally = Tally::default();
    let tally = &tally;
    std::thread::scope(|scope| {
        for half in FAULTS.chunks(FAULTS.len() / 2) {
            scope.spawn(move || {
                for fault in half {
                    let name: String = format!("{fault:?}").chars().filter(char::is_ascii_alphanumeric).collect();
                    each_request(&name.to_lowercase(), fault, tally);
                }
            });
        }
    });
    println!("{tally:?}");
    tally.publish("requests of saves that fail");
}

/// A save with a short cut reads what it is made of from a copy. It does without, if that fails.
#[test]
fn requests_of_a_save_with_a_short_cut_fail() {
    let tally = Tally::default();
    let mut scene = Scene::new("short-cuts");
    scene.up_to_a_short_cut();
    let requests = scene.requests();
    let step = if is_soak() { 1 } else { requests / 4 };
    for (number, request) in (0..requests).step_by(step).enumerate() {
        scene.up_to_a_short_cut();
        scene.save_with_fault(request, &FAULTS[number % FAULTS.len()], &tally, "a save with a short cut");
    }
    println!("{requests} requests, {tally:?}");
}

/// An answer that does not come costs the time that the save has, and nothing else.
/// Only the server knows that the two are one.
#[test]
fn one_bucket_at_two_addresses_is_one_copy() {
    let scene = Scene::new("two-addresses");
    let stores = json!([scene.sound, scene.faulty]).to_string();
    for _ in 0..2 {
        let said = error(&scene.db, "SELECT backup_save(?, ?)", params![scene.key, stores]);
        assert!(said.contains("unreachable: saved in 1 of 2 copies, and the minimum is 2"), "{said}");
        assert!(said.contains("it is the same place as s3://two-addresses/p"), "{said}");
    }
    let parameters = params![scene.key, stores, "{\"minimum\": 1}"];
    assert_eq!(json(&scene.db, "SELECT backup_save(?, ?, ?)", parameters)["done"], 1);
}

#[test]
fn answers_that_do_not_come() {
    let tally = Tally::default();
    let mut scene = Scene::new("late");
    scene.requests();
    scene.change();
    for request in 0..scene.requests() {
        for fault in [Fault::Silence, Fault::Stall(20), Fault::Slow] {
            scene.change();
            scene.save_with_fault(request, &fault, &tally, "a save");
        }
    }
    println!("{tally:?}");
}

/// A list whose bytes are wrong does not make a copy seem lost or forked for good, and nothing is put in a wrong place.
#[test]
fn lists_with_wrong_bytes() {
    let tally = Tally::default();
    let mut scene = Scene::new("lists");
    scene.requests();
    scene.change();
    let requests = scene.requests();
    // The first request and the last one are lists, of about so many bytes.
    for place in (0..1200).step_by(if is_soak() { 1 } else { 29 }) {
        scene.change();
        let request = if place % 2 == 0 { 0 } else { requests - 1 };
        scene.save_with_fault(request, &Fault::Wrong(place), &tally, "a save");
    }
    println!("{tally:?}");
}
