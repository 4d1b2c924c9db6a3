//! The interface says all that a stranger needs, and it is the one that the component has.

use std::path::PathBuf;
use wit_component::DecodedWasm;
use wit_parser::{Docs, Resolve, TypeDefKind, WorldItem};

fn is_documented(docs: &Docs) -> bool {
    docs.contents.as_ref().is_some_and(|text| !text.trim().is_empty())
}

/// The names of all items of all interfaces.
fn items(resolve: &Resolve) -> Vec<String> {
    collect(resolve, |_| true)
}

/// The names of what has no documentation.
fn undocumented(resolve: &Resolve) -> Vec<String> {
    collect(resolve, |docs| !is_documented(docs))
}

fn collect(resolve: &Resolve, wanted: impl Fn(&Docs) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |name: String, docs: &Docs| {
        if wanted(docs) {
            found.push(name);
        }
    };
    for (_, interface) in &resolve.interfaces {
        let name = interface.name.clone().unwrap_or_default();
        check(name.clone(), &interface.docs);
        for (function_name, function) in &interface.functions {
            check(format!("{name}.{function_name}"), &function.docs);
        }
        for (type_name, id) in &interface.types {
            let definition = &resolve.types[*id];
            check(format!("{name}.{type_name}"), &definition.docs);
            let parts: Vec<_> = match &definition.kind {
                TypeDefKind::Record(record) => record.fields.iter().map(|field| (&field.name, &field.docs)).collect(),
                TypeDefKind::Variant(variant) => variant.cases.iter().map(|case| (&case.name, &case.docs)).collect(),
                TypeDefKind::Enum(set) => set.cases.iter().map(|case| (&case.name, &case.docs)).collect(),
                _ => Vec::new(),
            };
            for (part, docs) in parts {
                check(format!("{name}.{type_name}.{part}"), docs);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_item_is_documented_and_there() {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut source = Resolve::default();
    let (id, _) = source.push_path(package.join("../../wit")).unwrap();
    let name = source.packages[id].name.clone();
    assert!(name.version.is_some(), "{name} has no version");
    assert_eq!(undocumented(&source), [""; 0]);
    assert!(source.worlds.iter().all(|(_, world)| is_documented(&world.docs)));

    let dist = std::env::var_os("LIFEBOAT_DIST").map_or_else(|| package.join("../../dist"), PathBuf::from);
    let path = dist.join("lifeboat-recovery.wasm");
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}: run `make build`", path.display()));
    let DecodedWasm::Component(built, world) = wit_component::decode(&bytes).unwrap() else { panic!("no component") };
    let exports: Vec<_> = built.worlds[world].exports.iter().collect();
    let [(key, WorldItem::Interface { .. })] = exports.as_slice() else { panic!("exports {exports:?}") };
    let version = name.version.as_ref().unwrap();
    assert_eq!(built.name_world_key(key), format!("lifeboat:recovery/recovery@{version}"));
    assert!(built.worlds[world].imports.is_empty());
    assert_eq!(items(&built), items(&source));
}
