//! A chain on its way in: first its deltas, which are held, then its full bundle, which passes.

use lifeboat_core::{DeltaIntake, Deltas, Error, RecoveryKey, Report, Restore, Result, StateSink};

/// What a full bundle may take up while it passes, besides the reserve.
const PASSING: usize = 16 << 20;

/// Opens a chain, or a full bundle alone, and hands its last state to a sink.
pub(crate) struct Incoming<S> {
    key: RecoveryKey,
    stage: Stage<S>,
}

enum Stage<S> {
    Deltas(Box<DeltaIntake>, S),
    Full(Box<Restore<'static, S>>),
    /// The deltas were refused.
    Over,
}

impl<S: StateSink> Incoming<S> {
    /// Nothing has been pushed yet.
    pub fn new(key: &RecoveryKey, sink: S) -> Self {
        Self { key: key.clone(), stage: Stage::Deltas(Box::default(), sink) }
    }

    /// The next delta begins.
    ///
    /// # Errors
    /// Misuse once the full bundle has begun; those of [`DeltaIntake::begin`].
    pub fn begin_delta(&mut self) -> Result<()> {
        self.intake("begin-delta")?.begin()
    }

    /// Takes the next bytes of the delta that has begun.
    ///
    /// # Errors
    /// Misuse once the full bundle has begun; those of [`DeltaIntake::push`]; too big when no memory would be left for the
    /// full bundle.
    pub fn push_delta(&mut self, piece: &[u8]) -> Result<()> {
        let intake = self.intake("push-delta")?;
        crate::memory_room(PASSING)?;
        intake.push(piece)
    }

    fn intake(&mut self, call: &str) -> Result<&mut DeltaIntake> {
        match &mut self.stage {
            Stage::Deltas(intake, _) => Ok(intake),
            Stage::Full(_) | Stage::Over => Err(Error::misuse(format!(
                "{call}: the full bundle has begun; deltas come before it; open another resource"
            ))),
        }
    }

    /// Takes the next bytes of the full bundle.
    ///
    /// # Errors
    /// Those of [`Incoming::begin`] and of [`Restore::push`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.begin()?.push(bytes)
    }

    /// All deltas have come: opens and checks them.
    ///
    /// # Errors
    /// Truncated when the last delta is not complete; those of [`Deltas::open`].
    pub fn begin(&mut self) -> Result<&mut Restore<'static, S>> {
        if let Stage::Deltas(..) = self.stage
            && let Stage::Deltas(intake, sink) = std::mem::replace(&mut self.stage, Stage::Over)
        {
            let deltas = match intake.is_empty() {
                true => Deltas::none(),
                false => {
                    // Their tails and indexes are held besides their bytes.
                    crate::memory_room(intake.held().saturating_mul(2).saturating_add(PASSING))?;
                    Deltas::open(&self.key, intake.finish()?, || Ok(()))?
                }
            };
            self.stage = Stage::Full(Box::new(Restore::over(&self.key, deltas, sink)));
        }
        match &mut self.stage {
            Stage::Full(restore) => Ok(restore),
            Stage::Deltas(..) | Stage::Over => Err(Error::host("stopped in the middle; open another resource")),
        }
    }

    /// The full bundle is complete: the sink has the whole of the last state.
    ///
    /// # Errors
    /// Truncated when it is not complete, or has not come; those of [`Incoming::begin`] and [`Restore::finish`].
    pub fn finish(mut self) -> Result<(Report, S)> {
        let has_only_deltas = matches!(&self.stage, Stage::Deltas(intake, _) if !intake.is_empty());
        self.begin()?;
        match self.stage {
            Stage::Full(_) if has_only_deltas => Err(Error::truncated(
                "the full bundle of the chain has not come: push it after the deltas that lead on from it",
            )),
            Stage::Full(restore) => restore.finish(),
            Stage::Deltas(..) | Stage::Over => Err(Error::host("stopped in the middle; open another resource")),
        }
    }

    /// The sink, to look at what it has got so far; none when the deltas were refused.
    pub fn sink(&mut self) -> Option<&mut S> {
        match &mut self.stage {
            Stage::Deltas(_, sink) => Some(sink),
            Stage::Full(restore) => Some(restore.sink()),
            Stage::Over => None,
        }
    }
}
