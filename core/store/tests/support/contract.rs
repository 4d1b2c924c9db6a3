//! What every store must do, whatever it is.

use lifeboat_core::Error;
use lifeboat_core::chain::Source;
use lifeboat_store::{Cancel, Put, Store, StoreErrorKind};
use sha2::Digest;
use std::time::Duration;

/// What is asked of one store.
pub struct Contract {
    /// How many small objects are put and listed.
    pub objects: usize,
    /// The bytes of the largest object.
    pub large: usize,
    /// Whether lists keep the order of the names' bytes, even if the name of one directory begins with that of another.
    /// SeaweedFS does not. The names of Lifeboat's directories never do so.
    pub strict: bool,
    /// Whether an object can be read all the time while it is replaced by the same bytes. FAT through FUSE removes the
    /// old file before it renames the new one.
    pub replaces_at_once: bool,
}

/// Bytes that never repeat within a megabyte.
pub fn bytes(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state >> 16).to_le_bytes()[..6]);
    }
    bytes.truncate(length);
    bytes
}

/// A name that ends with the hash of these bytes.
pub fn named(beginning: &str, bytes: &[u8]) -> String {
    let hash: String = sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{beginning}{hash}")
}

pub fn read(store: &dyn Store, name: &str) -> Vec<u8> {
    let cancel = Cancel::never();
    let mut bytes = vec![0; usize::try_from(store.head(name, &cancel).unwrap()).unwrap()];
    store.get(name, 0, &mut bytes, &cancel).unwrap();
    bytes
}

pub fn names(store: &dyn Store, prefix: &str, after: &str, limit: usize) -> Vec<String> {
    let entries = store.list(prefix, after, limit, &Cancel::never()).unwrap();
    entries.into_iter().map(|entry| entry.name).collect()
}

/// All names, page by page.
pub fn all_names(store: &dyn Store, prefix: &str, page: usize) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let found = names(store, prefix, &after, page);
        let is_last = found.len() < page;
        all.extend(found);
        match all.last() {
            Some(last) if !is_last => after = last.clone(),
            _ => return all,
        }
    }
}

struct Broken;

impl Source for Broken {
    fn length(&self) -> lifeboat_core::Result<u64> {
        Ok(3)
    }

    fn read(&self, _: u64, _: &mut [u8]) -> lifeboat_core::Result<()> {
        Err(Error::host("the spool cannot be read").with_code(10))
    }
}

/// The whole contract, on an empty store.
pub fn check(store: &dyn Store, contract: &Contract) {
    nothing_is_there(store);
    what_is_put_can_be_read(store, contract.large);
    putting_again_is_harmless(store);
    wrong_bytes_are_refused(store);
    lists_are_in_order(store, contract);
    hostile_names_are_refused(store);
    waits_end(store);
    many_at_once(store, contract.replaces_at_once);
    what_is_deleted_is_gone(store);
}

fn nothing_is_there(store: &dyn Store) {
    let cancel = Cancel::never();
    assert!(store.id().unwrap().contains(':'));
    assert_eq!(names(store, "", "", 10), [""; 0]);
    assert_eq!(names(store, "log/", "", 10), [""; 0]);
    for name in ["a", "log/a", "log/a/b"] {
        assert_eq!(store.head(name, &cancel).unwrap_err().kind(), StoreErrorKind::NotFound);
        assert_eq!(store.get(name, 0, &mut [0; 4], &cancel).unwrap_err().kind(), StoreErrorKind::NotFound);
        assert_eq!(store.delete(name, &cancel), Ok(()));
    }
}

fn what_is_put_can_be_read(store: &dyn Store, large: usize) {
    let cancel = Cancel::never();
    for length in [0, 1, 4096, (3 << 20) + 5, large] {
        let content = bytes(length);
        let name = named("0123/bundles/ab/", &content);
        store.put(&name, &content, &cancel).unwrap();
        assert_eq!(store.head(&name, &cancel), Ok(length as u64));
        assert!(read(store, &name) == content, "{length} bytes");
        for (offset, count) in
            [(0, length.min(10)), (length / 2, length - length / 2), (length, 0), (length / 3, length / 3)]
        {
            let mut part = vec![0; count];
            store.get(&name, offset as u64, &mut part, &cancel).unwrap();
            assert!(part == content[offset..offset + count], "{count} bytes from {offset} of {length}");
        }
        for (offset, count) in [(0, length + 1), (length, 1), (length + 1, 0), (usize::MAX, 1)] {
            let mut part = vec![0; count];
            let error = store.get(&name, offset as u64, &mut part, &cancel).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{count} bytes from {offset} of {length}: {error}");
        }
    }
}

fn putting_again_is_harmless(store: &dyn Store) {
    let cancel = Cancel::never();
    let content = bytes(1000);
    let name = named("again/", &content);
    assert_eq!(store.put(&name, &content, &cancel), Ok(Put::Written));
    for _ in 0..2 {
        // Who cannot tell that the object existed wrote it again.
        store.put(&name, &content, &cancel).unwrap();
    }
    store.replace(&name, &content, &cancel).unwrap();
    assert!(read(store, &name) == content);
    // The object has another length than it should, or is known to be damaged.
    store.put("again/x", b"longer", &cancel).unwrap();
    assert_eq!(store.put("again/x", b"other", &cancel), Ok(Put::Written));
    assert_eq!(read(store, "again/x"), b"other");
    store.replace("again/x", b"ohter", &cancel).unwrap();
    assert_eq!(read(store, "again/x"), b"ohter");
    assert_eq!(names(store, "again/", "", 10).len(), 2);
}

fn wrong_bytes_are_refused(store: &dyn Store) {
    let cancel = Cancel::never();
    let name = named("wrong/", b"right");
    let error = store.put(&name, b"wrong", &cancel).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    let error = store.put("wrong/source", &Broken, &cancel).unwrap_err();
    assert_eq!(lifeboat_core::Error::from(error), Error::host("the spool cannot be read").with_code(10));
    assert_eq!(names(store, "wrong/", "", 10), [""; 0]);
    store.put(&name, b"right", &cancel).unwrap();
    store.put(&name, b"wrong", &cancel).unwrap_err();
    assert_eq!(read(store, &name), b"right");
}

fn lists_are_in_order(store: &dyn Store, contract: &Contract) {
    let cancel = Cancel::never();
    let mut expected: Vec<_> =
        (0..contract.objects).map(|number| format!("list/{:04}/{:03}-x", number / 16, number % 16)).collect();
    expected.extend(["list/999/a/b", "list/aa"].map(str::to_owned));
    if contract.strict {
        // The order is that of bytes, not of words: '-' and '.' come before '/', and '0' comes after it.
        expected.extend(["list/0000-a/b", "list/0000.a", "list/00000", "list/0001a/c/d"].map(str::to_owned));
    }
    for name in expected.iter().rev() {
        store.put(name, name, &cancel).unwrap();
    }
    expected.sort();
    for page in [7, 1000] {
        let found = all_names(store, "list/", page);
        let differs = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        assert!(found == expected, "pages of {page}: {} of {} names, {differs:?}", found.len(), expected.len());
    }
    for (after, limit) in [(0, 3), (expected.len() / 2, 5), (expected.len() - 1, 5)] {
        let rest = &expected[after + 1..];
        assert_eq!(names(store, "list/", &expected[after], limit), rest[..limit.min(rest.len())], "after {after}");
    }
    let below = |prefix: &str| expected.iter().filter(|name| name.starts_with(prefix)).cloned().collect::<Vec<_>>();
    assert_eq!(names(store, "list/0000/", "", 1000), below("list/0000/"));
    assert_eq!(names(store, "list/999/", "list/", 1000), below("list/999/"));
    // What comes before a name that does not exist, and the next directory after one.
    assert_eq!(names(store, "list/", "list/0001/", 1), below("list/0001/")[..1]);
    assert_eq!(
        names(store, "list/", "list/00010", 1),
        if contract.strict { below("list/0001a") } else { below("list/0002/")[..1].to_vec() }
    );
    assert_eq!(names(store, "", "list0", 1000), [named("wrong/", b"right")]);
    assert_eq!(names(store, "", "again0", 1), expected[..1]);
    assert_eq!(names(store, "list/", "", 0), [""; 0]);
    let entries = store.list("list/", "", 2, &cancel).unwrap();
    assert!(entries.iter().all(|entry| entry.length == entry.name.len() as u64), "{entries:?}");
}

fn hostile_names_are_refused(store: &dyn Store) {
    let cancel = Cancel::never();
    for name in ["", "/etc/passwd", "../x", "a/../../x", "a//b", ".x", "A", "a\\b", "a:b", "a/", &"x/".repeat(400)] {
        let refused = [
            store.put(name, b"x", &cancel).err(),
            store.replace(name, b"x", &cancel).err(),
            store.get(name, 0, &mut [0], &cancel).err(),
            store.head(name, &cancel).err(),
            store.delete(name, &cancel).err(),
        ];
        for error in refused {
            assert_eq!(error.map(|error| error.kind()), Some(StoreErrorKind::Misuse), "{name}");
        }
    }
    for prefix in ["a", "/", "../", "a//"] {
        assert_eq!(store.list(prefix, "", 1, &cancel).unwrap_err().kind(), StoreErrorKind::Misuse, "{prefix}");
    }
}

fn waits_end(store: &dyn Store) {
    let ended = Cancel::never();
    let late = ended.within(Duration::ZERO);
    let kinds = |cancel: &Cancel| {
        [
            store.put("ended", b"x", cancel).err(),
            store.get("again/x", 0, &mut [0], cancel).err(),
            store.list("", "", 1, cancel).err(),
            store.head("again/x", cancel).err(),
            store.delete("again/x", cancel).err(),
        ]
        .map(|error| error.map(|error| error.kind()))
    };
    assert_eq!(kinds(&late), [Some(StoreErrorKind::Unreachable); 5]);
    ended.interrupt();
    assert_eq!(kinds(&ended), [Some(StoreErrorKind::Interrupted); 5]);
    assert_eq!(names(store, "again/", "again/", 1).len(), 1, "nothing was deleted");
}

fn many_at_once(store: &dyn Store, replaces_at_once: bool) {
    let cancel = Cancel::never();
    let content = bytes(100_000);
    let shared = named("many/", &content);
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (cancel, content, shared) = (&cancel, &content, &shared);
            scope.spawn(move || {
                store.put(shared, content, cancel).unwrap();
                store.put(&format!("many/{number}"), &format!("{number}"), cancel).unwrap();
                assert!(!replaces_at_once || read(store, shared) == *content);
            });
        }
    });
    assert!(read(store, &shared) == content);
    assert_eq!(names(store, "many/", "", 10).len(), 5);
}

fn what_is_deleted_is_gone(store: &dyn Store) {
    let cancel = Cancel::never();
    for name in all_names(store, "many/", 1000) {
        store.delete(&name, &cancel).unwrap();
        assert_eq!(store.head(&name, &cancel).unwrap_err().kind(), StoreErrorKind::NotFound);
    }
    assert_eq!(names(store, "many/", "", 10), [""; 0]);
    store.put("many/0", b"again", &cancel).unwrap();
    assert_eq!(read(store, "many/0"), b"again");
}
