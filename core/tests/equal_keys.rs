//! Two keys of equal values in one state, where a full bundle and a delta bring them together (`FORMAT.md`, rule 8.2).

mod support;

use lifeboat_core::{AccessKey, RecoveryKey};
use support::cbor::{Cbor, NULL, list, real};
use support::keys::recovery;
use support::readers::{intake, random_access, stream, walk};
use support::spec::BundleSpec;
use support::state::{Change, Item, item, settings, table};

/// A row with this key.
fn row(key: impl Into<Cbor>) -> Item {
    item("t", list![key.into()], list!["x"])
}

/// What all readers say of a full bundle with these rows and a delta with these changes. `is_base_sound`: the full bundle
/// by itself has no equal keys, so the reader that checks it by itself says the same.
#[track_caller]
fn said(rows: Vec<Item>, changes: Vec<Change>, is_base_sound: bool) -> Result<(), String> {
    let key: AccessKey = RecoveryKey::from_bytes(recovery()).expect("a key").into();
    let schema = item(1, NULL, list![table("t", "(a PRIMARY KEY, b) WITHOUT ROWID")]);
    let base = [vec![settings(), schema], rows].concat();
    let (full, delta) = (BundleSpec::full(&base).bytes(), BundleSpec::delta(&base, changes).bytes());
    let chain: [&[u8]; 2] = [&full, &delta];
    let found = walk(&key, &chain);
    assert_eq!(found, stream(&key, &chain, 64));
    assert_eq!(found, intake(&key, &chain, 64));
    let alone = random_access(&key, &chain);
    assert_eq!(alone, if is_base_sound { found.clone() } else { Err("corrupt".to_owned()) });
    found.map(drop)
}

#[test]
fn keys_of_equal_values_meet_in_a_chain() {
    let (write, remove) = (|key: Cbor| Change::write(&row(key)), |key: Cbor| Change::remove(&row(key)));
    let one = || real(1.0);
    let corrupt = Err("corrupt".to_owned());
    // The delta writes a key beside an equal one of the base, above it or below it.
    assert_eq!(said(vec![row(1), row(3)], vec![write(one())], true), corrupt);
    assert_eq!(said(vec![row(0), row(one()), row(3)], vec![write(1.into())], true), corrupt);
    assert_eq!(said(vec![row(0)], vec![write(1.into()), write(one())], true), corrupt);
    // It replaces one that is removed.
    assert_eq!(said(vec![row(0), row(1), row(3)], vec![remove(1.into()), write(one())], true), Ok(()));
    assert_eq!(said(vec![row(0), row(one()), row(3)], vec![write(1.into()), remove(one())], true), Ok(()));
    // A row between two rows of the base is removed, or added.
    assert_eq!(said(vec![row(0), row(1), row(2)], vec![remove(1.into())], true), Ok(()));
    assert_eq!(said(vec![row(0), row(2)], vec![write(1.into())], true), Ok(()));
    // Two rows of the base: both stay, or one of them is removed.
    assert_eq!(said(vec![row(0), row(1), row(one())], vec![write(3.into())], false), corrupt);
    assert_eq!(said(vec![row(0), row(1), row(one())], vec![remove(one())], false), Ok(()));
    assert_eq!(said(vec![row(0), row(1), row(one())], vec![remove(1.into())], false), Ok(()));
}
