//! Chains: which bundle may follow which.

use super::{Area, after};
use crate::support::cbor::{NULL, blob, list};
use crate::support::keys::{FileKind, Keys, Total, other_recovery, recovery};
use crate::support::spec::{BundleSpec, Chunk};
use crate::support::state::{Change, Item, item, row_1, row_2, schema_t, settings, total, worked};
use crate::support::vector::Vector;

/// The states of the chain: as it began, and after each delta.
fn second() -> Vec<Item> {
    vec![settings(), schema_t(), item("t", 1, list!["ho", NULL])]
}

fn third() -> Vec<Item> {
    [second(), vec![item("t", 5, list![5, NULL])]].concat()
}

/// The delta from the worked state to the second, and from that to the third.
fn first_delta() -> BundleSpec {
    BundleSpec::delta(&worked(), vec![Change::update(&row_1(), list!["ho", NULL]), Change::remove(&row_2())])
}

fn second_delta() -> BundleSpec {
    BundleSpec::delta(&second(), vec![Change::write(&item("t", 5, list![5, NULL]))])
}

/// The delta back from the third state to the first.
fn back() -> BundleSpec {
    BundleSpec::delta(
        &third(),
        vec![
            Change::update(&item("t", 1, list!["ho", NULL]), row_1().2),
            Change::write(&row_2()),
            Change::remove(&item("t", 5, list![5, NULL])),
        ],
    )
}

/// A sound bundle in a chain where it does not belong.
fn unfit(area: &mut Area, name: &str, fault: &str, before: &[&str], spec: &BundleSpec) {
    let vector = area.wrong(name, fault, "mismatch", spec);
    after(vector, before, "success", "mismatch");
    vector.links = Some("mismatch".to_owned());
}

fn with_keys(mut spec: BundleSpec, keys: Keys) -> BundleSpec {
    spec.keys = keys;
    spec
}

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("chain", "Chains");
    let sound = |area: &mut Area, name: &str, what: &str, before: &[&str], spec: &BundleSpec| {
        after(area.sound(name, what, spec), before, "success", "success")
    };
    sound(&mut area, "of-three", "a full bundle and two deltas", &["full", "delta-worked"], &second_delta());
    sound(
        &mut area,
        "back",
        "a chain that comes back to its first state",
        &["full", "delta-worked", "chain-of-three"],
        &back(),
    );
    sound(
        &mut area,
        "round-twice",
        "a chain that goes from its first state to the second again",
        &["full", "delta-worked", "chain-of-three", "chain-back"],
        &first_delta(),
    );
    sound(
        &mut area,
        "standing-still",
        "a delta without changes between two others",
        &["full", "delta-empty", "delta-empty", "delta-worked"],
        &second_delta(),
    );
    unfit(&mut area, "link-missing", "the delta between is missing", &["full"], &second_delta());
    unfit(&mut area, "wrong-order", "two deltas have changed places", &["full", "chain-of-three"], &first_delta());
    unfit(&mut area, "bundle-twice", "a delta comes twice", &["full", "delta-worked"], &first_delta());
    unfit(
        &mut area,
        "fork",
        "a second delta leads on from the first state",
        &["full", "delta-worked"],
        &BundleSpec::delta(&worked(), vec![Change::remove(&row_1())]),
    );
    unfit(
        &mut area,
        "full-bundle-again",
        "a full bundle follows",
        &["full", "delta-worked"],
        &BundleSpec::full(&second()),
    );
    unfit(&mut area, "full-bundle-twice", "the full bundle comes twice", &["full"], &BundleSpec::full(&worked()));
    unfit(
        &mut area,
        "of-another-base",
        "the base is a state that is not there",
        &["full"],
        &BundleSpec::delta(&third(), vec![]),
    );
    unfit(&mut area, "of-another-domain", "a delta is of another domain", &["full"], &{
        let keys = Keys::new(FileKind::Bundle, recovery(), "another");
        let mut spec = BundleSpec::delta(&worked(), vec![]);
        spec.base = total(&keys, &worked());
        with_keys(spec, keys)
    });
    // Its base id is that of the other domain's bundle: what is public says that it follows.
    let vector = area.wrong("of-another-key", "a delta is of another recovery key", "wrong key", &{
        let keys = Keys::new(FileKind::Bundle, other_recovery(), "default");
        let mut spec = BundleSpec::delta(&worked(), vec![]);
        spec.base = total(&keys, &worked());
        let base = Keys::bundle().state_id(&total(&Keys::bundle(), &worked()));
        with_keys(spec, keys).with_footer(move |footer| footer.fields[0] = blob(base))
    });
    after(vector, &["full"], "wrong key", "wrong key");
    vector.links = Some("mismatch".to_owned());
    let vector =
        area.wrong("without-full-bundle", "a delta by itself, where a state is asked for", "mismatch", &first_delta());
    vector.alone = Some("success".to_owned());
    let vector = area.wrong(
        "of-deltas-alone",
        "two deltas that follow, without the full bundle before them",
        "mismatch",
        &second_delta(),
    );
    after(vector, &["delta-worked"], "success", "mismatch");

    // Bundles that fit by their ids, and are not what the states have.
    let misfit = |area: &mut Area, name: &str, fault: &str, before: &[&str], spec: &BundleSpec| {
        after(area.wrong(name, fault, "corrupt", spec), before, "success", "corrupt");
    };
    misfit(
        &mut area,
        "old-of-the-first-state",
        "the second delta changes a row from what it was before the first",
        &["full", "delta-worked"],
        &BundleSpec::delta(&second(), vec![Change::update(&row_1(), list!["ha", NULL])]),
    );
    misfit(
        &mut area,
        "removal-of-what-was-removed",
        "the second delta removes what the first removed",
        &["full", "delta-worked"],
        &BundleSpec::delta(&second(), vec![Change::remove(&row_2())]),
    );
    misfit(
        &mut area,
        "sums-that-hide-an-item",
        "a base of the right sum and number, of which the bundles do not have the items",
        &["full"],
        &{
            // The old of row 1 is another digest: its difference is put right by a row that is not there.
            let there = u128::from_be_bytes(digest(&row_1()));
            let (first, second) = (there.wrapping_add(5), 5_u128.wrapping_neg());
            let old = |number: u128| blob(number.to_be_bytes());
            BundleSpec::of(
                Keys::bundle(),
                total(&Keys::bundle(), &worked()),
                vec![Chunk::Small(vec![
                    Change::new("t", 1, old(first), list!["ho", NULL]),
                    Change::new("t", 7, old(second), NULL),
                ])],
            )
        },
    );
    // Each old is right, but the bundles name another base than the items of the first make: sums that agree with ids only.
    let keys = Keys::bundle();
    let lie = |items: i128| Total { sum: total(&keys, &worked()).sum, items };
    let vector = area.wrong(
        "count-of-the-base-another",
        "a delta whose base has the right sum, and an item more",
        "mismatch",
        &{
            BundleSpec::of(
                Keys::bundle(),
                lie(5),
                vec![Chunk::Small(vec![Change::update(&row_1(), list!["ho", NULL])])],
            )
        },
    );
    after(vector, &["full"], "success", "mismatch");
    vector.links = Some("mismatch".to_owned());
    area.vectors
}

fn digest((table, key, value): &Item) -> [u8; 16] {
    Keys::bundle().digest(table, key, value)
}
