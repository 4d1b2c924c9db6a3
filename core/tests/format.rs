//! FORMAT.md is true: its worked bundle and delta are what the code makes, and its CDDL describes real bundles (Z22).

mod common;
mod page;

use common::{Owned, OwnedKey, Rows, State, key, restore};
use hmac::{Hmac, KeyInit, Mac};
use lifeboat_core::{
    BundleWriter, ChunkKind, Export, ExportOptions, Key, Opened, Opener, RecoveryKey, SchemaKind, SchemaRow, Selection,
    Settings, StateSink, TextEncoding, Value,
};
use page::{FORMAT, block, matches, named};
use sha2::Sha256;

fn worked_state(rows: &[(i64, Vec<Value<'_>>)], sink: &mut impl StateSink) {
    sink.settings(&Settings { application_id: 0, user_version: 1, encoding: TextEncoding::Utf8 }).unwrap();
    let sql = "CREATE TABLE t(a, b)".into();
    sink.schema(&[SchemaRow { kind: SchemaKind::Table, name: "t".into(), table: "t".into(), sql }]).unwrap();
    sink.table("t").unwrap();
    for (rowid, row) in rows {
        sink.row(Key::Rowid(*rowid), row).unwrap();
    }
}

fn worked_bundle(key: &RecoveryKey, rows: &[(i64, Vec<Value<'_>>)]) -> (Vec<u8>, Vec<(ChunkKind, Vec<u8>)>) {
    let domain = key.domain("default").unwrap();
    let mut writer = BundleWriter::new(&domain, Vec::new()).unwrap();
    let mut export = Export::new(&domain, ExportOptions::default(), |chunk| writer.chunk(&chunk));
    worked_state(rows, &mut export);
    let (totals, _) = export.finish().unwrap();
    let bundle = writer.finish(&totals).unwrap().1;
    let chunks = opened(&bundle);
    (bundle, chunks)
}

fn opened(bundle: &[u8]) -> Vec<(ChunkKind, Vec<u8>)> {
    let mut chunks = Vec::new();
    let mut opener = Opener::new(key());
    opener
        .push(bundle, |opened| {
            if let Opened::Chunk { kind, plaintext, .. } = opened {
                chunks.push((kind, plaintext));
            }
            Ok(())
        })
        .unwrap();
    chunks
}

#[test]
fn the_worked_bundle_is_what_is_written_for_it() {
    let key = key();
    let rows = [(1, vec![Value::Text(b"hi"), Value::Null]), (2, vec![Value::Real(1.5), Value::Blob(&[0xff])])];
    let (bundle, chunks) = worked_bundle(&key, &rows);
    assert_eq!(hex::encode(&bundle), hex::encode(block("bundle")));
    assert_eq!(chunks[0], (ChunkKind::Changes, block("plaintext")));
    assert_eq!(chunks[1], (ChunkKind::IndexPage, block("index")));
    assert_eq!(named("recovery key"), key.to_text().as_str());
    assert_eq!(named("state id"), restore(&bundle).unwrap().0.public.state_id.to_string());
    assert!(FORMAT.contains(&format!("The bundle, {} bytes:", bundle.len())));
}

/// The formulas of the page, computed here with nothing of this crate.
#[test]
fn the_worked_delta_follows_from_the_formulas() {
    let hmac = |key: &str, message: &[u8]| {
        let mac = Hmac::<Sha256>::new_from_slice(&hex::decode(named(key)).unwrap()).unwrap();
        mac.chain_update(message).finalize().into_bytes().to_vec()
    };
    let digest =
        |item: &str| u128::from_be_bytes(hmac("digest key", &hex::decode(item).unwrap())[..16].try_into().unwrap());
    let number = |name: &str| u128::from_str_radix(named(name), 16).unwrap();
    let item = |name: &str| {
        let line =
            FORMAT.lines().find(|line| line.trim_start().starts_with(&format!("{name} ")) && line.contains("  of "));
        line.unwrap().split("  of ").nth(1).unwrap()
    };
    let names = ["settings", "schema", "row 1", "row 2"];
    for name in names {
        assert_eq!(digest(item(name)), number(name), "{name}");
    }
    let sum = names.iter().fold(0_u128, |sum, name| sum.wrapping_add(number(name)));
    assert_eq!(sum, number("sum"));
    assert_eq!(digest("84016174018262686ff6"), number("new row 1"));
    let change = number("new row 1").wrapping_sub(number("row 1")).wrapping_sub(number("row 2"));
    assert_eq!(change, number("chunk's sum"));
    assert_eq!(sum.wrapping_add(change), number("sum of C"));
    let message = [&[0x83, 1, 0x50][..], &number("sum of C").to_be_bytes(), &[3]].concat();
    assert_eq!(hex::encode(hmac("state id key", &message)), named("state id of C"));
    // The delta's plaintext is what the changes must be written as.
    let expected =
        format!("61748301 50{:032x}8262686ff68300 50{:032x}f6", number("row 1"), number("row 2")).replace(' ', "");
    assert_eq!(hex::encode(block("delta")), expected);
    // And is written so, by an export of C from B, with the index that the page says.
    let worked = |rows: &[(i64, Vec<Owned>)]| State {
        settings: Some(Settings { application_id: 0, user_version: 1, encoding: TextEncoding::Utf8 }),
        schema: vec![SchemaRow { sql: "CREATE TABLE t(a, b)".into(), ..common::table("t") }],
        tables: vec![("t".into(), common::rows(rows.to_vec()))],
        ..State::default()
    };
    let text = |text: &str| Owned::Text(text.into());
    let full = common::export(&worked(&[
        (1, vec![text("hi"), Owned::Null]),
        (2, vec![Owned::Real(1.5_f64.to_bits()), Owned::Blob(vec![0xff])]),
    ]));
    let delta = common::delta(&[&full], &worked(&[(1, vec![text("ho"), Owned::Null])]));
    let chunks = opened(&delta);
    assert_eq!(chunks[0], (ChunkKind::Changes, block("delta")));
    let entry = FORMAT.lines().find_map(|line| line.trim_start().strip_prefix("its entry ")).expect("the page has it");
    let entry = hex::decode(entry.replace(' ', "")).unwrap();
    assert_eq!(items(&chunks[1].1)[0], entry);
    // And a direct export of C comes to the same sum and id.
    let rows = [(1, vec![Value::Text(b"ho"), Value::Null])];
    let (bundle, chunks) = worked_bundle(&key(), &rows);
    assert!(hex::encode(&chunks[1].1).contains(&format!("8250{:032x}03", number("sum of C"))));
    assert_eq!(restore(&bundle).unwrap().0.public.state_id.to_string(), named("state id of C"));
}

#[test]
fn the_key_schedule_is_hkdf_with_the_labels_of_the_page() {
    let expand = |from: &str, key: &[u8], label: &str, context: &[u8], length: usize| {
        let formula = format!("expand({from}, \"{label}\", ");
        assert!(FORMAT.contains(&formula), "the page lacks {formula}");
        let mut okm = vec![0; length];
        let hkdf = hkdf::Hkdf::<Sha256>::new(Some(b"lifeboat"), key);
        hkdf.expand_multi_info(&[label.as_bytes(), &[0], context], &mut okm).unwrap();
        okm
    };
    let recovery: [u8; 32] = std::array::from_fn(|at| at as u8 + 1);
    let id = expand("recovery key", &recovery, "lifeboat domain", b"default", 16);
    assert_eq!(hex::encode(&id), named("domain id"));
    let write = expand("recovery key", &recovery, "lifeboat write key", &id, 32);
    assert_eq!(hex::encode(&write), named("write key"));
    let read = expand("write key", &write, "lifeboat read key", &id, 32);
    assert_eq!(hex::encode(&read), named("read key"));
    let seed = expand("write key", &write, "lifeboat suite 1 signature", &id, 32);
    assert_eq!(hex::encode(seed), named("signature seed"));
    for (name, label) in [
        ("commitment", "lifeboat suite 1 commitment"),
        ("cut key", "lifeboat suite 1 cut"),
        ("digest key", "lifeboat state 1 digest"),
        ("state id key", "lifeboat state 1 state id"),
    ] {
        assert_eq!(hex::encode(expand("read key", &read, label, &id, 32)), named(name), "{name}");
    }
    for (name, label) in [
        ("chunk seal key", "lifeboat suite 1 chunk seal"),
        ("index seal key", "lifeboat suite 1 index seal"),
        ("log seal key", "lifeboat log 1 seal"),
    ] {
        assert!(hex::encode(expand("read key", &read, label, &id, 64)).starts_with(named(name)), "{name}");
    }
    // Their texts, too.
    let write_key = key().write_key("default").unwrap();
    for (text, bytes) in [
        (write_key.to_text(), [&id[..], &write].concat()),
        (write_key.read_key().to_text(), [&id[..], &read, &write_key.verify_key().0].concat()),
    ] {
        assert!(FORMAT.contains(&format!("its text       {}\n", *text)), "{}", *text);
        let (prefix, decoded) = bech32::decode(&text).unwrap();
        assert!(text.starts_with(prefix.as_str()));
        assert_eq!(decoded, bytes);
    }
    assert_eq!(named("verify key"), key().domain("default").unwrap().verify_key().to_string());
}

/// Splits a CBOR sequence into the bytes of its items.
fn items(mut sequence: &[u8]) -> Vec<&[u8]> {
    let mut items = Vec::new();
    while !sequence.is_empty() {
        let mut rest = sequence;
        ciborium::from_reader::<ciborium::Value, _>(&mut rest).expect("CBOR");
        let (item, _) = sequence.split_at(sequence.len() - rest.len());
        items.push(item);
        sequence = rest;
    }
    items
}

#[test]
fn the_cddl_describes_real_bundles_and_nothing_else() {
    let state = State::new(vec![
        (
            "keyed",
            Rows::Table(vec![
                (OwnedKey::Primary(vec![Owned::Integer(-5), Owned::Text(vec![0xff])]), vec![Owned::Real(0x3ff8 << 48)]),
                (OwnedKey::Primary(vec![Owned::Text(vec![b'k'; 50])]), vec![Owned::Null, Owned::Blob(vec![1])]),
            ]),
        ),
        ("rows", Rows::Table(vec![(OwnedKey::Rowid(i64::MIN), vec![Owned::Integer(i64::MAX)])])),
        ("sqlite_sequence", Rows::System(vec![vec![Owned::Text(b"rows".to_vec()), Owned::Integer(1)]])),
    ]);
    let bundle = common::export(&state);
    let public = items(&bundle);
    let rules = ["header", "chunk", "chunk", "footer", "trailer"];
    assert_eq!(public.len(), rules.len());
    for (rule, item) in rules.iter().zip(&public) {
        matches(rule, item).unwrap_or_else(|error| panic!("{rule}: {error}"));
    }
    for wrong in ["header", "chunk", "trailer"] {
        assert!(matches(wrong, public[3]).is_err(), "a footer is no {wrong}");
    }
    let chunks = opened(&bundle);
    for item in items(&chunks[0].1) {
        let rule = if item[0] >> 5 == 4 { "change" } else { "run-head" };
        matches(rule, item).unwrap_or_else(|error| panic!("{rule}: {error} {}", hex::encode(item)));
    }
    let index = items(&chunks[1].1);
    assert_eq!(index.len(), 2);
    matches("entry", index[0]).unwrap();
    matches("summary", index[1]).unwrap();
    assert!(matches("entry", index[1]).is_err());
    let part = |value: i64| State {
        selection: Some(Selection {
            tables: Some(vec!["rows".into(), "t".into()]),
            conditions: vec![("t".into(), "a > 1".into())],
            ..Selection::default()
        }),
        ..State::new(vec![("t", common::rows(vec![(1, vec![Owned::Integer(value)]), (value, vec![])]))])
    };
    let full = common::export(&part(5));
    let delta = common::delta(&[&full], &part(7));
    for (bundle, changes) in [(&full, 5), (&delta, 3)] {
        let (public, chunks) = (items(bundle), opened(bundle));
        matches("footer", public[3]).unwrap();
        let changes_found: Vec<_> = items(&chunks[0].1).into_iter().filter(|item| item[0] >> 5 == 4).collect();
        assert_eq!(changes_found.len(), changes);
        for change in changes_found {
            matches("change", change).unwrap_or_else(|error| panic!("{error} {}", hex::encode(change)));
        }
        matches("entry", items(&chunks[1].1)[0]).unwrap();
    }
    assert!(matches("settings", &[0x83, 0, 0, 4]).is_err(), "there is no encoding 4");
}
