//! Checks of real bundles: where one is damaged, what it holds, and the state of each copy alone.

#[path = "read/support.rs"]
mod reading;
#[path = "scrub/support.rs"]
mod scrubbing;
#[path = "save/support.rs"]
mod support;

use lifeboat_core::log::BundleHash;
use lifeboat_store::scrub::Level;
use reading::{Rows, Series, put_bundle, put_record};
use scrubbing::{Check, bundle_name, copy, series};
use support::{dynamic, keys, memory_stores, recovery_key, state};

#[test]
fn contents_and_states_are_proved_and_damage_is_located() {
    let stores = memory_stores(2);
    let (mut line, mut bundles) = (Series::new(keys()), Vec::<Vec<u8>>::new());
    let names: Vec<_> = (0..3)
        .map(|changed| {
            let (bundle, state) = Rows { count: 2000, bytes: 2000, changed }.bundle(&recovery_key(), &bundles);
            let hash = BundleHash::of(&bundle);
            let from = (changed > 0).then_some(u64::try_from(changed).unwrap());
            let record = line.next(state, &[(hash, bundle.len() as u64, from)]);
            for store in &stores {
                put_bundle(store, &line.keys, &bundle);
                put_record(store, &record);
            }
            bundles.push(bundle);
            bundle_name(hash)
        })
        .collect();
    assert!(bundles[0].len() > 3 << 20);
    for level in [Level::Hashes, Level::Contents, Level::Restore] {
        let report = Check::new(level).with_recovery_key().of(&dynamic(&stores)).unwrap();
        assert!(report.sound, "{report:?}");
        let bytes: usize = bundles.iter().map(Vec::len).sum();
        assert_eq!(copy(&report, 0).read, bytes as u64);
    }

    // A flipped byte: the item around it, whether the end of this copy's bundle is sound or not.
    let at = bundles[0].len() / 2;
    for damages_end in [false, true] {
        let mut bytes = bundles[0].clone();
        bytes[at] ^= 1;
        if damages_end {
            let end = bytes.len() - 3;
            bytes[end] ^= 1;
        }
        stores[1].set(&names[0], Some(&bytes));
        let report = Check::new(Level::Hashes).of(&dynamic(&stores)).unwrap();
        let found = &copy(&report, 1).damaged.first[0];
        let (item, byte) = (found.item.unwrap(), usize::try_from(found.byte.unwrap()).unwrap());
        assert!(item > 0 && byte <= at && at - byte < 2 << 20, "{found:?}");
        assert!(!copy(&report, 1).restores && !copy(&report, 1).complete);
    }
    let report = Check::new(Level::Restore).with_recovery_key().repair().of(&dynamic(&stores)).unwrap();
    assert!(report.sound && copy(&report, 1).damaged.repaired == 1, "{report:?}");
    assert_eq!(stores[1].bytes(&names[0]).as_ref(), Some(&bundles[0]));

    // A copy that lacks a bundle of its path.
    stores[1].set(&names[1], None);
    let report = Check::new(Level::Restore).with_recovery_key().of(&dynamic(&stores)).unwrap();
    assert_eq!((copy(&report, 0).restores, copy(&report, 1).restores), (true, false));
    assert!(copy(&report, 1).why.as_ref().unwrap().contains("cannot be restored"), "{report:?}");
}

#[test]
fn sound_bytes_that_are_no_bundle_or_another_one_are_found_with_a_key_that_reads() {
    let stores = memory_stores(1);
    let mut line = Series::new(keys());
    let (bundle, right) = Rows { count: 3, bytes: 10, changed: 0 }.bundle(&recovery_key(), &[]);
    let wrong = state(5);
    assert_ne!(wrong, right);
    for bytes in [bundle, b"no bundle at all".to_vec()] {
        let record = line.next(wrong, &[(BundleHash::of(&bytes), bytes.len() as u64, None)]);
        put_bundle(&stores[0], &line.keys, &bytes);
        put_record(&stores[0], &record);
    }
    assert!(Check::new(Level::Hashes).of(&dynamic(&stores)).unwrap().sound);
    let report = Check::new(Level::Contents).with_recovery_key().repair().of(&dynamic(&stores)).unwrap();
    let damaged = &copy(&report, 0).damaged;
    assert_eq!((damaged.count, damaged.repaired, series(&report).lost.count), (2, 0, 2), "{report:?}");
    assert!(damaged.first.iter().any(|found| found.why.contains("another state")), "{damaged:?}");
}
