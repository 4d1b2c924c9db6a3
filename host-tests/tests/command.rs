//! The command component, for people at a shell: wasmtime with WASI and one directory.

use std::fs;
use std::path::{Path, PathBuf};

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::equal::assert_equal;
use lifeboat_host_tests::host::{Host, keygen, open, quote};
use lifeboat_host_tests::torture::Encoding;
use lifeboat_host_tests::zkap::Size;
use tempfile::{TempDir, tempdir};
use wasi::{Run, run};

mod wasi;

/// A directory with `app.bundle` and `app.key`.
struct Scene(TempDir);

impl Scene {
    fn new(database: &Path) -> Self {
        let scene = Self(tempdir().unwrap());
        let key = keygen();
        fs::write(scene.path("app.key"), format!("{key}\n")).unwrap();
        let export = format!("SELECT length(backup_export_file({}, {}))", quote(key), quote(scene.path("app.bundle")));
        Host::Shell.ok(database, &export);
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[track_caller]
    fn ok(&self, arguments: &str) -> String {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let run = run(&arguments, self.0.path(), b"");
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.err);
        run.out
    }

    #[track_caller]
    fn error(&self, arguments: &str) -> String {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let run = run(&arguments, self.0.path(), b"");
        assert_ne!(run.code, 0, "{arguments:?}: {}", run.out);
        assert!(run.err.starts_with("lifeboat-cli: "), "{}", run.err);
        run.err
    }
}

/// Z4 Z10 U3: from bundle and key alone, without any SQLite on the machine: equal, and the same bundle again.
#[test]
fn recover() {
    for database in [corpus::torture(Encoding::Utf16le), corpus::real("proj.db"), corpus::zkap(Size::ACCEPTANCE)] {
        let scene = Scene::new(&database);
        let said = scene.ok("recover app.bundle --key-file app.key --out app.db");
        assert!(said.contains("app.db") || said.contains("recovered"), "{said}");
        assert_eq!(scene.files(), ["app.bundle", "app.db", "app.key"]);
        assert_equal(&database, &scene.path("app.db"));
        let key = quote(format!("file:{}", scene.path("app.key").display()));
        let again = format!("SELECT length(backup_export_file({key}, {}))", quote(scene.path("again.bundle")));
        Host::Shell.ok(&scene.path("app.db"), &again);
        assert!(fs::read(scene.path("app.bundle")).unwrap() == fs::read(scene.path("again.bundle")).unwrap());
    }
}

/// Checks, with the key and without, for people and as JSON.
#[test]
fn verify_and_info() {
    let scene = Scene::new(&corpus::zkap(Size::SMALL));
    let key = fs::read_to_string(scene.path("app.key")).unwrap();
    let verify_key: String =
        open(Path::new(":memory:")).query_row("SELECT backup_verify_key(?1)", [key.trim()], |row| row.get(0)).unwrap();
    let report: serde_json::Value = serde_json::from_str(&scene.ok("verify app.bundle --json")).unwrap();
    let state = report["state-id"].as_str().unwrap();
    assert_eq!((state.len(), report["authentic"].as_bool()), (64, Some(false)));
    assert_eq!(report["verify-key"].as_str(), Some(verify_key.as_str()));
    scene.ok(&format!("verify app.bundle --verify-key {verify_key} --expect {state}"));
    scene.ok(&format!("verify app.bundle --key-file app.key --expect {state}"));
    assert!(scene.ok("info app.bundle --key-file app.key").contains("unblinded-tokens"));
    assert!(!scene.ok("info app.bundle").contains("unblinded-tokens"));
    assert!(scene.ok("--help").contains("recover"));
    let piped =
        run(&["verify", "-", "--key-file", "app.key"], scene.0.path(), &fs::read(scene.path("app.bundle")).unwrap());
    assert_eq!(piped.code, 0, "{}", piped.err);
}

/// All rows as lines of JSON, with the proof as the last one; the key from the standard input; how far it is.
#[test]
fn rows_progress_and_a_piped_key() {
    let scene = Scene::new(&corpus::zkap(Size::SMALL));
    let key = fs::read(scene.path("app.key")).unwrap();
    let rows = |bundle: &str| run(&["rows", bundle, "--key-file", "-", "--progress"], scene.0.path(), &key);
    let Run { code, out, err } = rows("app.bundle");
    assert_eq!(code, 0, "{err}");
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, lines) = lines.split_last().unwrap();
    let (rows_of_tables, tables): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.is_array());
    let counted = last["summary"]["tables"].as_array().unwrap();
    assert_eq!(counted.iter().map(|table| table["rows"].as_u64().unwrap()).sum::<u64>(), rows_of_tables.len() as u64);
    assert_eq!(tables.len(), counted.len());
    let tokens = tables.iter().find(|table| table["table"] == "unblinded-tokens").expect("it has rows");
    assert_eq!(tokens["columns"][0], "token");
    let size = fs::metadata(scene.path("app.bundle")).unwrap().len();
    let told: Vec<&str> = err.lines().collect();
    assert_eq!(told.first(), Some(&format!("progress: reading 0 of {size}").as_str()), "{err}");
    assert_eq!(told.last(), Some(&format!("progress: reading {size} of {size}").as_str()), "{err}");

    // Rows that came before the damage are there; the proof is not.
    let mut bad = fs::read(scene.path("app.bundle")).unwrap();
    let near_the_end = bad.len() - 100;
    bad[near_the_end] ^= 1;
    fs::write(scene.path("bad.bundle"), bad).unwrap();
    let refused = rows("bad.bundle");
    assert!(refused.code != 0 && !refused.out.contains("summary"), "{}", refused.err);
    assert!(refused.err.lines().last().unwrap().starts_with("lifeboat-cli: corrupt: bad.bundle: "), "{}", refused.err);
}

/// Z9: mistakes and damage: an error of its kind, and no file.
#[test]
fn refusals() {
    let scene = Scene::new(&corpus::zkap(Size::SMALL));
    let sound = fs::read(scene.path("app.bundle")).unwrap();
    let mut bad = sound.clone();
    bad[sound.len() / 2] ^= 4;
    fs::write(scene.path("bad.bundle"), &bad).unwrap();
    fs::write(scene.path("cut.bundle"), &sound[..sound.len() - 1]).unwrap();
    fs::write(scene.path("other.key"), keygen()).unwrap();
    fs::write(scene.path("no.key"), "no key").unwrap();
    fs::write(scene.path("there.db"), "mine").unwrap();
    let before = scene.files();
    let recover = |bundle: &str, key: &str, out: &str| format!("recover {bundle} --key-file {key} --out {out}");
    for (arguments, words) in [
        (recover("bad.bundle", "app.key", "new.db"), "corrupt"),
        (recover("cut.bundle", "app.key", "new.db"), "truncated"),
        (recover("app.bundle", "other.key", "new.db"), "wrong key"),
        (recover("app.bundle", "no.key", "new.db"), "misuse"),
        (recover("app.bundle", "missing.key", "new.db"), "missing.key"),
        (recover("missing.bundle", "app.key", "new.db"), "missing.bundle"),
        (
            recover("app.bundle", "app.key", "there.db"),
            "'there.db' already exists; name another file with --out, or allow",
        ),
        (recover("app.bundle", "app.key", "../outside.db"), "outside.db"),
        (format!("verify app.bundle --expect {}", "0".repeat(64)), "mismatch"),
        ("restore app.bundle".to_string(), "misuse"),
    ] {
        let said = scene.error(&arguments);
        assert!(said.contains(words), "{arguments}: {said}");
    }
    // The key and the bundle are never replaced, and that is not suggested.
    fs::write(scene.path("copy.key"), fs::read_to_string(scene.path("app.key")).unwrap().to_uppercase()).unwrap();
    for (target, words) in [
        ("app.key", "is the file with the recovery key and is never replaced"),
        ("./app.key", "is the file with the recovery key and is never replaced"),
        ("copy.key", "holds a recovery key and is never replaced"),
        ("app.bundle", "is the target, and a bundle that is read, too, which would be lost"),
        ("cut.bundle", "is a bundle and is never replaced by a database"),
    ] {
        let file = fs::read(scene.path(target)).unwrap();
        for replace in ["", " --replace"] {
            let said = scene.error(&(recover("app.bundle", "app.key", target) + replace));
            assert!(said.contains(words) && said.contains("misuse") && !said.contains("--replace"), "{said}");
        }
        assert!(fs::read(scene.path(target)).unwrap() == file);
    }
    fs::remove_file(scene.path("copy.key")).unwrap();
    assert_eq!(scene.files(), before);
    assert_eq!(fs::read(scene.path("there.db")).unwrap(), b"mine");
    scene.ok("recover app.bundle --key-file app.key --out there.db --replace");
    assert_equal(&corpus::zkap(Size::SMALL), &scene.path("there.db"));
}

/// A key where it does not belong is refused with its remedy, and not shown; nor is one in the name of a file.
#[test]
fn a_key_on_the_command_line() {
    let scene = Scene::new(&corpus::zkap(Size::SMALL));
    let key = fs::read_to_string(scene.path("app.key")).unwrap().trim().to_owned();
    for arguments in [
        format!("recover app.bundle --key {key} --out new.db"),
        format!("recover app.bundle --key-file {key} --out new.db"),
        format!("recover app.bundle --key-file {} --out new.db", key[12..].to_uppercase()),
        format!("recover app.bundle --key-file app.key --out {key}"),
        format!("info {key} --key-file app.key"),
        format!("verify app.bundle --verify-key {key}"),
    ] {
        let said = scene.error(&arguments);
        assert!(said.contains("misuse") && said.contains("give --key-file FILE"), "{said}");
        assert!(!said.to_lowercase().contains(&key[20..]), "a key is shown: {said}");
    }
    let said = scene.error(&format!("recover app.bundle --key-fil {key} --{key}"));
    assert!(!said.contains(&key[20..]), "a key is shown: {said}");
}

/// Case 051 of public reports: another SQLite rounds otherwise. What was computed is named, with what to do; and what WASI does
/// not see to.
#[test]
fn remarks() {
    let database = tempdir().unwrap();
    let database = database.path().join("prices.db");
    let rows = "CREATE TABLE prices(id INTEGER PRIMARY KEY, p REAL, s AS (round(p, 2)) STORED, v AS (round(p, 2)));
        INSERT INTO prices(p) VALUES (2.675), (1.005), (0.285);
        CREATE INDEX pr ON prices(round(p, 2)); CREATE INDEX pv ON prices(v); CREATE INDEX plain ON prices(p)";
    open(&database).execute_batch(rows).unwrap();
    let scene = Scene::new(&database);
    let left = format!("app.db.{}.partial", "0123456789abcdef");
    fs::write(scene.path(&left), "a part of a database").unwrap();
    let arguments = ["recover", "app.bundle", "--key-file", "app.key", "--out", "app.db"];
    let Run { code, out, err } = run(&arguments, scene.0.path(), b"");
    assert_eq!(code, 0, "{err}");
    let advice = out.lines().last().unwrap();
    assert!(advice.starts_with("to do        SQLite 3."), "{out}");
    assert!(advice.contains("computed the indexes pr, pv and the stored column prices.s. "), "{advice}");
    assert!(advice.contains("run REINDEX with the SQLite that will use the database"), "{advice}");
    assert!(err.contains(&format!("lifeboat-cli: note: '{left}' holds a database")), "{err}");
    assert!(err.contains("lifeboat-cli: note: a WASI program sets no modes") && err.contains("umask 077"), "{err}");
    let json = scene.ok("recover app.bundle --key-file app.key --out app.db --replace --json");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["advice"], advice["to do        ".len()..]);
}
