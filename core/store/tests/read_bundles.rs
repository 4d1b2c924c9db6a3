//! The bytes of bundles: they are proved before they are handed on, come from any copy with sound bytes, and are
//! fetched ahead.

#[path = "read/support.rs"]
mod support;

use lifeboat_core::chain::{Chain, Deltas};
use lifeboat_core::log::BundleHash;
use lifeboat_core::state::{Key, Value};
use lifeboat_core::stream::Restore;
use lifeboat_core::{AccessKey, ErrorKind, RecoveryKey, StateId, StateSink};
use lifeboat_store::drivers::memory::{MemoryStore, Request};
use lifeboat_store::read::{BundleReader, Copies, Interruptible, Standing, Use};
use lifeboat_store::{Selector, Store, StoreErrorKind};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use support::{Rows, Series, Slow, access, bundle_name, named, noise, open, put_bundle, put_record, wait};

fn key() -> RecoveryKey {
    RecoveryKey::from_bytes(*b"a recovery key of tests, 32 byte").unwrap()
}

fn keys() -> lifeboat_core::keys::DomainKeys {
    let key = key();
    let id = key.domain_id("default").unwrap();
    AccessKey::from(key).keys(id).unwrap()
}

/// A series of real bundles in each of these stores: a full one and this many deltas.
fn real(stores: &[MemoryStore], count: i64, bytes: usize, deltas: i64) -> (Series, Vec<Vec<u8>>) {
    let (mut series, mut bundles) = (Series::new(keys()), Vec::new());
    for changed in 0..=deltas {
        let (bundle, state) = Rows { count, bytes, changed }.bundle(&key(), &bundles);
        let hash = BundleHash::of(&bundle);
        let from = (changed > 0).then_some(u64::try_from(changed).unwrap());
        let record = series.next(state, &[(hash, bundle.len() as u64, from)]);
        for store in stores {
            put_bundle(store, &series.keys, &bundle);
            put_record(store, &record);
        }
        bundles.push(bundle);
    }
    (series, bundles)
}

fn dynamic(stores: &[MemoryStore]) -> Vec<Arc<dyn Store>> {
    stores.iter().map(|store| Arc::new(store.clone()) as Arc<dyn Store>).collect()
}

/// Takes pieces one after the other.
fn into(all: &mut Vec<u8>) -> impl FnMut(&[u8]) -> lifeboat_core::Result<()> {
    |piece| {
        all.extend_from_slice(piece);
        Ok(())
    }
}

/// What a restore hands over: the number of rows, and the sum of their values.
#[derive(Default)]
struct Sum(u64, u64);

impl StateSink for Sum {
    fn settings(&mut self, _: &lifeboat_core::state::Settings) -> lifeboat_core::Result<()> {
        Ok(())
    }
    fn schema(&mut self, _: &[lifeboat_core::state::SchemaRow]) -> lifeboat_core::Result<()> {
        Ok(())
    }
    fn selection(&mut self, _: &lifeboat_core::state::Selection) -> lifeboat_core::Result<()> {
        Ok(())
    }
    fn table(&mut self, _: &str) -> lifeboat_core::Result<()> {
        Ok(())
    }
    fn row(&mut self, _: Key<'_>, values: &[Value<'_>]) -> lifeboat_core::Result<()> {
        let [Value::Blob(bytes)] = values else { panic!("not our row") };
        self.0 += 1;
        self.1 += bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        Ok(())
    }
    fn system_table(&mut self, _: &str, _: &[Vec<Value<'_>>]) -> lifeboat_core::Result<()> {
        Ok(())
    }
}

/// Reads as the extension does: the deltas at any place, the full bundle from its beginning.
fn restore(readers: &[BundleReader]) -> lifeboat_core::Result<(StateId, Sum)> {
    let access = AccessKey::from(key());
    let deltas = match readers {
        [_] => Deltas::none(),
        _ => Chain::open(&access, readers.iter().cloned())?.into_deltas(|| Ok(()))?,
    };
    let mut restore = Restore::over(&access, deltas, Sum::default());
    readers[0].read_all(|piece| restore.push(piece))?;
    let (report, sum) = restore.finish()?;
    Ok((report.public.state_id, sum))
}

fn expected(rows: Rows) -> u64 {
    (1..=rows.count).flat_map(|rowid| rows.expected(rowid)).map(u64::from).sum()
}

fn newest(copies: &mut Copies, purpose: Use) -> lifeboat_core::Result<Vec<BundleReader>> {
    let record = copies.select(&Selector::Newest, &wait())?;
    let bundles = copies.open_path(&record, purpose, &wait())?;
    assert_eq!(bundles.state_id(), Some(record.entry().state_id));
    Ok(bundles.readers())
}

#[test]
fn a_state_is_restored_from_the_store() {
    let stores = [MemoryStore::new("one")];
    let (series, _) = real(&stores, 3000, 1000, 5);
    let mut copies = open(&dynamic(&stores), &access(key())).unwrap();
    let (state, sum) = restore(&newest(&mut copies, Use::Whole).unwrap()).unwrap();
    assert_eq!(Some(state), series.records.last().map(|record| record.entry().state_id));
    assert_eq!((sum.0, sum.1), (3000, expected(Rows { count: 3000, bytes: 1000, changed: 5 })));
}

/// Each copy has one damaged item, each at another place. Together, the copies are sound.
#[test]
fn damaged_copies_make_a_sound_one() {
    let stores = [MemoryStore::new("one"), MemoryStore::new("two"), MemoryStore::new("three")];
    let (_, bundles) = real(&stores, 4000, 1000, 3);
    let keys = keys();
    let name = |bundle: usize| bundle_name(&keys, BundleHash::of(&bundles[bundle]));
    let full = bundles[0].len();
    assert!(full > 3 << 20, "it is read by its items");
    assert!(stores[0].damage(&name(0), full / 2) && stores[0].damage(&name(1), 100));
    assert!(stores[1].damage(&name(0), full / 4) && stores[1].damage(&name(0), full - 20));
    assert!(stores[2].damage(&name(0), 10) && stores[2].damage(&name(2), 50));
    stores[0].set(&name(3), None);
    stores[1].set(&name(3), Some(&bundles[3][..bundles[3].len() - 1]));
    let mut copies = open(&dynamic(&stores), &access(key())).unwrap();
    for purpose in [Use::Whole, Use::Parts] {
        let readers = newest(&mut copies, purpose).unwrap();
        let (_, sum) = restore(&readers).unwrap();
        assert_eq!(sum.1, expected(Rows { count: 4000, bytes: 1000, changed: 3 }));
        for (reader, bundle) in readers.iter().zip(&bundles) {
            let mut all = Vec::new();
            reader.read_all(into(&mut all)).unwrap();
            assert!(all == *bundle);
        }
    }
    // The same item is damaged in all of them. The error says what each copy said, and no byte of the item is handed
    // on.
    for (store, at) in stores.iter().zip([1, 2, 3]) {
        assert!(store.damage(&name(0), full / 3 + at));
    }
    let readers = newest(&mut copies, Use::Whole).unwrap();
    let error = restore(&readers).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    for word in ["copy 0: corrupt", "copy 1: corrupt", "copy 2: corrupt", "what the exporter wrote"] {
        assert!(error.message().contains(word), "{word}: {error}");
    }
    let mut read = 0;
    let error = readers[0].read_all(|piece| {
        assert!(piece == &bundles[0][read..read + piece.len()]);
        read += piece.len();
        Ok(())
    });
    assert!(error.is_err() && read < full / 3 + 4, "{read}");
}

/// A store gives other genuine bundles of the same key instead of those that were asked for.
#[test]
fn another_bundle_of_the_same_key_is_not_taken() {
    let stores = [MemoryStore::new("one"), MemoryStore::new("two")];
    let (series, bundles) = real(&stores, 4000, 1000, 0);
    let (mut other, _) = Rows { count: 4000, bytes: 1000, changed: 7 }.bundle(&key(), &[]);
    assert_ne!(other, bundles[0]);
    other.resize(bundles[0].len(), 0);
    let name = bundle_name(&series.keys, BundleHash::of(&bundles[0]));
    stores[0].set(&name, Some(&other));
    let mut copies = open(&dynamic(&stores), &access(key())).unwrap();
    let record = copies.select(&Selector::Newest, &wait()).unwrap();
    let opened = copies.open_path(&record, Use::Whole, &wait()).unwrap();
    assert_eq!(opened.origin(0), "copy 1");
    let mut all = Vec::new();
    opened.readers()[0].read_all(into(&mut all)).unwrap();
    assert!(all == bundles[0]);
    stores[1].set(&name, None);
    let error = copies.open_path(&record, Use::Whole, &wait()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains("copy 0: ") && error.message().contains("copy 1: not found"), "{error}");
}

/// How much a lookup by key reads of a large bundle.
#[test]
fn a_lookup_reads_little() {
    let store = MemoryStore::new("one");
    let rows = Rows { count: 64_000, bytes: 1000, changed: 0 };
    let (_, bundles) = real(std::slice::from_ref(&store), rows.count, rows.bytes, 0);
    let slow = Slow::new(&store, Duration::ZERO);
    let mut copies = open(&[slow.clone() as Arc<dyn Store>], &access(key())).unwrap();
    let readers = newest(&mut copies, Use::Parts).unwrap();
    let chain = Chain::open(key(), readers).unwrap();
    for rowid in [1, 31_337, 64_000] {
        let row = chain.find("t", Key::Rowid(rowid)).unwrap().unwrap();
        let is_it = |_: Key<'_>, values: &[Value<'_>]| {
            Ok(matches!(values, [Value::Blob(bytes)] if *bytes == rows.expected(rowid)))
        };
        assert!(row.row(is_it).unwrap());
        if rowid == 1 {
            // The end of a bundle of 1 GB is 512 KB. That is half of what may be read.
            let seen = slow.take();
            let (length, bytes) = (bundles[0].len(), seen.bytes);
            assert!(length > 60 << 20 && bytes < 1_400_000, "{bytes} of {length}: {seen:?}");
        }
    }
    let seen = slow.take();
    assert!(seen.bytes < 2_000_000, "{seen:?}");
    drop(chain);
    assert!(slow.take().requests.is_empty(), "nothing is fetched for nobody");
}

/// Rows that are read in sequence are fetched ahead, several pieces at once.
#[test]
fn what_is_read_in_order_is_fetched_ahead() {
    let store = MemoryStore::new("one");
    let (_, bundles) = real(std::slice::from_ref(&store), 40_000, 1000, 0);
    let slow = Slow::new(&store, Duration::from_millis(20));
    let mut copies = open(&[slow.clone() as Arc<dyn Store>], &access(key())).unwrap();
    let readers = newest(&mut copies, Use::Whole).unwrap();
    slow.take();
    let (mut at, mut buffer) = (0, [0; 4096]);
    while at + buffer.len() <= bundles[0].len() {
        readers[0].read_at(at as u64, &mut buffer).unwrap();
        assert!(buffer == bundles[0][at..at + buffer.len()]);
        at += buffer.len();
    }
    let seen = slow.take();
    let pieces = seen.requests.len();
    assert!(pieces <= bundles[0].len() / (1 << 20) + 8, "few large pieces: {pieces}");
    assert!(seen.bytes <= bundles[0].len() as u64, "{} bytes: nothing twice", seen.bytes);
    assert!(seen.most <= 16 && seen.rounds < pieces / 2, "{} rounds of {pieces}, {} at once", seen.rounds, seen.most);
    // If only parts are needed, it begins with small pieces, and they grow.
    let readers = newest(&mut copies, Use::Parts).unwrap();
    slow.take();
    readers[0].read_all(|_| Ok(())).unwrap();
    let seen = slow.take();
    assert!(seen.requests.len() < 80 && seen.rounds < 25, "{} in {} rounds", seen.requests.len(), seen.rounds);
}

/// A path of 40 bundles. Their beginnings are read side by side.
#[test]
fn forty_bundles_come_side_by_side() {
    let store = MemoryStore::new("one");
    let mut series = Series::new(keys());
    let mut bundles = Vec::new();
    for number in 0..40 {
        let bundle = noise(number + 1, 300_000);
        let (hash, length) = put_bundle(&store, &series.keys, &bundle);
        let state = StateId([u8::try_from(number).unwrap() + 1; 32]);
        let record = series.next(state, &[(hash, length, (number > 0).then_some(number))]);
        put_record(&store, &record);
        bundles.push(bundle);
    }
    let slow = Slow::new(&store, Duration::from_millis(50));
    let begin = Instant::now();
    let mut copies = open(&[slow.clone() as Arc<dyn Store>], &access(key())).unwrap();
    let record = copies.select(&Selector::Newest, &wait()).unwrap();
    let opened = copies.open_path(&record, Use::Whole, &wait()).unwrap();
    let looked = slow.take();
    for (reader, bundle) in opened.readers().iter().zip(&bundles) {
        let mut all = Vec::new();
        reader.read_all(into(&mut all)).unwrap();
        assert!(all == *bundle);
    }
    // The requests: a list, the newest record, 39 records in growing batches, at most 31 side by side and beside
    // the newest bundle, then 40 bundles with 16 at a time.
    assert!(looked.rounds <= 24, "{} rounds", looked.rounds);
    assert_eq!(slow.take().requests.len(), 0, "all of them were held");
    assert!(looked.most <= 32 && begin.elapsed() < Duration::from_millis(50 * 40), "{looked:?}");
}

/// More bytes than memory may hold. Dropped bytes are fetched again, and proved again.
#[test]
fn what_has_no_room_is_fetched_again() {
    let store = MemoryStore::new("one");
    let (mut series, mut bundles) = (Series::new(keys()), Vec::new());
    for number in 0..700 {
        let bundle = noise(number + 1, 120_000);
        let (hash, length) = put_bundle(&store, &series.keys, &bundle);
        let mut state = [1; 32];
        state[..8].copy_from_slice(&number.to_be_bytes());
        put_record(&store, &series.next(StateId(state), &[(hash, length, (number > 0).then_some(number))]));
        bundles.push(bundle);
    }
    let slow = Slow::new(&store, Duration::ZERO);
    let mut copies = open(&[slow.clone() as Arc<dyn Store>], &access(key())).unwrap();
    let record = copies.select(&Selector::Newest, &wait()).unwrap();
    let opened = copies.open_path(&record, Use::Whole, &wait()).unwrap();
    let readers = opened.readers();
    assert!(slow.take().bytes > 84_000_000);
    // The oldest pieces were dropped. Meanwhile, one of them is damaged.
    assert!(store.damage(&bundle_name(&series.keys, BundleHash::of(&bundles[1])), 5));
    let mut failed = Vec::new();
    for (number, (reader, bundle)) in readers.iter().zip(&bundles).enumerate() {
        let mut all = Vec::new();
        match reader.read_all(into(&mut all)) {
            Ok(()) => assert!(all == *bundle),
            Err(error) => failed.push((number, error.kind())),
        }
    }
    let again = slow.take().bytes;
    assert!((84_000_000 - (64 << 20)..84_000_000).contains(&again), "{again}");
    assert_eq!(failed, [(1, ErrorKind::Corrupt)]);
}

#[test]
fn one_bundle_of_a_record_is_read_alone() {
    let store = MemoryStore::new("one");
    let (series, bundles) = real(std::slice::from_ref(&store), 100, 100, 2);
    let mut copies = open(&dynamic(std::slice::from_ref(&store)), &access(key())).unwrap();
    for (record, bundle) in series.records.iter().zip(&bundles) {
        let opened = copies.open_bundle(record, &record.entry().bundles[0], Use::Whole, &wait()).unwrap();
        let mut all = Vec::new();
        opened.readers()[0].read_all(into(&mut all)).unwrap();
        assert!(all == *bundle);
        assert_eq!(
            opened.readers()[0].read_at(bundle.len() as u64, &mut [0]).unwrap_err().kind(),
            ErrorKind::Truncated
        );
    }
    let other = series.records[1].entry().bundles[0];
    let error = copies.open_bundle(&series.records[0], &other, Use::Whole, &wait()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Misuse);
}

/// If a copy goes away in the middle, another one that has the rest is enough.
#[test]
fn a_copy_that_goes_away_is_left() {
    let stores = [MemoryStore::new("one"), MemoryStore::new("two")];
    let (_, bundles) = real(&stores, 60_000, 2000, 0);
    let mut copies = open(&dynamic(&stores), &access(key())).unwrap();
    let record = copies.select(&Selector::Newest, &wait()).unwrap();
    let opened = copies.open_path(&record, Use::Whole, &wait()).unwrap();
    let mut read = 0;
    let result = opened.readers()[0].read_all(|piece| {
        assert!(piece == &bundles[0][read..read + piece.len()]);
        if read == 0 {
            stores[0].away(Some(StoreErrorKind::Unreachable));
        }
        if read > 100 << 20 {
            stores[1].away(Some(StoreErrorKind::Absent));
        }
        read += piece.len();
        Ok(())
    });
    // The rest was fetched ahead before both went away, or it is missing now.
    if let Err(error) = result {
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(
            error.message().contains("copy 0: unreachable") && error.message().contains("copy 1: absent"),
            "{error}"
        );
    }
    assert!(read > 100 << 20);
    assert_eq!(opened.origin(0), "copy 1");
    assert_eq!(open(&dynamic(&stores), &access(key())).err().unwrap().kind(), ErrorKind::Unreachable);
    stores[1].away(None);
    let copies = open(&dynamic(&stores), &access(key())).unwrap();
    assert_eq!(copies.reports()[0].state, Standing::Unreachable);
}

/// Each wait ends when the application wants to stop.
#[test]
fn waits_are_interrupted() {
    let store = MemoryStore::new("one");
    real(std::slice::from_ref(&store), 20_000, 1000, 0);
    let slow = Slow::new(&store, Duration::from_millis(300));
    let stores = [slow.clone() as Arc<dyn Store>];
    let mut copies = open(&stores, &access(key())).unwrap();
    let record = copies.select(&Selector::Newest, &wait()).unwrap();
    let opened = copies.open_path(&record, Use::Parts, &wait()).unwrap();
    let asked = Cell::new(0);
    let ask: Rc<dyn Fn() -> bool> = Rc::new(move || {
        asked.set(asked.get() + 1);
        asked.get() > 3
    });
    let source: Interruptible<'_> = opened.readers()[0].interruptible(ask);
    let begin = Instant::now();
    let error = lifeboat_core::chain::Source::read(&source, 10_000_000, &mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert!(begin.elapsed() < Duration::from_millis(250), "{:?}", begin.elapsed());
    drop((source, opened));
    slow.take();
    let stop = AtomicBool::new(false);
    let interrupted = || stop.swap(true, Ordering::SeqCst);
    let wait = lifeboat_store::read::Wait { patience: Duration::from_secs(20), interrupted: &interrupted };
    let key = access(key());
    let error = Copies::open(named(&stores), &key, lifeboat_store::read::Domain::Only, &wait).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert!(slow.take().requests.iter().all(|(request, _)| *request == Request::List));
}
