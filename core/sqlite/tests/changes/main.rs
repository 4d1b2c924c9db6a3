//! A delta of the touched rows has the bytes of a delta of all rows, whatever the writers do.

#[path = "../common/mod.rs"]
mod common;
mod damaged;
mod deltas;
#[path = "../../../tests/support/evidence.rs"]
mod evidence;
mod moments;
mod numbers;
mod writers;

use common::{Directory, api};
use deltas::{Bundles, Keys};
use lifeboat_sqlite::{Connection, LogEnd, Mark, OpenMode, PageKey, Snapshot};
use numbers::Numbers;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::{env, fs, thread};
use writers::{Layout, Writers};

/// Names the database that the other process writes, and its seed.
const OTHER: &str = "LIFEBOAT_CHANGES_OTHER";
/// Only the history with this seed.
const SEED: &str = "LIFEBOAT_CHANGES_SEED";

/// As often as the exporter tries to tell the moment of a snapshot.
const ATTEMPTS: usize = 3;
/// In the index of the log: how many frames may have been brought into the database.
const BACKFILL_ATTEMPTED: usize = 128;
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// After each of these, some deltas must have been quick.
const QUICK_ACTS: [&str; 32] = [
    "a long log",
    "add a column",
    "an old reader",
    "analyze",
    "another process",
    "bring rows back",
    "change a byte",
    "change a byte of a long row",
    "checkpoint",
    "delete",
    "delete all",
    "drop an index",
    "exchange two tables",
    "insert",
    "insert a run",
    "insert one",
    "make a table anew",
    "make an index",
    "move a row",
    "reindex",
    "release",
    "rollback",
    "rollback to",
    "same bytes",
    "save rows",
    "secure delete",
    "sequence",
    "settings",
    "update",
    "update all",
    "vacuum in steps",
    "write into a blob",
];

fn steps() -> u64 {
    if env::var_os("LIFEBOAT_SOAK").is_some() { 1_000_000 } else { 20_000 }
}

/// What was seen.
#[derive(Default, Debug)]
struct Tally {
    steps: u64,
    quick: u64,
    /// Of these: all pages were compared by their hashes.
    by_hashes: u64,
    /// Of those: the database has a rollback journal.
    with_journal: u64,
    /// Of the quick ones: some table was not read as a whole.
    narrow: u64,
    /// Of these: some rows had changed.
    changed: u64,
    changes: u64,
    without_mark: u64,
    doubts: BTreeMap<&'static str, u64>,
    /// What the writers had done before a quick delta.
    acts: BTreeMap<&'static str, u64>,
    other_processes: u64,
    crashes: u64,
}

impl Tally {
    /// Both together.
    fn and(mut self, other: Self) -> Self {
        self.steps += other.steps;
        self.quick += other.quick;
        self.by_hashes += other.by_hashes;
        self.with_journal += other.with_journal;
        self.narrow += other.narrow;
        self.changed += other.changed;
        self.changes += other.changes;
        self.without_mark += other.without_mark;
        self.other_processes += other.other_processes;
        self.crashes += other.crashes;
        other.doubts.into_iter().for_each(|(doubt, count)| *self.doubts.entry(doubt).or_default() += count);
        other.acts.into_iter().for_each(|(act, count)| *self.acts.entry(act).or_default() += count);
        self
    }

    /// The test is of use only while all of this is frequent.
    fn check(&self) {
        let share = |part: u64, of: u64| part * 100 / of;
        assert!(share(self.quick, self.steps) >= 55, "{self:?}");
        assert!(share(self.by_hashes, self.quick) >= 15, "{self:?}");
        assert!(share(self.with_journal, self.by_hashes) >= 30, "{self:?}");
        assert!(share(self.narrow, self.quick) >= 80, "{self:?}");
        assert!(share(self.changed, self.quick) >= 40, "{self:?}");
        let each = self.steps / 2_000;
        assert!(self.other_processes >= each * 3 && self.crashes >= each * 5, "{self:?}");
        for doubt in ["a page was written whose row is not known", "the schema was changed"] {
            assert!(self.doubts.get(doubt).is_some_and(|count| *count >= each * 20), "{doubt}: {self:?}");
        }
        for doubt in [
            "the write-ahead log began anew",
            "the write-ahead log has a frame of another chain",
            "no write-ahead log leads from one moment to the other",
            "it was interrupted",
            "much was written",
        ] {
            assert!(self.doubts.contains_key(doubt), "{doubt}: {self:?}");
        }
        for act in QUICK_ACTS {
            assert!(self.acts.get(act).is_some_and(|count| *count >= each), "{act}: {self:?}");
        }
    }
}

/// Tells which history failed.
struct Telling(u64);

impl Drop for Telling {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed of this history: {SEED}={}", self.0);
        }
    }
}

struct History<'k> {
    keys: &'k Keys,
    directory: Directory,
    writers: Writers,
    reader: Option<Connection<'static>>,
    base: Bundles,
    /// The moment of the base.
    mark: Option<Mark>,
    /// The key with which pages are hashed. Some histories have none, so that only the log can tell what changed.
    key: Option<PageKey>,
    /// What was done since that moment.
    acts: BTreeSet<&'static str>,
    has_copy: bool,
}

fn open(path: &str) -> Connection<'static> {
    let reader = Connection::open(api(), path, OpenMode::ReadOnly).expect("a database");
    reader.query_i64("SELECT count(*) FROM sqlite_master").expect("it is read once");
    reader
}

/// What others do meanwhile, now and then.
fn interfere(writers: &mut Writers) {
    if writers.numbers.one_in(20) {
        writers.interfere();
    }
}

/// A snapshot in place. A writer that does not let the reader in has to end first.
fn snapshot<'r>(reader: &'r Connection<'static>, writers: &mut Writers) -> Snapshot<'r> {
    let open = || Snapshot::open_in_place(reader, "main", None);
    if !writers.has_journal() {
        return open().expect("a snapshot");
    }
    open().unwrap_or_else(|_| {
        writers.settle();
        open().expect("a snapshot")
    })
}

fn hash_pages(snapshot: &Snapshot<'_>, mark: Option<&mut Mark>, key: Option<&PageKey>) {
    if let (Some(mark), Some(key)) = (mark, key)
        && !mark.has_hashes()
    {
        // There may be a doubt whether the pages are those of the snapshot.
        _ = snapshot.hash_pages(mark, key, &|| true);
    }
}

impl<'k> History<'k> {
    fn new(keys: &'k Keys, seed: u64) -> Self {
        let mut numbers = Numbers::new(seed);
        let directory = Directory::new(&format!("changes-{seed}"));
        let layout = Layout::new(&mut numbers);
        let mut writers = Writers::new(directory.file("a.db"), numbers, &layout);
        let reader = open(&writers.path);
        let base = Bundles { ledger: Vec::new(), deltas: Vec::new() };
        let key = (!writers.numbers.one_in(4)).then(|| PageKey::from_bytes([seed as u8; 32]));
        let mut history = Self {
            keys,
            directory,
            writers,
            reader: Some(reader),
            base,
            mark: None,
            key,
            acts: BTreeSet::new(),
            has_copy: false,
        };
        history.begin();
        history
    }

    fn numbers(&mut self) -> &mut Numbers {
        &mut self.writers.numbers
    }

    /// A new ledger.
    fn begin(&mut self) {
        let reader = self.reader.as_ref().expect("a reader");
        let end = LogEnd::now(reader);
        let snapshot = snapshot(reader, &mut self.writers);
        self.mark = end.and_then(|end| snapshot.mark(&end).expect("a mark"));
        hash_pages(&snapshot, self.mark.as_mut(), self.key.as_ref());
        self.base = Bundles { ledger: self.keys.ledger(&snapshot).expect("a ledger"), deltas: Vec::new() };
        self.acts.clear();
    }

    fn write(&mut self, tally: &mut Tally) {
        for _ in 0..self.numbers().of(&[0, 1, 1, 1, 1, 1, 2, 4]) {
            self.writers.transaction();
        }
        if self.numbers().one_in(8) {
            self.writers.maintain();
        }
        if self.numbers().one_in(12) {
            self.writers.begin();
        }
        if self.numbers().one_in(150) && !self.writers.has_open() {
            self.in_another_process(tally);
        }
        if self.numbers().one_in(25) {
            self.reopen(tally);
        }
    }

    fn in_another_process(&mut self, tally: &mut Tally) {
        let seed = self.numbers().next();
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.args(["--exact", "as_another_process", "--quiet"]);
        let output = command.env(OTHER, format!("{seed} {}", self.writers.path)).output().expect("a process");
        // It ends by itself, or dies in a transaction.
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!text.contains("panicked"), "{text}");
        self.writers.acts.insert("another process");
        tally.other_processes += 1;
    }

    /// Closes all, and opens it again. Meanwhile much can happen to the files.
    fn reopen(&mut self, tally: &mut Tally) {
        let copy = self.directory.file("copy.db");
        let what = self.numbers().below(7);
        if what == 0 {
            if self.has_copy && !self.writers.has_open() {
                self.writers.bring_back(&copy);
            }
            return;
        }
        let is_first = self.numbers().one_in(2);
        if is_first {
            self.reader = None;
        }
        self.writers.leave(what >= 3);
        self.reader = None;
        let path = self.writers.path.clone();
        let log = format!("{path}-wal");
        let mut is_other_mode = false;
        match what {
            1 => {}
            2 => is_other_mode = true,
            // A crash.
            3 | 4 => {
                if let (Ok(index), Ok(file)) =
                    (fs::read(format!("{path}-shm")), fs::File::options().write(true).open(&log))
                    && let Some(attempted) = index.get(BACKFILL_ATTEMPTED..BACKFILL_ATTEMPTED + 4)
                {
                    let least = u64::from(u32::from_ne_bytes(attempted.try_into().expect("four bytes")));
                    let length = file.metadata().expect("a log").len();
                    let least = LOG_HEADER + least * (FRAME_HEADER + self.writers.page_size);
                    if least < length {
                        let lost = self.numbers().below(length - least);
                        let lost = if self.numbers().one_in(2) { lost } else { lost.min(5_000) };
                        file.set_len(length - lost).expect("a shorter log");
                        tally.crashes += 1;
                    }
                }
                _ = fs::remove_file(format!("{path}-shm"));
            }
            // A copy of the files, and its return.
            _ => {
                _ = fs::remove_file(format!("{path}-shm"));
                let is_back = self.has_copy && self.numbers().one_in(2);
                for end in ["", "-wal"] {
                    let (path, copy) = (format!("{path}{end}"), format!("{copy}{end}"));
                    let (from, to) = if is_back { (copy, path) } else { (path, copy) };
                    _ = fs::remove_file(&to);
                    if Path::new(&from).exists() {
                        fs::copy(from, to).expect("a copy");
                    }
                }
                self.has_copy = true;
            }
        }
        self.writers.come_back(is_other_mode);
        self.reader = Some(open(&path));
    }

    /// One delta, made in both ways.
    fn step(&mut self, tally: &mut Tally) {
        self.write(tally);
        let Self { keys, writers, reader, base, mark, key, acts, .. } = self;
        let reader = reader.as_ref().expect("a reader");
        let mut found = None;
        for _ in 0..ATTEMPTS {
            // Its transaction would go on.
            drop(found.take());
            let end = LogEnd::now(reader);
            interfere(writers);
            let snapshot = snapshot(reader, writers);
            interfere(writers);
            let now = end.as_ref().and_then(|end| snapshot.mark(end).expect("a mark"));
            let is_told = now.is_some() || end.is_none();
            found = Some((snapshot, now));
            if is_told {
                break;
            }
        }
        let (mut snapshot, mut now) = found.expect("a snapshot");
        assert!(!snapshot.is_copy() || now.is_none());
        interfere(writers);
        let goes_on = !writers.numbers.one_in(50);
        let touched = match (&*mark, &mut now) {
            (Some(then), Some(now)) => match snapshot.touched_since(then, now, &|| goes_on) {
                Ok(found) => {
                    tally.by_hashes += u64::from(found.by_hashes);
                    tally.with_journal += u64::from(found.by_hashes && writers.has_journal());
                    Some(found.touched)
                }
                Err(doubt) => {
                    *tally.doubts.entry(doubt.0).or_default() += 1;
                    None
                }
            },
            _ => {
                tally.without_mark += 1;
                None
            }
        };
        hash_pages(&snapshot, now.as_mut(), key.as_ref());
        interfere(writers);
        acts.append(&mut writers.acts);
        if writers.numbers.one_in(4) {
            snapshot.let_writers_go().expect("a copy");
            interfere(writers);
        }
        let quick = touched.as_ref().map(|touched| keys.delta(&snapshot, base, Some(touched)).expect("a quick delta"));
        if writers.numbers.one_in(2) {
            snapshot.let_writers_go().expect("a copy");
            interfere(writers);
        }
        let (summary, whole) = keys.delta(&snapshot, base, None).expect("a delta");
        tally.steps += 1;
        tally.changes += summary.changes;
        if let (Some(touched), Some((quick_summary, quick))) = (touched, quick) {
            assert_eq!(quick_summary.state_id, summary.state_id, "{touched:?}\n{acts:?}");
            assert!(quick == whole, "{touched:?}\n{acts:?}");
            tally.quick += 1;
            let everything = Some(&[i64::MIN..=i64::MAX][..]);
            let is_narrow = (0..10).any(|table| {
                let ranges = touched.ranges(&format!("t{table}"));
                ranges.is_some() && ranges != everything
            });
            tally.narrow += u64::from(is_narrow);
            tally.changed += u64::from(summary.changes > 0);
            acts.iter().for_each(|act| *tally.acts.entry(act).or_default() += 1);
        }
        drop(snapshot);
        // An export whose result is lost leaves the base, and its mark, as they are.
        if self.numbers().one_in(4) {
            return;
        }
        self.acts.clear();
        self.mark = now;
        if summary.changes > 0 {
            self.base.deltas.push(whole);
        }
        if self.base.deltas.len() > 2 {
            self.begin();
        }
    }
}

/// Histories with the seeds from `first` on, each second one.
fn run(first: u64, steps: u64) -> Tally {
    let (mut tally, mut seed, keys) = (Tally::default(), first, Keys::new());
    while tally.steps < steps {
        let _telling = Telling(seed);
        let mut history = History::new(&keys, seed);
        for _ in 0..history.numbers().of(&[5, 20, 40]) {
            history.step(&mut tally);
        }
        seed += 2;
    }
    tally
}

#[test]
fn a_quick_delta_has_the_bytes_of_a_whole_one() {
    if let Ok(seed) = env::var(SEED) {
        println!("{:#?}", run(seed.parse().expect("a number"), 1));
        return;
    }
    let tally = thread::scope(|scope| {
        let other = scope.spawn(|| run(1, steps() / 2));
        let own = run(0, steps() / 2);
        own.and(other.join().expect("the other half"))
    });
    println!("{tally:#?}");
    tally.check();
    evidence::at_least("deltas made in both ways", usize::try_from(tally.steps).expect("a number"));
    evidence::at_least("quick deltas among them", usize::try_from(tally.quick).expect("a number"));
    evidence::at_least("quick deltas by hashes of pages", usize::try_from(tally.by_hashes).expect("a number"));
}

/// What the other process does: nothing in a run of all tests.
#[test]
fn as_another_process() {
    let Ok(order) = env::var(OTHER) else { return };
    let (seed, path) = order.split_once(' ').expect("a seed and a path");
    let mut writers = Writers::of(path.to_owned(), Numbers::new(seed.parse().expect("a number")));
    for _ in 0..writers.numbers.below(3) {
        writers.transaction();
    }
    if writers.numbers.one_in(2) {
        writers.begin();
        // Without a word to SQLite, as if it was killed.
        std::process::exit(1);
    }
}
