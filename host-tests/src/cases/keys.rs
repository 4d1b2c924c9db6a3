//! Keys, verify keys and state ids that are not those of the bundle, or none.

use super::{Job, KEY, Maker, all, only, sealed};

/// Of the bytes 2, 3, 4 … 33.
const OTHER_KEY: &str = "lifeboatkey1qgpsgpgxquyqjzstpsxsurcszyfpx9q4zct3sxg6rvwp68slyqsss2vt3m";
/// Of [`KEY`], for the domain "default".
const VERIFY_KEY: &str = "lifeboatverify16yt905gwanvny6kl7jccpmxcnpj5lj8hvqm7hj77ngjppj0vmweq5d8szx";

pub(super) fn add(maker: &mut Maker) {
    let other_verify_key: String = super::database("")
        .query_row("SELECT backup_verify_key(?1)", [OTHER_KEY], |row| row.get(0))
        .expect("it is a key");
    let sql = "CREATE TABLE t (a); INSERT INTO t VALUES ('kept')";
    let made = maker.full("keys.bundle", sql);
    let file = made.file.as_str();

    for (name, key, kind) in [
        ("another", OTHER_KEY.to_owned(), "wrong key"),
        ("mistyped", KEY.replacen("pq9", "pq8", 1), "misuse"),
        ("cut", KEY[..KEY.len() - 1].to_owned(), "misuse"),
        ("mixed-case", KEY.replacen("qypq", "QYPQ", 1), "misuse"),
        ("empty", String::new(), "misuse"),
        ("verify-key-in-its-place", VERIFY_KEY.to_owned(), "misuse"),
        ("path-in-its-place", "recovery.key".to_owned(), "misuse"),
        ("not-ascii", "lifeboatkey1ä".to_owned(), "misuse"),
        ("all-zeros", "lifeboatkey1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq4n75sj".to_owned(), "misuse"),
    ] {
        let case = maker.case(&format!("key/{name}"), &[file], sealed(kind));
        case.key = key;
        case.outcome.remove(&Job::Audit);
    }
    for (name, key) in [("upper-case", KEY.to_uppercase()), ("with-a-line-end", format!("  {KEY}\n"))] {
        maker.good(&format!("key/{name}"), &[&made]).key = key;
    }
    // Damage is told before the key: who has another key learns that, too.
    let mut damaged = made.bytes.clone();
    damaged[40] ^= 1;
    let damaged = maker.file("keys-damaged.bundle", &damaged);
    maker.case("key/another-and-a-damaged-head", &[&damaged], all("corrupt")).key = OTHER_KEY.to_owned();

    let cut = maker.file("keys-cut.bundle", &made.bytes[..200]);
    let case = maker.case("key/another-and-cut-off", &[&cut], all("wrong key"));
    case.key = OTHER_KEY.to_owned();
    case.outcome.insert(Job::Audit, "truncated".to_owned());

    for (name, verify_key, kind) in [
        ("right", VERIFY_KEY.to_owned(), "ok"),
        ("upper-case", VERIFY_KEY.to_uppercase(), "ok"),
        ("another", other_verify_key, "mismatch"),
        ("mistyped", VERIFY_KEY.replacen("yt9", "yt8", 1), "misuse"),
        ("cut", VERIFY_KEY[..VERIFY_KEY.len() - 3].to_owned(), "misuse"),
    ] {
        let case = match kind {
            "ok" => maker.good(&format!("verify-key/{name}"), &[&made]),
            _ => maker.bad(&format!("verify-key/{name}"), &[&made], all(kind)),
        };
        case.verify_key = Some(verify_key);
        case.outcome = only(Job::Audit, kind);
    }

    let id = made.state.state_id.clone().expect("it was exported");
    for (name, expect, kind) in [
        ("right", id.clone(), "ok"),
        ("upper-case", id.to_uppercase(), "ok"),
        ("another", "0".repeat(64), "mismatch"),
        ("cut", id[..63].to_owned(), "misuse"),
        ("empty", String::new(), "misuse"),
        ("no-digits", "state".repeat(13)[..64].to_owned(), "misuse"),
    ] {
        let case = match kind {
            "ok" => maker.good(&format!("expect/{name}"), &[&made]),
            _ => maker.bad(&format!("expect/{name}"), &[&made], all(kind)),
        };
        case.expect = Some(expect);
    }
}
