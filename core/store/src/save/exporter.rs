//! What makes bundles of the live database. The extension has one; tests have their own.

use lifeboat_core::chain::Source;
use lifeboat_core::{Result, StateId};
use std::path::{Path, PathBuf};

/// What a delta may begin from.
pub enum Base {
    /// The ledger of this state: its parts, the oldest first. The first is a whole one.
    Ledger(StateId, Vec<PathBuf>),
    /// The bundles that lead to this state, the full one first. They are read by ranges.
    Chain(StateId, Vec<Box<dyn Source + Send>>),
    /// Nothing: a full bundle.
    Nothing,
}

impl Base {
    /// The state that it is.
    pub fn state_id(&self) -> Option<StateId> {
        match self {
            Self::Ledger(state_id, _) | Self::Chain(state_id, _) => Some(*state_id),
            Self::Nothing => None,
        }
    }
}

/// What an exporter wrote beside the bundle, so that the next delta needs no base from a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerPart {
    /// Nothing: there is no ledger of the new state.
    None,
    /// The whole ledger of the new state. All parts before it may go.
    Whole,
    /// What the ledger that it was given lacks.
    Behind,
}

/// What an exporter made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The state of the live database.
    pub state_id: StateId,
    /// The bundle was written. Else the state is that of the base, and there is nothing to write.
    pub changed: bool,
    /// It is a full bundle: the base was of no use, or was none.
    pub full: bool,
    /// What was written beside it.
    pub ledger: LedgerPart,
}

/// Makes bundles of a live database. All its calls in one save may see different states: the last one counts.
pub trait Exporter {
    /// The state of the live database now.
    ///
    /// # Errors
    /// Whatever hinders it.
    fn state_id(&mut self) -> Result<StateId>;

    /// Writes a bundle that leads from the base to the live state into the file `bundle`, and what the ledger then needs
    /// into the file `ledger`. Neither exists before. It need not sync them. A ledger that cannot be read is no error: then
    /// the bundle is full.
    ///
    /// # Errors
    /// Whatever hinders it. What it wrote until then is removed by the caller.
    fn export(&mut self, base: Base, bundle: &Path, ledger: &Path) -> Result<Exported>;

    /// Writes into the file `bundle` the one bundle that these deltas make together: byte for byte what an export from the
    /// state that the first leads from to the one that the last leads to would make. The oldest comes first, and each leads
    /// from where the one before it leads to. The file does not exist before, and need not be synced. Gives the states that
    /// the bundle leads from and to.
    ///
    /// The deltas are read from stores: no transaction of the application may be open meanwhile.
    ///
    /// # Errors
    /// Whatever hinders it. Then the save does without this bundle, unless the application interrupted it.
    fn compose(&mut self, deltas: Vec<Box<dyn Source + '_>>, bundle: &Path) -> Result<(Option<StateId>, StateId)>;
}
