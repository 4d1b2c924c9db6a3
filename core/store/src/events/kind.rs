//! What events are about, and how much they matter.

use serde::{Deserialize, Serialize};

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// All is well, or well again.
    Normal,
    /// Nothing failed yet. Somebody should look.
    Warning,
    /// A promise does not hold now. Somebody must act.
    Failure,
}

macro_rules! kinds {
    ($($(#[$about:meta])* $kind:ident $name:literal,)*) => {
        /// What an event is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$about])* $kind,)*
        }

        impl Kind {
            /// All kinds.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$kind),*];

            /// The word in the log of events.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// Saves reached their minimum. It is told once for each period, with their number.
    Saved "saved",
    /// A save failed for another reason than its copies.
    NotSaved "not_saved",
    /// Fewer copies than the minimum hold the newest state.
    BelowMinimum "below_minimum",
    /// A copy lacks the newest state.
    CopyBehind "copy_behind",
    /// A copy holds the newest state for the first time.
    CopyAdded "copy_added",
    /// A copy was dropped, or no save names it any more.
    CopyRemoved "copy_removed",
    /// A store is not there, or does not answer.
    StoreUnreachable "store_unreachable",
    /// A copy is empty that held records; or no copy has an object that states need.
    Lost "lost",
    /// A copy holds only older records than it did.
    RolledBack "rolled_back",
    /// Objects of a copy are missing or have wrong bytes.
    Damaged "damaged",
    /// Objects were copied from another copy.
    Repaired "repaired",
    /// The log forks: two places saved to it.
    Fork "fork",
    /// Nothing saves the commits of a database any more.
    Unprotected "unprotected",
    /// All rows were read, and differ where the saves before had found nothing. Those saves lack these changes; the last
    /// one has them.
    RowsMissed "rows_missed",
    /// The forecast reaches a limit within its warning window.
    LimitImminent "limit_imminent",
    /// A limit is reached.
    LimitReached "limit_reached",
    /// Memory, disk or processor of this machine.
    KeeperHealth "keeper_health",
    /// Events are not in the log any more, or the log began anew. Only readers see this.
    Gone "gone",
}

impl Level {
    /// The word in the log of events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}
