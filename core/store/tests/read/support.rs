//! Series for readers: stores that are slow and count requests, logs that are signed without saves, and real bundles.
#![allow(dead_code, reason = "each test uses a part of it")]

use lifeboat_core::chain::{Base, Chain, Source};
use lifeboat_core::keys::DomainKeys;
use lifeboat_core::log::name::{Name, Object};
use lifeboat_core::log::{
    BaseRef, BundleHash, BundleRef, Entry as LogFields, Record, RecordHash, RecordRef, SealedPart,
};
use lifeboat_core::state::{Key, SchemaKind, SchemaRow, Settings, TextEncoding, Value};
use lifeboat_core::stream::{BundleWriter, Compression, Export, PlainChunk};
use lifeboat_core::{AccessKey, ExportOptions, RecoveryKey, StateId, StateSink};
use lifeboat_store::drivers::memory::{MemoryStore, Request};
use lifeboat_store::read::{Copies, CopyStore, Domain, ReadingKey, Wait};
use lifeboat_store::{Cancel, Entry, Put, Result, Store};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub fn wait() -> Wait<'static> {
    Wait { patience: Duration::from_secs(20), interrupted: &|| false }
}

pub fn named(stores: &[Arc<dyn Store>]) -> Vec<CopyStore> {
    let copy = |(number, store): (usize, &Arc<dyn Store>)| CopyStore {
        name: format!("copy {number}").into(),
        store: store.clone(),
    };
    stores.iter().enumerate().map(copy).collect()
}

pub fn access(key: impl Into<AccessKey>) -> ReadingKey {
    ReadingKey::Access(key.into())
}

/// The series "default" of a key in these stores.
pub fn open(stores: &[Arc<dyn Store>], key: &ReadingKey) -> lifeboat_core::Result<Copies> {
    Copies::open(named(stores), key, Domain::Named("default"), &wait())
}

/// A store that takes time to answer. It counts requests, bytes, and rounds of requests that wait for one another.
pub struct Slow {
    inner: MemoryStore,
    latency: Duration,
    seen: Mutex<Seen>,
}

#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub requests: Vec<(Request, String)>,
    /// Bytes that were got.
    pub bytes: u64,
    /// The longest chain of requests. Each of them began after the one before it had ended.
    pub rounds: usize,
    /// The most requests that ran at the same time.
    pub most: usize,
    running: usize,
}

impl Slow {
    pub fn new(inner: &MemoryStore, latency: Duration) -> Arc<Self> {
        Arc::new(Self { inner: inner.clone(), latency, seen: Mutex::default() })
    }

    /// What was seen since the last call.
    pub fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    fn request<T>(&self, request: Request, name: &str, bytes: u64, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let round = {
            let mut seen = self.seen.lock().unwrap();
            seen.requests.push((request, name.to_owned()));
            seen.bytes += bytes;
            seen.running += 1;
            seen.most = seen.most.max(seen.running);
            seen.rounds + 1
        };
        std::thread::sleep(self.latency);
        let result = work();
        let mut seen = self.seen.lock().unwrap();
        seen.running = seen.running.saturating_sub(1);
        seen.rounds = seen.rounds.max(round);
        result
    }
}

impl Store for Slow {
    fn id(&self) -> Result<String> {
        self.inner.id()
    }

    fn put(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<Put> {
        self.request(Request::Put, name, 0, || self.inner.put(name, content, cancel))
    }

    fn replace(&self, name: &str, content: &dyn Source, cancel: &Cancel) -> Result<()> {
        self.request(Request::Put, name, 0, || self.inner.replace(name, content, cancel))
    }

    fn get(&self, name: &str, offset: u64, buffer: &mut [u8], cancel: &Cancel) -> Result<()> {
        self.request(Request::Get, name, buffer.len() as u64, || self.inner.get(name, offset, buffer, cancel))
    }

    fn list(&self, prefix: &str, after: &str, limit: usize, cancel: &Cancel) -> Result<Vec<Entry>> {
        self.request(Request::List, prefix, 0, || self.inner.list(prefix, after, limit, cancel))
    }

    fn head(&self, name: &str, cancel: &Cancel) -> Result<u64> {
        self.request(Request::Head, name, 0, || self.inner.head(name, cancel))
    }

    fn delete(&self, name: &str, cancel: &Cancel) -> Result<()> {
        self.request(Request::Delete, name, 0, || self.inner.delete(name, cancel))
    }
}

/// A log that is signed record by record.
pub struct Series {
    pub keys: DomainKeys,
    pub records: Vec<Record>,
}

impl Series {
    pub fn new(keys: DomainKeys) -> Self {
        Self { keys, records: Vec::new() }
    }

    /// The next record. It has a bundle of these bytes, from nothing or from the record of a number, and short cuts.
    pub fn next(&mut self, state_id: StateId, bundles: &[(BundleHash, u64, Option<u64>)]) -> Record {
        let number = self.records.len() as u64 + 1;
        let of = |number: u64| &self.records[usize::try_from(number).unwrap() - 1];
        let base = |number: u64| BaseRef { record: of(number).reference(), state_id: of(number).entry().state_id };
        let bundles = bundles.iter().map(|(sha256, length, from)| BundleRef {
            sha256: *sha256,
            length: *length,
            base: from.map(base),
        });
        let previous = self.records.last().map(Record::reference).into_iter().collect();
        let entry = LogFields { number, previous, state_id, bundles: bundles.collect() };
        let sealed = SealedPart { date: Some(i64::try_from(number).unwrap() * 60_000), ..SealedPart::default() };
        let record = Record::sign(&self.keys, entry, &sealed).unwrap();
        self.records.push(record.clone());
        record
    }
}

pub fn put_record(store: &MemoryStore, record: &Record) {
    store.set(&record.name().to_string(), Some(record.bytes()));
}

pub fn bundle_name(keys: &DomainKeys, hash: BundleHash) -> String {
    Name { domain_id: keys.id(), object: Object::Bundle(hash) }.to_string()
}

pub fn put_bundle(store: &MemoryStore, keys: &DomainKeys, bytes: &[u8]) -> (BundleHash, u64) {
    let hash = BundleHash::of(bytes);
    store.set(&bundle_name(keys, hash), Some(bytes));
    (hash, bytes.len() as u64)
}

/// A hash that no record has.
pub fn unknown(number: u64) -> RecordRef {
    RecordRef { number, hash: RecordHash::of(&number.to_be_bytes()) }
}

/// This many rows of this many bytes. The rows up to `changed` depend on its value.
#[derive(Clone, Copy)]
pub struct Rows {
    pub count: i64,
    pub bytes: usize,
    pub changed: i64,
}

/// Bytes that compression does not make shorter.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(length).collect()
}

impl Rows {
    fn value(self, rowid: i64) -> Vec<u8> {
        noise(
            rowid.unsigned_abs() ^ if rowid <= self.changed { self.changed.unsigned_abs() << 32 } else { 0 },
            self.bytes,
        )
    }

    fn walk(self, sink: &mut dyn StateSink) -> lifeboat_core::Result<()> {
        sink.settings(&Settings { application_id: 0, user_version: 0, encoding: TextEncoding::Utf8 })?;
        let (name, sql) = ("t".to_owned(), "CREATE TABLE t(a INTEGER PRIMARY KEY, b)".to_owned());
        sink.schema(&[SchemaRow { kind: SchemaKind::Table, table: name.clone(), name, sql }])?;
        sink.table("t")?;
        (1..=self.count).try_for_each(|rowid| sink.row(Key::Rowid(rowid), &[Value::Blob(&self.value(rowid))]))
    }

    /// A bundle that leads to these rows, from nothing or from the state of a chain. Also gives the state of the rows.
    pub fn bundle(self, key: &RecoveryKey, base: &[Vec<u8>]) -> (Vec<u8>, StateId) {
        let domain = key.domain("default").unwrap();
        let mut writer = BundleWriter::new(&domain, Vec::new()).unwrap();
        let emit = |chunk: PlainChunk| writer.chunk(&chunk);
        let options = ExportOptions::new(Compression::None);
        let mut export = match base {
            [] => Export::new(&domain, options, emit),
            base => {
                let chain = Chain::open(key, base.iter().map(Vec::as_slice)).unwrap();
                Export::delta(&domain, options, Base::chain(&chain).unwrap(), None, emit).unwrap()
            }
        };
        self.walk(&mut export).unwrap();
        let totals = export.finish().unwrap().bundle;
        let (summary, bytes) = writer.finish(&totals).unwrap();
        (bytes, summary.state_id)
    }

    /// What a row must hold.
    pub fn expected(self, rowid: i64) -> Vec<u8> {
        self.value(rowid)
    }
}
