//! Deltas: by themselves, and against what they lead on from.

use super::{Area, after};
use crate::support::cbor::{NULL, blob, list, raw};
use crate::support::keys::{Keys, Total};
use crate::support::spec::{BundleSpec, Chunk, MIB};
use crate::support::state::{Change, item, row_1, row_2, schema_t, settings, table, total, worked};
use crate::support::vector::Vector;

/// A delta from the worked state.
fn of(changes: Vec<Change>) -> BundleSpec {
    BundleSpec::delta(&worked(), changes)
}

/// A delta that is wrong by itself.
fn wrong(area: &mut Area, name: &str, fault: &str, spec: &BundleSpec) {
    after(area.wrong(name, fault, "corrupt", spec), &["full"], "corrupt", "corrupt");
}

/// A delta that is sound by itself, and does not fit the worked state.
fn misfit(area: &mut Area, name: &str, fault: &str, spec: &BundleSpec) {
    after(area.wrong(name, fault, "corrupt", spec), &["full"], "success", "corrupt");
}

/// A sound delta.
fn sound(area: &mut Area, name: &str, what: &str, spec: &BundleSpec) {
    after(area.sound(name, what, spec), &["full"], "success", "success");
}

fn ho() -> Change {
    Change::update(&row_1(), list!["ho", NULL])
}

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("delta", "A worked delta");
    sound(
        &mut area,
        "worked",
        "the worked delta",
        &of(vec![Change::update(&row_1(), list!["ho", NULL]), Change::remove(&row_2())]),
    );
    area.section("Changes");
    let unit = &mut area;
    sound(unit, "empty", "no changes", &of(vec![]));
    sound(unit, "new-row", "a new row", &of(vec![Change::write(&item("t", 3, list![3, NULL]))]));
    let of_three = Change::write(&item("t", 3, list![3, NULL, 4]));
    let of_two = Change::write(&item("t", 4, list![3, NULL]));
    wrong(
        unit,
        "rows-of-two-lengths",
        "two new rows of a table have different numbers of values",
        &of(vec![of_three.clone(), of_two]),
    );
    misfit(
        unit,
        "row-of-another-length",
        "a new row has a value more than the rows that are there",
        &of(vec![of_three]),
    );
    sound(unit, "settings", "another user version", &of(vec![Change::update(&settings(), list![0, 2, 1])]));
    sound(
        unit,
        "schema",
        "a new table with a row",
        &of(vec![
            Change::update(&schema_t(), list![table("t", "(a, b)"), table("u", "(a)")]),
            Change::write(&item("u", 1, list![1])),
        ]),
    );
    sound(
        unit,
        "table-dropped",
        "a table goes with its rows",
        &of(vec![Change::update(&schema_t(), list![]), Change::remove(&row_1()), Change::remove(&row_2())]),
    );
    sound(
        unit,
        "keys-of-another-kind",
        "a table is made anew, with a primary key in the place of a rowid",
        &of(vec![
            Change::update(&schema_t(), list![table("t", "(a PRIMARY KEY, b) WITHOUT ROWID")]),
            Change::remove(&row_1()),
            Change::remove(&row_2()),
            Change::write(&item("t", list!["hi"], list![NULL])),
        ]),
    );
    sound(
        unit,
        "encoding",
        "another encoding",
        &of(vec![
            Change::update(&settings(), list![0, 1, 2]),
            Change::update(&row_1(), list![list![2, blob("h\0i\0")], NULL]),
        ]),
    );
    sound(
        unit,
        "selection",
        "a selection where there was none",
        &of(vec![Change::write(&item(2, NULL, list![list!["t"], list![], list![], list![]]))]),
    );
    sound(unit, "large-row", "a row that becomes large", &{
        let change = Change::update(&row_1(), list![blob(vec![5; 1_500_000]), NULL]);
        BundleSpec::of(Keys::bundle(), total(&Keys::bundle(), &worked()), vec![Chunk::Large(change)])
    });
    sound(unit, "two-chunks", "a write in one chunk, a removal in the next", &{
        let chunks = vec![Chunk::Small(vec![ho()]), Chunk::Small(vec![Change::remove(&row_2())])];
        BundleSpec::of(Keys::bundle(), total(&Keys::bundle(), &worked()), chunks)
    });
    for (fault, why, old) in ho().old.faults() {
        let change = list![1, old, list!["ho", NULL]];
        wrong(unit, &format!("old-{fault}"), &format!("an old {why}"), &of(vec![ho().written_as(change.encode())]));
    }
    wrong(
        unit,
        "old-empty",
        "an old has no bytes",
        &of(vec![ho().written_as(list![1, blob([]), list!["ho", NULL]].encode())]),
    );
    wrong(
        unit,
        "old-a-value",
        "an old is the old row",
        &of(vec![ho().written_as(list![1, list!["hi", NULL], list!["ho", NULL]].encode())]),
    );
    wrong(
        unit,
        "to-the-same",
        "a change leads to the value that was there",
        &of(vec![ho(), Change::update(&row_2(), row_2().2)]),
    );
    wrong(
        unit,
        "from-nothing-to-nothing",
        "old and new are both null",
        &of(vec![ho().written_as(list![1, NULL, NULL].encode())]),
    );
    sound(
        unit,
        "write-after-removal",
        "a write comes after a removal of a smaller key",
        &of(vec![Change::remove(&row_1()), Change::update(&row_2(), list![1, NULL])]),
    );
    wrong(
        unit,
        "removal-before-write",
        "a removal comes before a write of a smaller key",
        &of(vec![Change::remove(&row_2()), ho().written_as(list![1, ho().old, list!["ho", NULL]].encode())]),
    );
    wrong(unit, "removal-before-write-across", "a removal comes in the chunk before a write of a smaller key", &{
        let chunks = vec![Chunk::Small(vec![Change::remove(&row_2())]), Chunk::Small(vec![ho()])];
        BundleSpec::of(Keys::bundle(), total(&Keys::bundle(), &worked()), chunks)
    });
    wrong(unit, "removals-swapped", "two removals have changed places", &{
        let chunks = vec![Chunk::Small(vec![Change::remove(&row_2())]), Chunk::Small(vec![Change::remove(&row_1())])];
        BundleSpec::of(Keys::bundle(), total(&Keys::bundle(), &worked()), chunks)
    });
    wrong(
        unit,
        "removal-and-write",
        "a key is both removed and written",
        &of(vec![
            Change::remove(&row_1()),
            Change::write(&item("t", 1, list!["ho", NULL])).written_as(list![1, NULL, list!["ho", NULL]].encode()),
        ]),
    );
    wrong(
        unit,
        "removal-and-update",
        "a key is removed, and written in the place of what was there",
        &of(vec![Change::remove(&row_1()), ho().written_as(list![1, ho().old, list!["ho", NULL]].encode())]),
    );
    wrong(unit, "no-step-from-removal-to-write", "the rowid of a write after a removal stands in full", &{
        let removal = Change::remove(&row_1());
        let write = Change::update(&row_2(), list![1, NULL]);
        let old = write.old.clone();
        of(vec![removal, write.written_as(list![2, old, list![1, NULL]].encode())])
    });
    wrong(
        unit,
        "keys-of-two-kinds",
        "the writes of a table have a rowid and a primary key",
        &of(vec![Change::write(&item("t", 3, list![3, NULL])), Change::write(&item("t", list!["k"], list![NULL]))]),
    );
    wrong(
        unit,
        "removals-of-two-kinds",
        "the removals of a table have a rowid and a primary key",
        &of(vec![Change::remove(&row_2()), Change::new("t", list!["k"], blob([9; 16]), NULL)]),
    );
    for (name, base) in [("settings", settings()), ("schema", schema_t())] {
        wrong(
            unit,
            &format!("{name}-removed"),
            &format!("a delta removes the {name}"),
            &of(vec![Change::remove(&base)]),
        );
        let value = base.2.clone();
        wrong(
            unit,
            &format!("{name}-new"),
            &format!("a delta makes the {name} out of nothing"),
            &of(vec![Change::new(base.0, base.1, NULL, value)]),
        );
    }
    wrong(
        unit,
        "settings-not-canonical",
        "new settings are not canonical",
        &of(vec![Change::update(&settings(), raw("83 00 1802 01"))]),
    );
    wrong(
        unit,
        "selection-of-everything",
        "a new selection leaves nothing out",
        &of(vec![Change::write(&item(2, NULL, list![NULL, list![], list![], list![]]))]),
    );
    wrong(
        unit,
        "encoding-of-a-row",
        "a new row has text of another encoding than the new settings name",
        &of(vec![Change::update(&settings(), list![0, 1, 2]), Change::update(&row_1(), list!["ho", NULL])]),
    );
    wrong(
        unit,
        "encodings",
        "new rows have texts of two encodings",
        &of(vec![ho(), Change::update(&row_2(), list![list![2, blob("h\0")], NULL])]),
    );
    wrong(
        unit,
        "row-of-a-dropped-table",
        "a row is written of a table that the new schema does not have",
        &of(vec![Change::update(&schema_t(), list![table("u", "(a)")]), ho()]),
    );
    wrong(
        unit,
        "primary-key-empty",
        "a primary key that is removed has no values",
        &of(vec![Change::new("t", list![], blob([9; 16]), NULL)]),
    );
    wrong(
        unit,
        "value-not-canonical",
        "a value of a new row has a head that is longer than it need be",
        &of(vec![ho().written_as([&[0x83, 1][..], &ho().old.encode(), &[0x82, 0x18, 5, 0xf6]].concat())]),
    );

    // Totals. A base that no state has is no state before it either.
    let base = total(&Keys::bundle(), &worked());
    let with_base =
        |base: Total, changes: Vec<Change>| BundleSpec::of(Keys::bundle(), base, vec![Chunk::Small(changes)]);
    let mut of_no_state = |name: &str, fault: &str, spec: &BundleSpec| {
        wrong(unit, name, fault, spec);
        unit.vectors.last_mut().expect("just added").links = Some("mismatch".to_owned());
    };
    of_no_state("base-of-one-item", "the base has one item", &with_base(Total { items: 1, ..base }, vec![ho()]));
    of_no_state(
        "base-of-no-items",
        "the base has no items, but a sum",
        &with_base(Total { items: 0, ..base }, vec![ho()]),
    );
    of_no_state("target-of-one-item", "the target has one item", &{
        with_base(Total { items: 3, ..base }, vec![Change::remove(&row_1()), Change::remove(&row_2())])
    });
    wrong(unit, "base-of-fewer-items-than-olds", "the base has fewer items than there are olds", &{
        let removals = (1..=5).map(|rowid| Change::remove(&item("t", rowid, list![rowid, NULL])));
        let writes = (6..=9).map(|rowid| Change::write(&item("t", rowid, list![rowid, NULL])));
        of(removals.chain(writes).collect())
    });
    wrong(
        unit,
        "target-another",
        "the target is not where the changes lead",
        &of(vec![ho()]).with_summary(|summary| {
            let base = summary.items()[1].clone();
            summary.items()[2] = base;
        }),
    );
    wrong(
        unit,
        "base-sum-another",
        "the sum of the base in the index is not that of its id",
        &of(vec![ho()]).with_summary(|summary| {
            summary.items()[1].items()[0] = blob([1; 16]);
        }),
    );

    area.section("Chains");
    let unit = &mut area;
    // Two faults of a base that make up for one another: sums say nothing about which items there are.
    misfit(
        unit,
        "old-another",
        "an old is not the digest of what is there",
        &of(vec![Change::new("t", 1, blob([9; 16]), list!["ho", NULL])]),
    );
    misfit(
        unit,
        "new-where-something-is",
        "a row is new where there is one",
        &of(vec![Change::write(&item("t", 1, list!["ho", NULL]))]),
    );
    misfit(
        unit,
        "update-of-what-is-not-there",
        "an update of a row that is not there",
        &of(vec![Change::new("t", 3, blob([9; 16]), list!["ho", NULL])]),
    );
    misfit(
        unit,
        "removal-of-what-is-not-there",
        "a removal of a row that is not there",
        &of(vec![Change::new("t", 3, blob([9; 16]), NULL)]),
    );
    misfit(
        unit,
        "removal-in-a-table-that-is-not-there",
        "a removal in a table that is not there",
        &of(vec![Change::new("a", 3, blob([9; 16]), NULL)]),
    );
    misfit(
        unit,
        "removal-of-the-selection-that-is-not-there",
        "a removal of the selection, which is not there",
        &of(vec![Change::new(2, NULL, blob([9; 16]), NULL)]),
    );
    misfit(
        unit,
        "update-of-a-primary-key",
        "an update of a primary key in a table of rowids",
        &of(vec![Change::new("t", list![1], blob([9; 16]), list![NULL])]),
    );
    misfit(
        unit,
        "write-of-what-is-already-so",
        "a row is new that is there, with the value that is there",
        &of(vec![Change::write(&row_1())]),
    );
    misfit(
        unit,
        "settings-old-another",
        "the old of the settings is not theirs",
        &of(vec![Change::new(0, NULL, blob([9; 16]), list![0, 2, 1])]),
    );
    misfit(
        unit,
        "schema-old-another",
        "the old of the schema is not its",
        &of(vec![Change::new(1, NULL, blob([9; 16]), list![table("t", "(a)")])]),
    );
    misfit(unit, "old-of-another-row", "the old of a row is that of another row", &{
        let old = Change::remove(&row_2()).old;
        of(vec![Change::new("t", 1, old, list!["ho", NULL])])
    });
    // A last state that is none.
    misfit(
        unit,
        "leads-to-rows-without-a-table",
        "a table goes, and its rows stay",
        &of(vec![Change::update(&schema_t(), list![table("u", "(a)")])]),
    );
    misfit(
        unit,
        "leads-to-a-row-of-an-unknown-table",
        "a row comes of a table that the schema does not have",
        &of(vec![Change::write(&item("u", 1, list![1]))]),
    );
    misfit(
        unit,
        "leads-to-another-encoding",
        "the encoding changes, and a text stays as it was",
        &of(vec![Change::update(&settings(), list![0, 1, 3])]),
    );
    misfit(
        unit,
        "leads-to-text-of-another-encoding",
        "a row comes with text of another encoding",
        &of(vec![Change::write(&item("t", 3, list![list![2, blob("x\0")], NULL]))]),
    );
    misfit(
        unit,
        "leads-to-keys-of-two-kinds",
        "a primary key comes beside rowids",
        &of(vec![Change::write(&item("t", list!["k"], list![NULL]))]),
    );
    misfit(unit, "large-row-misfit", "a large row is new where there is one", &{
        let change = Change::write(&item("t", 1, list![blob(vec![5; MIB + 5]), NULL]));
        BundleSpec::of(Keys::bundle(), base, vec![Chunk::Large(change)])
    });
    after(
        area.not_buildable(
            "leads-to-no-table",
            "the rows that stay do not fit the table's new definition",
            "corrupt",
            &of(vec![Change::update(&schema_t(), list![table("t", "(a)")])]),
        ),
        &["full"],
        "success",
        "success",
    );
    area.vectors
}
