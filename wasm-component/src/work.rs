//! The order of calls: a piece of work takes pieces, is finished once, and then gives its result.

use lifeboat_core::keys::VerifyKey;
use lifeboat_core::stream::Audit;
use lifeboat_core::{Error, ErrorKind, PublicReport, Result, StateId};

/// The longest piece, in bytes, in either direction.
pub const PIECE_MAX: usize = 1 << 20;

/// The stage of a piece of work. `T` takes pieces; `D` is what is left when it is done.
pub(crate) enum Work<T, D> {
    Taking(T),
    Done(D),
    /// It failed and cannot go on: every later call gives the same error.
    Failed(Error),
}

impl<T, D> Work<T, D> {
    /// A piece comes in.
    pub fn push(&mut self, piece: &[u8], take: impl FnOnce(&mut T, &[u8]) -> Result<()>) -> Result<()> {
        self.push_as("push", piece, take)
    }

    /// A piece of the deltas comes in.
    pub fn push_delta(&mut self, piece: &[u8], take: impl FnOnce(&mut T, &[u8]) -> Result<()>) -> Result<()> {
        self.push_as("push-delta", piece, take)
    }

    fn push_as(&mut self, call: &str, piece: &[u8], take: impl FnOnce(&mut T, &[u8]) -> Result<()>) -> Result<()> {
        if piece.len() > PIECE_MAX {
            let length = piece.len();
            return Err(Error::misuse(format!(
                "{call}: a piece of {length} bytes; give at most {PIECE_MAX} at a time"
            )));
        }
        self.taking(call, |taking| take(taking, piece))
    }

    /// Makes a call that is allowed until the work is finished.
    pub fn taking<R>(&mut self, call: &str, work: impl FnOnce(&mut T) -> Result<R>) -> Result<R> {
        let result = match self {
            Self::Taking(taking) => work(taking),
            Self::Done(_) => return Err(Error::misuse(format!("{call}: finish came before; open another resource"))),
            Self::Failed(error) => return Err(error.clone()),
        };
        self.settle(result)
    }

    /// Makes the call after which no more pieces are taken.
    pub fn finish<R>(&mut self, work: impl FnOnce(T) -> Result<(D, R)>) -> Result<R> {
        self.taking("finish", |_| Ok(()))?;
        let unknown = Error::host("finish: stopped in the middle; open another resource");
        let Self::Taking(taking) = std::mem::replace(self, Self::Failed(unknown)) else {
            return Err(Error::misuse("finish: came before"));
        };
        match work(taking) {
            Ok((done, result)) => {
                *self = Self::Done(done);
                self.settle(Ok(result))
            }
            Err(error) => {
                *self = Self::Failed(error.clone());
                Err(error)
            }
        }
    }

    /// Makes a call that is allowed once the work is finished.
    pub fn done<R>(&mut self, call: &str, work: impl FnOnce(&mut D) -> Result<R>) -> Result<R> {
        let result = match self {
            Self::Done(done) => work(done),
            Self::Taking(_) => return Err(Error::misuse(format!("{call}: push all pieces and finish first"))),
            Self::Failed(error) => return Err(error.clone()),
        };
        self.settle(result)
    }

    /// An error ends the work, unless the call itself was wrong. If memory ran out, the work ends whatever the result
    /// is.
    fn settle<R>(&mut self, result: Result<R>) -> Result<R> {
        let result = crate::memory_check().and(result);
        if let Err(error) = &result
            && error.kind() != ErrorKind::Misuse
        {
            *self = Self::Failed(error.clone());
        }
        result
    }
}

/// # Errors
/// Mismatch when the state is not the expected one.
pub(crate) fn expected(state: StateId, expect: Option<StateId>) -> Result<()> {
    match expect {
        Some(expect) if expect != state => {
            Err(Error::mismatch(format!("the bundle is sound, but it holds state {state}, not {expect}")))
        }
        _ => Ok(()),
    }
}

/// Checks a bundle without any key.
pub struct Checking {
    work: Work<Audit, ()>,
    verify_key: Option<VerifyKey>,
    expect: Option<StateId>,
}

impl Checking {
    /// Begins. If the signer or the state is given, it must be this one.
    ///
    /// # Errors
    /// Misuse when a text is not a verify key or a state id.
    pub fn open(verify_key: Option<&str>, expect: Option<&str>) -> Result<Self> {
        let verify_key = verify_key.map(VerifyKey::from_text).transpose()?;
        let expect = expect.map(str::parse).transpose()?;
        Ok(Self { work: Work::Taking(Audit::new()), verify_key, expect })
    }

    /// Whether the signer is compared with an expected one.
    pub fn expects_signer(&self) -> bool {
        self.verify_key.is_some()
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// Those of [`Audit::push`], and misuse out of order.
    pub fn push(&mut self, piece: &[u8]) -> Result<()> {
        self.work.push(piece, Audit::push)
    }

    /// Call this when the bundle is complete.
    ///
    /// # Errors
    /// Those of [`Audit::finish`], mismatch for another state than the expected one, and misuse out of order.
    pub fn finish(&mut self) -> Result<PublicReport> {
        let Self { work, verify_key, expect } = self;
        work.finish(|audit| {
            let report = audit.finish(verify_key.as_ref())?;
            expected(report.state_id, *expect)?;
            Ok(((), report))
        })
    }
}
