//! A snapshot of a part of a database: which rows, which schema, and that a restore proves it.

mod common;

use common::{Directory, Owned, Recording, api, borrow, memory};
use lifeboat_core::{ErrorKind, RecoveryKey, Result, Selection, StateDigest, StateId};
use lifeboat_sqlite::{
    Dangling, Now, Rebuild, RebuildOptions, SelectionRequest, Snapshot, check_restorable, foreign_key_check,
    integrity_check,
};
use std::cell::Cell;
use std::ffi::{c_int, c_void};

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

fn tables(list: &[&str]) -> SelectionRequest {
    SelectionRequest { selection: Selection { tables: Some(names(list)), ..Selection::default() }, now: None }
}

fn exclude(list: &[&str]) -> SelectionRequest {
    SelectionRequest { selection: Selection { exclude: names(list), ..Selection::default() }, now: None }
}

fn cache(list: &[&str]) -> SelectionRequest {
    SelectionRequest { selection: Selection { cache: names(list), ..Selection::default() }, now: None }
}

fn conditions(list: &[(&str, &str)]) -> SelectionRequest {
    let conditions = list.iter().map(|(table, sql)| ((*table).to_owned(), (*sql).to_owned())).collect();
    SelectionRequest { selection: Selection { conditions, ..Selection::default() }, now: None }
}

fn at(now: Now, mut request: SelectionRequest) -> SelectionRequest {
    request.now = Some(now);
    request
}

fn source(sql: &str) -> rusqlite::Connection {
    let source = rusqlite::Connection::open_in_memory().expect("memory");
    source.execute_batch("PRAGMA foreign_keys = OFF").expect("pragma");
    source.execute_batch(sql).expect("source");
    source
}

fn record(source: &rusqlite::Connection, request: &SelectionRequest) -> Result<Recording> {
    let connection = borrow(source);
    let mut recording = Recording::default();
    Snapshot::open_selected(&connection, "main", Some(request))?.walk(&mut recording)?;
    Ok(recording)
}

fn digest(walk: impl FnOnce(&mut StateDigest<'_>) -> Result<()>) -> StateId {
    let key = RecoveryKey::from_bytes(std::array::from_fn(|n| n as u8)).expect("key");
    let keys = key.domain(key.domain_id("test").expect("domain"));
    let mut digest = StateDigest::new(&keys);
    walk(&mut digest).expect("walk");
    digest.finish().expect("digest")
}

fn state_of(source: &rusqlite::Connection, request: &SelectionRequest) -> StateId {
    let connection = borrow(source);
    let snapshot = Snapshot::open_selected(&connection, "main", Some(request)).expect("open");
    digest(|sink| snapshot.walk(sink))
}

/// Rebuilds a selection in a file, proves that it is the same state, and opens it with rusqlite.
fn restore(source: &rusqlite::Connection, request: &SelectionRequest) -> rusqlite::Connection {
    let connection = borrow(source);
    let snapshot = Snapshot::open_selected(&connection, "main", Some(request)).expect("open");
    check_restorable(&connection, &snapshot.settings().expect("settings"), &snapshot.schema().expect("schema"))
        .expect("restorable");
    let scratch = memory();
    let mut rebuild = Rebuild::new(&scratch, RebuildOptions::default()).expect("rebuild");
    snapshot.walk(&mut rebuild).expect("walk");
    rebuild.finish().expect("finish");
    let wanted = digest(|sink| snapshot.walk(sink));
    let rebuilt = Snapshot::open(&scratch, "main").expect("open");
    assert_eq!(digest(|sink| rebuilt.walk_as(snapshot.selection(), sink)), wanted, "the proof of a restore");
    assert_ne!(digest(|sink| rebuilt.walk(sink)), wanted, "never taken for a whole database");
    drop(rebuilt);
    assert!(integrity_check(&scratch, "main").expect("check").is_empty());
    let mut restored = rusqlite::Connection::open_in_memory().expect("memory");
    {
        let target = borrow(&restored);
        lifeboat_sqlite::adopt_encoding(&target, scratch.encoding().expect("encoding")).expect("encoding");
        lifeboat_sqlite::copy_into(&scratch, &target, "main").expect("copy");
    }
    restored.execute_batch("PRAGMA foreign_keys = ON").expect("pragma");
    let _ = &mut restored;
    restored
}

fn objects(connection: &rusqlite::Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name";
    let mut statement = connection.prepare(sql).expect("prepare");
    statement.query_map([], |row| row.get(0)).expect("query").collect::<rusqlite::Result<_>>().expect("rows")
}

fn numbers(connection: &rusqlite::Connection, sql: &str) -> Vec<i64> {
    let mut statement = connection.prepare(sql).expect(sql);
    statement.query_map([], |row| row.get(0)).expect(sql).collect::<rusqlite::Result<_>>().expect(sql)
}

/// The message of a misuse, which has all of these in it.
fn misuse(source: &rusqlite::Connection, request: &SelectionRequest, parts: &[&str]) {
    let error = record(source, request).expect_err(&format!("{parts:?}"));
    assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
    for part in parts {
        assert!(error.message().contains(part), "{part:?} in {error}");
    }
}

const SHOP: &str = "
    CREATE TABLE region(id INTEGER PRIMARY KEY, name TEXT UNIQUE);
    CREATE TABLE customer(id INTEGER PRIMARY KEY, region INTEGER REFERENCES region, name);
    CREATE TABLE \"Order\"(id INTEGER PRIMARY KEY, customer INT NOT NULL REFERENCES customer(id), at INTEGER);
    CREATE TABLE line(ord INT REFERENCES \"Order\", n INT, PRIMARY KEY(ord, n)) WITHOUT ROWID;
    CREATE INDEX customer_name ON customer(name);
    INSERT INTO region VALUES(1, 'north'), (2, 'south'), (3, 'west');
    INSERT INTO customer VALUES(1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c'), (4, NULL, 'd');
    INSERT INTO \"Order\" VALUES(10, 1, 100), (20, 2, 200), (30, 3, 300), (40, 4, 400);
    INSERT INTO line VALUES(10, 1), (10, 2), (20, 1), (30, 1), (40, 1);
";

#[test]
fn tables_exclude_and_cache_choose_rows() {
    let shop = source(SHOP);
    let kept = restore(&shop, &tables(&["REGION", "customer"]));
    assert_eq!(objects(&kept), ["customer", "customer_name", "region"]);
    assert_eq!(numbers(&kept, "SELECT id FROM customer"), [1, 2, 3, 4]);
    let kept = restore(&shop, &exclude(&["LINE"]));
    assert_eq!(objects(&kept), ["Order", "customer", "customer_name", "region"]);
    assert_eq!(numbers(&kept, "SELECT id FROM \"Order\""), [10, 20, 30, 40]);
    let kept = restore(&shop, &cache(&["line", "order"]));
    assert_eq!(objects(&kept).len(), 5);
    assert_eq!(numbers(&kept, "SELECT count(*) FROM line UNION ALL SELECT count(*) FROM \"Order\""), [0, 0]);
    assert_eq!(numbers(&kept, "SELECT id FROM region"), [1, 2, 3]);
}

#[test]
fn the_selection_is_recorded_in_the_schemas_spelling_whatever_the_order() {
    let shop = source(SHOP);
    let mut one = conditions(&[("ORDER", "at > 100"), ("Customer", "id < 3")]);
    one.selection.tables = Some(names(&["order", "CUSTOMER", "line"]));
    one.selection.cache = names(&["Line"]);
    let mut other = conditions(&[("customer", "id < 3"), ("Order", "at > 100")]);
    other.selection.tables = Some(names(&["line", "Order", "customer"]));
    other.selection.cache = names(&["line"]);
    let recording = record(&shop, &one).expect("walk");
    assert_eq!(recording, record(&shop, &other).expect("walk"));
    assert_eq!(state_of(&shop, &one), state_of(&shop, &other));
    let selection = recording.selection.expect("a selection");
    assert_eq!(selection.tables, Some(names(&["Order", "customer", "line"])));
    assert_eq!(selection.cache, ["line"]);
    assert_eq!(selection.conditions[0], ("Order".to_owned(), "at > 100".to_owned()));
    // The text of a condition is part of the state, as it is given.
    let mut spaced = other.clone();
    spaced.selection.conditions[0].1.push(' ');
    assert_ne!(state_of(&shop, &one), state_of(&shop, &spaced));
    // A selection that leaves nothing out is none.
    let connection = borrow(&shop);
    let whole = Snapshot::open_selected(&connection, "main", Some(&SelectionRequest::default())).expect("open");
    assert!(whole.selection().is_none() && whole.dangling().expect("none").is_empty());
    assert_eq!(digest(|sink| whole.walk(sink)), digest(|sink| Snapshot::open(&connection, "main")?.walk(sink)));
    // A snapshot of a selection is no restored database.
    let snapshot = Snapshot::open_selected(&connection, "main", Some(&one)).expect("open");
    assert_eq!(snapshot.walk_as(None, &mut Recording::default()).expect_err("twice").kind(), ErrorKind::Misuse);
}

#[test]
fn names_that_cannot_be_meant_are_refused() {
    let shop =
        source(&format!("{SHOP} CREATE VIEW v AS SELECT 1; CREATE TABLE c(i INTEGER PRIMARY KEY AUTOINCREMENT)"));
    misuse(&shop, &tables(&["nothing"]), &["`tables`", "\"nothing\"", "no table"]);
    misuse(&shop, &exclude(&["v"]), &["`exclude`", "\"v\"", "view"]);
    misuse(&shop, &tables(&["SQLite_Sequence"]), &["SQLite's own"]);
    misuse(&shop, &conditions(&[("sqlite_sequence", "1")]), &["`where`", "SQLite's own"]);
    misuse(&shop, &cache(&["sqlite_schema"]), &["`cache`", "SQLite's own"]);
    misuse(&shop, &cache(&["line", "LINE"]), &["`cache`", "\"line\"", "twice"]);
    misuse(&shop, &conditions(&[("line", "1"), ("Line", "2")]), &["`where`", "twice"]);
    let mut both = conditions(&[("line", "1")]);
    both.selection.exclude = names(&["line"]);
    misuse(&shop, &both, &["`where`", "\"line\"", "leaves out"]);
    let mut both = cache(&["line"]);
    both.selection.tables = Some(names(&["region"]));
    misuse(&shop, &both, &["`cache`", "\"line\"", "leaves out"]);
    let mut both = cache(&["line"]);
    both.selection.conditions = vec![("line".to_owned(), "1".to_owned())];
    misuse(&shop, &both, &["`where`", "`cache`"]);
    // In both lists: less what is excluded.
    let mut both = tables(&["region", "line"]);
    both.selection.exclude = names(&["line"]);
    assert_eq!(objects(&restore(&shop, &both)), ["region", "v"]);
    misuse(&shop, &at(Now::Real(f64::NAN), tables(&["line"])), &["NaN"]);
}

#[test]
fn what_kept_tables_need_comes_back_without_rows() {
    let shop = source(&format!(
        "{SHOP}
        CREATE TABLE log(what, name); CREATE TABLE audit(x, y); CREATE TABLE far(z); CREATE TABLE unrelated(q);
        CREATE TABLE name(n);
        CREATE TRIGGER logs AFTER INSERT ON line BEGIN INSERT INTO log(what, name) VALUES('line', new.n); END;
        CREATE TRIGGER audits AFTER UPDATE OF what ON log WHEN EXISTS(SELECT 1 FROM far)
            BEGIN INSERT INTO audit SELECT 1, 2; END;
        CREATE TRIGGER others AFTER DELETE ON unrelated BEGIN DELETE FROM region; END;"
    ));
    let request = tables(&["line"]);
    let connection = borrow(&shop);
    let snapshot = Snapshot::open_selected(&connection, "main", Some(&request)).expect("open");
    // Parents of parents; what triggers name, and theirs; but no table that only has the name of a column.
    assert_eq!(snapshot.carried_empty(), ["region", "customer", "Order", "log", "audit", "far"]);
    assert!(snapshot.left_out().is_empty());
    let restored = restore(&shop, &request);
    assert_eq!(
        objects(&restored),
        ["Order", "audit", "audits", "customer", "customer_name", "far", "line", "log", "logs", "region"]
    );
    assert_eq!(numbers(&restored, "SELECT count(*) FROM customer"), [0]);
    // It works with foreign keys and triggers.
    restored
        .execute_batch(
            "INSERT INTO region VALUES(9, 'x'); INSERT INTO customer VALUES(9, 9, 'x');
             INSERT INTO \"Order\" VALUES(9, 9, 9); INSERT INTO line VALUES(9, 9); INSERT INTO far VALUES(1);
             UPDATE log SET what = 'w'",
        )
        .expect("writes");
    assert_eq!(numbers(&restored, "SELECT count(*) FROM log UNION ALL SELECT count(*) FROM audit"), [1, 1]);
    restored.execute_batch("INSERT INTO line VALUES(77, 1)").expect_err("no such order");
}

#[test]
fn views_come_with_what_they_name() {
    let shop = source(&format!(
        "{SHOP}
        CREATE TABLE name(n);
        CREATE VIEW full AS SELECT customer.name, at FROM customer JOIN \"Order\" o ON o.customer = customer.id;
        CREATE VIEW partly AS SELECT id, (SELECT count(*) FROM line WHERE ord = id) AS n FROM \"Order\";
        CREATE VIEW nested AS SELECT id FROM partly;
        CREATE VIEW broken AS SELECT * FROM nowhere;
        CREATE VIEW of_app AS SELECT app_function(name) FROM customer;
        CREATE TRIGGER fill INSTEAD OF INSERT ON full BEGIN INSERT INTO name VALUES(new.at); END;"
    ));
    let request = exclude(&["line", "name"]);
    let connection = borrow(&shop);
    let snapshot = Snapshot::open_selected(&connection, "main", Some(&request)).expect("open");
    assert_eq!(snapshot.left_out(), ["view \"partly\"", "view \"nested\""]);
    assert_eq!(snapshot.carried_empty(), ["name"], "the trigger of a view that is carried writes it");
    let restored = restore(&shop, &request);
    let all = objects(&restored);
    assert!(
        ["full", "fill", "broken", "of_app", "name"].iter().all(|name| all.contains(&(*name).to_owned())),
        "{all:?}"
    );
    restored.execute_batch("INSERT INTO full(at) VALUES(5)").expect("through the view");
    assert_eq!(numbers(&restored, "SELECT n FROM name"), [5]);
    // A trigger that reads a view needs what the view names.
    let shop = source(
        "CREATE TABLE a(x); CREATE TABLE b(x); CREATE VIEW v AS SELECT * FROM b; CREATE TABLE c(x);
         CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO c SELECT x FROM v; END;",
    );
    assert_eq!(objects(&restore(&shop, &tables(&["a"]))), ["a", "b", "c", "t", "v"]);
    assert_eq!(objects(&restore(&shop, &tables(&["b"]))), ["b", "v"]);
}

#[test]
fn conditions_choose_rows() {
    let shop = source(SHOP);
    let kept = restore(&shop, &conditions(&[("customer", "customer.region = 1 OR name IS 'd'"), ("line", "n = 1")]));
    assert_eq!(numbers(&kept, "SELECT id FROM customer"), [1, 2, 4]);
    assert_eq!(numbers(&kept, "SELECT ord FROM line"), [10, 20, 30, 40]);
    // NULL is not true; a subquery may read a table that is left out.
    let mut request =
        conditions(&[("customer", "region > 0"), ("order", "id NOT IN (SELECT ord FROM line WHERE n = 2)")]);
    request.selection.exclude = names(&["line"]);
    let kept = restore(&shop, &request);
    assert_eq!(numbers(&kept, "SELECT id FROM customer"), [1, 2, 3]);
    assert_eq!(numbers(&kept, "SELECT id FROM \"Order\""), [20, 30, 40]);
    let newest = "id IN (SELECT id FROM \"Order\" ORDER BY at DESC LIMIT 2)";
    assert_eq!(numbers(&restore(&shop, &conditions(&[("order", newest)])), "SELECT id FROM \"Order\""), [30, 40]);
    let none = restore(&shop, &conditions(&[("line", "0")]));
    assert_eq!(numbers(&none, "SELECT count(*) FROM line"), [0]);
}

#[test]
fn now_is_bound_and_not_recorded() {
    let shop = source(SHOP);
    let request = |now| at(now, conditions(&[("order", "at > :now - 100 AND at <= :now")]));
    assert_eq!(numbers(&restore(&shop, &request(Now::Integer(300))), "SELECT id FROM \"Order\""), [30]);
    assert_eq!(numbers(&restore(&shop, &request(Now::Real(399.5))), "SELECT id FROM \"Order\""), [30]);
    let text = |now: &str| at(Now::Text(now.to_owned()), conditions(&[("customer", "name < :now")]));
    assert_eq!(numbers(&restore(&shop, &text("c")), "SELECT id FROM customer"), [1, 2]);
    assert_eq!(state_of(&shop, &request(Now::Integer(350))), state_of(&shop, &request(Now::Integer(399))));
    misuse(&shop, &conditions(&[("line", "n > :now")]), &["\"line\"", "`now`"]);
    for other in ["?", "?1", "@now", "$now", ":then", ":NOW"] {
        let request = at(Now::Integer(1), conditions(&[("line", &format!("n > {other}"))]));
        misuse(&shop, &request, &["\"line\"", ":now"]);
    }
}

#[test]
fn hostile_conditions_are_refused() {
    let shop = source(&format!(
        "{SHOP} CREATE VIEW v AS SELECT 1; CREATE VIRTUAL TABLE f USING fts5(x); CREATE VIRTUAL TABLE r USING rtree(i,a,b)"
    ));
    for condition in [
        "",
        "1) UNION SELECT 1, 2 FROM line WHERE (1",
        "1 UNION SELECT 1",
        "1 ORDER BY 1",
        "1 LIMIT 1",
        "1 GROUP BY n",
        "1; DROP TABLE line",
        "1;",
        "1 -- comment",
        "1 /* comment */",
        "1 /* open",
        "(1",
        "'open",
        "1, 2",
        "SELECT 1",
        "DELETE FROM line",
        "ATTACH 'x' AS y",
        "n = count(*)",
        "no_such_column",
        "\"no_such_column\"",
        "EXISTS(SELECT 1 FROM no_such_table)",
        "load_extension('x')",
        "random() > 0",
        "randomblob(1) = n",
        "last_insert_rowid() = 1",
        "changes() = 1",
        "sqlite_version() > '3'",
        "CURRENT_TIMESTAMP > n",
        "date('now') > n",
        "julianday(n) > 1",
        "unixepoch() > n",
        "EXISTS(SELECT 1 FROM sqlite_master)",
        "n IN (SELECT rootpage FROM sqlite_schema)",
        "EXISTS(SELECT 1 FROM sqlite_temp_master)",
        "n IN (SELECT cid FROM pragma_table_info('line'))",
        "EXISTS(SELECT 1 FROM pragma_table_info('line'))",
        "(SELECT count(*) FROM pragma_database_list) > 0",
        "n IN (SELECT value FROM json_each('[1]'))",
        "EXISTS(SELECT 1 FROM json_each('[1]'))",
        "EXISTS(SELECT 1 FROM f)",
        "n IN (SELECT rowid FROM f WHERE f MATCH 'x')",
        "n IN (SELECT i FROM r)",
        "EXISTS(SELECT 1 FROM v)",
        "n IN (SELECT * FROM v)",
        "n MATCH 'x'",
        "n REGEXP 'x'",
        "n COLLATE no_such_collation = 'x'",
        "RAISE(ABORT, 'x')",
        "row_number() OVER () = 1",
        "temp.line.n",
        "n = 1\0",
    ] {
        misuse(&shop, &conditions(&[("line", condition)]), &["`where`", "\"line\""]);
    }
    misuse(&shop, &conditions(&[("line", "date(n) > 1")]), &["date()", "`now`", ":now"]);
    misuse(&shop, &conditions(&[("line", "no_such_column")]), &["no such column: no_such_column", "private copy"]);
    for condition in [
        "main.line.n = 1",
        "(n) = (1)",
        "n = ';' OR 1",
        "(ord, n) IN (SELECT ord, n FROM line)",
        "lower(n) = '1' AND n BETWEEN 1 AND 2",
        "CASE WHEN n = 1 THEN 1 END",
        "EXISTS(WITH c AS (SELECT 1) SELECT 1 FROM c)",
        "n IN (WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 5) SELECT i FROM c)",
        "n IN (SELECT row_number() OVER (ORDER BY n) FROM line)",
        "(SELECT count(*) FROM line) > n",
        "EXISTS(SELECT 1 FROM LINE AS x WHERE x.n = line.n)",
    ] {
        restore(&shop, &conditions(&[("line", condition)]));
    }
    // What goes wrong in a row is named too.
    misuse(&shop, &conditions(&[("line", "abs(-9223372036854775807 - n) > 0")]), &["\"line\"", "integer overflow"]);
}

#[test]
fn nothing_of_the_apps_connection_matters_for_conditions() {
    let directory = Directory::new("selection-app");
    for journal in ["wal", "delete", "memory"] {
        let file = if journal == "memory" { ":memory:".to_owned() } else { directory.file(journal) };
        let app = rusqlite::Connection::open(&file).expect("open");
        app.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(())).expect("journal");
        app.execute_batch(SHOP).expect("shop");
        app.execute_batch(
            "CREATE TEMP TABLE line(ord, n); CREATE TEMP TABLE region(id, name); INSERT INTO temp.region VALUES(77, 'x');
             CREATE TEMP VIEW customer AS SELECT 99 AS id",
        )
        .expect("temp");
        app.create_scalar_function(
            "lower",
            1,
            rusqlite::functions::FunctionFlags::SQLITE_DETERMINISTIC,
            |_| -> rusqlite::Result<i64> { panic!("the app's function") },
        )
        .expect("function");
        let request =
            conditions(&[("line", "ord IN (SELECT id FROM \"Order\") AND n = 1"), ("region", "lower(name) = 'north'")]);
        let connection = borrow(&app);
        let snapshot = Snapshot::open_selected(&connection, "main", Some(&request)).expect("open");
        assert!(snapshot.is_copy(), "{journal}");
        let recording = record(&app, &request).expect("walk");
        assert_eq!(recording.rows("line").len(), 4, "{journal}");
        assert_eq!(recording.rows("region").len(), 1);
        assert_eq!(recording.rows("customer").len(), 4);
        assert_eq!(snapshot.dangling().expect("dangling").len(), 1);
    }
    // An attached database is the private copy's main one.
    let app = rusqlite::Connection::open_in_memory().expect("memory");
    app.execute_batch("ATTACH ':memory:' AS other; CREATE TABLE other.t(x); INSERT INTO other.t VALUES(1), (2)")
        .expect("t");
    let connection = borrow(&app);
    let mut recording = Recording::default();
    let request = conditions(&[("t", "x = (SELECT max(x) FROM main.t)")]);
    Snapshot::open_selected(&connection, "other", Some(&request)).expect("open").walk(&mut recording).expect("walk");
    assert_eq!(recording.rows("t"), [(vec![Owned::Rowid(2)], vec![Owned::Integer(2)])]);
}

/// A progress handler of the app's that says no after so many calls, or none.
fn stop_after(app: &rusqlite::Connection, calls: Option<u32>) {
    unsafe extern "C" fn handler(left: *mut c_void) -> c_int {
        // SAFETY: the handler's own cell, leaked below.
        let left = unsafe { &*left.cast::<Cell<u32>>() };
        left.set(left.get().saturating_sub(1));
        c_int::from(left.get() == 0)
    }
    let data = calls.map_or(std::ptr::null_mut(), |calls| std::ptr::from_mut(Box::leak(Box::new(Cell::new(calls)))));
    let handler = calls.map(|_| handler as unsafe extern "C" fn(*mut c_void) -> c_int);
    // SAFETY: the connection is open, and the data stays for good.
    unsafe { (api().progress_handler)(app.handle().cast(), 1000, handler, data.cast()) }
}

#[test]
fn a_condition_that_never_ends_can_be_interrupted() {
    let endless = "EXISTS(WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT i FROM c WHERE i < n)";
    let shop = source(SHOP);
    let handle = shop.get_interrupt_handle();
    stop_after(&shop, Some(200));
    let error = record(&shop, &conditions(&[("line", endless)])).expect_err("stopped");
    assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
    // In the count of what dangles too.
    let request = conditions(&[("line", endless)]);
    let connection = borrow(&shop);
    stop_after(&shop, None);
    let snapshot = Snapshot::open_selected(&connection, "main", Some(&request)).expect("open");
    stop_after(&shop, Some(0));
    assert_eq!(snapshot.dangling().expect_err("stopped").kind(), ErrorKind::Interrupted);
    stop_after(&shop, None);
    // And by sqlite3_interrupt, while a statement of the app's runs, as it does when a function of ours is called.
    let mut running = shop.prepare("SELECT id FROM region").expect("prepare");
    let mut rows = running.query([]).expect("query");
    rows.next().expect("row");
    let thread = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        handle.interrupt();
    });
    assert_eq!(snapshot.walk(&mut Recording::default()).expect_err("stopped").kind(), ErrorKind::Interrupted);
    thread.join().expect("thread");
}

#[test]
fn counters_and_statistics_follow_their_tables() {
    let shop = source(
        "CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, x); CREATE TABLE b(id INTEGER PRIMARY KEY AUTOINCREMENT, x);
         CREATE TABLE c(id INTEGER PRIMARY KEY, x); CREATE INDEX ax ON a(x); CREATE INDEX bx ON b(x); CREATE INDEX cx ON c(x);
         INSERT INTO a(x) VALUES(1), (2), (3); INSERT INTO b(x) VALUES(1), (2); INSERT INTO c(x) VALUES(1);
         DELETE FROM a WHERE id = 3; ANALYZE;",
    );
    let counters = |restored: &rusqlite::Connection| numbers(restored, "SELECT seq FROM sqlite_sequence ORDER BY name");
    let statistics =
        |restored: &rusqlite::Connection| numbers(restored, "SELECT unicode(tbl) - 96 FROM sqlite_stat1 ORDER BY tbl");
    let restored = restore(&shop, &exclude(&["b"]));
    assert_eq!((counters(&restored), statistics(&restored)), (vec![3], vec![1, 3]));
    restored.execute_batch("INSERT INTO a(x) VALUES(9)").expect("insert");
    assert_eq!(numbers(&restored, "SELECT max(id) FROM a"), [4], "counters never go back");
    let restored = restore(&shop, &cache(&["a"]));
    assert_eq!((counters(&restored), statistics(&restored)), (vec![3, 2], vec![2, 3]));
    let restored = restore(&shop, &conditions(&[("b", "id = 1")]));
    assert_eq!((counters(&restored), statistics(&restored)), (vec![3, 2], vec![1, 3]));
    let recording = record(&shop, &tables(&["c"])).expect("walk");
    assert!(!recording.schema.iter().any(|row| row.name == "sqlite_sequence"));
    let restored = restore(&shop, &tables(&["c"]));
    assert_eq!(statistics(&restored), [3]);
    let recording = record(&shop, &cache(&["a", "b", "c"])).expect("walk");
    let items: Vec<&str> = recording.tables.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(items, ["sqlite_sequence"], "no item without rows");
}

#[test]
fn virtual_tables_are_whole_or_left_out() {
    let shop = source(
        "CREATE TABLE docs(id INTEGER PRIMARY KEY, body, secret); CREATE TABLE docs_fts_notes(x); CREATE TABLE secret(x);
         CREATE VIRTUAL TABLE docs_fts USING fts5(body, content='docs', content_rowid='id');
         CREATE VIRTUAL TABLE words USING fts5(w); CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1);
         CREATE TRIGGER docs_ai AFTER INSERT ON docs BEGIN
             INSERT INTO docs_fts(rowid, body) VALUES(new.id, new.body); END;
         CREATE TRIGGER docs_ad AFTER DELETE ON docs WHEN old.secret IS NULL BEGIN
             INSERT INTO docs_fts(docs_fts, rowid, body) VALUES('delete', old.id, old.body); END;
         CREATE VIEW hits AS SELECT docs.id FROM docs_fts JOIN docs ON docs.id = docs_fts.rowid;
         INSERT INTO docs VALUES(1, 'quick fox', NULL), (2, 'lazy dog', NULL); INSERT INTO words VALUES('needle');
         INSERT INTO boxes VALUES(1, 1, 2), (2, 5, 6); INSERT INTO docs_fts_notes VALUES(1);",
    );
    // Kept, with its shadow tables; the app's own table of a similar name is none of them.
    let restored = restore(&shop, &tables(&["DOCS", "docs_fts"]));
    assert_eq!(numbers(&restored, "SELECT id FROM hits JOIN docs USING(id) WHERE body LIKE '%fox'"), [1]);
    assert_eq!(numbers(&restored, "SELECT rowid FROM docs_fts WHERE docs_fts MATCH 'dog'"), [2]);
    restored.execute_batch("INSERT INTO docs VALUES(3, 'cat', NULL); DELETE FROM docs WHERE id = 1").expect("write");
    assert_eq!(numbers(&restored, "SELECT rowid FROM docs_fts WHERE docs_fts MATCH 'cat OR fox'"), [3]);
    let all = objects(&restored);
    assert!(!all.contains(&"docs_fts_notes".to_owned()) && !all.contains(&"words".to_owned()), "{all:?}");
    // `secret` is what a trigger may name, as far as its words tell: that it is a column cannot be told here.
    // Left out, with what names it.
    let request = exclude(&["docs_fts", "boxes"]);
    let connection = borrow(&shop);
    let snapshot = Snapshot::open_selected(&connection, "main", Some(&request)).expect("open");
    assert_eq!(snapshot.left_out(), ["trigger \"docs_ai\"", "trigger \"docs_ad\"", "view \"hits\""]);
    let restored = restore(&shop, &request);
    let all = objects(&restored);
    assert!(
        !all.iter().any(|name| name.starts_with("boxes") || name == "docs_fts" || name == "docs_fts_data"),
        "{all:?}"
    );
    assert_eq!(numbers(&restored, "SELECT x FROM docs_fts_notes"), [1]);
    assert_eq!(numbers(&restored, "SELECT rowid FROM words WHERE words MATCH 'needle'"), [1]);
    let restored = restore(&shop, &tables(&["boxes"]));
    assert_eq!(numbers(&restored, "SELECT id FROM boxes WHERE x0 > 3"), [2]);
    assert_eq!(objects(&restored), ["boxes", "boxes_node", "boxes_parent", "boxes_rowid"]);
    // A shadow table alone is a plain table.
    let restored = restore(&shop, &tables(&["words_content"]));
    assert_eq!(objects(&restored), ["words_content"]);
    // Only as a whole.
    misuse(&shop, &cache(&["words"]), &["`cache`", "\"words\"", "virtual table"]);
    misuse(&shop, &conditions(&[("boxes", "id = 1")]), &["`where`", "\"boxes\"", "virtual table"]);
    misuse(&shop, &conditions(&[("words_data", "1")]), &["\"words_data\"", "\"words\""]);
    misuse(&shop, &exclude(&["words_idx"]), &["\"words_idx\"", "exclude \"words\""]);
    misuse(&shop, &conditions(&[("docs", "id = 1")]), &["\"docs_fts\"", "\"docs\""]);
    misuse(&shop, &exclude(&["docs"]), &["\"docs_fts\"", "\"docs\""]);
    let mut request = conditions(&[("docs", "id = 1")]);
    request.selection.exclude = names(&["docs_fts"]);
    assert_eq!(numbers(&restore(&shop, &request), "SELECT id FROM docs"), [1]);
}

fn dangling(source: &rusqlite::Connection, request: &SelectionRequest) -> Vec<Dangling> {
    let connection = borrow(source);
    let snapshot = Snapshot::open_selected(&connection, "main", Some(request)).expect("open");
    let found = snapshot.dangling().expect("dangling");
    // SQLite's own check of what is restored finds the same rows.
    let restored = restore(source, request);
    let restored = borrow(&restored);
    let listed = foreign_key_check(&restored, "main").expect("check").count;
    assert_eq!(found.iter().map(|key| key.rows).sum::<u64>(), listed, "{found:?}");
    found
}

fn key(table: &str, parent: &str, columns: &[&str], rows: u64) -> Dangling {
    Dangling { table: table.to_owned(), parent: parent.to_owned(), columns: names(columns), rows }
}

#[test]
fn dangling_references_are_counted() {
    let shop = source(SHOP);
    assert!(dangling(&shop, &exclude(&["line"])).is_empty());
    assert_eq!(dangling(&shop, &exclude(&["region"])), [key("customer", "region", &["region"], 3)]);
    assert_eq!(
        dangling(&shop, &cache(&["customer"])),
        [key("Order", "customer", &["customer"], 4)],
        "a table without rows refers to nothing"
    );
    assert_eq!(
        dangling(&shop, &conditions(&[("region", "id = 1"), ("order", "at >= 300")])),
        [key("customer", "region", &["region"], 1), key("line", "Order", &["ord"], 3)]
    );
    // Closed over foreign keys by subqueries, three levels deep.
    let customers = "region IN (SELECT id FROM region WHERE name = 'north')";
    let orders = format!("customer IN (SELECT id FROM customer WHERE {customers})");
    let lines = format!("ord IN (SELECT id FROM \"Order\" WHERE {orders})");
    let closed = [("region", "name = 'north'"), ("customer", customers), ("order", &orders), ("line", &lines)];
    assert!(dangling(&shop, &conditions(&closed)).is_empty());
    let restored = restore(&shop, &conditions(&closed));
    assert_eq!(numbers(&restored, "SELECT ord FROM line"), [10, 10, 20]);
    // One level left open.
    assert_eq!(
        dangling(&shop, &conditions(&[closed[0], closed[1], closed[3]])),
        [key("Order", "customer", &["customer"], 2)]
    );
}

#[test]
fn foreign_keys_are_compared_as_sqlite_does() {
    let shop = source(
        "CREATE TABLE p(t TEXT PRIMARY KEY COLLATE NOCASE, n NUMERIC UNIQUE, b BLOB UNIQUE, x, y, keep, UNIQUE(x, y));
         CREATE TABLE c(t REFERENCES p(T), n TEXT REFERENCES p(n), b INT REFERENCES p(b), x, y, self INTEGER,
                        FOREIGN KEY(y, x) REFERENCES p(y, x));
         CREATE TABLE tree(id INTEGER PRIMARY KEY, up INT REFERENCES tree);
         CREATE TABLE lost(x REFERENCES nowhere, y REFERENCES p(x, y));
         INSERT INTO p VALUES('A', 1, x'01', 1, 2, 1), ('5', '2.0', 3, 3, 4, 1), ('gone', 9, 9, 9, 9, 0);
         INSERT INTO c(t, n, b, x, y) VALUES('a', '1.0', 3, 1, 2), (5, '2', NULL, NULL, 99), ('gone', NULL, '3', 9, 9),
             (NULL, '9', NULL, 1, 1), ('GONE', 'one', 4, 3, 4);
         INSERT INTO tree VALUES(1, NULL), (2, 1), (3, 2), (4, 3);
         INSERT INTO lost VALUES(1, NULL), (NULL, NULL);"
            .replace("y REFERENCES p(x, y)", "y")
            .as_str(),
    );
    assert_eq!(
        dangling(&shop, &conditions(&[("p", "keep"), ("tree", "id <> 2")])),
        [
            key("c", "p", &["t"], 2),
            key("c", "p", &["n"], 2),
            key("c", "p", &["b"], 1),
            key("c", "p", &["y", "x"], 2),
            key("lost", "nowhere", &["x"], 1),
            key("tree", "tree", &["up"], 1),
        ]
    );
    // A foreign key that does not fit says nothing of rows.
    let shop =
        source("CREATE TABLE p(a, b); CREATE TABLE c(x REFERENCES p, y REFERENCES p(z)); INSERT INTO c VALUES(1, 2)");
    let connection = borrow(&shop);
    let snapshot = Snapshot::open_selected(&connection, "main", Some(&cache(&["p"]))).expect("open");
    assert!(snapshot.dangling().expect("dangling").is_empty());
}

#[test]
fn rows_without_a_reachable_rowid_keep_their_order() {
    let shop = source(
        "CREATE TABLE hidden(rowid, _rowid_, oid); CREATE INDEX hi ON hidden(rowid);
         INSERT INTO hidden VALUES(5, 1, 1), (3, 2, 1), (4, 3, 1), (1, 4, 1);",
    );
    let recording = record(&shop, &conditions(&[("hidden", "rowid IN (1, 4, 5)")])).expect("walk");
    let rows: Vec<_> =
        recording.rows("hidden").iter().map(|(key, values)| (key[0].clone(), values[0].clone())).collect();
    let expected = [(1, 5), (2, 4), (3, 1)].map(|(key, value)| (Owned::Rowid(key), Owned::Integer(value)));
    assert_eq!(rows, expected);
    restore(&shop, &conditions(&[("hidden", "EXISTS(SELECT 1 FROM hidden h WHERE h.rowid = hidden.rowid + 1)")]));
}

#[test]
fn utf16_databases_are_selected_alike() {
    for encoding in ["UTF-16le", "UTF-16be"] {
        let shop = rusqlite::Connection::open_in_memory().expect("memory");
        shop.execute_batch(&format!("PRAGMA encoding = '{encoding}'; {SHOP}")).expect("shop");
        shop.execute_batch(
            "CREATE TABLE grün(id INTEGER PRIMARY KEY AUTOINCREMENT, ä TEXT); INSERT INTO grün(ä) VALUES('größe'), ('x');
             CREATE INDEX i ON grün(ä); ANALYZE",
        )
        .expect("more");
        let request = at(Now::Text("größe".to_owned()), conditions(&[("grün", "ä = :now AND ä LIKE 'grö%'")]));
        let restored = restore(&shop, &request);
        assert_eq!(numbers(&restored, "SELECT id FROM grün"), [1]);
        assert_eq!(numbers(&restored, "SELECT seq FROM sqlite_sequence"), [2]);
        assert_eq!(numbers(&restored, "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'grün'"), [0]);
        assert!(dangling(&shop, &request).is_empty());
        assert_eq!(record(&shop, &request).expect("walk").rows("customer").len(), 4);
    }
}

#[test]
fn a_table_that_nobody_could_restore_can_be_left_out() {
    let app = rusqlite::Connection::open_in_memory().expect("memory");
    app.create_scalar_function("app", 1, rusqlite::functions::FunctionFlags::SQLITE_DETERMINISTIC, |context| {
        context.get::<i64>(0)
    })
    .expect("function");
    app.execute_batch("CREATE TABLE a(x); CREATE TABLE b(x); CREATE INDEX bad ON b(app(x)); INSERT INTO a VALUES(1)")
        .expect("tables");
    let connection = borrow(&app);
    let snapshot = Snapshot::open_selected(&connection, "main", Some(&cache(&["a"]))).expect("open");
    let settings = snapshot.settings().expect("settings");
    assert!(check_restorable(&connection, &settings, &snapshot.schema().expect("schema")).is_err());
    assert_eq!(objects(&restore(&app, &exclude(&["b"]))), ["a"]);
}
