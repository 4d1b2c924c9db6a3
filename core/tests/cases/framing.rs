//! The items of a bundle between its head and its footer, and its end.

use super::Area;
use crate::support::cbor::{Cbor, blob, head_of};
use crate::support::spec::{BundleSpec, Chunk};
use crate::support::state::{Change, Item, item, row_1, row_2, schema_t, settings, worked};
use crate::support::vector::Vector;

/// The worked state in two chunks.
fn two_chunks() -> BundleSpec {
    let chunk = |items: &[Item]| Chunk::Small(items.iter().map(Change::write).collect());
    let mut spec = BundleSpec::full(&[]);
    spec.chunks = vec![chunk(&[settings(), schema_t(), row_1()]), chunk(&[row_2()])];
    spec
}

/// The bytes that are sealed in an item.
fn sealed(item: &[u8]) -> Vec<u8> {
    // All chunks here have from 24 to 255 bytes.
    item[4..].to_vec()
}

/// Another form of the first chunk.
fn chunk_as(form: impl Fn(&[u8]) -> Vec<u8> + 'static) -> Vec<u8> {
    BundleSpec::full(&worked()).with_items(move |items| items[1] = form(&sealed(&items[1]))).bytes()
}

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("full", "A worked bundle");
    area.sound("", "the worked bundle", &BundleSpec::full(&worked()));
    area.section("Bundle");
    area.sound("two-chunks", "two chunks, the second going on with the table of the first", &two_chunks());
    let mut vectors = area.vectors;
    let mut area = Area::new("item", "Bundle");
    let kind = |kind: &'static [u8]| move |sealed: &[u8]| [&[0x82], kind, &blob(sealed).encode()].concat();
    area.public("kind-4", "a chunk is of kind 4", "corrupt", chunk_as(kind(&[4])));
    area.public("kind-15", "a chunk is of kind 15", "corrupt", chunk_as(kind(&[15])));
    area.public("kind-24", "a chunk is of kind 24", "corrupt", chunk_as(kind(&[24])));
    area.public("kind-24-in-two-bytes", "a chunk is of kind 24", "corrupt", chunk_as(kind(&[0x18, 24])));
    area.public("kind-255", "a chunk is of kind 255", "corrupt", chunk_as(kind(&[0x18, 0xff])));
    area.public(
        "kind-long-head",
        "a chunk's kind has a head that is longer than it need be",
        "corrupt",
        chunk_as(kind(&[0x18, 0])),
    );
    area.public("kind-negative", "a chunk's kind is below 0", "corrupt", chunk_as(kind(&[0x20])));
    area.public("kind-null", "a chunk's kind is null", "corrupt", chunk_as(kind(&[0xf6])));
    let array = |head: &'static [u8], end: &'static [u8]| {
        move |sealed: &[u8]| [head, &[0], &blob(sealed).encode(), end].concat()
    };
    area.public(
        "array-long-head",
        "a chunk's array has a head that is longer than it need be",
        "corrupt",
        chunk_as(array(&[0x98, 2], &[])),
    );
    area.public(
        "array-indefinite",
        "a chunk's array is of indefinite length",
        "corrupt",
        chunk_as(array(&[0x9f], &[0xff])),
    );
    area.public("array-of-three", "a chunk has three items", "corrupt", chunk_as(array(&[0x83], &[0xf6])));
    area.public("array-tagged", "a chunk has a tag before it", "corrupt", chunk_as(array(&[0xc6, 0x82], &[])));
    area.public("a-map", "a map stands where a chunk belongs", "corrupt", chunk_as(array(&[0xa1], &[])));
    area.public(
        "null",
        "a null stands between two items",
        "corrupt",
        chunk_as(|sealed| [&[0xf6, 0x82, 0], blob(sealed).encode().as_slice()].concat()),
    );
    let string = |form: fn(&[u8]) -> Vec<u8>| chunk_as(move |sealed| [&[0x82, 0][..], &form(sealed)].concat());
    area.public(
        "a-text",
        "a chunk's sealed bytes are a text string",
        "corrupt",
        string(|sealed| [head_of(3, sealed.len() as u64, 1), sealed.to_vec()].concat()),
    );
    for (name, size) in [("2", 2), ("4", 4), ("8", 8)] {
        let fault = format!("the length of a chunk has a number of {size} bytes, where 1 is enough");
        area.public(
            &format!("length-of-{name}"),
            &fault,
            "corrupt",
            chunk_as(move |sealed| [&[0x82, 0][..], &head_of(2, sealed.len() as u64, size), sealed].concat()),
        );
    }
    area.public(
        "indefinite",
        "a chunk's sealed bytes are of indefinite length",
        "corrupt",
        string(|sealed| blob(sealed).indefinite().expect("a byte string").encode()),
    );
    area.public(
        "reserved-length",
        "the length of a chunk has a head that CBOR does not have",
        "corrupt",
        string(|sealed| [&[0x5c], sealed].concat()),
    );
    area.section("Limits");
    area.public(
        "above-the-limit",
        "a chunk says a length of one byte more than its limit",
        "corrupt",
        string(|sealed| [head_of(2, 1_081_361, 4), sealed.to_vec()].concat()),
    );
    area.public(
        "length-of-4-gib",
        "a chunk says a length of 4 GiB less one byte",
        "corrupt",
        string(|sealed| [head_of(2, 0xffff_ffff, 4), sealed.to_vec()].concat()),
    );
    area.public(
        "length-of-2-64",
        "a chunk says a length of 2^64 - 1 bytes",
        "corrupt",
        string(|sealed| [head_of(2, u64::MAX, 8), sealed.to_vec()].concat()),
    );
    let at_limit = BundleSpec::full(&worked()).bytes()[..75].to_vec();
    let at_limit = [&at_limit[..], &[0x82, 0], &head_of(2, 1_081_360, 4), &[0; 100]].concat();
    area.public(
        "promises-what-does-not-come",
        "a chunk says a length at its limit, and the bytes end",
        "truncated",
        at_limit,
    );
    area.section("Bundle");

    let items = |fault: fn(&mut Vec<Vec<u8>>)| two_chunks().with_items(fault).bytes();
    area.public(
        "chunk-behind-the-index",
        "a chunk of changes comes after the index",
        "corrupt",
        items(|items| items.swap(2, 3)),
    );
    area.public(
        "index-first",
        "the index comes before the chunks",
        "corrupt",
        items(|items| {
            let index = items.remove(3);
            items.insert(1, index);
        }),
    );
    area.public("no-index", "there is no page of the index", "corrupt", items(|items| drop(items.pop())));
    area.public("no-chunk-no-index", "the footer follows the head", "corrupt", items(|items| items.truncate(1)));
    let spec = |fault: fn(&mut Vec<Vec<u8>>)| two_chunks().with_items(fault);
    let wrong = "corrupt";
    area.wrong("chunk-missing", "a chunk that the index has is missing", wrong, &spec(|items| drop(items.remove(2))));
    area.wrong(
        "all-chunks-missing",
        "there are no chunks, but the index has entries",
        wrong,
        &spec(|items| drop(items.drain(1..3))),
    );
    area.wrong("chunk-twice", "a chunk stands twice", wrong, &spec(|items| items.insert(2, items[2].clone())));
    area.wrong("chunks-swapped", "two chunks have changed places", wrong, &spec(|items| items.swap(1, 2)));
    area.wrong("index-twice", "the page of the index stands twice", wrong, &spec(|items| items.push(items[3].clone())));
    let foreign = BundleSpec::full(&[
        settings(),
        schema_t(),
        item("t", 1, Cbor::Array(vec!["other".into(), Cbor::Null])),
        row_2(),
    ]);
    let foreign = foreign.items();
    let chunk = foreign[1].clone();
    area.wrong(
        "chunk-of-another-bundle",
        "a chunk is that of another bundle of the domain",
        wrong,
        &BundleSpec::full(&worked()).with_items(move |items| items[1] = chunk.clone()),
    );
    let page = foreign[2].clone();
    area.wrong(
        "index-of-another-bundle",
        "the index is that of another bundle of the domain",
        wrong,
        &BundleSpec::full(&worked()).with_items(move |items| items[2] = page.clone()),
    );
    let both = foreign[1..].to_vec();
    area.wrong(
        "chunk-and-index-of-another-bundle",
        "chunk and index are those of another bundle of the domain, the ids are not",
        wrong,
        &BundleSpec::full(&worked()).with_items(move |items| {
            items.truncate(1);
            items.extend(both.clone());
        }),
    );

    let whole = two_chunks().bytes();
    let footer = whole.len() - 9 - usize::from(whole[whole.len() - 1]) - 256 * usize::from(whole[whole.len() - 2]);
    let mut cut = |name: &str, fault: &str, at: usize| {
        area.public(name, fault, "truncated", whole[..at].to_vec());
    };
    cut("cut-in-a-chunk", "it ends within a chunk", 100);
    cut("cut-before-the-footer", "it ends before the footer", footer);
    cut("cut-in-the-footer", "it ends within the footer", footer + 70);
    cut("cut-before-the-trailer", "it ends before the trailer", whole.len() - 9);
    cut("cut-by-a-byte", "its last byte is missing", whole.len() - 1);
    let more = |bytes: &[u8]| [&whole[..], bytes].concat();
    area.public("byte-after-the-end", "one byte follows the trailer", "corrupt", more(&[0]));
    area.public("trailer-twice", "the trailer stands twice", "corrupt", more(&whole[whole.len() - 9..]));
    area.public("footer-twice", "footer and trailer stand twice", "corrupt", more(&whole[footer..]));
    area.public("bundle-twice", "the bundle stands twice", "corrupt", more(&whole));
    vectors.extend(area.vectors);

    let mut area = Area::new("trailer", "Bundle");
    let trailer = |fault: fn(&mut Vec<u8>)| BundleSpec::full(&worked()).with_trailer(fault).bytes();
    area.public(
        "length-less",
        "the trailer states one byte less than the footer has",
        "corrupt",
        trailer(|trailer| trailer[8] -= 1),
    );
    area.public(
        "length-more",
        "the trailer states one byte more than the footer has",
        "corrupt",
        trailer(|trailer| trailer[8] += 1),
    );
    area.public("length-0", "the trailer states a length of 0", "corrupt", trailer(|trailer| trailer[1..].fill(0)));
    area.public(
        "length-2-64",
        "the trailer states a length of 2^64 - 1",
        "corrupt",
        trailer(|trailer| trailer[1..].fill(0xff)),
    );
    area.public(
        "length-of-all",
        "the trailer states the length of the whole bundle",
        "corrupt",
        trailer(|trailer| trailer[7..].copy_from_slice(&[0x02, 0x25])),
    );
    area.public("a-text", "the trailer is a text string", "corrupt", trailer(|trailer| trailer[0] = 0x68));
    area.public("an-integer", "the trailer is an integer", "corrupt", trailer(|trailer| trailer[0] = 0x1b));
    area.public(
        "short",
        "the trailer has seven bytes",
        "truncated",
        trailer(|trailer| {
            trailer.remove(1);
            trailer[0] = 0x47;
        }),
    );
    area.public(
        "long-head",
        "the head of the trailer is longer than it need be",
        "corrupt",
        trailer(|trailer| {
            trailer.insert(0, 0x58);
            trailer[1] = 8;
        }),
    );
    vectors.extend(area.vectors);
    vectors
}
