//! Servers that speak S3 keep the contract.
#![cfg(feature = "s3")]

mod support;

use lifeboat_store::{Cancel, Place, Store, StoreErrorKind};
use support::contract::{self, Contract, named};
use support::servers::Server;

fn open(name: &str) -> Box<dyn Store> {
    Place::parse(name).unwrap().open().unwrap()
}

#[test]
fn seaweedfs() {
    let server = Server::seaweedfs();
    let store = open(&server.bucket("plain", &[]));
    contract::check(&*store, &Contract { objects: 1100, large: 70 << 20, strict: false, replaces_at_once: true });
    what_is_locked_stays(&server);
    strangers_are_refused(&server);
}

#[test]
fn moto() {
    let server = Server::moto();
    let store = open(&server.bucket("plain", &[]));
    contract::check(&*store, &Contract { objects: 120, large: 65 << 20, strict: true, replaces_at_once: true });
    what_is_locked_stays(&server);
    let (absent, cancel) = (open(&server.store("no-such-bucket", "x", server.port)), Cancel::never());
    assert_eq!(absent.put("a", b"x", &cancel).unwrap_err().kind(), StoreErrorKind::Absent);
    assert_eq!(absent.list("", "", 1, &cancel).unwrap_err().kind(), StoreErrorKind::Absent);
}

#[test]
fn rclone_which_ignores_conditions() {
    let server = Server::rclone();
    let store = open(&server.folder("plain"));
    contract::check(&*store, &Contract { objects: 120, large: 9 << 20, strict: true, replaces_at_once: true });
}

/// A bucket that retains each object for a day.
fn what_is_locked_stays(server: &Server) {
    let store = open(&server.bucket("locked", &[("x-amz-bucket-object-lock-enabled", "true")]));
    let rule = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
                <Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>";
    let (status, answer) = server.ask("PUT", "/locked?object-lock", &[], rule.as_bytes());
    assert_eq!(status, 200, "{answer}");
    let cancel = Cancel::never();
    let content = contract::bytes(5000);
    let name = named("bundles/ab/", &content);
    for _ in 0..2 {
        store.put(&name, &content, &cancel).unwrap();
    }
    // A delete without a version only hides the object, or is refused. The same object can be put again.
    match store.delete(&name, &cancel) {
        Ok(()) => assert_eq!(store.head(&name, &cancel).unwrap_err().kind(), StoreErrorKind::NotFound),
        Err(error) => assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}"),
    }
    store.put(&name, &content, &cancel).unwrap();
    assert!(contract::read(&*store, &name) == content);
}

fn strangers_are_refused(server: &Server) {
    let cancel = Cancel::never();
    let name = server.store("plain", "x", server.port);
    std::fs::write(
        server.directory.path().join("credentials"),
        "[default]\naws_access_key_id=any\naws_secret_access_key=hunter2\n",
    )
    .unwrap();
    let store = open(&name);
    let error = store.put("a", b"x", &cancel).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
    for text in [error.to_string(), format!("{error:?}"), format!("{:?}", lifeboat_core::Error::from(error))] {
        assert!(!text.contains("hunter2") && text.contains("look at the access key"), "{text}");
    }
}
