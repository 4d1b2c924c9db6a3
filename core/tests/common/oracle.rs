//! What a damaged chain of a random history must still give, told from its undamaged bundles: which chunk has which changes, as
//! another implementation of CBOR reads them.

use super::{Owned, OwnedKey, Rows, State};
use ciborium::Value as Cbor;
use lifeboat_core::RecoveryKey;
use lifeboat_core::stream::{ChunkKind, Opened, Opener};
use std::collections::{BTreeMap, BTreeSet};

/// A table in the order of a state, and its key as far as a bound of these histories has it: the rowid, or the first number of a
/// primary key, behind which all texts begin alike for longer than a bound.
pub type Position = (String, Cut);
/// Rowids come before primary keys.
pub type Cut = (u8, i64);

/// A chunk, or all parts of a large change.
#[derive(Clone, Debug)]
pub struct Group {
    pub items: (usize, usize),
    /// Each run: its table, and the keys of its changes in full, with whether they have a new value.
    pub runs: Vec<(String, Vec<(OwnedKey, bool)>)>,
}

/// How tables 0 to 2 are called here: before all names.
fn table(head: &Cbor) -> String {
    match head {
        Cbor::Text(name) => name.clone(),
        Cbor::Integer(number) => format!("\0{}", i128::from(*number)),
        other => panic!("{other:?}"),
    }
}

fn owned(value: &Cbor) -> Owned {
    match value {
        Cbor::Integer(number) => Owned::Integer(i64::try_from(i128::from(*number)).unwrap()),
        Cbor::Text(text) => Owned::Text(text.clone().into_bytes()),
        Cbor::Bytes(bytes) => Owned::Blob(bytes.clone()),
        other => panic!("{other:?}"),
    }
}

pub fn cut(key: &OwnedKey) -> Cut {
    match key {
        OwnedKey::Rowid(rowid) => (1, *rowid),
        OwnedKey::Primary(key) => match key[0] {
            Owned::Integer(first) => (2, first),
            _ => panic!("{key:?}"),
        },
    }
}

/// The chunks of a sound bundle.
pub fn groups(key: &RecoveryKey, bundle: &[u8]) -> Vec<Group> {
    let mut opener = Opener::new(key);
    let (mut groups, mut large, mut first) = (Vec::new(), Vec::new(), None);
    let taken = opener.push(bundle, |opened| {
        let Opened::Chunk { kind, plaintext, position, .. } = opened else { return Ok(()) };
        if kind == ChunkKind::IndexPage {
            return Ok(());
        }
        large.extend_from_slice(&plaintext);
        first.get_or_insert(position.item);
        if kind != ChunkKind::Part {
            let runs = runs(&std::mem::take(&mut large));
            groups.push(Group { items: (first.take().unwrap(), position.item), runs });
        }
        Ok(())
    });
    taken.unwrap();
    groups
}

fn runs(plaintext: &[u8]) -> Vec<(String, Vec<(OwnedKey, bool)>)> {
    let (mut rest, mut runs, mut rowid) = (plaintext, Vec::<(String, Vec<_>)>::new(), None::<i64>);
    while !rest.is_empty() {
        let item: Cbor = ciborium::from_reader(&mut rest).unwrap();
        let Cbor::Array(change) = &item else {
            runs.push((table(&item), Vec::new()));
            rowid = None;
            continue;
        };
        let key = match &change[0] {
            Cbor::Array(values) => OwnedKey::Primary(values.iter().map(owned).collect()),
            Cbor::Null => OwnedKey::Rowid(0),
            Cbor::Integer(number) => {
                let number = i64::try_from(i128::from(*number)).unwrap();
                let this = rowid.map_or(number, |before| before + 1 + number);
                rowid = Some(this);
                OwnedKey::Rowid(this)
            }
            other => panic!("{other:?}"),
        };
        runs.last_mut().unwrap().1.push((key, change[2] != Cbor::Null));
    }
    runs
}

/// The ranges that a bundle with these damaged items may have changes in, both ends included; and the groups that are lost. None
/// as an end: none.
pub type Range = (Option<Position>, Option<Position>);

/// No key is below it, and none is above that.
pub const BEGIN: Cut = (0, 0);
pub const END: Cut = (3, 0);

pub fn lost(groups: &[Group], damaged: &BTreeSet<usize>, has_index: bool) -> (Vec<bool>, Vec<Range>) {
    let is_damaged = |group: &Group| (group.items.0..=group.items.1).any(|item| damaged.contains(&item));
    let mut lost: Vec<bool> = groups.iter().map(is_damaged).collect();
    let mut ranges = Vec::new();
    if has_index {
        for (at, group) in groups.iter().enumerate().filter(|(at, _)| lost[*at]) {
            for (run, (table, changes)) in group.runs.iter().enumerate() {
                let first = cut(&changes[0].0);
                let next = groups.get(at + 1).map(|next| &next.runs[0]);
                let next = next.filter(|(next, _)| run + 1 == group.runs.len() && next == table);
                let to = match (changes.len(), next) {
                    (1, _) => first,
                    (_, Some((_, next))) => cut(&next[0].0),
                    (_, None) => END,
                };
                ranges.push((Some((table.clone(), first)), Some((table.clone(), to))));
            }
        }
        return (lost, ranges);
    }
    for at in 1..groups.len() {
        // Its first part may be in what is damaged.
        let is_large = groups[at].items.0 < groups[at].items.1;
        lost[at] |= is_large && lost[at - 1];
    }
    let mut at = 0;
    while at < groups.len() {
        if !lost[at] {
            at += 1;
            continue;
        }
        let first = at;
        while at < groups.len() && lost[at] {
            at += 1;
        }
        let before = first.checked_sub(1).map(|before| {
            let (table, changes) = groups[before].runs.last().unwrap();
            (table.clone(), cut(&changes.last().unwrap().0))
        });
        let behind = groups.get(at).map(|behind| (behind.runs[0].0.clone(), cut(&behind.runs[0].1[0].0)));
        ranges.push((before, behind));
    }
    (lost, ranges)
}

pub fn holds((from, to): &Range, at: &Position) -> bool {
    from.as_ref().is_none_or(|from| from <= at) && to.as_ref().is_none_or(|to| at <= to)
}

/// The part of the truth that must come back. `None` for the settings or the schema: they must not.
pub fn expected(truth: &State, bundles: &[(Vec<Group>, BTreeSet<usize>, bool)]) -> (State, [bool; 2]) {
    let found: Vec<_> =
        bundles.iter().map(|(groups, damaged, index)| (groups, lost(groups, damaged, *index))).collect();
    // Which changes each bundle still shows.
    let shown: Vec<BTreeMap<(String, Vec<u8>), ()>> = found
        .iter()
        .map(|(groups, (lost, _))| {
            let sound = groups.iter().zip(lost).filter(|(_, lost)| !**lost).flat_map(|(group, _)| &group.runs);
            sound.flat_map(|(table, keys)| keys.iter().map(|(key, _)| ((table.clone(), id(key)), ()))).collect()
        })
        .collect();
    let is_proved = |table: &str, key: &OwnedKey| {
        let mut proved = false;
        for ((_, (_, ranges)), shown) in found.iter().zip(&shown) {
            let at = (table.to_owned(), cut(key));
            if shown.contains_key(&(table.to_owned(), id(key))) {
                proved = true;
            } else if ranges.iter().any(|range| holds(range, &at)) {
                proved = false;
            }
        }
        proved
    };
    let mut state = truth.clone();
    for (name, rows) in &mut state.tables {
        if let Rows::Table(rows) = rows {
            rows.retain(|(key, _)| is_proved(name, key));
        }
    }
    state.tables.retain(|(_, rows)| !matches!(rows, Rows::Table(rows) if rows.is_empty()));
    (state, ["\u{0}0", "\u{0}1"].map(|table| is_proved(table, &OwnedKey::Rowid(0))))
}

fn id(key: &OwnedKey) -> Vec<u8> {
    format!("{key:?}").into_bytes()
}
