//! The files that were built: those of this machine by `make build`, those of all platforms by `make release`. What is not
//! there is not checked, unless `LIFEBOAT_RELEASE` names platforms: then the release must be whole for each of them.

use lifeboat_release::{Kind, Platform, exports, faults, paths};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the package lies in the workspace")
}

fn dist() -> PathBuf {
    std::env::var_os("LIFEBOAT_DIST").map_or_else(|| workspace().join("dist"), PathBuf::from)
}

/// Paths of this machine.
fn places(bytes: &[u8]) -> Vec<String> {
    paths(bytes, &[workspace().to_str().unwrap_or_default()])
}

/// The extension, the command and the components, as `make build` and `make command` leave them: SQLite finds the one
/// function, and no path of this machine is in them.
#[test]
fn files_of_this_machine() {
    for name in ["liblifeboat.so", "lifeboat", "lifeboat-recovery.wasm", "lifeboat-cli.wasm"] {
        let Ok(bytes) = fs::read(dist().join(name)) else { continue };
        let found = places(&bytes);
        assert!(found.is_empty(), "{name} holds {found:?}; build it with `make`");
        if name == "liblifeboat.so" {
            let file = object::File::parse(&*bytes).expect("a library");
            assert_eq!(exports(&file).expect("a table of symbols"), ["sqlite3_lifeboat_init"]);
        }
    }
}

#[test]
fn files_of_a_release() {
    let mut wrong = Vec::new();
    for platform in Platform::ALL {
        for (kind, name) in platform.files() {
            let path = dist().join("release").join(platform.name).join(name);
            match fs::read(&path) {
                Ok(bytes) => {
                    let mut faults = faults(platform, kind, &bytes).unwrap_or_else(|error| vec![error.to_string()]);
                    faults.extend(places(&bytes).into_iter().map(|path| format!("it holds the path {path:?}")));
                    println!("{} {name}: {} bytes, {} faults", platform.name, bytes.len(), faults.len());
                    wrong.extend(faults.into_iter().map(|fault| format!("{} {name}: {fault}", platform.name)));
                }
                Err(_) => println!("{} {name}: not built", platform.name),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A release is whole: for each platform that it names there are both files, the archive, the wheel and the package for Node,
/// and the hash of each file is right.
#[test]
fn a_release_is_whole() {
    let Ok(wanted) = std::env::var("LIFEBOAT_RELEASE") else { return };
    let wanted = wanted.split_whitespace().map(platform);
    let release = dist().join("release");
    let sums = fs::read_to_string(release.join("SHA256SUMS")).expect("a list of hashes");
    let sums: BTreeMap<&str, &str> = sums
        .lines()
        .map(|line| line.split_once("  ").expect("a hash and a name"))
        .map(|(sum, name)| (name, sum))
        .collect();
    for (name, sum) in &sums {
        let bytes = fs::read(release.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, *sum, "{name}");
    }
    let version = env!("CARGO_PKG_VERSION");
    let mut expected: Vec<String> = ["loadable", "command"].map(|name| format!("lifeboat-{name}.cdx.json")).into();
    expected.push(format!("sqlite-lifeboat-{version}.tgz"));
    for platform in wanted {
        let name = platform.name;
        expected.extend(platform.files().map(|(_, file)| format!("{name}/{file}")));
        expected.push(format!("{name}/LICENSE"));
        expected.push(format!("lifeboat-{version}-{name}.tar.gz"));
        expected.push(format!("sqlite-lifeboat-{name}-{version}.tgz"));
        expected.push(format!("sqlite_lifeboat-{version}-py3-none-{}.whl", platform.wheel));
    }
    expected.sort();
    assert_eq!(sums.keys().copied().collect::<Vec<_>>(), expected);
}

/// The list of crates: what the workspace turns on elsewhere is not in it, nor is the moment or the place; and a list that
/// lacks a crate is refused.
#[test]
fn a_list_of_crates_is_of_the_package_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("listed.json");
    let list = |crates: &[(String, String)]| {
        let parts: Vec<_> = crates
            .iter()
            .map(|(name, version)| serde_json::json!({ "bom-ref": name, "name": name, "version": version }))
            .collect();
        let needed: Vec<_> = crates.iter().map(|(name, _)| name).collect();
        let listed = serde_json::json!({
            "serialNumber": "urn:uuid:0",
            "metadata": {
                "timestamp": "2026-01-01T00:00:00Z",
                "component": { "bom-ref": "own", "name": "lifeboat-release", "version": env!("CARGO_PKG_VERSION") },
            },
            "components": parts,
            "dependencies": [{ "ref": "own", "dependsOn": needed }, { "ref": "elsewhere" }],
        });
        fs::write(&file, listed.to_string()).expect("written");
        let mut command = Command::new("python3");
        command.arg(workspace().join("sqlite-ext/release/sbom.py")).arg(&file).arg("lifeboat-release");
        command.output().expect("Python runs")
    };
    let tree = ["tree", "--locked", "--package", "lifeboat-release", "--edges", "normal", "--target", "all"];
    let tree = Command::new(env!("CARGO")).args(tree).args(["--prefix", "none"]).output().expect("cargo runs");
    let tree = String::from_utf8(tree.stdout).expect("a text");
    let mut crates: Vec<_> = tree
        .lines()
        .filter_map(|line| line.split_once(" v"))
        .filter(|(name, _)| *name != "lifeboat-release")
        .map(|(name, rest)| (name.to_owned(), rest.split(' ').next().unwrap_or(rest).to_owned()))
        .collect();
    crates.sort();
    crates.dedup();
    let own = crates.clone();
    crates.push(("elsewhere".to_owned(), "1.0.0".to_owned()));

    let made = list(&crates);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let names = |value: &serde_json::Value| value.as_array().map_or(0, Vec::len);
    assert_eq!(names(&made["components"]), own.len());
    assert_eq!(names(&made["dependencies"]), 1);
    assert_eq!(names(&made["dependencies"][0]["dependsOn"]), own.len());
    assert!(made.get("serialNumber").is_none() && made["metadata"].get("timestamp").is_none());

    let refused = list(&own[1..]);
    assert!(!refused.status.success());
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(words.contains("lacks") && words.contains(&own[0].0), "{words}");
}

/// Each list of platforms has all of them, and no other: what the package for Node names and nobody publishes would be
/// another's to publish.
#[test]
fn platforms_are_the_same_everywhere() {
    let read =
        |path: &str| fs::read_to_string(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut names = Platform::ALL.map(|platform| platform.name);
    names.sort_unstable();
    let sorted = |mut found: Vec<String>| {
        found.sort_unstable();
        found
    };
    let makefile = read("Makefile");
    let listed = makefile.lines().find_map(|line| line.strip_prefix("PLATFORMS ?= ")).expect("the Makefile has them");
    assert_eq!(sorted(listed.split_whitespace().map(str::to_owned).collect()), names, "Makefile");

    let package: serde_json::Value = serde_json::from_str(&read("sqlite-ext/npm/package.json")).expect("JSON");
    let needed = package["optionalDependencies"].as_object().expect("a table");
    let needed = needed.keys().map(|name| name.replacen("sqlite-lifeboat-", "", 1)).collect();
    assert_eq!(sorted(needed), names, "package.json");
    let loader = read("sqlite-ext/npm/src/extension.cjs");
    let (_, listed) = loader.split_once("const PLATFORMS = [").expect("the loader has them");
    let listed = listed.split_once(']').expect("a list").0.split('\'').skip(1).step_by(2).map(str::to_owned).collect();
    assert_eq!(sorted(listed), names, "extension.cjs");

    let wheels = read("sqlite-ext/python/hatch_build.py");
    let (_, listed) = wheels.split_once("\nPLATFORMS = {").expect("the wheels have them");
    let listed = listed.lines().filter_map(|line| Some(line.trim().strip_prefix('"')?.split_once('"')?.0.to_owned()));
    let mut tags = Platform::ALL.map(|platform| platform.wheel);
    tags.sort_unstable();
    assert_eq!(sorted(listed.collect()), tags, "hatch_build.py");

    // The workflow makes what the others must give on x86-64 with glibc.
    let workflow = read(".github/workflows/release.yml");
    for platform in Platform::ALL.into_iter().filter(|platform| platform.name != "linux-x64") {
        assert!(workflow.contains(&format!("{{ platform: {}, machine: ", platform.name)), "{}", platform.name);
    }
}

fn platform(name: &str) -> Platform {
    let found = Platform::ALL.into_iter().find(|platform| platform.name == name);
    found.unwrap_or_else(|| panic!("there is no platform {name}"))
}

/// The rules see what is wrong: a program of this machine is no static one, nor one for another system.
#[test]
#[cfg(target_os = "linux")]
fn other_files_are_refused() {
    let this_test = fs::read(std::env::current_exe().expect("a running program has a file")).expect("it can be read");
    let said = |name, kind| faults(platform(name), kind, &this_test).expect("a program").join("\n");
    assert!(
        said("linux-x64-musl", Kind::Command).contains("it is not static"),
        "{}",
        said("linux-x64-musl", Kind::Command)
    );
    assert!(said("linux-x64", Kind::Loadable).contains("it has no sqlite3_lifeboat_init"));
    assert!(said("win32-x64", Kind::Command).contains("it is Elf"));
    assert!(faults(platform("darwin-arm64"), Kind::Command, b"none").is_err());
}
