//! Whether a state goes on where another ended.

mod common;

use common::{Owned, Rows, State, chain, delta, export, integers, rows};
use lifeboat_core::chain::Continuity::{GoesOn, NothingInCommon, OtherSelection};
use lifeboat_core::chain::{Continuity, continuity};
use lifeboat_core::state::Selection;

fn of(tables: Vec<(&'static str, Rows)>) -> State {
    State::new(tables)
}

fn compare(old: &State, new: &State) -> Continuity {
    let (old, new) = (export(old), export(new));
    continuity(&chain(&[&old]).unwrap(), &chain(&[&new]).unwrap(), || Ok(())).unwrap()
}

fn row(values: &[Owned]) -> Rows {
    rows(vec![(1, values.to_vec())])
}

#[test]
fn a_row_in_common_tells() {
    let (one, two, null) = (Owned::Integer(1), Owned::Integer(2), Owned::Null);
    let old = of(vec![("a", integers(&[(1, 1), (2, 2)])), ("b", integers(&[(7, 7)]))]);
    for (new, wanted) in [
        (old.clone(), GoesOn),
        (of(vec![("a", integers(&[(1, 5), (2, 2)]))]), GoesOn),
        (of(vec![("a", integers(&[(1, 5), (3, 3)])), ("b", integers(&[(6, 6), (7, 7), (8, 8)]))]), GoesOn),
        (of(vec![]), NothingInCommon),
        (of(vec![("a", integers(&[(1, 2), (2, 1)])), ("b", integers(&[(1, 7)]))]), NothingInCommon),
        (of(vec![("c", integers(&[(1, 1), (2, 2), (7, 7)]))]), NothingInCommon),
    ] {
        assert_eq!(compare(&old, &new), wanted);
    }
    // Columns that were added or dropped.
    for (old, new, wanted) in [
        (vec![one.clone()], vec![one.clone(), null.clone()], GoesOn),
        (vec![one.clone(), two.clone()], vec![one.clone()], GoesOn),
        (vec![one.clone()], vec![two.clone(), one.clone()], NothingInCommon),
        (vec![null.clone()], vec![null.clone(), one.clone()], NothingInCommon),
        (vec![], vec![one.clone()], NothingInCommon),
    ] {
        assert_eq!(compare(&of(vec![("t", row(&old))]), &of(vec![("t", row(&new))])), wanted, "{old:?} {new:?}");
    }
    let sequence = || ("sqlite_sequence", Rows::System(vec![vec![Owned::Integer(1)]]));
    let with = |tables: Vec<_>| of([vec![sequence()], tables].concat());
    assert_eq!(
        compare(&with(vec![]), &with(vec![("t", row(std::slice::from_ref(&one)))])),
        GoesOn,
        "there were no rows to lose"
    );
    let (old, new) = (with(vec![("t", row(std::slice::from_ref(&one)))]), with(vec![("t", row(&[two]))]));
    assert_eq!(compare(&old, &new), NothingInCommon, "other databases have the same sqlite_sequence");
    let part =
        State { selection: Some(Selection { exclude: vec!["x".to_owned()], ..Selection::default() }), ..old.clone() };
    assert_eq!((compare(&old, &part), compare(&part, &old)), (OtherSelection, OtherSelection));
    assert_eq!(compare(&part, &part), GoesOn);
}

#[test]
fn chains_and_many_chunks() {
    let many = |fill: u8| rows((1..4000).map(|rowid| (rowid, vec![Owned::Blob(vec![fill; 500])])).collect());
    let (old, other) = (of(vec![("t", many(0))]), of(vec![("t", many(7))]));
    assert_eq!(compare(&old, &other), NothingInCommon);
    let with_one = of(vec![("t", many(7)), ("z", integers(&[(1, 1)]))]);
    assert_eq!(compare(&of(vec![("t", many(0)), ("z", integers(&[(1, 1)]))]), &with_one), GoesOn);
    // Whole chunks: nothing is read but the two indexes.
    let (full, changed) = (export(&old), export(&of(vec![("t", many(0)), ("z", integers(&[(1, 1)]))])));
    let (old_chain, new_chain) = (chain(&[&full]).unwrap(), chain(&[&changed]).unwrap());
    let stop = || Err(lifeboat_core::Error::interrupted("a row was read"));
    assert_eq!(continuity(&old_chain, &new_chain, stop), Ok(GoesOn));
    let link = delta(&[&full], &other);
    let longer = chain(&[&full, &link]).unwrap();
    assert_eq!(continuity(&old_chain, &longer, || Ok(())), Ok(NothingInCommon));
    assert_eq!(continuity(&longer, &chain(&[&export(&with_one)]).unwrap(), || Ok(())), Ok(GoesOn));
    let stopped = continuity(&old_chain, &longer, stop).unwrap_err();
    assert_eq!(stopped.message(), "a row was read");
}
