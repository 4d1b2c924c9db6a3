//! The stores on this machine keep the contract.

mod support;

use lifeboat_store::drivers::dir::DirStore;
use lifeboat_store::drivers::memory::MemoryStore;
use lifeboat_store::{Cancel, Store, StoreErrorKind};
use std::fs;
use std::path::Path;
use support::contract::{self, Contract, all_names, named};
use support::images::Image;

const CONTRACT: Contract = Contract { objects: 1500, large: 12 << 20, strict: true, replaces_at_once: true };

#[test]
fn memory() {
    contract::check(&MemoryStore::new("memory:1"), &CONTRACT);
}

#[test]
fn a_directory() {
    let directory = tempfile::tempdir().unwrap();
    contract::check(&DirStore::new(&directory.path().join("new")), &CONTRACT);
    assert_eq!(temporaries(&directory.path().join("new")), 0);
}

#[test]
fn a_directory_on_fat32() {
    on_image("FAT32", Image::fat32(300));
}

#[test]
fn a_directory_on_exfat() {
    on_image("exFAT", Image::exfat(600));
}

/// The contract, and a log of 10,000 records.
fn on_image(name: &str, image: Result<Image, String>) {
    let image = match image {
        Ok(image) => image,
        Err(error) if !rustix::process::geteuid().is_root() => {
            println!("{name} cannot be mounted without the rights of root: {error}");
            return;
        }
        Err(error) => panic!("{name} cannot be mounted on this machine: {error}"),
    };
    println!("{name} is mounted as {}", image.kind());
    // Through FUSE, 10,000 renames take half an hour on FAT.
    let is_kernel = ["vfat", "exfat"].contains(&&*image.kind());
    let store = DirStore::new(&image.path().join("store"));
    contract::check(&store, &Contract { objects: 64, replaces_at_once: is_kernel, ..CONTRACT });
    let cancel = Cancel::never();
    let records: Vec<_> = (0..if is_kernel { 10_000 } else { 100 })
        .map(|number| {
            named(&format!("0123/log/{:013}/{:03}-", number / 1000, number % 1000), format!("{number}").as_bytes())
        })
        .collect();
    for (number, name) in records.iter().enumerate() {
        store.put(name, &format!("{number}"), &cancel).unwrap();
    }
    assert_eq!(all_names(&store, "0123/log/", 1000), records);
    let last = records.len() - 1;
    assert_eq!(contract::read(&store, &records[last]), format!("{last}").as_bytes());
    assert_eq!(temporaries(&image.path().join("store")), 0);
}

fn temporaries(store: &Path) -> usize {
    let names = fs::read_dir(store).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with('.')).count()
}

#[test]
fn memory_fails_where_it_is_told_to() {
    let (store, cancel) = (MemoryStore::new("memory:1"), Cancel::never());
    store.fail_at(1, StoreErrorKind::Unreachable);
    store.fail_after(2, StoreErrorKind::Unreachable);
    store.put("a", b"1", &cancel).unwrap();
    assert_eq!(store.put("b", b"2", &cancel).unwrap_err().kind(), StoreErrorKind::Unreachable);
    assert_eq!(store.bytes("b"), None);
    assert_eq!(store.put("b", b"2", &cancel).unwrap_err().kind(), StoreErrorKind::Unreachable);
    assert_eq!(store.bytes("b").as_deref(), Some(&b"2"[..]));
    store.lag(2);
    store.put("c", b"3", &cancel).unwrap();
    assert_eq!([0; 3].map(|_| contract::names(&store, "", "", 9).len()), [2, 2, 3]);
    assert!(store.damage("a", 0) && !store.damage("a", 1));
    assert_eq!(contract::read(&store, "a"), b"0");
    store.capacity(Some(4));
    assert_eq!(store.put("d", b"44", &cancel).unwrap_err().kind(), StoreErrorKind::Full);
    store.retain("a");
    assert_eq!(store.delete("a", &cancel).unwrap_err().kind(), StoreErrorKind::Refused);
    let image = store.image();
    store.set("b", None);
    assert_eq!(store.names(), ["a", "c"]);
    store.restore(image);
    store.away(Some(StoreErrorKind::Absent));
    assert_eq!(store.head("b", &cancel).unwrap_err().kind(), StoreErrorKind::Absent);
    store.away(None);
    assert_eq!(store.head("b", &cancel), Ok(1));
    assert_eq!(store.requests().len(), 13);
}
