//! Copies in memory, and a host that reads them.

use crate::common::key;
use crate::log_support::state;
use lifeboat_core::keys::DomainKeys;
use lifeboat_core::log::copies::{Copies, Plan, ReadingKey, Remarks, Saved, Which};
use lifeboat_core::log::name::{Name, Object};
use lifeboat_core::log::{
    BaseRef, BundleHash, BundleRef, Entry, Record, RecordHash, RecordRef, SealedPart, short_cuts,
};
use lifeboat_core::{Error, RecoveryKey, Result, StateId};
use std::collections::{BTreeMap, BTreeSet};

/// A key that did not make the series.
pub fn another() -> RecoveryKey {
    RecoveryKey::from_bytes(*b"another key for tests, no secret").unwrap()
}

/// One copy: the objects by their names, and the records that were made, the oldest first.
#[derive(Clone, Default)]
pub struct Store {
    pub objects: BTreeMap<String, Vec<u8>>,
    pub records: Vec<Record>,
    keys: Option<DomainKeys>,
}

impl Store {
    /// A log of so many records of the key of tests, with full bundles at 1 and at these numbers, and short cuts.
    pub fn new(count: u64, fulls: &[u64]) -> Self {
        Self::of(key(), count, fulls)
    }

    pub fn of(key: RecoveryKey, count: u64, fulls: &[u64]) -> Self {
        Self::made(&key, "default", count, fulls)
    }

    pub fn named(domain: &str, count: u64, fulls: &[u64]) -> Self {
        Self::made(&key(), domain, count, fulls)
    }

    fn made(key: &RecoveryKey, domain: &str, count: u64, fulls: &[u64]) -> Self {
        let keys = (*key.domain(domain).unwrap()).clone();
        let mut store = Self { keys: Some(keys), ..Self::default() };
        let mut last_full = 1;
        for number in 1..=count {
            let is_full = number == 1 || fulls.contains(&number);
            last_full = if is_full { number } else { last_full };
            store.save(number, state(number), is_full, last_full);
        }
        store
    }

    fn keys(&self) -> &DomainKeys {
        self.keys.as_ref().unwrap()
    }

    fn save(&mut self, number: u64, state_id: StateId, is_full: bool, last_full: u64) -> Record {
        let mut bases = vec![if is_full { None } else { Some(number - 1) }];
        bases.extend(short_cuts(number, last_full).into_iter().map(Some));
        let bundles = bases.into_iter().map(|base| {
            let bytes = format!("{number} from {base:?} to {state_id}").into_bytes();
            let base = base.map(|base| {
                let record = &self.records[usize::try_from(base).unwrap() - 1];
                BaseRef { record: record.reference(), state_id: record.entry().state_id }
            });
            let sha256 = BundleHash::of(&bytes);
            let length = bytes.len() as u64;
            let name = Name { domain_id: self.keys.as_ref().unwrap().id(), object: Object::Bundle(sha256) };
            self.objects.insert(name.to_string(), bytes);
            BundleRef { sha256, length, base }
        });
        let bundles = bundles.collect();
        let previous = self.records.last().map(Record::reference).into_iter().collect();
        let sealed = SealedPart {
            date: Some(i64::try_from(number).unwrap() * 60_000),
            writer: Some("till 7".to_owned()),
            ..SealedPart::default()
        };
        let record = Record::sign(self.keys(), Entry { number, previous, state_id, bundles }, &sealed).unwrap();
        self.objects.insert(record.name().to_string(), record.bytes().to_vec());
        self.records.push(record.clone());
        record
    }

    /// Saves go on here that are in no other copy. Gives the last one.
    pub fn fork(&mut self, count: u64) -> Record {
        for _ in 0..count {
            let number = self.records.len() as u64 + 1;
            self.save(number, StateId([u8::try_from(number).unwrap(); 32]), false, 1);
        }
        self.records.last().unwrap().clone()
    }

    fn name(&self, object: Object) -> String {
        Name { domain_id: self.keys().id(), object }.to_string()
    }

    fn record(&self, number: u64) -> Record {
        self.records[usize::try_from(number).unwrap() - 1].clone()
    }

    /// Removes all bundles of a record.
    pub fn remove_bundle_of(&mut self, record: &Record) {
        for bundle in &record.entry().bundles {
            let name = self.name(Object::Bundle(bundle.sha256));
            self.objects.remove(&name);
        }
    }

    pub fn remove_bundle(&mut self, number: u64) {
        self.remove_bundle_of(&self.record(number));
    }

    /// Flips a bit in all bundles of a record.
    pub fn damage_bundle(&mut self, number: u64) {
        for bundle in self.record(number).entry().bundles.clone() {
            let name = self.name(Object::Bundle(bundle.sha256));
            self.objects.get_mut(&name).unwrap()[3] ^= 1;
        }
    }

    pub fn damage_record(&mut self, number: u64) {
        let name = self.record(number).name().to_string();
        self.objects.get_mut(&name).unwrap()[20] ^= 1;
    }

    pub fn remove_record(&mut self, number: u64) {
        let name = self.record(number).name().to_string();
        self.objects.remove(&name);
    }

    /// Puts so many records of another key there, with the numbers after the newest, and gives their number.
    pub fn strangers(&mut self, count: u64) -> usize {
        let domain = self.keys().id();
        let keys = lifeboat_core::AccessKey::from(another()).keys(domain).unwrap();
        let newest = self.records.last().unwrap().reference();
        let mut before = newest;
        for number in newest.number + 1..=newest.number + count {
            let base = BaseRef { record: before, state_id: state(number - 1) };
            let bundles = vec![BundleRef { sha256: BundleHash([9; 32]), length: 1, base: Some(base) }];
            let entry = Entry { number, previous: vec![before], state_id: state(number), bundles };
            let record = Record::sign(&keys, entry, &SealedPart::default()).unwrap();
            self.objects.insert(record.name().to_string(), record.bytes().to_vec());
            before = record.reference();
        }
        usize::try_from(count).unwrap()
    }

    /// The name of a record that nobody made.
    pub fn promise(&mut self, number: u64, bytes: Vec<u8>) {
        let name = self.name(Object::Record(RecordRef { number, hash: RecordHash::of(&bytes) }));
        self.objects.insert(name, bytes);
    }

    /// The records that are there as they were made, the oldest first.
    pub fn sound_records(&self) -> Vec<&Record> {
        let is_sound = |record: &&Record| {
            self.objects.get(&record.name().to_string()).is_some_and(|bytes| bytes == record.bytes())
        };
        self.records.iter().filter(is_sound).collect()
    }

    /// Whether a bundle is there as it was made.
    pub fn has(&self, bundle: &BundleRef) -> bool {
        let name = self.name(Object::Bundle(bundle.sha256));
        self.objects.get(&name).is_some_and(|bytes| BundleHash::of(bytes) == bundle.sha256)
    }
}

/// What came of a question.
pub struct Asked {
    pub plan: Result<Plan>,
    pub remarks: Remarks,
    pub saves: Vec<Saved>,
    /// What was read, each with its copy.
    pub read: Vec<(usize, String)>,
}

pub fn ask(stores: &[&Store], which: Which) -> Asked {
    ask_as(stores, ReadingKey::Access(key().into()), None, which)
}

pub fn ask_as(stores: &[&Store], key: ReadingKey, domain: Option<String>, which: Which) -> Asked {
    let mut copies = Copies::new(key, domain, which);
    for (number, store) in stores.iter().enumerate() {
        copies.add_copy(number).unwrap();
        store.objects.keys().for_each(|name| copies.add_name(number, name).unwrap());
    }
    let (mut read, mut saves, mut twice) = (Vec::new(), Vec::new(), BTreeSet::new());
    while let Some(wanted) = copies.next().unwrap() {
        let name = wanted.name.to_string();
        if name.contains("/bundles/") {
            assert!(twice.insert((wanted.copy, name.clone())), "{name} is read twice");
        }
        match stores[wanted.copy].objects.get(&name) {
            Some(bytes) => drop(copies.push(bytes).unwrap()),
            None => panic!("{name} is not in copy {}", wanted.copy),
        }
        read.push((wanted.copy, name));
        saves.extend(copies.take_saves());
    }
    saves.extend(copies.take_saves());
    let plan = copies.plan().and_then(|plan| plan.ok_or_else(|| Error::misuse("the log has no plan")));
    Asked { plan, remarks: copies.remarks().unwrap().clone(), saves, read }
}

/// The plan is a chain from nothing to its state, over bundles that these copies have and that were read.
pub fn found(asked: &Asked, stores: &[&Store]) {
    let plan = asked.plan.as_ref().unwrap();
    let mut at = None;
    for (copy, step) in &plan.steps {
        assert_eq!(step.base, at);
        let name = Name { domain_id: plan.domain_id, object: Object::Bundle(step.bundle) }.to_string();
        let bytes = &stores[*copy].objects[&name];
        assert_eq!((BundleHash::of(bytes), bytes.len() as u64), (step.bundle, step.length));
        assert!(asked.read.contains(&(*copy, name)));
        at = Some(step.target);
    }
    assert_eq!(at, Some(plan.saved.state_id));
}
