//! TLS: a private CA is trusted if the store names it, and only then.
#![cfg(feature = "s3")]

mod support;

use lifeboat_store::{Cancel, Place, StoreErrorKind};
use std::time::Duration;
use support::certificates::certificates;
use support::servers::Server;

#[test]
fn an_own_ca_is_trusted_where_it_is_named() {
    let directory = tempfile::tempdir().unwrap();
    certificates(directory.path(), "ours");
    certificates(directory.path(), "theirs");
    let server = Server::moto_with(&["-s", "-c", "ours.pem", "-k", "ours.key"], directory);
    let path = |name: &str| server.directory.path().join(name).display().to_string();
    let named = server.store("tls", "x", server.port).replace("http://", "https://");
    let cancel = Cancel::never().within(Duration::from_secs(60));
    let store = Place::parse(&format!("{named}&ca={}", path("ours-ca.pem"))).unwrap().open().unwrap();
    // The bucket does not exist, and the server said so over TLS.
    assert_eq!(store.put("a", b"x", &cancel).unwrap_err().kind(), StoreErrorKind::Absent);
    let others = Place::parse(&format!("{named}&ca={}", path("theirs-ca.pem"))).unwrap().open().unwrap();
    let error = others.head("a", &cancel).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unreachable);
    assert!(error.to_string().contains("certificate"), "{error}");
    // Each request reads the file, until it can be read.
    let later = Place::parse(&format!("{named}&ca={}", path("later.pem"))).unwrap().open().unwrap();
    let error = later.head("a", &cancel).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Absent);
    assert!(error.to_string().contains("cannot be read"), "{error}");
    std::fs::copy(path("credentials"), path("later.pem")).unwrap();
    let error = later.head("a", &cancel).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(error.to_string().contains("has no certificate"), "{error}");
    std::fs::copy(path("ours-ca.pem"), path("later.pem")).unwrap();
    assert_eq!(later.put("a", b"x", &cancel).unwrap_err().kind(), StoreErrorKind::Absent);
}
