//! `lifeboat-assemble RECOVERY.wasm COMMAND.wasm QR.wasm OUT-DIR [SOURCE-ID]`: the last step of the build.
//!
//! - `OUT-DIR/lifeboat-recovery.wasm`: the recovery module as a component. Refused if it imports anything.
//! - `OUT-DIR/lifeboat-cli.wasm`: the command component with that very component plugged in, importing WASI alone.
//! - `OUT-DIR/npm/sqlite-lifeboat/recovery/component/`: the recovery component for JavaScript.
//! - `OUT-DIR/lifeboat-recover.html`: the recovery page, with the component in it, and the module that draws QR codes.
//!
//! In both components stand their name, description, version, licence and, where it is known, which source they were made of.
//! The same modules and source id give the same bytes.

mod javascript;
mod join;
mod page;

use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use wac_graph::{CompositionGraph, EncodeOptions, plug, types::Package};
use wasm_metadata::{AddMetadata, AddMetadataField::Set};
use wit_component::{ComponentEncoder, DecodedWasm};

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [recovery, command, qr, out, source @ ..] = arguments.as_slice() else {
        bail!("usage: lifeboat-assemble RECOVERY.wasm COMMAND.wasm QR.wasm OUT-DIR [SOURCE-ID]");
    };
    let source = source.first().and_then(|source| source.to_str()).filter(|source| !source.is_empty());

    let recovery = componentize(&read(recovery)?).context("making the recovery component")?;
    let imports = imports(&recovery)?;
    ensure!(imports.is_empty(), "the recovery component must import nothing, but imports {}", imports.join(", "));
    let recovery =
        describe(&recovery, source, "lifeboat-recovery", "Verifies Lifeboat bundles, recovers what is in them")?;

    let command = compose(&recovery, read(command)?).context("plugging the recovery component into the command")?;
    let imports = self::imports(&command)?;
    if let Some(other) = imports.iter().find(|name| !name.starts_with("wasi:")) {
        bail!("the command must import WASI alone, but imports {other}");
    }
    let command = describe(&command, source, "lifeboat-cli", "Lifeboat's recovery for people at a shell")?;

    write(&out.join("lifeboat-recovery.wasm"), &recovery)?;
    write(&out.join("lifeboat-cli.wasm"), &command)?;

    let directory = out.join("npm/sqlite-lifeboat/recovery/component");
    for (name, bytes) in javascript::transpile(&recovery).context("making JavaScript of the recovery component")? {
        write(&directory.join(name), &bytes)?;
    }

    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../page");
    let page = page::page(&sources, &out.join("npm/sqlite-lifeboat/recovery"), &recovery, &read(qr)?)
        .context("making the recovery page")?;
    write(&out.join("lifeboat-recover.html"), page.as_bytes())
}

/// A core module, with its interface in a section that wit-bindgen left there, as a component.
fn componentize(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default().validate(true).module(module)?.encode()
}

/// The names of all that a component imports.
fn imports(component: &[u8]) -> Result<Vec<String>> {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(component)? else {
        bail!("not a component");
    };
    Ok(resolve.worlds[world].imports.keys().map(|key| resolve.name_world_key(key)).collect())
}

/// The socket with its imports that the plug exports connected to it.
fn compose(plug_bytes: &[u8], socket: Vec<u8>) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let package = Package::from_bytes("lifeboat:recovery-component", None, plug_bytes.to_vec(), graph.types_mut())?;
    let recovery = graph.register_package(package)?;
    let package = Package::from_bytes("lifeboat:command-component", None, socket, graph.types_mut())?;
    let command = graph.register_package(package)?;
    plug(&mut graph, vec![recovery], command)?;
    Ok(graph.encode(EncodeOptions { define_components: true, validate: true, processor: None })?)
}

/// The component with the project's name, version, licence and source in it, for tools that list what they run.
fn describe(component: &[u8], source: Option<&str>, name: &str, description: &str) -> Result<Vec<u8>> {
    let mut metadata = AddMetadata::default();
    metadata.name = Set(name.to_owned());
    metadata.description = Set(description.parse()?);
    metadata.version = Set(env!("CARGO_PKG_VERSION").parse()?);
    metadata.licenses = Set(env!("CARGO_PKG_LICENSE").parse()?);
    if let Some(source) = source {
        metadata.source = Set(source.parse().with_context(|| format!("the source id {source:?} is no URI"))?);
    }
    metadata.to_wasm(component)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let directory = path.parent().context("a file has a directory")?;
    std::fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    println!("{:9} bytes  {}", bytes.len(), path.display());
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
