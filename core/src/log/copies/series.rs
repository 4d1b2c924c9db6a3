//! Which series belong to the key, and the newest record of each copy.

use super::facts::Reader;
use super::listed::{COPIES_MAX, Listed};
use super::{Copies, Damage, Ends, Pause, ReadingKey, Saved, Stepped};
use crate::crypto::id::DomainId;
use crate::crypto::key::AccessKey;
use crate::error::{Error, Result};
use crate::log::name::{self, Name, Object};
use crate::log::{BundleHash, Record, RecordRef, Standing};

/// After so many records of another signer, a series counts as another's.
const STRANGERS_MAX: usize = 100;
/// The most records of one number that are looked at in one copy: fewer than are kept, for all copies.
const TWINS_MAX: usize = 8;
/// After so many records, two ends count as unrelated.
const LINES_MAX: usize = 2_000;

/// What the copies list of one domain.
#[derive(Default)]
pub(super) struct Series {
    pub(super) records: Listed<RecordRef>,
    pub(super) bundles: Listed<BundleHash>,
    pub(super) reader: Option<Reader>,
    /// Records that were signed with another key.
    pub(super) strangers: Vec<Damage>,
    pub(super) looks: [Look; COPIES_MAX],
}

/// The look at the end of a copy's log.
#[derive(Default)]
pub(super) struct Look {
    /// The names from this one on have no authentic record.
    below: Option<RecordRef>,
    /// The newest authentic record.
    pub(super) newest: Option<Record>,
    is_done: bool,
}

impl Series {
    pub(super) fn settle(&mut self) {
        self.records.settle();
        self.bundles.settle();
    }

    pub(super) fn name(&self, domain: [u8; 16], object: Object) -> Name {
        Name { domain_id: DomainId(domain), object }
    }

    /// The newest authentic record of all copies.
    pub(super) fn newest(&self) -> Option<&Record> {
        self.looks.iter().filter_map(|look| look.newest.as_ref()).max_by_key(|record| record.reference())
    }

    pub(super) fn saved(&self, record: &Record) -> Option<Saved> {
        self.reader.as_ref().map(|reader| reader.saved(record))
    }
}

impl Copies {
    /// The domain that is meant.
    pub(super) fn choose_series(&mut self) -> Stepped<[u8; 16]> {
        if let Some(chosen) = self.chosen {
            return Ok(chosen);
        }
        let domains: Vec<_> = self.series.keys().copied().collect();
        for domain in &domains {
            self.look_at(*domain)?;
        }
        let meant = self.meant_domain()?;
        let own: Vec<_> = domains.into_iter().filter(|domain| self.series[domain].newest().is_some()).collect();
        let chosen = match (meant, own.as_slice()) {
            (Some(DomainId(meant)), own) if own.contains(&meant) => meant,
            (None, [only]) => *only,
            (meant, own) => return Err(Pause::Failed(self.nothing(meant, own))),
        };
        self.chosen = Some(chosen);
        Ok(chosen)
    }

    /// Reads the newest record of each copy.
    fn look_at(&mut self, domain: [u8; 16]) -> Stepped {
        let reader = self.key.reader(DomainId(domain));
        let Some(series) = self.series.get_mut(&domain) else { return Ok(()) };
        if series.reader.is_none() {
            series.reader = reader;
        }
        if series.reader.is_none() {
            return Ok(());
        }
        for copy in 0..self.count {
            loop {
                let Some(series) = self.series.get_mut(&domain) else { return Ok(()) };
                let look = &series.looks[copy];
                if look.is_done {
                    break;
                }
                let next = series.records.below_in(look.below, copy).filter(|_| series.strangers.len() < STRANGERS_MAX);
                let Some(next) = next else {
                    series.looks[copy].is_done = true;
                    break;
                };
                let record = self.record_in(domain, next, copy)?;
                if let Some(series) = self.series.get_mut(&domain) {
                    let look = &mut series.looks[copy];
                    (look.below, look.is_done) = (Some(next), record.is_some());
                    look.newest = record;
                }
            }
        }
        Ok(())
    }

    /// The domain that the caller means, or to which the key belongs.
    fn meant_domain(&self) -> Result<Option<DomainId>> {
        let text = self.domain.as_deref();
        let id = text.filter(|text| text.len() == 32).and_then(name::domain);
        match &self.key {
            ReadingKey::Access(key) => match (key.own_domain(), key) {
                (Some(own), _) if id.is_some_and(|id| id != own) => {
                    Err(Error::wrong_key(format!("this {} is of another domain; nothing was opened", key.kind_name())))
                }
                (Some(own), _) => Ok(Some(own)),
                (None, AccessKey::Recovery(key)) => match (id, text) {
                    (Some(id), _) if self.series.contains_key(&id.0) => Ok(Some(id)),
                    (_, Some(name)) => key.domain_id(name).map(Some),
                    (_, None) => Ok(None),
                },
                (None, _) => Ok(None),
            },
            ReadingKey::Verify(_) => match (id, text) {
                (None, Some(_)) => Err(Error::misuse(
                    "a verify key knows no names of domains: give the id of the domain, 32 hexadecimal digits",
                )),
                (id, _) => Ok(id),
            },
        }
    }

    /// Why there is no series to read.
    fn nothing(&self, meant: Option<DomainId>, own: &[[u8; 16]]) -> Error {
        let of_key: Vec<_> = own.iter().map(|domain| self.describe(*domain)).collect();
        let of_key = of_key.join("; ");
        if !own.is_empty() {
            return match meant {
                Some(_) => Error::host(format!("no copy holds a save of this domain; of this key they hold {of_key}")),
                None => Error::misuse(format!(
                    "the copies hold several series of this key; say which domain is meant, by its name or its id ({of_key})"
                )),
            };
        }
        if self.series.is_empty() {
            return Error::host(
                "there is no copy: no name is one of a series; name the directory that holds `<domain id>/log`",
            );
        }
        let records = |series: &&Series| !series.records.is_empty();
        let others = self.series.values().filter(records).count();
        if others == 0 {
            return Error::host(
                "the copies hold bundles, but no record that tells their order; give the bundles themselves, oldest first",
            );
        }
        let is_foreign = |series: &&Series| series.reader.is_none() || !series.strangers.is_empty();
        let damaged = self.series.values().filter(records).find(|series| !is_foreign(series));
        match (damaged, self.remarks.damaged.first()) {
            (Some(_), Some(first)) => Error::corrupt(format!(
                "the copies hold no record that is sound and of this key: {} is not used: {}",
                first.name, first.why
            )),
            _ => Error::wrong_key(format!(
                "the copies hold {others} series, and none with a record of this key; nothing was opened"
            )),
        }
    }

    fn describe(&self, domain: [u8; 16]) -> String {
        let series = &self.series[&domain];
        let newest = series.newest().and_then(|newest| series.saved(newest)).map(|newest| newest.when());
        format!("{} with {}", DomainId(domain), newest.unwrap_or_default())
    }

    /// Finds out which record is the newest, or that the log forks.
    pub(super) fn find_ends(&mut self, domain: [u8; 16]) -> Stepped {
        if self.ends.is_some() {
            return Ok(());
        }
        let Some(series) = self.series.get(&domain) else { return Ok(()) };
        let mut first = Vec::new();
        for (copy, look) in series.looks.iter().enumerate() {
            let Some(newest) = &look.newest else { continue };
            // Two records of one number are a fork, unless a later one settles it.
            let twins = series.records.of(newest.reference().number);
            let listed = twins.into_iter().filter(|twin| series.records.copies(*twin).contains(&copy));
            first.extend(listed.take(TWINS_MAX));
        }
        for record in first {
            if let Some(record) = self.record(domain, record)? {
                self.lines.add(&record);
            }
        }
        loop {
            let wanted = match self.lines.standing(1) {
                Standing::Empty => return Err(Error::corrupt("the records contradict themselves").into()),
                Standing::Fork(fork) => {
                    self.ends = Some(Ends::Fork(fork));
                    return Ok(());
                }
                Standing::Newest(newest) => {
                    let Some(newest) = self.record(domain, newest)? else {
                        return Err(Error::corrupt("the records contradict themselves").into());
                    };
                    self.ends = Some(Ends::Newest(newest));
                    return Ok(());
                }
                Standing::Unread { read, .. } => read,
            };
            let Some(first) = wanted.first().copied() else { continue };
            let record = if self.lines_read < LINES_MAX { self.record(domain, first)? } else { None };
            self.lines_read += 1;
            match record {
                Some(record) => self.lines.add(&record),
                None => self.lines.absent(first),
            }
        }
    }
}
