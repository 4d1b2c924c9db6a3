//! Takes one object after the other, and checks it against its name.

use super::{Copies, Damage, LISTED, Pause, Stepped, Wanted};
use crate::crypto::digest::sha256;
use crate::error::{Error, ErrorKind, Result};
use crate::log::name::{Name, Object};
use crate::log::{BundleHash, RECORD_MAX, Record, RecordRef};
use sha2::{Digest as _, Sha256};

/// How many records are kept.
const CACHE: usize = 256;

/// The object that comes in.
pub(super) struct Reading {
    wanted: Wanted,
    body: Body,
    /// More bytes came than it can have.
    is_too_long: bool,
}

enum Body {
    Record(Vec<u8>),
    Bundle { hash: Sha256, come: u64, length: u64 },
}

impl Reading {
    /// `length`: that of a bundle. A record has any, up to its maximum.
    pub(super) fn new(wanted: Wanted, length: Option<u64>) -> Self {
        let body = match length {
            None => Body::Record(Vec::new()),
            Some(length) => Body::Bundle { hash: Sha256::new(), come: 0, length },
        };
        Self { wanted, body, is_too_long: false }
    }

    fn push(&mut self, piece: &[u8]) {
        match &mut self.body {
            Body::Record(bytes) if bytes.len() + piece.len() <= RECORD_MAX => bytes.extend_from_slice(piece),
            Body::Bundle { hash, come, length } if *come + piece.len() as u64 <= *length => {
                hash.update(piece);
                *come += piece.len() as u64;
            }
            _ => self.is_too_long = true,
        }
    }
}

impl Copies {
    /// Takes the next bytes of the object that [`Copies::next`] gave. False: more are not needed, since it cannot be
    /// right.
    ///
    /// # Errors
    /// Misuse: no object is to be read.
    pub fn push(&mut self, piece: &[u8]) -> Result<bool> {
        let reading = self.reading.as_mut().ok_or_else(|| nothing("push"))?;
        reading.push(piece);
        Ok(!reading.is_too_long)
    }

    /// The object that [`Copies::next`] gave cannot be read. `why` is for people.
    ///
    /// # Errors
    /// Misuse: no object is to be read.
    pub fn absent(&mut self, why: &str) -> Result<()> {
        let Reading { wanted, .. } = self.reading.take().ok_or_else(|| nothing("absent"))?;
        self.forget(wanted, why.chars().take(1000).collect(), false);
        Ok(())
    }

    /// The object that came in is complete.
    pub(super) fn conclude(&mut self) {
        let Some(Reading { wanted, body, is_too_long }) = self.reading.take() else { return };
        match (body, wanted.name.object) {
            (Body::Record(_), _) if is_too_long => {
                self.forget(wanted, "it is longer than a record can be".to_owned(), false)
            }
            (Body::Record(bytes), Object::Record(record)) => self.conclude_record(wanted, record, &bytes),
            (Body::Bundle { hash, come, length }, Object::Bundle(bundle)) => {
                let is_same = <[u8; 32]>::from(hash.finalize()) == bundle.0;
                let why = match () {
                    () if is_too_long => format!("it has more than the {length} bytes that its record says"),
                    () if come < length => format!("it has {come} bytes, and its record says {length}"),
                    () if !is_same => "it is damaged: it has not the hash in its name".to_owned(),
                    () => {
                        self.sound.insert(bundle, wanted.copy);
                        return;
                    }
                };
                self.forget(wanted, why, false);
            }
            _ => {}
        }
    }

    fn conclude_record(&mut self, wanted: Wanted, record: RecordRef, bytes: &[u8]) {
        let Some(reader) = self.series_of(wanted.name).reader.clone() else { return };
        match Record::read_at(&wanted.name, bytes, Some(&reader.verify_key)) {
            Ok(read) => {
                if self.cache.len() >= CACHE {
                    self.cache.clear();
                }
                self.cache.insert(record.hash, read);
            }
            Err(error) if error.kind() == ErrorKind::Mismatch => {
                // It is sound, and in each copy the same. Whether it is out of place is known when all are read.
                let Wanted { copy, name } = wanted;
                let series = self.series_of(name);
                series.records.set_foreign(record);
                series.records.forget_all(record);
                series.strangers.push(Damage { copy, name, why: error.message().to_owned() });
            }
            Err(error) => {
                // The same bytes are no better in another copy.
                let is_same = sha256(bytes) == record.hash.0;
                let damaged = "it is damaged: it has not the hash in its name".to_owned();
                self.forget(wanted, if is_same { error.message().to_owned() } else { damaged }, is_same);
            }
        }
    }

    /// The object cannot be used from this copy; or from none.
    fn forget(&mut self, wanted: Wanted, why: String, in_all: bool) {
        let Wanted { copy, name } = wanted;
        let series = self.series_of(name);
        match (name.object, in_all) {
            (Object::Record(record), true) => series.records.forget_all(record),
            (Object::Record(record), false) => series.records.forget(record, copy),
            (Object::Bundle(bundle), _) => series.bundles.forget(bundle, copy),
            (Object::Floor { .. }, _) => {}
        }
        self.remark(Damage { copy, name, why });
    }

    /// Notes that an object is not what it should be.
    pub(super) fn remark(&mut self, damage: Damage) {
        if self.remarks.damaged.len() < LISTED {
            self.remarks.damaged.push(damage);
        } else {
            self.remarks.damaged_more += 1;
        }
    }

    /// An authentic record. None: no copy has it.
    pub(super) fn record(&self, domain: [u8; 16], record: RecordRef) -> Stepped<Option<Record>> {
        if let Some(read) = self.cache.get(&record.hash) {
            return Ok(Some(read.clone()).filter(|read| read.reference() == record));
        }
        let Some(series) = self.series.get(&domain) else { return Ok(None) };
        match series.records.copy(record) {
            None => Ok(None),
            Some(copy) => Err(Pause::Read(Wanted { copy, name: series.name(domain, Object::Record(record)) }, None)),
        }
    }

    /// An authentic record that this copy has. None: it does not have it.
    pub(super) fn record_in(&self, domain: [u8; 16], record: RecordRef, copy: usize) -> Stepped<Option<Record>> {
        let Some(series) = self.series.get(&domain) else { return Ok(None) };
        if !series.records.copies(record).contains(&copy) {
            return Ok(None);
        }
        match self.cache.get(&record.hash) {
            Some(read) => Ok(Some(read.clone()).filter(|read| read.reference() == record)),
            None => Err(Pause::Read(Wanted { copy, name: series.name(domain, Object::Record(record)) }, None)),
        }
    }

    /// The copy that has a bundle that was read and is sound. None: no copy has one.
    pub(super) fn bundle(&self, domain: [u8; 16], bundle: BundleHash, length: u64) -> Stepped<Option<usize>> {
        if let Some(copy) = self.sound.get(&bundle) {
            return Ok(Some(*copy));
        }
        let Some(series) = self.series.get(&domain) else { return Ok(None) };
        match series.bundles.copy(bundle) {
            None => Ok(None),
            Some(copy) => {
                Err(Pause::Read(Wanted { copy, name: series.name(domain, Object::Bundle(bundle)) }, Some(length)))
            }
        }
    }

    fn series_of(&mut self, name: Name) -> &mut super::Series {
        self.series.entry(name.domain_id.0).or_default()
    }
}

fn nothing(call: &str) -> Error {
    Error::misuse(format!("{call}: there is no object to read; call next"))
}
