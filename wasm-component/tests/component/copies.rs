//! The resource `copies`: long logs in little memory, names and bytes of any kind, calls out of order.

use crate::bundles::{bundle_of, delta_of, key, key_text};
use crate::host::bindings::exports::lifeboat::recovery::recovery::{Error, Plan, Remarks, Save, Which};
use crate::host::{Host, PIECE, kind};
use lifeboat_core::keys::DomainKeys;
use lifeboat_core::log::name::{Name, Object};
use lifeboat_core::log::{BaseRef, BundleHash, BundleRef, Entry, Record, SealedPart, short_cuts};
use lifeboat_core::{AccessKey, StateId};
use std::collections::HashMap;
use wasmtime::component::ResourceAny;

/// As many saves as fit into the memory that is promised.
const MANY: u64 = 100_000;
const PROMISED: usize = 64 << 20;

/// The objects of a copy, by their names.
type Objects = HashMap<String, Vec<u8>>;

fn keys() -> DomainKeys {
    AccessKey::from(key()).keys(key().domain_id("test").unwrap()).unwrap()
}

/// A log that is signed record by record, and its bundles.
struct Log {
    keys: DomainKeys,
    records: Vec<(lifeboat_core::log::RecordRef, StateId)>,
    objects: Objects,
}

impl Log {
    fn new() -> Self {
        Self { keys: keys(), records: Vec::new(), objects: Objects::new() }
    }

    fn save(&mut self, state_id: StateId, bundles: Vec<(Vec<u8>, Option<u64>)>) {
        let number = self.records.len() as u64 + 1;
        let of = |number: u64| self.records[usize::try_from(number).unwrap() - 1];
        let named = bundles.iter().map(|(bytes, base)| BundleRef {
            sha256: BundleHash::of(bytes),
            length: bytes.len() as u64,
            base: base.map(|base| BaseRef { record: of(base).0, state_id: of(base).1 }),
        });
        let named: Vec<BundleRef> = named.collect();
        let previous = self.records.last().map(|(record, _)| *record).into_iter().collect();
        let sealed = SealedPart { date: Some(number as i64 * 1000), ..SealedPart::default() };
        let entry = Entry { number, previous, state_id, bundles: named.clone() };
        let record = Record::sign(&self.keys, entry, &sealed).unwrap();
        for (bundle, (bytes, _)) in named.iter().zip(bundles) {
            let name = Name { domain_id: self.keys.id(), object: Object::Bundle(bundle.sha256) };
            self.objects.insert(name.to_string(), bytes);
        }
        self.objects.insert(record.name().to_string(), record.bytes().to_vec());
        self.records.push((record.reference(), state_id));
    }

    /// A log of so many saves, with short cuts, whose bundles are a few bytes each.
    fn long(count: u64) -> Self {
        let mut log = Self::new();
        for number in 1..=count {
            let mut bases = vec![(number > 1).then(|| number - 1)];
            bases.extend(short_cuts(number, 1).into_iter().map(Some));
            let bytes = |base: &Option<u64>| format!("{number} from {base:?}").into_bytes();
            let bundles = bases.iter().map(|base| (bytes(base), *base)).collect();
            let mut state = [7; 32];
            state[..8].copy_from_slice(&number.to_be_bytes());
            log.save(StateId(state), bundles);
        }
        log
    }
}

fn open(host: &mut Host, which: &Which) -> ResourceAny {
    call!(host, copies.call_open(&key_text(), None, which)).expect("good arguments")
}

fn add(host: &mut Host, copies: ResourceAny, copy: u32, names: &[String]) -> Result<(), Error> {
    names.chunks(10_000).try_for_each(|names| call!(host, copies.call_add_names(copies, copy, names)))
}

/// Reads what is wanted, and gives the names in their order, and the saves of the log.
fn read(host: &mut Host, copies: ResourceAny, stores: &[&Objects]) -> (Vec<String>, Vec<Save>) {
    let (mut read, mut saves) = (Vec::new(), Vec::new());
    while let Some(wanted) = call!(host, copies.call_next(copies)).expect("it goes on") {
        saves.extend(call!(host, copies.call_saves(copies)).expect("it goes on"));
        match stores[wanted.copy as usize].get(&wanted.name) {
            Some(bytes) => {
                for piece in bytes.chunks(PIECE) {
                    call!(host, copies.call_push(copies, piece)).expect("an object is wanted");
                }
            }
            None => call!(host, copies.call_absent(copies, "it is gone")).expect("an object is wanted"),
        }
        read.push(wanted.name);
    }
    saves.extend(call!(host, copies.call_saves(copies)).expect("it goes on"));
    (read, saves)
}

fn planned(host: &mut Host, copies: ResourceAny) -> (Plan, Remarks) {
    let plan = call!(host, copies.call_plan(copies)).expect("there is one").expect("a state was asked for");
    (plan, call!(host, copies.call_remarks(copies)).expect("all was read"))
}

#[test]
fn a_log_of_a_hundred_thousand_saves_fits_into_64_mib() {
    let mut log = Log::long(MANY);
    let names: Vec<String> = log.objects.keys().cloned().collect();
    let mut host = Host::with_memory(PROMISED);
    let copies = open(&mut host, &Which::Newest);
    // In two copies, which list the same.
    add(&mut host, copies, 0, &names).expect("there is memory for them");
    add(&mut host, copies, 1, &names).expect("there is memory for them");
    let (read_names, _) = read(&mut host, copies, &[&log.objects, &log.objects]);
    let (plan, _) = planned(&mut host, copies);
    assert_eq!((plan.save.number, plan.left_out.len()), (MANY, 0));
    assert!(plan.steps.len() < 75 && read_names.len() < 250, "{} of {}", plan.steps.len(), read_names.len());

    // The worst: all bundles but the first ones are lost, so that each record has to be read.
    let kept = 100;
    let lost: Vec<String> = (kept + 1..=MANY)
        .flat_map(|number| {
            let mut bases = vec![Some(number - 1)];
            bases.extend(short_cuts(number, 1).into_iter().map(Some));
            bases.into_iter().map(move |base| BundleHash::of(format!("{number} from {base:?}").as_bytes()))
        })
        .map(|sha256| Name { domain_id: log.keys.id(), object: Object::Bundle(sha256) }.to_string())
        .collect();
    lost.iter().for_each(|name| drop(log.objects.remove(name).expect("it was there")));
    let names: Vec<String> = log.objects.keys().cloned().collect();
    let copies = open(&mut host, &Which::Newest);
    add(&mut host, copies, 0, &names).expect("there is memory for them");
    let began = std::time::Instant::now();
    let (read_names, _) = read(&mut host, copies, &[&log.objects]);
    println!("{} objects read in {:?}", read_names.len(), began.elapsed());
    let (plan, _) = planned(&mut host, copies);
    assert_eq!((plan.save.number, plan.left_out.len() as u64 + plan.left_out_more), (kept, MANY - kept));
}

#[test]
fn more_names_than_memory_are_an_error() {
    let mut host = Host::with_memory(PROMISED);
    let copies = open(&mut host, &Which::Newest);
    let domain_id = keys().id();
    let mut number = 0_u64;
    let refused = loop {
        let names = std::iter::repeat_with(|| {
            number += 1;
            let object = Object::Bundle(BundleHash::of(&number.to_be_bytes()));
            Name { domain_id, object }.to_string()
        });
        let names: Vec<String> = names.take(10_000).collect();
        if let Err(error) = add(&mut host, copies, 0, &names) {
            break error;
        }
        assert!(number < 10_000_000, "they cannot all fit");
    };
    assert_eq!(kind(&refused), "too big", "{refused:?}");
    println!("{number} names fit");
    assert!(number > 250_000, "{number} names");
}

#[test]
fn an_object_that_goes_away_is_looked_for_elsewhere() {
    let log = Log::long(20);
    let names: Vec<String> = log.objects.keys().cloned().collect();
    let mut host = Host::new();
    let copies = open(&mut host, &Which::Newest);
    add(&mut host, copies, 0, &names).unwrap();
    add(&mut host, copies, 1, &names).unwrap();
    read(&mut host, copies, &[&Objects::new(), &log.objects]);
    let (plan, remarks) = planned(&mut host, copies);
    assert_eq!(plan.save.number, 20);
    assert!(plan.steps.iter().all(|step| step.copy == 1));
    // All records were asked for, since none could be read, and the bundles of the path.
    assert_eq!(remarks.unfit.len(), 20 + plan.steps.len());
    assert!(remarks.copies[0].newest.is_none() && remarks.copies[1].newest.is_some());
    assert!(remarks.unfit.iter().all(|unfit| unfit.copy == 0 && unfit.why == "it is gone"));
}

#[test]
fn the_log_is_listed() {
    let log = Log::long(3000);
    let names: Vec<String> = log.objects.keys().cloned().collect();
    let mut host = Host::new();
    let copies = open(&mut host, &Which::Log);
    add(&mut host, copies, 0, &names).unwrap();
    let (_, saves) = read(&mut host, copies, &[&log.objects]);
    let numbers: Vec<u64> = saves.iter().map(|save| save.number).collect();
    assert_eq!(numbers, (1..=3000).rev().collect::<Vec<_>>());
    assert_eq!(saves[2999].date.as_deref(), Some("1970-01-01T00:00:01Z"));
    assert!(call!(host, copies.call_plan(copies)).unwrap().is_none());
    // Who does not take them is told.
    let copies = open(&mut host, &Which::Log);
    add(&mut host, copies, 0, &names).unwrap();
    let refused = loop {
        match call!(host, copies.call_next(copies)) {
            Ok(Some(wanted)) => call!(host, copies.call_push(copies, &log.objects[&wanted.name])).map(drop).unwrap(),
            Ok(None) => panic!("3000 saves were kept"),
            Err(error) => break error,
        }
    };
    assert_eq!(kind(&refused), "misuse");
    assert_eq!(call!(host, copies.call_saves(copies)).unwrap().len(), 1001);
    read(&mut host, copies, &[&log.objects]);
}

#[test]
fn a_plan_is_recovered() {
    let database = crate::bundles::Database::new("CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)");
    let (mut log, mut chain) = (Log::new(), Vec::<Vec<u8>>::new());
    for number in 1..=3_u64 {
        rusqlite::Connection::open(&*database)
            .unwrap()
            .execute("INSERT INTO t VALUES (?1)", [number.cast_signed()])
            .unwrap();
        let base: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        let bytes = if base.is_empty() { bundle_of(&database) } else { delta_of(&base, &database) };
        let state: StateId = crate::bundles::state_id_of(&database).parse().unwrap();
        log.save(state, vec![(bytes.clone(), (number > 1).then(|| number - 1))]);
        chain.push(bytes);
    }
    let mut host = Host::new();
    let copies = open(&mut host, &Which::At("1970-01-01T00:00:02Z".to_owned()));
    let names: Vec<String> = log.objects.keys().cloned().collect();
    add(&mut host, copies, 0, &names).unwrap();
    read(&mut host, copies, &[&log.objects]);
    let (plan, _) = planned(&mut host, copies);
    assert_eq!((plan.save.number, plan.steps.len()), (2, 2));
    let bundles: Vec<&Vec<u8>> = plan.steps.iter().map(|step| &log.objects[&step.name]).collect();
    let (summary, _) = run_chain!(host, inspection, bundles, PIECE, &key_text(), Some(&plan.save.state_id));
    assert_eq!(summary.expect("it is sound").tables[0].rows, 4);
}

#[test]
fn misuse_changes_nothing() {
    let log = Log::long(5);
    let names: Vec<String> = log.objects.keys().cloned().collect();
    let mut host = Host::new();
    for (key, which) in [
        ("no key", Which::Newest),
        ("", Which::Newest),
        (key_text().as_str(), Which::State("abc".to_owned())),
        (key_text().as_str(), Which::At("2026-13-01".to_owned())),
    ] {
        let refused = call!(host, copies.call_open(key, None, &which)).unwrap_err();
        assert_eq!(kind(&refused), "misuse", "{which:?}");
        assert!(!refused.text.contains(&key_text()[20..]));
    }
    let copies = open(&mut host, &Which::Newest);
    let misuse = |refused: Error| assert_eq!(kind(&refused), "misuse", "{refused:?}");
    misuse(call!(host, copies.call_push(copies, b"a")).unwrap_err());
    misuse(call!(host, copies.call_absent(copies, "gone")).unwrap_err());
    misuse(call!(host, copies.call_plan(copies)).unwrap_err());
    misuse(call!(host, copies.call_remarks(copies)).unwrap_err());
    misuse(call!(host, copies.call_add_names(copies, 16, &[])).unwrap_err());
    misuse(call!(host, copies.call_add_names(copies, u32::MAX, &[])).unwrap_err());
    misuse(call!(host, copies.call_add_names(copies, 0, &vec![String::new(); 10_001])).unwrap_err());
    add(&mut host, copies, 0, &names).unwrap();
    call!(host, copies.call_add_names(copies, 15, &[])).unwrap();
    let first = call!(host, copies.call_next(copies)).unwrap().unwrap();
    misuse(call!(host, copies.call_add_names(copies, 0, &[])).unwrap_err());
    misuse(call!(host, copies.call_push(copies, &vec![0; PIECE + 1])).unwrap_err());
    assert!(call!(host, copies.call_push(copies, &log.objects[&first.name])).unwrap());
    read(&mut host, copies, &[&log.objects]);
    let (plan, remarks) = planned(&mut host, copies);
    assert_eq!((plan.save.number, remarks.unfit.len(), remarks.copies.len()), (5, 0, 16));
    // An object without end is not read to its end.
    let copies = open(&mut host, &Which::Newest);
    add(&mut host, copies, 0, &names).unwrap();
    call!(host, copies.call_next(copies)).unwrap();
    let mut pieces = 0;
    while call!(host, copies.call_push(copies, &vec![0; PIECE])).unwrap() {
        pieces += 1;
    }
    assert_eq!(pieces, 0);
}
