//! Which record is meant.

use super::{Copies, Ends, Stepped, Which};
use crate::error::{Error, Result};
use crate::log::date::date_text;
use crate::log::{Fork, Record, RecordRef};

/// The most records of one number that are looked at.
const TWINS_MAX: usize = 64;

/// How far the log was gone through, from the newest record down.
#[derive(Default)]
pub(super) struct Cursor {
    /// All records from this one on were looked at.
    below: Option<RecordRef>,
    /// The last authentic one that has a date.
    oldest: Option<(u64, i64)>,
    is_done: bool,
}

impl Copies {
    /// The record that is meant.
    pub(super) fn choose_record(&mut self, domain: [u8; 16]) -> Stepped<Record> {
        if let Some(meant) = &self.meant {
            return Ok(meant.clone());
        }
        let meant = match self.which {
            Which::Newest | Which::Log => self.newest(domain)?,
            Which::Number(number) => self.of_number(domain, number)?,
            Which::State(state) => match self.search_log(domain, |record, _| record.entry().state_id == state)? {
                Some(record) => record,
                None => {
                    let newest = self.newest_number(domain);
                    return Err(
                        Error::host(format!("no record is of the state {state}; the newest is {newest}")).into()
                    );
                }
            },
            Which::At(seconds) => self.at(domain, seconds)?,
        };
        self.meant = Some(meant.clone());
        Ok(meant)
    }

    fn newest(&self, domain: [u8; 16]) -> Result<Record> {
        match &self.ends {
            Some(Ends::Newest(record)) => Ok(record.clone()),
            Some(Ends::Fork(fork)) => Err(self.forked(domain, fork)),
            None => Err(Error::host("the copies hold no save")),
        }
    }

    fn forked(&self, domain: [u8; 16], fork: &Fork) -> Error {
        let what = if fork.proven {
            "the log forks: two places saved to it"
        } else {
            "the copies end with records that are not known to be of one line"
        };
        let heads: Vec<_> = fork.heads.iter().map(|head| self.describe_record(domain, *head)).collect();
        Error::mismatch(format!("{what}; say by its state id which one is meant ({})", heads.join("; ")))
    }

    fn describe_record(&self, domain: [u8; 16], record: RecordRef) -> String {
        let series = self.series.get(&domain);
        let newest = series.into_iter().flat_map(|series| series.looks.iter().filter_map(|look| look.newest.as_ref()));
        let read = self.cache.get(&record.hash).or_else(|| newest.into_iter().find(|read| read.reference() == record));
        let saved = series.zip(read).and_then(|(series, read)| series.saved(read));
        match saved {
            Some(saved) => format!("{}: state {}", saved.when(), saved.state_id),
            None => format!("number {}: record {}", record.number, record.hash),
        }
    }

    fn newest_number(&self, domain: [u8; 16]) -> u64 {
        let newest = self.series.get(&domain).and_then(|series| series.newest());
        newest.map_or(0, |newest| newest.reference().number)
    }

    fn of_number(&mut self, domain: [u8; 16], number: u64) -> Stepped<Record> {
        let listed = self.series.get(&domain).map_or(Vec::new(), |series| series.records.of(number));
        let mut found = Vec::new();
        for record in listed {
            found.extend(self.record(domain, record)?);
            // The rest need not be read: it is a fork already.
            if found.len() >= 2 {
                break;
            }
        }
        let newest = self.newest_number(domain);
        match found.as_slice() {
            [record] => Ok(record.clone()),
            [] => {
                let below = RecordRef { number, hash: crate::log::RecordHash([0; 32]) };
                let series = self.series.get(&domain);
                let before = series.and_then(|series| series.records.below(Some(below)));
                let before = before.filter(|before| before.number < newest);
                let before = before.map_or(String::new(), |before| format!("; the one before it is {}", before.number));
                Err(Error::host(format!("there is no record of number {number}; the newest is {newest}{before}"))
                    .into())
            }
            several => {
                let several: Vec<_> =
                    several.iter().map(|record| self.describe_record(domain, record.reference())).collect();
                Err(Error::mismatch(format!(
                    "the log forks: there are several records of number {number}; say by its state id which one is meant \
                     ({})",
                    several.join("; ")
                ))
                .into())
            }
        }
    }

    /// The last record at this date or before. Dates need not ascend with numbers.
    fn at(&mut self, domain: [u8; 16], seconds: i64) -> Stepped<Record> {
        let has_key = self.series.get(&domain).and_then(|series| series.reader.as_ref());
        if has_key.is_none_or(|reader| reader.keys.is_none()) {
            return Err(Error::misuse("a verify key reads no dates; choose by number, or give a key that reads").into());
        }
        if let Some(Ends::Fork(_)) = self.ends {
            return Ok(self.newest(domain)?);
        }
        let found = self.search_log(domain, |_, date| date.is_some_and(|date| date.div_euclid(1000) <= seconds))?;
        found.ok_or_else(|| {
            let since = self.cursor.oldest.map_or(String::new(), |(number, date)| {
                format!("; the oldest save that is left is number {number}, of {}", date_text(date))
            });
            Error::host(format!("nothing was saved at this date or before{since}")).into()
        })
    }

    /// The newest record that is the one. `is` gets the record and its date.
    fn search_log(&mut self, domain: [u8; 16], is: impl Fn(&Record, Option<i64>) -> bool) -> Stepped<Option<Record>> {
        while let Some(record) = self.next_of_log(domain)? {
            let saved = self.series.get(&domain).and_then(|series| series.saved(&record));
            let date = saved.and_then(|saved| saved.sealed.date);
            self.cursor.oldest = date.map(|date| (record.reference().number, date)).or(self.cursor.oldest);
            if is(&record, date) {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// Reads all records. Each is given once.
    pub(super) fn read_log(&mut self, domain: [u8; 16]) -> Stepped {
        while let Some(record) = self.next_of_log(domain)? {
            let saved = self.series.get(&domain).and_then(|series| series.saved(&record));
            self.saves.extend(saved);
        }
        Ok(())
    }

    /// The next authentic record, from the newest down.
    fn next_of_log(&mut self, domain: [u8; 16]) -> Stepped<Option<Record>> {
        while !self.cursor.is_done {
            let next = self.series.get(&domain).and_then(|series| series.records.below(self.cursor.below));
            let Some(next) = next else {
                self.cursor.is_done = true;
                break;
            };
            let record = self.record(domain, next)?;
            self.cursor.below = Some(next);
            if record.is_some() {
                return Ok(record);
            }
        }
        Ok(None)
    }

    /// The authentic records of the highest number below this one, the highest hash first; and the number.
    pub(super) fn group_below(&self, domain: [u8; 16], number: u64) -> Stepped<Option<(u64, Vec<Record>)>> {
        let Some(series) = self.series.get(&domain) else { return Ok(None) };
        let below = RecordRef { number, hash: crate::log::RecordHash([0; 32]) };
        let Some(first) = series.records.below(Some(below)) else { return Ok(None) };
        let mut found = Vec::new();
        for record in series.records.of(first.number) {
            found.extend(self.record(domain, record)?);
            if found.len() >= TWINS_MAX {
                break;
            }
        }
        Ok(Some((first.number, found)))
    }
}
