//! What a save tells in the log of events.

use super::local::Local;
use super::request::Save;
use super::summary::{CopyState, SaveSummary};
use crate::events::{Events, Found, Kind, Level, Notes, SaveNote, Subject, about};
use lifeboat_core::log::RecordRef;
use lifeboat_core::{Error, ErrorKind, Result};
use serde_json::json;

/// What a save saw, whether it succeeds or not.
#[derive(Default)]
pub(super) struct Witness {
    /// One for each copy, in the caller's order.
    pub(super) copies: Vec<Sight>,
    /// The ends of the log, if it forks.
    pub(super) fork: Vec<RecordRef>,
}

/// What a save saw of one copy.
pub(super) struct Sight {
    /// None: it answers. No more is known yet.
    pub(super) state: Option<CopyState>,
    pub(super) why: Option<String>,
}

/// Notes how a save ended. Gives why that could not be written; the save itself is not touched by it.
pub(super) fn note(save: &Save<'_>, local: &Local<'_>, saved: &Result<SaveSummary>) -> Option<String> {
    if saved.as_ref().is_err_and(|error| error.kind() == ErrorKind::Interrupted) {
        return None;
    }
    let events = Events { files: save.files, local: save.local, settings: save.events, now: save.now };
    let domain = save.keys.id().to_string();
    let noted = events.note(|notes| {
        copies(notes, save, local, &domain);
        match saved {
            Ok(summary) => success(notes, save, local, &domain, summary),
            Err(error) => failure(notes, save, local, &domain, error),
        }
    });
    noted.err().map(|error| error.to_string())
}

fn copies(notes: &mut Notes<'_>, save: &Save<'_>, local: &Local<'_>, domain: &str) {
    for (copy, sight) in save.copies.iter().zip(&local.witness.copies) {
        let why = sight.why.as_deref();
        let found = match sight.state {
            None => Found::Answers,
            Some(CopyState::Done) => Found::Current,
            Some(CopyState::Behind | CopyState::New) => Found::Behind(why),
            Some(CopyState::Away) => Found::Away(why),
            Some(CopyState::Lost) => Found::Lost(why),
            Some(CopyState::RolledBack) => Found::RolledBack(why),
        };
        notes.copy(&copy.name.store, domain, found);
    }
}

fn success(notes: &mut Notes<'_>, save: &Save<'_>, local: &Local<'_>, domain: &str, summary: &SaveSummary) {
    let holds_it = |state: CopyState| state == CopyState::Done;
    notes.named(summary.copies.iter().map(|copy| (&*copy.store.store, holds_it(copy.state))));
    let put = local.head.as_ref().filter(|_| summary.changed);
    let of_bundles = put.map_or(0, |record| record.entry().bundles.iter().map(|bundle| bundle.length).sum());
    let note = SaveNote {
        number: summary.number,
        minimum: summary.minimum,
        done: summary.done,
        copies: summary.copies.len(),
        changed: summary.changed,
        bytes: of_bundles,
    };
    notes.saved(save.events, domain, &note);
    let (settings, series) = (save.events, Subject::of(domain));
    notes.measure(settings, "saves", &series, summary.number as f64);
    if let Some(record) = put {
        let (bytes, objects) = (of_bundles + record.bytes().len() as u64, record.entry().bundles.len() + 1);
        let is_first = summary.number == 1;
        notes.grow(settings, "series_bytes", &series, bytes as f64, is_first);
        notes.grow(settings, "objects", &series, objects as f64, is_first);
    }
    if let Some(weight) = local.memory.weight {
        notes.measure(settings, "bundle_bytes", &series, weight.full as f64);
    }
    if let Some(bytes) = save.database_bytes {
        notes.measure(settings, "database_bytes", &series, bytes as f64);
    }
    for (copy, of) in save.copies.iter().zip(&summary.copies).filter(|(_, of)| holds_it(of.state)) {
        if let Some(free) = copy.store.free() {
            notes.measure(settings, "free_bytes", &Subject::store(&of.store.store), free as f64);
        }
    }
}

fn failure(notes: &mut Notes<'_>, save: &Save<'_>, local: &Local<'_>, domain: &str, error: &Error) {
    let ends = local.witness.fork.iter().map(|end| format!("{} {}", end.number, end.hash));
    let ends: Vec<_> = ends.collect();
    let why = json!(error.message());
    let (kind, said) = if !ends.is_empty() {
        (Kind::Fork, about([("domain", json!(domain)), ("ends", json!(ends)), ("why", why)]))
    } else if error.kind() == ErrorKind::Unreachable {
        let done = local.witness.copies.iter().filter(|sight| sight.state == Some(CopyState::Done)).count();
        let copies = json!(save.copies.len());
        let said = [("done", json!(done)), ("copies", copies), ("minimum", json!(save.minimum)), ("why", why)];
        (Kind::BelowMinimum, about(said))
    } else {
        return notes.not_saved(domain, error.kind(), error.message());
    };
    notes.begin(kind, Level::Failure, &Subject::of(domain), said);
}
