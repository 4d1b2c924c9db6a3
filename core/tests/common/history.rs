//! Random histories of tables that take many chunks: rows that differ at the beginnings and ends of blocks, bounds that are
//! cut short, blocks that several tables share, tables that are packed otherwise, rows that are large.

use super::{Owned, OwnedKey, Rows, State};
use lifeboat_core::ExportOptions;
use lifeboat_core::stream::Compression;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A table: whether it has primary keys, and the rows: number to (fill, length).
type Table = (bool, BTreeMap<u16, (u8, u32)>);

pub fn options() -> ExportOptions {
    ExportOptions::new(Compression::Zstd).with_table("b", Compression::None).with_table("d", Compression::None)
}

/// Keys that ascend with the number, most of which begin alike for longer than a bound.
fn primary(number: u16) -> OwnedKey {
    let group = number / 13;
    OwnedKey::Primary(vec![
        Owned::Integer(i64::from(group / 5)),
        Owned::Text(format!("{:~>40}{group:05}", "").into_bytes()),
        Owned::Blob(number.to_be_bytes().repeat(1 + usize::from(number % 40))),
    ])
}

fn build(tables: &BTreeMap<&'static str, Table>) -> State {
    let tables = tables.iter().map(|(name, (is_keyed, rows))| {
        let row = |(number, (fill, length)): (&u16, &(u8, u32))| {
            let key = if *is_keyed { primary(*number) } else { OwnedKey::Rowid(i64::from(*number) * 7 - 900) };
            (key, vec![Owned::Blob(vec![*fill; *length as usize])])
        };
        let mut rows: Vec<_> = rows.iter().map(row).collect();
        if *is_keyed {
            rows.sort_by_key(|(key, _)| match key {
                OwnedKey::Primary(key) => match &key[..] {
                    [Owned::Integer(first), Owned::Text(second), Owned::Blob(third)] => {
                        (*first, second.clone(), third.clone())
                    }
                    _ => unreachable!(),
                },
                OwnedKey::Rowid(_) => unreachable!(),
            });
        }
        (*name, Rows::Table(rows))
    });
    let mut state = State::new(tables.collect());
    state.tables.retain(|(_, rows)| !matches!(rows, Rows::Table(rows) if rows.is_empty()));
    state
}

#[derive(Clone, Debug)]
enum Step {
    /// Fill and length of a range of rows.
    Fill(u16, u16, u8, u32),
    Remove(u16, u16),
    Clear,
    OtherKeys,
    /// A row about as long as a chunk.
    Large(u16, u8, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let length = prop_oneof![Just(0_u32), 1_u32..50, 1000_u32..40_000];
    prop_oneof![
        6 => (0_u16..1500, prop_oneof![Just(1_u16), 1_u16..400], any::<u8>(), length)
            .prop_map(|(from, count, fill, length)| Step::Fill(from, count, fill, length)),
        4 => (0_u16..1500, prop_oneof![Just(1_u16), 1_u16..700]).prop_map(|(from, count)| Step::Remove(from, count)),
        1 => Just(Step::Clear),
        1 => Just(Step::OtherKeys),
        2 => (0_u16..1500, any::<u8>(), (1 << 20) - 60_u32..(1 << 20) + 3).prop_map(|(at, fill, length)| Step::Large(at, fill, length)),
    ]
}

pub fn history() -> impl Strategy<Value = Vec<State>> {
    let name = prop_oneof![Just("a"), Just("b"), Just("c"), Just("d")];
    let step = (name, step());
    proptest::collection::vec(proptest::collection::vec(step, 1..6), 2..6).prop_map(|history| {
        let mut tables = BTreeMap::new();
        let mut states = Vec::new();
        for steps in history {
            for (name, step) in steps {
                let table: &mut Table = tables.entry(name).or_default();
                match step {
                    Step::Fill(from, count, fill, length) => {
                        table.1.extend((from..from + count).map(|number| (number, (fill, length))));
                    }
                    Step::Remove(from, count) => table.1.retain(|number, _| !(from..from + count).contains(number)),
                    Step::Clear => drop(tables.remove(name)),
                    Step::OtherKeys => table.0 = !table.0,
                    Step::Large(at, fill, length) => drop(table.1.insert(at, (fill, length))),
                }
            }
            states.push(build(&tables));
        }
        states
    })
}
