//! The closure of a selection over foreign keys: what is recorded, what it leaves as it is, and where it ends. Which
//! rows it keeps is also tested with random schemas, in `closure_random`.

mod common;

use common::selecting::*;
use common::{Owned, borrow};
use lifeboat_core::ErrorKind;
use lifeboat_core::state::Selection;
use lifeboat_sqlite::{Now, SelectionRequest, Snapshot};

fn recorded(source: &rusqlite::Connection, request: &SelectionRequest) -> Selection {
    let connection = borrow(source);
    let snapshot = Snapshot::open_selected(&connection, "main", Some(request)).expect("open");
    snapshot.selection().expect("a part").clone()
}

/// The tables that the closure widened, the tables without rows, and how many references dangle.
fn effects(source: &rusqlite::Connection, request: &SelectionRequest) -> (Vec<String>, Vec<String>, u64) {
    let connection = borrow(source);
    let snapshot = Snapshot::open_selected(&connection, "main", Some(request)).expect("open");
    let dangling = snapshot.dangling().expect("dangling").iter().map(|key| key.rows).sum();
    (snapshot.closure().to_vec(), snapshot.carried_empty().to_vec(), dangling)
}

#[test]
fn parents_over_several_steps_are_added_as_conditions() {
    let shop = source(SHOP);
    let mut request = tables(&["line"]);
    request.selection.conditions = vec![("line".to_owned(), "n = 2 OR ord = 40".to_owned())];
    assert_eq!(effects(&shop, &request), (names(&[]), names(&["region", "customer", "Order"]), 2));
    let request = closed(request);
    assert_eq!(effects(&shop, &request), (names(&["Order", "customer", "region"]), names(&[]), 0));
    let kept = restore(&shop, &request);
    assert_eq!(numbers(&kept, "SELECT ord FROM line"), [10, 40]);
    assert_eq!(numbers(&kept, "SELECT id FROM \"Order\""), [10, 40]);
    assert_eq!(numbers(&kept, "SELECT id FROM customer"), [1, 4]);
    assert_eq!(numbers(&kept, "SELECT id FROM region"), [1]);
    let selection = recorded(&shop, &request);
    assert_eq!(selection.tables, Some(names(&["Order", "customer", "line", "region"])));
    let condition = |name: &str| selection.conditions.iter().find(|(table, _)| table == name).expect(name).1.clone();
    assert_eq!(condition("line"), "n = 2 OR ord = 40");
    assert_eq!(
        condition("customer"),
        "\"id\" IN (WITH RECURSIVE closure(t, k1) AS (SELECT 1, p.\"id\" FROM (SELECT \"ord\" FROM \"line\" WHERE (n = 2 \
         OR ord = 40)) AS c CROSS JOIN \"Order\" AS p ON p.\"id\" = +c.\"ord\" UNION SELECT 2, p.\"id\" FROM closure AS x \
         CROSS JOIN \"Order\" AS c ON x.t = 1 AND c.\"id\" = +x.k1 CROSS JOIN \"customer\" AS p ON p.\"id\" = \
         +c.\"customer\") SELECT +k1 FROM closure WHERE t = 2)"
    );
}

#[test]
fn own_conditions_stay_and_whole_tables_need_nothing() {
    let shop = source(SHOP);
    let list = [("customer", "id = 3"), ("order", "at <= :now")];
    let request = closed(at(Now::Integer(200), conditions(&list)));
    // All lines are kept, and so all orders that have one.
    assert_eq!(effects(&shop, &request), (names(&["Order", "customer"]), names(&[]), 0));
    let kept = restore(&shop, &request);
    assert_eq!(numbers(&kept, "SELECT id FROM \"Order\""), [10, 20, 30, 40]);
    assert_eq!(numbers(&kept, "SELECT id FROM customer"), [1, 2, 3, 4]);
    let selection = recorded(&shop, &request);
    assert!(selection.conditions[1].1.starts_with("(id = 3) OR \"id\" IN (WITH RECURSIVE"), "{selection:?}");
    // Another value of :now is not another selection.
    assert_eq!(recorded(&shop, &closed(at(Now::Integer(7), conditions(&list)))), selection);
    misuse(&shop, &closed(conditions(&list)), &["the condition of table \"Order\"", "`now`"]);
    misuse(&shop, &closed(conditions(&[("customer", "random()")])), &["\"customer\"", "random()"]);
    // Nothing is left out.
    let whole = closed(SelectionRequest::default());
    assert_eq!(record(&shop, &whole).expect("walk").selection, None);
    let request = exclude(&["region"]);
    assert_eq!(state_of(&shop, &closed(request.clone())), state_of(&shop, &request));
    let request = tables(&["region", "customer"]);
    assert_eq!(state_of(&shop, &closed(request.clone())), state_of(&shop, &request));
}

#[test]
fn what_the_caller_leaves_out_stays_out() {
    let shop = source(SHOP);
    let mut request = closed(tables(&["line"]));
    request.selection.exclude = names(&["customer"]);
    assert_eq!(effects(&shop, &request), (names(&["Order"]), names(&["region", "customer"]), 4));
    let mut request = closed(tables(&["line", "customer"]));
    request.selection.cache = names(&["customer"]);
    assert_eq!(effects(&shop, &request), (names(&["Order"]), names(&["region"]), 4));
}

#[test]
fn parents_that_cannot_be_added_dangle() {
    let shop = source(
        "CREATE TABLE base(id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT id FROM base;
         CREATE VIRTUAL TABLE f USING fts5(x);
         CREATE TABLE p(a, b UNIQUE);
         CREATE TABLE c(id INTEGER PRIMARY KEY, a REFERENCES nowhere, b REFERENCES v(id), d REFERENCES f(rowid),
             e REFERENCES p, g REFERENCES p(lost), h REFERENCES p(a), i REFERENCES p(b) DEFERRABLE INITIALLY DEFERRED,
             j REFERENCES sqlite_sequence(name));
         INSERT INTO base VALUES(1); INSERT INTO f(rowid, x) VALUES(1, 'x'); INSERT INTO p VALUES(1, 10), (1, 20), (2, 30);
         INSERT INTO c VALUES(1, 1, 1, 1, 1, 1, 1, 30, NULL), (2, 1, 1, 1, 1, 1, NULL, 30, NULL);",
    );
    let request = closed(tables(&["c"]));
    // A key that is not unique has all rows of its value. A foreign key that does not fit its parent has none.
    assert_eq!(effects(&shop, &request), (names(&["p"]), names(&[]), 6));
    let recording = record(&shop, &request).expect("walk");
    let found: Vec<_> = recording.rows("p").iter().map(|(key, _)| key[0].clone()).collect();
    assert_eq!(found, [Owned::Rowid(1), Owned::Rowid(2), Owned::Rowid(3)]);
}

#[test]
fn cycles_end_and_diamonds_are_found_once() {
    let shop = source(
        "CREATE TABLE a(id INTEGER PRIMARY KEY, up REFERENCES a, b REFERENCES b, c REFERENCES c);
         CREATE TABLE b(id INTEGER PRIMARY KEY, c REFERENCES c, d REFERENCES d);
         CREATE TABLE c(id INTEGER PRIMARY KEY, d REFERENCES d);
         CREATE TABLE d(id INTEGER PRIMARY KEY, a REFERENCES a);
         CREATE TABLE start(x REFERENCES a);
         INSERT INTO a VALUES(1, 2, NULL, NULL), (2, 1, 1, 1), (3, 3, NULL, NULL), (4, NULL, 2, NULL), (5, 5, 5, 5);
         INSERT INTO b VALUES(1, 1, 1), (2, NULL, 2), (5, 5, 5);
         INSERT INTO c VALUES(1, 1), (5, 5);
         INSERT INTO d VALUES(1, 3), (2, NULL), (5, 5);
         INSERT INTO start VALUES(1);",
    );
    let request = closed(tables(&["start"]));
    assert_eq!(effects(&shop, &request), (names(&["a", "b", "c", "d"]), names(&[]), 0));
    let kept = restore(&shop, &request);
    for (table, wanted) in [("a", vec![1, 2, 3]), ("b", vec![1]), ("c", vec![1]), ("d", vec![1])] {
        assert_eq!(numbers(&kept, &format!("SELECT id FROM {table}")), wanted, "{table}");
    }
    // Each foreign key stands once in a text, and its child in its own condition besides.
    let longest = recorded(&shop, &request).conditions.iter().map(|(_, text)| text.len()).max();
    assert!(longest < Some(1500), "{longest:?}");
}

#[test]
fn names_that_the_query_has_itself_mean_the_applications_tables() {
    let shop = source(
        "CREATE TABLE Closure(k1 TEXT PRIMARY KEY, t); CREATE TABLE closure2(x REFERENCES closure, p);
         INSERT INTO closure VALUES('a', 1), ('b', 2); INSERT INTO closure2 VALUES('a', 1), ('b', 7);",
    );
    let list = [("closure", "0"), ("closure2", "p IN (SELECT t FROM closure WHERE closure.k1 = closure2.x)")];
    let kept = restore(&shop, &closed(conditions(&list)));
    assert_eq!(numbers(&kept, "SELECT t FROM closure"), [1]);
    assert!(recorded(&shop, &closed(conditions(&list))).conditions[0].1.contains("closure3(t, k1)"));
}

#[test]
fn keys_are_compared_by_the_collation_of_the_parent() {
    let shop = source("CREATE TABLE aside(x)");
    // The application's own: only the first letter counts.
    shop.create_collation("first", |one, other| one.get(..1).cmp(&other.get(..1))).expect("collation");
    shop.execute_batch(
        "CREATE TABLE p(k TEXT COLLATE first PRIMARY KEY, n); CREATE TABLE c(k COLLATE NOCASE REFERENCES p);
         CREATE TABLE w(k TEXT COLLATE first PRIMARY KEY, n) WITHOUT ROWID; CREATE TABLE d(k REFERENCES w);
         INSERT INTO p VALUES('apple', 1), ('berry', 2); INSERT INTO c VALUES('avocado'), ('Berry');
         INSERT INTO w SELECT * FROM p; INSERT INTO d SELECT * FROM c;",
    )
    .expect("tables");
    let request = closed(tables(&["c", "d"]));
    let recording = record(&shop, &request).expect("walk");
    assert_eq!((recording.rows("p").len(), recording.rows("w").len()), (1, 1));
    assert_eq!(effects(&shop, &request), (names(&["p", "w"]), names(&[]), 2));
    // The collation of the primary key is not that of its column.
    let shop = source(
        "CREATE TABLE p(k TEXT COLLATE NOCASE, n INT UNIQUE, up REFERENCES p(n), PRIMARY KEY(k COLLATE BINARY)) WITHOUT ROWID;
         CREATE TABLE c(n TEXT REFERENCES p(n));
         INSERT INTO p VALUES('a', 1, 3), ('A', 2, NULL), ('b', 3, NULL), ('B', 4, NULL);
         INSERT INTO c VALUES('1.0'), ('2');",
    );
    assert_eq!(numbers(&restore(&shop, &closed(tables(&["c"]))), "SELECT n FROM p ORDER BY n"), [1, 2, 3]);
}

/// Newer SQLites sort a UNION of many parts in two halves, and compare each half by the collation of its own first part.
#[test]
fn keys_that_are_the_same_but_for_their_case_stay_apart() {
    let mut sql = "CREATE TABLE p(k TEXT COLLATE NOCASE, n INT UNIQUE, PRIMARY KEY(k COLLATE BINARY)) WITHOUT ROWID;
                   INSERT INTO p VALUES('a', 1), ('A', 2), ('b', 3), ('B', 4);"
        .to_owned();
    let children: Vec<String> = (1..=7).map(|number| format!("c{number}")).collect();
    for child in &children {
        sql += &format!("CREATE TABLE {child}(n REFERENCES p(n), m REFERENCES p(n));");
    }
    for child in &children {
        let shop = source(&format!("{sql} INSERT INTO {child} VALUES(1, 2), (2, 1), (4, 3)"));
        let mut request = closed(tables(&[]));
        request.selection.tables = Some(children.clone());
        assert_eq!(numbers(&restore(&shop, &request), "SELECT n FROM p ORDER BY n"), [1, 2, 3, 4], "{child}");
    }
}

#[test]
fn utf16_and_counters() {
    for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
        let shop = rusqlite::Connection::open_in_memory().expect("memory");
        shop.execute_batch(&format!("PRAGMA foreign_keys = OFF; PRAGMA encoding = '{encoding}';")).expect("encoding");
        shop.execute_batch(
            "CREATE TABLE grün(id INTEGER PRIMARY KEY AUTOINCREMENT, ä TEXT UNIQUE COLLATE NOCASE);
             CREATE TABLE c(ä REFERENCES grün(ä)); INSERT INTO grün(ä) VALUES('größe'), ('x'), ('y');
             INSERT INTO c VALUES('GRößE'), ('Y'); ANALYZE;",
        )
        .expect("tables");
        let kept = restore(&shop, &closed(conditions(&[("grün", "0"), ("c", "ä <> 'y'")])));
        assert_eq!(numbers(&kept, "SELECT id FROM grün"), [1, 3], "{encoding}");
        assert_eq!(numbers(&kept, "SELECT seq FROM sqlite_sequence"), [3]);
        assert_eq!(numbers(&kept, "SELECT count(*) FROM sqlite_stat1"), [0]);
    }
}

#[test]
fn only_what_is_on_the_way_changes_the_text() {
    let shop = source(SHOP);
    let request = closed(conditions(&[("order", "at > 100"), ("customer", "0"), ("region", "0")]));
    let before = recorded(&shop, &request);
    shop.execute_batch(
        "CREATE TABLE aside(x REFERENCES line, y REFERENCES aside); ALTER TABLE customer ADD COLUMN more;
         CREATE INDEX more ON customer(more); INSERT INTO region VALUES(9, 'new')",
    )
    .expect("a table aside");
    assert_eq!(recorded(&shop, &request), before);
    // A new table with a foreign key to a kept one keeps all its rows, and so leads to other parents.
    shop.execute_batch("CREATE TABLE visit(x REFERENCES customer)").expect("a child");
    assert_ne!(recorded(&shop, &request), before);
}

#[test]
fn more_foreign_keys_than_a_query_can_have_are_refused() {
    let mut sql = "CREATE TABLE p(id INTEGER PRIMARY KEY);".to_owned();
    for number in 0..510 {
        sql += &format!("CREATE TABLE c{number}(x REFERENCES p);");
    }
    let shop = source(&sql);
    let connection = borrow(&shop);
    let open = |request: &SelectionRequest| Snapshot::open_selected(&connection, "main", Some(request)).err();
    let error = open(&closed(conditions(&[("p", "0")]))).expect("too many");
    assert_eq!(error.kind(), ErrorKind::TooBig, "{error}");
    assert!(error.message().contains("`closure` follows 510 foreign keys to table \"p\""), "{error}");
    // A long condition stands in the text once for each foreign key on the way.
    let long = format!("x IN ({}0)", "1, ".repeat(2000));
    let list: Vec<(String, String)> = (0..200).map(|number| (format!("c{number}"), long.clone())).collect();
    let mut request = closed(tables(&[]));
    request.selection.tables = Some(list.iter().map(|(table, _)| table.clone()).collect());
    request.selection.conditions = list;
    let error = open(&request).expect("too long");
    assert_eq!(error.kind(), ErrorKind::TooBig, "{error}");
    assert!(error.message().contains("`closure` makes conditions of"), "{error}");
}
