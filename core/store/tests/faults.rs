//! A store behind a network that fails. Requests are tried again, waits end, and a server's words
//! are not believed.
#![cfg(feature = "s3")]

mod support;

use lifeboat_store::drivers::s3::S3Store;
use lifeboat_store::{Cancel, Entry, Place, S3Place, Store, StoreErrorKind};
use std::time::Duration;
use support::contract::{self, named, names};
use support::proxy::{Fault, Proxy};
use support::servers::Server;

/// A server, a faulty connection to it, and a store at the other end.
struct Faulty {
    proxy: Proxy,
    name: String,
}

impl Faulty {
    /// In a bucket of its own.
    fn new(bucket: &str) -> Self {
        let server = Server::shared_moto();
        server.bucket(bucket, &[]);
        let proxy = Proxy::to(server.port);
        let name = server.store(bucket, "p", proxy.port);
        Self { proxy, name }
    }

    fn store(&self) -> Box<dyn Store> {
        Place::parse(&self.name).unwrap().open().unwrap()
    }
}

/// Everything that a store can do, on a store that holds nothing of it, and the result.
fn all_of_it(store: &dyn Store, content: &[u8]) -> lifeboat_store::Result<Vec<Entry>> {
    let cancel = Cancel::never().within(Duration::from_secs(60));
    store.put("log/1", b"one", &cancel)?;
    store.put(&named("bundles/ab/", content), &content, &cancel)?;
    store.replace("log/1", b"two", &cancel)?;
    let mut read = vec![0; 100_000];
    store.get(&named("bundles/ab/", content), 5, &mut read, &cancel)?;
    assert!(read == content[5..100_005]);
    assert_eq!(store.head("log/1", &cancel)?, 3);
    store.put("log/2", b"gone", &cancel)?;
    store.delete("log/2", &cancel)?;
    store.list("", "", 10, &cancel)
}

#[test]
fn each_request_fails_once_and_is_made_again() {
    let content = contract::bytes(300_000);
    let faults = [Fault::Lost, Fault::AnswerLost, Fault::Cut(0), Fault::Cut(50), Fault::Status(503, "SlowDown")];
    std::thread::scope(|scope| {
        for (number, fault) in faults.iter().enumerate() {
            let content = &content;
            scope.spawn(move || each_request_fails(&Faulty::new(&format!("each-once-{number}")), fault, content));
        }
    });
}

fn each_request_fails(faulty: &Faulty, fault: &Fault, content: &[u8]) {
    let expected = all_of_it(&*faulty.store(), content).unwrap();
    assert_eq!(expected.len(), 2);
    let before = faulty.proxy.count();
    all_of_it(&*faulty.store(), content).unwrap();
    let requests = faulty.proxy.count() - before;
    assert_eq!(requests, 10, "eight, and a look at what two puts found there");
    for number in 0..requests {
        let store = faulty.store();
        faulty.proxy.fail(number, fault.clone());
        let found = all_of_it(&*store, content);
        assert_eq!(found.as_ref(), Ok(&expected), "request {number} of {requests}, {fault:?}");
    }
}

#[test]
fn an_upload_in_parts_goes_on_after_each_failure() {
    let faulty = Faulty::new("in-parts");
    let content = contract::bytes((17 << 20) + 3);
    let store = || S3Store::new(&S3Place::parse(&faulty.name).unwrap()).with_single_max(1 << 20);
    let name = named("bundles/ab/", &content);
    let cancel = Cancel::never();
    // The requests: head, begin, nine parts, the end.
    for (number, fault) in
        [(0, Fault::Lost), (1, Fault::Lost), (3, Fault::AnswerLost), (10, Fault::Status(503, "SlowDown"))]
    {
        let store = store();
        faulty.proxy.fail(number, fault.clone());
        store.put(&name, &content, &cancel).unwrap_or_else(|error| panic!("{number} {fault:?}: {error}"));
        assert_eq!(store.head(&name, &cancel), Ok(content.len() as u64));
        store.delete(&name, &cancel).unwrap();
    }
    // Wrong bytes are noticed before the object appears, and the parts are removed.
    let mut wrong = content.clone();
    wrong[16 << 20] ^= 1;
    let store = store();
    assert_eq!(store.put(&name, &wrong, &cancel).unwrap_err().kind(), StoreErrorKind::Corrupt);
    assert_eq!(store.head(&name, &cancel).unwrap_err().kind(), StoreErrorKind::NotFound);
    let heads = faulty.proxy.heads();
    assert!(heads.last().unwrap().starts_with("HEAD") && heads[heads.len() - 2].starts_with("DELETE"), "{heads:?}");
}

#[test]
fn waits_end_by_deadline_and_by_interrupt() {
    let faulty = Faulty::new("waits");
    let store = faulty.store();
    let content = contract::bytes(300_000);
    store.put("a", &content, &Cancel::never()).unwrap();
    faulty.proxy.always(Some(Fault::Stall(1000)));
    let mut read = vec![0; content.len()];
    let late = store.get("a", 0, &mut read, &Cancel::never().within(Duration::from_millis(300))).unwrap_err();
    assert_eq!(late.kind(), StoreErrorKind::Unreachable, "{late}");
    let cancel = Cancel::never();
    let interrupt = cancel.clone();
    std::thread::scope(|scope| {
        let requests = faulty.proxy.count();
        let proxy = &faulty.proxy;
        scope.spawn(move || {
            while proxy.count() == requests {
                std::thread::yield_now();
            }
            interrupt.interrupt();
        });
        let error = store.get("a", 0, &mut read, &cancel).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Interrupted);
    });
    faulty.proxy.always(Some(Fault::Silence));
    for error in [
        store.list("", "", 1, &Cancel::never().within(Duration::from_millis(100))).unwrap_err(),
        store.put("b", b"x", &Cancel::never().within(Duration::from_millis(100))).unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Unreachable, "{error}");
    }
    // The thread and its sockets end, even if an answer never ends.
    drop(store);
    faulty.proxy.always(None);
    let store = faulty.store();
    store.get("a", 0, &mut read, &Cancel::never()).unwrap();
    assert!(read == content);
}

#[test]
fn a_slow_body_arrives() {
    let faulty = Faulty::new("slow");
    let store = faulty.store();
    let content = contract::bytes(2000);
    faulty.proxy.always(Some(Fault::Slow));
    store.put("a", &content, &Cancel::never()).unwrap();
    assert!(contract::read(&*store, "a") == content);
    assert_eq!(names(&*store, "", "", 10), ["a"]);
}

#[test]
fn what_a_server_says_is_judged() {
    let faulty = Faulty::new("judged");
    let store = faulty.store();
    let soon = || Cancel::never().within(Duration::from_secs(20));
    let content = contract::bytes(5000);
    store.put("a", &content, &soon()).unwrap();
    let mut read = vec![0; 5000];
    // A driver does not know what the bytes must be.
    faulty.proxy.fail(0, Fault::Wrong(17));
    store.get("a", 0, &mut read, &soon()).unwrap();
    assert_eq!(read[17], content[17] ^ 1);
    for (fault, kind) in [
        (Fault::Status(404, "NoSuchKey"), StoreErrorKind::NotFound),
        (Fault::Status(404, "NoSuchBucket"), StoreErrorKind::Absent),
        (Fault::Status(403, "AccessDenied"), StoreErrorKind::Refused),
        (Fault::Status(400, "secret; not a word"), StoreErrorKind::Refused),
        (Fault::Status(507, "InsufficientStorage"), StoreErrorKind::Full),
        (Fault::Status(403, "QuotaExceeded"), StoreErrorKind::Full),
        (Fault::Redirect("http://203.0.113.1/".into()), StoreErrorKind::Refused),
        (Fault::Redirect(format!("http://127.0.0.1:{}/", faulty.proxy.port)), StoreErrorKind::Refused),
        // If an answer has more bytes than there is memory for, nobody waits for them.
        (Fault::Long(1 << 60), StoreErrorKind::Corrupt),
        (Fault::Long(100 << 20), StoreErrorKind::Corrupt),
    ] {
        faulty.proxy.always(Some(fault.clone()));
        let before = faulty.proxy.count();
        let errors = [
            // The body of the error is longer than what was asked for.
            store.get("a", 0, &mut read[..4], &soon()).unwrap_err(),
            store.list("", "", 5, &soon()).err().unwrap_or_else(|| panic!("{fault:?}")),
        ];
        for error in errors {
            // If a list finds nothing, it is the bucket that is missing.
            let is_list = error.to_string().contains(": list: ");
            let kind = if is_list && kind == StoreErrorKind::NotFound { StoreErrorKind::Absent } else { kind };
            assert_eq!(error.kind(), kind, "{fault:?}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        if matches!(fault, Fault::Redirect(_)) {
            assert_eq!(faulty.proxy.count() - before, 2, "no redirect is followed");
        }
    }
    faulty.proxy.always(None);
    assert_eq!(names(&*store, "", "", 10), ["a"]);
}

#[test]
fn conditions_are_not_relied_on() {
    let faulty = Faulty::new("conditions");
    let cancel = Cancel::never();
    for (number, fault) in [
        // The server says "it exists", but nothing arrived.
        Fault::Status(409, "ConditionalRequestConflict"),
        Fault::Status(412, "PreconditionFailed"),
        // The server does not know conditions.
        Fault::Status(501, "NotImplemented"),
        Fault::Status(400, "InvalidArgument"),
    ]
    .into_iter()
    .enumerate()
    {
        let (store, name) = (faulty.store(), format!("put/{number}"));
        faulty.proxy.fail(0, fault.clone());
        store.put(&name, b"content", &cancel).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!(contract::read(&*store, &name), b"content", "{fault:?}");
    }
    // The server always says "it exists", but nothing is ever there.
    let store = faulty.store();
    faulty.proxy.always(Some(Fault::Status(409, "Conflict")));
    let error = store.put("never", b"content", &cancel.within(Duration::from_secs(20))).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unreachable, "{error}");
    faulty.proxy.always(None);
    // The condition was asked for, and the checksums were sent.
    let heads = faulty.proxy.heads();
    let put = heads.iter().find(|head| head.starts_with("PUT")).unwrap().to_ascii_lowercase();
    for header in ["if-none-match: *", "x-amz-checksum-sha256: ", "content-md5: "] {
        assert!(put.contains(header), "{header}: {put}");
    }
}

#[test]
fn a_list_may_lag() {
    let faulty = Faulty::new("lag");
    let store = faulty.store();
    assert_eq!(names(&*store, "", "", 10), [""; 0]);
    store.put("a", b"x", &Cancel::never()).unwrap();
    faulty.proxy.fail(0, Fault::Old);
    assert_eq!(names(&*store, "", "", 10), [""; 0]);
    assert_eq!(names(&*store, "", "", 10), ["a"]);
}

#[test]
fn nobody_listens() {
    let name = Server::shared_moto().store("faulty", "p", support::servers::free_port());
    let store = Place::parse(&name).unwrap().open().unwrap();
    let error = store.put("a", b"x", &Cancel::never().within(Duration::from_secs(60))).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unreachable);
    assert!(error.to_string().contains("refused"), "{error}");
}
