//! Limits, and bundles that unfold to much.

use super::{Area, after};
use crate::support::cbor::{Cbor, NULL, blob, head, head_of, hex, list};
use crate::support::keys::{Keys, Total};
use crate::support::spec::{BundleSpec, Chunk, MIB, Part, padded, zstd};
use crate::support::state::{Change, Item, item, keyed, schema, schema_t, settings, table, total, worked};
use crate::support::vector::Vector;

fn small(items: &[Item]) -> Chunk {
    Chunk::Small(items.iter().map(Change::write).collect())
}

fn of(chunks: Vec<Chunk>) -> BundleSpec {
    BundleSpec::of(Keys::bundle(), Total::default(), chunks)
}

/// A state with a large item behind these.
fn with_large(items: &[Item], large: &Item) -> BundleSpec {
    of(vec![small(items), Chunk::Large(Change::write(large))])
}

fn sequence_state() -> Vec<Item> {
    vec![settings(), schema(vec![table("sqlite_sequence", "(name,seq)")])]
}

/// An array of this many items, each these bytes.
fn array_of(count: usize, item: &[u8]) -> Cbor {
    Cbor::Raw([head_of(4, count as u64, 4), item.repeat(count)].concat())
}

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("limit", "Limits");
    let too_big = "too big";
    let name = |length: usize| {
        let name = "n".repeat(length);
        let sql = format!("CREATE TABLE {name}(a)");
        (name.clone(), list!["table", name.as_str(), name.as_str(), sql])
    };
    let (long, row) = name(4096);
    area.sound(
        "table-name",
        "a table with a name of 4,096 bytes",
        &BundleSpec::full(&[settings(), schema(vec![row]), item(long, 1, list![1])]),
    );
    let (long, row) = name(4097);
    area.wrong(
        "table-name-above",
        "a table has a name of 4,097 bytes",
        too_big,
        &BundleSpec::full(&[settings(), schema(vec![row]), item(long, 1, list![1])]),
    );
    area.wrong("domain-name-above", "the name of the domain has 256 bytes", "corrupt", &{
        let mut spec = BundleSpec::full(&worked());
        spec.keys = Keys::new(spec.keys.form, spec.keys.recovery, &"d".repeat(256));
        spec
    });
    area.wrong("domain-name-empty", "the name of the domain is empty", "corrupt", &{
        let mut spec = BundleSpec::full(&worked());
        spec.keys = Keys::new(spec.keys.form, spec.keys.recovery, "");
        spec
    });
    let many = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("{number:04}")).collect();
        let rows = names
            .iter()
            .map(|name| list!["table", name.as_str(), name.as_str(), format!("CREATE TABLE \"{name}\"(a)")]);
        let schema = schema(rows.collect());
        let rows: Vec<Item> = names.iter().map(|name| item(name.as_str(), 1, list![1])).collect();
        of(vec![small(&[settings(), schema]), small(&rows)])
    };
    area.wrong("runs-above", "a chunk has 4,097 runs", too_big, &many(4097).with_pages(compress));
    area.sound("runs", "a chunk has 4,096 runs", &many(4096).with_pages(compress)).database = None;
    let wide = |columns: usize| {
        let row = item("t", 1, array_of_shortest(columns, &[0xf6]));
        with_large_or_small(&[settings(), schema_t()], &row)
    };
    area.not_buildable("columns", "a row has 32,767 values, more than its table has columns", "corrupt", &wide(32_767));
    area.wrong("columns-above", "a row has 32,768 values", too_big, &wide(32_768));
    area.wrong("columns-above-with-the-key", "a row has 32,767 values beside a key of one", too_big, &{
        BundleSpec::full(&keyed(vec![item("w", list!["a"], array_of_shortest(32_767, &[0xf6]))]))
    });
    area.wrong("columns-above-in-the-key", "a primary key has 32,768 values", too_big, &{
        BundleSpec::full(&keyed(vec![item("w", array_of_shortest(32_768, &[0xf6]), list![])]))
    });
    let key = |length: usize| with_large(&keyed(vec![]), &item("w", list![blob(vec![0; length]), 0], list![0]));
    area.sound("primary-key", "a primary key of 1 MiB, encoded", &key(MIB - 7));
    area.wrong("primary-key-above", "a primary key of 1 MiB and a byte, encoded", too_big, &key(MIB - 6));
    let schema_of =
        |length: usize| with_large(&[settings()], &item(1, NULL, list![list!["view", "v", "v", "x".repeat(length)]]));
    let heads = 1 + 1 + 5 + 2 + 2 + 5;
    area.not_buildable(
        "schema",
        "a schema of 16 MiB, encoded, whose text is none",
        "corrupt",
        &schema_of((16 << 20) - heads),
    );
    area.wrong("schema-above", "a schema of 16 MiB and a byte, encoded", too_big, &schema_of((16 << 20) - heads + 1));
    let empty_row = list!["view", "", "", ""].encode();
    area.not_buildable(
        "schema-rows",
        "a schema of 131,072 rows, which are none",
        too_big,
        &with_large(&[settings()], &item(1, NULL, array_of(1 << 17, &empty_row))),
    );
    area.wrong(
        "schema-rows-above",
        "a schema of 131,073 rows",
        too_big,
        &with_large(&[settings()], &item(1, NULL, array_of((1 << 17) + 1, &empty_row))),
    );
    let sequence = |value: Cbor| with_large(&sequence_state(), &item("sqlite_sequence", NULL, value));
    let heads = 1 + 1 + 5;
    area.not_buildable(
        "sequence",
        "16 MiB of sqlite_sequence, encoded, in a row of one value",
        "corrupt",
        &sequence(list![list![blob(vec![0; (16 << 20) - heads])]]),
    );
    area.wrong(
        "sequence-above",
        "16 MiB and a byte of sqlite_sequence, encoded",
        too_big,
        &sequence(list![list![blob(vec![0; (16 << 20) - heads + 1])]]),
    );
    area.not_buildable(
        "sequence-values",
        "2,097,152 rows and values of sqlite_sequence, one value a row",
        "corrupt",
        &sequence(array_of(1 << 20, &hex("81 00"))),
    );
    area.wrong(
        "sequence-values-above",
        "2,097,153 rows and values of sqlite_sequence",
        too_big,
        &sequence(array_of((1 << 21) + 1, &[0x80])),
    );
    let selection = |length: usize| {
        with_large(&[settings(), schema_t()], &item(2, NULL, list![NULL, list!["x".repeat(length)], list![], list![]]))
    };
    let heads = 1 + 1 + 1 + 5 + 1 + 1;
    area.sound("selection", "a selection of 1 MiB, encoded", &selection(MIB - heads));
    area.wrong("selection-above", "a selection of 1 MiB and a byte, encoded", too_big, &selection(MIB - heads + 1));
    area.wrong("plaintext-above", "a chunk of 1 MiB and a byte", too_big, &{
        let row = item("t", 1, list![blob(vec![0; MIB - 11]), NULL]);
        of(vec![small(&[settings(), schema_t()]), small(&[row])])
    });
    area.wrong("index-of-300-pages", "300 pages of the index, most of which nothing accounts for", "corrupt", &{
        BundleSpec::full(&worked()).with_pages(|pages| {
            pages[0].plaintext.resize(MIB, 0);
            for _ in 0..299 {
                pages.push(Part::page(&vec![0; MIB]));
            }
            compress(pages);
        })
    });
    area.wrong("summary-of-1-mib", "the summary has 1 MiB", "corrupt", &{
        BundleSpec::full(&worked()).with_pages(|pages| {
            pages[0].plaintext.resize(MIB, 0);
            compress(pages);
        })
    });
    area.wrong("parts-without-end", "200 MiB of a row that never ends", "corrupt", &{
        of(vec![small(&worked())]).with_parts(|parts| {
            let mut part = hex("6174 83 03 f6 81 5a 40000000");
            part.resize(MIB, 0);
            for _ in 0..200 {
                parts.push(Part::new(1, std::mem::replace(&mut part, vec![0; MIB]), list![1, blob([0; 16]), list![]]));
            }
        })
    });
    area.wrong("schema-of-40-mib", "a schema of 40 MiB", too_big, &schema_of(40 << 20));
    area.wrong("text-promised", "a text says 1,000,000,001 bytes, which do not come", "corrupt", &{
        BundleSpec::full(&[settings(), schema_t(), item("t", 1, list![Cbor::Raw(hex("7a 3b9aca01 61")), NULL])])
    });
    area.section("Chains");
    let base = total_of_full();
    let empty = BundleSpec::of(Keys::bundle(), base, vec![]);
    let times = |count: usize| -> Vec<&'static str> {
        std::iter::once("full").chain(std::iter::repeat_n("delta-empty", count)).collect()
    };
    after(area.sound("bundles-of-a-chain", "a chain of 1,000 bundles", &empty), &times(998), "success", "success");
    let vector = area.wrong("bundles-of-a-chain-above", "a chain of 1,001 bundles", too_big, &empty);
    after(vector, &times(999), "success", too_big);
    vector.links = Some(too_big.to_owned());
    area.vectors
}

fn total_of_full() -> Total {
    total(&Keys::bundle(), &worked())
}

/// An array of this many items, with its shortest head.
fn array_of_shortest(count: usize, item: &[u8]) -> Cbor {
    Cbor::Raw([head(4, count as u64), item.repeat(count)].concat())
}

fn with_large_or_small(items: &[Item], row: &Item) -> BundleSpec {
    of(vec![small(items), small(std::slice::from_ref(row))])
}

/// Packs pages as chunks are packed, so that the vector stays small.
fn compress(pages: &mut Vec<Part>) {
    for page in pages {
        page.padded = Some(padded(1, page.plaintext.len() as u64, &zstd(&page.plaintext)));
    }
}
