//! Ledgers: digests in the place of rows. The outcome is that of checking all of one.

use super::{Area, key_text};
use crate::support::cbor::{Cbor, NULL, blob, list, raw};
use crate::support::keys::{Keys, other_recovery};
use crate::support::spec::{BundleSpec, Chunk};
use crate::support::state::{Change, Item, item, schema_t, settings, worked};
use crate::support::vector::Vector;

/// A ledger of the worked state with this in the place of the value of one item.
fn with_value(at: usize, value: Cbor) -> BundleSpec {
    let keys = Keys::ledger();
    let mut changes: Vec<Change> = worked().iter().map(|item| Change::noted(&keys, item)).collect();
    changes[at].new = value;
    let mut spec = BundleSpec::ledger(&[]);
    spec.chunks = vec![Chunk::Small(changes)];
    spec
}

pub fn cases() -> Vec<Vector> {
    let mut area = Area::new("ledger", "Ledger");
    let spec = BundleSpec::ledger(&worked());
    let whole = spec.bytes();
    let sound = |area: &mut Area, name: &str, what: &str, spec: &BundleSpec| {
        area.sound(name, what, spec).database = None;
        let vector = area.vectors.last_mut().expect("just added");
        (vector.keyless, vector.signer) = ("mismatch".to_owned(), None);
    };
    sound(&mut area, "", "a ledger of the worked state", &spec);
    sound(&mut area, "of-a-selection", "a ledger of a state with a selection, which stands as it is", &{
        let selection: Item = item(2, NULL, list![list!["t"], list![], list![], list![]]);
        BundleSpec::ledger(&[settings(), schema_t(), selection])
    });
    area.wrong("another-key", "the key is not the one that made the ledger", "wrong key", &spec).key =
        key_text(other_recovery());
    let wrong = "corrupt";
    for (fault, why, value) in blob([9; 16]).faults() {
        area.wrong(&format!("digest-{fault}"), &format!("a digest in a ledger {why}"), wrong, &with_value(2, value));
    }
    area.wrong("digest-null", "a digest in a ledger is null", wrong, &with_value(2, NULL));
    area.wrong("digest-another", "a digest in a ledger is not that of the sums", wrong, &with_value(2, blob([9; 16])));
    area.wrong("settings-a-digest", "the settings of a ledger are a digest", wrong, &with_value(0, blob([9; 16])));
    area.wrong(
        "settings-not-canonical",
        "the settings of a ledger are not canonical",
        wrong,
        &with_value(0, raw("83 00 1801 01")),
    );
    area.wrong(
        "settings-encoding-4",
        "the settings of a ledger name an encoding that is none",
        wrong,
        &with_value(0, list![0, 1, 4]),
    );
    area.wrong(
        "settings-another",
        "the settings of a ledger are not those of the sums",
        wrong,
        &with_value(0, list![0, 7, 1]),
    );
    area.wrong("row-as-it-is", "a row stands in a ledger, not its digest", wrong, &with_value(2, list!["hi", NULL]));
    area.wrong("schema-as-it-is", "the schema stands in a ledger, not its digest", wrong, &with_value(1, schema_t().2));
    area.wrong(
        "state-id-another",
        "the state id in the footer of a ledger is another",
        wrong,
        &BundleSpec::ledger(&worked()).with_footer(|footer| footer.fields[1] = blob([7; 32])),
    );
    area.wrong(
        "base-id",
        "a ledger names a base",
        wrong,
        &BundleSpec::ledger(&worked()).with_footer(|footer| footer.fields[0] = blob([7; 32])),
    );
    area.wrong(
        "chunk-missing",
        "the chunk of a ledger is missing",
        wrong,
        &BundleSpec::ledger(&worked()).with_items(|items| drop(items.remove(1))),
    );
    area.wrong(
        "chunk-twice",
        "the chunk of a ledger stands twice",
        wrong,
        &BundleSpec::ledger(&worked()).with_items(|items| items.insert(1, items[1].clone())),
    );
    area.wrong("rows-swapped", "two rows of a ledger have changed places", wrong, &{
        let mut items = worked();
        items[2].1 = 5.into();
        items.swap(2, 3);
        let keys = Keys::ledger();
        let chunk = |items: &[Item]| Chunk::Small(items.iter().map(|item| Change::noted(&keys, item)).collect());
        let mut spec = BundleSpec::ledger(&[]);
        items.swap(2, 3);
        spec.chunks = vec![chunk(&items[..3]), chunk(&items[3..])];
        spec
    });
    area.wrong("removal", "a ledger has a removal", wrong, &{
        let keys = Keys::ledger();
        let mut changes: Vec<Change> = worked()[..3].iter().map(|item| Change::noted(&keys, item)).collect();
        changes.insert(2, Change::new("t", 9, blob([9; 16]), NULL));
        let mut spec = BundleSpec::ledger(&[]);
        spec.chunks = vec![Chunk::Small(changes)];
        spec
    });
    area.wrong("old", "an item of a ledger has an old", wrong, &{
        let mut spec = with_value(2, blob([9; 16]));
        let Chunk::Small(changes) = &mut spec.chunks[0] else { unreachable!() };
        changes[2].old = blob([8; 16]);
        spec
    });
    area.wrong("without-settings", "a ledger has no settings", wrong, &BundleSpec::ledger(&worked()[1..]));
    area.wrong(
        "without-schema",
        "a ledger has no schema",
        wrong,
        &BundleSpec::ledger(&[settings(), worked()[2].clone()]),
    );
    area.wrong("sealed-as-a-bundle", "the chunk of a ledger is sealed with the key of the domain's bundles", wrong, &{
        let key = Keys::bundle().chunk_seal;
        BundleSpec::ledger(&worked()).with_parts(move |parts| parts[0].seal_key = Some(key))
    });
    area.wrong(
        "signed-as-a-bundle",
        "a ledger is signed with the key of the domain's bundles",
        wrong,
        &BundleSpec::ledger(&worked()).with_footer(|footer| {
            footer.signer = Keys::bundle();
            footer.fields[3] = blob(Keys::bundle().verify_key());
        }),
    );
    area.wrong(
        "entry-sum-another",
        "an entry of a ledger's index has another sum",
        wrong,
        &BundleSpec::ledger(&worked()).with_index(|index| {
            index[0].items()[1] = blob([7; 16]);
        }),
    );
    area.wrong(
        "page-missing",
        "a ledger has no index",
        wrong,
        &BundleSpec::ledger(&worked()).with_items(|items| drop(items.pop())),
    );
    let raw_ledger = |area: &mut Area, name: &str, fault: &str, kind: &str, bytes: Vec<u8>| {
        let vector = area.public(name, fault, kind, bytes);
        vector.is_ledger = true;
        vector.keyless = "mismatch".to_owned();
    };
    raw_ledger(&mut area, "cut", "a ledger lacks its last byte", "truncated", whole[..whole.len() - 1].to_vec());
    raw_ledger(&mut area, "cut-in-a-chunk", "a ledger ends within its chunk", "truncated", whole[..120].to_vec());
    raw_ledger(&mut area, "byte-behind", "a byte follows a ledger", "corrupt", [&whole[..], &[0]].concat());
    let bundle = BundleSpec::full(&worked());
    raw_ledger(&mut area, "a-bundle", "a bundle stands in the place of a ledger", "mismatch", bundle.bytes());
    let vector = area.vectors.last_mut().expect("just added");
    (vector.keyless, vector.signer) = ("success".to_owned(), Some(super::signer(&bundle.keys)));
    area.vectors
}
