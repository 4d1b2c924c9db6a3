//! Which record is the newest, and which are forks (`FORMAT.md`, "Log").

use super::{Entry, Floor, Record, RecordHash, RecordRef};
use std::collections::{BTreeMap, BTreeSet};

/// The part of a log that was read, as lines of records that name one another.
///
/// Give it the newest record of each copy; [`Lines::standing`] says which other records it needs. A record names the
/// records before it and those of its bases, so that a line of 100,000 records is followed in some dozens of steps. It
/// holds about 250 bytes for each record that it was given.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    seen: BTreeMap<RecordHash, Seen>,
    /// All records that others name.
    named: BTreeSet<RecordHash>,
    /// Records that others name and that were not given. Their numbers are those that the others say.
    open: BTreeMap<RecordHash, u64>,
    /// Records that were given and that no other record names.
    tips: BTreeSet<RecordRef>,
    absent: BTreeSet<RecordHash>,
}

#[derive(Clone, Debug)]
struct Seen {
    number: u64,
    /// The records that it names. All of them are before it on its line.
    names: Vec<RecordRef>,
}

/// What is known of the newest record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is no record at or above the floor.
    Empty,
    /// This is the newest record, and all others are before it.
    Newest(RecordRef),
    /// It cannot be said yet whether all others are before the newest.
    Unread {
        /// The record with the highest number.
        newest: RecordRef,
        /// The records that have to be read, in this order. If no copy has one of them, call [`Lines::absent`] with it.
        read: Vec<RecordRef>,
    },
    /// Some are not before the newest.
    Fork(Fork),
}

/// Records that no later record settles. None of them is before another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The last record of each line, the one with the highest number first. There are two or more.
    pub heads: Vec<RecordRef>,
    /// False: a record that no copy has could join the lines. A keeper reports such a fork nevertheless.
    pub proven: bool,
}

/// Whether a record is before another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is before the other, or is the same.
    Yes,
    /// It is not before the other.
    No,
    /// These have to be read first, in this order. If no copy has one of them, call [`Lines::absent`] with it.
    Unread(Vec<RecordRef>),
    /// Only records that no copy has could tell.
    Lost,
}

impl Lines {
    /// Nothing was read.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an authentic record of the domain, from any copy. The same record may come more than once.
    pub fn add(&mut self, record: &Record) {
        self.add_entry(record.reference(), record.entry());
    }

    /// The same for what was remembered of a record that was authentic.
    pub fn add_entry(&mut self, record: RecordRef, entry: &Entry) {
        if self.seen.contains_key(&record.hash) {
            return;
        }
        let mut names = entry.previous.clone();
        names.extend(entry.bases().filter(|base| !entry.previous.contains(base)));
        for name in &names {
            self.named.insert(name.hash);
            match self.seen.get(&name.hash) {
                Some(seen) => {
                    self.tips.remove(&RecordRef { number: seen.number, hash: name.hash });
                }
                None => {
                    self.open.insert(name.hash, name.number);
                }
            }
        }
        self.open.remove(&record.hash);
        if !self.named.contains(&record.hash) {
            self.tips.insert(record);
        }
        self.seen.insert(record.hash, Seen { number: record.number, names });
    }

    /// No copy that answers has this record.
    pub fn absent(&mut self, record: RecordRef) {
        self.absent.insert(record.hash);
    }

    /// The record with the highest number. If several have that number, it is the one with the highest hash.
    pub fn newest(&self) -> Option<RecordRef> {
        self.tips.last().copied()
    }

    /// Says which record is the newest, and whether all others are before it. It does not look at records below
    /// `lowest`: pass the number of the floor that counts, or 1.
    pub fn standing(&self, lowest: u64) -> Standing {
        let mut heads: Vec<_> = self.tips.iter().rev().take_while(|tip| tip.number >= lowest).copied().collect();
        let (newest, last) = match (heads.first(), heads.last()) {
            (Some(newest), Some(last)) => (*newest, *last),
            _ => return Standing::Empty,
        };
        if heads.len() == 1 {
            return Standing::Newest(newest);
        }
        // Records name only lower numbers, so a record that could lead to the last head has a higher number.
        let above = self.open.iter().filter(|(_, number)| **number > last.number);
        let (lost, read): (Vec<_>, Vec<_>) = above
            .map(|(hash, number)| RecordRef { number: *number, hash: *hash })
            .partition(|record| self.absent.contains(&record.hash));
        if read.is_empty() {
            heads.sort_by(|a, b| b.cmp(a));
            Standing::Fork(Fork { heads, proven: lost.is_empty() })
        } else {
            Standing::Unread { newest, read: lowest_first(read) }
        }
    }

    /// Says whether `older` is before `newer`, or is the same record. A record that was not given is before nothing.
    pub fn reach(&self, newer: RecordRef, older: RecordRef) -> Reach {
        if newer.hash == older.hash {
            return Reach::Yes;
        }
        let (mut known, mut left) = (BTreeSet::from([newer.hash]), vec![newer]);
        let (mut read, mut is_lost) = (Vec::new(), false);
        while let Some(record) = left.pop() {
            match self.seen.get(&record.hash) {
                Some(seen) => {
                    if seen.names.iter().any(|name| name.hash == older.hash) {
                        return Reach::Yes;
                    }
                    let above = seen.names.iter().filter(|name| name.number > older.number);
                    left.extend(above.filter(|name| known.insert(name.hash)));
                }
                None if self.absent.contains(&record.hash) => is_lost = true,
                None => read.push(record),
            }
        }
        match (read.is_empty(), is_lost) {
            (false, _) => Reach::Unread(lowest_first(read)),
            (true, true) => Reach::Lost,
            (true, false) => Reach::No,
        }
    }

    /// The floor that counts for this record: of the floors that were proved on its line, the one with the highest
    /// lowest number. It also gives the records that have to be read before a higher floor can be ruled out. A floor
    /// that was proved for a record above the newest is on no line. Such a floor shows that records are withheld.
    pub fn floor<'f>(&self, newest: RecordRef, floors: &'f [Floor]) -> (Option<&'f Floor>, Vec<RecordRef>) {
        let mut floors: Vec<_> = floors.iter().collect();
        floors.sort_by_key(|floor| std::cmp::Reverse(floor.lowest()));
        let mut read = Vec::new();
        for floor in floors {
            match self.reach(newest, floor.record()) {
                Reach::Yes => return (Some(floor), read),
                Reach::Unread(more) => {
                    read.extend(more.into_iter().filter(|record| !read.contains(record)).collect::<Vec<_>>())
                }
                Reach::No | Reach::Lost => {}
            }
        }
        (None, read)
    }
}

/// The lowest number comes first: its record leads furthest back.
fn lowest_first(mut records: Vec<RecordRef>) -> Vec<RecordRef> {
    records.sort();
    records
}
