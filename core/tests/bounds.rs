//! Bounds of keys that were cut: a bound may be below that of the chunk before it, and each way of reading still finds each
//! row (`FORMAT.md`, "Index").

mod common;

use common::{Owned, OwnedKey, Rows, State, chain, compose, delta, export, export_from, key, restore, restore_chain};
use lifeboat_core::ExportOptions;
use lifeboat_core::chain::{Base, Bundle};
use lifeboat_core::state::Key;

fn text(length: usize, end: &str) -> Owned {
    Owned::Text([&vec![b'x'; length][..], end.as_bytes()].concat())
}

fn integer(number: i64) -> Owned {
    Owned::Integer(number)
}

fn real(number: f64) -> Owned {
    Owned::Real(number.to_bits())
}

/// Keys in canonical order. The bounds of those beside one another descend, by their lengths or by their bytes.
fn keys() -> Vec<Vec<Owned>> {
    let wide = |first: Owned, last: i64| {
        let mut key = vec![integer(3); 18];
        (key[0], key[17]) = (first, integer(last));
        key
    };
    vec![
        // 1.0 and 1 are equal, and the bytes of 1.0 come behind those of 1.
        vec![real(1.0), text(32, "a")],
        vec![integer(1), text(32, "b")],
        vec![real(1.0), text(32, "c")],
        // Of these, values behind the sixteenth are left out.
        wide(real(2.0), 1),
        wide(integer(2), 2),
        wide(real(2.0), 3),
        // A text of 32 bytes is not cut, so that the value behind it stands in the bound.
        vec![text(32, ""), integer(5)],
        vec![text(32, ""), text(32, "a")],
        vec![text(32, "x"), integer(1)],
        vec![text(32, "x"), integer(9)],
        vec![text(32, "y"), integer(7)],
        vec![Owned::Blob(vec![0; 32]), integer(5)],
        vec![Owned::Blob(vec![0; 33]), integer(1)],
    ]
}

/// So large that its change has chunks of its own.
fn large(version: i64) -> Vec<Owned> {
    vec![integer(version), Owned::Blob(vec![0; (1 << 20) + 1])]
}

/// A state with a row of this version for each key that has one.
fn state(version: impl Fn(usize) -> Option<i64>) -> State {
    let rows = keys().into_iter().enumerate();
    let rows = rows.filter_map(|(at, key)| version(at).map(|version| (OwnedKey::Primary(key), large(version))));
    State::new(vec![("t", Rows::Table(rows.collect()))])
}

/// The first value of the row of this key, if there is one.
fn find(bundles: &[&[u8]], key: &[Owned]) -> Option<i64> {
    let found = chain(bundles).unwrap().find("t", Key::Primary(&common::values(key))).unwrap()?;
    let take = |_: Key<'_>, values: &[lifeboat_core::state::Value<'_>]| match values[0] {
        lifeboat_core::state::Value::Integer(version) => Ok(version),
        ref other => panic!("{other:?}"),
    };
    Some(found.row(take).unwrap())
}

#[test]
fn each_row_is_found_where_bounds_descend() {
    let all = state(|_| Some(0));
    let bundle = export(&all);
    let opened = Bundle::open(key(), &bundle[..]).unwrap();
    assert!(opened.public().chunks >= 2 * keys().len() as u64, "each row has chunks of its own");
    for key in keys() {
        assert_eq!(find(&[&bundle], &key), Some(0), "{key:?}");
        let mut longer = key.clone();
        longer.push(integer(0));
        assert_eq!(find(&[&bundle], &longer), None, "behind {key:?}");
    }
    assert_eq!(restore(&bundle).unwrap().1, all);
}

/// Each row alone is changed, and removed: by the chain, and by the ledger.
#[test]
fn deltas_where_bounds_descend() {
    let count = keys().len();
    let first = state(|_| Some(0));
    let (bundle, ledger) = export_from(None, &first, ExportOptions::default()).unwrap();
    for changed in 0..count {
        for version in [Some(1), None] {
            let next = state(|at| if at == changed { version } else { Some(0) });
            let of_chain = delta(&[&bundle], &next);
            let base = Base::ledger(key(), &ledger[..]).unwrap();
            let of_ledger = export_from(Some(base), &next, ExportOptions::default()).unwrap().0;
            assert!(of_chain == of_ledger, "row {changed}");
            assert_eq!(restore_chain(&[&bundle, &of_chain]).unwrap().1, next, "row {changed}");
            assert!(compose(&[&bundle, &of_chain]).unwrap() == export(&next), "row {changed}");
            for (at, key) in keys().iter().enumerate() {
                let expected = if at == changed { version } else { Some(0) };
                assert_eq!(find(&[&bundle, &of_chain], key), expected, "row {at} where {changed} was changed");
            }
        }
    }
}
