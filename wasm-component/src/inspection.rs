//! Opens and decodes a bundle with its recovery key, keeping nothing but the report.

use crate::work::{Work, expected};
use lifeboat_core::{Discard, RecoveryKey, Report, Restore, Result, StateId};

/// Proves with the recovery key that a bundle can be opened from end to end and is the state that it says.
pub struct Inspection {
    work: Work<Restore<'static, Discard>, ()>,
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
        Ok(Self { work: Work::Taking(Restore::new(&key, Discard)), expect })
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// Those of [`Restore::push`], and misuse out of order.
    pub fn push(&mut self, piece: &[u8]) -> Result<()> {
        self.work.push(piece, Restore::push)
    }

    /// The bundle is complete.
    ///
    /// # Errors
    /// Those of [`Restore::finish`], mismatch for another state than the expected one, and misuse out of order.
    pub fn finish(&mut self) -> Result<Report> {
        let expect = self.expect;
        self.work.finish(|restore| {
            let (report, Discard) = restore.finish()?;
            expected(report.public.state_id, expect)?;
            Ok(((), report))
        })
    }
}
