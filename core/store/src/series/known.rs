//! The records that are known, and which of them are ends of lines.

use lifeboat_core::log::{Entry, Fork, Lines, Record, RecordHash, RecordRef, Standing};
use std::collections::BTreeMap;

/// After this many rounds of reading, two ends count as unrelated. Each round goes further back by
/// a short cut.
const ROUNDS: usize = 100;

/// All authentic records that were read or remembered.
#[derive(Default)]
pub(crate) struct Known {
    lines: Lines,
    records: BTreeMap<RecordHash, Record>,
}

/// The ends of the known records.
pub(crate) enum Ends {
    None,
    One(RecordRef),
    Fork(Fork),
}

impl Known {
    pub(crate) fn add(&mut self, record: &Record) {
        self.lines.add(record);
        self.records.insert(record.reference().hash, record.clone());
    }

    /// Adds a remembered record. It is also remembered that all of the records `before` come before
    /// it.
    pub(crate) fn add_after(&mut self, record: &Record, before: impl IntoIterator<Item = RecordRef>) {
        let mut entry: Entry = record.entry().clone();
        let own = record.reference();
        let more = before.into_iter().filter(|before| before.hash != own.hash && before.number < own.number);
        entry.previous.extend(more.collect::<Vec<_>>());
        self.lines.add_entry(own, &entry);
        self.records.insert(own.hash, record.clone());
    }

    pub(crate) fn get(&self, record: RecordRef) -> Option<&Record> {
        self.records.get(&record.hash)
    }

    /// The ends, after `read` was asked for the records that may join them. `read` gives None if no
    /// copy has the record.
    pub(crate) fn ends(&mut self, mut read: impl FnMut(RecordRef) -> Option<Record>) -> Ends {
        for _ in 0..ROUNDS {
            match self.lines.standing(1) {
                Standing::Empty => return Ends::None,
                Standing::Newest(newest) => return Ends::One(newest),
                Standing::Fork(fork) => return Ends::Fork(fork),
                Standing::Unread { read: wanted, .. } => self.fetch(wanted, &mut read),
            }
        }
        // The ends are so many records apart that nobody can say. They count as a fork, so that the
        // caller is asked.
        while let Standing::Unread { read: wanted, .. } = self.lines.standing(1) {
            wanted.into_iter().for_each(|record| self.lines.absent(record));
        }
        self.ends_as_they_are()
    }

    fn ends_as_they_are(&self) -> Ends {
        match self.lines.standing(1) {
            Standing::Newest(newest) => Ends::One(newest),
            Standing::Fork(fork) => Ends::Fork(fork),
            Standing::Empty | Standing::Unread { .. } => Ends::None,
        }
    }

    fn fetch(&mut self, wanted: Vec<RecordRef>, read: &mut impl FnMut(RecordRef) -> Option<Record>) {
        for wanted in wanted {
            match read(wanted) {
                Some(record) => self.add(&record),
                None => self.lines.absent(wanted),
            }
        }
    }
}
