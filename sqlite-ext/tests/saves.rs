//! Saves to stores by SQL: what comes back from each copy, what is asked, and what stays when a save fails or is killed.

mod common;

use common::*;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A database file with rows, a key, and a directory for copies.
struct Scene {
    directory: TempDir,
    db: Connection,
    key: String,
}

impl Scene {
    fn new() -> Self {
        let directory = directory();
        let db = open(&directory.path().join("app.db"));
        db.execute_batch(SAMPLE).unwrap();
        // So that deltas are light.
        db.execute_batch("CREATE TABLE fill(x); INSERT INTO fill VALUES (hex(randomblob(20000)))").unwrap();
        let key = key(&db);
        Self { directory, db, key }
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    /// These directories as copies.
    fn stores(&self, names: &[&str]) -> String {
        let names: Vec<_> = names.iter().map(|name| format!("dir:{}", self.path(name))).collect();
        json!(names).to_string()
    }

    fn save(&self, stores: &str, options: Value) -> Value {
        json(&self.db, "SELECT backup_save(?, ?, ?)", params![self.key, stores, options.to_string()])
    }

    fn save_error(&self, stores: &str, options: Value) -> String {
        error(&self.db, "SELECT backup_save(?, ?, ?)", params![self.key, stores, options.to_string()])
    }

    /// The state of this database, as the bundle that it exports to.
    fn state(&self, db: &Connection) -> Vec<u8> {
        one(db, "SELECT backup_export(?)", [&self.key])
    }

    /// What a copy alone restores to, as the bundle that this exports to.
    fn restored(&self, store: &str) -> Vec<u8> {
        let target = self.path("restored.db");
        let _ = fs::remove_file(&target);
        json(&memory(), "SELECT backup_restore_file(?, ?, ?)", params![store, self.key, target]);
        self.state(&open(Path::new(&target)))
    }
}

/// L1 L2: each state that was saved comes back from each copy alone, by its number.
#[test]
fn each_state_comes_back_from_each_copy() {
    let scene = Scene::new();
    let stores = scene.stores(&["a", "b"]);
    let mut states = Vec::new();
    for step in 0..12 {
        scene.db.execute("INSERT INTO people(name) VALUES (?)", [format!("name {step}")]).unwrap();
        let summary = scene.save(&stores, json!({}));
        assert_eq!((summary["number"].as_u64(), summary["done"].as_u64()), (Some(step + 1), Some(2)), "{summary}");
        assert_eq!(summary["full"].as_bool(), Some(step == 0), "{summary}");
        states.push(scene.state(&scene.db));
    }
    for (number, state) in (1..).zip(&states) {
        for copy in ["a", "b"] {
            let store = format!("dir:{}#seq={number}", scene.path(copy));
            assert!(scene.restored(&store) == *state, "{store}");
        }
    }
    assert!(scene.restored(&stores) == states[11]);
}

/// L3: what was saved before is there after one copy is lost, the local state is lost, or both.
#[test]
fn losses() {
    let scene = Scene::new();
    let stores = scene.stores(&["a", "b"]);
    let local = scene.path("app.db-lifeboat");
    scene.save(&stores, json!({}));
    scene.db.execute("INSERT INTO people(name) VALUES ('after')", []).unwrap();
    scene.save(&stores, json!({}));
    let state = scene.state(&scene.db);

    // An emptied copy is named, gets nothing before somebody says so, and the other one is enough.
    fs::remove_dir_all(scene.path("a")).unwrap();
    let error = scene.save_error(&stores, json!({}));
    assert!(error.contains("lost") && error.contains("`add`") && error.contains("nothing is lost"), "{error}");
    assert!(scene.restored(&stores) == state);
    assert_eq!(scene.save(&stores, json!({"add": true}))["done"], 2);
    assert!(scene.restored(&format!("dir:{}", scene.path("a"))) == state);

    // Without the local state the next save finds out by itself, as long as the state is the newest one.
    fs::remove_dir_all(&local).unwrap();
    assert_eq!(scene.save(&stores, json!({}))["changed"], false);
    scene.db.execute("INSERT INTO people(name) VALUES ('later')", []).unwrap();
    assert_eq!(scene.save(&stores, json!({}))["full"], false);

    // Without it, and with another state, it asks; both answers work.
    fs::remove_dir_all(&local).unwrap();
    scene.db.execute("INSERT INTO people(name) VALUES ('unknown')", []).unwrap();
    let error = scene.save_error(&stores, json!({}));
    assert!(error.starts_with("backup_save: mismatch: ") && error.contains("`continue`"), "{error}");
    let record: String = one(&scene.db, "SELECT record FROM backup_log(?, ?) LIMIT 1", params![stores, scene.key]);
    let summary = scene.save(&stores, json!({"continue": record}));
    assert_eq!((summary["changed"].as_bool(), summary["full"].as_bool()), (Some(true), Some(false)), "{summary}");
    assert!(scene.restored(&stores) == scene.state(&scene.db));
}

/// An old image of the device asks in place of going on.
#[test]
fn an_old_image_of_the_database_asks() {
    let scene = Scene::new();
    let stores = scene.stores(&["a"]);
    scene.save(&stores, json!({}));
    let (old, image) = (scene.path("app.db"), scene.path("image"));
    fs::create_dir(&image).unwrap();
    scene.db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    fs::copy(&old, format!("{image}/app.db")).unwrap();
    copy_directory(Path::new(&format!("{old}-lifeboat")), &Path::new(&image).join("app.db-lifeboat"));
    scene.db.execute("INSERT INTO people(name) VALUES ('after')", []).unwrap();
    scene.save(&stores, json!({}));
    let newest = scene.state(&scene.db);

    let image = open(Path::new(&format!("{image}/app.db")));
    image.execute("INSERT INTO people(name) VALUES ('in the image')", []).unwrap();
    let error = error(&image, "SELECT backup_save(?, ?)", params![scene.key, stores]);
    assert!(error.contains("this place remembers number 1, and the newest is number 2"), "{error}");
    assert!(scene.restored(&stores) == newest);
}

/// Whatever of the ledger or of a copy is damaged costs a larger bundle, and no more.
#[test]
fn damage_costs_no_more_than_a_full_bundle() {
    let scene = Scene::new();
    let stores = scene.stores(&["a", "b"]);
    scene.save(&stores, json!({}));
    for part in [0, 100, 1000] {
        let ledger = fs::read_dir(scene.path("app.db-lifeboat/ledger")).unwrap().next().unwrap().unwrap().path();
        let mut bytes = fs::read(&ledger).unwrap();
        let at = part.min(bytes.len() - 1);
        bytes[at] ^= 0xff;
        fs::write(&ledger, bytes).unwrap();
        scene.db.execute("INSERT INTO people(name) VALUES (?)", [format!("next {part}")]).unwrap();
        assert_eq!(scene.save(&stores, json!({}))["done"], 2, "damage at {at}");
        assert!(scene.restored(&stores) == scene.state(&scene.db));
    }
    // A copy whose bundle is damaged is read round, and a copy alone says so.
    let copy = scene.directory.path().join("a");
    for file in files_below(&copy).iter().filter(|file| file.contains("/bundles/")) {
        let path = copy.join(file);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        fs::write(path, bytes).unwrap();
    }
    assert!(scene.restored(&stores) == scene.state(&scene.db));
    let alone = format!("dir:{}", scene.path("a"));
    let error = error(&memory(), "SELECT backup_restore_file(?, ?, ?)", params![alone, scene.key, scene.path("x.db")]);
    assert!(error.starts_with("backup_restore_file: corrupt: no copy gives the bundle"), "{error}");
}

/// Another selection of the same domain is a full bundle, and says what it is.
#[test]
fn another_selection_begins_from_nothing() {
    let scene = Scene::new();
    let stores = scene.stores(&["a"]);
    scene.save(&stores, json!({}));
    let part = scene.save(&stores, json!({"exclude": ["fill"]}));
    assert_eq!(
        (part["full"].as_bool(), part["selection"]["exclude"][0].as_str()),
        (Some(true), Some("fill")),
        "{part}"
    );
    assert_eq!(scene.save(&stores, json!({"exclude": ["fill"]}))["changed"], false);
    let tables: i64 = one(
        &scene.db,
        "SELECT count(*) FROM backup_tables(?, ?) WHERE name = 'fill' AND rows > 0",
        params![stores, scene.key],
    );
    assert_eq!(tables, 0);
    // With its parents: the same until the foreign keys change.
    scene.db.execute_batch("CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(x REFERENCES p)").unwrap();
    scene.db.execute_batch("INSERT INTO p VALUES (1), (2); INSERT INTO c VALUES (2)").unwrap();
    let closed = || json!({"tables": ["c"], "closure": true});
    let first = scene.save(&stores, closed());
    assert_eq!((&first["full"], &first["closure"]), (&json!(true), &json!(["p"])), "{first}");
    scene.db.execute_batch("INSERT INTO c VALUES (1)").unwrap();
    assert_eq!(scene.save(&stores, closed())["full"], false);
    assert_eq!(scene.save(&stores, closed())["changed"], false);
    scene.db.execute_batch("ALTER TABLE c ADD COLUMN y REFERENCES p").unwrap();
    assert_eq!(scene.save(&stores, closed())["full"], true);
}

/// A key never stands in what a save writes beside the database, or into a copy.
#[test]
fn no_key_and_no_row_is_written() {
    let scene = Scene::new();
    let stores = scene.stores(&["a"]);
    scene.db.execute("INSERT INTO people(name) VALUES ('a name that nobody else has')", []).unwrap();
    scene.save(&stores, json!({"label": "a label that nobody else has", "writer": "somebody in particular"}));
    let below = |name: &str| {
        let directory = scene.directory.path().join(name);
        files_below(&directory).into_iter().map(|file| directory.join(file)).collect::<Vec<_>>()
    };
    for path in below("a").into_iter().chain(below("app.db-lifeboat")) {
        let bytes = fs::read(&path).unwrap();
        for secret in ["a name that nobody", "a label that nobody", "somebody in particular", &scene.key] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} in {path:?}");
        }
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(scene.path("app.db-lifeboat")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}

/// Whoever is the second to save at one time waits for its turn, and not forever.
#[test]
fn one_save_at_a_time() {
    let scene = Scene::new();
    let stores = scene.stores(&["a"]);
    scene.save(&stores, json!({}));
    let lock = fs::OpenOptions::new().write(true).open(scene.path("app.db-lifeboat/lock")).unwrap();
    lock.try_lock().unwrap();
    let error = scene.save_error(&stores, json!({"timeout": 0.2}));
    assert!(error.starts_with("backup_save: busy: another save runs"), "{error}");
    // A restore that would take the local state away says the same, and restores nothing.
    let before = scene.state(&scene.db);
    let restore = "SELECT backup_restore(?, ?, '{\"replace\": true}')";
    let error = common::error(&scene.db, restore, params![stores, scene.key]);
    assert!(error.starts_with("backup_restore: busy: another save runs"), "{error}");
    assert!(scene.state(&scene.db) == before);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(300));
            drop(lock);
        });
        assert_eq!(scene.save(&stores, json!({}))["changed"], false);
    });
}
