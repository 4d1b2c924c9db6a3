//! `backup_status` where files of the local state are damaged: it names them, says what to do, and tells the rest.

mod common;

use common::*;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

struct Scene {
    directory: TempDir,
    db: Connection,
    key: String,
}

impl Scene {
    fn new() -> Self {
        let directory = directory();
        let db = open(&directory.path().join("app.db"));
        db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t(x); INSERT INTO t VALUES (1)").unwrap();
        let scene = Self { key: key(&db), db, directory };
        scene.save("a").unwrap();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn local(&self, name: &str) -> PathBuf {
        self.path("app.db-lifeboat").join(name)
    }

    fn save(&self, copy: &str) -> Result<String, String> {
        let saved =
            self.db.query_row("SELECT backup_save(?, ?)", params![self.key, self.store(copy)], |row| row.get(0));
        saved.map_err(|error| error.to_string())
    }

    fn store(&self, copy: &str) -> String {
        format!("dir:{}", self.path(copy).display())
    }

    fn status(&self) -> Value {
        json(&self.db, "SELECT backup_status()", [])
    }

    fn status_of_stores(&self) -> Value {
        json(&self.db, "SELECT backup_status(?, ?)", params![self.store("a"), self.key])
    }

    fn wait_for_the_first_save(&self) {
        let end = Instant::now() + Duration::from_secs(60);
        while self.status()["protection"]["saved"].is_null() {
            assert!(Instant::now() < end, "{}", self.status());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The messages of a status with one damaged file. Each names the file, and what to do.
    fn damaged(&self, name: &str, kind: &str) -> Value {
        let status = self.status();
        let damaged = status["damaged"].as_array().unwrap_or_else(|| panic!("{name}: {status}"));
        assert_eq!((damaged.len(), &damaged[0]["kind"]), (1, &json!(kind)), "{name}: {status}");
        let said = damaged[0]["message"].as_str().unwrap();
        let local = self.path("app.db-lifeboat");
        let remedy = format!("remove '{}': the next save then asks where it cannot know", local.display());
        assert!(said.contains(self.local(name).to_str().unwrap()) && said.contains(&remedy), "{name}: {said}");
        assert_eq!(self.status_of_stores()["stores"]["number"], 1, "{name}");
        assert_eq!(self.status_of_stores()["damaged"], status["damaged"], "{name}");
        status
    }
}

#[test]
fn a_damaged_file_is_named_and_the_rest_is_told() {
    let scene = Scene::new();
    assert!(scene.status().get("damaged").is_none());
    json(&scene.db, "SELECT backup_protect(?, ?)", params![scene.key, scene.store("a")]);
    // Its first save writes the memory. After that nothing is committed, so nothing writes it but this test.
    scene.wait_for_the_first_save();
    let memory = fs::read(scene.local("memory")).unwrap();
    for bytes in [b"{".to_vec(), memory[..memory.len() / 2].to_vec(), Vec::new(), vec![0; 2 << 20]] {
        let is_long = bytes.len() > 1 << 20;
        fs::write(scene.local("memory"), bytes).unwrap();
        let status = scene.damaged("memory", if is_long { "host" } else { "corrupt" });
        assert!(status["saved"].is_null(), "{status}");
        assert_eq!(status["protection"]["holders"], 1, "{status}");
    }
    json(&scene.db, "SELECT backup_unprotect()", []);
    // What the last record of the line says is damaged, and the rest is not.
    let text = String::from_utf8(memory.clone()).unwrap();
    fs::write(scene.local("memory"), text.replacen("\"head\":\"", "\"head\":\"zz", 1)).unwrap();
    assert_eq!(scene.damaged("memory", "corrupt")["saved"]["number"], 1);
    fs::remove_file(scene.local("memory")).unwrap();
    fs::create_dir(scene.local("memory")).unwrap();
    scene.damaged("memory", "host");
    fs::remove_dir(scene.local("memory")).unwrap();

    // A later version wrote it.
    fs::write(scene.local("memory"), "{\"version\": 9}").unwrap();
    let status = scene.status();
    assert_eq!(status["damaged"][0]["kind"], "unsupported", "{status}");

    fs::write(scene.local("memory"), &memory).unwrap();
    assert!(scene.status().get("damaged").is_none());
    for (name, kind) in [("spool/spool", "corrupt"), ("events/log", "host"), ("events/state", "host")] {
        let was = fs::read(scene.local(name)).ok();
        if kind == "host" {
            fs::remove_file(scene.local(name)).unwrap();
            fs::create_dir(scene.local(name)).unwrap();
        } else {
            fs::write(scene.local(name), "{").unwrap();
        }
        assert_eq!(scene.damaged(name, kind)["saved"]["number"], 1, "{name}");
        if kind == "host" {
            fs::remove_dir(scene.local(name)).unwrap();
        } else {
            // It says what a save says.
            let said = scene.save("a").unwrap_err();
            assert!(said.contains(scene.status()["damaged"][0]["message"].as_str().unwrap()), "{said}");
            fs::remove_file(scene.local(name)).unwrap();
        }
        was.iter().for_each(|was| fs::write(scene.local(name), was).unwrap());
    }
    assert!(scene.status().get("damaged").is_none());
    // The remedy helps.
    fs::write(scene.local("memory"), "{").unwrap();
    scene.save("a").unwrap_err();
    fs::remove_dir_all(scene.path("app.db-lifeboat")).unwrap();
    scene.save("a").unwrap();
    assert!(scene.status().get("damaged").is_none());
}
