//! The deltas of a chain, as bytes that come once, one delta after the other. A caller without files holds them here
//! (`FORMAT.md`, "Chains").

use crate::chain::links::full_in_the_middle;
use crate::crypto::key::AccessKey;
use crate::error::{Error, ErrorKind, Result};
use crate::kinds::FileKind;
use crate::limits::CHAIN_MAX;
use crate::read::reader::{Item, PublicReport, Splitter};
use crate::restore::opener::Opener;

/// Takes deltas, oldest first, as bytes in pieces of any size. Holds them for
/// [`Deltas::open`](crate::chain::Deltas::open).
///
/// Each delta is checked while it comes, as an [`Audit`](crate::stream::Audit) checks it. Nothing is allocated on a
/// promise. All deltas are held: those of a chain are small beside their full bundle. A full bundle does not belong
/// here. Of a full bundle only the beginning is held, so that the error can be given when all bundles of the chain are
/// known.
#[derive(Default)]
pub struct DeltaIntake {
    deltas: Vec<Vec<u8>>,
    /// What anybody can see of each complete delta.
    reports: Vec<PublicReport>,
    coming: Option<Coming>,
    /// The error that ended the work.
    failed: Option<Error>,
}

/// The delta that is coming.
struct Coming {
    splitter: Splitter,
    bytes: Vec<u8>,
    report: Option<PublicReport>,
}

/// How many bytes of a full bundle are held: more than its header, which tells whose it is.
const BEGINNING: usize = 4096;

impl DeltaIntake {
    /// No delta has begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next delta begins, so the one before it is complete. After an error the work is over: every later call gives
    /// it again.
    ///
    /// # Errors
    /// Truncated when the delta before is not complete; too big above the limit of a chain. The error has the number of
    /// the delta in its chain, where the full bundle is the first.
    pub fn begin(&mut self) -> Result<()> {
        self.unless_failed(|intake| {
            intake.end()?;
            if intake.deltas.len() + 1 >= CHAIN_MAX {
                return Err(Error::too_big(format!(
                    "a chain of more than {CHAIN_MAX} bundles: compose some of them into one first"
                )));
            }
            intake.coming = Some(Coming { splitter: Splitter::new(FileKind::Bundle), bytes: Vec::new(), report: None });
            Ok(())
        })
    }

    /// Takes the next bytes of the current delta. After an error other than misuse the work is over: every later call
    /// gives it again.
    ///
    /// # Errors
    /// Misuse when no delta has begun; corrupt or unsupported; mismatch for a ledger; too big when there is no memory
    /// to hold the bytes. The error has the number of the delta in its chain, where the full bundle is the first.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        if self.failed.is_none() && self.coming.is_none() {
            return Err(Error::misuse(
                "push-delta: no delta has begun; call begin-delta before the first piece of each",
            ));
        }
        self.unless_failed(|intake| intake.take(bytes))
    }

    /// True when no delta has begun.
    pub fn is_empty(&self) -> bool {
        self.deltas.is_empty() && self.coming.is_none()
    }

    /// The number of bytes that it holds.
    pub fn held(&self) -> usize {
        self.deltas.iter().map(Vec::len).sum::<usize>() + self.coming.as_ref().map_or(0, |coming| coming.bytes.len())
    }

    /// All deltas have come.
    ///
    /// # Errors
    /// Truncated when the last delta is not complete; the error of an earlier call.
    pub fn complete(&mut self) -> Result<()> {
        self.unless_failed(Self::end)
    }

    /// What anybody can see of the complete deltas, oldest first, for [`check_links`](crate::chain::check_links).
    pub fn reports(&self) -> &[PublicReport] {
        &self.reports
    }

    /// Checks that this key opens each complete delta. Nothing of them is opened.
    ///
    /// # Errors
    /// Wrong key, with the number of the delta in its chain.
    pub fn check_key(&self, key: impl Into<AccessKey>) -> Result<()> {
        let key = &key.into();
        for (number, delta) in (2..).zip(&self.deltas) {
            let beginning = delta.get(..BEGINNING).unwrap_or(delta);
            // Other errors are found later.
            match Opener::new(key).push(beginning, |_| Ok(())) {
                Err(error) if error.kind() == ErrorKind::WrongKey => {
                    return Err(error.in_bundle(number));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Gives all deltas, oldest first. All of them must have come.
    ///
    /// # Errors
    /// Those of [`DeltaIntake::complete`]; mismatch when a full bundle is among them.
    pub fn finish(mut self) -> Result<Vec<Vec<u8>>> {
        self.complete()?;
        match self.reports.iter().position(|report| report.base_id.is_none()) {
            Some(at) => Err(full_in_the_middle(at + 2)),
            None => Ok(self.deltas),
        }
    }

    fn unless_failed(&mut self, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if self.failed.is_none() {
            self.failed = work(self).err();
        }
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// The number that the next delta has in its chain.
    fn next_number(&self) -> usize {
        self.deltas.len() + 2
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        let number = self.next_number();
        let Some(Coming { splitter, bytes: coming, report }) = &mut self.coming else { return Ok(()) };
        let checked = splitter.push(bytes, |item| {
            if let Item::End(seen) = item {
                *report = Some(seen);
            }
            Ok(())
        });
        checked.map_err(|error| error.in_bundle(number))?;
        if coming.try_reserve(bytes.len()).is_err() {
            return Err(Error::too_big(format!(
                "there is no memory for more deltas than the {} bytes that have come; compose them into one first",
                self.held()
            )));
        }
        coming.extend_from_slice(bytes);
        Ok(())
    }

    /// The current delta, if there is one, has come to its end.
    fn end(&mut self) -> Result<()> {
        let number = self.next_number();
        if let Some(Coming { splitter, mut bytes, report }) = self.coming.take() {
            splitter.finish().map_err(|error| error.in_bundle(number))?;
            if report.as_ref().is_some_and(|report| report.base_id.is_none()) {
                bytes.truncate(BEGINNING);
            }
            bytes.shrink_to_fit();
            self.reports.extend(report);
            self.deltas.push(bytes);
        }
        Ok(())
    }
}
