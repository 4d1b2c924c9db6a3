//! The vectors in `vectors/`: that the files are what the cases make, and that every reader of this crate says of each what it
//! says. Their README tells how to read one.
//!
//! `LIFEBOAT_WRITE_VECTORS=1` writes those that are missing or other.

mod cases;
mod support;

use lifeboat_core::{
    Audit, Base, Bundle, Chain, DeltaIntake, Deltas, Discard, Error, PublicReport, RecoveryKey, Restore, check_links,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use support::vector::Vector;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

#[test]
fn the_files_are_what_the_cases_make() {
    let files = |vectors: Vec<Vector>| -> BTreeMap<String, String> {
        vectors.into_iter().map(|vector| (format!("{}.vector", vector.name), vector.to_text())).collect()
    };
    let cases = cases::all();
    let made = files(cases.clone());
    let twice: Vec<_> =
        cases.windows(2).filter(|pair| pair[0].name == pair[1].name).map(|pair| &pair[0].name).collect();
    assert!(twice.is_empty(), "names of two vectors: {twice:?}");
    if std::env::var_os("LIFEBOAT_WRITE_VECTORS").is_some() {
        for vector in Vector::read_all(&directory()) {
            let name = format!("{}.vector", vector.name);
            if !made.contains_key(&name) {
                fs::remove_file(directory().join(name)).expect("it is there");
            }
        }
        made.iter().for_each(|(name, text)| fs::write(directory().join(name), text).expect("writes"));
    }
    let found = files(Vector::read_all(&directory()));
    assert!(made.keys().eq(found.keys()), "names");
    let other: Vec<_> = made.iter().filter(|(name, text)| found[*name] != **text).map(|(name, _)| name).collect();
    assert!(other.is_empty(), "other than the cases make: {other:?}");
    let format = include_str!("../FORMAT.md");
    for vector in &cases {
        assert!(format.contains(&format!("\n## {}\n", vector.section)), "{} names no section", vector.name);
    }
}

/// What a reader said: the state's id, or the kind of its error.
type Said = Result<String, String>;

fn kind<T>(result: Result<T, Error>) -> Result<T, String> {
    result.map_err(|error| error.kind().name().to_owned())
}

fn pieces(mut push: impl FnMut(&[u8]) -> Result<(), Error>, bytes: &[u8], piece: usize) -> Result<(), Error> {
    bytes.chunks(piece).try_for_each(|piece| push(piece))
}

/// The full bundle comes once, in pieces of this size; the deltas are there.
fn stream(key: &RecoveryKey, chain: &[&[u8]], piece: usize) -> Said {
    let deltas = kind(Deltas::open(key, chain[1..].iter().copied(), || Ok(())))?;
    let mut restore = Restore::over(key, deltas, Discard);
    kind(pieces(|piece| restore.push(piece), chain[0], piece))?;
    kind(restore.finish()).map(|(report, _)| report.public.state_id.to_string())
}

/// The deltas too come in pieces, one after the other.
fn intake(key: &RecoveryKey, chain: &[&[u8]], piece: usize) -> Said {
    let mut intake = DeltaIntake::new();
    kind(pieces(|piece| intake.push(piece), &chain[1..].concat(), piece))?;
    let deltas = kind(intake.finish())?;
    let deltas: Vec<&[u8]> = deltas.iter().map(Vec::as_slice).collect();
    stream(key, &[&chain[..1], &deltas].concat(), piece)
}

/// All bundles are read at any place; each is checked by itself, then the state to which they lead.
fn random_access(key: &RecoveryKey, chain: &[&[u8]]) -> Said {
    let chain = kind(Chain::open(key, chain.iter().copied()))?;
    kind(chain.require_complete())?;
    kind(chain.check(|| Ok(())))?;
    kind(chain.walk(key, Discard, || Ok(()))).map(|(report, _)| report.public.state_id.to_string())
}

/// The same without the check of each bundle before.
fn walk(key: &RecoveryKey, chain: &[&[u8]]) -> Said {
    let chain = kind(Chain::open(key, chain.iter().copied()))?;
    kind(chain.walk(key, Discard, || Ok(()))).map(|(report, _)| report.public.state_id.to_string())
}

fn alone(key: &RecoveryKey, bundle: &[u8]) -> Said {
    let chain = kind(Chain::open(key, [bundle]))?;
    kind(chain.check(|| Ok(())))?;
    Ok(chain.last().state_id.to_string())
}

fn audit(bundle: &[u8], piece: usize) -> Result<PublicReport, String> {
    let mut audit = Audit::new();
    kind(pieces(|piece| audit.push(piece), bundle, piece))?;
    kind(audit.finish(None))
}

fn ledger(key: &RecoveryKey, ledger: &[u8]) -> Said {
    let ledger = kind(Bundle::open_ledger(key, ledger))?;
    kind(ledger.check(|| Ok(())))?;
    Ok(ledger.public().state_id.to_string())
}

/// What a vector says of its outcome.
fn expected(vector: &Vector) -> Said {
    match vector.outcome.as_str() {
        "success" => Ok(vector.state.clone().unwrap_or_default()),
        kind => Err(kind.to_owned()),
    }
}

fn word<T>(said: &Result<T, String>) -> &str {
    said.as_ref().err().map_or("success", String::as_str)
}

#[test]
fn each_reader_says_what_the_vector_says() {
    let all = Vector::read_all(&directory());
    let mut wrong = Vec::new();
    for vector in &all {
        let key = RecoveryKey::from_text(&vector.key).expect("a key");
        let chain = vector.chain(&all);
        let mut compare = |reader: &str, said: &str, expected: &str| {
            if said != expected {
                wrong.push(format!("{}: {reader}: {said}, not {expected}", vector.name));
            }
        };
        let said = |said: &Said| said.clone().unwrap_or_else(|kind| kind);
        let expect = said(&expected(vector));
        if vector.is_ledger {
            compare("ledger", &said(&ledger(&key, &vector.bytes)), &expect);
        } else {
            for piece in [1 << 20, 77] {
                compare("stream", &said(&stream(&key, &chain, piece)), &expect);
            }
            compare("intake", &said(&intake(&key, &chain, 4096)), &expect);
            compare("random access", &said(&random_access(&key, &chain)), &expect);
            compare("walk", &said(&walk(&key, &chain)), &expect);
        }
        for piece in [1 << 20, 1] {
            let audited = audit(&vector.bytes, piece);
            compare("keyless", word(&audited), &vector.keyless);
            let signer = audited.ok().map(|report| report.verify_key.to_string());
            compare("signer", signer.as_deref().unwrap_or("none"), vector.signer.as_deref().unwrap_or("none"));
        }
        if let Some(expected) = &vector.alone {
            compare("alone", word(&alone(&key, &vector.bytes)), expected);
        }
        if let Some(expected) = &vector.links {
            let reports: Vec<_> = chain.iter().map(|bundle| audit(bundle, 1 << 20).expect("sound")).collect();
            compare("links", word(&kind(check_links(&reports))), expected);
        }
    }
    assert!(wrong.is_empty(), "{} of {} vectors:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}
