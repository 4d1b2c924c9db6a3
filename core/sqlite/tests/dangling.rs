//! References that a selection leaves dangling, counted as SQLite counts them.

mod common;

use common::borrow;
use common::selecting::*;
use lifeboat_sqlite::{Dangling, Now, SelectionRequest, Snapshot, foreign_key_check};

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
