//! The base of a delta: a chain of bundles, or the ledger that remembers its last state. If both are given, the
//! ledger is used as long as it is of that state.

use crate::files::{Found, FoundCall, Guard, Whose, Writing};
use crate::sql::arguments::Bundle;
use crate::work::export::options::Request;
use crate::work::keyed::Keyed;
use crate::work::read::file_source::{BundleSource, open_chain, with_path};
use lifeboat_core::chain::{Base, Chain};
use lifeboat_core::limits::CHAIN_MAX;
use lifeboat_core::{AccessKey, Error, ErrorKind, Result, StateId};
use lifeboat_sqlite::Connection;
use std::path::{Path, PathBuf};

/// All bases that a delta may have.
pub(crate) struct Bases {
    key: AccessKey,
    paths: Vec<PathBuf>,
    chain: Option<Chain<'static>>,
    ledger: Option<Ledger>,
    used: Used,
}

/// The file at the path of the ledger. It is missing, or it is a ledger of this key and domain.
struct Ledger {
    path: PathBuf,
    content: Content,
}

enum Content {
    Missing,
    Damaged(Error),
    /// Its header, footer and index are sound.
    State(StateId),
}

/// The base of the last attempt.
enum Used {
    Nothing,
    Ledger,
    Chain,
}

/// A base that was chosen. It is opened on the thread that reads it.
pub(crate) struct Choice {
    key: AccessKey,
    state: StateId,
    files: Files,
}

enum Files {
    Ledger(PathBuf),
    Chain(Vec<PathBuf>),
}

impl Choice {
    /// Opens the base.
    ///
    /// # Errors
    /// Those of reading; busy when the files have changed since they were first read.
    pub fn open(&self) -> Result<Base<'static>> {
        let base = match &self.files {
            Files::Ledger(path) => Base::ledger(&self.key, BundleSource::file(path, "ledger")?)?,
            Files::Chain(paths) => Base::chain(&chain(&self.key, paths)?)?,
        };
        if base.state_id() == self.state {
            Ok(base)
        } else {
            Err(Error::busy("the base or the ledger was replaced meanwhile; let one export at a time write it"))
        }
    }
}

fn chain(key: &AccessKey, paths: &[PathBuf]) -> Result<Chain<'static>> {
    let chain = open_chain(key, &bundles(paths))?;
    chain.require_complete()?;
    chain.check_tables(&chain.schema()?)?;
    Ok(chain)
}

fn bundles(paths: &[PathBuf]) -> Vec<Bundle<'static>> {
    paths.iter().map(|path| Bundle::File(path.clone())).collect()
}

impl Bases {
    /// Opens what the request names. Headers, footers and indexes of a chain are read, and also those of a ledger.
    ///
    /// # Errors
    /// Too big for a chain that may not become longer; those of [`Chain::open`]; mismatch when the chain is not
    /// complete; misuse when the ledger's path leads to something else.
    pub fn open(app: &Connection<'_>, keyed: &Keyed, request: &Request) -> Result<Self> {
        let Keyed { key, key_files, domain } = keyed;
        if request.base.as_ref().is_some_and(|paths| paths.len() >= CHAIN_MAX) {
            return Err(Error::too_big(format!(
                "the base has {CHAIN_MAX} bundles, and no reader takes a chain of more; make one bundle out of them with \
                 backup_compose_file, and lead on from that"
            )));
        }
        let guard =
            Guard(FoundCall { app, key, domain: Some(domain), key_files: key_files.clone(), reads: Vec::new() });
        let ledger = request.ledger.as_deref().map(|path| Ledger::open(keyed, &guard, path)).transpose()?;
        let chain = request.base.as_deref().map(|paths| chain(key, paths)).transpose();
        let chain = chain.map_err(|error| error.at("the base"))?;
        if let Some(chain) = &chain {
            check_name(keyed, chain.newest().domain(), "the base")?;
        }
        let paths = request.base.clone().unwrap_or_default();
        Ok(Self { key: key.clone(), paths, chain, ledger, used: Used::Nothing })
    }

    /// The base of the first attempt. None for a full bundle.
    ///
    /// # Errors
    /// Corrupt when the ledger is damaged and there is no chain; those of reading.
    pub fn choose(&mut self) -> Result<Option<Choice>> {
        let last = self.chain.as_ref().map(|chain| chain.last().state_id);
        match (&self.ledger, last) {
            (Some(Ledger { path, content: Content::State(state) }), last) if last.is_none_or(|last| last == *state) => {
                self.used = Used::Ledger;
                Ok(Some(Choice { key: self.key.clone(), state: *state, files: Files::Ledger(path.clone()) }))
            }
            // This version does not know the version of the ledger. All rows are read, and the ledger is written again.
            (Some(Ledger { content: Content::Damaged(error), .. }), None) if error.kind() == ErrorKind::Unsupported => {
                Ok(None)
            }
            (Some(ledger @ Ledger { content: Content::Damaged(error), .. }), None) => Err(ledger.damaged(error)),
            _ => Ok(self.choose_chain()),
        }
    }

    fn choose_chain(&mut self) -> Option<Choice> {
        let state = self.chain.as_ref()?.last().state_id;
        self.used = Used::Chain;
        Some(Choice { key: self.key.clone(), state, files: Files::Chain(self.paths.clone()) })
    }

    /// An attempt has failed. Gives another base to try, if the ledger was the reason. The chunks of a ledger are
    /// checked when they are read, so damage shows late.
    ///
    /// # Errors
    /// The same error, or one that says more.
    pub fn choose_again(&mut self, error: Error, interrupt: impl FnMut() -> Result<()>) -> Result<Option<Choice>> {
        let is_damage = matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Truncated);
        match (&self.used, &mut self.ledger, &self.chain) {
            (Used::Ledger, Some(ledger), chain) if is_damage => {
                // The error may be about the database.
                let Err(found) = ledger.check(&self.key, interrupt) else { return Err(error) };
                if found.kind() == ErrorKind::Interrupted {
                    return Err(found);
                }
                if chain.is_none() {
                    return Err(ledger.damaged(&found));
                }
                ledger.content = Content::Damaged(found);
                Ok(self.choose_chain())
            }
            (Used::Ledger, Some(ledger), None) if error.kind() == ErrorKind::Mismatch => Err(Error::mismatch(format!(
                "the ledger '{}' is of an earlier export with other options or of another database: {}; to begin \
                     anew, delete the ledger: the next export is then a full bundle",
                ledger.path.display(),
                error.message()
            ))),
            (Used::Chain, _, Some(chain)) if is_damage => match chain.check(interrupt) {
                Err(found) => Err(with_path(&bundles(&self.paths), found).at("the base")),
                Ok(()) => Err(error),
            },
            _ => Err(error),
        }
    }

    /// What was found at the path of the ledger, after the export has succeeded.
    pub fn found(&self) -> Before {
        match &self.ledger {
            Some(Ledger { content: Content::Missing, .. }) | None => Before::Missing,
            Some(Ledger { content: Content::Damaged(_), .. }) => Before::Damaged,
            Some(Ledger { content: Content::State(state), .. }) => Before::State(*state),
        }
    }
}

/// A write key cannot tell the name of its domain. In a chain the name stays the same.
fn check_name(keyed: &Keyed, found: &str, what: &str) -> Result<()> {
    match &keyed.key {
        AccessKey::Write(_) if found != keyed.domain.name() => Err(Error::mismatch(format!(
            "{what} names its domain {found:?}, and the option \"domain\" says {:?}; give the same name",
            keyed.domain.name()
        ))),
        _ => Ok(()),
    }
}

/// The file at the path of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Missing,
    /// A ledger of this key and domain that cannot be used.
    Damaged,
    /// A ledger that remembers this state.
    State(StateId),
}

impl Ledger {
    /// A file that the guard allows to be replaced.
    fn open(keyed: &Keyed, guard: &Guard<'_>, path: &Path) -> Result<Self> {
        let content = match guard.check(path, Writing::Ledger, false)?.0 {
            Found::Nothing => Content::Missing,
            Found::Ledger(Whose::OursDamaged(error)) => Content::Damaged(error),
            Found::Ledger(_) => {
                let ledger = Base::ledger(&keyed.key, BundleSource::file(path, "ledger")?)?;
                check_name(keyed, ledger.domain(), "the ledger")?;
                Content::State(ledger.state_id())
            }
            _ => Content::Damaged(Error::corrupt("its first bytes are damaged")),
        };
        Ok(Self { path: path.to_owned(), content })
    }

    /// Reads all of it.
    fn check(&self, key: &AccessKey, interrupt: impl FnMut() -> Result<()>) -> Result<()> {
        lifeboat_core::chain::Bundle::open_ledger(key, BundleSource::file(&self.path, "ledger")?)?.check(interrupt)
    }

    fn damaged(&self, error: &Error) -> Error {
        Error::corrupt(format!(
            "the ledger '{}' is damaged ({}); delete it: the next export is then a full bundle; or give the chain as \
             `base`, and this writes a new ledger",
            self.path.display(),
            error.message()
        ))
    }
}
