//! Saves that are killed at random, in a world that loses things and turns back.

use crate::app::{change, counter};
use crate::common::copy_directory;
use crate::place::{Place, Said};
use crate::random::Random;
use crate::steps::{Fault, save_with_fault};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

/// What happened.
#[derive(Debug, Default)]
pub struct Tally {
    pub kills: usize,
    pub saves: usize,
    /// How many kills left a record in the spool.
    pub in_spool: usize,
    pub lost_state: usize,
    pub asked_without_state: usize,
    pub emptied: usize,
    pub turned_back: usize,
    pub forks: usize,
}

/// A place whose processes are killed.
pub struct World {
    place: Place,
    random: Random,
    /// What was acknowledged last.
    saved: i64,
    tally: Tally,
}

impl World {
    pub fn new(journal: &'static str, seed: u64) -> Self {
        let place = Place::new(journal, &["a", "b", "c"], 2);
        Self { place, random: Random::new(seed), saved: 0, tally: Tally::default() }
    }

    /// Kills so many processes. After each kill something may be lost, or the device may turn back.
    pub fn kill(mut self, kills: usize) -> Tally {
        for kill in 0..kills {
            let context = format!("after {kill} kills");
            self.kill_one(&context);
            let live = counter(&self.place.open());
            self.place.check_copies(self.saved, live, &context);
            match self.random.below(20) {
                0 => self.lose_state(&context),
                1 => self.empty_a_copy(&context),
                2 => self.turn_back(&context),
                3 => self.fork(&context),
                4..8 => self.place.go_on(Value::Null, &context),
                // The next process goes on by itself.
                _ => continue,
            }
            self.saved = counter(&self.place.open());
        }
        self.place.go_on(Value::Null, "in the end");
        self.tally
    }

    /// Kills a process in its first save, which has to go on from the last kill, or in one of the next.
    fn kill_one(&mut self, context: &str) {
        let mut told = self.place.told(Value::Null);
        (told.goes_on, told.changes) = (true, self.random.below(2) == 0);
        let (after, delay) = (self.random.below(3), Duration::from_micros(self.random.below(30_000)));
        let mut child = self.place.process(&told).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut said, mut seen) = (Said::default(), 0);
        while let Some(Ok(line)) = lines.next() {
            said.add(&line);
            seen += u64::from(line.starts_with("live "));
            if seen > after {
                break;
            }
        }
        std::thread::sleep(delay);
        child.kill().unwrap();
        child.wait().unwrap();
        lines.map_while(Result::ok).for_each(|line| said.add(&line));
        assert_eq!(said.failed, None, "{context}");
        assert!(seen > after, "{context}: the process ended by itself");
        self.saved = said.saved.unwrap_or(self.saved);
        self.tally.kills += 1;
        self.tally.saves += said.saves;
        self.tally.in_spool += usize::from(self.place.local().join("spool/spool").exists());
    }

    /// The newest record of all copies.
    fn newest(&self) -> (i64, String) {
        let sql = "SELECT number, record FROM backup_log(?, ?) LIMIT 1";
        let db = crate::common::memory();
        let newest = db.query_row(sql, [&self.place.stores(), &self.place.key], |row| Ok((row.get(0)?, row.get(1)?)));
        newest.unwrap()
    }

    /// The save asks, and names the newest record, which copies have it, and what can be done. The answer works.
    fn asks(&mut self, words: &[&str], context: &str) {
        let (number, record) = self.newest();
        let error = self.place.save(Value::Null).expect_err(context);
        assert!(error.starts_with("backup_save: mismatch: "), "{context}: {error}");
        let newest = format!("number {number} in dir:");
        for word in [&newest, &record, "nothing was put", "`continue`"].into_iter().chain(words.iter().copied()) {
            assert!(error.contains(word), "{context}: {word} is not in: {error}");
        }
        assert_eq!(self.newest(), (number, record.clone()), "{context}: something was put");
        self.place.go_on(json!({"continue": record}), context);
    }

    /// The local state is lost. If no copy has the live state, the next save asks.
    fn lose_state(&mut self, context: &str) {
        let context = format!("{context}, without local state");
        self.tally.lost_state += 1;
        if self.random.below(2) == 0 {
            self.place.go_on(Value::Null, &context);
        }
        fs::remove_dir_all(self.place.local()).unwrap();
        let live = counter(&self.place.open());
        let copies = self.place.copies.clone();
        let newest = copies.iter().map(|copy| self.place.restored(copy)).max();
        if newest == Some(live) || newest == Some(0) {
            self.place.go_on(Value::Null, &context);
        } else {
            self.tally.asked_without_state += 1;
            self.asks(&["this place remembers nothing", "restore it"], &context);
        }
    }

    /// A copy loses all. It is named, and it gets nothing before somebody says so.
    fn empty_a_copy(&mut self, context: &str) {
        let context = format!("{context}, with an emptied copy");
        // So that all copies hold something.
        self.place.go_on(Value::Null, &context);
        self.tally.emptied += 1;
        let copy = self.place.copies[self.random.below(3) as usize];
        fs::remove_dir_all(self.place.copy(copy)).unwrap();
        change(&self.place.open());
        let summary = self.place.save(Value::Null).unwrap_or_else(|error| panic!("{context}: {error}"));
        let lost: Vec<_> =
            summary["copies"].as_array().unwrap().iter().filter(|copy| copy["state"] == "lost").collect();
        assert_eq!((lost.len(), &summary["done"]), (1, &json!(2)), "{context}: {summary}");
        assert_eq!(lost[0]["store"], self.place.store(copy), "{context}");
        assert!(lost[0]["why"].as_str().unwrap().contains("`add`"), "{context}: {summary}");
        assert_eq!(self.place.restored(copy), 0, "{context}: it was filled in silence");
        self.place.go_on(json!({"add": true}), &context);
    }

    /// The whole device is put back to an image of it. The copies went on meanwhile.
    fn turn_back(&mut self, context: &str) {
        let context = format!("{context}, with an old image of the device");
        self.tally.turned_back += 1;
        let image = self.place.path("image");
        copy_directory(&self.place.path("device"), &image);
        // Two changes at least: the image makes one at most, and the same change leads to the same state.
        for _ in 0..2 + self.random.below(3) {
            change(&self.place.open());
            self.place.save(Value::Null).unwrap_or_else(|error| panic!("{context}: {error}"));
        }
        // The image remembers the head of its time.
        let (newest, _) = self.newest();
        fs::remove_dir_all(self.place.path("device")).unwrap();
        fs::rename(image, self.place.path("device")).unwrap();
        if self.random.below(2) == 0 {
            change(&self.place.open());
        }
        self.asks(&["this place remembers n", &format!("the newest is number {newest}")], &context);
    }

    /// An image of the device has a record in its spool. The device loses its local state before it has put that
    /// record, and goes on. Then the image comes back: its record and the newest one are ends of a fork.
    fn fork(&mut self, context: &str) {
        let context = format!("{context}, with a fork");
        self.place.go_on(Value::Null, &context);
        change(&self.place.open());
        self.tally.forks += 1;
        let killed = save_with_fault(&self.place, Value::Null, &self.place.path("copies"), 1, Fault::Kill);
        assert_eq!(killed.code, Some(128 + 9), "{context}");
        assert!(self.place.local().join("spool/spool").exists(), "{context}: nothing is in the spool");
        let image = self.place.path("image");
        copy_directory(&self.place.path("device"), &image);
        fs::remove_dir_all(self.place.local()).unwrap();
        change(&self.place.open());
        self.asks(&["this place remembers nothing"], &context);
        fs::remove_dir_all(self.place.path("device")).unwrap();
        fs::rename(image, self.place.path("device")).unwrap();
        self.asks(&["in this place: ", "restore the state that should live on"], &context);
    }
}
