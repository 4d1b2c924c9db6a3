//! Bytes as a bundle: split, checked without and with the key, read at any place, taken as deltas. What one way of reading
//! accepts, the others accept too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lifeboat_core::chain::{Bundle, Chain, DeltaIntake};
use lifeboat_core::stream::{Audit, Discard, Restore};
use lifeboat_fuzz::key;

fuzz_target!(|input: &[u8]| {
    let key = key();
    let mut audit = Audit::new();
    let audited = audit.push(input).and_then(|()| audit.finish(None));
    let mut restore = Restore::new(&key, Discard);
    let restored = restore.push(input).and_then(|()| restore.finish());
    // In pieces it is the same.
    let mut pieces = Restore::new(&key, Discard);
    let pieced = input.chunks(7).try_for_each(|piece| pieces.push(piece)).and_then(|()| pieces.finish());
    assert_eq!(restored.as_ref().map(|(report, _)| report).ok(), pieced.as_ref().map(|(report, _)| report).ok());
    let opened = Bundle::open(&key, input);
    if let Ok((report, _)) = &restored {
        assert_eq!(audited.as_ref(), Ok(&report.public));
        let chain = Chain::open(&key, [input]).expect("restored, so it opens");
        chain.check(|| Ok(())).expect("restored, so it is sound");
    }
    if let Ok(bundle) = opened {
        let _ = bundle.check(|| Ok(()));
    }
    let _ = Bundle::open_ledger(&key, input).map(|ledger| ledger.check(|| Ok(())));
    let mut intake = DeltaIntake::new();
    let _ = intake.begin().and_then(|()| intake.push(input)).and_then(|()| intake.finish());
});
