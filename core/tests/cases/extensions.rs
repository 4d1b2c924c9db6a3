//! Extension chunks: this revision writes none, and reads past those that stand in their place.

use super::{Area, after};
use crate::support::cbor::{Cbor, NULL, blob, list};
use crate::support::spec::{BundleSpec, Chunk, Part};
use crate::support::state::{Change, item, row_1, worked};
use crate::support::vector::Vector;

fn extension(kind: u8, plaintext: &[u8]) -> Part {
    Part::new(kind, plaintext.to_vec(), list![i64::from(kind), blob([0; 16]), list![]])
}

/// The worked bundle with these behind its chunk.
fn with(extensions: Vec<Part>) -> BundleSpec {
    BundleSpec::full(&worked()).with_parts(move |parts| parts.extend(extensions.clone()))
}

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("extension", "Extension chunks");
    area.sound("", "an extension chunk that no reader of this revision knows", &with(vec![extension(16, b"later")]));
    let sixteen = (0..16).map(|at| extension(16 + 7 * (at % 2), &[at; 40])).collect();
    area.sound("of-each-end", "sixteen extension chunks, of the first kind and the last", &with(sixteen));
    let mut unopened = extension(20, b"");
    unopened.padded = Some(vec![7; 100]);
    area.sound("without-a-box", "what is sealed in an extension chunk is not looked at", &with(vec![unopened]));
    let foreign = Part { seal_key: Some([3; 64]), ..extension(20, b"sealed otherwise") };
    area.sound("of-another-seal", "an extension chunk may be sealed otherwise", &with(vec![foreign]));
    let delta = BundleSpec::delta(&worked(), vec![Change::update(&row_1(), list!["ho", NULL])]);
    let delta = delta.with_parts(|parts| parts.push(extension(17, b"of a delta")));
    after(area.sound("in-a-delta", "a delta has an extension chunk", &delta), &["full"], "success", "success");
    let nothing = BundleSpec::delta(&worked(), Vec::new()).with_parts(|parts| parts.push(extension(17, b"alone")));
    let vector = area.sound("without-changes", "an extension chunk in a delta without changes", &nothing);
    after(vector, &["full"], "success", "success");

    let seventeen = with((0..17).map(|_| extension(16, b"")).collect());
    area.public("17", "a bundle has seventeen extension chunks", "too big", seventeen.bytes());
    let swapped = BundleSpec::full(&worked()).with_parts(|parts| parts.insert(0, extension(16, b"early")));
    area.public("before-changes", "an extension chunk stands before the chunk of changes", "corrupt", swapped.bytes());
    let behind = BundleSpec::full(&worked()).with_pages(|pages| pages.push(extension(16, b"late")));
    area.public("behind-the-index", "an extension chunk stands behind the index", "corrupt", behind.bytes());
    let large = item("t", 1, list!["x".repeat(2 << 20), NULL]);
    let mut between = BundleSpec::full(&worked()[..2]);
    between.chunks.push(Chunk::Large(Change::write(&large)));
    let between = between.with_parts(|parts| parts.insert(2, extension(16, b"between")));
    let parts = "an extension chunk stands between the parts of a change";
    area.public("between-parts", parts, "corrupt", between.bytes());
    let one = || with(vec![extension(16, b"later")]);
    let damaged = one().with_footer(|footer| {
        if let Cbor::Bytes(records) = &mut footer.fields[2] {
            records[2 * 36 + 10] ^= 1;
        }
    });
    area.public("damaged", "the record of an extension chunk is that of other bytes", "corrupt", damaged.bytes());

    for (name, fault, entry) in [
        ("sum", "the entry of an extension chunk has a sum", list![16, blob([1; 16]), list![]]),
        ("runs", "the entry of an extension chunk has a run", list![16, blob([0; 16]), list![list!["t", 0, 1, 3]]]),
        ("kind", "the entry of an extension chunk says another kind", list![17, blob([0; 16]), list![]]),
        ("kind-0", "the entry of an extension chunk is that of a chunk of changes", list![0, blob([0; 16]), list![]]),
    ] {
        let spec = one().with_index(move |index| index[1] = entry.clone());
        area.wrong(&format!("entry-{name}"), fault, "corrupt", &spec);
    }
    let missing = one().with_index(|index| drop(index.remove(1)));
    area.wrong("entry-missing", "an extension chunk has no entry in the index", "corrupt", &missing);
    let alone = BundleSpec::full(&worked()).with_index(|index| index.insert(1, list![16, blob([0; 16]), list![]]));
    area.wrong("entry-alone", "the index has an entry of an extension chunk that is not there", "corrupt", &alone);
    let first = one().with_index(|index| index.swap(0, 1));
    area.wrong("entry-first", "the entry of an extension chunk stands before that of the changes", "corrupt", &first);
    let sealed_as = |kind: u8| Part { kind, ..extension(16, b"later") };
    area.wrong(
        "as-changes",
        "an extension chunk says that it is a chunk of changes",
        "corrupt",
        &with(vec![sealed_as(0)]),
    );
    area.vectors
}
