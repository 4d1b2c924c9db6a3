//! Opens and decodes a bundle or a chain with its recovery key, keeping nothing but the report.

use crate::incoming::Incoming;
use crate::work::{Work, expected};
use lifeboat_core::{Discard, RecoveryKey, Report, Result, StateId};

/// Proves with the recovery key that a bundle or a chain can be opened from end to end and leads to the state that it says.
pub struct Inspection {
    work: Work<Incoming<Discard>, ()>,
    expect: Option<StateId>,
}

impl Inspection {
    /// Begins. The state must be `expect`, where given.
    ///
    /// # Errors
    /// Misuse when a text is not a recovery key or a state id.
    pub fn open(key: &str, expect: Option<&str>) -> Result<Self> {
        let key = RecoveryKey::from_text(key)?;
        let expect = expect.map(str::parse).transpose()?;
        Ok(Self { work: Work::Taking(Incoming::new(&key, Discard)), expect })
    }

    /// The next delta begins, oldest first, all before the first [`Inspection::push`].
    ///
    /// # Errors
    /// Truncated when the delta before it is not complete; too big; misuse out of order.
    pub fn begin_delta(&mut self) -> Result<()> {
        self.work.taking("begin-delta", Incoming::begin_delta)
    }

    /// Takes the next piece of the delta that has begun, before the first [`Inspection::push`].
    ///
    /// # Errors
    /// Those of [`DeltaIntake::push`](lifeboat_core::DeltaIntake::push), and misuse out of order.
    pub fn push_delta(&mut self, piece: &[u8]) -> Result<()> {
        self.work.push_delta(piece, Incoming::push_delta)
    }

    /// Takes the next piece of the full bundle.
    ///
    /// # Errors
    /// Those of [`Deltas::open`](lifeboat_core::Deltas::open) and [`Restore::push`](lifeboat_core::Restore::push), and misuse out of order.
    pub fn push(&mut self, piece: &[u8]) -> Result<()> {
        self.work.push(piece, Incoming::push)
    }

    /// The full bundle is complete.
    ///
    /// # Errors
    /// Those of [`Restore::finish`](lifeboat_core::Restore::finish), mismatch for another state than the expected one, and misuse out of order.
    pub fn finish(&mut self) -> Result<Report> {
        let expect = self.expect;
        self.work.finish(|incoming| {
            let (report, Discard) = incoming.finish()?;
            expected(report.public.state_id, expect)?;
            Ok(((), report))
        })
    }
}
