//! The deltas of a chain as bytes that come once, one after the other: what a caller without files holds them in
//! (`FORMAT.md`, "Chains").

use crate::head::Form;
use crate::limits::CHAIN_MAX;
use crate::reader::{Item, Splitter};
use crate::{Error, Result};

/// Takes deltas, oldest first, as bytes in pieces of any size, finds where each ends, and holds them for
/// [`Deltas::open`](crate::Deltas::open).
///
/// Each is checked as an [`Audit`](crate::Audit) checks it while it comes: what is no delta is refused as soon as it shows.
/// Nothing is allocated on a promise. Holds all that has come: the deltas of a chain are small beside their full bundle.
pub struct DeltaIntake {
    splitter: Splitter,
    /// The bytes so far of the delta that is coming.
    coming: Vec<u8>,
    deltas: Vec<Vec<u8>>,
    /// What went wrong, for good.
    failed: Option<Error>,
}

impl Default for DeltaIntake {
    fn default() -> Self {
        Self::new()
    }
}

impl DeltaIntake {
    /// Nothing has been pushed yet.
    pub fn new() -> Self {
        Self { splitter: Splitter::new(Form::Bundle), coming: Vec::new(), deltas: Vec::new(), failed: None }
    }

    /// Takes the next bytes. They may hold the end of one delta and the beginning of the next. After an error the work is
    /// over: every later call gives it again.
    ///
    /// # Errors
    /// Corrupt or unsupported; mismatch for a full bundle or a ledger; too big above the limit of a chain, or when there is
    /// no memory to hold them. All with the number of the delta in its chain, where the full bundle is the first.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        if self.failed.is_none() {
            self.failed = self.take(bytes).err();
        }
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// True when nothing has been pushed, or nothing but empty pieces.
    pub fn is_empty(&self) -> bool {
        self.deltas.is_empty() && self.coming.is_empty()
    }

    /// How many bytes it holds.
    pub fn held(&self) -> usize {
        self.deltas.iter().map(Vec::len).sum::<usize>() + self.coming.len()
    }

    /// All deltas have come: each of them, oldest first.
    ///
    /// # Errors
    /// Truncated when the last is not complete; the error of an earlier call.
    pub fn finish(self) -> Result<Vec<Vec<u8>>> {
        if !self.coming.is_empty() {
            self.splitter.finish().map_err(|error| error.at(self.place()))?;
        }
        self.failed.map_or(Ok(self.deltas), Err)
    }

    /// The delta that is coming.
    fn place(&self) -> String {
        crate::chain::place(self.deltas.len() + 2)
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            if self.deltas.len() + 1 >= CHAIN_MAX {
                return Err(Error::too_big(format!(
                    "a chain of more than {CHAIN_MAX} bundles: compose some of them into one first"
                )));
            }
            let mut is_complete = false;
            let taken = self.splitter.push_until_end(bytes, |item| match item {
                Item::End(report) if report.base_id.is_none() => Err(Error::mismatch(
                    "a full bundle stands where a delta belongs; a chain has one, its first bundle",
                )),
                Item::End(_) => {
                    is_complete = true;
                    Ok(())
                }
                Item::Head { .. } | Item::Chunk { .. } => Ok(()),
            });
            let (now, later) = bytes.split_at(taken.map_err(|error| error.at(self.place()))?);
            self.hold(now)?;
            bytes = later;
            if is_complete {
                self.splitter = Splitter::new(Form::Bundle);
                let mut delta = std::mem::take(&mut self.coming);
                delta.shrink_to_fit();
                self.deltas.push(delta);
            }
        }
        Ok(())
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<()> {
        self.coming.try_reserve(bytes.len()).map_err(|_| {
            Error::too_big(format!(
                "there is no memory for more deltas than the {} bytes that have come; compose them into one first",
                self.held()
            ))
        })?;
        self.coming.extend_from_slice(bytes);
        Ok(())
    }
}
