//! A bundle, damaged in one place; and files that are none.

use std::fs;

use sha2::{Digest, Sha256};

use super::{Maker, all};
use crate::corpus::{self, package};
use crate::zkap::Size;

/// The length of the head.
const HEAD: usize = 75;
/// The length of the trailer.
const TRAILER: usize = 9;

/// Few rows, but long ones: who reads rows has them before a damage behind them shows.
const SEVERAL_CHUNKS: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b BLOB);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 700)
    INSERT INTO t SELECT i, replace(hex(zeroblob(300)), '00', 'row ' || i * 7919 % 401), zeroblob(i) FROM n";

pub(super) fn add(maker: &mut Maker) {
    let sound = maker.full("sound.bundle", SEVERAL_CHUNKS);
    maker.good("damage/none", &[&sound]);
    let other = maker.full("sound-other.bundle", &format!("{SEVERAL_CHUNKS}; UPDATE t SET a = b"));
    let (bytes, parts) = (&sound.bytes, Parts::of(&sound.bytes));
    cuts(maker, bytes, &parts);
    flips(maker, bytes, &parts);
    chunks(maker, bytes, &parts, &Parts::of(&other.bytes), &other.bytes);
    foreign(maker, bytes);
    future(maker, bytes);
}

/// Where the parts of a bundle are (`core/FORMAT.md`).
struct Parts {
    /// The chunks of changes, and behind them the pages of the index: the number of each kind, and its bytes.
    chunks: Vec<(u8, std::ops::Range<usize>)>,
    /// Where the tail begins.
    tail: usize,
}

impl Parts {
    fn of(bundle: &[u8]) -> Self {
        let (mut chunks, mut at) = (Vec::new(), HEAD);
        while bundle[at] == 0x82 {
            let number =
                |from: usize, to: usize| bundle[from..to].iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
            let end = match bundle[at + 2] {
                0x58 => at + 4 + number(at + 3, at + 4),
                0x59 => at + 5 + number(at + 3, at + 5),
                0x5a => at + 7 + number(at + 3, at + 7),
                short => at + 3 + usize::from(short - 0x40),
            };
            chunks.push((bundle[at + 1], at..end));
            at = end;
        }
        Self { chunks, tail: at }
    }

    fn changes(&self) -> Vec<std::ops::Range<usize>> {
        self.chunks.iter().filter(|(kind, _)| *kind == 0).map(|(_, range)| range.clone()).collect()
    }

    fn index(&self) -> std::ops::Range<usize> {
        self.chunks.iter().find(|(kind, _)| *kind == 3).expect("a bundle has an index").1.clone()
    }
}

fn bad(maker: &mut Maker, name: &str, kind: &str, bytes: &[u8]) {
    let file = maker.file(&format!("{}.bundle", name.replace('/', "-")), bytes);
    maker.case(name, &[&file], all(kind));
}

fn cuts(maker: &mut Maker, bundle: &[u8], parts: &Parts) {
    let changes = parts.changes();
    for (place, length) in [
        ("nothing-left", 0),
        ("after-a-byte", 1),
        ("in-the-head", HEAD / 2),
        ("after-the-head", HEAD),
        ("in-the-length-of-a-chunk", HEAD + 4),
        ("in-a-chunk", (changes[0].start + changes[0].end) / 2),
        ("between-chunks", changes[0].end),
        ("before-the-index", parts.index().start),
        ("in-the-index", parts.index().end - 10),
        ("before-the-tail", parts.tail),
        ("in-the-tail", parts.tail + 50),
        ("before-the-signature", bundle.len() - TRAILER - 64),
        ("before-the-trailer", bundle.len() - TRAILER),
        ("by-one-byte", bundle.len() - 1),
    ] {
        bad(maker, &format!("cut/{place}"), "truncated", &bundle[..length]);
    }
    bad(maker, "longer/by-a-byte", "corrupt", &[bundle, b"\0"].concat());
    bad(maker, "longer/by-a-line-end", "corrupt", &[bundle, b"\n"].concat());
    bad(maker, "longer/twice", "corrupt", &[bundle, bundle].concat());
}

fn flips(maker: &mut Maker, bundle: &[u8], parts: &Parts) {
    let changes = parts.changes();
    for (place, at) in [
        ("first-byte", 0),
        ("magic", 7),
        ("revision", 13),
        ("suite", 14),
        ("domain-id", 20),
        ("commitment", 40),
        ("check-of-the-head", HEAD - 3),
        ("kind-of-a-chunk", changes[1].start + 1),
        ("length-of-a-chunk", changes[1].start + 5),
        ("seal-of-a-chunk", changes[1].start + 8),
        ("first-chunk", (changes[0].start + changes[0].end) / 2),
        ("last-chunk", changes[changes.len() - 1].end - 1),
        ("index", parts.index().end - 20),
        ("base-id", parts.tail + 1),
        ("state-id", parts.tail + 20),
        ("records", parts.tail + 60),
        ("verify-key", bundle.len() - TRAILER - 66 - 10),
        ("signature", bundle.len() - TRAILER - 10),
        ("trailer", bundle.len() - TRAILER),
        ("last-byte", bundle.len() - 1),
    ] {
        let mut flipped = bundle.to_vec();
        flipped[at] ^= 1;
        bad(maker, &format!("flip/{place}"), "corrupt", &flipped);
    }
}

/// Whole chunks in the wrong place: each is sealed as it should be.
fn chunks(maker: &mut Maker, bundle: &[u8], parts: &Parts, of_other: &Parts, other: &[u8]) {
    let changes = parts.changes();
    assert!(changes.len() >= 3, "there should be several chunks, not {}", changes.len());
    let [first, second] = [&bundle[changes[0].clone()], &bundle[changes[1].clone()]];
    let (head, rest) = (&bundle[..HEAD], &bundle[changes[1].end..]);
    let foreign = &other[of_other.changes()[1].clone()];
    let before_last = &bundle[..changes[changes.len() - 1].start];
    let index = &bundle[parts.index()];
    for (fault, bytes) in [
        ("swapped", [head, second, first, rest].concat()),
        ("first-left-out", [head, second, rest].concat()),
        ("left-out", [head, first, rest].concat()),
        ("last-left-out", [before_last, &bundle[parts.index().start..]].concat()),
        ("twice", [head, first, first, second, rest].concat()),
        ("of-another-state", [head, first, foreign, rest].concat()),
        ("after-the-index", [head, first, &bundle[changes[1].end..parts.tail], second, &bundle[parts.tail..]].concat()),
        ("index-left-out", [&bundle[..parts.index().start], &bundle[parts.tail..]].concat()),
        ("index-twice", [&bundle[..parts.tail], index, &bundle[parts.tail..]].concat()),
        ("tail-of-another-state", [&bundle[..parts.tail], &other[of_other.tail..]].concat()),
        (
            "head-of-another-state-is-the-same",
            [&other[..HEAD], &bundle[HEAD..parts.tail], &other[of_other.tail..]].concat(),
        ),
    ] {
        bad(maker, &format!("chunks/{fault}"), "corrupt", &bytes);
    }
}

/// Files that are no bundle at all.
fn foreign(maker: &mut Maker, bundle: &[u8]) {
    let database = fs::read(corpus::zkap(Size::SMALL)).expect("the corpus is there");
    let zip = [&b"PK\x05\x06"[..], &[0; 18]].concat();
    let hex: String = crate::digest::hex(bundle);
    for (what, bytes) in [
        ("database", database),
        ("zip", zip),
        ("text", b"This is not a bundle.\n".repeat(100)),
        ("a-short-text", b"no bundle".to_vec()),
        ("zeros", vec![0; 1 << 20]),
        ("ones", vec![0xff; 1000]),
        ("in-hexadecimal", hex.into_bytes()),
        ("a-byte-before-it", [b"\xef", bundle].concat()),
    ] {
        bad(maker, &format!("no-bundle/{what}"), "corrupt", &bytes);
    }
    let ledger = fs::read(package().join("../core/tests/golden/1-many-rows.ledger")).expect("a golden ledger");
    bad(maker, "no-bundle/ledger", "mismatch", &ledger);
}

/// Sound heads of revisions and suites that are not there yet.
fn future(maker: &mut Maker, bundle: &[u8]) {
    for (name, at, number) in [("revision", 13, 2), ("suite", 14, 2), ("revision-zero", 13, 0)] {
        let mut forged = bundle.to_vec();
        forged[at] = number;
        let check = Sha256::digest(&forged[..HEAD - 9]);
        forged[HEAD - 8..HEAD].copy_from_slice(&check[..8]);
        bad(maker, &format!("future/{name}"), "unsupported", &forged);
    }
}
