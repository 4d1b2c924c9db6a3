//! Which record is meant.

use super::copies::{Copies, Ends, of};
use super::wait::{Wait, side_by_side};
use crate::series::is_pruned;
use crate::{Selector, date_text};
use lifeboat_core::log::Record;
use lifeboat_core::{Error, Result};

impl Copies {
    /// The record that a selector means, from whichever copy has it.
    ///
    /// A number costs one list; the newest record costs nothing. For a state or a date, it reads the records one after
    /// the other, from the newest back. It does not rely on dates that ascend.
    ///
    /// # Errors
    /// - Host: there is no such record; the text says what there is. Wrong key when the stores hold only series of
    ///   other keys.
    /// - Mismatch: the log forks, and the selector does not say which end is meant. The text names both.
    /// - Misuse: a date without a key that reads dates. Interrupted.
    pub fn select(&mut self, selector: &Selector, wait: &Wait<'_>) -> Result<Record> {
        let newest = match &self.ends {
            Ends::None => return Err(self.nothing()),
            Ends::Newest(record) => record.entry().number,
            Ends::Fork(fork) => fork.heads.iter().map(|head| head.number).max().unwrap_or(0),
        };
        match selector {
            Selector::Newest => self.select_newest(),
            Selector::Number(number) => self.select_number(*number, newest, wait),
            Selector::State(state) => {
                let found = self.find(wait, |entry| entry.record.entry().state_id == *state)?;
                found.ok_or_else(|| self.no_such(format!("no record is of the state {state}; the newest is {newest}")))
            }
            Selector::At(seconds) => {
                let has_key = self.shelf.as_ref().is_some_and(|shelf| shelf.reader.keys.is_some());
                if !has_key {
                    return Err(Error::misuse(
                        "a verify key reads no dates; choose by '#seq=N', or give a key that reads",
                    ));
                }
                if matches!(self.ends, Ends::Fork(_)) {
                    return self.select_newest();
                }
                let mut oldest = None;
                let found = self.find(wait, |entry| {
                    let date = entry.sealed.as_ref().and_then(|sealed| sealed.date);
                    oldest = date.map(|date| (entry.record.entry().number, date)).or(oldest);
                    date.is_some_and(|date| date.div_euclid(1000) <= *seconds)
                })?;
                found.ok_or_else(|| {
                    let since = oldest.map_or(String::new(), |(number, date)| {
                        format!("; the oldest save that is left is number {number}, of {}", date_text(date))
                    });
                    self.no_such(format!("nothing was saved at this date or before{since}"))
                })
            }
        }
    }

    fn select_newest(&self) -> Result<Record> {
        match &self.ends {
            Ends::Newest(record) => Ok(record.clone()),
            Ends::None => Err(self.nothing()),
            Ends::Fork(fork) => {
                let what = if fork.proven {
                    "the log forks: two places saved to it"
                } else {
                    "the copies end with records that are not known to be of one line"
                };
                let heads: Vec<_> = fork.heads.iter().map(|head| self.describe(*head)).collect();
                Err(Error::mismatch(format!(
                    "{what}; choose one of them with '#state=HEX' behind the store ({})",
                    heads.join("; ")
                )))
            }
        }
    }

    fn select_number(&mut self, number: u64, newest: u64, wait: &Wait<'_>) -> Result<Record> {
        let none = format!("there is no record of number {number}; the newest is {newest}");
        let Some(shelf) = self.shelf.as_mut().filter(|_| (1..=newest).contains(&number)) else {
            return Err(self.no_such(none));
        };
        let lowest = shelf.list(number, wait)?;
        let names = shelf.names(number, number);
        shelf.read(&names, wait)?;
        let records: Vec<_> = names.iter().filter_map(|name| shelf.get(*name)).cloned().collect();
        match records.as_slice() {
            [record] => Ok(record.clone()),
            [] => {
                let below = shelf.names(number, lowest).first().map(|name| name.number);
                let below = below.map_or(String::new(), |below| format!("; the one before it is {below}"));
                let pruned = if self.is_pruned(number, wait)? { "; a prune removed it" } else { "" };
                Err(self.no_such(format!("{none}{below}{pruned}")))
            }
            several => {
                let several: Vec<_> = several.iter().map(|record| self.describe(record.reference())).collect();
                Err(Error::mismatch(format!(
                    "the log forks: there are {} records of number {number}; choose one with '#state=HEX' behind the \
                     store ({})",
                    several.len(),
                    several.join("; ")
                )))
            }
        }
    }

    /// A floor statement of a copy that answers says that the record with this number may be gone.
    fn is_pruned(&self, number: u64, wait: &Wait<'_>) -> Result<bool> {
        let Some(reader) = self.shelf.as_ref().map(|shelf| &shelf.reader) else { return Ok(false) };
        let answers = |place: &usize| self.reports[*place].state.answered();
        let places: Vec<_> = (0..self.copies.len()).filter(answers).collect();
        let told = side_by_side(wait, &places, |place, pace| {
            is_pruned(&*self.copies[*place].store, reader.domain, &reader.verify_key, number, &pace.next())
        })?;
        Ok(told.into_iter().any(|told| told == Ok(true)))
    }

    fn find(&mut self, wait: &Wait<'_>, mut is: impl FnMut(&super::log::LogEntry) -> bool) -> Result<Option<Record>> {
        let mut log = self.log(None);
        while let Some(entry) = log.next(wait)? {
            if is(&entry) {
                return Ok(Some(entry.record));
            }
        }
        Ok(None)
    }

    fn no_such(&self, what: String) -> Error {
        match self.reasons() {
            reasons if reasons.is_empty() => Error::host(what),
            reasons => Error::host(format!("{what} ({reasons})")),
        }
    }

    /// The error that says why there is nothing to read.
    fn nothing(&self) -> Error {
        let others = self.others();
        if !others.own.is_empty() {
            let own: Vec<_> = others.own.iter().map(|own| own.domain_id.to_string()).collect();
            return self.no_such(format!(
                "no copy holds a save of this domain; of this key they hold the domains {}",
                own.join(", ")
            ));
        }
        if others.foreign > 0 && self.all_answered() {
            return self.wrong_key("nothing was read");
        }
        self.no_such("no copy that answers holds a save".to_owned())
    }

    /// The names of a fork's ends, or of the newest record, for texts.
    pub fn describe_ends(&self) -> String {
        match &self.ends {
            Ends::None => "no record".to_owned(),
            Ends::Newest(record) => of(record.reference()),
            Ends::Fork(fork) => fork.heads.iter().map(|head| self.describe(*head)).collect::<Vec<_>>().join("; "),
        }
    }
}
