//! What saves and checks see of copies, as events.

use super::kind::{Kind, Level};
use super::settings::Settings;
use super::state::{Notes, Saves, Subject, about};
use lifeboat_core::ErrorKind;
use serde_json::json;

const DAY: u64 = 86_400;
/// A copy that lacks the newest state for so long is a failure.
const BEHIND_MAX: u64 = 7 * DAY;
/// A store that no save names for so long is removed.
const UNNAMED_MAX: u64 = 7 * DAY;

/// How a copy was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// It holds the newest state.
    Current,
    /// It lacks the newest state.
    Behind(Option<&'a str>),
    /// Its store is not there, or does not answer.
    Away(Option<&'a str>),
    /// It holds nothing any more.
    Lost(Option<&'a str>),
    /// It holds only older records than it did.
    RolledBack(Option<&'a str>),
    /// It answers. No more is known.
    Answers,
}

/// A save that reached its minimum.
pub(crate) struct SaveNote {
    pub(crate) number: u64,
    pub(crate) minimum: usize,
    pub(crate) done: usize,
    pub(crate) copies: usize,
    pub(crate) changed: bool,
    pub(crate) bytes: u64,
}

impl Notes<'_> {
    /// Notes how a copy of a domain was found.
    pub(crate) fn copy(&mut self, store: &str, domain: &str, found: Found<'_>) {
        let (of_store, of_copy) = (Subject::store(store), Subject::copy(store, domain));
        let said = |why: Option<&str>| about([("store", json!(store)), ("why", json!(why))]);
        if !matches!(found, Found::Away(_)) {
            self.end(Kind::StoreUnreachable, &of_store);
        }
        match found {
            Found::Answers => {}
            Found::Current => {
                [Kind::CopyBehind, Kind::Lost, Kind::RolledBack].into_iter().for_each(|kind| self.end(kind, &of_copy));
            }
            Found::Behind(why) => {
                let since = self.hold(Kind::CopyBehind, &of_copy);
                self.begin(Kind::CopyBehind, self.level_since(since).unwrap_or(Level::Warning), &of_copy, said(why));
            }
            Found::Away(why) => {
                // A stick that is not connected is no reason to worry yet.
                let level = if store.starts_with("volume:") { Level::Normal } else { Level::Warning };
                self.begin(Kind::StoreUnreachable, level, &of_store, said(why));
                let since = self.hold(Kind::CopyBehind, &of_copy);
                if let Some(level) = self.level_since(since) {
                    self.begin(Kind::CopyBehind, level, &of_copy, said(why));
                }
            }
            Found::Lost(why) => self.begin(Kind::Lost, Level::Failure, &of_copy, said(why)),
            Found::RolledBack(why) => self.begin(Kind::RolledBack, Level::Failure, &of_copy, said(why)),
        }
    }

    fn level_since(&self, since: u64) -> Option<Level> {
        (self.now.saturating_sub(since) >= BEHIND_MAX).then_some(Level::Failure)
    }

    /// Notes which stores a save names, and which of them hold the newest state.
    pub(crate) fn named<'s>(&mut self, stores: impl IntoIterator<Item = (&'s str, bool)>) {
        let now = self.now;
        for (store, holds_it) in stores {
            let known = self.store(store);
            known.named = now;
            if holds_it && !std::mem::replace(&mut known.was_added, true) {
                self.once(Kind::CopyAdded, Level::Normal, about([("store", json!(store))]));
            }
        }
        let is_gone = |named: u64| now.saturating_sub(named) >= UNNAMED_MAX;
        let gone = self.state.stores.iter().filter(|(_, known)| is_gone(known.named)).map(|(store, _)| store.clone());
        for store in gone.collect::<Vec<_>>() {
            self.removed(&store, "no save named it for 7 days");
        }
    }

    /// A copy is no longer one.
    pub(crate) fn removed(&mut self, store: &str, why: &str) {
        self.forget_store(store);
        self.once(Kind::CopyRemoved, Level::Normal, about([("store", json!(store)), ("why", json!(why))]));
    }

    /// Notes a save that failed for a reason that has no kind of its own.
    pub(crate) fn not_saved(&mut self, domain: &str, kind: ErrorKind, why: &str) {
        let said = about([("error", json!(kind.name())), ("why", json!(why))]);
        self.begin(Kind::NotSaved, Level::Failure, &Subject::of(domain), said);
    }

    /// Whether a save that failed so has told it under a kind of its own.
    pub(super) fn is_told(&mut self, domain: &str, kind: ErrorKind) -> bool {
        let own = match kind {
            ErrorKind::Mismatch => Kind::Fork,
            ErrorKind::Unreachable => Kind::BelowMinimum,
            _ => return false,
        };
        self.holds(own, &Subject::of(domain))
    }

    /// Notes a save that reached its minimum.
    pub(crate) fn saved(&mut self, settings: &Settings, domain: &str, save: &SaveNote) {
        for kind in [Kind::BelowMinimum, Kind::NotSaved, Kind::Fork] {
            self.end(kind, &Subject::of(domain));
        }
        let now = self.now;
        let saves = &mut self.state.saves;
        saves.saves += 1;
        saves.changed += u64::from(save.changed);
        saves.bytes += save.bytes;
        if saves.told_at.is_some_and(|told| told <= now && now - told < settings.normal_every()) {
            return;
        }
        let told = std::mem::replace(saves, Saves { told_at: Some(now), ..Saves::default() });
        let said = about([
            ("number", json!(save.number)),
            ("done", json!(save.done)),
            ("copies", json!(save.copies)),
            ("minimum", json!(save.minimum)),
            ("saves", json!(told.saves)),
            ("changed", json!(told.changed)),
            ("bytes", json!(told.bytes)),
        ]);
        self.once(Kind::Saved, Level::Normal, said);
    }
}
