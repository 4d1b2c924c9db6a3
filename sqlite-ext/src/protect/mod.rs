//! Backups that happen by themselves: one thread for each protected database saves after commits of any process.
//!
//! ```text
//! options    what a caller may choose, and how two callers differ
//! registry   the protected databases of this process, and the connections that hold them
//! holder     how the end of a connection is noticed
//! protected  one database: what its thread and the callers tell one another
//! worker     the thread: looks, waits, saves
//! watch      learns of commits; pace: when a save is due; saving: one save
//! status     what a report says
//! pin, fork  the library stays loaded; a process may fork
//! ```
//!
//! **The thread** has a connection of its own to look with, and one more for each save. It does nothing that
//! another application with the database open could not do: no hook is set, and nothing is done on the application's connection.
//!
//! ```text
//!  opening ──► saving ◄─────────────────┐ due
//!     │          │  │ error             │
//!     │ refused  │  └────► retrying ────┤     stopped: another file has the place of the database,
//!     ▼          │ done                 │     or the thread met a bug
//!  no thread     └► watching ► pending ─┘
//! ```
//!
//! In each state it looks for its end: between two looks for commits it is woken, and a save asks each 10 ms.
//!
//! **Locks.** Whoever holds one of these takes only those after it.
//!
//! | lock | who holds it | for how long |
//! |---|---|---|
//! | the registry's mutex | a caller that looks up, begins or ends a protection. It calls no SQLite meanwhile, and joins no thread | µs |
//! | the turn of a database | whoever saves it: its thread, or `backup_save` of this process | a save |
//! | `lock` in the local state | whoever saves it, in any process | a save |
//! | the mutex of a database | to read or write a field | ns |
//!
//! **What ends it**
//!
//! | event | what happens |
//! |---|---|
//! | `sqlite3_close` of a holder | `xDisconnect` of [`holder`], before SQLite closes the file. The last holder stops the thread and joins it. Its connections are closed before that of the application, which so removes `-wal` and `-shm` |
//! | the same, but SQLite answers BUSY | as above. The connection lives on without protection, until it calls `backup_protect` again |
//! | `backup_unprotect` | as above |
//! | the thread does not end | DNS or a disk hangs: it is left alone after [`JOIN`](protected::JOIN), and ends by itself. The library is [pinned](pin) |
//! | `fork` | forks [wait](fork) until no thread of ours is in SQLite. In the child the registry is empty: it compares process ids, and touches no mutex from before |
//! | unload of the library | it is pinned when the first thread starts |
//! | `exit` | nothing is saved. The system ends the thread; the local state is made for that (`core/store/DURABILITY.md`) |
//! | `sqlite3_interrupt` | it ends the call that waits, never the thread's save |

mod fork;
mod holder;
mod options;
mod pace;
mod pin;
mod protected;
mod registry;
mod saving;
mod status;
mod watch;
mod worker;

pub(crate) use options::{Asked, Chosen};
pub(crate) use registry::{Identity, of, of_local, protect, unprotect};
pub(crate) use status::Protection;
pub(crate) use worker::Job;
