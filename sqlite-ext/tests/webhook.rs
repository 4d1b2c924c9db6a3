//! Events through SQL to a receiver on this machine, and what is told of it. The secret in its URL is shown nowhere.
#![cfg(feature = "s3")]

mod common;
#[allow(dead_code, reason = "the tests of the stores use all of it")]
#[path = "../../core/store/tests/events/receiver.rs"]
mod receiver;

use common::*;
use receiver::{Answer, Receiver};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A database with two copies, one of which can be taken away.
struct Scene {
    directory: TempDir,
    db: Connection,
    key: String,
}

impl Scene {
    fn new() -> Self {
        let directory = directory();
        let db = open(&directory.path().join("app.db"));
        db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t(x)").unwrap();
        fs::create_dir(directory.path().join("stick")).unwrap();
        Self { key: key(&db), db, directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn stores(&self) -> String {
        json!(["a", "stick/b"].map(|name| format!("dir:{}", self.path(name).display()))).to_string()
    }

    /// Commits, and saves.
    fn save(&self, options: &Value) -> Value {
        self.db.execute("INSERT INTO t VALUES (1)", []).unwrap();
        let options = options.to_string();
        let saved: String = one(&self.db, "SELECT backup_save(?, ?, ?)", params![self.key, self.stores(), options]);
        shows_no_secret(&saved);
        serde_json::from_str(&saved).unwrap()
    }

    fn refused(&self, function: &str, options: &str) -> String {
        let sql = format!("SELECT {function}(?, ?, ?)");
        // A check names its key second.
        let (first, second) = (self.key.clone(), self.stores());
        let (first, second) = if function == "backup_scrub" { (second, first) } else { (first, second) };
        let said = error(&self.db, &sql, params![first, second, options]);
        shows_no_secret(&said);
        said
    }

    /// All events, as a receiver gets them.
    fn events(&self) -> Vec<Value> {
        let sql = "SELECT json_object('number', number, 'date', date, 'level', level, 'kind', kind, 'log', log,
                   'about', json(about)) FROM backup_events(NULL)";
        let mut statement = self.db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(|row| serde_json::from_str(&row.unwrap()).unwrap()).collect()
    }
}

#[track_caller]
fn shows_no_secret(text: &str) {
    assert!(!text.contains("hunter2") && !text.contains("/hook"), "{text}");
}

fn bodies(receiver: &Receiver) -> Vec<Value> {
    receiver.asked().iter().map(|asked| serde_json::from_str(&asked.body).unwrap()).collect()
}

#[test]
fn events_reach_a_receiver() {
    let (scene, receiver) = (Scene::new(), Receiver::new(Answer::Status(204)));
    let notify = json!({"webhook": receiver.url()});
    let options = |minimum: usize| json!({"minimum": minimum, "events": {"notify": notify}});
    assert_eq!(scene.save(&options(1))["notify"], json!({"sent": 3, "waiting": 0}));
    let kinds: Vec<_> = scene.events().iter().map(|event| event["kind"].clone()).collect();
    assert_eq!(kinds, ["copy_added", "copy_added", "saved"]);
    assert_eq!(bodies(&receiver), scene.events());
    assert!(receiver.asked().iter().all(|asked| asked.line == "POST /hook/hunter2 HTTP/1.1"));
    // It answers with an error: the save succeeds, says so, and the event waits.
    receiver.answers(Answer::Status(500));
    fs::rename(scene.path("stick"), scene.path("drawer")).unwrap();
    let saved = scene.save(&options(1));
    let host = format!("127.0.0.1:{}", receiver.port);
    assert_eq!(saved["notify"], json!({"sent": 0, "waiting": 1, "why": format!("{host}: it answers 500")}));
    assert_eq!(saved["done"], 1);
    // A save that fails.
    scene.db.execute("INSERT INTO t VALUES (1)", []).unwrap();
    let said = scene.refused("backup_save", &options(2).to_string());
    assert!(said.starts_with("backup_save: unreachable: saved in 1 of 2 copies"), "{said}");
    // It is well again: after the pause it gets all that it lacks, in order.
    receiver.answers(Answer::Status(200));
    let began = Instant::now();
    while scene.save(&options(1))["notify"]["waiting"] != 0 {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(50));
    }
    let events = scene.events();
    let mut got = bodies(&receiver);
    // The one that it had answered with an error came twice.
    got.dedup();
    assert_eq!(got, events);
    assert!(events.iter().any(|event| event["kind"] == "store_unreachable" && event["level"] == "warning"));
    assert!(events.iter().any(|event| event["kind"] == "below_minimum" && event["level"] == "failure"));
    // Nothing that is kept or told has the URL.
    shows_no_secret(&format!("{events:?} {}", one::<String>(&scene.db, "SELECT backup_status()", [])));
    let local = scene.path("app.db-lifeboat");
    files_below(&local)
        .iter()
        .for_each(|name| shows_no_secret(&String::from_utf8_lossy(&fs::read(local.join(name)).unwrap())));
}

#[test]
fn a_mistake_in_the_settings_shows_no_url() {
    let scene = Scene::new();
    let url = "https://example.com/hook/hunter2";
    let cases = [
        (json!({"events": url}), "the option `events` must be"),
        (json!({"events": {"notify": url}}), "the option `events.notify` must be"),
        (json!({"events": {"limits": url}}), "the option `events.limits` must be"),
        (json!({"events": {"window": url}}), "the option `events.window` must be"),
        (json!({"events": {"notify": {"webhook": [url]}}}), "the option `events.notify.webhook` must be a URL"),
        (json!({"events": {"notify": {"webhook": {"url": url}}}}), "the option `events.notify.webhook` must be a URL"),
        (json!({"events": {"notify": {"webhook": format!("{url} ")}}}), "must be a URL"),
        (json!({"events": {"notify": {"webhook": "ftp://x/hook/hunter2"}}}), "must be a URL"),
        (json!({"events": {"notify": {"webhook": "https://u:hunter2@x/"}}}), "must be a URL"),
        (json!({"events": {"notify": {"webhook": "http://x/hook/hunter2"}}}), "`notify.webhook` is 'http:'"),
        (
            json!({"events": {"notify": {"webhook": url, "allow_http": url}}}),
            "the option `events.notify.allow_http` must",
        ),
        (json!({"events": {"notify": {url: true}}}), "there is no option `…`; known options: webhook"),
        (json!({"events": {url: {}}}), "there is no option `…`; known options: normal_every"),
        (json!({url: 1}), "there is no option `…`; known options: "),
    ];
    for function in ["backup_save", "backup_scrub", "backup_protect"] {
        for (options, part) in &cases {
            let mut options = options.clone();
            options["local"] = json!(scene.path("local"));
            let said = scene.refused(function, &options.to_string());
            assert!(said.starts_with(&format!("{function}: misuse: ")) && said.contains(part), "{options}: {said}");
        }
        let cut = format!("{{\"events\": {{\"notify\": {{\"webhook\": \"{url}\"");
        assert!(scene.refused(function, &cut).contains("are not JSON"));
    }
    assert!(!scene.path("a").exists(), "nothing was saved");
}
