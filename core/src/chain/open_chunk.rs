//! A chunk that was opened to be read at any place. It was checked against its entry in the index.

use crate::cbor::{Count, Reader};
use crate::crypto::digest::Digest;
use crate::crypto::schedule::DomainKeys;
use crate::error::{Error, Result};
use crate::format::change::{CHANGE_HEAD, Next, between, skip_key, skip_new, what_is_next};
use crate::format::index::{Entry, EntryRun};
use crate::kinds::FileKind;
use crate::read::change_reader::check_alone;
use crate::state::sink::{OwnedTable, Table};
use crate::state::value::bound;

/// The plaintext of a chunk, or of all parts of a large change.
pub(crate) struct OpenChunk {
    pub bytes: Vec<u8>,
    /// Where each of its runs begins (after its head) and ends. The runs are as many as in its entry, in the same
    /// order.
    pub runs: Vec<(usize, usize)>,
    /// The digests of all new values, in their order.
    digests: Vec<Digest>,
}

impl OpenChunk {
    /// Checks everything that one chunk by itself can show (`FORMAT.md`, "Rules").
    ///
    /// # Errors
    /// Corrupt when the chunk is not what its entry says, or not canonical.
    pub fn new(keys: &DomainKeys, bytes: Vec<u8>, entry: &Entry) -> Result<Self> {
        let digests = check_alone(keys, entry.kind, &bytes, &entry.encode())?;
        let runs = runs(keys.file_kind, &bytes, entry)?;
        Ok(Self { bytes, runs, digests })
    }

    /// The digest of a new value of the run `run`. `number`: how many new values of that run come before it.
    pub fn digest(&self, entry: &Entry, run: usize, number: u64) -> Result<Digest> {
        let before = entry.runs.iter().take(run).map(|run| run.writes).fold(number, u64::saturating_add);
        let digest = usize::try_from(before).ok().and_then(|at| self.digests.get(at));
        digest.copied().ok_or_else(|| Error::corrupt("the index does not describe the chunks"))
    }
}

/// Where the runs of a plaintext begin and end. Its entry in the index has the same runs.
fn runs(file_kind: FileKind, bytes: &[u8], entry: &Entry) -> Result<Vec<(usize, usize)>> {
    let lies = || Error::corrupt("the index does not describe the chunks");
    let mut reader = Reader::new(bytes);
    let mut runs = Vec::new();
    let mut found: Option<(Table<'_>, EntryRun)> = None;
    loop {
        let next = if reader.is_empty() { None } else { Some(what_is_next(&mut reader)?) };
        match (next, &mut found) {
            (Some(Next::Change), Some((table, run))) => {
                reader.exactly(CHANGE_HEAD)?;
                let start = reader.clone();
                skip_key(&mut reader)?;
                if run.removals + run.writes == 0 {
                    run.bound = bound(between(&start, &reader))?;
                }
                if !reader.null() {
                    reader.bytes()?;
                }
                if reader.null() {
                    run.removals += 1;
                } else {
                    skip_new(file_kind, table, &mut reader)?;
                    run.writes += 1;
                }
            }
            (Some(Next::Change), None) => return Err(Error::corrupt("a chunk begins without the head of a run")),
            (next, _) => {
                let end = bytes.len() - reader.rest().len();
                if let Some((_, run)) = found.take()
                    && !entry.runs.get(runs.len() - 1).is_some_and(|said| said.describes(&run))
                {
                    return Err(lies());
                }
                let Some(Next::Run(table)) = next else { break };
                if let Some((_, last_end)) = runs.last_mut() {
                    // The run before ends where the head of this run begins.
                    *last_end = end - head_length(&table);
                }
                runs.push((end, bytes.len()));
                let run = EntryRun::new(OwnedTable::from(&table));
                found = Some((table, run));
            }
        }
    }
    if runs.len() == entry.runs.len() { Ok(runs) } else { Err(lies()) }
}

/// The length of the head of a run.
fn head_length(table: &Table<'_>) -> usize {
    let mut length = Count(0);
    table.encode(&mut length);
    usize::try_from(length.0).unwrap_or(usize::MAX)
}
