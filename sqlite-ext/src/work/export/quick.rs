//! What makes the next delta quick: the moments of the last states. They tell which pages changed since, and so which rows
//! have to be read (`core/sqlite/QUICK.md`).

use crate::work::saving::now;
use lifeboat_core::StateId;
use lifeboat_core::parallel::Knowledge;
use lifeboat_core::stream::Touched;
use lifeboat_sqlite::{Mark, PageKey};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The moments that are kept: the state of a save that failed, and those before it.
const MARKS_MAX: usize = 4;
/// A ledger has at most so many parts. Each is opened for each delta.
const PARTS_MAX: usize = 48;
/// Its parts after the first one may have this part of its bytes.
const PARTS_SHARE: u64 = 4;
/// They may always have so many.
const PARTS_MIN: u64 = 1 << 20;

/// The memory of one exporter that makes many deltas of one database.
pub(crate) struct Quick {
    marks: VecDeque<(StateId, Mark)>,
    /// The key with which pages are hashed. If the system gives no random numbers, there is none, and no page is hashed.
    key: Option<PageKey>,
    /// When all rows were read last, since this process began to save.
    walked: Option<Instant>,
    walked_at: Option<u64>,
    /// After this time all rows are read again.
    every: Duration,
    /// How many deltas were quick since then.
    count: u64,
    missed: u64,
}

impl Quick {
    /// `every`: after this time all rows are read again.
    pub fn new(every: Duration) -> Self {
        let mut bytes = [0; 32];
        let key = getrandom::fill(&mut bytes).is_ok().then(|| PageKey::from_bytes(bytes));
        Self { marks: VecDeque::new(), key, walked: None, walked_at: None, every, count: 0, missed: 0 }
    }

    /// The key with which pages are hashed.
    pub fn key(&self) -> Option<&PageKey> {
        self.key.as_ref()
    }

    /// The moment of a state.
    pub fn mark(&self, state: StateId) -> Option<&Mark> {
        self.marks.iter().find(|(of, _)| *of == state).map(|(_, mark)| mark)
    }

    /// What to do with the touched rows: to read only these, or to read all rows and compare.
    pub fn knowledge(&self, touched: Touched, parts: &[PathBuf]) -> Knowledge {
        let is_due = self.walked.is_none_or(|walked| walked.elapsed() >= self.every);
        if is_due || is_heavy(parts) { Knowledge::Expected(touched) } else { Knowledge::Only(touched) }
    }

    /// A delta to this state was made. Only the touched rows were read for it.
    pub fn was_quick(&mut self, state: StateId, mark: Mark) {
        self.remember(state, mark);
        self.count += 1;
    }

    /// All rows were read. `unexpected`: how many changes were where none can have been. Earlier deltas missed these.
    pub fn has_walked(&mut self, state: StateId, mark: Option<Mark>, unexpected: u64) {
        if let Some(mark) = mark {
            self.remember(state, mark);
        }
        (self.walked, self.walked_at, self.count) = (Some(Instant::now()), Some(now().as_secs()), 0);
        self.missed += unexpected;
    }

    fn remember(&mut self, state: StateId, mut mark: Mark) {
        if let Some((_, newest)) = self.marks.back() {
            mark.share(newest);
        }
        self.marks.retain(|(of, _)| *of != state);
        if self.marks.len() == MARKS_MAX {
            self.marks.pop_front();
        }
        self.marks.push_back((state, mark));
    }

    /// How many rows earlier deltas missed. They are in the last delta now. It is told once.
    pub fn take_missed(&mut self) -> u64 {
        std::mem::take(&mut self.missed)
    }

    /// When that was, in seconds since 1970.
    pub fn walked_at(&self) -> Option<u64> {
        self.walked_at
    }

    /// How many deltas were quick since all rows were read.
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// Whether the ledger has so many parts, or so large ones, that it is time to write it anew.
pub(crate) fn is_heavy(parts: &[PathBuf]) -> bool {
    let bytes = |path: &PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
    let Some((first, others)) = parts.split_first() else { return true };
    others.len() >= PARTS_MAX || others.iter().map(bytes).sum::<u64>() > PARTS_MIN.max(bytes(first) / PARTS_SHARE)
}
