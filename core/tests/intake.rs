//! Deltas that come as one row of bytes, cut anywhere.

mod common;

use common::{Owned, State, delta, export, export_from, key, restore_chain, rows};
use lifeboat_core::{DeltaIntake, Deltas, Error, ErrorKind, ExportOptions, Restore, Result, limits};

fn state(value: i64) -> State {
    State::new(vec![("t", rows(vec![(1, vec![Owned::Integer(value)]), (2, vec![Owned::Blob(vec![7; 5000])])]))])
}

/// A full bundle and three deltas.
fn bundles() -> [Vec<u8>; 4] {
    let full = export(&state(0));
    let ab = delta(&[&full], &state(1));
    let bc = delta(&[&full, &ab], &state(2));
    let cd = delta(&[&full, &ab, &bc], &state(3));
    [full, ab, bc, cd]
}

fn taken(bytes: &[u8], piece: usize) -> Result<Vec<Vec<u8>>> {
    let mut intake = DeltaIntake::new();
    for piece in bytes.chunks(piece) {
        if let Err(error) = intake.push(piece) {
            assert_eq!(intake.push(b"").unwrap_err(), error, "an error stays");
            assert_eq!(intake.finish().unwrap_err(), error);
            return Err(error);
        }
    }
    assert_eq!(intake.held(), bytes.len());
    assert_eq!(intake.is_empty(), bytes.is_empty());
    intake.finish()
}

fn refused(bytes: &[u8], kind: ErrorKind, words: &str) {
    for piece in [1, 1000, bytes.len()] {
        let error = taken(bytes, piece).unwrap_err();
        assert!(error.kind() == kind && error.message().contains(words), "{error}");
    }
}

#[test]
fn where_each_ends_is_found_however_the_pieces_are_cut() {
    let [full, ab, bc, cd] = bundles();
    let all = [&ab[..], &bc, &cd].concat();
    for piece in [1, 2, 74, 75, 76, ab.len() - 1, ab.len(), ab.len() + 1, all.len()] {
        assert!(taken(&all, piece).unwrap() == [&ab[..], &bc, &cd], "pieces of {piece}");
    }
    assert!(taken(&[], 1).unwrap().is_empty());
    let deltas = Deltas::open(&key(), taken(&all, 7).unwrap(), || Ok(())).unwrap();
    let mut restore = Restore::over(&key(), deltas, State::default());
    restore.push(&full).unwrap();
    let (report, restored) = restore.finish().unwrap();
    assert_eq!(restored, state(3));
    assert_eq!((report.bundles.len(), report.public.base_id), (4, Some(report.bundles[2].state_id)));
    assert_eq!(restore_chain(&[&full, &ab, &bc, &cd]).unwrap().0, report);
}

#[test]
fn what_is_no_delta_is_refused_with_its_number() {
    let [full, ab, bc, _] = bundles();
    let ledger = export_from(None, &state(0), ExportOptions::default()).unwrap().1;
    refused(&full, ErrorKind::Mismatch, "bundle 2 of the chain: a full bundle stands where a delta belongs");
    refused(&[&ab[..], &full].concat(), ErrorKind::Mismatch, "bundle 3 of the chain: a full bundle");
    refused(&[&ab[..], &ledger].concat(), ErrorKind::Mismatch, "bundle 3 of the chain: this is a ledger");
    refused(&[&ab[..], &[0; 75]].concat(), ErrorKind::Corrupt, "bundle 3 of the chain: this is not a Lifeboat bundle");
    refused(&[&ab[..], &[0; 3]].concat(), ErrorKind::Corrupt, "bundle 3 of the chain: this is not a Lifeboat bundle");
    let cut = [&ab[..ab.len() - 1], &bc].concat();
    refused(&cut, ErrorKind::Corrupt, "bundle 2 of the chain");
    for length in 1..ab.len() {
        let error = taken(&[&bc[..], &ab[..length]].concat(), 64).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated, "cut at {length}: {error}");
        assert!(error.message().starts_with("bundle 3 of the chain"), "{error}");
    }
    for bit in 0..ab.len() * 8 {
        let mut damaged = [&ab[..], &bc].concat();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let error = taken(&damaged, 4096).err();
        assert!(error.is_some_and(|error| error.message().starts_with("bundle 2 of the chain")), "bit {bit}");
    }
}

#[test]
fn a_chain_has_a_limit() {
    let [_, ab, ..] = bundles();
    let mut intake = DeltaIntake::new();
    for _ in 1..limits::CHAIN_MAX {
        intake.push(&ab).unwrap();
    }
    let error = intake.push(&ab[..1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooBig, "{error}");
}

/// Numbers are those of the whole chain, of which the full bundle is the first.
#[test]
fn deltas_that_do_not_follow_one_another() {
    let [_, ab, bc, cd] = bundles();
    let reason = |deltas: &[&[u8]]| -> Error {
        let error = Deltas::open(&key(), deltas.iter().copied(), || Ok(())).err().expect("no deltas");
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
        error
    };
    let says = |deltas: &[&[u8]], words: &str| {
        let error = reason(deltas);
        assert!(error.message().starts_with(words), "{error}");
    };
    says(&[&ab, &cd], "bundle 3 of the chain does not follow: it leads on from the state");
    says(&[&ab, &bc, &bc], "bundle 4 of the chain does not follow: it is bundle 3 again");
    says(&[&ab, &cd, &bc], "bundle 3 of the chain does not follow: a wrong order: bundle 4 comes before it");
    let mut damaged = bc.clone();
    let place = damaged.len() / 2;
    damaged[place] ^= 1;
    let error = Deltas::open(&key(), [&ab, &damaged], || Ok(())).err().expect("damage");
    assert!(error.message().starts_with("bundle 3 of the chain: "), "{error}");
}
