//! Opens and decodes a bundle or a chain with its recovery key, and compares its rows with its schema. It keeps only
//! the report.

use crate::incoming::Incoming;
use crate::work::{Work, expected};
use lifeboat_core::{AccessKey, Report, Result, StateId};
use lifeboat_sqlite::{Api, Budget, Conformance};

/// Proves with the recovery key that a bundle or a chain can be opened from end to end, and that it leads to the state
/// that it names.
pub struct Inspection {
    work: Work<Incoming<Conformance>, ()>,
    expect: Option<StateId>,
}

impl Inspection {
    /// Begins. If `expect` is given, the state must be this one.
    ///
    /// # Errors
    /// Misuse when `key` is not the text of a key that opens bundles, or `expect` is not a state id.
    pub fn open(api: Api, key: &str, expect: Option<&str>) -> Result<Self> {
        let key = AccessKey::from_text(key)?;
        let expect = expect.map(str::parse).transpose()?;
        let sink = Conformance::new(api, &Budget::for_input(0));
        Ok(Self { work: Work::Taking(Incoming::new(&key, sink)), expect })
    }

    /// Begins the next delta. Deltas come oldest first, and all of them before the first [`Inspection::push`].
    ///
    /// # Errors
    /// Truncated when the delta before it is not complete; too big; misuse when it is called out of order.
    pub fn begin_delta(&mut self) -> Result<()> {
        self.work.taking("begin-delta", Incoming::begin_delta)
    }

    /// Takes the next piece of the delta that has begun. All deltas come before the first [`Inspection::push`].
    ///
    /// # Errors
    /// Those of [`DeltaIntake::push`](lifeboat_core::chain::DeltaIntake::push), and misuse out of order.
    pub fn push_delta(&mut self, piece: &[u8]) -> Result<()> {
        self.work.push_delta(piece, |incoming, piece| {
            incoming.sink().into_iter().for_each(|sink| sink.add_input(piece.len() as u64));
            incoming.push_delta(piece)
        })
    }

    /// Takes the next piece of the full bundle.
    ///
    /// # Errors
    /// Those of [`Deltas::open`](lifeboat_core::chain::Deltas::open) and [`Restore::push`](lifeboat_core::stream::Restore::push), and misuse out of order.
    pub fn push(&mut self, piece: &[u8]) -> Result<()> {
        self.work.push(piece, |incoming, piece| {
            incoming.sink().into_iter().for_each(|sink| sink.add_input(piece.len() as u64));
            incoming.push(piece)
        })
    }

    /// Call this when the full bundle is complete.
    ///
    /// # Errors
    /// Those of [`Restore::finish`](lifeboat_core::stream::Restore::finish), mismatch for another state than the expected one, and misuse out of order.
    pub fn finish(&mut self) -> Result<Report> {
        let expect = self.expect;
        self.work.finish(|incoming| {
            let (report, _) = incoming.finish()?;
            expected(report.public.state_id, expect)?;
            Ok(((), report))
        })
    }
}
