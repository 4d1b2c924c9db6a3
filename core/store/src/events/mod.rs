//! Events: what saves, checks and prunes tell to somebody who is not there. They lie in the local state, are read with
//! a cursor, and are sent to a receiver (`DURABILITY.md`, "Events").
//!
//! ```text
//! settings  what the caller configures: span, url; limits; where events are sent
//! kind      kinds and levels; event: one line of JSON
//! state     what was told already, so that a state is told when it begins and when it ends
//! copies    what is told of copies and saves
//! figures   figures over time, and their forecast; limits: figures against limits; health: this machine
//! journal   the files: the log, and the state, one step after the other
//! read      the log with a cursor
//! deliver   sends the log to a receiver; http: one request
//! presence  who protects the database now
//! ```
//!
//! Nothing here knows saves, checks and prunes. Each of them has a file `events` that says what it tells.

mod copies;
mod deliver;
mod event;
mod figures;
mod health;
#[cfg_attr(not(feature = "s3"), path = "no_http.rs")]
mod http;
mod journal;
mod kind;
mod limits;
mod presence;
mod read;
mod settings;
mod span;
mod state;
mod url;

pub(crate) use copies::{Found, SaveNote};
pub use deliver::Delivered;
pub use event::{About, Event};
pub use figures::growth;
pub(crate) use health::Health;
pub use journal::Events;
pub(crate) use journal::examine;
pub use kind::{Kind, Level};
pub use presence::Presence;
pub use read::read;
pub use settings::{Bound, Limit, Limits, Measure, Notify, Settings};
pub use span::Span;
pub(crate) use state::{Notes, Subject, about};
pub use url::Url;

use lifeboat_core::{ErrorKind, Result};
use std::time::Duration;

impl Events<'_> {
    /// The usual time for [`Events::deliver`] at the end of a save or a check.
    pub const TIME: Duration = Duration::from_secs(3);

    /// Adds one event. For what holds for a while, use [`Events::begin`] and [`Events::end`].
    ///
    /// # Errors
    /// Host when it cannot be written, with SQLite's code for a full disk; busy when another process holds the lock;
    /// unsupported when a later version wrote the state.
    pub fn once(&self, kind: Kind, level: Level, about: About) -> Result<()> {
        self.note(|notes| notes.once(kind, level, about))
    }

    /// This holds now, of what `of` names (it may be empty). It is told when it begins, and when it becomes worse.
    ///
    /// # Errors
    /// As [`Events::once`].
    pub fn begin(&self, kind: Kind, level: Level, of: &str, about: About) -> Result<()> {
        self.note(|notes| notes.begin(kind, level, &Subject::of(of), about))
    }

    /// This does not hold any more. It is told if it was told that it did.
    ///
    /// # Errors
    /// As [`Events::once`].
    pub fn end(&self, kind: Kind, of: &str) -> Result<()> {
        self.note(|notes| notes.end(kind, &Subject::of(of)))
    }

    /// A save of the domain `of` failed with an error of this kind. Most failed saves tell that themselves, and then this is
    /// silent. It is for those that fail before they can: a local state that cannot be read, a store that cannot be opened.
    ///
    /// # Errors
    /// As [`Events::once`].
    pub fn not_saved(&self, of: &str, kind: ErrorKind, why: &str) -> Result<()> {
        self.note(|notes| {
            if !notes.is_told(of, kind) {
                notes.not_saved(of, kind, why);
            }
        })
    }

    /// A copy is no longer one: it was dropped, or nobody wants it any more. What is known of it is forgotten.
    ///
    /// # Errors
    /// As [`Events::once`].
    pub fn copy_removed(&self, store: &str, why: &str) -> Result<()> {
        self.note(|notes| notes.removed(store, why))
    }

    /// Measures this machine: memory and load. It is told once for each period, and when a limit is passed.
    ///
    /// # Errors
    /// As [`Events::once`].
    pub fn health(&self) -> Result<()> {
        let health = Health::of_machine();
        self.note(|notes| notes.health(self.settings, &health))
    }
}
