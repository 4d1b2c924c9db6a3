//! A directory as a store: what other programs do to it, and what a crash or a full disk leaves.
#![cfg(unix)]

mod support;

use lifeboat_store::drivers::dir::DirStore;
use lifeboat_store::{Cancel, Store, StoreErrorKind};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use support::contract::{self, named, names};

#[test]
fn its_parent_is_never_made() {
    let directory = tempfile::tempdir().unwrap();
    let store = DirStore::new(&directory.path().join("unmounted/store"));
    let cancel = Cancel::never();
    let error = store.put("a", b"x", &cancel).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Absent, "{error}");
    assert!(error.to_string().contains("connect the disk, or make it"), "{error}");
    assert_eq!(store.list("", "", 1, &cancel).unwrap_err().kind(), StoreErrorKind::Absent);
    assert_eq!(store.head("a", &cancel).unwrap_err().kind(), StoreErrorKind::Absent);
    assert!(!directory.path().join("unmounted").exists());
}

#[test]
fn it_is_remembered_by_one_path() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("real")).unwrap();
    symlink("real", directory.path().join("link")).unwrap();
    let store = DirStore::new(&directory.path().join("link/store"));
    let before = store.id().unwrap();
    store.put("a", b"x", &Cancel::never()).unwrap();
    assert_eq!(store.id().unwrap(), before);
    let real = fs::canonicalize(directory.path()).unwrap().join("real/store");
    assert_eq!(before, format!("dir:{}", real.display()));
    assert_eq!(DirStore::new(&directory.path().join("real/./store/")).id().unwrap(), before);
}

/// Such a link may lead to the same place as another name, which would count twice once the directory is there.
#[test]
fn a_link_that_leads_nowhere_is_no_place() {
    let directory = tempfile::tempdir().unwrap();
    let (real, link) = (directory.path().join("real"), directory.path().join("link"));
    symlink("real", &link).unwrap();
    let (store, cancel) = (DirStore::new(&link), Cancel::never());
    let absent = |error: lifeboat_store::StoreError| {
        assert_eq!(error.kind(), StoreErrorKind::Absent, "{error}");
        assert!(error.to_string().contains("link") && error.to_string().contains("make the directory"), "{error}");
    };
    absent(store.id().unwrap_err());
    absent(DirStore::new(&link.join("below")).id().unwrap_err());
    absent(store.list("", "", 1, &cancel).unwrap_err());
    absent(store.put("a", b"x", &cancel).unwrap_err());
    assert!(!real.exists());
    fs::create_dir(&real).unwrap();
    assert_eq!(store.id().unwrap(), DirStore::new(&real).id().unwrap());
    store.put("a", b"x", &cancel).unwrap();
}

#[test]
fn no_link_leads_out_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let (outside, inside) = (directory.path().join("outside"), directory.path().join("inside"));
    for folder in [&outside, &inside] {
        fs::create_dir(folder).unwrap();
    }
    fs::write(outside.join("secret"), "secret").unwrap();
    symlink(&outside, inside.join("folder")).unwrap();
    symlink(outside.join("secret"), inside.join("file")).unwrap();
    let (store, cancel) = (DirStore::new(&inside), Cancel::never());
    for name in ["folder/secret", "file"] {
        for kind in [
            store.get(name, 0, &mut [0; 6], &cancel).unwrap_err().kind(),
            store.head(name, &cancel).unwrap_err().kind(),
        ] {
            assert_eq!(kind, StoreErrorKind::Refused, "{name}");
        }
    }
    for error in [
        store.put("folder/new", b"x", &cancel).unwrap_err(),
        store.delete("folder/secret", &cancel).unwrap_err(),
        store.list("folder/", "", 9, &cancel).unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
    }
    assert_eq!(names(&store, "", "", 9), [""; 0]);
    // A put replaces the link itself.
    store.put("file", b"mine", &cancel).unwrap();
    assert_eq!(contract::read(&store, "file"), b"mine");
    assert_eq!(fs::read(outside.join("secret")).unwrap(), b"secret");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    // The store itself may be a link.
    symlink(&inside, directory.path().join("link")).unwrap();
    assert_eq!(contract::read(&DirStore::new(&directory.path().join("link")), "file"), b"mine");
}

#[test]
fn what_is_no_file_is_no_object() {
    let directory = tempfile::tempdir().unwrap();
    let (store, cancel) = (DirStore::new(directory.path()), Cancel::never());
    rustix::fs::mkfifoat(rustix::fs::CWD, directory.path().join("pipe"), rustix::fs::Mode::RWXU).unwrap();
    fs::create_dir(directory.path().join("folder")).unwrap();
    for name in ["pipe", "folder"] {
        assert_eq!(store.head(name, &cancel).unwrap_err().kind(), StoreErrorKind::Refused, "{name}");
        assert_eq!(store.get(name, 0, &mut [0], &cancel).unwrap_err().kind(), StoreErrorKind::Refused, "{name}");
    }
    let error = store.head("folder", &cancel).unwrap_err();
    assert!(error.to_string().contains("a directory stands there; move it away, or repair the copy"), "{error}");
    store.put("pipe", b"x", &cancel).unwrap();
    // Names that are not ours are left out.
    for name in [".DS_Store", "Thumbs.db", "with space", "UPPER", "ü"] {
        fs::write(directory.path().join(name), "junk").unwrap();
    }
    fs::write(directory.path().join(std::ffi::OsStr::new("a.")), "junk").unwrap();
    assert_eq!(names(&store, "", "", 9), ["pipe"]);
}

/// It may be all that somebody has of something, so it is not removed.
#[test]
fn what_stands_in_place_of_an_object_is_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let (store, cancel) = (DirStore::new(directory.path()), Cancel::never());
    let path = |name: &str| directory.path().join(name);
    for round in 0..3 {
        fs::create_dir_all(path("a/object")).unwrap();
        fs::write(path("a/object/theirs"), format!("{round}")).unwrap();
        match round {
            0 => drop(store.put("a/object", b"ours", &cancel).unwrap()),
            _ => store.replace("a/object", b"ours", &cancel).unwrap(),
        }
        assert_eq!(contract::read(&store, "a/object"), b"ours");
        let aside = format!("a/.lifeboat-aside-{round}-object/theirs");
        assert_eq!(fs::read_to_string(path(&aside)).unwrap(), format!("{round}"));
        fs::remove_file(path("a/object")).unwrap();
    }
    store.put("a/object", b"ours", &cancel).unwrap();
    // A file in place of a directory, too.
    fs::write(path("b"), "theirs").unwrap();
    store.put("b/object", b"ours", &cancel).unwrap();
    assert_eq!(fs::read_to_string(path(".lifeboat-aside-0-b")).unwrap(), "theirs");
    assert_eq!(names(&store, "", "", 9), ["a/object", "b/object"]);
    // A link may be meant so: it is neither followed nor moved.
    fs::create_dir(path("elsewhere")).unwrap();
    symlink("elsewhere", path("c")).unwrap();
    let error = store.put("c/object", b"ours", &cancel).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(error.to_string().contains("move it away"), "{error}");
    assert!(path("c").is_symlink() && fs::read_dir(path("elsewhere")).unwrap().next().is_none());
    // What will not be whole replaces nothing.
    fs::create_dir_all(path("d").join(named("", b"right"))).unwrap();
    store.put(&named("d/", b"right"), b"wrong", &cancel).unwrap_err();
    assert!(path("d").join(named("", b"right")).is_dir());
}

#[test]
fn damaged_bytes_are_replaced_and_sound_ones_stay() {
    use std::os::unix::fs::MetadataExt;
    let directory = tempfile::tempdir().unwrap();
    let (store, cancel) = (DirStore::new(directory.path()), Cancel::never());
    let content = contract::bytes(2_500_000);
    let name = named("bundles/ab/", &content);
    let path = directory.path().join(&name);
    let inode = || fs::metadata(&path).unwrap().ino();
    store.put(&name, &content, &cancel).unwrap();
    let first = inode();
    store.put(&name, &content, &cancel).unwrap();
    assert_eq!(inode(), first, "it was not written again");
    let mut damaged = content.clone();
    damaged[2_400_000] ^= 1;
    for wrong in [&damaged[..], &content[..10], b""] {
        fs::write(&path, wrong).unwrap();
        store.put(&name, &content, &cancel).unwrap();
        assert!(fs::read(&path).unwrap() == content);
    }
}

#[test]
fn rights_are_respected() {
    // Permissions do not stop the administrator. But what a file system refuses, it refuses to everybody.
    let (store, cancel) = (DirStore::new("/proc/sys".as_ref()), Cancel::never());
    let error = store.put("lifeboat", b"x", &cancel).unwrap_err();
    assert!(matches!(error.kind(), StoreErrorKind::Refused | StoreErrorKind::NotFound), "{error}");
    let read_only = DirStore::new("/sys".as_ref());
    assert_eq!(read_only.put("a", b"x", &cancel).unwrap_err().kind(), StoreErrorKind::Refused);
}

/// Runs this test again in its own process, with these words before the command.
fn again(words: &[&str], test: &str, variable: (&str, &str)) -> Command {
    let this = std::env::current_exe().unwrap();
    let mut command = match words {
        [] => Command::new(&this),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(&this);
            command
        }
    };
    command.args(["--exact", test, "--nocapture"]).env(variable.0, variable.1);
    command
}

#[test]
fn a_full_disk_is_told_and_nothing_half_written_stays() {
    const MOUNTED: &str = "LIFEBOAT_TEST_SMALL_DISK";
    let Ok(path) = std::env::var(MOUNTED) else {
        // A small disk that only this process sees. It disappears with the process.
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path().display().to_string();
        let script = format!("mount -t tmpfs -o size=1m none {at} && exec \"$0\" \"$@\"");
        let words = ["unshare", "--mount", "--map-root-user", "sh", "-c", &script];
        let done =
            again(&words, "a_full_disk_is_told_and_nothing_half_written_stays", (MOUNTED, &at)).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success() && said.contains("1 passed"), "{said}");
        return;
    };
    let (store, cancel) = (DirStore::new(path.as_ref()), Cancel::never());
    store.put("a", &contract::bytes(600_000), &cancel).unwrap();
    let error = store.put("b", &contract::bytes(600_000), &cancel).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Full, "{error}");
    assert_eq!(lifeboat_core::Error::from(error).code(), Some(13), "SQLITE_FULL");
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
    store.put("b", &contract::bytes(200_000), &cancel).unwrap();
}

#[test]
fn a_killed_put_leaves_the_object_whole_or_missing() {
    const AT_WORK: &str = "LIFEBOAT_TEST_PUT_INTO";
    let contents: Vec<_> = (0..4).map(|number| contract::bytes(3_000_000 + number)).collect();
    let put_all = |store: &DirStore| {
        for content in &contents {
            store.put(&named("bundles/ab/", content), content, &Cancel::never()).unwrap();
            store.replace(&named("bundles/ab/", content), content, &Cancel::never()).unwrap();
        }
    };
    if let Ok(path) = std::env::var(AT_WORK) {
        println!("begins");
        loop {
            put_all(&DirStore::new(path.as_ref()));
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().join("store");
    for kill in 0..25 {
        let mut command =
            again(&[], "a_killed_put_leaves_the_object_whole_or_missing", (AT_WORK, &at.display().to_string()));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("begins") {
            let mut byte = [0];
            std::io::Read::read_exact(&mut output, &mut byte).unwrap();
            seen.push(byte[0]);
        }
        std::thread::sleep(std::time::Duration::from_millis(kill * 3));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = DirStore::new(&at);
        for name in names(&store, "", "", 100) {
            let bytes = contract::read(&store, &name);
            assert_eq!(named("bundles/ab/", &bytes), name, "after kill {kill}");
        }
    }
    put_all(&DirStore::new(&at));
    let left: Vec<_> = fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["bundles"], "the next put removed what the kills left");
}
