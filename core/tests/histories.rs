//! Random histories of tables that take many chunks, under every way in which one chunk can meet another: rows that differ
//! at the beginnings and ends of blocks, bounds that were cut short, blocks that several tables share, tables that are
//! packed otherwise, rows that are large with an old digest and not without.

mod common;

use common::history::{history, options};
use common::{State, chain, export_with, key, restore_chain};
use lifeboat_core::chain::Base;
use lifeboat_core::stream::{BundleWriter, PlainChunk};
use proptest::prelude::*;

fn by_options(base: Option<&[&[u8]]>, state: &State) -> (Vec<u8>, Vec<u8>) {
    let base = base.map(|base| Base::chain(&chain(base).unwrap()).unwrap());
    common::export_from(base, state, options()).unwrap()
}

fn composed(bundles: &[&[u8]]) -> Vec<u8> {
    let mut writer = BundleWriter::new(&key().domain("default").expect("a name"), Vec::new()).unwrap();
    let emit = |piece: PlainChunk| writer.chunk(&piece);
    let totals = chain(bundles).unwrap().compose(key(), options(), emit, || Ok(())).unwrap().totals;
    writer.finish(&totals).unwrap().1
}

fn check(states: &[State]) {
    let fulls: Vec<_> = states.iter().map(|state| export_with(state, options()).unwrap().0).collect();
    let mut bundles = vec![fulls[0].clone()];
    let mut ledger = by_options(None, &states[0]).1;
    for (at, state) in states.iter().enumerate().skip(1) {
        let slices: Vec<&[u8]> = bundles.iter().map(Vec::as_slice).collect();
        let bundle = by_options(Some(&slices), state).0;
        let base = Base::ledger(key(), &ledger).unwrap();
        let (by_ledger, next) = common::export_from(Some(base), state, options()).unwrap();
        assert!(by_ledger == bundle, "{at}: by ledger");
        assert!(by_options(Some(&[&fulls[at - 1]]), state).0 == bundle, "{at}: by full");
        ledger = next;
        bundles.push(bundle);
        let slices: Vec<&[u8]> = bundles.iter().map(Vec::as_slice).collect();
        assert!(restore_chain(&slices).unwrap().1 == *state, "{at}: restored");
        assert!(composed(&slices) == fulls[at], "{at}: composed");
        chain(&slices).unwrap().check(|| Ok(())).unwrap();
    }
    let slices: Vec<&[u8]> = bundles.iter().map(Vec::as_slice).collect();
    for from in 1..states.len() {
        for to in from + 1..states.len() {
            let direct = by_options(Some(&[&fulls[from - 1]]), &states[to]).0;
            assert!(composed(&slices[from..=to]) == direct, "{from} to {to}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_to_large_tables(states in history()) {
        check(&states);
    }
}
