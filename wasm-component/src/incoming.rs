//! A chain that comes in: first its deltas, which are held; then its full bundle, which is not held.

use lifeboat_core::chain::{DeltaIntake, Deltas, check_links};
use lifeboat_core::stream::{Opened, Opener, Restore};
use lifeboat_core::{AccessKey, Error, ErrorKind, PublicReport, Report, Result, StateSink};

/// How much memory a full bundle may take while it comes in, in addition to the reserve.
const PASSING: usize = 16 << 20;

/// Opens a chain, or a full bundle alone, and gives its last state to a sink.
pub(crate) struct Incoming<S> {
    key: AccessKey,
    stage: Stage<S>,
}

enum Stage<S> {
    Deltas(Box<DeltaIntake>, S),
    Full(Box<Restore<'static, S>>),
    NoChain(Box<NoChain>),
    /// The deltas were refused.
    Over,
}

/// The deltas do not lead on from one another. The reason is given only when the full bundle has come. Every host has
/// the same words for these bundles, and all of the bundles are needed to find them.
struct NoChain {
    full: Opener,
    /// What anybody can see of the full bundle, once it is complete.
    report: Option<PublicReport>,
    deltas: Vec<PublicReport>,
    refused: Error,
}

impl NoChain {
    fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.full.push(bytes, |opened| {
            if let Opened::End(report) = opened {
                self.report = Some(report);
            }
            Ok(())
        })
    }

    fn finish(self) -> Error {
        let finished = self.full.finish().map(|()| self.report.into_iter().chain(self.deltas).collect::<Vec<_>>());
        finished.and_then(|reports| check_links(&reports)).err().unwrap_or(self.refused)
    }
}

impl<S: StateSink> Incoming<S> {
    /// Nothing has been pushed yet.
    pub fn new(key: &AccessKey, sink: S) -> Self {
        Self { key: key.clone(), stage: Stage::Deltas(Box::default(), sink) }
    }

    /// Begins the next delta.
    ///
    /// # Errors
    /// Misuse once the full bundle has begun; those of [`DeltaIntake::begin`].
    pub fn begin_delta(&mut self) -> Result<()> {
        self.intake("begin-delta")?.begin()
    }

    /// Takes the next bytes of the delta that has begun.
    ///
    /// # Errors
    /// Misuse once the full bundle has begun; those of [`DeltaIntake::push`]; too big when not enough memory would be
    /// left for the full bundle.
    pub fn push_delta(&mut self, piece: &[u8]) -> Result<()> {
        let intake = self.intake("push-delta")?;
        crate::memory_room(PASSING)?;
        intake.push(piece)
    }

    fn intake(&mut self, call: &str) -> Result<&mut DeltaIntake> {
        match &mut self.stage {
            Stage::Deltas(intake, _) => Ok(intake),
            Stage::Full(_) | Stage::NoChain(_) | Stage::Over => Err(Error::misuse(format!(
                "{call}: the full bundle has begun; deltas come before it; open another resource"
            ))),
        }
    }

    /// Takes the next bytes of the full bundle.
    ///
    /// # Errors
    /// Those of [`Incoming::begin`] and of [`Restore::push`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.begin()?;
        match &mut self.stage {
            Stage::Full(restore) => restore.push(bytes),
            Stage::NoChain(no_chain) => no_chain.push(bytes),
            Stage::Deltas(..) | Stage::Over => Err(stopped()),
        }
    }

    /// All deltas have come: opens and checks them. If they do not lead on from one another, that is not an error yet.
    ///
    /// # Errors
    /// Truncated when the last delta is not complete; those of [`Deltas::open`] otherwise.
    pub fn begin(&mut self) -> Result<()> {
        if let Stage::Deltas(..) = self.stage
            && let Stage::Deltas(intake, sink) = std::mem::replace(&mut self.stage, Stage::Over)
        {
            self.stage = self.open(*intake, sink)?;
        }
        Ok(())
    }

    fn open(&self, mut intake: DeltaIntake, sink: S) -> Result<Stage<S>> {
        let full = |deltas| Stage::Full(Box::new(Restore::over(&self.key, deltas, sink)));
        if intake.is_empty() {
            return Ok(full(Deltas::none()));
        }
        // Their footers and indexes are held in addition to their bytes.
        crate::memory_room(intake.held().saturating_mul(2).saturating_add(PASSING))?;
        intake.complete()?;
        intake.check_key(&self.key)?;
        let reports = intake.reports().to_vec();
        match intake.finish().and_then(|deltas| Deltas::open(&self.key, deltas, || Ok(()))) {
            Ok(deltas) => Ok(full(deltas)),
            Err(refused) if refused.kind() == ErrorKind::Mismatch => Ok(Stage::NoChain(Box::new(NoChain {
                full: Opener::new(&self.key),
                report: None,
                deltas: reports,
                refused,
            }))),
            Err(refused) => Err(refused),
        }
    }

    /// Call this when the full bundle is complete. Then the sink has all of the last state.
    ///
    /// Truncated when the full bundle is not complete, or has not come; mismatch when the bundles are not a chain;
    /// those of [`Incoming::begin`] and [`Restore::finish`].
    pub fn finish(mut self) -> Result<(Report, S)> {
        let has_only_deltas = matches!(&self.stage, Stage::Deltas(intake, _) if !intake.is_empty());
        self.begin()?;
        match self.stage {
            _ if has_only_deltas => Err(Error::truncated(
                "the full bundle of the chain has not come: push it after the deltas that lead on from it",
            )),
            Stage::Full(restore) => restore.finish(),
            Stage::NoChain(no_chain) => Err(no_chain.finish()),
            Stage::Deltas(..) | Stage::Over => Err(stopped()),
        }
    }

    /// The sink, to look at what it has got so far. None: the deltas were refused or are not a chain.
    pub fn sink(&mut self) -> Option<&mut S> {
        match &mut self.stage {
            Stage::Deltas(_, sink) => Some(sink),
            Stage::Full(restore) => Some(restore.sink()),
            Stage::NoChain(_) | Stage::Over => None,
        }
    }
}

fn stopped() -> Error {
    Error::host("stopped in the middle; open another resource")
}
