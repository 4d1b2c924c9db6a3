//! Events are sent over TLS: to a receiver whose CA is named, and to nobody else.

use super::certificates::certificates;
use super::deliver::{TIME, deliver, once};
use super::receiver::{Answer, Receiver};
use super::settings;
use super::support::fast_directory;
use lifeboat_store::events::{Delivered, Settings};
use lifeboat_store::save::SystemFiles;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// A receiver on this machine that shows the certificate of this name.
fn receiver(directory: &Path, name: &str) -> Receiver {
    let certificate = CertificateDer::from_pem_file(directory.join(format!("{name}.pem"))).unwrap();
    let key = PrivateKeyDer::from_pem_file(directory.join(format!("{name}.key"))).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
    let over = move |client| {
        let connection = ServerConnection::new(config.clone()).unwrap();
        Box::new(StreamOwned::new(connection, client)) as Box<_>
    };
    Receiver::over("https", Box::new(over), Answer::Status(200))
}

#[test]
fn a_receiver_is_trusted_by_the_ca_that_is_named() {
    let directory = fast_directory();
    let local = directory.path().join("local");
    ["ours", "theirs"].iter().for_each(|name| certificates(directory.path(), name));
    let receiver = receiver(directory.path(), "ours");
    let trusts = |ca: &str| -> Settings {
        let ca = directory.path().join(ca).display().to_string();
        settings(json!({"notify": {"webhook": receiver.url(), "ca": ca}}))
    };
    (0..3).for_each(|_| once(&local, 1000));
    // Each time the pause after the failure is over.
    let mut now = 1000;
    let mut fails = |settings: &Settings, part: &str| {
        now += 1000;
        let Delivered { sent, waiting, why } = deliver(&SystemFiles, &local, settings, now, TIME);
        let why = why.unwrap();
        assert_eq!((sent, waiting), (0, 3), "{why}");
        assert!(why.starts_with("127.0.0.1:") && why.contains(part), "{why}");
    };
    fails(&trusts("theirs-ca.pem"), "certificate");
    fails(&trusts("none.pem"), "none.pem' cannot be read");
    fails(&trusts("ours.key"), "ours.key' has no certificate");
    // The system does not know it either.
    fails(&settings(json!({"notify": {"webhook": receiver.url()}})), "certificate");
    assert_eq!(receiver.asked(), [], "nothing was said to somebody who was not trusted");
    let delivered = deliver(&SystemFiles, &local, &trusts("ours-ca.pem"), 9000, TIME);
    assert_eq!(delivered, Delivered { sent: 3, waiting: 0, why: None });
    assert_eq!(receiver.numbers(), [1, 2, 3]);
    assert_eq!(receiver.asked()[0].line, "POST /hook/hunter2 HTTP/1.1");
}
