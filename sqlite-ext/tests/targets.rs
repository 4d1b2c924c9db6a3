//! What may take the place of what: each cell of the table in `manual/targets.md`,
//! on real files.

mod common;

use common::*;
use rusqlite::{Connection, params};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A database with a key in a file, and a place for what is found at a path.
struct Scene {
    db: Connection,
    directory: TempDir,
    /// `file:` and the path of the key.
    key: String,
}

impl Scene {
    fn new() -> Self {
        let (db, directory) = (memory(), directory());
        db.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES (1), (2)").unwrap();
        let scene = Self { key: format!("file:{}", directory.path().join("recovery.key").display()), db, directory };
        fs::write(scene.path("recovery.key"), key(&scene.db)).unwrap();
        scene.export("base", "{}");
        scene.db.execute("INSERT INTO t VALUES (3)", []).unwrap();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn export(&self, name: &str, options: &str) {
        json(&self.db, "SELECT backup_export_file(?, ?, ?)", params![self.key, self.text(name), options]);
    }

    /// With an option that names a file.
    fn with(&self, option: &str, name: &str) -> String {
        serde_json::json!({ option: self.text(name) }).to_string()
    }

    /// Puts what the table calls this at a path. None: it is there for one of the calls alone.
    fn put(&self, what: &str, at: &Path) {
        let other = || key(&self.db);
        let export = |key: &str, options: &str| {
            json(&self.db, "SELECT backup_export_file(?, ?, ?)", params![key, at.to_str(), options]);
        };
        match what {
            "nothing" => {}
            "a full bundle of the same key and domain" => fs::copy(self.path("base"), at).map(drop).unwrap(),
            "a delta of the same key and domain" => export(&self.key, &self.with("base", "base")),
            "another bundle: of another key or domain, damaged, of a newer version" => export(&other(), "{}"),
            "a ledger of the same key and domain" => {
                self.export("of the ledger", &self.with("ledger", "made"));
                fs::remove_file(self.path("of the ledger")).unwrap();
                fs::rename(self.path("made"), at).unwrap();
                self.db.execute("INSERT INTO t VALUES (4)", []).unwrap();
            }
            "another ledger" => {
                let options = self.with("ledger", "made");
                let parameters = params![other(), self.text("of the ledger"), options];
                json(&self.db, "SELECT backup_export_file(?, ?, ?)", parameters);
                fs::remove_file(self.path("of the ledger")).unwrap();
                fs::rename(self.path("made"), at).unwrap();
            }
            "an empty file, or the rest of a ledger after a crash" => fs::write(at, "").unwrap(),
            "a SQLite database" => Connection::open(at).unwrap().execute_batch("CREATE TABLE mine(x)").unwrap(),
            "any other file" => fs::write(at, "a letter to my heirs").unwrap(),
            "a recovery key" => fs::write(at, other()).unwrap(),
            "a directory, FIFO, socket or device" => fs::create_dir(at).unwrap(),
            "a database that this connection has open, or a file that belongs to a database" => {
                self.db.execute("ATTACH ? AS attached", [at.to_str()]).unwrap();
                self.db.execute_batch("CREATE TABLE IF NOT EXISTS attached.mine(x)").unwrap();
            }
            "a file that the call reads" => fs::copy(self.path("base"), at).map(drop).unwrap(),
            what => panic!("the table has a row that nobody can make: {what}"),
        }
    }

    /// What a call does to the path: the words of the table.
    fn outcome(&self, call: &str, replace: bool, is_read: bool, at: &Path) -> String {
        let before = fs::read(at).ok();
        let options = |extra: &[(&str, &str)]| {
            let mut options = serde_json::Map::from_iter([("replace".to_owned(), replace.into())]);
            options.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())));
            serde_json::Value::Object(options).to_string()
        };
        let at_text = at.display().to_string();
        let base = if is_read { at_text.clone() } else { self.text("base") };
        let export = "SELECT backup_export_file(?, ?, ?)";
        let (sql, parameters) = match call {
            "bundle" if is_read => (export, vec![self.key.clone(), at_text, options(&[("base", &base)])]),
            "bundle" => (export, vec![self.key.clone(), at_text, options(&[])]),
            "link" => (export, vec![self.key.clone(), at_text, options(&[("base", &base)])]),
            "composed" => {
                let chain = serde_json::json!([base]).to_string();
                ("SELECT backup_compose_file(?, ?, ?, ?)", vec![chain, self.key.clone(), at_text, options(&[])])
            }
            // With a base, since a ledger that is damaged is of no use alone.
            "ledger" => {
                let options = options(&[("ledger", &at_text), ("base", &base)]);
                (export, vec![self.key.clone(), self.text("new"), options])
            }
            "database" => {
                ("SELECT backup_restore_file(?, ?, ?, ?)", vec![base, self.key.clone(), at_text, options(&[])])
            }
            call => panic!("{call}"),
        };
        let mut statement = self.db.prepare(sql).unwrap();
        let done = statement.query_row(rusqlite::params_from_iter(parameters), |row| row.get::<_, String>(0));
        let after = fs::read(at).ok();
        let _ = fs::remove_file(self.path("new"));
        match done {
            Ok(_) if before.is_none() && after.is_some() => "written".to_owned(),
            Ok(_) if before != after => "replaced".to_owned(),
            Ok(_) => "left alone".to_owned(),
            Err(error) => {
                let error = error.to_string();
                assert!(before == after, "{error}");
                assert!(error.contains(": misuse: "), "{error}");
                let is_told = error.contains("or the option \"replace\": true");
                assert!(!is_told || !replace, "the option was given: {error}");
                if is_told { "refused".to_owned() } else { "never".to_owned() }
            }
        }
    }
}

/// The rows of the table: what is there, and seven words.
fn table() -> Vec<(String, Vec<String>)> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = package.ancestors().map(|directory| directory.join("manual/targets.md"));
    let page = pages.find_map(|path| fs::read_to_string(path).ok()).expect("the manual has the page");
    let lines = page.lines().skip_while(|line| !line.starts_with("| what is at the path |")).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|')).map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
        (cells.next().unwrap(), cells.collect::<Vec<_>>())
    });
    rows.collect()
}

#[test]
fn the_table_is_true() {
    let table = table();
    assert_eq!(table.len(), 13, "a row for each kind of file");
    let calls = [
        ("bundle", false),
        ("bundle", true),
        ("link", false),
        ("link", true),
        ("ledger", false),
        ("database", false),
        ("database", true),
    ];
    let mut cells = 0;
    for (what, words) in &table {
        assert_eq!(words.len(), calls.len(), "{what}");
        for ((call, replace), word) in calls.into_iter().zip(words) {
            let composed = (call == "link").then_some("composed");
            for call in [Some(call), composed].into_iter().flatten() {
                let is_read = what == "a file that the call reads";
                if is_read && call == "composed" {
                    // What is made of it holds what it leads to.
                    continue;
                }
                let scene = Scene::new();
                let at = scene.path("there");
                scene.put(what, &at);
                let before = names(scene.directory.path());
                let found = scene.outcome(call, replace, is_read, &at);
                let wanted = match word.as_str() {
                    "if it goes on" => "replaced",
                    "same bytes" if call == "composed" && what.starts_with("a full bundle") => "left alone",
                    "same bytes" => "refused",
                    // The same bundle again: nothing of it changes.
                    "replaced" if call == "composed" && what.starts_with("a full bundle") => "left alone",
                    word => word,
                };
                // A delta of the same difference has the same bytes.
                let is_same = call == "link" && what.starts_with("a delta");
                let wanted = if is_same { "left alone" } else { wanted };
                assert_eq!(found, wanted, "{what}: {call}, replace: {replace}");
                if found != "written" && found != "replaced" {
                    assert_eq!(names(scene.directory.path()), before, "{what}: {call}: something is left");
                }
                cells += 1;
            }
        }
    }
    println!("{cells} cells of the table are true");
}
