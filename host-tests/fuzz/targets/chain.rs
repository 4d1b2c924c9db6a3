//! Two bundles as a chain: restored, salvaged, composed, compared, looked into. A chain that is accepted restores to the state that
//! its composition holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lifeboat_core::chain::{Base, Chain, Deltas, Diff};
use lifeboat_core::salvage::Salvage;
use lifeboat_core::state::{Key, Value};
use lifeboat_core::stream::{Discard, Restore};
use lifeboat_fuzz::{MANY_ROWS, key};

fuzz_target!(|input: &[u8]| {
    let Some((cut, bundles)) = input.split_first_chunk::<4>() else { return };
    let cut = u32::from_be_bytes(*cut) as usize;
    let (full, delta) = bundles.split_at(cut.min(bundles.len()));
    // An input that is cut at 0 is a delta for a sound bundle.
    let full = if full.is_empty() { MANY_ROWS } else { full };
    let key = key();
    let salvage = Salvage::open(&key, [full, delta], || Ok(()));
    let salvaged = salvage.and_then(|salvage| salvage.walk(Discard, || Ok(())));
    let Ok(chain) = Chain::open(&key, [full, delta]) else { return };
    let checked = chain.check(|| Ok(()));
    for table in ["tokens", "new", "z", "sqlite_sequence"] {
        if let Ok(mut rows) = chain.rows(table) {
            while let Ok(Some(row)) = rows.next() {
                let _ = row.row(|_, _| Ok(()));
            }
        }
        let _ = chain.find(table, Key::Rowid(6000));
        let _ = chain.find(table, Key::Primary(&[Value::Text(b"k"), Value::Integer(1)]));
    }
    let _ = (chain.settings(), chain.schema(), chain.selection(), Base::chain(&chain).map(|base| base.state_id()));
    if let Ok(whole) = Chain::open(&key, [full])
        && let Ok(mut difference) = Diff::new(&whole, &chain)
    {
        while let Ok(Some(_)) = difference.next() {}
    }
    // A chain that was checked may still lead to what no state is: only walking shows that.
    if checked.is_ok() {
        let deltas = Deltas::open(&key, [delta], || Ok(())).expect("checked");
        let mut restore = Restore::over(&key, deltas, Discard);
        if let Ok((report, _)) = restore.push(full).and_then(|()| restore.finish()) {
            assert_eq!(report.public.state_id, chain.last().state_id);
            assert_eq!(salvaged.expect("it is sound").0.proof, report.public.state_id);
        }
    }
});
