//! The vectors of `core/tests/vectors` in the extension and in the component: each says what the vector says, and leaves nothing
//! behind of what it refuses.

use std::fs;
use std::path::PathBuf;

use lifeboat_host_tests::corpus::workspace;
use lifeboat_host_tests::host::load;
use rusqlite::{Connection, Params};
use tempfile::{TempDir, tempdir};
use vector::Vector;
use wasm::{Error, Instance, PIECE, case};

#[path = "../../core/tests/support/evidence.rs"]
mod evidence;
#[allow(dead_code, reason = "the vectors are only read here")]
#[path = "../../core/tests/support/vector.rs"]
mod vector;
mod wasm;

/// What a reader said: a state id or nothing of interest, or the kind of its error.
type Said = Result<String, String>;

/// All vectors that are bundles.
fn vectors() -> Vec<Vector> {
    let all = Vector::read_all(&workspace().join("core/tests/vectors"));
    assert!(all.len() > 1000, "{} vectors", all.len());
    all
}

/// What a vector says of its outcome; of the database that is built of it, when that is `built`.
fn expected(vector: &Vector, built: bool) -> Said {
    let outcome = match (vector.outcome.as_str(), vector.database.as_deref()) {
        ("success", Some(database)) if built => database,
        (outcome, _) => outcome,
    };
    match outcome {
        "success" => Ok(vector.state.clone().expect("a state")),
        kind => Err(kind.to_owned()),
    }
}

/// What differs from the vectors, to be told all at once.
#[derive(Default)]
struct Differences {
    found: Vec<String>,
    compared: usize,
}

impl Differences {
    fn compare(&mut self, vector: &Vector, reader: &str, said: &Said, expected: &Said) {
        let kind = |said: &Said| said.clone().map_err(|error| error.split(": ").next().unwrap_or_default().to_owned());
        self.compared += 1;
        // A reader that has a limit of its own, such as the memory of an instance, may say so in place of any outcome.
        let is_own_limit = vector.name.starts_with("limit-") && kind(said) == Err("too big".to_owned());
        // What no restore takes, who looks at contents may refuse already.
        let is_foreseen = vector.database.as_ref().is_some_and(|database| kind(said) == Err(database.clone()));
        // In the place of a bundle a database is a mistake of whoever calls.
        let is_mixed_up = vector.name == "header-of-a-database"
            && said.as_ref().is_err_and(|why| why.contains("is a database, not a bundle"));
        if kind(said) != *expected && !is_own_limit && !is_foreseen && !is_mixed_up {
            self.found.push(format!("{}: {reader}: {said:?}, not {expected:?}", vector.name));
        }
    }

    fn none(self, cases: &str) {
        assert!(self.found.is_empty(), "{} differences:\n{}", self.found.len(), self.found.join("\n"));
        evidence::counted(cases, self.compared);
    }
}

/// Whether its fault is that a row has values for which its table has no place, or not enough of them, or a key of another
/// kind.
fn is_misshapen(vector: &Vector) -> bool {
    const SHAPES: [&str; 9] = [
        "row-key-and-values",
        "row-key-for-a-rowid",
        "row-key-of-one-",
        "row-rowid-for-a-key",
        "row-unreachable-rowid-not-the-place",
        "row-value-of-",
        "row-values-",
        "state-sequence-of-",
        "state-statistics-of-two",
    ];
    vector.database.is_some() && SHAPES.iter().any(|shape| vector.name.starts_with(shape))
}

/// Success or a kind, where no state id is compared.
fn word(outcome: &str) -> Said {
    if outcome == "success" { Ok(String::new()) } else { Err(outcome.to_owned()) }
}

/// A host of the extension, and the vectors as files.
struct Scene {
    directory: TempDir,
    app: Connection,
}

impl Scene {
    fn new(all: &[Vector]) -> Self {
        let directory = tempdir().expect("a directory");
        fs::create_dir(directory.path().join("targets")).expect("it is new");
        let scene = Self { directory, app: load(Connection::open_in_memory().expect("memory is there")) };
        all.iter().for_each(|vector| fs::write(scene.path(&vector.name), &vector.bytes).expect("writes"));
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name).with_extension("bundle")
    }

    /// A chain as the functions take it.
    fn chain(&self, vector: &Vector) -> String {
        let names = vector.after.iter().chain([&vector.name]);
        let paths = names.map(|name| self.path(name).into_os_string().into_string().expect("UTF-8"));
        serde_json::to_string(&paths.collect::<Vec<_>>()).expect("texts")
    }

    /// What a function of this connection says: the value of `field` in its report, or its error.
    fn ask(&self, app: &Connection, sql: &str, field: &str, arguments: impl Params) -> Said {
        let report: Result<Option<String>, _> = app.query_row(sql, arguments, |row| row.get(0));
        match report {
            Ok(report) => {
                let report: serde_json::Value = serde_json::from_str(&report.unwrap_or_default()).expect("JSON");
                Ok(report[field].as_str().unwrap_or_default().to_owned())
            }
            // The name of the function stands before the kind.
            Err(error) => Err(error.to_string().split_once(": ").expect("a function's error").1.to_owned()),
        }
    }

    /// Restores into an empty database, and leaves it empty where that fails.
    fn restore(&self, vector: &Vector) -> Said {
        let target = load(Connection::open_in_memory().expect("memory is there"));
        let sql = "SELECT backup_restore(?1, ?2)";
        let said = self.ask(&target, sql, "state_id", (self.chain(vector), &vector.key));
        let count = "SELECT count(*) FROM sqlite_schema";
        let tables: i64 = target.query_row(count, [], |row| row.get(0)).expect("a sound database");
        assert!(said.is_ok() || tables == 0, "{}: {tables} tables are left", vector.name);
        said
    }

    /// Restores into a file, which is there afterwards or not, and no other with it.
    fn restore_file(&self, vector: &Vector) -> Said {
        let targets = self.directory.path().join("targets");
        let target = targets.join("target.db");
        let arguments = (self.chain(vector), &vector.key, target.to_str().expect("UTF-8"));
        let said = self.ask(&self.app, "SELECT backup_restore_file(?1, ?2, ?3)", "state_id", arguments);
        let left: Vec<_> = fs::read_dir(&targets).expect("a directory").map(|entry| entry.expect("readable")).collect();
        assert_eq!(left.len(), usize::from(said.is_ok()), "{}: {left:?}", vector.name);
        left.iter().for_each(|file| fs::remove_file(file.path()).expect("it is there"));
        said
    }
}

#[test]
fn the_extension() {
    let all = vectors();
    let scene = Scene::new(&all);
    let mut differences = Differences::default();
    for vector in all.iter().filter(|vector| !vector.is_ledger) {
        let path = scene.path(&vector.name).into_os_string().into_string().expect("UTF-8");
        let chain = scene.chain(vector);
        let mut compare =
            |reader: &str, said: Said, expected: &Said| differences.compare(vector, reader, &said, expected);
        let verify = "SELECT backup_verify(?1)";
        let keyless = word(&vector.keyless).map(|_| vector.signer.clone().expect("a signer"));
        compare("keyless", scene.ask(&scene.app, verify, "verify_key", [&path]), &keyless);
        let blob = scene.ask(&scene.app, verify, "verify_key", [&vector.bytes]);
        compare("keyless, as a BLOB", blob, &keyless);
        if let Some(links) = &vector.links {
            compare("links", scene.ask(&scene.app, verify, "", [&chain]), &word(links));
        }
        let contents = "SELECT backup_verify(?1, ?2)";
        if let Some(alone) = &vector.alone {
            compare("alone", scene.ask(&scene.app, contents, "", (&path, &vector.key)), &word(alone));
        }
        // What begins with a delta is checked as far as that goes.
        if vector.outcome != "mismatch" || vector.links.as_deref() == Some("mismatch") {
            for (reader, sql) in [("contents", contents), ("info", "SELECT backup_info(?1, ?2)")] {
                let said = scene.ask(&scene.app, sql, "state_id", (&chain, &vector.key));
                // `backup_info` says that bundles are no chain before it opens them.
                let links = vector.links.as_deref().filter(|links| reader == "info" && *links != "success");
                compare(reader, said, &links.map_or_else(|| expected(vector, false), word));
            }
        }
        let restore = "SELECT backup_verify(?1, ?2, '{\"level\": \"restore\"}')";
        let said = scene.ask(&scene.app, restore, "state_id", (&chain, &vector.key));
        compare("restore", said, &expected(vector, true));
        compare("backup_restore", scene.restore(vector), &expected(vector, true));
        compare("backup_restore_file", scene.restore_file(vector), &expected(vector, true));
    }
    differences.none("readings of them by the extension");
}

#[test]
fn the_component() {
    let all = vectors();
    let mut differences = Differences::default();
    let kind = |error: Error| {
        let (case, text) = case(&error);
        format!("{}: {text}", case.replace('-', " "))
    };
    for vector in all.iter().filter(|vector| !vector.is_ledger) {
        let mut compare =
            |reader: &str, said: Said, expected: &Said| differences.compare(vector, reader, &said, expected);
        // The smallest memory that its interface names, which must be enough.
        let mut instance = Instance::new(512 << 20);
        let keyless = word(&vector.keyless).map(|_| vector.signer.clone().expect("a signer"));
        compare("audit", audit(&mut instance, &vector.bytes).map_err(kind), &keyless);
        let chain = vector.chain(&all);
        compare("inspection", inspect(&mut instance, vector, &chain).map_err(kind), &expected(vector, false));
        let mut instance = Instance::new(512 << 20);
        // Rows come with the names of their columns, for which the schema is judged, and each has a value for each. What only a
        // table that is built would refuse, is given.
        let said = rows(&mut instance, vector, &chain).map_err(kind);
        let is_given = said == expected(vector, false) && !is_misshapen(vector);
        compare("rows", said, &expected(vector, !is_given));
        let mut instance = Instance::new(512 << 20);
        let database = instance.recover_chain(&chain, &vector.key, 999, |_| {});
        let database = database.map(|recovered| recovered.summary.report.state_id);
        compare("database", database.map_err(kind), &expected(vector, true));
    }
    differences.none("readings of them by the component");
}

fn audit(instance: &mut Instance, bundle: &[u8]) -> Result<String, Error> {
    let audit = instance.audit_open(None, None)?;
    bundle.chunks(PIECE).try_for_each(|piece| instance.audit_push(audit, piece))?;
    instance.audit_finish(audit).map(|report| report.verify_key)
}

fn inspect(instance: &mut Instance, vector: &Vector, chain: &[&[u8]]) -> Result<String, Error> {
    let inspection = instance.inspection_open(&vector.key, None)?;
    for delta in &chain[1..] {
        instance.inspection_begin_delta(inspection)?;
        delta.chunks(1000).try_for_each(|piece| instance.inspection_push_delta(inspection, piece))?;
    }
    chain[0].chunks(PIECE).try_for_each(|piece| instance.inspection_push(inspection, piece))?;
    instance.inspection_finish(inspection).map(|summary| summary.report.state_id)
}

fn rows(instance: &mut Instance, vector: &Vector, chain: &[&[u8]]) -> Result<String, Error> {
    let rows = instance.rows_open(&vector.key, None)?;
    for delta in &chain[1..] {
        instance.rows_begin_delta(rows)?;
        delta.chunks(PIECE).try_for_each(|piece| instance.rows_push_delta(rows, piece))?;
    }
    for piece in chain[0].chunks(1000) {
        instance.rows_push(rows, piece)?;
        while instance.rows_next(rows)?.is_some() {
            while instance.rows_pull(rows)?.is_some() {}
        }
    }
    instance.rows_finish(rows).map(|summary| summary.report.state_id)
}
