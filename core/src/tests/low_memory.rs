//! Whatever sizes a bundle states: where there is no memory for them, a reader gives an error. It never ends the
//! process.

use crate::chain::links::Chain;
use crate::chain::source::Source;
use crate::error::{ErrorKind, Result};
use crate::evidence;
use crate::export::chunk::ExportOptions;
use crate::export::items::Export;
use crate::export::writer::BundleWriter;
use crate::read::reader::Audit;
use crate::restore::opener::{Discard, Restore};
use crate::salvage::chain::Salvage;
use crate::state::sink::{SchemaKind, SchemaRow, Settings, StateSink};
use crate::state::value::{Key, TextEncoding, Value};
use crate::tests::forged;
use crate::tests::limited_alloc::with_memory;
use sha2::{Digest, Sha256};
use std::process::Command;

/// Tells this program that it is the child.
const CHILD: &str = "LIFEBOAT_LIMITED";

/// A bundle of a state with these tables of `rows` rows each. Every row has the value.
fn bundle(tables: &[SchemaRow], rows: i64, value: Value<'_>, system: &[Vec<Value<'_>>]) -> Vec<u8> {
    let key = forged::key();
    let domain = key.domain("default").expect("a name");
    let mut writer = BundleWriter::new(&domain, Vec::new()).expect("memory");
    let mut export = Export::new(&domain, ExportOptions::default(), |chunk| writer.chunk(&chunk));
    let walk = |sink: &mut dyn StateSink| -> Result<()> {
        sink.settings(&Settings { application_id: 0, user_version: 0, encoding: TextEncoding::Utf8 })?;
        sink.schema(tables)?;
        for table in tables {
            if table.name.starts_with("sqlite_") {
                sink.system_table(&table.name, system)?;
                continue;
            }
            sink.table(&table.name)?;
            (1..=rows).try_for_each(|rowid| sink.row(Key::Rowid(rowid), &[value]))?;
        }
        Ok(())
    };
    walk(&mut export).expect("a state");
    let totals = export.finish().expect("a state").bundle;
    writer.finish(&totals).expect("memory").1
}

fn table(name: &str, sql: String) -> SchemaRow {
    SchemaRow { kind: SchemaKind::Table, name: name.to_owned(), table: name.to_owned(), sql }
}

/// The most items that the format allows, listed in the footer. Somebody without a key can write that.
fn a_million_items() -> Vec<u8> {
    const CHUNK: &[u8] = &[0x82, 0, 0x41, 0];
    let mut forged = bundle(&[], 0, Value::Null, &[])[..crate::format::header::HEADER_LENGTH].to_vec();
    let mut records = Vec::new();
    let mut record = |item: &[u8]| {
        records.extend_from_slice(&u32::try_from(item.len()).expect("short").to_be_bytes());
        records.extend_from_slice(&Sha256::digest(item));
    };
    record(&forged);
    for _ in 1..crate::limits::ITEMS_MAX {
        forged.extend_from_slice(CHUNK);
        record(CHUNK);
    }
    let key = forged::key();
    let keys = key.domain("default").expect("a name");
    let footer = crate::format::footer::Footer {
        base_id: None,
        state_id: crate::crypto::id::StateId([0; 32]),
        items: records,
        verify_key: keys.verify_key(),
        signature: [0; 64],
    };
    let footer = footer.sign(&keys).and_then(|footer| footer.encode()).expect("memory");
    [&forged[..], &footer, &crate::format::footer::Footer::trailer(&footer)].concat()
}

fn is_soak() -> bool {
    std::env::var_os("LIFEBOAT_SOAK").is_some()
}

/// Forged bundles, and sound bundles that are larger than they look.
fn bundles() -> Vec<(String, Vec<u8>)> {
    let mut bundles = forged::all(if is_soak() { 40 } else { 2 });
    let named = |number: usize| table(&format!("table {number:06}"), "x".repeat(100));
    let many: Vec<_> = (0..30_000).map(named).collect();
    bundles.push(("30,000 tables".to_owned(), bundle(&many, 1, Value::Null, &[])));
    let long = table("t", "x".repeat(15 << 20));
    bundles.push(("a schema of 15 MiB".to_owned(), bundle(&[long], 0, Value::Null, &[])));
    let (sequence, row) = (table("sqlite_sequence", String::new()), vec![Value::Integer(1); 7]);
    bundles
        .push(("260,000 rows of sqlite_sequence".to_owned(), bundle(&[sequence], 0, Value::Null, &vec![row; 260_000])));
    let t = || [table("t", String::new())];
    bundles.push(("a value of 100 MB".to_owned(), bundle(&t(), 1, Value::Blob(&vec![0; 100_000_000]), &[])));
    bundles.push(("many chunks".to_owned(), bundle(&t(), 60_000, Value::Blob(&[0; 500]), &[])));
    bundles.push(("a million items".to_owned(), a_million_items()));
    bundles
}

type Outcome = std::result::Result<(), ErrorKind>;

/// A way to read a bundle.
type Reader = fn(&[u8]) -> Result<()>;

const READERS: [(&str, Reader); 5] = [
    ("restore", |bundle| {
        let mut restore = Restore::new(forged::key(), Discard);
        bundle.chunks(100_000).try_for_each(|piece| restore.push(piece))?;
        restore.finish().map(drop)
    }),
    ("audit", |bundle| {
        let mut audit = Audit::new();
        audit.push(bundle)?;
        audit.finish(None).map(drop)
    }),
    ("chain", |bundle| {
        let chain = Chain::open(forged::key(), [bundle])?;
        chain.schema()?;
        let mut rows = chain.rows("t")?;
        while rows.next()?.is_some() {}
        if let Some(row) = chain.rows("sqlite_sequence")?.next()? {
            row.system_rows(|_| Ok(()))?;
        }
        chain.check(|| Ok(()))
    }),
    ("salvage", |bundle| {
        let salvage = Salvage::open(forged::key(), [bundle], || Ok(()))?;
        salvage.walk(Discard, || Ok(())).map(drop)
    }),
    // Its index is damaged, and mostly also a chunk.
    ("salvage without an index", |bundle| {
        let salvage = Salvage::open(forged::key(), [Damaged(bundle)], || Ok(()))?;
        salvage.walk(Discard, || Ok(())).map(drop)?;
        salvage.missing().try_for_each(|missing| missing.from_key(|_| Ok(())))
    }),
];

/// A bundle that is damaged in its last item, and 300 bytes before its end.
struct Damaged<'b>(&'b [u8]);

impl Source for Damaged<'_> {
    fn length(&self) -> Result<u64> {
        self.0.length()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.0.read(offset, buffer)?;
        let footer = self.0.last_chunk().map_or(0, |length| u64::from_be_bytes(*length));
        let footer_at = (self.0.len() as u64).saturating_sub(footer + 9);
        for back in [1, 300] {
            let at = footer_at.checked_sub(back).and_then(|at| at.checked_sub(offset));
            if let Some(byte) = at.and_then(|at| usize::try_from(at).ok()).and_then(|at| buffer.get_mut(at)) {
                *byte ^= 1;
            }
        }
        Ok(())
    }
}

/// This runs in a process of its own: a test that fails here ends the process.
#[test]
fn too_little_memory_is_an_error() {
    if std::env::var_os(CHILD).is_some() {
        return under_limits();
    }
    let mut child = Command::new(std::env::current_exe().expect("a program has a file"));
    child.args(["--exact", "tests::low_memory::too_little_memory_is_an_error", "--nocapture", "--test-threads=1"]);
    let output = child.env(CHILD, "1").output().expect("this program runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let last: Vec<_> = said.lines().rev().take(3).collect();
    assert!(output.status.success(), "{}\n{last:?}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    let counted = said.lines().find(|line| line.starts_with("bundles read")).expect("the child counts what it tried");
    println!("{counted}");
    let tried = counted.split(' ').find_map(|word| word.parse().ok()).expect("a number");
    evidence::at_least("bundles read with too little memory", tried);
}

fn under_limits() {
    let (mut short, mut tried) = (0, 0);
    for (name, bundle) in bundles() {
        for (way, read) in READERS {
            let outcome = || -> Outcome { read(&bundle).map_err(|error| error.kind()) };
            let wanted = outcome();
            for limit in (10..28).step_by(if is_soak() { 1 } else { 3 }).map(|power| 1_usize << power) {
                println!("{name}, {way}, {limit} bytes of memory");
                let found = with_memory(limit, outcome);
                assert!(found == wanted || found == Err(ErrorKind::TooBig), "{found:?} instead of {wanted:?}");
                short += u32::from(found != wanted);
                tried += 1;
                if limit > 8 * bundle.len() + (40 << 20) && !name.contains("100 MB") {
                    assert_eq!(found, wanted, "this is memory enough");
                }
            }
        }
    }
    assert!(short > 20, "memory was hardly ever short: {short} times");
    println!(
        "bundles read under limits of memory: {tried} times, {short} of these too low: each an error, none an abort"
    );
}
