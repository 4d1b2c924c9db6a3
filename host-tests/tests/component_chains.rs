//! Chains in the component and its command: a full bundle and deltas, made by the extension, recovered without it.

use std::fs;
use std::path::Path;

use lifeboat_host_tests::corpus;
use lifeboat_host_tests::equal::assert_equal;
use lifeboat_host_tests::history::{History, LIFE};
use lifeboat_host_tests::host::{keygen, open};
use lifeboat_host_tests::random::Random;
use lifeboat_host_tests::torture::Encoding;
use lifeboat_host_tests::zkap::Size;
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};
use wasm::{Instance, PIECE, case};

mod wasi;
mod wasm;

const GIB: usize = 1 << 30;

fn export(database: &Path, key: &str) -> Vec<u8> {
    open(database).query_row("SELECT backup_export(?1)", [key], |row| row.get(0)).unwrap()
}

/// T5 R29: from each state of each chain: the very database, which exports to the same full bundle.
#[test]
fn each_state_of_a_life() {
    let databases =
        Encoding::ALL.map(corpus::torture).into_iter().chain([corpus::real("proj.db"), corpus::zkap(Size::SMALL)]);
    let mut random = Random::new(31);
    for database in databases {
        let (directory, key) = (tempdir().unwrap(), keygen());
        let mut history = History::begin(directory.path(), &database, &key);
        LIFE.iter().for_each(|sql| history.live(sql));
        for state in 0..history.states() {
            let copy = history.path("copy.db");
            let piece = 1 + random.below(PIECE as u64) as usize;
            let mut file = Vec::new();
            let bundles = history.chain(state);
            let recovered =
                Instance::new(4 * GIB).recover_chain(&bundles, &key, piece, |bytes| file.extend_from_slice(bytes));
            let recovered = recovered.unwrap_or_else(|e| panic!("{} in state {state}: {e:?}", database.display()));
            assert_eq!(recovered.summary.bundles.len(), state + 1);
            fs::write(&copy, file).unwrap();
            assert_equal(&history.database(state), &copy);
            assert!(export(&copy, &key) == export(&history.database(state), &key), "{} {state}", database.display());
        }
    }
}

/// A small life: `0.bundle` … `3.bundle`; `fork.bundle` leads on from state 1; `foreign.bundle` is a delta of another key.
struct Scene {
    _directory: TempDir,
    history: History,
    key: String,
}

impl Scene {
    fn new() -> Self {
        let (directory, key) = (tempdir().unwrap(), keygen());
        let first = directory.path().join("first.db");
        Connection::open(&first).unwrap().execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (0)").unwrap();
        let mut history = History::begin(directory.path(), &first, &key);
        for value in 1..=3 {
            history.live(&format!("UPDATE t SET a = {value}; CREATE TABLE t{value} (b)"));
        }
        let scene = Self { history, key, _directory: directory };
        let fork = scene.history.path("fork.db");
        fs::copy(scene.history.database(1), &fork).unwrap();
        Connection::open(&fork).unwrap().execute_batch("DELETE FROM t").unwrap();
        scene.history.export(&fork, &[0, 1], "fork.bundle");

        let other = tempdir().unwrap();
        let mut foreign = History::begin(other.path(), &first, &keygen());
        foreign.live("UPDATE t SET a = 1");
        fs::copy(foreign.bundle(1), scene.history.path("foreign.bundle")).unwrap();
        let mut damaged = fs::read(scene.history.bundle(2)).unwrap();
        damaged[100] ^= 1;
        fs::write(scene.history.path("damaged.bundle"), &damaged).unwrap();
        fs::write(scene.history.path("cut.bundle"), &damaged[..99]).unwrap();
        fs::write(scene.history.path("app.key"), &scene.key).unwrap();
        let ledger = format!("{{\"ledger\": {:?}}}", scene.history.path("app.ledger"));
        let sql = "SELECT length(backup_export_file(?1, ?2, ?3))";
        let bundle = scene.history.path("with ledger.bundle");
        let arguments = [&scene.key, bundle.to_str().unwrap(), &ledger];
        open(&scene.history.database(1)).query_row(sql, arguments, |row| row.get::<_, i64>(0)).unwrap();
        scene
    }

    fn read(&self, names: &[&str]) -> Vec<Vec<u8>> {
        names.iter().map(|name| fs::read(self.history.path(name)).unwrap()).collect()
    }

    fn run(&self, arguments: &str) -> wasi::Run {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        wasi::run(&arguments, self.history.path("").as_path(), b"")
    }
}

/// What is no chain: files, the kind of error, words of the component, words of the command.
const BROKEN: [(&[&str], &str, &str, &str); 10] = [
    (&["0.bundle", "2.bundle"], "mismatch", "bundle 2 of the chain does not follow", "2.bundle: bundle 2 of the chain"),
    (&["0.bundle", "1.bundle", "3.bundle"], "mismatch", "is missing", "3.bundle: bundle 3 of the chain"),
    (&["0.bundle", "1.bundle", "2.bundle", "fork.bundle"], "mismatch", "a fork", "fork.bundle: bundle 4 of the chain"),
    (&["0.bundle", "1.bundle", "3.bundle", "2.bundle"], "mismatch", "a wrong order", "3.bundle: bundle 3 of the chain"),
    (&["0.bundle", "1.bundle", "0.bundle"], "mismatch", "a full bundle", "0.bundle: bundle 3 of the chain"),
    (&["1.bundle", "2.bundle"], "mismatch", "this is a delta", "1.bundle: this is a delta"),
    (&["1.bundle"], "mismatch", "this is a delta", "1.bundle: this is a delta"),
    (
        &["0.bundle", "1.bundle", "damaged.bundle"],
        "corrupt",
        "bundle 3 of the chain",
        "damaged.bundle: item 1 at byte 75",
    ),
    (&["0.bundle", "1.bundle", "cut.bundle"], "truncated", "bundle 3 of the chain", "cut.bundle: the bundle ends"),
    (&["0.bundle", "app.ledger"], "mismatch", "this is a ledger", "app.ledger: this is a ledger"),
];

/// C1 to C5, Z9: each broken chain is told by its kind and reason, by the component and by the command, which names the file.
#[test]
fn broken_chains() {
    let scene = Scene::new();
    let mut instance = Instance::new(GIB);
    for (names, kind, words, said) in BROKEN {
        for piece in [1, PIECE] {
            let error = instance.recover_chain(&scene.read(names), &scene.key, piece, |_| ()).unwrap_err();
            let (case, text) = case(&error);
            assert!(case == kind && text.contains(words), "{names:?}: {error:?}");
        }
        let run = scene.run(&format!("recover {} --key-file app.key --out new.db", names.join(" ")));
        // It may say the number of the bundle, too, besides its file.
        let err =
            (1..=4).fold(run.err.clone(), |err, number| err.replace(&format!("bundle {number} of the chain: "), ""));
        assert!(run.code != 0 && err.contains(&format!("lifeboat-cli: {kind}: {said}")), "{names:?}: {run:?}");
        assert!(!scene.history.path("new.db").exists());
    }
    let foreign = scene.read(&["0.bundle", "foreign.bundle"]);
    let error = instance.recover_chain(&foreign, &scene.key, PIECE, |_| ()).unwrap_err();
    assert_eq!(case(&error).0, "wrong-key", "{error:?}");
    let run = scene.run("recover 0.bundle foreign.bundle --key-file app.key --out new.db");
    assert!(
        run.err.contains("lifeboat-cli: wrong key: ")
            && run.err.contains("bundle 2 of the chain: this recovery key did not make this bundle"),
        "{run:?}"
    );
    instance.recover_chain(&scene.history.chain(3), &scene.key, 1, |_| ()).unwrap();
}

/// The command: recover, verify and look into chains.
#[test]
fn the_command() {
    let scene = Scene::new();
    for (bundles, state) in [("0.bundle", 0), ("0.bundle 1.bundle", 1), ("0.bundle 1.bundle 2.bundle 3.bundle", 3)] {
        let run = scene.run(&format!("recover {bundles} --key-file app.key --out {state}.copy"));
        assert_eq!(run.code, 0, "{}", run.err);
        assert_equal(&scene.history.database(state), &scene.history.path(&format!("{state}.copy")));
    }
    let json = |arguments: &str| -> serde_json::Value {
        let run = scene.run(&format!("{arguments} --json"));
        assert_eq!(run.code, 0, "{arguments}: {}", run.err);
        serde_json::from_str(&run.out).unwrap()
    };
    let public = json("verify 0.bundle 1.bundle 2.bundle");
    let bundles = public["bundles"].as_array().unwrap();
    assert_eq!(bundles.len(), 3);
    assert_eq!((&bundles[0]["base-id"], &bundles[2]["base-id"]), (&serde_json::Value::Null, &bundles[1]["state-id"]));
    assert_eq!(public["state-id"], bundles[2]["state-id"]);
    let last = public["state-id"].as_str().unwrap();
    let signer = public["verify-key"].as_str().unwrap();
    json(&format!("verify 0.bundle 1.bundle 2.bundle --verify-key {signer} --expect {last}"));
    json(&format!("verify 0.bundle 1.bundle 2.bundle --key-file app.key --expect {last}"));
    // Deltas by themselves: without the key.
    assert_eq!(json("verify 2.bundle")["base-id"], bundles[1]["state-id"]);
    json("verify 1.bundle 2.bundle 3.bundle");
    let inside = json("info 0.bundle 1.bundle 2.bundle --key-file app.key");
    assert_eq!((inside["report"]["state-id"].as_str(), inside["schema"].as_array().unwrap().len()), (Some(last), 3));
    assert_eq!(inside["bundles"].as_array().unwrap().len(), 3);
    assert!(inside["selection"].is_null());
    assert!(scene.run("info 0.bundle 1.bundle --key-file app.key").out.contains("chain        2: state "));
    assert!(scene.run("verify 0.bundle 1.bundle").out.contains("chain        2 bundles"));

    for (arguments, words) in [
        (format!("verify 0.bundle 1.bundle --expect {last}"), "mismatch: 1.bundle: "),
        (format!("verify 0.bundle 1.bundle --key-file app.key --expect {last}"), "mismatch: "),
        ("verify 1.bundle 3.bundle".to_owned(), "mismatch: 3.bundle: bundle 2 of the chain does not follow"),
        ("verify 0.bundle missing.bundle".to_owned(), "missing.bundle"),
        ("verify 0.bundle - --key-file app.key".to_owned(), "misuse: "),
    ] {
        let run = scene.run(&arguments);
        assert!(run.code != 0 && run.err.contains(words), "{arguments}: {run:?}");
    }
}

/// Too little memory for the deltas is an error that says so, not a trap; with four times their size on top there is enough.
#[test]
fn little_memory() {
    let (directory, key) = (tempdir().unwrap(), keygen());
    let first = directory.path().join("first.db");
    let sql = "CREATE TABLE t (a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
               INSERT INTO t SELECT zeroblob(60000) FROM n";
    Connection::open(&first).unwrap().execute_batch(sql).unwrap();
    let mut history = History::begin(directory.path(), &first, &key);
    for _ in 0..3 {
        history.live("UPDATE t SET a = randomblob(60000)");
    }
    let bundles = history.chain(3);
    let inspect = |memory: usize| {
        let mut instance = Instance::new(memory);
        let work = instance.inspection_open(&key, None)?;
        for delta in &bundles[1..] {
            instance.inspection_begin_delta(work)?;
            delta.chunks(PIECE).try_for_each(|piece| instance.inspection_push_delta(work, piece))?;
        }
        bundles[0].chunks(PIECE).try_for_each(|piece| instance.inspection_push(work, piece))?;
        instance.inspection_finish(work)
    };
    let error = inspect(72 << 20).unwrap_err();
    assert_eq!(case(&error).0, "too-big", "{error:?}");
    let length: usize = bundles[1..].iter().map(Vec::len).sum();
    assert_eq!(inspect((64 << 20) + 4 * length).unwrap().tables[0].rows, 200);
}
