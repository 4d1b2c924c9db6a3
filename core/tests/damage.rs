//! No damage is taken for a sound bundle, or for a wrong key: with the key and without it (Z9, T24, promises 3 and 4).

mod common;

use common::{Owned, OwnedKey, Rows, State, export, export_with, key, other_key, restore, split, stored};
use lifeboat_core::ErrorKind;
use lifeboat_core::keys::VerifyKey;
use lifeboat_core::stream::{Audit, Discard, Restore};

fn audit(bundle: &[u8]) -> Result<(), ErrorKind> {
    let mut audit = Audit::new();
    audit.push(bundle).and_then(|()| audit.finish(None)).map(drop).map_err(|error| error.kind())
}

fn verify(bundle: &[u8]) -> Result<(), ErrorKind> {
    restore(bundle).map(drop).map_err(|error| error.kind())
}

fn small() -> Vec<u8> {
    let row = |rowid| (OwnedKey::Rowid(rowid), vec![Owned::Text(b"a token".to_vec()), Owned::Integer(rowid)]);
    export(&State::new(vec![("tokens", Rows::Table((0..5).map(row).collect()))]))
}

#[test]
fn every_truncation_is_refused_as_truncated() {
    let bundle = small();
    for length in 0..bundle.len() {
        assert_eq!(audit(&bundle[..length]), Err(ErrorKind::Truncated), "{length}");
        assert_eq!(verify(&bundle[..length]), Err(ErrorKind::Truncated), "{length}");
    }
    assert_eq!((audit(&bundle), verify(&bundle)), (Ok(()), Ok(())));
}

#[test]
fn every_flipped_bit_is_refused_and_never_as_a_wrong_key() {
    let mut bundle = small();
    for at in 0..bundle.len() {
        for bit in 0..8 {
            bundle[at] ^= 1 << bit;
            // A longer length makes the reader wait for bytes that never come.
            let damage = [Err(ErrorKind::Corrupt), Err(ErrorKind::Truncated)];
            assert!(damage.contains(&audit(&bundle)), "byte {at} bit {bit}: {:?}", audit(&bundle));
            assert!(damage.contains(&verify(&bundle)), "byte {at} bit {bit}: {:?}", verify(&bundle));
            bundle[at] ^= 1 << bit;
        }
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    let mut bundle = small();
    bundle.push(0);
    assert_eq!((audit(&bundle), verify(&bundle)), (Err(ErrorKind::Corrupt), Err(ErrorKind::Corrupt)));
}

#[test]
fn chunks_that_are_dropped_doubled_swapped_or_foreign_are_refused() {
    let row = |rowid| (OwnedKey::Rowid(rowid), vec![Owned::Blob(vec![u8::try_from(rowid % 256).unwrap(); 1000])]);
    let state = |rows: i64| State::new(vec![("t", Rows::Table((0..rows).map(row).collect()))]);
    let bundle = export_with(&state(2000), stored()).unwrap().0;
    let foreign = split(&export_with(&state(2001), stored()).unwrap().0);
    let items = split(&bundle);
    assert_eq!(items.concat(), bundle);
    let last_chunk = items.len() - 3;
    assert!(last_chunk > 4, "{last_chunk} chunks");
    let mut cases = Vec::new();
    for at in 1..=last_chunk {
        let mut dropped = items.clone();
        dropped.remove(at);
        let mut doubled = items.clone();
        doubled.insert(at, items[at].clone());
        cases.extend([dropped, doubled]);
        if at < last_chunk {
            let mut swapped = items.clone();
            swapped.swap(at, at + 1);
            cases.push(swapped);
        }
        if foreign[at] != items[at] {
            let mut mixed = items.clone();
            mixed[at] = foreign[at].clone();
            cases.push(mixed);
        }
    }
    cases.push([&items[..last_chunk + 1], &foreign[foreign.len() - 2..]].concat());
    for case in cases {
        let bundle = case.concat();
        assert_eq!(audit(&bundle), Err(ErrorKind::Corrupt));
        assert_eq!(verify(&bundle), Err(ErrorKind::Corrupt));
    }
}

#[test]
fn a_damaged_chunk_is_named_without_the_key() {
    let row = |rowid| (OwnedKey::Rowid(rowid), vec![Owned::Blob(vec![7; 1000])]);
    let mut bundle =
        export_with(&State::new(vec![("t", Rows::Table((0..2000).map(row).collect()))]), stored()).unwrap().0;
    let items = split(&bundle);
    let at = items[..3].concat().len();
    bundle[at + 100] ^= 1;
    let mut audit = Audit::new();
    let error = audit.push(&bundle).unwrap_err();
    assert!(error.message().contains(&format!("item 3 at byte {at}")), "{error}");
}

#[test]
fn another_key_is_a_wrong_key_before_anything_is_opened() {
    let bundle = small();
    let mut restore = Restore::new(other_key(), Discard);
    let error = restore.push(&bundle[..75]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongKey);
}

#[test]
fn a_signature_counts_only_against_the_expected_key() {
    let bundle = small();
    let expected = key().domain("default").unwrap().verify_key();
    let other = key().domain("another domain").unwrap().verify_key();
    let finish = |expected: &VerifyKey| {
        let mut audit = Audit::new();
        audit.push(&bundle).unwrap();
        audit.finish(Some(expected)).map_err(|error| error.kind())
    };
    assert_eq!(finish(&expected).unwrap().verify_key, expected);
    assert_eq!(finish(&other), Err(ErrorKind::Mismatch));
}

#[test]
fn what_is_no_bundle_is_told_from_what_is_of_another_revision() {
    let text = b"SQLite format 3\0".repeat(10);
    assert_eq!(audit(&text), Err(ErrorKind::Corrupt));
    assert_eq!(audit(b"short"), Err(ErrorKind::Corrupt));
    assert_eq!(audit(b""), Err(ErrorKind::Truncated));
    for at in [13, 14] {
        let mut head = small();
        head[at] = 2;
        let check = <sha2::Sha256 as sha2::Digest>::digest(&head[..66]);
        head[67..75].copy_from_slice(&check[..8]);
        assert_eq!(audit(&head), Err(ErrorKind::Unsupported));
        assert_eq!(verify(&head), Err(ErrorKind::Unsupported));
    }
}

/// Z9: nothing of the rows, the schema or the domain's name is readable.
#[test]
fn nothing_readable_is_in_a_bundle() {
    let token = b"dGhpcyBpcyBhIHRva2VuIHRoYXQgY29zdHMgbW9uZXk";
    let rows = Rows::Table(vec![(OwnedKey::Rowid(1), vec![Owned::Text(token.to_vec())])]);
    let bundle = export_with(&State::new(vec![("secret-table", rows)]), stored()).unwrap().0;
    for secret in [&token[..], b"secret-table", b"CREATE TABLE", b"default", b"this is a token"] {
        for length in [secret.len(), 8.min(secret.len())] {
            assert!(!bundle.windows(length).any(|window| window == &secret[..length]));
        }
    }
}
