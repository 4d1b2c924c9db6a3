//! What a check tells in the log of events.

use super::report::{CopyScrub, Level, ScrubReport, SeriesReport};
use crate::events::{Events, Found, Health, Kind, Level as Weight, Notes, Subject, about};
use crate::read::Standing;
use lifeboat_core::{Error, ErrorKind, Result};
use serde_json::json;
use std::time::Duration;

/// Bytes that have to be read before a speed is told.
const MEASURED: u64 = 16 << 20;

/// Notes what a check found, or why it failed. `took`: how long it ran.
///
/// Something that a deeper level found ends only with a check of that level that has reached the end of the series.
///
/// # Errors
/// As [`Events::once`].
pub fn note_events(events: &Events<'_>, checked: Result<&ScrubReport, &Error>, took: Duration) -> Result<()> {
    events.note(|notes| match checked {
        Ok(report) => {
            notes.end(Kind::StoreUnreachable, &Subject::default());
            for away in &report.unreachable {
                notes.begin(
                    Kind::StoreUnreachable,
                    Weight::Warning,
                    &Subject::store(&away.store.store),
                    about([("store", json!(away.store.store)), ("why", json!(away.why))]),
                );
            }
            report.series.iter().for_each(|series| note_series(notes, events, report.level, series));
            corruption(notes, report);
            let copies = report.series.iter().flat_map(|series| &series.copies);
            let read: u64 = copies.map(|copy| copy.read).sum();
            let seconds = took.as_secs_f64();
            let read_speed = (read >= MEASURED && seconds > 0.0).then(|| read as f64 / seconds);
            notes.health(events.settings, &Health { read_speed, ..Health::of_machine() });
        }
        Err(error) if error.kind() == ErrorKind::Unreachable => {
            let said = about([("why", json!(error.message()))]);
            notes.begin(Kind::StoreUnreachable, Weight::Warning, &Subject::default(), said);
        }
        // The caller has it.
        Err(_) => {}
    })
}

fn note_series(notes: &mut Notes<'_>, events: &Events<'_>, level: Level, series: &SeriesReport) {
    let domain = &*series.domain_id;
    for copy in &series.copies {
        let why = copy.why.as_deref();
        let found = match copy.state {
            Standing::Current => Found::Current,
            Standing::Behind | Standing::Empty => Found::Behind(why),
            Standing::Absent | Standing::Unreachable => Found::Away(why),
            Standing::Withholds => Found::RolledBack(why),
            Standing::Hostile | Standing::Forked => Found::Answers,
        };
        notes.copy(&copy.store.store, domain, found);
        note_damage(notes, level, series, copy);
        if let Some(copied) = copy.copied.filter(|copied| copied.objects > 0) {
            let said = about([
                ("store", json!(copy.store.store)),
                ("domain", json!(domain)),
                ("missing", json!(copy.missing.repaired)),
                ("damaged", json!(copy.damaged.repaired)),
                ("objects", json!(copied.objects)),
                ("bytes", json!(copied.bytes)),
            ]);
            notes.once(Kind::Repaired, Weight::Normal, said);
        }
    }
    let series_id = Subject::of(domain);
    if !series.forks.is_empty() {
        let ends: Vec<_> = series.forks.iter().map(|end| format!("{} {}", end.number, end.record)).collect();
        let said = about([("domain", json!(domain)), ("ends", json!(ends))]);
        notes.begin(Kind::Fork, Weight::Failure, &series_id, said);
    } else if series.checked {
        notes.end(Kind::Fork, &series_id);
    }
    if series.lost.count > 0 {
        let states = series.lost.first.iter().map(|lost| lost.states).max();
        let first = series.lost.first.first();
        let said = about([
            ("domain", json!(domain)),
            ("objects", json!(series.lost.count)),
            ("states", json!(states)),
            ("first", json!(first.map(|lost| lost.number))),
        ]);
        notes.begin_at(Kind::Lost, Weight::Failure, &series_id, depth(level), said);
    } else if series.checked {
        notes.end_at(Kind::Lost, &series_id, depth(level));
    }
    if let Some(number) = series.number {
        notes.measure(events.settings, "saves", &series_id, number as f64);
    }
    let copies = || series.copies.iter();
    let bytes = copies().map(|copy| copy.bytes).max();
    let objects = copies().map(|copy| copy.records + copy.bundles).max();
    for (name, largest) in [("series_bytes", bytes), ("objects", objects)] {
        if let Some(largest) = largest.filter(|largest| *largest > 0) {
            notes.measure(events.settings, name, &series_id, largest as f64);
        }
    }
}

fn note_damage(notes: &mut Notes<'_>, level: Level, series: &SeriesReport, copy: &CopyScrub) {
    let id = Subject::copy(&copy.store.store, &series.domain_id);
    let missing = copy.missing.count - copy.missing.repaired;
    let damaged = copy.damaged.count - copy.damaged.repaired;
    let is_hostile = copy.state == Standing::Hostile;
    if missing > 0 || damaged > 0 || is_hostile {
        let bad = copy.damaged.first.iter().find(|damaged| !damaged.repaired);
        let gone = copy.missing.first.iter().find(|missing| !missing.repaired);
        let object = bad.map(|bad| &bad.object).or(gone.map(|gone| &gone.object));
        let why = bad.map(|bad| &bad.why).or(copy.why.as_ref());
        let said = about([
            ("store", json!(copy.store.store)),
            ("domain", json!(series.domain_id)),
            ("missing", json!(missing)),
            ("damaged", json!(damaged)),
            ("object", json!(object)),
            ("item", json!(bad.and_then(|bad| bad.item))),
            ("byte", json!(bad.and_then(|bad| bad.byte))),
            ("why", json!(why)),
        ]);
        notes.begin_at(Kind::Damaged, Weight::Failure, &id, depth(level), said);
    } else if copy.complete {
        notes.end_at(Kind::Damaged, &id, depth(level));
    }
}

/// Wrong bytes on a disk of this machine: the disk may fail. A repair of the copy does not end that.
fn corruption(notes: &mut Notes<'_>, report: &ScrubReport) {
    let copies = || report.series.iter().flat_map(|series| &series.copies);
    let is_here = |store: &str| store.starts_with("dir:") || store.starts_with("volume:");
    let stores: std::collections::BTreeSet<_> =
        copies().map(|copy| &*copy.store.store).filter(|store| is_here(store)).collect();
    for store in stores {
        let of_store = || copies().filter(|copy| copy.store.store == store);
        let damaged: u64 = of_store().map(|copy| copy.damaged.count).sum();
        let id = Subject::copy(store, "corruption");
        if damaged > 0 {
            let said = [("figure", json!("corruption")), ("store", json!(store)), ("objects", json!(damaged))];
            notes.begin_at(Kind::KeeperHealth, Weight::Warning, &id, depth(report.level), about(said));
        } else if report.finished && of_store().all(|copy| copy.complete) {
            notes.end_at(Kind::KeeperHealth, &id, depth(report.level));
        }
    }
}

fn depth(level: Level) -> u8 {
    level as u8
}
