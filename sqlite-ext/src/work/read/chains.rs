//! Several bundles that are read as one chain. Each is checked from its first byte to its last, and each must lead on
//! from the one before it. A single bundle is a chain of one.

use crate::sql::arguments::Bundle;
use crate::sql::interrupt::AppInterrupt;
use crate::work::read::file_source::{at_number, open_chain, with_path};
use crate::work::read::input::Input;
use lifeboat_core::chain::{Chain, check_links};
use lifeboat_core::keys::VerifyKey;
use lifeboat_core::stream::Audit;
use lifeboat_core::{AccessKey, Error, PublicReport, Result};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// A bundle that was read whole, without a key.
pub(crate) struct Audited {
    pub public: PublicReport,
    /// SHA-256 of all its bytes, in hexadecimal digits.
    pub sha256: String,
}

/// Checks a chain, oldest bundle first, without opening anything: each byte, each signature, the links.
///
/// # Errors
/// Those of an [`Audit`] and of [`check_links`], with the bundle's number and path; mismatch when another key than the
/// expected one signed a bundle; interrupted.
pub(crate) fn audit(
    bundles: &[Bundle<'_>],
    expected: Option<&VerifyKey>,
    interrupt: &AppInterrupt<'_>,
) -> Result<Vec<Audited>> {
    let mut audited = Vec::with_capacity(bundles.len());
    for (number, bundle) in bundles.iter().enumerate() {
        let found = audit_one(bundle, expected, interrupt);
        audited.push(found.map_err(|error| with_path(bundles, at_number(bundles, number, error)))?);
    }
    check_links(&publics(&audited)).map_err(|error| with_path(bundles, error))?;
    Ok(audited)
}

fn audit_one(bundle: &Bundle<'_>, expected: Option<&VerifyKey>, interrupt: &AppInterrupt<'_>) -> Result<Audited> {
    let (mut audit, mut hash) = (Audit::new(), Sha256::new());
    Input::open(bundle)?.read_all(|piece| {
        interrupt.check()?;
        hash.update(piece);
        audit.push(piece)
    })?;
    let mut sha256 = String::with_capacity(64);
    // Writing to a String cannot fail.
    hash.finalize().iter().for_each(|byte| _ = write!(sha256, "{byte:02x}"));
    Ok(Audited { public: audit.finish(expected)?, sha256 })
}

/// What anybody can see of each bundle.
pub(crate) fn publics(audited: &[Audited]) -> Vec<PublicReport> {
    audited.iter().map(|audited| audited.public.clone()).collect()
}

/// The chain, if it begins with a delta. If a single bundle cannot be opened, the error comes when it is read from its
/// beginning.
///
/// # Errors
/// Those of [`open_chain`].
pub(crate) fn incomplete<'a>(key: &AccessKey, bundles: &[Bundle<'a>]) -> Result<Option<Chain<'a>>> {
    let chain = match (open_chain(key, bundles), bundles) {
        (Err(_), [_]) => None,
        (chain, _) => Some(chain?),
    };
    Ok(chain.filter(|chain| !chain.is_complete()))
}

/// Checks that a bundle which is read a second time is still the same.
///
/// # Errors
/// Host.
pub(crate) fn check_same(first: &[Audited], second: &[PublicReport]) -> Result<()> {
    if publics(first) == second {
        Ok(())
    } else {
        Err(Error::host("a file of a bundle was replaced while it was read; try again"))
    }
}
