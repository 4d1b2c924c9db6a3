//! The index: its entries, its summary, its pages.

use super::{Area, cut};
use crate::support::cbor::{Cbor, NULL, blob, list};
use crate::support::spec::{BundleSpec, Chunk, MIB, Part, padded, zstd};
use crate::support::state::{Change, Item, item, row_1, row_2, schema_t, settings};
use crate::support::vector::Vector;

/// Two chunks, so that there are two entries.
fn two() -> BundleSpec {
    let chunk = |items: &[Item]| Chunk::Small(items.iter().map(Change::write).collect());
    let mut spec = BundleSpec::full(&[]);
    spec.chunks = vec![chunk(&[settings(), schema_t(), row_1()]), chunk(&[row_2()])];
    spec
}

fn entry(fault: impl Fn(&mut Cbor) + 'static) -> BundleSpec {
    two().with_index(move |index| fault(&mut index[0]))
}

/// Alters the run of the table t in the first entry: [table, removals, writes, bound].
fn run(fault: impl Fn(&mut Cbor) + 'static) -> BundleSpec {
    entry(move |entry| fault(&mut entry.items()[2].items()[2]))
}

fn summary(fault: impl Fn(&mut Cbor) + 'static) -> BundleSpec {
    two().with_summary(fault)
}

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("index", "Index");
    let wrong = "corrupt";
    let sum = blob([3; 16]);
    let run_of = list!["t", 0, 1, 1];
    let entry_of = list![0, sum.clone(), list![run_of.clone()]];
    let summary_of = list!["default", list![sum.clone(), 0], list![sum.clone(), 4]];
    for (at, name) in ["kind", "sum", "runs"].into_iter().enumerate() {
        for (fault, ..) in entry_of.clone().items()[at].faults() {
            area.wrong(
                &format!("entry-{name}-{fault}"),
                &format!("the {name} of an entry: {}", fault.replace('-', " ")),
                wrong,
                &entry(move |entry| {
                    let field = &mut entry.items()[at];
                    *field = named(field, fault);
                }),
            );
        }
        area.wrong(
            &format!("entry-{name}-missing"),
            &format!("an entry has no {name}"),
            wrong,
            &entry(move |entry| drop(entry.items().remove(at))),
        );
    }
    for (at, name) in ["table", "removals", "writes", "bound"].into_iter().enumerate() {
        for (fault, ..) in run_of.clone().items()[at].faults() {
            area.wrong(
                &format!("run-{name}-{fault}"),
                &format!("the {name} of a run in the index: {}", fault.replace('-', " ")),
                wrong,
                &run(move |run| {
                    let field = &mut run.items()[at];
                    *field = named(field, fault);
                }),
            );
        }
        area.wrong(
            &format!("run-{name}-missing"),
            &format!("a run in the index has no {name}"),
            wrong,
            &run(move |run| drop(run.items().remove(at))),
        );
    }
    for (at, name) in ["domain", "base", "target"].into_iter().enumerate() {
        for (fault, ..) in summary_of.clone().items()[at].faults() {
            area.wrong(
                &format!("summary-{name}-{fault}"),
                &format!("the {name} of the summary: {}", fault.replace('-', " ")),
                wrong,
                &summary(move |summary| {
                    let field = &mut summary.items()[at];
                    *field = named(field, fault);
                }),
            );
        }
        area.wrong(
            &format!("summary-{name}-missing"),
            &format!("the summary has no {name}"),
            wrong,
            &summary(move |summary| drop(summary.items().remove(at))),
        );
    }
    for (at, name) in ["sum", "items"].into_iter().enumerate() {
        for (fault, ..) in list![sum.clone(), 4].items()[at].faults() {
            area.wrong(
                &format!("summary-target-{name}-{fault}"),
                &format!("the {name} of the target in the summary: {}", fault.replace('-', " ")),
                wrong,
                &summary(move |summary| {
                    let field = &mut summary.items()[2].items()[at];
                    *field = named(field, fault);
                }),
            );
        }
    }
    for fault in ["tagged", "long-head", "indefinite", "over", "bytes"] {
        let title = fault.replace('-', " ");
        area.wrong(
            &format!("entry-{fault}"),
            &format!("an entry: {title}"),
            wrong,
            &entry(move |entry| *entry = named(entry, fault)),
        );
        area.wrong(
            &format!("run-{fault}"),
            &format!("a run in the index: {title}"),
            wrong,
            &run(move |run| *run = named(run, fault)),
        );
        area.wrong(
            &format!("summary-{fault}"),
            &format!("the summary: {title}"),
            wrong,
            &summary(move |summary| *summary = named(summary, fault)),
        );
    }

    // Well-formed, and not true.
    let mut lie = |name: &str, fault: &str, spec: BundleSpec| {
        area.wrong(name, fault, "corrupt", &spec);
    };
    lie("entry-kind-2", "an entry says kind 2 of a chunk of kind 0", entry(|entry| entry.items()[0] = 2.into()));
    lie("entry-kind-1", "an entry says kind 1 of a chunk of kind 0", entry(|entry| entry.items()[0] = 1.into()));
    lie("entry-kind-3", "an entry says kind 3", entry(|entry| entry.items()[0] = 3.into()));
    lie("entry-kind-256", "an entry says kind 256", entry(|entry| entry.items()[0] = 256.into()));
    lie("entry-sum-another", "the sum of an entry is another", entry(|entry| entry.items()[1] = blob([7; 16])));
    lie(
        "entry-sums-shifted",
        "the sums of two entries are wrong by as much as the other",
        two().with_index(|index| {
            for (entry, add) in [(0, 1_u128), (1, 1_u128.wrapping_neg())] {
                let Cbor::Bytes(sum) = &mut index[entry].items()[1] else { panic!("a sum") };
                let number = u128::from_be_bytes(sum.as_slice().try_into().expect("16 bytes"));
                *sum = number.wrapping_add(add).to_be_bytes().to_vec();
            }
        }),
    );
    lie("entry-runs-none", "an entry has no runs", entry(|entry| entry.items()[2].items().clear()));
    lie(
        "entry-runs-one-less",
        "an entry lacks the last run of its chunk",
        entry(|entry| drop(entry.items()[2].items().pop())),
    );
    lie(
        "entry-runs-one-more",
        "an entry has a run that its chunk has not",
        entry(|entry| entry.items()[2].items().push(list!["u", 0, 1, 1])),
    );
    lie(
        "entry-runs-swapped",
        "two runs of an entry have changed places",
        entry(|entry| entry.items()[2].items().swap(0, 1)),
    );
    lie(
        "entry-runs-twice",
        "a run of an entry stands twice",
        entry(|entry| entry.items()[2].items().push(list!["t", 0, 1, 1])),
    );
    lie("entry-missing", "a chunk has no entry", two().with_index(|index| drop(index.remove(1))));
    lie("entry-twice", "an entry stands twice", two().with_index(|index| index.insert(1, index[1].clone())));
    lie("entries-swapped", "two entries have changed places", two().with_index(|index| index.swap(0, 1)));
    lie(
        "entry-of-no-chunk",
        "the index has an entry of a chunk that is not there",
        two().with_index(|index| {
            index.insert(2, list![0, blob([0; 16]), list![list!["u", 0, 1, 1]]]);
        }),
    );
    lie("run-table-another", "a run in the index is of another table", run(|run| run.items()[0] = "u".into()));
    lie(
        "run-removals-another",
        "a run in the index says a removal that its chunk has not",
        run(|run| run.items()[1] = 1.into()),
    );
    lie(
        "run-writes-another",
        "a run in the index says more writes than its chunk has",
        run(|run| run.items()[2] = 2.into()),
    );
    lie("run-writes-0", "a run in the index says no changes", run(|run| run.items()[2] = 0.into()));
    lie("run-writes-2-64", "a run in the index says 2^64 - 1 writes", run(|run| run.items()[2] = u64::MAX.into()));
    lie(
        "run-counts-wrap",
        "the counts of a run in the index are 1, modulo 2^64",
        run(|run| {
            run.items()[1] = u64::MAX.into();
            run.items()[2] = 2.into();
        }),
    );
    lie(
        "run-counts-swapped",
        "removals and writes of a run in the index have changed places",
        run(|run| run.items().swap(1, 2)),
    );
    lie("run-bound-less", "a bound is below the first key", run(|run| run.items()[3] = 0.into()));
    lie("run-bound-more", "a bound is above the first key", run(|run| run.items()[3] = 2.into()));
    lie(
        "run-bound-of-settings",
        "the bound of the settings is 0",
        entry(|entry| entry.items()[2].items()[0].items()[3] = 0.into()),
    );
    lie("summary-no-domain", "the summary names no domain", summary(|summary| summary.items()[0] = "".into()));
    lie(
        "summary-base-sum",
        "the sum of the base of a full bundle is not 0",
        summary(|summary| summary.items()[1].items()[0] = blob([7; 16])),
    );
    lie(
        "summary-base-items",
        "the base of a full bundle has an item",
        summary(|summary| summary.items()[1].items()[1] = 1.into()),
    );
    lie(
        "summary-target-sum-another",
        "the sum of the target is another",
        summary(|summary| summary.items()[2].items()[0] = blob([7; 16])),
    );
    lie(
        "summary-target-items-less",
        "the target has an item less",
        summary(|summary| summary.items()[2].items()[1] = 3.into()),
    );
    lie(
        "summary-target-items-more",
        "the target has an item more",
        summary(|summary| summary.items()[2].items()[1] = 5.into()),
    );
    lie(
        "summary-target-items-2-64",
        "the target has 2^64 - 1 items",
        summary(|summary| summary.items()[2].items()[1] = u64::MAX.into()),
    );
    lie("summary-absent", "the index has no summary", two().with_index(|index| drop(index.pop())));
    lie("summary-twice", "the summary stands twice", two().with_index(|index| index.push(index[2].clone())));
    lie("summary-first", "the summary comes before the entries", two().with_index(|index| index.rotate_right(1)));
    lie("byte-behind", "a byte follows the summary", two().with_index(|index| index.push(0.into())));
    lie(
        "of-long-domain",
        "the summary has more than 512 bytes",
        summary(|summary| summary.items()[0] = "d".repeat(500).into()),
    );
    lie(
        "nested",
        "1,000 arrays stand in one another where a bound belongs",
        run(|run| {
            run.items()[3] = Cbor::Raw([vec![0x81; 1000], vec![0]].concat());
        }),
    );

    area.sound(
        "summary-another-domain",
        "the name in the summary is a label",
        &summary(|summary| summary.items()[0] = "another".into()),
    );

    // Pages.
    let mut page = |name: &str, fault: &str, alter: fn(&mut Vec<Part>)| {
        area.wrong(name, fault, "corrupt", &two().with_pages(alter));
    };
    page("page-empty", "the page of the index is empty", |pages| pages[0].plaintext.clear());
    page("page-empty-behind", "an empty page follows the last", |pages| pages.push(Part::page(&[])));
    page("page-empty-before", "an empty page comes before the first", |pages| pages.insert(0, Part::page(&[])));
    page("page-short", "a page that is not the last has not the full size", |pages| {
        let end = pages[0].plaintext.split_off(40);
        pages.push(Part::page(&end));
    });
    page("page-cut", "the index ends within its summary", |pages| cut(&mut pages[0].plaintext));
    page("page-stands-twice-in-one", "the index stands twice in its page", |pages| {
        let again = pages[0].plaintext.clone();
        pages[0].plaintext.extend(again);
    });
    page("page-not-an-array", "the index is zeros", |pages| pages[0].plaintext.fill(0));
    area.wrong(
        "pages-swapped",
        "two pages of the index have changed places",
        wrong,
        &many_keys().with_pages(|pages| {
            compress(pages);
            pages.swap(0, 1);
        }),
    );
    area.wrong(
        "page-missing",
        "the first of two pages of the index is missing",
        wrong,
        &many_keys().with_pages(|pages| {
            compress(pages);
            pages.remove(0);
        }),
    );
    // What the readers must take, as FORMAT.md forbids it to writers alone.
    area.sound("two-pages", "an index of two pages", &many_keys().with_pages(|pages| compress(pages)));
    area.vectors
}

/// The form of an item that has this fault.
fn named(item: &Cbor, fault: &str) -> Cbor {
    let faults = item.faults().into_iter();
    faults.filter(|(name, ..)| *name == fault).map(|(.., item)| item).next().expect("it has this fault")
}

/// A state whose index has two pages: runs of tables with long names.
fn many_keys() -> BundleSpec {
    let names: Vec<String> = (0..300).map(|number| format!("{number:03}{}", "n".repeat(4000))).collect();
    let tables =
        names.iter().map(|name| list!["table", name.as_str(), name.as_str(), format!("CREATE TABLE \"{name}\"(a)")]);
    let schema = item(1, NULL, tables.collect::<Vec<_>>());
    let rows: Vec<Item> = names.iter().map(|name| item(name.as_str(), 1, list![1])).collect();
    let mut spec = BundleSpec::full(&[]);
    let chunk = |items: &[Item]| Chunk::Small(items.iter().map(Change::write).collect());
    spec.chunks =
        vec![chunk(&[settings()]), Chunk::Large(Change::write(&schema)), chunk(&rows[..150]), chunk(&rows[150..])];
    spec
}

/// Packs pages as chunks are packed, so that the vector stays small.
fn compress(pages: &mut [Part]) {
    for page in pages {
        assert!(page.plaintext.len() <= MIB);
        page.padded = Some(padded(1, page.plaintext.len() as u64, &zstd(&page.plaintext)));
    }
}
