//! The plaintext of chunks: runs, and large changes in parts.

use super::{Area, cut};
use crate::support::cbor::{NULL, blob, hex, list};
use crate::support::keys::{Keys, Total};
use crate::support::spec::{BundleSpec, Chunk, MIB, Part};
use crate::support::state::{Change, Item, item, row_1, schema, schema_t, settings, table, worked};
use crate::support::vector::Vector;

fn small(items: &[Item]) -> Chunk {
    Chunk::Small(items.iter().map(Change::write).collect())
}

fn of(chunks: Vec<Chunk>) -> BundleSpec {
    BundleSpec::of(Keys::bundle(), Total::default(), chunks)
}

/// A large row: three parts, the last of them short.
fn large() -> Item {
    item("t", 2, list![blob(vec![7; 2_500_000]), NULL])
}

/// A row that has exactly 1 MiB with the head of its run.
fn row_of_1_mib() -> Item {
    item("t", 1, list![blob(vec![0; MIB - 12]), NULL])
}

/// The worked state with a large row between two others.
fn with_large() -> BundleSpec {
    of(vec![
        small(&[settings(), schema_t(), row_1()]),
        Chunk::Large(Change::write(&large())),
        small(&[item("t", 3, list!["after", NULL])]),
    ])
}

fn parts(fault: fn(&mut Vec<Part>)) -> BundleSpec {
    with_large().with_parts(fault)
}

/// The worked state, whose rows stand in the chunk like this behind the head of their run.
fn rows(digits: &'static str) -> BundleSpec {
    after_schema(digits, "6174")
}

/// The worked state; settings and schema are followed by this, and then by these bytes.
fn after_schema(digits: &'static str, head: &'static str) -> BundleSpec {
    BundleSpec::full(&worked()).with_plaintext(move |plaintext| {
        let end = plaintext.len() - hex("6174 8301f682626869f6 8300f682fb3ff800000000000041ff").len();
        plaintext.truncate(end);
        plaintext.extend(hex(head));
        plaintext.extend(hex(digits));
    })
}

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("chunk", "Chunks");
    area.sound("large-row", "a row in three chunks of its own", &with_large());
    area.sound("large-row-first-and-last", "a large row that nothing follows, of exactly two parts", &{
        let row = item("t", 1, list![blob(vec![0; 2 * MIB - 12]), NULL]);
        of(vec![small(&[settings(), schema_t()]), Chunk::Large(Change::write(&row))])
    });
    area.sound(
        "small-in-chunks",
        "each item in a chunk of its own",
        &of(worked().iter().map(|item| small(std::slice::from_ref(item))).collect()),
    );
    let wrong = "corrupt";
    area.wrong(
        "empty",
        "a chunk of changes is empty",
        wrong,
        &BundleSpec::full(&worked()).with_parts(|parts| {
            parts.push(Part::new(0, vec![], list![0, blob([0; 16]), list![]]));
        }),
    );
    area.wrong(
        "head-alone",
        "a chunk is a head of a run and nothing else",
        wrong,
        &BundleSpec::full(&worked()).with_parts(|parts| {
            parts.push(Part::new(0, hex("6174"), list![0, blob([0; 16]), list![]]));
        }),
    );
    for (name, fault, digits) in [
        ("without-head", "a chunk goes on with a run without a head", ""),
        ("head-of-another-table", "the rows stand under the head of another table", "6175"),
        ("head-null", "the head of a run is null", "f6"),
        ("head-a-byte-string", "the head of a run is a byte string", "4174"),
        ("head-number-3", "the head of a run is 3", "03"),
        ("head-negative", "the head of a run is below 0", "20"),
        ("head-long-head", "the head of a run has a head that is longer than it need be", "780174"),
        ("head-number-long-head", "the head of a run is 2, in one byte more than it need", "1802"),
        ("head-indefinite", "the head of a run is of indefinite length", "7f6174ff"),
        ("head-tagged", "the head of a run has a tag before it", "c66174"),
        ("head-ill-formed", "the name in a head of a run is not well-formed", "61ff"),
        ("head-a-double", "the head of a run is a double", "fb4000000000000000"),
        ("head-of-2-64", "the name in a head of a run says 2^64 - 1 bytes", "7bffffffffffffffff"),
        ("head-twice", "a head of a run stands twice", "61746174"),
    ] {
        area.wrong(name, fault, wrong, &after_schema("8301f682626869f6 8300f682fb3ff800000000000041ff", digits));
    }
    for (name, fault, digits) in [
        (
            "run-in-two-pieces",
            "a table has two runs in a chunk",
            "8301f682626869f6 6174 8302f682fb3ff800000000000041ff",
        ),
        ("run-without-changes", "a run has no changes", "8301f682626869f6 8300f682fb3ff800000000000041ff 6175"),
        (
            "run-without-changes-in-the-middle",
            "a run between two others has no changes",
            "6175 8301f682626869f6 8300f682fb3ff800000000000041ff",
        ),
        ("ends-early", "a chunk ends within a row", "8301f682626869f6 8300f682fb3ff8000000000000"),
        (
            "ends-in-a-head",
            "a chunk ends within the head of a value",
            "8301f682626869f6 8300f682fb3ff80000000000005900",
        ),
        ("more-follows", "a null follows the last change", "8301f682626869f6 8300f682fb3ff800000000000041ff f6"),
        ("zeros-follow", "zero bytes follow the last change", "8301f682626869f6 8300f682fb3ff800000000000041ff 0000"),
    ] {
        area.wrong(name, fault, wrong, &rows(digits));
    }
    let mut part = |name: &str, fault: &str, spec: BundleSpec| {
        area.wrong(name, fault, "corrupt", &spec);
    };
    part("part-missing", "a part of a large row is missing", parts(|parts| drop(parts.remove(2))));
    part("part-first-missing", "the first part of a large row is missing", parts(|parts| drop(parts.remove(1))));
    part("part-last-missing", "the last part of a large row is missing", parts(|parts| drop(parts.remove(3))));
    part("part-twice", "a part of a large row stands twice", parts(|parts| parts.insert(2, parts[2].clone())));
    part(
        "part-last-twice",
        "the last part of a large row stands twice",
        parts(|parts| parts.insert(4, parts[3].clone())),
    );
    part(
        "parts-swapped",
        "the first and the second part of a large row have changed places",
        parts(|parts| parts.swap(1, 2)),
    );
    part(
        "part-interrupted",
        "a chunk of small changes stands between the parts of a large row",
        parts(|parts| {
            let after = parts.remove(4);
            parts.insert(2, after);
        }),
    );
    part("part-before-its-place", "a large row comes before the settings", parts(|parts| parts.rotate_left(1)));
    part(
        "part-short",
        "a part that is not the last lacks a byte, the last has one more",
        parts(|parts| {
            let byte = parts[2].plaintext.pop().expect("bytes");
            parts[3].plaintext.insert(0, byte);
        }),
    );
    part("part-empty-last", "the last part of a large row is empty, the one before it full", {
        let spec = of(vec![small(&[settings(), schema_t()]), Chunk::Large(Change::write(&row_of_1_mib()))]);
        spec.with_parts(|parts| {
            let entry = parts[1].entry.clone();
            (parts[1].kind, parts[1].entry) = (1, list![1, blob([0; 16]), list![]]);
            parts.push(Part::new(2, vec![], entry));
        })
    });
    part(
        "part-empty",
        "a part that is not the last is empty",
        parts(|parts| {
            parts.insert(2, Part::new(1, vec![], parts[1].entry.clone()));
        }),
    );
    part("part-that-is-not-large", "a row of a few bytes comes as the last part", {
        of(vec![small(&[settings(), schema_t()]), Chunk::Large(Change::write(&row_1()))])
    });
    part("part-of-exactly-1-mib", "a change of exactly 1 MiB comes as a large one", {
        of(vec![small(&[settings(), schema_t()]), Chunk::Large(Change::write(&row_of_1_mib()))])
    });
    part(
        "part-of-two-changes",
        "the parts of a large row hold another row too",
        parts(|parts| {
            parts[3].plaintext.extend(hex("8300f680"));
        }),
    );
    part(
        "part-of-two-runs",
        "the parts of a large row hold a run of another table too",
        parts(|parts| {
            parts[3].plaintext.extend(hex("6175 8300f680"));
        }),
    );
    part("part-and-a-byte", "a byte follows the row in its last part", parts(|parts| parts[3].plaintext.push(0)));
    part("part-ends-early", "the last part ends before the row does", parts(|parts| cut(&mut parts[3].plaintext)));
    part(
        "part-without-head",
        "a large row comes without the head of its run",
        parts(|parts| {
            // One byte more in the row, two less in the head.
            for at in 1..4 {
                let next: Vec<u8> = if at < 3 { parts[at + 1].plaintext[..2].to_vec() } else { vec![] };
                parts[at].plaintext.drain(..2);
                parts[at].plaintext.extend(next);
            }
        }),
    );
    part(
        "part-as-small-changes",
        "the last part of a large row comes as a chunk of small changes",
        parts(|parts| parts[3].kind = 0),
    );
    part("part-as-last", "a large row has two last parts", parts(|parts| parts[2].kind = 2));
    let step = with_large().with_parts(|parts| {
        // The key of the row after the large one is written as a step from it: but it begins a run.
        assert_eq!(parts[4].plaintext[..4], hex("6174 8303"));
        parts[4].plaintext[3] = 0;
    });
    area.wrong(
        "step-from-a-large-row",
        "a step leads from a large row to the first row of the next chunk",
        "corrupt",
        &step,
    );
    // What a writer does not do, and a reader need not check.
    area.sound("of-1-mib", "a chunk of exactly 1 MiB of changes", &{
        let row = item("t", 1, list![blob(vec![0; MIB - 12 - 24]), NULL]);
        let other = item("t", 2, list![blob([0; 18]), NULL]);
        of(vec![small(&[settings(), schema_t()]), small(&[row, other])])
    });
    area.sound(
        "rows-of-many-tables",
        "runs of three tables in one chunk",
        &BundleSpec::full(&[
            settings(),
            schema(vec![table("a", "(x)"), table("b", "(x)"), table("c", "(x)")]),
            item("a", 1, list![1]),
            item("b", 1, list![1]),
            item("b", 5, list![1]),
            item("c", 1, list![1]),
        ]),
    );
    area.vectors
}
