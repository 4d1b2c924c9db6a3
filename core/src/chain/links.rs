//! Chains: bundles that lead on from one another, oldest first (`FORMAT.md`, "Chains").

use crate::chain::bundle::Bundle;
use crate::chain::source::Source;
use crate::crypto::id::StateId;
use crate::crypto::key::AccessKey;
use crate::error::{Error, Result};
use crate::limits::CHAIN_MAX;
use crate::read::reader::PublicReport;
use std::rc::Rc;

/// Checks that each bundle of a chain, oldest first, begins at the state to which the one before it leads. It needs no
/// key. It does not check the bundles themselves: an [`Audit`](crate::stream::Audit) does.
///
/// A chain may come back to an earlier state: databases do so.
///
/// # Errors
/// Mismatch, with the number of the first bundle that does not follow, and the reason: another domain, a full bundle in
/// the middle, a bundle twice, a fork, a wrong order, or one that is missing. Too big above the limit of a chain.
pub fn check_links(reports: &[PublicReport]) -> Result<()> {
    check_links_from(1, reports)
}

/// The same where the first of these bundles has this number in its chain.
fn check_links_from(first: usize, reports: &[PublicReport]) -> Result<()> {
    check_length(first - 1 + reports.len())?;
    for (at, pair) in reports.windows(2).enumerate() {
        let ([before, this], number) = (pair, first + at + 1) else { continue };
        let refused = |why: String| Err(does_not_follow(number, &why));
        if (this.domain_id, this.verify_key) != (before.domain_id, before.verify_key) {
            return refused("it is of another domain or key than the one before it".to_owned());
        }
        let Some(base) = this.base_id else {
            return Err(full_in_the_middle(number));
        };
        if base == before.state_id {
            continue;
        }
        // Bundle k leads to the state from which this one leads on.
        let leads_there = |reports: &[PublicReport]| reports.iter().rposition(|report| report.state_id == base);
        let same = reports[..=at]
            .iter()
            .position(|earlier| (earlier.base_id, earlier.state_id) == (this.base_id, this.state_id));
        if let Some(same) = same {
            return refused(format!("it is bundle {} again; leave it out", first + same));
        }
        if let Some(earlier) = leads_there(&reports[..at + 1]) {
            return refused(format!(
                "a fork: it leads on from bundle {}, and so does bundle {}; leave out one of the two branches",
                first + earlier,
                first + earlier + 1
            ));
        }
        if let Some(later) = leads_there(&reports[at + 2..]) {
            return refused(format!("a wrong order: bundle {} comes before it", number + later + 1));
        }
        if reports[..=at].iter().any(|earlier| earlier.base_id == Some(base)) {
            return refused(
                "a fork: an earlier bundle leads on from the same state; leave out one of the two".to_owned(),
            );
        }
        return refused(format!("it leads on from the state {base}, and the bundle that leads there is missing"));
    }
    Ok(())
}

fn does_not_follow(number: usize, why: &str) -> Error {
    Error::mismatch(format!("bundle {number} of the chain does not follow: {why}")).about_bundle(number)
}

/// The error for a full bundle that is not the first of its chain.
pub(crate) fn full_in_the_middle(number: usize) -> Error {
    does_not_follow(number, "it is a full bundle, and a chain begins with that; leave out all bundles before it")
}

pub(crate) fn check_length(bundles: usize) -> Result<()> {
    if bundles > CHAIN_MAX {
        Err(Error::too_big(format!(
            "a chain of {bundles} bundles; at most {CHAIN_MAX} are read at once: compose some of them into one first"
        )))
    } else {
        Ok(())
    }
}

/// Bundles that lead on from one another, each opened and linked to the one before it.
pub struct Chain<'s> {
    bundles: Vec<Rc<Bundle<'s>>>,
}

impl<'s> Chain<'s> {
    /// Opens a chain, oldest first. Checks headers, footers, indexes and links.
    ///
    /// # Errors
    /// Those of [`Bundle::open`], with the number of the bundle if there are several; those of [`check_links`]; misuse
    /// when there are none.
    pub fn open(key: impl Into<AccessKey>, sources: impl IntoIterator<Item = impl Source + 's>) -> Result<Self> {
        let key = &key.into();
        let sources: Vec<_> = sources.into_iter().collect();
        // This is checked before any bundle is opened: each open one takes the memory of its index.
        check_length(sources.len())?;
        let several = sources.len() > 1;
        let locate = |number: usize, error: Error| if several { error.in_bundle(number + 1) } else { error };
        let opened = sources.into_iter().enumerate();
        let bundles: Vec<_> = opened
            .map(|(number, source)| Bundle::open(key, source).map_err(|error| locate(number, error)))
            .collect::<Result<_>>()?;
        Self::of(bundles)
    }

    /// A chain of open bundles.
    ///
    /// # Errors
    /// Those of [`check_links`]; misuse when there are none.
    pub fn of(bundles: Vec<Bundle<'s>>) -> Result<Self> {
        if bundles.is_empty() {
            return Err(Error::misuse("the chain is empty; give at least one bundle"));
        }
        let reports: Vec<_> = bundles.iter().map(|bundle| bundle.public().clone()).collect();
        check_links(&reports)?;
        Ok(Self { bundles: bundles.into_iter().map(Rc::new).collect() })
    }

    /// The bundles, oldest first.
    pub fn bundles(&self) -> &[Rc<Bundle<'s>>] {
        &self.bundles
    }

    /// What anybody can see of the last bundle, which names the state that the chain leads to.
    pub fn last(&self) -> &PublicReport {
        self.newest().public()
    }

    /// The last bundle.
    pub fn newest(&self) -> &Bundle<'s> {
        // A chain is never empty.
        &self.bundles[self.bundles.len() - 1]
    }

    /// True when it begins with a full bundle. Then its state can be restored.
    pub fn is_complete(&self) -> bool {
        self.bundles[0].is_full()
    }

    /// # Errors
    /// Mismatch when the chain does not begin with a full bundle.
    pub fn require_complete(&self) -> Result<()> {
        match self.bundles[0].public().base_id {
            None => Ok(()),
            Some(base) => Err(incomplete(base, self.bundles.len())),
        }
    }

    /// Checks all of each bundle, and that each fits the ones before it. [`Chain::walk`] checks that the last state
    /// obeys the rules of a state.
    ///
    /// # Errors
    /// As [`Bundle::check`], with the number of the bundle.
    pub fn check(&self, mut interrupt: impl FnMut() -> Result<()>) -> Result<()> {
        match self.bundles.as_slice() {
            [bundle] => bundle.check(&mut interrupt)?,
            bundles => check_each(1, bundles, &mut interrupt)?,
        }
        self.check_fit(interrupt)
    }

    /// The deltas that lead on from the first bundle of this chain, for a caller who reads that bundle apart from them.
    ///
    /// # Errors
    /// As [`Chain::check`].
    pub fn into_deltas(mut self, mut interrupt: impl FnMut() -> Result<()>) -> Result<Deltas<'s>> {
        self.bundles.remove(0);
        check_each(2, &self.bundles, &mut interrupt)?;
        Ok(Deltas { bundles: self.bundles })
    }
}

/// The error for a chain of this many bundles that begins with a delta. The delta leads on from the state `base`.
pub(crate) fn incomplete(base: StateId, bundles: usize) -> Error {
    let error = Error::mismatch(format!(
        "this is a delta, sound by itself: it restores only on top of the state {base}; give the whole chain, oldest \
         first, beginning with its full bundle"
    ));
    if bundles > 1 { error.in_bundle(1) } else { error }
}

/// Checks all of each of these bundles. The first has this number in its chain.
pub(crate) fn check_each(
    first: usize,
    bundles: &[Rc<Bundle<'_>>],
    interrupt: &mut impl FnMut() -> Result<()>,
) -> Result<()> {
    for (number, bundle) in (first..).zip(bundles) {
        bundle.check(&mut *interrupt).map_err(|error| error.in_bundle(number))?;
    }
    Ok(())
}

/// Deltas that lead on from one another, each checked by itself. Their full bundle comes from elsewhere.
pub struct Deltas<'s> {
    bundles: Vec<Rc<Bundle<'s>>>,
}

impl<'s> Deltas<'s> {
    /// No deltas: only the full bundle.
    pub fn none() -> Self {
        Self { bundles: Vec::new() }
    }

    /// Deltas that were checked already.
    pub(crate) fn checked(bundles: Vec<Rc<Bundle<'s>>>) -> Self {
        Self { bundles }
    }

    /// Opens deltas, oldest first, and checks all of each.
    ///
    /// # Errors
    /// As [`Chain::open`] and [`Bundle::check`]; mismatch when the first is a full bundle.
    pub fn open(
        key: impl Into<AccessKey>,
        sources: impl IntoIterator<Item = impl Source + 's>,
        mut interrupt: impl FnMut() -> Result<()>,
    ) -> Result<Self> {
        let key = &key.into();
        // Their full bundle is the first of the chain.
        let mut bundles = Vec::new();
        for (number, source) in sources.into_iter().enumerate() {
            check_length(number + 2)?;
            let bundle = Bundle::open(key, source).map_err(|error| error.in_bundle(number + 2))?;
            bundles.push(Rc::new(bundle));
        }
        if bundles.first().is_some_and(|bundle| bundle.is_full()) {
            return Err(full_in_the_middle(2));
        }
        let reports: Vec<_> = bundles.iter().map(|bundle| bundle.public().clone()).collect();
        check_links_from(2, &reports)?;
        check_each(2, &bundles, &mut interrupt)?;
        Ok(Self { bundles })
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.bundles.is_empty()
    }

    pub(crate) fn bundles(&self) -> &[Rc<Bundle<'s>>] {
        &self.bundles
    }

    /// Checks that they lead on from this bundle. All of them are read: so the error can tell best why one does not
    /// follow.
    pub(crate) fn check_follow(&self, full: &PublicReport) -> Result<()> {
        let deltas = self.bundles.iter().map(|bundle| bundle.public());
        check_links(&std::iter::once(full).chain(deltas).cloned().collect::<Vec<_>>())
    }
}
