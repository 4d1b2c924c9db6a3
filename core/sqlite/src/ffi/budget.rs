//! The limit of work on private connections, and the callers that may end it.
//!
//! A schema, and the expressions in it, come from outside. So the work for them is counted in **units**: one unit for
//! each byte that one operation of an expression may touch. The count depends on the state and on the size of the
//! input, never on a clock: each host and each version of SQLite refuses the same. The limit is far above what any
//! schema of an application needs, and grows with the rows and with the input.

use lifeboat_core::{Error, ErrorKind, Result};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::rc::Rc;

/// The limit for any input: at most 5 s of the slowest operations on a slow machine.
const BASE: u64 = 1 << 30;
/// Each byte of a row adds this. A row counts as at least [`ROW_MIN`] bytes.
const PER_ROW_BYTE: u64 = 8;
const ROW_MIN: u64 = 100;
/// Each byte of the input after the first [`INPUT_MIN`] adds this: so a large input cannot cause much more work.
const PER_INPUT_BYTE: u64 = 40_000;
const INPUT_MIN: u64 = 100_000;

/// An instruction of SQLite's machine.
pub(crate) const INSTRUCTION: u64 = 16;
/// An object of a schema, also an automatic index. It is parsed several times, and SQLite looks through all others.
pub(crate) const OBJECT: u64 = 80_000;
/// A byte of the text of a schema.
pub(crate) const TEXT: u64 = 64;
/// A statement of ours that runs once for each object.
pub(crate) const STATEMENT: u64 = 1 << 10;

/// After this many units the watcher is asked whether to go on: 0.3 s of the slowest operations.
const LOOK: u64 = 1 << 26;
/// The limit of one call of a function, in which the watcher is not asked: 0.5 s.
pub(crate) const CALL_MAX: u64 = 1 << 29;

/// The work that one or more private connections may do together.
pub struct Budget {
    /// The units that are left; `None`: no limit.
    left: Cell<Option<u64>>,
    /// Bytes of the input so far.
    input: Cell<u64>,
    /// The units since the watcher was asked.
    unlooked: Cell<u64>,
    /// How many operations may touch the result of a function.
    passes: Cell<u64>,
    /// One call of a function has no limit.
    is_trusted: Cell<bool>,
    watcher: Cell<Option<NonNull<dyn FnMut() -> bool>>>,
}

impl Budget {
    /// No limit, except for single calls of functions: for work that the application itself asks for.
    pub fn unlimited() -> Rc<Self> {
        Rc::new(Self {
            left: Cell::new(None),
            input: Cell::new(0),
            unlooked: Cell::new(0),
            passes: Cell::new(1),
            is_trusted: Cell::new(false),
            watcher: Cell::new(None),
        })
    }

    /// The budget for an input of this many bytes: bundles, or a database file.
    pub fn for_input(bytes: u64) -> Rc<Self> {
        let budget = Self::unlimited();
        budget.limit(bytes);
        budget
    }

    /// Sets the limit for an input of this many bytes.
    pub(crate) fn limit(&self, bytes: u64) {
        self.left.set(Some(BASE));
        self.input.set(0);
        self.add_input(bytes);
    }

    /// From here on there is no limit.
    pub(crate) fn lift(&self) {
        self.left.set(None);
    }

    /// From here on there is no limit, and none for a single call.
    pub(crate) fn trust(&self) {
        self.lift();
        self.is_trusted.set(true);
    }

    /// This many more bytes of the input have come.
    pub fn add_input(&self, bytes: u64) {
        let before = self.input.get();
        let now = before.saturating_add(bytes);
        self.input.set(now);
        let counted = now.saturating_sub(INPUT_MIN) - before.saturating_sub(INPUT_MIN);
        self.grant(counted.saturating_mul(PER_INPUT_BYTE));
    }

    /// A row of this many bytes has come.
    pub(crate) fn add_row(&self, bytes: u64) {
        self.grant(bytes.max(ROW_MIN).saturating_mul(PER_ROW_BYTE));
    }

    fn grant(&self, units: u64) {
        self.left.set(self.left.get().map(|left| match left {
            // Units that were spent stay spent.
            0 => 0,
            left => left.saturating_add(units),
        }));
    }

    /// Spends units.
    ///
    /// # Errors
    /// [`TooBig`](ErrorKind::TooBig) when they are not left; [`Interrupted`](ErrorKind::Interrupted) when the watcher
    /// wants to stop. The watcher is asked now and then.
    pub(crate) fn charge(&self, units: u64) -> Result<()> {
        if !self.spend(units) {
            return Err(spent());
        }
        let unlooked = self.unlooked.get().saturating_add(units);
        self.unlooked.set(unlooked);
        if unlooked >= LOOK && self.is_to_end() { Err(Error::interrupted("the work was interrupted")) } else { Ok(()) }
    }

    /// Spends units. False: there were not enough, and none are left now.
    pub(crate) fn spend(&self, units: u64) -> bool {
        match self.left.get() {
            None => true,
            Some(left) => {
                let left = left.saturating_sub(units);
                self.left.set(Some(left));
                left > 0
            }
        }
    }

    /// Ends the work at the next chance.
    pub(crate) fn exhaust(&self) {
        self.left.set(Some(0));
    }

    /// True when nothing bounds a single call or row.
    pub(crate) fn is_trusted(&self) -> bool {
        self.is_trusted.get()
    }

    /// Sets how many operations may touch the result of a function from here on.
    pub(crate) fn set_passes(&self, passes: u64) {
        self.passes.set(passes.max(1));
    }

    pub(crate) fn passes(&self) -> u64 {
        self.passes.get()
    }

    /// Tells apart work that ended because its budget was spent, and work that somebody stopped.
    pub(crate) fn explain(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::Interrupted && self.left.get() == Some(0) {
            spent().with(error.message())
        } else {
            error
        }
    }

    /// Runs `body`. `watcher` is asked now and then, after some milliseconds of work at most. When it says true (or
    /// panics), the running work ends as [`Interrupted`](ErrorKind::Interrupted). Only one watcher at a time: a second
    /// one is a [misuse](Error::misuse).
    pub fn watched<R>(&self, watcher: &mut dyn FnMut() -> bool, body: impl FnOnce() -> R) -> Result<R> {
        if self.watcher.get().is_some() {
            return Err(Error::misuse("a connection takes one watcher"));
        }
        // SAFETY: only the lifetime changes. `Unwatch` takes the reference away before this function ends, also when it
        // unwinds, and until then only `is_to_end` uses it.
        let watcher =
            unsafe { std::mem::transmute::<&mut dyn FnMut() -> bool, &'static mut dyn FnMut() -> bool>(watcher) };
        self.watcher.set(Some(NonNull::from(watcher)));
        let _unwatch = Unwatch(self);
        Ok(body())
    }

    /// The same for a watcher that says why it wants to stop. Its error is the result then.
    pub fn watched_by<R>(
        &self,
        mut watcher: impl FnMut() -> Result<()>,
        body: impl FnOnce() -> Result<R>,
    ) -> Result<R> {
        let mut reason = None;
        let mut stop = || {
            reason = watcher().err();
            reason.is_some()
        };
        let outcome = self.watched(&mut stop, body)?;
        match (outcome, reason) {
            (Err(error), Some(reason)) if error.kind() == ErrorKind::Interrupted => Err(reason),
            (outcome, _) => outcome,
        }
    }

    /// Asks the watcher, if there is one.
    pub(crate) fn is_to_end(&self) -> bool {
        self.unlooked.set(0);
        // It is taken out while it runs, so that it is never called within itself.
        let Some(mut watcher) = self.watcher.take() else { return false };
        // SAFETY: set in `watched`, which has not ended: what takes it away runs at its end.
        let stop = catch_unwind(AssertUnwindSafe(|| unsafe { watcher.as_mut()() }));
        self.watcher.set(Some(watcher));
        // A panic must not unwind into C: it ends the work instead.
        stop.unwrap_or(true)
    }
}

struct Unwatch<'b>(&'b Budget);

impl Drop for Unwatch<'_> {
    fn drop(&mut self) {
        self.0.watcher.set(None);
    }
}

fn spent() -> Error {
    Error::too_big(
        "the schema, its expressions or its foreign keys ask for more work than an input of this size may; read the rows of \
         each table alone (backup_rows), or, if you trust who made it, use the option \"trusted\": true",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_stays_spent() {
        let budget = Budget::for_input(0);
        budget.charge(BASE - 1).expect("granted");
        budget.add_row(0);
        budget.charge(ROW_MIN * PER_ROW_BYTE).expect("a row adds to it");
        assert_eq!(budget.charge(1).expect_err("spent").kind(), ErrorKind::TooBig);
        budget.add_input(1 << 40);
        assert!(!budget.spend(1));
        assert_eq!(budget.explain(Error::interrupted("")).kind(), ErrorKind::TooBig);
        budget.lift();
        assert!(budget.spend(u64::MAX));
        assert_eq!(budget.explain(Error::interrupted("")).kind(), ErrorKind::Interrupted);
    }

    #[test]
    fn only_a_large_input_adds_to_it() {
        let (small, large) = (Budget::for_input(INPUT_MIN), Budget::for_input(INPUT_MIN / 2));
        large.add_input(INPUT_MIN / 2 + 1);
        assert!(!small.spend(BASE) && large.spend(BASE + PER_INPUT_BYTE - 1));
    }

    #[test]
    fn a_watcher_is_asked_after_so_much_work() {
        let budget = Budget::unlimited();
        let mut asked = 0;
        let watcher = || {
            asked += 1;
            if asked == 2 { Err(Error::interrupted("enough")) } else { Ok(()) }
        };
        let work = || -> Result<()> {
            loop {
                budget.charge(LOOK / 4)?;
            }
        };
        let error = budget.watched_by(watcher, work).expect_err("stopped");
        assert_eq!((error.message(), asked), ("enough", 2));
    }
}
