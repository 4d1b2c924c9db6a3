//! The bundles of the command line. They are checked one by one and as a chain, or handed on in pieces.

use crate::arguments::Bundle;
use crate::bindings::lifeboat::recovery::recovery::{
    Audit, Database, Error, ErrorKind, Inspection, Report, Salvage, Salvaged, check_links,
};
use crate::fail::{Fail, IoContext};
use crate::progress::{Phase, Progress};
use std::fs::File;
use std::io::Read;

/// The longest piece that the interface takes.
const PIECE: usize = 1 << 20;

/// A resource of the interface that takes bundles.
pub trait Intake {
    /// Begins the next delta.
    fn begin_delta(&self) -> Result<(), Error>;
    /// Takes the next piece of the delta that has begun.
    fn push_delta(&self, piece: &[u8]) -> Result<(), Error>;
    /// Takes the next piece of the full bundle.
    fn push(&self, piece: &[u8]) -> Result<(), Error>;
    /// Hands on what the pieces so far have given. Call it after each `push`.
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

/// Checks each bundle without the recovery key, and checks that each leads on from the one before it. `verify_key`: the
/// signer must be this one. `expect`: the last bundle must lead to this state.
///
/// # Errors
/// Those of the interface and of reading, with the path of the bundle that is wrong.
pub fn check(
    bundles: &[Bundle],
    verify_key: Option<&str>,
    expect: Option<&str>,
    progress: Progress,
) -> Result<Vec<Report>, Fail> {
    let mut phase = progress.phase("checking", size(bundles));
    let mut reports = Vec::new();
    for (number, bundle) in bundles.iter().enumerate() {
        let audit = Audit::open(verify_key, expect.filter(|_| number + 1 == bundles.len()))?;
        let at = |error| located(bundles, error, Some(number));
        feed_one(bundle, &mut phase, |piece| audit.push(piece).map_err(at), || Ok(()))?;
        reports.push(audit.finish().map_err(at)?);
    }
    check_links(&reports).map_err(|error| located(bundles, error, None))?;
    Ok(reports)
}

/// Hands on a full bundle or a chain: first its deltas, then its full bundle.
///
/// # Errors
/// Those of reading and of the interface, with the path of the bundle that is wrong.
pub fn feed(bundles: &[Bundle], work: &impl Intake, progress: Progress) -> Result<(), Fail> {
    let Some((full, deltas)) = bundles.split_first() else { return Ok(()) };
    let mut phase = progress.phase("reading", size(bundles));
    let at = |number| move |error| located(bundles, error, number);
    for delta in deltas {
        work.begin_delta().map_err(at(None))?;
        feed_one(delta, &mut phase, |piece| work.push_delta(piece).map_err(at(None)), || Ok(()))?;
    }
    if !deltas.is_empty() {
        // The deltas are complete, and are opened now. If one of them is wrong, the full bundle has nothing to do with
        // it.
        work.push(&[]).map_err(at(None))?;
        work.drain()?;
    }
    feed_one(full, &mut phase, |piece| work.push(piece).map_err(at(Some(0))), || work.drain())
}

/// Hands on all bundles, oldest first, damaged or not, and says what they can still prove.
///
/// # Errors
/// Those of reading and of the interface, with the path of the bundle that is wrong.
pub fn salvage(bundles: &[Bundle], salvage: &Salvage, progress: Progress) -> Result<Salvaged, Fail> {
    let mut phase = progress.phase("reading", size(bundles));
    for (number, bundle) in bundles.iter().enumerate() {
        let at = |error| located(bundles, error, Some(number));
        salvage.begin_bundle().map_err(at)?;
        feed_one(bundle, &mut phase, |piece| salvage.push(piece).map_err(at), || Ok(()))?;
    }
    done(bundles, salvage.finish())
}

/// The interface's answer when everything has been handed on. If an error is about one bundle, it gets the path of that
/// bundle.
///
/// # Errors
/// Those of the interface.
pub fn done<T>(bundles: &[Bundle], result: Result<T, Error>) -> Result<T, Fail> {
    result.map_err(|error| {
        // Any error may be about any bundle, but only the full bundle can still be too short.
        let full = (error.kind == ErrorKind::Truncated).then_some(0);
        located(bundles, error, full)
    })
}

/// Adds the path of a bundle to an error: the bundle that the error names, or else this one, counted from 0.
fn located(bundles: &[Bundle], error: Error, number: Option<usize>) -> Fail {
    let named = error.bundle;
    let fail = Fail::from(error);
    if let [bundle] = bundles {
        return fail.at(bundle);
    }
    let bundle = |number: usize| bundles.get(number);
    if let Some(named) = named {
        let named = usize::try_from(named).ok().and_then(|named| bundle(named.checked_sub(1)?));
        return match named {
            Some(bundle) => fail.at(bundle),
            None => fail,
        };
    }
    match number.and_then(|number| Some((number, bundle(number)?))) {
        Some((number, bundle)) => fail.at(format!("{bundle}: bundle {} of the chain", number + 1)),
        None => fail,
    }
}

/// How many bytes the bundles have. None: one of them comes from the standard input, or cannot be found.
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
    push: impl Fn(&[u8]) -> Result<(), Fail>,
    drain: impl Fn() -> Result<(), Fail>,
) -> Result<(), Fail> {
    let mut source: Box<dyn Read> = match bundle {
        Bundle::StandardInput => Box::new(std::io::stdin().lock()),
        Bundle::File(path) => Box::new(File::open(path).context("cannot open", path)?),
    };
    let mut piece = Vec::with_capacity(PIECE);
    loop {
        piece.clear();
        // A runtime may give less at one time. Chunks that come together are opened together, which takes less time.
        match source.by_ref().take(PIECE as u64).read_to_end(&mut piece).context("cannot read", bundle)? {
            0 => return Ok(()),
            length => {
                push(&piece)?;
                drain()?;
                phase.add(length);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_the_path_of_its_bundle() {
        let bundles = ["a", "b", "c"].map(|path| Bundle::File(path.to_owned()));
        let said = |bundles: &[Bundle], bundle, number| {
            let error = Error { kind: ErrorKind::Corrupt, text: "why".to_owned(), bundle, position: None };
            located(bundles, error, number).to_string()
        };
        assert_eq!(said(&bundles[..1], None, None), "corrupt: a: why");
        assert_eq!(said(&bundles[..1], None, Some(0)), "corrupt: a: why");
        assert_eq!(said(&bundles, None, None), "corrupt: why");
        assert_eq!(said(&bundles, None, Some(2)), "corrupt: c: bundle 3 of the chain: why");
        assert_eq!(said(&bundles, Some(2), None), "corrupt: b: why");
        assert_eq!(said(&bundles, Some(2), Some(0)), "corrupt: b: why", "the text has its number");
        for none in [0, 4, u32::MAX] {
            assert_eq!(said(&bundles, Some(none), None), "corrupt: why");
        }
    }
}
