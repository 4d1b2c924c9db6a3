//! Deltas that come in pieces, cut anywhere.

mod common;

use common::{Owned, State, delta, export, export_from, key, restore_chain, rows};
use lifeboat_core::chain::{DeltaIntake, Deltas};
use lifeboat_core::stream::Restore;
use lifeboat_core::{Error, ErrorKind, ExportOptions, Result, limits};

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

/// Each delta begins, and comes in pieces.
fn taken(deltas: &[&[u8]], piece: usize) -> Result<Vec<Vec<u8>>> {
    let mut intake = DeltaIntake::new();
    assert!(intake.is_empty());
    let pushed = deltas.iter().try_for_each(|delta| {
        intake.begin()?;
        delta.chunks(piece).try_for_each(|piece| intake.push(piece))
    });
    if let Err(error) = pushed {
        assert_eq!(intake.push(b"").unwrap_err(), error, "an error stays");
        assert_eq!(intake.begin().unwrap_err(), error);
        assert_eq!(intake.finish().unwrap_err(), error);
        return Err(error);
    }
    assert_eq!(intake.held(), deltas.concat().len());
    assert_eq!(intake.is_empty(), deltas.is_empty());
    intake.finish()
}

fn refused(deltas: &[&[u8]], kind: ErrorKind, words: &str) {
    for piece in [1, 1000, 1 << 20] {
        let error = taken(deltas, piece).unwrap_err();
        assert!(error.kind() == kind && error.message().contains(words), "{error}");
    }
}

#[test]
fn deltas_come_out_as_they_came_however_the_pieces_are_cut() {
    let [full, ab, bc, cd] = bundles();
    for piece in [1, 2, 74, 75, 76, ab.len() - 1, ab.len(), ab.len() + 1] {
        assert!(taken(&[&ab, &bc, &cd], piece).unwrap() == [&ab[..], &bc, &cd], "pieces of {piece}");
    }
    assert!(taken(&[], 1).unwrap().is_empty());
    let deltas = Deltas::open(key(), taken(&[&ab, &bc, &cd], 7).unwrap(), || Ok(())).unwrap();
    let mut restore = Restore::over(key(), deltas, State::default());
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
    let full_bundle = "of the chain does not follow: it is a full bundle, and a chain begins with that";
    refused(&[&full], ErrorKind::Mismatch, &format!("bundle 2 {full_bundle}"));
    refused(&[&ab, &full], ErrorKind::Mismatch, &format!("bundle 3 {full_bundle}"));
    refused(&[&ab, &ledger], ErrorKind::Mismatch, "bundle 3 of the chain: this is a ledger");
    refused(&[&ab, &[0; 75]], ErrorKind::Corrupt, "bundle 3 of the chain: this is not a Lifeboat bundle");
    refused(&[&ab, &[0; 3]], ErrorKind::Corrupt, "bundle 3 of the chain: this is not a Lifeboat bundle");
    refused(&[&[&ab[..], &bc].concat()], ErrorKind::Corrupt, "bundle 2 of the chain: bytes follow after the end");
    for bit in 0..ab.len() * 8 {
        let mut damaged = ab.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let error = taken(&[&damaged, &bc], 4096).err();
        assert!(error.is_some_and(|error| error.message().starts_with("bundle 2 of the chain")), "bit {bit}");
    }
}

/// Of 0 bytes, too, and wherever in the chain: the state before it must not be taken for the last.
#[test]
fn a_delta_that_ends_too_early_is_truncated() {
    let [_, ab, bc, _] = bundles();
    for length in 0..ab.len() {
        for (deltas, place) in [
            (&[&ab[..length], &bc[..]][..], "bundle 2 of the chain: "),
            (&[&bc, &ab[..length]], "bundle 3 of the chain: "),
        ] {
            let error = taken(deltas, 64).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Truncated, "cut at {length}: {error}");
            assert!(error.message().starts_with(place), "{error}");
        }
    }
}

#[test]
fn bytes_belong_to_a_delta_that_has_begun() {
    let [_, ab, ..] = bundles();
    let mut intake = DeltaIntake::new();
    assert_eq!(intake.push(&ab).unwrap_err().kind(), ErrorKind::Misuse);
    intake.begin().unwrap();
    intake.push(&ab).unwrap();
    assert_eq!(intake.finish().unwrap(), [ab]);
}

/// Who knows all bundles of a chain tells best why they are none. Of a full bundle no more than the beginning is held.
#[test]
fn what_came_is_known_without_a_key() {
    let [_, ab, bc, _] = bundles();
    // Noise, which takes up as much in a bundle.
    let next =
        |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    let noise = std::iter::successors(Some(1_u64), next).map(|state| state.to_be_bytes()[0]).take(5000).collect();
    let full = export(&State::new(vec![("t", rows(vec![(1, vec![Owned::Blob(noise)])]))]));
    let mut intake = DeltaIntake::new();
    for bundle in [&bc, &full, &ab] {
        intake.begin().unwrap();
        intake.push(bundle).unwrap();
    }
    intake.complete().unwrap();
    assert_eq!(intake.held(), bc.len() + 4096 + ab.len());
    let bases: Vec<_> = intake.reports().iter().map(|report| report.base_id).collect();
    let states: Vec<_> = intake.reports().iter().map(|report| Some(report.state_id)).collect();
    assert_eq!((bases[0], bases[1]), (states[2], None));
    intake.check_key(key()).unwrap();
    let error = intake.check_key(common::other_key()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongKey);
    assert!(error.message().starts_with("bundle 2 of the chain: "), "{error}");
    assert_eq!(intake.finish().unwrap_err().kind(), ErrorKind::Mismatch);
}

#[test]
fn a_chain_has_a_limit() {
    let [_, ab, ..] = bundles();
    let mut intake = DeltaIntake::new();
    for _ in 1..limits::CHAIN_MAX {
        intake.begin().unwrap();
        intake.push(&ab).unwrap();
    }
    let error = intake.begin().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooBig, "{error}");
}

/// Numbers are those of the whole chain, of which the full bundle is the first.
#[test]
fn deltas_that_do_not_follow_one_another() {
    let [_, ab, bc, cd] = bundles();
    let reason = |deltas: &[&[u8]]| -> Error {
        let error = Deltas::open(key(), deltas.iter().copied(), || Ok(())).err().expect("no deltas");
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
    let error = Deltas::open(key(), [&ab, &damaged], || Ok(())).err().expect("damage");
    assert!(error.message().starts_with("bundle 3 of the chain: "), "{error}");
}
