//! What a delta leads on from: a chain of bundles, or the ledger that remembers its last state, or both, and then the
//! ledger as long as it is of that state.

use crate::arguments::Bundle;
use crate::chains::with_path;
use crate::export_options::Request;
use crate::file_source::{BundleSource, open_chain};
use lifeboat_core::{Base, BundleWriter, Chain, Error, ErrorKind, RecoveryKey, Result, Source, StateId};
use std::fs;
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};

/// All that a delta may lead on from.
pub(crate) struct Bases {
    key: RecoveryKey,
    paths: Vec<PathBuf>,
    chain: Option<Chain<'static>>,
    ledger: Option<Ledger>,
    used: Used,
}

/// The file at the path of the ledger, which is missing or one of this key and domain.
struct Ledger {
    path: PathBuf,
    content: Content,
}

enum Content {
    Missing,
    Damaged(Error),
    /// Its head, tail and index are sound.
    State(StateId),
}

/// What the last attempt led on from.
enum Used {
    Nothing,
    Ledger,
    Chain,
}

/// A base that was chosen, to be opened on the thread that reads it.
pub(crate) struct Choice {
    key: RecoveryKey,
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
    /// Those of reading; busy when the files have become others since they were looked at.
    pub fn open(&self) -> Result<Base<'static>> {
        let base = match &self.files {
            Files::Ledger(path) => Base::ledger(&self.key, BundleSource::file(path, "ledger")?)?,
            Files::Chain(paths) => Base::chain(&chain(&self.key, paths)?)?,
        };
        match base.state_id() == self.state {
            true => Ok(base),
            false => {
                Err(Error::busy("the base or the ledger was replaced meanwhile; let one export at a time write it"))
            }
        }
    }
}

fn chain(key: &RecoveryKey, paths: &[PathBuf]) -> Result<Chain<'static>> {
    let chain = open_chain(key, &bundles(paths))?;
    chain.require_complete()?;
    chain.check_tables(&chain.schema()?)?;
    Ok(chain)
}

fn bundles(paths: &[PathBuf]) -> Vec<Bundle<'static>> {
    paths.iter().map(|path| Bundle::File(path.clone())).collect()
}

impl Bases {
    /// Opens what the request names. Of a chain, heads, tails and indexes are read; so are they of a ledger.
    ///
    /// # Errors
    /// Those of [`Chain::open`]; mismatch when the chain is not complete; misuse when the ledger's path leads to something else.
    pub fn open(key: &RecoveryKey, request: &Request) -> Result<Self> {
        let ledger = request.ledger.as_deref().map(|path| Ledger::open(key, &request.domain, path)).transpose()?;
        let chain = request.base.as_deref().map(|paths| chain(key, paths)).transpose();
        let chain = chain.map_err(|error| error.at("the base"))?;
        let paths = request.base.clone().unwrap_or_default();
        Ok(Self { key: key.clone(), paths, chain, ledger, used: Used::Nothing })
    }

    /// The base of the first attempt; none for a full bundle.
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
            (Some(ledger @ Ledger { content: Content::Damaged(error), .. }), None) => Err(ledger.damaged(error)),
            _ => Ok(self.choose_chain()),
        }
    }

    fn choose_chain(&mut self) -> Option<Choice> {
        let state = self.chain.as_ref()?.last().state_id;
        self.used = Used::Chain;
        Some(Choice { key: self.key.clone(), state, files: Files::Chain(self.paths.clone()) })
    }

    /// An attempt has failed: another base to try, where it was the ledger that failed. A ledger's chunks are checked when
    /// they are read, so that damage comes to light late.
    ///
    /// # Errors
    /// The same error, or one that says more.
    pub fn choose_again(&mut self, error: Error, beat: impl FnMut() -> Result<()>) -> Result<Option<Choice>> {
        let is_damage = matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Truncated);
        match (&self.used, &mut self.ledger, &self.chain) {
            (Used::Ledger, Some(ledger), chain) if is_damage => {
                // The error may speak of the database.
                let Err(found) = ledger.check(&self.key, beat) else { return Err(error) };
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
            (Used::Chain, _, Some(chain)) if is_damage => match chain.check(beat) {
                Err(found) => Err(with_path(&bundles(&self.paths), found).at("the base")),
                Ok(()) => Err(error),
            },
            _ => Err(error),
        }
    }

    /// What was found at the path of the ledger, once the export has succeeded.
    pub fn found(&self) -> Found {
        match &self.ledger {
            Some(Ledger { content: Content::Missing, .. }) | None => Found::Missing,
            Some(Ledger { content: Content::Damaged(_), .. }) => Found::Damaged,
            Some(Ledger { content: Content::State(state), .. }) => Found::State(*state),
        }
    }
}

/// What is at the path of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Missing,
    /// A ledger of this key and domain, of no use.
    Damaged,
    /// One that remembers this state.
    State(StateId),
}

impl Ledger {
    fn open(key: &RecoveryKey, domain: &str, path: &Path) -> Result<Self> {
        let ledger = |content| Ok(Self { path: path.to_owned(), content });
        match fs::metadata(path) {
            Err(error) if error.kind() == IoErrorKind::NotFound => return ledger(Content::Missing),
            _ => {}
        }
        let source = BundleSource::file(path, "ledger")?;
        // A head holds nothing but versions, key and domain, so there is one that all of these ledgers have.
        let mut head = Vec::new();
        BundleWriter::ledger(key, domain, &mut head)?;
        let length = usize::try_from(source.length()?).map_or(head.len(), |length| length.min(head.len()));
        let mut start = vec![0; length];
        source.read(0, &mut start)?;
        if is_remnant(&start, &head) {
            return ledger(Content::Damaged(Error::corrupt("its first bytes are damaged")));
        }
        if length < head.len() {
            return Err(not_ours(path, "it is too short for one"));
        }
        let is_ours = start == head;
        match (Base::ledger(key, source), is_ours) {
            (Ok(base), true) => ledger(Content::State(base.state_id())),
            (Err(error), true) if error.kind() == ErrorKind::Host => Err(error),
            (Err(error), true) => ledger(Content::Damaged(error)),
            (Ok(_), false) => Err(not_ours(path, "it is a ledger of another domain of this key")),
            (Err(error), false) if error.kind() == ErrorKind::WrongKey => {
                Err(not_ours(path, "it is a ledger of another key"))
            }
            (Err(error), false) => Err(not_ours(path, error.message())),
        }
    }

    /// Reads all of it.
    fn check(&self, key: &RecoveryKey, beat: impl FnMut() -> Result<()>) -> Result<()> {
        lifeboat_core::Bundle::open_ledger(key, BundleSource::file(&self.path, "ledger")?)?.check(beat)
    }

    fn damaged(&self, error: &Error) -> Error {
        Error::corrupt(format!(
            "the ledger '{}' is damaged ({}); delete it: the next export is then a full bundle; or give the chain as \
             `base`, and the ledger is written anew",
            self.path.display(),
            error.message()
        ))
    }
}

/// What a crash or a bad disk leaves of one of our ledgers: its beginning alone, zeros or nothing, or a head with a few wrong
/// bytes. Of anybody else's file more than half of the head differs.
fn is_remnant(start: &[u8], head: &[u8]) -> bool {
    const WRONG_MAX: usize = 8;
    let wrong = start.iter().zip(head).filter(|(found, expected)| found != expected).count();
    let is_cut = start.len() < head.len();
    start.iter().all(|byte| *byte == 0) || (is_cut && wrong == 0) || (!is_cut && (1..=WRONG_MAX).contains(&wrong))
}

fn not_ours(path: &Path, why: &str) -> Error {
    Error::misuse(format!(
        "'{}' is no ledger of this key and domain, and is left alone ({why}); give another path, or delete it if it is \
         a ledger that nobody needs",
        path.display()
    ))
}
