//! Proves that a copy holds what stays, by the hashes of its bytes as they are now.

use super::plan::Plan;
use crate::read::wait::{Wait, side_by_side};
use crate::scrub::catalog::{Catalog, Id};
use crate::scrub::context::Context;
use crate::scrub::object::{Checked, Wanted, check};
use lifeboat_core::Result;

/// How many bundles are read side by side, and about how many bytes.
const BATCH: usize = 128;
const BATCH_BYTES: u64 = 64 << 20;

/// What the proof of one copy gave.
pub(super) struct Proof {
    /// How many bytes were read.
    pub read: u64,
    /// Why the copy does not hold what stays. None: it does.
    pub fails: Option<String>,
}

/// Reads and hashes all bundles that stay. The records were read and verified before, each in each copy.
///
/// # Errors
/// Interrupted.
pub(super) fn prove(plan: &Plan, catalog: &Catalog, context: &Context<'_>, wait: &Wait<'_>) -> Result<Proof> {
    let (mut proof, mut next) = (Proof { read: 0, fails: None }, 0);
    while next < plan.stays.len() && proof.fails.is_none() {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while next < plan.stays.len() && batch.len() < BATCH && bytes < BATCH_BYTES {
            let wanted = wanted(catalog, plan.copy, plan.stays[next]);
            bytes += wanted.length;
            batch.push(wanted);
            next += 1;
        }
        let checked = side_by_side(wait, &batch, |wanted, pace| check(wanted, context, None, pace))?;
        proof.read += bytes;
        for (wanted, checked) in batch.iter().zip(checked) {
            let fails = match checked {
                Checked::Sound => continue,
                Checked::Failed(error) => error.message().to_owned(),
                Checked::Gone => format!("'{}' went away; repair this copy with backup_scrub first", wanted.name),
                Checked::Damaged(_) | Checked::Wrong(_) => {
                    format!("'{}' is damaged; repair this copy with backup_scrub first", wanted.name)
                }
            };
            proof.fails.get_or_insert(fails);
        }
    }
    Ok(proof)
}

fn wanted(catalog: &Catalog, copy: usize, id: u32) -> Wanted {
    let bundle = catalog.bundle(id);
    Wanted {
        copy,
        id,
        name: catalog.name(Id::Bundle(id)).0,
        hash: bundle.hash,
        length: bundle.length,
        record: catalog.entry(bundle.record).reference,
        others: Vec::new(),
    }
}
