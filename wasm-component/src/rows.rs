//! Gives rows as they arrive, while a bundle or a chain is read.

use crate::batches::{Batch, Long, Queue};
use crate::incoming::Incoming;
use crate::work::{Work, expected};
use lifeboat_core::{AccessKey, Error, Report, Result, StateId};
use lifeboat_sqlite::Api;

/// How much of a bundle is opened at one time. A chunk that unpacks to 1 MiB has at least about 100 bytes. So at most
/// the rows of two or three chunks wait.
const STEP: usize = 1 << 7;

/// Gives the rows of a bundle, or of the last state of a chain, as they arrive.
pub struct Rows {
    work: Work<Reading, ()>,
    expect: Option<StateId>,
}

struct Reading {
    incoming: Incoming<Queue>,
    /// The piece that was pushed last, and how many of its bytes were opened.
    piece: Vec<u8>,
    opened: usize,
    long: Long,
}

impl Rows {
    /// Begins. If `expect` is given, the state must be this one.
    ///
    /// # Errors
    /// Misuse when `key` is not the text of a key that opens bundles, or `expect` is not a state id.
    pub fn open(api: Api, key: &str, expect: Option<&str>) -> Result<Self> {
        let key = AccessKey::from_text(key)?;
        let expect = expect.map(str::parse).transpose()?;
        let incoming = Incoming::new(&key, Queue::new(api));
        let reading = Reading { incoming, piece: Vec::new(), opened: 0, long: Long::default() };
        Ok(Self { work: Work::Taking(reading), expect })
    }

    /// Begins the next delta. Deltas come oldest first, and all of them before the first [`Rows::push`].
    ///
    /// # Errors
    /// Truncated when the delta before it is not complete; too big; misuse when it is called out of order.
    pub fn begin_delta(&mut self) -> Result<()> {
        self.work.taking("begin-delta", |reading| reading.incoming.begin_delta())
    }

    /// Takes the next piece of the delta that has begun. All deltas come before the first [`Rows::push`].
    ///
    /// # Errors
    /// Those of [`DeltaIntake::push`](lifeboat_core::chain::DeltaIntake::push), and misuse out of order.
    pub fn push_delta(&mut self, piece: &[u8]) -> Result<()> {
        self.work.push_delta(piece, |reading, piece| reading.incoming.push_delta(piece))
    }

    /// Takes the next piece of the full bundle. It is opened only by [`Rows::next`].
    ///
    /// # Errors
    /// Those of [`Deltas::open`](lifeboat_core::chain::Deltas::open); misuse while [`Rows::next`] or [`Rows::pull`] has more, and out of order.
    pub fn push(&mut self, piece: &[u8]) -> Result<()> {
        self.work.push(piece, |reading, piece| {
            reading.nothing_waits("push")?;
            reading.incoming.begin()?;
            reading.piece.clear();
            reading.piece.extend_from_slice(piece);
            reading.opened = 0;
            Ok(())
        })
    }

    /// The next rows of one table. None: push the next piece, or finish.
    ///
    /// # Errors
    /// Those of [`Restore::push`](lifeboat_core::stream::Restore::push); misuse while [`Rows::pull`] has more, and out of order.
    #[allow(clippy::should_implement_trait)] // It may say none, and go on after the next push.
    pub fn next(&mut self) -> Result<Option<Batch>> {
        self.work.taking("next", Reading::next)
    }

    /// The next piece of the long values of the last batch. None: there are no more.
    ///
    /// # Errors
    /// Misuse when it is called out of order.
    pub fn pull(&mut self) -> Result<Option<Vec<u8>>> {
        self.work.taking("pull", |reading| Ok(reading.long.pull()))
    }

    /// Call this when the full bundle is complete and all rows have been taken.
    ///
    /// # Errors
    /// Those of [`Restore::finish`](lifeboat_core::stream::Restore::finish); mismatch for another state than the expected one; misuse while there are more rows, and
    /// out of order.
    pub fn finish(&mut self) -> Result<Report> {
        let expect = self.expect;
        self.work.taking("finish", |reading| reading.nothing_waits("finish"))?;
        self.work.finish(|reading| {
            let (report, _) = reading.incoming.finish()?;
            expected(report.public.state_id, expect)?;
            Ok(((), report))
        })
    }
}

impl Reading {
    fn nothing_waits(&mut self, call: &str) -> Result<()> {
        if !self.long.is_empty() {
            return Err(Error::misuse(format!("{call}: long values wait; call pull until it gives none")));
        }
        if self.opened < self.piece.len() || self.incoming.sink().is_some_and(|queue| !queue.is_empty()) {
            return Err(Error::misuse(format!("{call}: rows wait; call next until it gives none")));
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Batch>> {
        if !self.long.is_empty() {
            return Err(Error::misuse("next: long values wait; call pull until it gives none"));
        }
        while !self.incoming.sink().is_some_and(|queue| queue.has_full()) && self.opened < self.piece.len() {
            let end = self.piece.len().min(self.opened + STEP);
            let step = self.opened..end;
            self.opened = end;
            self.incoming.push(self.piece.get(step).unwrap_or_default())?;
        }
        Ok(self.incoming.sink().and_then(Queue::take).map(|(batch, long)| {
            self.long = long;
            batch
        }))
    }
}
