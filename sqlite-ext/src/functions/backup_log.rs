//! `backup_log(stores [, key])` lists the saves of a series, the newest first. It gives one row for each record, over
//! all copies together.
//!
//! Key: a key that reads, or a verify key. Without a key, the only series in the stores is listed. Then somebody has
//! signed it, but nobody can say who.
//!
//! Columns: `number`, `record` (its hash), `state_id`, `type` (`full`, `delta` or `mark`), `bytes`, `sha256` and `uuid`
//! of its bundle, `copies` (a JSON array of the stores that hold it); with a key that reads, `date`, `writer`, `label`;
//! `metadata`, a JSON object (`bytes`, `sha256`, `date`, `uuid`, `type`, and `parent`, the same for the record that it
//! leads on from); `bundle`, the bundle itself. The last two are fetched only when they are read.

use crate::sql::arguments::{Argument, Arguments};
use crate::sql::edge::length_limit;
use crate::sql::table_function::{Cell, TableFunction, Watch};
use crate::work::read::given::{open_copies, refuse_selector};
use lifeboat_core::chain::Source;
use lifeboat_core::log::{BundleRef, RecordRef};
use lifeboat_core::{Error, Result};
use lifeboat_sqlite::Connection;
use lifeboat_store::date_text;
use lifeboat_store::read::{Copies, Domain, LogEntry, ReadingKey, Use, Wait, only_signer};
use serde::Serialize;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// How many records are read at once. The first batches are small, since callers mostly ask for the newest.
const BATCHES: [usize; 3] = [8, 32, 64];

pub(crate) struct Log {
    series: Rc<Series>,
    places: Vec<String>,
    ready: VecDeque<LogEntry>,
    /// Where the next batch begins. 0: there is none.
    next: Option<u64>,
    /// Only the records with this number.
    only: Option<u64>,
    batch: usize,
}

/// The source of a row's cells. It is read only when they are read.
struct Series {
    copies: RefCell<Copies>,
    watch: Watch,
    /// The longest BLOB that is allowed.
    longest: usize,
}

/// The metadata of a bundle, and of its parent.
#[derive(Serialize)]
struct Metadata {
    #[serde(flatten)]
    own: OneMetadata,
    parent: Option<OneMetadata>,
}

#[derive(Serialize)]
struct OneMetadata {
    bytes: Option<u64>,
    sha256: Option<String>,
    date: Option<String>,
    uuid: Option<String>,
    r#type: &'static str,
}

impl OneMetadata {
    fn of(entry: &LogEntry) -> Self {
        let bundle = entry.bundle();
        Self {
            bytes: bundle.map(|bundle| bundle.length),
            sha256: bundle.map(|bundle| bundle.sha256.to_string()),
            date: entry.sealed.as_ref().and_then(|sealed| sealed.date).map(date_text),
            uuid: bundle.map(|bundle| bundle.sha256.uuid()),
            r#type: entry.kind().name(),
        }
    }
}

impl TableFunction for Log {
    const NAME: &'static str = "backup_log";
    const COLUMNS: &'static [&'static str] = &[
        "number INTEGER",
        "record TEXT",
        "state_id TEXT",
        "type TEXT",
        "bytes INTEGER",
        "sha256 TEXT",
        "uuid TEXT",
        "copies TEXT",
        "date TEXT",
        "writer TEXT",
        "label TEXT",
        "metadata TEXT",
        "bundle BLOB",
    ];
    const ARGUMENTS: &'static [&'static str] = &["stores", "recovery_key"];
    const LAST_IS_OPTIONAL: bool = true;
    const LOOKS_UP: bool = true;

    fn open(app: &Connection<'_>, arguments: &Arguments<'_>, watch: &Watch) -> Result<Self> {
        let places = arguments.stores(0, app)?;
        refuse_selector(&places, "the log lists all saves; choose by a condition, and")?;
        let stores = open_copies(&places)?;
        let names = stores.iter().map(|copy| copy.name.to_string()).collect();
        let interrupted = || watch.check().is_err();
        let wait = Wait { patience: Wait::PATIENCE, interrupted: &interrupted };
        // NULL is a mistake, not "no key": then it would no longer count who signed.
        let (key, domain) = if arguments.is_given(1) {
            (arguments.any_key(1)?.reading(), Domain::Only)
        } else {
            let (domain, key) = only_signer(&stores, &wait)?;
            (ReadingKey::Verify(key), Domain::Id(domain))
        };
        let copies = Copies::open(stores, &key, domain, &wait)?;
        // An empty series is no error, but one that nobody can see is.
        copies.check_seen()?;
        copies.check_exist()?;
        let only = match arguments.get(2)? {
            Argument::Integer(number) => Some(u64::try_from(number).unwrap_or(0)),
            _ => None,
        };
        let series = Series { copies: RefCell::new(copies), watch: watch.clone(), longest: length_limit(app) };
        let next = Some(only.unwrap_or(u64::MAX));
        Ok(Self { series: Rc::new(series), places: names, ready: VecDeque::new(), next, only, batch: 0 })
    }

    fn next(&mut self) -> Result<Option<Vec<Cell>>> {
        if self.ready.is_empty() {
            self.read()?;
        }
        let Some(entry) = self.ready.pop_front() else { return Ok(None) };
        Ok(Some(self.cells(entry)))
    }
}

impl Log {
    /// Reads the next records. Records with the same number stay together.
    fn read(&mut self) -> Result<()> {
        let Some(from) = self.next.take().filter(|from| *from > 0) else { return Ok(()) };
        let size = BATCHES[self.batch.min(BATCHES.len() - 1)];
        self.batch += 1;
        let (series, ready, only) = (self.series.clone(), &mut self.ready, self.only);
        self.next = series.wait(|copies, wait| {
            let mut log = copies.log(Some(from));
            while let Some(entry) = log.next(wait)? {
                let number = entry.record.entry().number;
                if only.is_some_and(|only| number != only) {
                    return Ok(None);
                }
                let last = ready.back().map(|last| last.record.entry().number);
                if ready.len() >= size && last != Some(number) {
                    return Ok(Some(number));
                }
                ready.push_back(entry);
            }
            Ok(None)
        })?;
        Ok(())
    }

    fn cells(&self, entry: LogEntry) -> Vec<Cell> {
        let text = |text: Option<&String>| text.map_or(Cell::Null, |text| Cell::Text(text.clone()));
        let bundle = entry.bundle().copied();
        let of_bundle = |of: fn(&BundleRef) -> Cell| bundle.as_ref().map_or(Cell::Null, of);
        let sealed = entry.sealed.clone().unwrap_or_default();
        let copies: Vec<_> = entry.copies.iter().filter_map(|copy| self.places.get(*copy)).collect();
        let own = entry.record.entry();
        let (series, for_metadata) = (self.series.clone(), entry.clone());
        let metadata = move || series.metadata(&for_metadata);
        let number = i64::try_from(own.number).unwrap_or(i64::MAX);
        let mut cells = vec![
            Cell::Integer(number),
            Cell::Text(entry.record.reference().hash.to_string()),
            Cell::Text(own.state_id.to_string()),
            Cell::Text(entry.kind().name().to_owned()),
            of_bundle(|bundle| Cell::Integer(i64::try_from(bundle.length).unwrap_or(i64::MAX))),
            of_bundle(|bundle| Cell::Text(bundle.sha256.to_string())),
            of_bundle(|bundle| Cell::Text(bundle.sha256.uuid())),
            Cell::Text(serde_json::to_string(&copies).unwrap_or_default()),
            sealed.date.map_or(Cell::Null, |milliseconds| Cell::Text(date_text(milliseconds))),
            text(sealed.writer.as_ref()),
            text(sealed.label.as_ref()),
            Cell::Lazy(Box::new(metadata)),
        ];
        let series = self.series.clone();
        cells.push(match bundle {
            None => Cell::Null,
            Some(bundle) => Cell::Lazy(Box::new(move || series.bundle(&entry, &bundle))),
        });
        cells
    }
}

impl Series {
    fn wait<T>(&self, body: impl FnOnce(&mut Copies, &Wait<'_>) -> Result<T>) -> Result<T> {
        let interrupted = || self.watch.check().is_err();
        body(&mut self.copies.borrow_mut(), &Wait { patience: Wait::PATIENCE, interrupted: &interrupted })
    }

    fn metadata(&self, entry: &LogEntry) -> Result<Cell> {
        let parent = match entry.bundle().and_then(|bundle| bundle.base) {
            Some(base) => self.entry(base.record)?,
            None => None,
        };
        let metadata = Metadata { own: OneMetadata::of(entry), parent: parent.as_ref().map(OneMetadata::of) };
        let text = serde_json::to_string(&metadata);
        text.map(Cell::Text).map_err(|error| Error::host(format!("the metadata: {error}")))
    }

    /// The entry of an earlier record, if a copy still has it.
    fn entry(&self, record: RecordRef) -> Result<Option<LogEntry>> {
        self.wait(|copies, wait| {
            let mut log = copies.log(Some(record.number));
            while let Some(entry) = log.next(wait)? {
                let found = entry.record.reference();
                if found == record {
                    return Ok(Some(entry));
                }
                if found.number < record.number {
                    break;
                }
            }
            Ok(None)
        })
    }

    fn bundle(&self, entry: &LogEntry, bundle: &BundleRef) -> Result<Cell> {
        let length = usize::try_from(bundle.length).unwrap_or(usize::MAX);
        if length > self.longest {
            return Err(Error::too_big(format!(
                "the bundle has {length} bytes, and a BLOB here has at most {}; restore it from the store",
                self.longest
            )));
        }
        let opened = self.wait(|copies, wait| copies.open_bundle(&entry.record, bundle, Use::Whole, wait))?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| Error::no_memory("there is no memory for the bundle"))?;
        bytes.resize(length, 0);
        for reader in opened.readers() {
            let watch = self.watch.clone();
            reader.interruptible(Rc::new(move || watch.check().is_err())).read(0, &mut bytes)?;
        }
        Ok(Cell::Blob(bytes))
    }
}
