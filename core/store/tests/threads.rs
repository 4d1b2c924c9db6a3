//! A store has a thread and sockets only from its first request until it is dropped.
#![cfg(all(feature = "s3", target_os = "linux"))]

mod support;

use lifeboat_store::{Cancel, Place, StoreErrorKind};
use std::fs;
use std::path::Path;
use support::proxy::{Fault, Proxy};

/// Threads of stores, and sockets.
fn held() -> (usize, usize) {
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
    let threads = threads.filter(|task| fs::read_to_string(task.path().join("stat")).is_ok_and(is_running)).count();
    let handles = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let is_socket = |link: &Path| link.to_string_lossy().starts_with("socket:");
    (threads, handles.filter(|handle| fs::read_link(handle.path()).is_ok_and(|link| is_socket(&link))).count())
}

/// The system lists a thread that was joined a moment longer: PF_EXITING, the 0x4 of its flags, tells.
fn is_running(stat: String) -> bool {
    let (name, rest) = stat.rsplit_once(") ").unwrap();
    let flags: u32 = rest.split(' ').nth(6).unwrap().parse().unwrap();
    name.contains("(lifeboat-s3") && flags & 4 == 0
}

#[test]
fn threads_and_sockets_end_with_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let credentials = directory.path().join("credentials");
    fs::write(&credentials, "[default]\naws_access_key_id=any\naws_secret_access_key=hunter2\n").unwrap();
    // There is no server behind the proxy, and none is needed.
    let proxy = Proxy::to(1);
    proxy.always(Some(Fault::Status(403, "AccessDenied")));
    let before = held();
    assert_eq!(before.0, 0);
    let name = format!("s3://abc/x?endpoint=http://127.0.0.1:{}&credentials={}", proxy.port, credentials.display());
    let place = Place::parse(&name).unwrap();
    let store = place.open().unwrap();
    assert_eq!(held(), before, "to open it starts nothing");
    for _ in 0..3 {
        let error = store.put("a", b"x", &Cancel::never()).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Refused);
        assert!(
            error.to_string().ends_with("403, AccessDenied: the access key may not do this, or the object is retained")
        );
        assert_eq!(held().0, 1);
    }
    drop(store);
    assert_eq!(held().0, 0);
    // The proxy's own ends of the connections close a moment later.
    while held().1 > before.1 {
        std::thread::yield_now();
    }
    assert!(!format!("{place:?}").contains("hunter2"));
}
