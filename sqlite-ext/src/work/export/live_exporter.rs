//! What a save to stores needs from SQLite: bundles of the live state, the id of that state, and composed bundles.

use crate::files::io_error;
use crate::work::export::Live;
use crate::work::export::compose;
use crate::work::export::options::Request;
use crate::work::keyed::Keyed;
use crate::work::read::file_source::BundleSource;
use crate::work::summary::Narrowed;
use lifeboat_core::chain::{self, Chain, Source};
use lifeboat_core::parallel::Written;
use lifeboat_core::{AccessKey, Error, ErrorKind, Result, StateId};
use lifeboat_sqlite::Connection;
use lifeboat_store::save::{Base, Exported, Exporter, LedgerPart};
use std::fs::File;
use std::io::{self, Sink};
use std::path::Path;

/// Exports the live state of one attached database.
pub(crate) struct LiveExporter<'a> {
    pub app: &'a Connection<'a>,
    pub keyed: &'a Keyed,
    pub request: &'a Request,
    /// Called from time to time on the thread of the caller. It says whether to go on.
    pub interrupt: &'a dyn Fn() -> Result<()>,
    /// What the last export says about its selection.
    pub narrowed: Narrowed,
}

/// Opens a base on the thread that reads it.
type Open<'a> = Box<dyn FnOnce() -> Result<chain::Base<'static>> + Send + 'a>;

impl Exporter for LiveExporter<'_> {
    fn state_id(&mut self) -> Result<StateId> {
        let live = Live::open(self.app, self.request)?;
        let places = (io::sink(), None::<Sink>);
        let (written, _) =
            live.write(&self.keyed.domain, self.request.threads, None::<Open<'_>>, self.interrupt, places)?;
        Ok(written.summary.state_id)
    }

    fn export(&mut self, base: Base, bundle: &Path, ledger: &Path) -> Result<Exported> {
        let mut live = Live::open(self.app, self.request)?;
        if matches!(base, Base::Chain(..)) {
            // The base is read over a network.
            live.snapshot.detach()?;
        }
        let key = &self.keyed.key;
        let base = opener(key, base);
        let has_base = base.is_some();
        let written = match self.write(&live, base, bundle, ledger) {
            Err(error) if has_base && is_of_base(&error) => {
                remove(bundle)?;
                remove(ledger)?;
                self.write(&live, None, bundle, ledger)?
            }
            written => written?,
        };
        self.narrowed = live.narrowed()?;
        let summary = &written.summary;
        let full = summary.base_id.is_none();
        let changed = full || summary.changes > 0;
        if !changed {
            remove(bundle)?;
            remove(ledger)?;
        }
        let ledger = if changed { LedgerPart::Whole } else { LedgerPart::None };
        Ok(Exported { state_id: summary.state_id, changed, full, ledger })
    }

    fn compose(&mut self, deltas: Vec<Box<dyn Source + '_>>, bundle: &Path) -> Result<(Option<StateId>, StateId)> {
        let keyed = self.keyed;
        let chain = Chain::open(&keyed.key, deltas)?;
        let (compress, threads) = (&self.request.compress, self.request.threads);
        let composed =
            compose::write(&chain, (&keyed.key, &keyed.domain), compress, threads, self.interrupt, create(bundle)?)?;
        let summary = &composed.written.summary;
        Ok((summary.base_id, summary.state_id))
    }
}

impl LiveExporter<'_> {
    fn write(
        &self,
        live: &Live<'_>,
        base: Option<Open<'_>>,
        bundle: &Path,
        ledger: &Path,
    ) -> Result<Written<File, File>> {
        let places = (create(bundle)?, Some(create(ledger)?));
        let written = live.write(&self.keyed.domain, self.request.threads, base, self.interrupt, places);
        written.map(|(written, _)| written)
    }
}

/// The function that opens the base. None: the bundle is full. A ledger of several parts comes with the change that
/// writes one.
fn opener<'a>(key: &'a AccessKey, base: Base) -> Option<Open<'a>> {
    match base {
        Base::Nothing => None,
        Base::Ledger(_, parts) => {
            let path = parts.into_iter().next()?;
            Some(Box::new(move || chain::Base::ledger(key, BundleSource::file(&path, "ledger")?)))
        }
        Base::Chain(_, sources) => Some(Box::new(move || {
            let chain = Chain::open(key, sources)?;
            chain.require_complete()?;
            chain.check_tables(&chain.schema()?)?;
            chain::Base::chain(&chain)
        })),
    }
}

/// Errors after which a full bundle can help. The ledger or the chain cannot be read, is damaged, or belongs to another
/// version or another selection. If the error is about the database after all, the full bundle meets it again.
fn is_of_base(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Corrupt
            | ErrorKind::Truncated
            | ErrorKind::Unsupported
            | ErrorKind::Mismatch
            | ErrorKind::Misuse
            | ErrorKind::Host
    )
}

/// A new file of its owner alone, whatever the umask says.
fn create(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| failed("written", path, error))
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("removed", path, error)),
        _ => Ok(()),
    }
}

fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    io_error(format!("local state: '{}' cannot be {what}", path.display()), error)
}
