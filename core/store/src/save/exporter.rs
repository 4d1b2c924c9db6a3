//! The trait that makes bundles of the live database. The extension implements it; so do the tests.

use lifeboat_core::chain::Source;
use lifeboat_core::{Result, StateId};
use std::path::{Path, PathBuf};

/// What a delta may go on from.
pub enum Base {
    /// The ledger of this state. Its parts come in order, the oldest first. The first part is a whole ledger.
    Ledger(StateId, Vec<PathBuf>),
    /// The bundles that lead to this state, the full one first. They are read by ranges.
    Chain(StateId, Vec<Box<dyn Source + Send>>),
    /// Nothing: the bundle must be full.
    Nothing,
}

impl Base {
    /// The state of this base.
    pub fn state_id(&self) -> Option<StateId> {
        match self {
            Self::Ledger(state_id, _) | Self::Chain(state_id, _) => Some(*state_id),
            Self::Nothing => None,
        }
    }
}

/// What an exporter wrote beside the bundle. With it, the next delta needs no base from a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerPart {
    /// Nothing: there is no ledger of the new state.
    None,
    /// The whole ledger of the new state. All parts before it may be removed.
    Whole,
    /// The part that the given ledger lacks.
    Behind,
}

/// What an exporter made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The state of the live database.
    pub state_id: StateId,
    /// The bundle was written. If not, the live state is that of the base, and there is nothing to write.
    pub changed: bool,
    /// It is a full bundle: there was no base, or the base was of no use.
    pub full: bool,
    /// What was written beside it.
    pub ledger: LedgerPart,
}

/// Makes bundles of a live database. The calls of one save may see different states; the last one counts.
pub trait Exporter {
    /// The state of the live database now.
    ///
    /// # Errors
    /// Anything that prevents it.
    fn state_id(&mut self) -> Result<StateId>;

    /// Writes a bundle into the file `bundle`. It leads from the base to the live state. What the ledger then needs
    /// goes into the file `ledger`. Neither file exists before. The exporter need not sync them. If the ledger cannot
    /// be read, that is no error: then the bundle is full.
    ///
    /// # Errors
    /// Anything that prevents it. The caller removes what it wrote until then.
    fn export(&mut self, base: Base, bundle: &Path, ledger: &Path) -> Result<Exported>;

    /// Composes these deltas into one bundle, and writes it into the file `bundle`. The first delta leads from one
    /// state, and the last delta leads to another. The bundle is byte for byte what an export between these two states
    /// would be. The oldest delta comes first. Each begins where the one before it ends. The file does not exist
    /// before, and need not be synced. Gives the states that the bundle leads from and to.
    ///
    /// The deltas are read from stores: no transaction of the application may be open meanwhile.
    ///
    /// # Errors
    /// Anything that prevents it. Then the save does without this bundle, unless the application interrupted it.
    fn compose(&mut self, deltas: Vec<Box<dyn Source + '_>>, bundle: &Path) -> Result<(Option<StateId>, StateId)>;
}
