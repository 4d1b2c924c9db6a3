//! Whether bundles are a chain: each opens, and leads on from the one before it; and why not.

mod common;

use common::{State, chain, compose, delta, export, export_from, integers, key, other_key, restore_chain};
use lifeboat_core::chain::{Base, Chain, Deltas};
use lifeboat_core::stream::Restore;
use lifeboat_core::{ErrorKind, ExportOptions};

/// Where there are several, the one that cannot be opened is told; alone it has no number.
#[test]
fn a_bundle_that_cannot_be_opened_is_named() {
    let state = |value: i64| State::new(vec![("t", integers(&[(1, value)]))]);
    let full = export(&state(0));
    let ab = delta(&[&full], &state(1));
    let reason = |bundles: &[&[u8]]| {
        let error = chain(bundles).err().expect("no chain");
        assert_eq!(error.kind(), ErrorKind::Truncated, "{error}");
        error.message().to_owned()
    };
    assert!(reason(&[&full, &ab[..ab.len() - 1]]).starts_with("bundle 2 of the chain: "));
    assert!(reason(&[&full[..full.len() - 1], &ab]).starts_with("bundle 1 of the chain: "));
    assert!(reason(&[&full[..full.len() - 1]]).starts_with("the bundle ends "));
}

/// Each link is checked, and the reason is told.
#[test]
fn links_that_do_not_hold() {
    let state = |value: i64| State::new(vec![("t", integers(&[(1, value)]))]);
    let full = export(&state(0));
    let ab = delta(&[&full], &state(1));
    let bc = delta(&[&full, &ab], &state(2));
    let cd = delta(&[&full, &ab, &bc], &state(3));
    let be = delta(&[&full, &ab], &state(5));
    let reason = |bundles: &[&[u8]]| {
        let error = chain(bundles).err().expect("no chain");
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
        error.message().to_owned()
    };
    assert!(reason(&[&full, &bc]).contains("bundle 2 of the chain does not follow: it leads on from the state"));
    assert!(reason(&[&full, &ab, &ab]).contains("bundle 3 of the chain does not follow: it is bundle 2 again"));
    assert!(reason(&[&full, &ab, &bc, &be]).contains("a fork: it leads on from bundle 2, and so does bundle 3"));
    assert!(reason(&[&ab, &bc, &full]).contains("a full bundle, and a chain begins with that"));
    assert!(
        reason(&[&full, &bc, &ab, &cd])
            .contains("bundle 2 of the chain does not follow: a wrong order: bundle 3 comes")
    );
    assert!(reason(&[&bc, &be]).contains("fork"));
    let incomplete = |bundles: &[&[u8]]| chain(bundles).unwrap().require_complete().unwrap_err().message().to_owned();
    assert!(incomplete(&[&ab]).starts_with("this is a delta, sound by itself: it restores only on top of the state "));
    assert!(incomplete(&[&ab, &bc]).starts_with("bundle 1 of the chain: this is a delta, sound by itself: "));
    // Another key's, another domain's, damaged, and not at all.
    let wrong = |error: lifeboat_core::Error, kind| assert_eq!(error.kind(), kind, "{error}");
    wrong(Chain::open(other_key(), [&full[..], &ab[..]]).err().unwrap(), ErrorKind::WrongKey);
    wrong(chain(&[]).err().unwrap(), ErrorKind::Misuse);
    wrong(chain(&[&full, &ab[..ab.len() - 1]]).err().unwrap(), ErrorKind::Truncated);
    // What has another end, but is not too short.
    wrong(chain(&[&full, &[&ab[..], &[0]].concat()]).err().unwrap(), ErrorKind::Corrupt);
    wrong(chain(&[&full, &[&ab[..], &bc[..]].concat()[..ab.len() + 99]]).err().unwrap(), ErrorKind::Corrupt);
    for at in [1, 5, 9] {
        let mut flipped = ab.clone();
        flipped[ab.len() - at] ^= 1;
        wrong(chain(&[&full, &flipped]).err().unwrap(), ErrorKind::Corrupt);
    }
    // A delta where a full bundle belongs, pushed like one.
    let mut restore = Restore::new(key(), State::default());
    let error = restore.push(&ab).and_then(|()| restore.finish()).err().unwrap();
    wrong(error, ErrorKind::Mismatch);
    // Deltas for another full bundle.
    let deltas = Deltas::open(key(), [&bc[..]], || Ok(())).unwrap();
    let mut restore = Restore::over(key(), deltas, State::default());
    let error = restore.push(&full).and_then(|()| restore.finish()).err().unwrap();
    wrong(error, ErrorKind::Mismatch);
    // A database may come back to where it was.
    let ba = delta(&[&full, &ab], &state(0));
    let back: [&[u8]; 4] = [&full, &ab, &ba, &ab];
    assert_eq!(restore_chain(&back).unwrap().1, state(1));
    assert_eq!(compose(&[&ab, &ba]).unwrap().len(), delta(&[&full], &state(0)).len());
}

/// The full bundle counts, however a chain is opened.
#[test]
fn a_chain_has_one_limit() {
    let state = |value: i64| State::new(vec![("t", integers(&[(1, value)]))]);
    let full = export(&state(0));
    let (ab, ba) = (delta(&[&full], &state(1)), delta(&[&export(&state(1))], &state(0)));
    let deltas = |count: usize| (0..count).map(|at| if at % 2 == 0 { &ab[..] } else { &ba[..] });
    let limit = lifeboat_core::limits::CHAIN_MAX;
    assert!(Deltas::open(key(), deltas(limit - 1), || Ok(())).is_ok());
    let error = Deltas::open(key(), deltas(limit), || Ok(())).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::TooBig, "{error}");
    let error = Chain::open(key(), std::iter::repeat_n(&b"not read"[..], limit + 1)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::TooBig, "{error}");
}

/// Nobody writes the bundle that makes a chain too long for all readers.
#[test]
fn the_last_link_is_not_one_too_many() {
    let state = |value: i64| State::new(vec![("t", integers(&[(1, value)]))]);
    let full = export(&state(0));
    let there = delta(&[&full], &state(1));
    let back = delta(&[&full, &there], &state(0));
    let links = [&there[..], &back[..]].into_iter().cycle();
    let bundles: Vec<_> = [&full[..]].into_iter().chain(links).take(lifeboat_core::limits::CHAIN_MAX).collect();
    let from = |bundles: &[&[u8]]| {
        let base = Base::chain(&chain(bundles).unwrap()).unwrap();
        export_from(Some(base), &state(7), ExportOptions::default()).map(|(bundle, _)| bundle)
    };
    let last = from(&bundles[..bundles.len() - 1]).unwrap();
    assert!(chain(&[&bundles[..bundles.len() - 1], &[&last]].concat()).is_ok());
    let error = from(&bundles).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooBig);
    assert!(error.message().contains("the base has 1000 bundles"), "{error}");
}
