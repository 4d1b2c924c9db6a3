//! The seal: which key, which associated data, and what is sealed in the place of a box.

use super::{Area, cut};
use crate::support::cbor::blob;
use crate::support::keys::{FileKind, Keys, other_recovery, recovery, sha256};
use crate::support::spec::{BundleSpec, Part, record};
use crate::support::state::worked;
use crate::support::vector::Vector;

fn with_chunk(fault: impl Fn(&mut Part) + 'static) -> BundleSpec {
    BundleSpec::full(&worked()).with_parts(move |parts| fault(&mut parts[0]))
}

fn with_page(fault: impl Fn(&mut Part) + 'static) -> BundleSpec {
    BundleSpec::full(&worked()).with_pages(move |pages| fault(&mut pages[0]))
}

/// The associated data of a chunk.
fn chunk_label(kind: u8) -> Vec<u8> {
    [&b"lifeboat suite 1 chunk\0"[..], &[kind]].concat()
}

fn index_label(hash: &[u8]) -> Vec<u8> {
    [b"lifeboat suite 1 index\0", hash].concat()
}

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("seal", "Seal");
    let items = BundleSpec::full(&worked()).items();
    let records: Vec<u8> = items[..2].iter().flat_map(|item| record(item)).collect();
    for kind in [1, 2, 3] {
        let spec = with_chunk(move |part| part.associated = Some(chunk_label(kind)));
        area.wrong(
            &format!("for-kind-{kind}"),
            &format!("a chunk of kind 0 is sealed as one of kind {kind}"),
            "corrupt",
            &spec,
        );
    }
    let hash = sha256(&records);
    let index = index_label(&hash);
    for (name, fault, associated) in [
        ("without-kind", "the associated data of a chunk lacks the kind", b"lifeboat suite 1 chunk\0".to_vec()),
        ("without-label", "the associated data of a chunk is the kind alone", vec![0]),
        ("associated-nothing", "the associated data of a chunk is empty", vec![]),
        ("associated-of-the-index", "a chunk is sealed with the associated data of the index", index.clone()),
    ] {
        area.wrong(name, fault, "corrupt", &with_chunk(move |part| part.associated = Some(associated.clone())));
    }
    for (name, fault, associated) in [
        ("index-associated-of-a-chunk", "the index is sealed with the associated data of a chunk", chunk_label(3)),
        ("index-without-hash", "the associated data of the index lacks the hash of the records", index_label(&[])),
        ("index-of-no-items", "the index is sealed for no items before it", index_label(&sha256(&[]))),
        ("index-of-the-header", "the index is sealed for its header alone", index_label(&sha256(&records[..36]))),
        (
            "index-of-the-items",
            "the index is sealed for the bytes before it, not for their records",
            index_label(&sha256(&items[..2].concat())),
        ),
        (
            "index-of-the-records-themselves",
            "the associated data of the index has the records, not their hash",
            index_label(&records),
        ),
    ] {
        area.wrong(name, fault, "corrupt", &with_page(move |part| part.associated = Some(associated.clone())));
    }
    let keys = Keys::bundle();
    let ledger = Keys::ledger();
    let other_domain = Keys::new(FileKind::Bundle, recovery(), "another");
    let other_key = Keys::new(FileKind::Bundle, other_recovery(), "default");
    for (name, fault, key) in [
        ("key-of-the-index", "a chunk is sealed with the index seal key", keys.index_seal),
        ("key-of-a-ledger", "a chunk is sealed with the chunk seal key of the domain's ledgers", ledger.chunk_seal),
        ("key-of-another-domain", "a chunk is sealed with another domain's key", other_domain.chunk_seal),
        ("key-of-another-recovery-key", "a chunk is sealed with another recovery key's", other_key.chunk_seal),
        ("key-halves-swapped", "the two halves of the key have changed places", {
            let mut halves = keys.chunk_seal;
            halves.rotate_left(32);
            halves
        }),
    ] {
        area.wrong(name, fault, "corrupt", &with_chunk(move |part| part.seal_key = Some(key)));
    }
    area.wrong(
        "index-key-of-chunks",
        "the index is sealed with the chunk seal key",
        "corrupt",
        &with_page(move |part| part.seal_key = Some(keys.chunk_seal)),
    );
    let sealed = |fault: fn(&mut Vec<u8>)| {
        BundleSpec::full(&worked()).with_items(move |items| {
            let mut sealed = items[1][4..].to_vec();
            fault(&mut sealed);
            items[1] = [&[0x82, 0][..], &blob(&sealed).encode()].concat();
        })
    };
    area.wrong("siv-damaged", "a byte of the SIV is another", "corrupt", &sealed(|sealed| sealed[3] ^= 1));
    area.wrong("text-damaged", "a byte of the ciphertext is another", "corrupt", &sealed(|sealed| sealed[30] ^= 1));
    area.wrong("cut", "the last byte of the ciphertext is missing", "corrupt", &sealed(cut));
    area.wrong(
        "siv-at-the-end",
        "the SIV stands behind the ciphertext",
        "corrupt",
        &sealed(|sealed| sealed.rotate_left(16)),
    );
    area.wrong("siv-alone", "a chunk is an SIV and nothing else", "corrupt", &sealed(|sealed| sealed.truncate(16)));
    area.wrong("shorter-than-an-siv", "a chunk has 15 bytes", "corrupt", &sealed(|sealed| sealed.truncate(15)));
    area.wrong("nothing", "a chunk has no bytes", "corrupt", &sealed(Vec::clear));
    area.wrong(
        "of-nothing",
        "what is sealed is nothing",
        "corrupt",
        &with_chunk(|part| part.padded = Some(Vec::new())),
    );
    area.vectors
}
