//! The bundles of the command line: checked one by one and for being a chain, and handed on in pieces.

use crate::arguments::Bundle;
use crate::bindings::lifeboat::recovery::recovery::{Audit, Database, Error, Inspection, Report, check_links};
use crate::fail::{Fail, IoContext, Kind};
use crate::progress::{Phase, Progress};
use std::fs::File;
use std::io::{ErrorKind, Read};

/// The longest piece that the interface takes.
const PIECE: usize = 1 << 20;

/// A resource of the interface that takes bundles in.
pub trait Intake {
    /// The next delta begins.
    fn begin_delta(&self) -> Result<(), Error>;
    /// Takes the next piece of the delta that has begun.
    fn push_delta(&self, piece: &[u8]) -> Result<(), Error>;
    /// Takes the next piece of the full bundle.
    fn push(&self, piece: &[u8]) -> Result<(), Error>;
    /// Hands on what the pieces so far have given. After each `push`.
    ///
    /// # Errors
    /// Those of the interface, and of handing on.
    fn drain(&self) -> Result<(), Fail> {
        Ok(())
    }
}

impl Intake for Inspection {
    fn begin_delta(&self) -> Result<(), Error> {
        self.begin_delta()
    }

    fn push_delta(&self, piece: &[u8]) -> Result<(), Error> {
        self.push_delta(piece)
    }

    fn push(&self, piece: &[u8]) -> Result<(), Error> {
        self.push(piece)
    }
}

impl Intake for Database {
    fn begin_delta(&self) -> Result<(), Error> {
        self.begin_delta()
    }

    fn push_delta(&self, piece: &[u8]) -> Result<(), Error> {
        self.push_delta(piece)
    }

    fn push(&self, piece: &[u8]) -> Result<(), Error> {
        self.push(piece)
    }
}

/// Checks each bundle without the recovery key, and that each leads on from the one before it. `verify_key`: the signer
/// must be this one; `expect`: the last bundle must lead to this state.
///
/// # Errors
/// Those of the interface and of reading, with the path of the bundle that is wrong.
pub fn check(
    bundles: &[Bundle],
    verify_key: Option<&str>,
    expect: Option<&str>,
    progress: Progress,
) -> Result<Vec<Report>, Fail> {
    let reports = check_each(bundles, verify_key, expect, progress)?;
    check_follow(bundles, &reports)?;
    Ok(reports)
}

fn check_each(
    bundles: &[Bundle],
    verify_key: Option<&str>,
    expect: Option<&str>,
    progress: Progress,
) -> Result<Vec<Report>, Fail> {
    let mut phase = progress.phase("checking", size(bundles));
    let mut reports = Vec::new();
    for (number, bundle) in bundles.iter().enumerate() {
        let audit = Audit::open(verify_key, expect.filter(|_| number + 1 == bundles.len()))?;
        feed_one(bundle, &mut phase, |piece| audit.push(piece), || Ok(()))?;
        reports.push(audit.finish().map_err(|error| Fail::from(error).at(bundle))?);
    }
    Ok(reports)
}

/// That these bundles, with these reports, follow one another.
fn check_follow(bundles: &[Bundle], reports: &[Report]) -> Result<(), Fail> {
    let Err(error) = check_links(reports) else { return Ok(()) };
    // The first that does not follow ends the shortest chain that is none.
    let follows = (1..reports.len()).take_while(|last| check_links(&reports[..=*last]).is_ok()).count();
    let fail = Fail::from(error);
    Err(match bundles.get(follows + 1) {
        Some(bundle) if fail.kind == Kind::Mismatch => fail.at(bundle),
        _ => fail,
    })
}

/// That these bundles are a whole chain.
fn check_whole(bundles: &[Bundle], reports: &[Report]) -> Result<(), Fail> {
    check_follow(bundles, reports)?;
    match (bundles.first(), reports.first().and_then(|report| report.base_id.as_deref())) {
        (Some(first), Some(base)) => {
            let message = format!(
                "this is a delta, which leads on from the state {base}; give the whole chain, oldest first, beginning with \
                 its full bundle"
            );
            Err(Fail { kind: Kind::Mismatch, message }.at(first))
        }
        _ => Ok(()),
    }
}

/// Hands on a full bundle, or a chain: its deltas, then its full bundle. Each bundle of a chain is checked first, so that what is
/// wrong with one is told with its path.
///
/// # Errors
/// Those of [`check`], of reading and of the interface; mismatch when the first bundle of a chain is a delta.
pub fn feed(bundles: &[Bundle], work: &impl Intake, progress: Progress) -> Result<(), Fail> {
    let Some((full, deltas)) = bundles.split_first() else { return Ok(()) };
    let begin = || progress.phase("reading", size(bundles));
    let push = |piece: &[u8]| work.push(piece);
    if deltas.is_empty() {
        return feed_one(full, &mut begin(), push, || work.drain());
    }
    let reports = check_each(bundles, None, None, progress)?;
    let mut phase = begin();
    let mut deltas = deltas.iter();
    let taken = deltas.try_for_each(|delta| {
        work.begin_delta()?;
        feed_one(delta, &mut phase, |piece| work.push_delta(piece), || Ok(()))
    });
    // The deltas are complete, and opened now: what is wrong with one has nothing to do with the full bundle.
    let opened = taken.and_then(|()| Ok(work.push(&[])?));
    match opened {
        Err(fail) if fail.kind != Kind::Mismatch => return Err(fail),
        // Why they are no chain, all of them together tell better than those that the interface has seen.
        opened => check_whole(bundles, &reports).and(opened)?,
    }
    work.drain()?;
    feed_one(full, &mut phase, push, || work.drain())
}

/// What the interface says when all has been handed on, with the path of the bundle where there is one alone.
///
/// # Errors
/// Those of the interface.
pub fn done<T>(bundles: &[Bundle], result: Result<T, Error>) -> Result<T, Fail> {
    result.map_err(|error| match bundles {
        [bundle] => Fail::from(error).at(bundle),
        _ => Fail::from(error),
    })
}

/// How many bytes the bundles have; none where one comes from the standard input, or cannot be found.
fn size(bundles: &[Bundle]) -> Option<u64> {
    let sizes = bundles.iter().map(|bundle| match bundle {
        Bundle::StandardInput => None,
        Bundle::File(path) => Some(std::fs::metadata(path).ok()?.len()),
    });
    sizes.sum()
}

/// Hands a bundle on in pieces.
fn feed_one(
    bundle: &Bundle,
    phase: &mut Phase,
    push: impl Fn(&[u8]) -> Result<(), Error>,
    drain: impl Fn() -> Result<(), Fail>,
) -> Result<(), Fail> {
    let mut source: Box<dyn Read> = match bundle {
        Bundle::StandardInput => Box::new(std::io::stdin().lock()),
        Bundle::File(path) => Box::new(File::open(path).context("cannot open", path)?),
    };
    let mut piece = vec![0; PIECE];
    loop {
        match source.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => {
                push(&piece[..length]).map_err(|error| Fail::from(error).at(bundle))?;
                drain()?;
                phase.add(length);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("cannot read", bundle),
        }
    }
}
