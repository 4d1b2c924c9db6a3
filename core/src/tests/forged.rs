//! Bundles that are sealed and signed correctly, and wrong in one place: a hostile holder of the key could make them.
//! One line, one fault (`FORMAT.md`, "Rules").

use crate::cbor::{Append, Bytes, put, put_array};
use crate::crypto::digest::{Digester, Total, sha256};
use crate::crypto::key::{RecoveryKey, VerifyKey};
use crate::crypto::schedule::DomainKeys;
use crate::error::ErrorKind;
use crate::format::footer::{Footer, push_record};
use crate::format::header::{HEADER_LENGTH, Header};
use crate::format::index::{EntryBuilder, Summary};
use crate::format::seal::Seal;
use crate::kinds::{ChunkKind, Compression};
use crate::limits::CHUNK_MAX;
use crate::read::reader::Audit;
use crate::restore::opener::{Discard, Restore};
use crate::state::sink::Table;

/// The canonical key and value of an item.
type Item = (Vec<u8>, Vec<u8>);
/// A bundle that is made wrong in one place.
type Fault<T> = fn(T) -> T;

/// A bundle that is being made. The index, sums and ids follow from `runs`, unless a test sets others.
struct Spec {
    chunks: Vec<(ChunkKind, Vec<u8>)>,
    /// The tables with their items, of all chunks together.
    runs: Vec<(Table<'static>, Vec<Item>)>,
    summary: Fault<Summary>,
    footer: Fault<Footer>,
}

const SETTINGS: &str = "00 83f6f6 83000001";
const SCHEMA: &str = "01 83f6f6 81 84 65 7461626c65 6174 6174 60";

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.split_whitespace().collect::<String>()).expect("hexadecimal")
}

pub(crate) fn key() -> RecoveryKey {
    RecoveryKey::from_bytes(std::array::from_fn(|at| u8::try_from(at).expect("small"))).expect("a key")
}

impl Spec {
    /// One chunk: settings, schema of a table "t", and then this.
    fn new(rest: &str) -> Self {
        Self::of(vec![(ChunkKind::Changes, bytes(&format!("{SETTINGS} {SCHEMA} {rest}")))])
    }

    fn of(chunks: Vec<(ChunkKind, Vec<u8>)>) -> Self {
        let item = |key: &str, value: &str| (bytes(key), bytes(value));
        Self {
            chunks,
            runs: vec![
                (Table::Settings, vec![item("f6", "83000001")]),
                (Table::Schema, vec![item("f6", "81 84 65 7461626c65 6174 6174 60")]),
            ],
            summary: |summary| summary,
            footer: |footer| footer,
        }
    }

    /// Adds these items of rows of "t".
    fn rows(mut self, rows: &[(&str, &str)]) -> Self {
        let rows = rows.iter().map(|(key, value)| (bytes(key), bytes(value))).collect();
        self.runs.push((Table::Named("t"), rows));
        self
    }

    fn build(&self) -> Vec<u8> {
        self.build_with(|_| {})
    }

    /// The same, but `mangle` changes each plaintext before it is sealed.
    fn build_with(&self, mut mangle: impl FnMut(&mut Vec<u8>)) -> Vec<u8> {
        let key = key();
        let domain = key.domain("default").expect("a name");
        let keys: DomainKeys = (*domain).clone();
        let seal = Seal::new(&keys);
        let mut bundle =
            Header { file_kind: keys.file_kind, domain_id: keys.domain_id, commitment: *keys.commitment }.encode();
        let mut records = Vec::new();
        push_record(&mut records, bundle.len(), &sha256(&bundle)).expect("few");
        let (mut digester, mut entry, mut total) = (Digester::new(&keys), EntryBuilder::default(), Total::default());
        for (table, items) in &self.runs {
            digester.table(table);
            let mut name = Vec::new();
            table.encode(&mut Append(&mut name));
            entry.begin_run(&name, items[0].0.clone());
            for (key, value) in items {
                let digest = digester.item(key, value);
                total.add(digest);
                entry.change(None, Some(digest));
            }
        }
        let mut index = Vec::new();
        for (kind, _) in &self.chunks {
            match kind {
                ChunkKind::Part => index.extend(EntryBuilder::default().finish(*kind).expect("memory")),
                _ => index.extend(entry.finish(*kind).expect("memory")),
            }
        }
        let summary = Summary { domain: "default".to_owned(), base: Total::default(), target: total };
        index.extend((self.summary)(summary).encode());
        let pages = index.chunks(CHUNK_MAX).map(|page| (ChunkKind::IndexPage, page.to_vec()));
        for (kind, mut plaintext) in self.chunks.iter().cloned().chain(pages) {
            mangle(&mut plaintext);
            let sealed = match kind {
                ChunkKind::IndexPage => seal.seal_page(&plaintext, &sha256(&records)),
                kind => seal.seal(kind, Compression::Zstd, &plaintext),
            };
            let sealed = sealed.expect("seals");
            let mut item = Vec::new();
            put_array(&mut Append(&mut item), 2);
            put(&mut Append(&mut item), kind.number());
            put(&mut Append(&mut item), Bytes(sealed.as_slice()));
            push_record(&mut records, item.len(), &sha256(&item)).expect("few");
            bundle.extend(item);
        }
        let footer = Footer {
            base_id: None,
            state_id: total.state_id(&keys),
            items: records,
            verify_key: VerifyKey([0; 32]),
            signature: [0; 64],
        };
        let footer = (self.footer)(footer).sign(&keys).and_then(|footer| footer.encode()).expect("memory");
        bundle.extend_from_slice(&footer);
        bundle.extend_from_slice(&Footer::trailer(&footer));
        bundle
    }

    fn outcome(&self) -> Result<(), ErrorKind> {
        let bundle = self.build();
        let mut restore = Restore::new(key(), Discard);
        restore.push(&bundle).and_then(|()| restore.finish()).map(drop).map_err(|error| error.kind())
    }
}

const ROW: (&str, &str) = ("01", "81 02");

#[test]
fn what_this_makes_is_a_bundle() {
    assert_eq!(Spec::new("").outcome(), Ok(()));
    assert_eq!(Spec::new("6174 8301f6 8102").rows(&[ROW]).outcome(), Ok(()));
    let steps = Spec::new("6174 8301f6 8102 8300f6 8103").rows(&[ROW, ("02", "8103")]);
    assert_eq!(steps.outcome(), Ok(()));
}

/// Forms that are not canonical, and changes that contradict one another.
const FORMS: &[(&str, &str)] = &[
    ("head of a change in one more byte", "6174 980301f6 8102"),
    ("head of a change in two more bytes", "6174 99000301f6 8102"),
    ("head of a run in one more byte", "780174 8301f6 8102"),
    ("key in one more byte", "6174 831801f6 8102"),
    ("value in one more byte", "6174 8301f6 811802"),
    ("array in one more byte", "6174 8301f6 980102"),
    ("array of indefinite length", "6174 8301f6 9f02ff"),
    ("text of indefinite length", "6174 8301f6 817f6161ff"),
    ("half float", "6174 8301f6 81f93c00"),
    ("single float", "6174 8301f6 81fa3f800000"),
    ("NaN", "6174 8301f6 81fb7ff8000000000000"),
    ("well-formed text, wrapped", "6174 8301f6 8182014161"),
    ("a tag", "6174 8301f6 81c000"),
    ("a map", "6174 8301f6 81a0"),
    ("undefined", "6174 8301f6 81f7"),
    ("true", "6174 8301f6 81f5"),
    ("integer beyond 64 bits", "6174 8301f6 811bffffffffffffffff"),
    ("ill-formed text", "6174 8301f6 8161ff"),
    ("text of another encoding", "6174 8301f6 818202420061"),
    ("text of no encoding", "6174 8301f6 8182044161"),
    ("the end within a row", "6174 8301f6 8202"),
    ("step in one more byte", "6174 8301f6 8102 831800f6 8103"),
    ("step beyond the last rowid", "6174 831b7ffffffffffffffff6 8102 8300f6 8103"),
    ("old digest of 15 bytes", "6174 83014f000000000000000000000000000000 8102"),
    ("settings twice", "00 83f6f6 83000001"),
    ("schema before settings of a run", "01 83f6f6 80"),
    ("a table that the schema does not have", "6175 8301f6 8102"),
    ("a run without changes", "6174"),
    ("a run in two pieces", "6174 8301f6 8102 6174 8302f6 8102"),
    ("null for the key of a row", "6174 83f6f6 8102"),
    ("an empty primary key", "6174 8380f6 8102"),
    ("keys of two kinds", "6174 8301f6 8102 838101f6 8102"),
    ("no change", "6174 8301f6f6"),
    ("a table of an unknown number", "03 83f6f6 80"),
    ("a table of an unknown number, not canonical", "1803 83f6f6 80"),
];

#[test]
fn one_form_for_everything() {
    for (fault, rest) in FORMS {
        let spec = Spec::new(rest).rows(&[ROW]);
        assert_eq!(spec.outcome(), Err(ErrorKind::Corrupt), "{fault}");
    }
}

/// The holder of the key made it, so only the place helps to find what is wrong.
#[test]
fn a_chunk_that_is_wrong_is_named() {
    let bundle = Spec::new("6174 8301f6f6").rows(&[ROW]).build();
    let error = Restore::new(key(), Discard).push(&bundle).expect_err("no change");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().starts_with(&format!("item 1 at byte {HEADER_LENGTH}: ")), "{error}");
}

#[test]
fn a_full_bundle_is_full() {
    for (fault, chunk) in [
        ("no settings", format!("{SCHEMA} 6174 8301f6 8102")),
        ("no schema", format!("{SETTINGS} 6174 8301f6 8102")),
        ("the schema first", format!("{SCHEMA} {SETTINGS}")),
        ("a removal", format!("{SETTINGS} {SCHEMA} 6174 83015000000000000000000000000000000000f6")),
        ("an old value", format!("{SETTINGS} {SCHEMA} 6174 830150000000000000000000000000000000008102")),
    ] {
        let spec = Spec::of(vec![(ChunkKind::Changes, bytes(&chunk))]);
        assert_eq!(spec.outcome(), Err(ErrorKind::Corrupt), "{fault}");
    }
    let mut delta = Spec::new("6174 8301f6 8102").rows(&[ROW]);
    delta.footer = |footer| Footer { base_id: Some(footer.state_id), ..footer };
    assert_eq!(delta.outcome(), Err(ErrorKind::Corrupt), "a base that the index does not have");
    for value in ["80", "84f6808080", "84f68261626161 8080", "84f68162 61618080", "84f6816174808000"] {
        let spec = Spec::new(&format!("02 83f6f6 {value}"));
        assert_eq!(spec.outcome(), Err(ErrorKind::Corrupt), "a selection that is none: {value}");
    }
}

#[test]
fn index_and_footer_say_what_the_chunks_hold() {
    let good = || Spec::new("6174 8301f6 8102").rows(&[ROW]);
    let summaries: [(&str, Fault<Summary>); 3] = [
        ("domain", |summary| Summary { domain: "d".repeat(256), ..summary }),
        ("target", |summary| Summary { target: Total { sum: 1, ..summary.target }, ..summary }),
        ("base", |summary| Summary { base: Total { sum: 1, count: 1 }, ..summary }),
    ];
    for (fault, summary) in summaries {
        assert_eq!(Spec { summary, ..good() }.outcome(), Err(ErrorKind::Corrupt), "{fault}");
    }
    let footers: [(&str, Fault<Footer>); 2] = [
        ("state id", |footer| Footer { state_id: crate::crypto::id::StateId([7; 32]), ..footer }),
        ("records", |mut footer| {
            footer.items[40] ^= 1;
            footer
        }),
    ];
    for (fault, footer) in footers {
        assert_eq!(Spec { footer, ..good() }.outcome(), Err(ErrorKind::Corrupt), "{fault}");
    }
    assert_eq!(good().rows(&[ROW]).outcome(), Err(ErrorKind::Corrupt), "an index of more than there is");
    assert_eq!(Spec::new("6174 8301f6 8102").outcome(), Err(ErrorKind::Corrupt), "an index of less than there is");
}

/// A bundle with this plaintext in parts.
fn parts(mut plaintext: Vec<u8>) -> Spec {
    let mut chunks = vec![(ChunkKind::Changes, bytes(&format!("{SETTINGS} {SCHEMA}")))];
    while plaintext.len() > CHUNK_MAX {
        let rest = plaintext.split_off(CHUNK_MAX);
        chunks.push((ChunkKind::Part, std::mem::replace(&mut plaintext, rest)));
    }
    chunks.push((ChunkKind::LastPart, plaintext));
    Spec::of(chunks)
}

/// Small bundles that unpack to large ones.
fn bombs() -> Vec<(&'static str, Spec)> {
    let sequence = |rows: u32, row: &[u8]| {
        let mut plaintext = bytes("6f 73716c6974655f73657175656e6365 83f6f6 9a");
        plaintext.extend_from_slice(&rows.to_be_bytes());
        plaintext.extend(row.repeat(rows as usize));
        plaintext
    };
    let mut bombs = Vec::new();
    for (fault, plaintext) in [
        ("a schema of 17 MiB", [bytes("01 83f6f6 9a00400000"), vec![0x80; 17 << 20]].concat()),
        ("17 MiB of sqlite_sequence", sequence(9 << 20, &[0x81, 0x00])),
        ("3 million rows of sqlite_sequence", sequence(3 << 20, &[0x80])),
        ("a primary key of 2 MiB", [bytes("6174 83 81 5a00200000"), vec![0; 2 << 20], bytes("f6 80")].concat()),
    ] {
        let mut spec = parts(plaintext);
        if fault.contains("sqlite_sequence") {
            let schema = "01 83f6f6 81 84 65 7461626c65 6f73716c6974655f73657175656e6365 6174 60";
            spec.chunks[0].1 = bytes(&format!("{SETTINGS} {schema}"));
        }
        bombs.push((fault, spec));
    }
    let mut runs = String::new();
    let mut schema = String::from("01 83f6f6 99 1388");
    for number in 0..5000 {
        let name = format!("64{}", hex::encode(format!("{number:04}")));
        schema += &format!("84 65 7461626c65 {name} {name} 60");
        runs += &format!("{name} 8301f6 8102");
    }
    let spec = Spec::of(vec![(ChunkKind::Changes, bytes(&format!("{SETTINGS} {schema} {runs}")))]);
    bombs.push(("5,000 runs in a chunk", spec));
    bombs
}

/// Each is refused before it is held as a whole.
#[test]
fn what_unfolds_to_too_much_is_refused() {
    for (fault, spec) in bombs() {
        assert_eq!(spec.outcome(), Err(ErrorKind::TooBig), "{fault}");
    }
    let two = [bytes("6174 8301f6 81 5a00100000"), vec![0; 1 << 20], bytes("8300f6 8102")].concat();
    assert_eq!(parts(two).outcome(), Err(ErrorKind::Corrupt), "two changes in parts");
    assert_eq!(parts(bytes("6174 8301f6 8102")).outcome(), Err(ErrorKind::Corrupt), "a small change in parts");
}

/// Gives numbers below a bound, the same each time.
pub(crate) fn random() -> impl FnMut(usize) -> usize {
    let mut state = 1_u64;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    }
}

/// All forged bundles of this file, each with a name. Most of them also come many times with random changes before they
/// are sealed.
pub(crate) fn all(rounds: usize) -> Vec<(String, Vec<u8>)> {
    let forms = FORMS.iter().map(|(fault, rest)| (*fault, Spec::new(rest).rows(&[ROW])));
    let good = ("nothing is wrong", Spec::new("6174 8301f6 8102").rows(&[ROW]));
    let specs: Vec<_> = forms.chain(bombs()).chain([good]).collect();
    let mut all: Vec<_> = specs.iter().map(|(fault, spec)| ((*fault).to_owned(), spec.build())).collect();
    let mut random = random();
    for round in 0..rounds {
        for (fault, spec) in specs.iter().filter(|(_, spec)| round == 0 || spec.chunks.len() == 1) {
            let mangled = spec.build_with(|plaintext| {
                // The heads of lengths are near the front.
                let reach = plaintext.len().min(200);
                let at = random(reach);
                plaintext[at] = [0x9a, 0xbb, 0x7a, 0x5a, 0xff, 0x1b, 0][random(7)];
            });
            all.push((format!("{fault}, mangled {round}"), mangled));
        }
    }
    all
}

#[test]
fn after_an_error_there_is_only_that_error() {
    let mut bundle = Spec::new("").build();
    bundle[80] ^= 1;
    let mut restore = Restore::new(key(), Discard);
    let error = restore.push(&bundle).unwrap_err();
    assert_eq!(restore.push(&bundle).unwrap_err(), error);
    assert_eq!(restore.finish().map(drop).unwrap_err(), error);
    let mut audit = Audit::new();
    let error = audit.push(&bundle).unwrap_err();
    assert_eq!(audit.finish(None).unwrap_err(), error);
}

#[test]
fn what_no_working_generator_makes_is_no_key() {
    for byte in [0, 7, 255] {
        assert_eq!(RecoveryKey::from_bytes([byte; 32]).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Misuse));
    }
    let mut nearly = [7; 32];
    nearly[31] = 8;
    assert!(RecoveryKey::from_bytes(nearly).is_ok());
}

#[test]
fn only_one_text_is_a_key_s() {
    let text = key().to_text();
    assert_eq!(RecoveryKey::from_text(&text).expect("its own text").bytes(), key().bytes());
    assert!(RecoveryKey::from_text(&text.to_uppercase()).is_ok());
    // Each single mistake is found.
    let mut wrong = 0;
    for at in 0..text.len() {
        for other in ["q", "p", "7", "b", " "] {
            let mut changed = text.to_string();
            changed.replace_range(at..=at, other);
            if changed.trim() != text.as_str() {
                wrong += 1;
                assert!(RecoveryKey::from_text(&changed).is_err(), "{at} {other}");
            }
        }
    }
    assert!(wrong > 300);
    // The same bytes, with other bits in the padding of the last character before the checksum.
    use bech32::primitives::iter::Fe32IterExt;
    use bech32::{Bech32m, ByteIterExt, Fe32, Hrp};
    let mut symbols: Vec<Fe32> = key().bytes().iter().copied().bytes_to_fes().collect();
    let last = symbols.len() - 1;
    symbols[last] = Fe32::try_from(symbols[last].to_u8() | 1).expect("five bits");
    let padded: String =
        symbols.into_iter().with_checksum::<Bech32m>(&Hrp::parse_unchecked("lifeboatkey")).chars().collect();
    assert!(RecoveryKey::from_text(&padded).is_err());
}
