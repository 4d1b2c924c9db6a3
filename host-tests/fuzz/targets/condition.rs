//! The condition of a selection, as an application passes it on from its user: it chooses rows or is refused, and never
//! changes, adds or reads anything else.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lifeboat_core::keys::DomainKeys;
use lifeboat_core::state::{Selection, StateDigest};
use lifeboat_fuzz::opened_keys;
use lifeboat_sqlite::{Connection, Now, SelectionRequest, Snapshot, linked_api};

fn keys() -> Box<DomainKeys> {
    match opened_keys() {
        lifeboat_core::stream::Opened::Keys(keys) => keys,
        _ => panic!("the keys come first"),
    }
}

fuzz_target!(|condition: &str| {
    let app = rusqlite::Connection::open_in_memory().expect("memory");
    app.execute_batch(
        "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c BLOB); INSERT INTO t VALUES (1, 'x', x'00'), (2, NULL, 3.5);
         CREATE TABLE secret(s); INSERT INTO secret VALUES (42)",
    )
    .expect("a schema");
    let before = app.total_changes();
    let request = SelectionRequest {
        selection: Selection { conditions: vec![("t".into(), condition.into())], ..Selection::default() },
        now: Some(Now::Integer(100)),
        closure: false,
    };
    // SAFETY: the handle is open as long as `app` lives, on this thread.
    let connection = unsafe { Connection::borrow(linked_api!(), app.handle().cast()) };
    let keys = keys();
    let walk = || {
        let mut digest = StateDigest::new(&keys);
        Snapshot::open_selected(&connection, "main", Some(&request))?.walk(&mut digest)?;
        digest.finish()
    };
    let (first, second) = (walk(), walk());
    assert_eq!(first.as_ref().ok(), second.as_ref().ok(), "the same state, another digest");
    assert_eq!(app.total_changes(), before, "the condition wrote");
    assert!(std::env::current_dir().unwrap().read_dir().unwrap().next().is_none(), "a file appeared");
});
