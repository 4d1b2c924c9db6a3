//! The components of `dist` say what they are and which source they were made of.

use std::path::PathBuf;
use std::process::Command;
use wasm_metadata::Payload;

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What the build was told of this source; none where there is no git.
fn source_id() -> Option<String> {
    let output = Command::new(package().join("source-id.sh")).output().expect("there is a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let id = String::from_utf8(output.stdout).unwrap().trim_end().to_owned();
    (!id.is_empty()).then_some(id)
}

#[test]
fn both_components_name_themselves_and_their_source() {
    let dist = std::env::var_os("LIFEBOAT_DIST").map_or_else(|| package().join("../../dist"), PathBuf::from);
    for (name, description) in [
        ("lifeboat-recovery", "Verifies Lifeboat bundles, recovers what is in them"),
        ("lifeboat-cli", "Lifeboat's recovery for people at a shell"),
    ] {
        let path = dist.join(name).with_extension("wasm");
        let bytes =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}: run `make build`", path.display()));
        let payload = Payload::from_binary(&bytes).unwrap();
        assert!(matches!(payload, Payload::Component { .. }), "{name}");
        let metadata = payload.metadata();
        assert_eq!(metadata.name.as_deref(), Some(name));
        let text = |field: Option<String>| field.unwrap_or_default();
        assert_eq!(text(metadata.description.as_ref().map(ToString::to_string)), description);
        assert_eq!(text(metadata.version.as_ref().map(ToString::to_string)), env!("CARGO_PKG_VERSION"));
        assert_eq!(text(metadata.licenses.as_ref().map(ToString::to_string)), "MIT");
        assert_eq!(
            metadata.source.as_ref().map(ToString::to_string),
            source_id(),
            "{name} was made of another source than this: run `make build`"
        );
    }
}

#[test]
fn the_source_id_is_gits() {
    let Some(id) = source_id() else { return };
    let tree = id.strip_prefix("swh:1:dir:").expect("a SWHID of a directory");
    assert!(tree.len() == 40 && tree.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(package().join("../..")).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    };
    if git(&["status", "--porcelain", "--untracked-files=no"]).is_empty() {
        assert_eq!(tree, git(&["rev-parse", "HEAD^{tree}"]));
    }
}
