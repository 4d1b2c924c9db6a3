//! What was told already, so that a state is told when it begins and when it ends, and not at each save.

use super::event::{About, Event};
use super::figures::Figures;
use super::kind::{Kind, Level};
use crate::date_of;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// The version of the file's format.
pub(super) const VERSION: u32 = 1;
/// A state that ended and begins again within this many seconds is not told again before they are over.
const QUIET: u64 = 600;
/// A state that ended so many seconds ago is forgotten.
const FORGOTTEN: u64 = 86_400;
/// The most states that are remembered.
const OPEN_MAX: usize = 300;
/// The most stores that are remembered.
const STORES_MAX: usize = 64;

/// The file `state`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct State {
    pub(super) version: u32,
    /// The name of the log.
    pub(super) log: String,
    /// The number of the next event.
    pub(super) next: u64,
    /// Events that are noted here, and may not be in the log yet.
    pub(super) pending: Vec<Event>,
    /// What holds now, and what ended a short time ago.
    pub(super) open: Vec<Open>,
    /// The stores that saves named, by their names.
    pub(super) stores: BTreeMap<String, Known>,
    /// Saves since they were told.
    pub(super) saves: Saves,
    /// The figures that limits are about.
    pub(super) figures: Figures,
    /// When the figures of this machine were told.
    pub(super) health_told: Option<u64>,
}

/// Something that holds for a while.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Open {
    kind: Kind,
    subject: Subject,
    since: u64,
    /// As what it was told. None: it was not.
    told: Option<Level>,
    /// When it was told.
    told_at: Option<u64>,
    /// When it ended. None: it holds.
    ended: Option<u64>,
    /// How deep one has to look to see it.
    #[serde(default)]
    depth: u8,
}

/// What something is about: a store, a series, a limit. Empty: that does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Subject {
    /// The name of a store.
    pub(crate) store: String,
    /// The id of a domain, or the name of a limit.
    pub(crate) of: String,
}

impl Subject {
    pub(crate) fn store(store: &str) -> Self {
        Self { store: store.to_owned(), of: String::new() }
    }

    pub(crate) fn of(of: &str) -> Self {
        Self { store: String::new(), of: of.to_owned() }
    }

    pub(crate) fn copy(store: &str, domain: &str) -> Self {
        Self { store: store.to_owned(), of: domain.to_owned() }
    }
}

/// What is remembered of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Known {
    /// The last save that named it.
    pub(super) named: u64,
    /// It held the newest state once.
    pub(super) was_added: bool,
}

/// Saves since they were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Saves {
    pub(super) told_at: Option<u64>,
    pub(super) saves: u64,
    pub(super) changed: u64,
    pub(super) bytes: u64,
}

/// The state while something is noted, and the new events.
pub(crate) struct Notes<'a> {
    pub(super) state: &'a mut State,
    pub(super) new: Vec<Event>,
    /// The time, in seconds since 1970.
    pub(crate) now: u64,
}

impl State {
    pub(super) fn new(log: String) -> Self {
        Self {
            version: VERSION,
            log,
            next: 1,
            pending: Vec::new(),
            open: Vec::new(),
            stores: BTreeMap::new(),
            saves: Saves::default(),
            figures: Figures::default(),
            health_told: None,
        }
    }
}

impl<'a> Notes<'a> {
    pub(super) fn new(state: &'a mut State, now: u64) -> Self {
        Self { state, new: Vec::new(), now }
    }

    /// An event of its own.
    pub(crate) fn once(&mut self, kind: Kind, level: Level, about: About) {
        let event = Event::new(self.state.next, self.now, level, kind, &self.state.log, about);
        self.state.next = self.state.next.saturating_add(1);
        self.new.push(event);
    }

    /// This holds now. Gives since when. It is not told yet.
    pub(crate) fn hold(&mut self, kind: Kind, subject: &Subject) -> u64 {
        let now = self.now;
        let Some(open) = self.find(kind, subject) else {
            let (subject, since) = (subject.clone(), now);
            let open = Open { kind, subject, since, told: None, told_at: None, ended: None, depth: 0 };
            if self.state.open.len() >= OPEN_MAX {
                self.state.open.remove(0);
            }
            self.state.open.push(open);
            return now;
        };
        if open.ended.take().is_some() {
            (open.since, open.told, open.depth) = (now, None, 0);
        }
        // The clock was set back.
        open.since = open.since.min(now);
        open.since
    }

    /// Whether this holds, as far as it was noted.
    pub(super) fn holds(&mut self, kind: Kind, subject: &Subject) -> bool {
        self.find(kind, subject).is_some_and(|open| open.ended.is_none())
    }

    /// This holds now. It is told if it was not told before, or not as something so grave.
    pub(crate) fn begin(&mut self, kind: Kind, level: Level, subject: &Subject, mut about: About) {
        let (since, now) = (self.hold(kind, subject), self.now);
        let Some(open) = self.find(kind, subject) else { return };
        if open.told.is_some_and(|told| told >= level) {
            return;
        }
        let is_worse = open.told.is_some();
        let is_quiet = open.told_at.is_some_and(|told_at| told_at <= now && now - told_at < QUIET);
        if is_quiet && !is_worse {
            return;
        }
        (open.told, open.told_at) = (Some(level), Some(now));
        about.insert("state".into(), json!(if is_worse { "worse" } else { "begins" }));
        about.insert("since".into(), json!(date_of(since)));
        self.once(kind, level, about);
    }

    /// This does not hold now. That is told if it was told that it does.
    pub(crate) fn end(&mut self, kind: Kind, subject: &Subject) {
        let now = self.now;
        let Some(open) = self.find(kind, subject).filter(|open| open.ended.is_none()) else { return };
        open.ended = Some(now);
        let (told, since) = (open.told.take(), open.since);
        if told.is_none() {
            return;
        }
        let mut about = About::new();
        if !subject.store.is_empty() {
            about.insert("store".into(), json!(subject.store));
        }
        if !subject.of.is_empty() {
            about.insert(kind.subject_name().into(), json!(subject.of));
        }
        about.insert("state".into(), json!("over"));
        about.insert("since".into(), json!(date_of(since)));
        self.once(kind, Level::Normal, about);
    }

    /// This ends without a word: something else says it.
    pub(crate) fn drop(&mut self, kind: Kind, subject: &Subject) {
        let now = self.now;
        if let Some(open) = self.find(kind, subject) {
            (open.ended, open.told) = (Some(open.ended.unwrap_or(now)), None);
        }
    }

    /// Ends this if one has looked deep enough to see it.
    pub(crate) fn end_at(&mut self, kind: Kind, subject: &Subject, depth: u8) {
        if self.find(kind, subject).is_some_and(|open| open.depth <= depth) {
            self.end(kind, subject);
        }
    }

    /// As [`Notes::begin`], for what one sees only at this depth.
    pub(crate) fn begin_at(&mut self, kind: Kind, level: Level, subject: &Subject, depth: u8, about: About) {
        self.begin(kind, level, subject, about);
        if let Some(open) = self.find(kind, subject) {
            open.depth = open.depth.max(depth);
        }
    }

    /// What is remembered of a store that is named now. If there are too many, the one that was not named for the
    /// longest time is forgotten.
    pub(super) fn store(&mut self, name: &str) -> &mut Known {
        let stores = &mut self.state.stores;
        if stores.len() >= STORES_MAX && !stores.contains_key(name) {
            let oldest = stores.iter().min_by_key(|(_, known)| known.named).map(|(name, _)| name.clone());
            oldest.and_then(|oldest| stores.remove(&oldest));
        }
        stores.entry(name.to_owned()).or_default()
    }

    /// Forgets all that holds of a store.
    pub(super) fn forget_store(&mut self, name: &str) {
        self.state.stores.remove(name);
        self.state.open.retain(|open| open.subject.store != name);
    }

    /// Forgets what ended long ago.
    pub(super) fn tidy(&mut self) {
        let now = self.now;
        self.state.open.retain(|open| open.ended.is_none_or(|ended| now < ended.saturating_add(FORGOTTEN)));
    }

    fn find(&mut self, kind: Kind, subject: &Subject) -> Option<&mut Open> {
        self.state.open.iter_mut().find(|open| open.kind == kind && open.subject == *subject)
    }
}

impl Kind {
    /// What [`Subject::of`] is.
    fn subject_name(self) -> &'static str {
        match self {
            Self::LimitImminent | Self::LimitReached => "limit",
            Self::KeeperHealth => "figure",
            _ => "domain",
        }
    }
}

/// Fields of an event.
pub(crate) fn about<const N: usize>(fields: [(&str, serde_json::Value); N]) -> About {
    fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(state: &mut State, now: u64, note: impl FnOnce(&mut Notes<'_>)) -> Vec<(Kind, Level, String)> {
        let mut notes = Notes::new(state, now);
        note(&mut notes);
        notes.tidy();
        let word =
            |event: &Event| event.about.get("state").and_then(|word| word.as_str()).unwrap_or_default().to_owned();
        notes.new.iter().map(|event| (event.kind, event.level, word(event))).collect()
    }

    #[test]
    fn a_state_is_told_when_it_begins_and_ends() {
        let mut state = State::new("0".into());
        let (kind, store) = (Kind::StoreUnreachable, Subject::store("dir:a"));
        let begin = |level: Level| {
            move |notes: &mut Notes<'_>| notes.begin(kind, level, &Subject::store("dir:a"), About::new())
        };
        let told = |level, word: &str| vec![(kind, level, word.to_owned())];
        assert_eq!(at(&mut state, 1000, begin(Level::Warning)), told(Level::Warning, "begins"));
        for now in 1001..2000 {
            assert_eq!(at(&mut state, now, begin(Level::Warning)), []);
        }
        assert_eq!(at(&mut state, 2000, begin(Level::Failure)), told(Level::Failure, "worse"));
        assert_eq!(at(&mut state, 2001, begin(Level::Warning)), []);
        assert_eq!(at(&mut state, 2002, |notes| notes.end(kind, &store)), told(Level::Normal, "over"));
        assert_eq!(at(&mut state, 2003, |notes| notes.end(kind, &store)), []);
        assert_eq!(state.next, 4);
        // What flaps is told again only after a while, if it still holds.
        let mut events = 0;
        for now in 2004..20_000 {
            events += at(&mut state, now, |notes| match now % 2 {
                0 => notes.begin(kind, Level::Warning, &store, About::new()),
                _ => notes.end(kind, &store),
            })
            .len();
        }
        assert!((20..70).contains(&events), "{events}");
        at(&mut state, 20_000, |notes| notes.end(kind, &store));
        at(&mut state, 20_000 + FORGOTTEN, |_| {});
        assert_eq!(state.open, []);
        // The clock was set back.
        at(&mut state, 50_000, begin(Level::Warning));
        assert_eq!(at(&mut state, 10, |notes| assert_eq!(notes.hold(kind, &store), 10)), []);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut state = State::new("0".into());
        for number in 0..1000 {
            at(&mut state, number, |notes| {
                notes.begin(Kind::Damaged, Level::Failure, &Subject::store(&number.to_string()), About::new());
                notes.store(&number.to_string()).named = number;
            });
        }
        assert_eq!((state.open.len(), state.stores.len()), (OPEN_MAX, STORES_MAX));
        assert!(state.stores.contains_key("999") && !state.stores.contains_key("0"));
    }
}
