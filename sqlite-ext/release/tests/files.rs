//! The files that were built: those of this machine by `make build`, those of all platforms by `make release`. What is not
//! there is not checked, unless `LIFEBOAT_RELEASE` says that a release must be.

use lifeboat_release::{Kind, Platform, exports, faults, paths};
use std::fs;
use std::path::{Path, PathBuf};

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the package lies in the workspace")
}

fn dist() -> PathBuf {
    std::env::var_os("LIFEBOAT_DIST").map_or_else(|| workspace().join("dist"), PathBuf::from)
}

/// The extension and the command, as `make build` and `make command` leave them: SQLite finds the one function, and no
/// path of this machine is in them.
#[test]
fn files_of_this_machine() {
    for name in ["liblifeboat.so", "lifeboat"] {
        let Ok(bytes) = fs::read(dist().join(name)) else { continue };
        let found = paths(&bytes, &[workspace().to_str().unwrap_or_default()]);
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
                    let faults = faults(platform, kind, &bytes).unwrap_or_else(|error| vec![error.to_string()]);
                    println!("{} {name}: {} bytes, {} faults", platform.name, bytes.len(), faults.len());
                    wrong.extend(faults.into_iter().map(|fault| format!("{} {name}: {fault}", platform.name)));
                }
                Err(_) => println!("{} {name}: not built", platform.name),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rules see what is wrong: a program of this machine is no static one, nor one for another system.
#[test]
#[cfg(target_os = "linux")]
fn other_files_are_refused() {
    let this_test = fs::read(std::env::current_exe().expect("a running program has a file")).expect("it can be read");
    let platform = |name: &str| Platform::ALL.into_iter().find(|platform| platform.name == name).expect("a platform");
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
