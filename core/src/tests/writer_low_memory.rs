//! Whatever is exported or composed: where there is no memory for it, a writer gives an error. It never
//! ends the process.

use crate::chain::base::Base;
use crate::chain::links::Chain;
use crate::error::{ErrorKind, Result};
use crate::evidence;
use crate::export::chunk::{ExportOptions, PlainChunk};
use crate::export::encoder::Encoder;
use crate::export::items::{Export, Finished};
use crate::export::state_digest::StateDigest;
use crate::export::writer::BundleWriter;
use crate::state::sink::{SchemaKind, SchemaRow, Settings, StateSink};
use crate::state::value::{Key, TextEncoding, Value};
use crate::tests::forged;
use crate::tests::limited_alloc::with_memory;
use std::cell::RefCell;
use std::io::{self, Write};
use std::process::Command;

/// Tells this program that it is the child.
const CHILD: &str = "LIFEBOAT_LIMITED_WRITERS";

/// A state that was made before memory is short: this many rows of one value, and some tables.
struct State {
    name: &'static str,
    schema: Vec<SchemaRow>,
    rows: i64,
    value: Vec<u8>,
}

impl State {
    fn new(name: &'static str, rows: i64, length: usize, tables: usize, fill: u8) -> Self {
        let table =
            |name: String| SchemaRow { kind: SchemaKind::Table, table: name.clone(), sql: "x".repeat(100), name };
        let names = ["t".to_owned()].into_iter().chain((0..tables).map(|number| format!("u{number:05}")));
        Self { name, schema: names.map(table).collect(), rows, value: vec![fill; length] }
    }

    fn walk(&self, sink: &mut dyn StateSink) -> Result<()> {
        sink.settings(&Settings { application_id: 0, user_version: 0, encoding: TextEncoding::Utf8 })?;
        sink.schema(&self.schema)?;
        for table in &self.schema {
            sink.table(&table.name)?;
            for rowid in 1..=if table.name == "t" { self.rows } else { 1 } {
                sink.row(Key::Rowid(rowid), &[Value::Blob(&self.value), Value::Integer(rowid)])?;
            }
        }
        Ok(())
    }
}

/// An export with its ledger, in one thread or in two halves.
fn export<W: Write>(state: &State, base: Option<&[u8]>, in_halves: bool, out: W) -> Result<W> {
    let key = forged::key();
    let domain = key.domain("default")?;
    let bundle = RefCell::new(BundleWriter::new(&domain, out)?);
    let ledger = RefCell::new(BundleWriter::ledger(&domain, io::sink())?);
    let emit = |chunk: PlainChunk| bundle.borrow_mut().chunks(&[chunk]);
    let export = match base {
        None => Export::new(&domain, ExportOptions::default(), emit),
        Some(base) => {
            let base = Base::chain(&Chain::open(&key, [base])?)?;
            Export::delta(&domain, ExportOptions::default(), base, None, emit)?
        }
    };
    let mut export = export.with_ledger(|chunk| ledger.borrow_mut().chunk(&chunk));
    if in_halves {
        let mut encoder = Encoder::new(&domain, |encoded| export.take(encoded));
        state.walk(&mut encoder)?;
        encoder.finish()?;
    } else {
        state.walk(&mut export)?;
    }
    let Finished { bundle: totals, ledger: noted, .. } = export.finish()?;
    if let Some(noted) = noted {
        ledger.into_inner().finish(&noted)?;
    }
    Ok(bundle.into_inner().finish(&totals)?.1)
}

fn compose(chain: &[&[u8]]) -> Result<()> {
    let key = forged::key();
    let mut writer = BundleWriter::new(&key.domain("default").expect("a name"), io::sink())?;
    let chain = Chain::open(&key, chain.iter().copied())?;
    let composed = chain.compose(&key, ExportOptions::default(), |chunk| writer.chunk(&chunk), || Ok(()))?;
    writer.finish(&composed.totals).map(drop)
}

/// This runs in a process of its own: a test that fails here ends the process.
#[test]
fn too_little_memory_is_an_error() {
    if std::env::var_os(CHILD).is_some() {
        return under_limits();
    }
    let mut child = Command::new(std::env::current_exe().expect("a program has a file"));
    child.args([
        "--exact",
        "tests::writer_low_memory::too_little_memory_is_an_error",
        "--nocapture",
        "--test-threads=1",
    ]);
    let output = child.env(CHILD, "1").output().expect("this program runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let last: Vec<_> = said.lines().rev().take(3).collect();
    assert!(output.status.success(), "{}\n{last:?}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    let counted =
        said.lines().find(|line| line.starts_with("bundles written")).expect("the child counts what it tried");
    println!("{counted}");
    let tried = counted.split(' ').find_map(|word| word.parse().ok()).expect("a number");
    evidence::at_least("bundles written with too little memory", tried);
}

fn under_limits() {
    let states = [
        State::new("small rows", 8_000, 20, 0, 1),
        State::new("rows of half a chunk", 6, 500_000, 0, 2),
        State::new("rows in parts", 2, 1_300_000, 0, 3),
        State::new("many tables", 10, 10, 2_000, 4),
    ];
    let (mut tried, mut short) = (0, 0);
    for state in &states {
        let mut other = State::new("", state.rows / 2, state.value.len(), 0, 9);
        other.schema.clone_from(&state.schema);
        let base = export(&other, None, false, Vec::new()).expect("there is memory");
        let delta = export(state, Some(&base), false, Vec::new()).expect("there is memory");
        let key = forged::key();
        let keys = key.domain("default").expect("a name");
        let works: [(&str, &dyn Fn() -> Result<()>); 6] = [
            ("full", &|| export(state, None, false, io::sink()).map(drop)),
            ("in halves", &|| export(state, None, true, io::sink()).map(drop)),
            ("delta", &|| export(state, Some(&base), true, io::sink()).map(drop)),
            ("a chain into one", &|| compose(&[&base, &delta])),
            ("deltas into one", &|| compose(&[&delta])),
            ("its id", &|| {
                let mut digest = StateDigest::new(&keys);
                state.walk(&mut digest)?;
                digest.finish().map(drop)
            }),
        ];
        for (work, run) in works {
            run().expect("there is memory");
            let mut enough = 0;
            for limit in (0..).map(|step| step * 400_000) {
                println!("{}, {work}, {limit} bytes of memory", state.name);
                let found = with_memory(limit, run);
                tried += 1;
                match found {
                    Ok(()) => enough += 1,
                    Err(error) => {
                        assert_eq!((error.kind(), error.code()), (ErrorKind::TooBig, Some(7)), "{error}");
                        (short, enough) = (short + 1, 0);
                    }
                }
                // From this limit on there is enough memory.
                if enough == 3 {
                    break;
                }
            }
        }
    }
    assert!(short > 100, "memory was hardly ever short: {short} times");
    println!(
        "bundles written under limits of memory: {tried} times, {short} of these too low: each an error, none an abort"
    );
}
