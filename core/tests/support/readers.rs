//! Every reader of this crate, and what each says of a chain of bundles.

use lifeboat_core::chain::{Bundle, Chain, DeltaIntake, Deltas};
use lifeboat_core::salvage::Salvage;
use lifeboat_core::stream::{Audit, Decoder, Discard, LookAhead, Opened, Opener, Restore};
use lifeboat_core::{AccessKey, Error, PublicReport};

/// What a reader said: the state's id, or the kind of its error.
pub type Said = Result<String, String>;

/// An error as its kind.
pub fn kind<T>(result: Result<T, Error>) -> Result<T, String> {
    result.map_err(|error| error.kind().name().to_owned())
}

fn pieces(push: impl FnMut(&[u8]) -> Result<(), Error>, bytes: &[u8], piece: usize) -> Result<(), Error> {
    bytes.chunks(piece).try_for_each(push)
}

/// The full bundle comes once, in pieces of this size; the deltas are there. Where digests are taken ahead, and where all comes in
/// one piece, the same must be said.
pub fn stream(key: &AccessKey, chain: &[&[u8]], piece: usize) -> Said {
    let deltas = kind(Deltas::open(key, chain[1..].iter().copied(), || Ok(())))?;
    let mut restore = Restore::over(key, deltas, Discard);
    let said = pieces(|piece| restore.push(piece), chain[0], piece).and_then(|()| restore.finish());
    let said = said.map(|(report, _)| report.public.state_id.to_string());
    let ahead = look_ahead(key, chain);
    let text = |said: &Result<String, Error>| said.as_ref().map_or_else(Error::to_string, String::clone);
    assert_eq!(text(&said), text(&ahead));
    kind(said)
}

fn look_ahead(key: &AccessKey, chain: &[&[u8]]) -> Result<String, Error> {
    let deltas = Deltas::open(key, chain[1..].iter().copied(), || Ok(()))?;
    let mut decoder = Decoder::over(key, deltas, Discard);
    let (mut opener, mut ahead) = (Opener::new(key), None);
    opener.push(chain[0], |opened| {
        if let Opened::Keys(keys) = &opened {
            ahead = Some(LookAhead::new(keys));
        }
        decoder.take(ahead.as_mut().expect("the keys come first").prepare(opened))
    })?;
    opener.finish()?;
    decoder.finish().map(|(report, _)| report.public.state_id.to_string())
}

/// The deltas too come in pieces.
pub fn intake(key: &AccessKey, chain: &[&[u8]], piece: usize) -> Said {
    let mut intake = DeltaIntake::new();
    for delta in &chain[1..] {
        kind(intake.begin())?;
        kind(pieces(|piece| intake.push(piece), delta, piece))?;
    }
    let deltas = kind(intake.finish())?;
    let deltas: Vec<&[u8]> = deltas.iter().map(Vec::as_slice).collect();
    stream(key, &[&chain[..1], &deltas].concat(), piece)
}

/// All bundles are read at any place; each is checked by itself, then the state to which they lead.
pub fn random_access(key: &AccessKey, chain: &[&[u8]]) -> Said {
    let chain = kind(Chain::open(key, chain.iter().copied()))?;
    kind(chain.require_complete())?;
    kind(chain.check(|| Ok(())))?;
    kind(chain.walk(key, Discard, || Ok(()))).map(|(report, _)| report.public.state_id.to_string())
}

/// The same without the check of each bundle before.
pub fn walk(key: &AccessKey, chain: &[&[u8]]) -> Said {
    let chain = kind(Chain::open(key, chain.iter().copied()))?;
    kind(chain.walk(key, Discard, || Ok(()))).map(|(report, _)| report.public.state_id.to_string())
}

/// What is salvaged: whether it is all of the state.
pub fn salvage(key: &AccessKey, chain: &[&[u8]]) -> Result<bool, String> {
    let salvage = kind(Salvage::open(key, chain.iter().copied(), || Ok(())))?;
    kind(salvage.walk(Discard, || Ok(())))?;
    Ok(salvage.missing().next().is_none())
}

/// A delta by itself, as far as that goes.
pub fn alone(key: &AccessKey, bundle: &[u8]) -> Said {
    let chain = kind(Chain::open(key, [bundle]))?;
    kind(chain.check(|| Ok(())))?;
    Ok(chain.last().state_id.to_string())
}

/// Without a key.
pub fn audit(bundle: &[u8], piece: usize) -> Result<PublicReport, String> {
    let mut audit = Audit::new();
    kind(pieces(|piece| audit.push(piece), bundle, piece))?;
    kind(audit.finish(None))
}

/// All of a ledger.
pub fn ledger(key: &AccessKey, ledger: &[u8]) -> Said {
    let ledger = kind(Bundle::open_ledger(key, ledger))?;
    kind(ledger.check(|| Ok(())))?;
    Ok(ledger.public().state_id.to_string())
}
