//! Configurations in files, as callers name them.

use crate::prune::Keep;
use crate::{CopyName, Place, Places, Selector};
use lifeboat_core::ErrorKind;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A directory with files in it.
struct Scene(TempDir);

impl Scene {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        set_mode(&path, 0o644);
        format!("file:{}", path.display())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The error for a configuration with this text.
    fn refused(&self, text: &str) -> String {
        let error = Places::parse(&self.write("refused.json", text)).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Misuse, "{text}: {error}");
        assert!(error.message().contains("refused.json"), "{text}: {error}");
        error.message().to_owned()
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

const SHARED: &str = r#"{
    "copies": {
        "office": "dir:boxes/office",
        "basement": "s3://reserve/wallet?endpoint=https://basement.example&ca=basement.pem&region=eu-1",
        "Zoë 2.0": "volume:escapepod"
    },
    "minimum": 2,
    "retention": {"last": 30, "monthly": 12},
    "events": {"limits": {"free_bytes": 1000000000}, "notify": {"heartbeat": "https://example.org/ping", "ca": "events.pem"}}
}"#;

#[test]
fn a_shared_configuration_names_copies() {
    let scene = Scene::new();
    let places = Places::parse(&scene.write("reserve.json", SHARED)).unwrap();
    let office = format!("dir:{}", scene.path("boxes/office").display());
    let names: Vec<_> = places.names().collect();
    assert_eq!(
        names,
        [
            CopyName { copy: Some("office".into()), store: office.clone() },
            CopyName {
                copy: Some("basement".into()),
                store: "s3://reserve/wallet?endpoint=https://basement.example".into()
            },
            CopyName { copy: Some("Zoë 2.0".into()), store: "volume:escapepod".into() },
        ]
    );
    assert_eq!(names[0].to_string(), format!("office ({office})"));
    assert!(names[0].is_called("office") && names[0].is_called(&office) && !names[0].is_called("basement"));
    let Place::S3(basement) = &places.places()[1] else { panic!("s3") };
    assert_eq!(basement.ca, Some(scene.path("basement.pem")));
    let reserve = places.reserve().unwrap();
    assert_eq!(reserve.minimum, Some(2));
    let notify = reserve.events.as_ref().and_then(|events| events.notify.clone()).unwrap();
    assert_eq!(notify.ca, Some(scene.path("events.pem")));
    assert_eq!(reserve.retention, Some(Keep { last: 30, monthly: 12, ..Keep::default() }));
    assert_eq!(places.selector(), &Selector::Newest);
    let chosen = Places::parse(&format!("file:{}#seq=7", scene.path("reserve.json").display())).unwrap();
    assert_eq!((chosen.selector(), chosen.places()), (&Selector::Number(7), places.places()));
    // What the call says comes first.
    assert_eq!((places.minimum(None).unwrap(), places.minimum(Some(3)).unwrap()), (2, 3));
    assert!(places.minimum(Some(4)).is_err() && places.minimum(Some(0)).is_err());
    let few = Places::parse(&scene.write("few.json", r#"{"copies": {"a": "dir:a", "b": "dir:b"}}"#)).unwrap();
    assert_eq!((few.minimum(None).unwrap(), few.reserve().unwrap().retention), (2, None));
}

#[test]
fn a_local_configuration_says_how_this_machine_reaches_the_copies() {
    let scene = Scene::new();
    std::fs::create_dir(scene.path("shared")).unwrap();
    #[cfg(unix)]
    set_mode(&scene.path("shared"), 0o755);
    scene.write("shared/reserve.json", SHARED);
    let local = scene.write(
        "local.json",
        r#"{"shared": "shared/reserve.json", "here": {"Zoë 2.0": "dir:here", "gone": "dir:gone"},
            "credentials": "all.credentials", "profile": {"basement": "box", "gone": "x"}, "ca": {"*": "all.pem"}}"#,
    );
    let places = Places::parse(&local).unwrap();
    let Place::S3(basement) = &places.places()[1] else { panic!("s3") };
    assert_eq!(basement.credentials, Some(scene.path("all.credentials")));
    assert_eq!((basement.ca.clone(), basement.profile.as_deref()), (Some(scene.path("all.pem")), Some("box")));
    assert_eq!(basement.region.as_deref(), Some("eu-1"));
    assert_eq!(places.places()[0], Place::Dir(scene.path("shared/boxes/office")));
    assert_eq!(places.places()[2], Place::Dir(scene.path("here")));
    assert_eq!(places.reserve().unwrap().minimum, Some(2));
    assert_eq!(places.reserve().unwrap().path, scene.path("local.json"));
    let error = |text: &str| Places::parse(&scene.write("local.json", text)).unwrap_err().to_string();
    for (text, part) in [
        (r#"{"shared": "local.json"}"#, "another local configuration"),
        (r#"{"shared": "missing.json"}"#, "cannot be read"),
        (r#"{"shared": 1}"#, "`shared` must be a string"),
        (r#"{"shared": "shared/reserve.json", "here": {"office": "x"}}"#, "local.json': `here.office`: this is a path"),
        (
            r#"{"shared": "shared/reserve.json", "there": {}}"#,
            "there is no field `there`; known are shared, here, cred",
        ),
        (r#"{"shared": "shared/reserve.json", "ca": 1}"#, "`ca` must be a text for all copies, or an object"),
        (r#"{"shared": "shared/reserve.json", "ca": {"a": "x", "a": "y"}}"#, "the copy `a` stands there twice"),
        (
            r#"{"shared": "shared/reserve.json", "here": {"office": "dir:x", "Zoë 2.0": "dir:./x"}}"#,
            "local.json': the copies `office` and `Zoë 2.0` are one place",
        ),
    ] {
        assert!(error(text).contains(part), "{text}: {}", error(text));
    }
}

#[test]
fn mistakes_are_named_with_their_place() {
    let scene = Scene::new();
    for (text, part) in [
        ("", "this is not JSON"),
        ("copies: office", "this is not JSON"),
        ("{\"copies\": {\"a\": \"dir:a\"},\n}", "this is not JSON: trailing comma at line 2"),
        (r#"{"copies": {"a": "dir:a"}} x"#, "this is not JSON: trailing characters"),
        ("[]", "this must be a JSON object"),
        ("{}", "the field `copies` is missing"),
        (r#"{"copies": {}}"#, "name at least one copy"),
        (r#"{"copies": ["dir:a"]}"#, "`copies` must be an object from the names of copies to stores"),
        (r#"{"copies": {"a": 1}}"#, "`copies.a` must be a string"),
        (r#"{"copies": {"a": "dir:a", "a": "dir:b"}}"#, "the copy `a` stands there twice"),
        (r#"{"copies": {"a": "dir:a", "b": "dir:./a"}}"#, "the copies `a` and `b` are one place"),
        (r#"{"copies": {"": "dir:a"}}"#, "`copies.`: the name of a copy has letters"),
        (r#"{"copies": {" a": "dir:a"}}"#, "the name of a copy has letters"),
        (r#"{"copies": {"a\nb": "dir:a"}}"#, "the name of a copy has letters"),
        (r#"{"copies": {"a": "office/copy"}}"#, "`copies.a`: this is a path, not a store; write 'dir:PATH'"),
        (r#"{"copies": {"a": "ftp://x"}}"#, "`copies.a`: there is no kind of store 'ftp:'"),
        (r#"{"copies": {"a": "file:other.json"}}"#, "`copies.a`: 'file:' before a path is a shared configuration"),
        (r#"{"copies": {"a": "dir:a#seq=1"}}"#, "`copies.a`: a selector chooses a state for one call"),
        (r#"{"copies": {"a": "dir:a"}, "minimum": 2}"#, "`minimum` is 2, and there are 1 copies"),
        (r#"{"copies": {"a": "dir:a"}, "minimum": 0}"#, "`minimum` is 0"),
        (r#"{"copies": {"a": "dir:a"}, "minimum": "1"}"#, "`minimum` must be a whole number, 0 or more"),
        (r#"{"copies": {"a": "dir:a"}, "minimum": 1, "minimum": 1}"#, "the field `minimum` stands there twice"),
        (r#"{"copies": {"a": "dir:a"}, "minimun": 1}"#, "there is no field `minimun`; known are copies, minimum, ret"),
        (
            r#"{"copies": {"a": "dir:a"}, "events": {"limits": {"free": 1}}}"#,
            "there is no field `free` in `events.limits`",
        ),
        (
            r#"{"copies": {"a": "dir:a"}, "events": {"notify": {"webhook": "http://example.org/x"}}}"#,
            "`events`: the setting `notify.webhook` is 'http:'",
        ),
        (r#"{"copies": {"a": "dir:a"}, "retention": 3}"#, "`retention` must be an object"),
        (
            r#"{"copies": {"a": "dir:a"}, "retention": {"lst": 3}}"#,
            "there is no field `lst` in `retention`; known are last",
        ),
        (
            r#"{"copies": {"a": "dir:a"}, "retention": {"last": -1}}"#,
            "`retention.last` must be a whole number, 0 or more",
        ),
    ] {
        let error = scene.refused(text);
        assert!(error.contains(part), "{text}: {error}");
    }
    assert!(scene.refused(&" ".repeat(65 << 10)).contains("longer than 65536 bytes"));
    let path = scene.path("refused.json");
    std::fs::write(&path, b"{\"copies\": {\"a\": \"dir:\xff\"}}").unwrap();
    let error = Places::parse(&format!("file:{}", path.display())).unwrap_err().to_string();
    assert!(error.contains("not well-formed UTF-8"), "{error}");
    let error = Places::parse("file:").unwrap_err().to_string();
    assert!(error.contains("needs the path of a shared configuration"), "{error}");
    let error = Places::parse(&format!("file:{}", scene.0.path().display())).unwrap_err().to_string();
    assert!(error.contains("is a directory") && error.contains("write 'dir:PATH'"), "{error}");
    let missing = Places::parse(&format!("file:{}", scene.path("missing").display())).unwrap_err();
    assert!(missing.kind() == ErrorKind::Host && missing.message().contains("missing' cannot be read"), "{missing}");
    let error = Places::parse(r#"["file:reserve.json", "dir:a"]"#).unwrap_err().to_string();
    assert!(error.contains("element 1 of the array: 'file:' before a path is a shared configuration"), "{error}");
    let error = Places::parse("reserve.json").unwrap_err().to_string();
    assert!(error.contains("write 'file:reserve.json'"), "{error}");
}

#[test]
fn a_mark_before_the_first_character_is_no_mistake() {
    let scene = Scene::new();
    let places = Places::parse(&scene.write("reserve.json", "\u{feff}{\"copies\": {\"a\": \"dir:a\"}}")).unwrap();
    assert_eq!(places.places().len(), 1);
}

#[test]
fn a_key_is_named_and_never_shown() {
    let scene = Scene::new();
    let key = lifeboat_core::RecoveryKey::from_bytes(std::array::from_fn(|byte| byte as u8)).unwrap().to_text();
    for (text, part) in [
        (key.to_string(), "holds a recovery key, and stands where a configuration of stores belongs"),
        (format!("\n {}\n", key.to_uppercase()), "holds a recovery key, and stands"),
        (format!("{{\"copies\": {{\"a\": \"dir:{}\"}}}}", *key), "holds a recovery key; it is shared with others"),
        (format!("{{\"key\": \"{}\"}}", *key), "holds a recovery key; it is shared with others"),
    ] {
        let error = scene.refused(&text);
        assert!(error.contains(part), "{error}");
        assert!(!error.to_lowercase().contains(&key[12..]), "{error}");
    }
}

#[test]
fn a_file_is_asked_for_before_it_is_opened() {
    let scene = Scene::new();
    scene.write("reserve.json", SHARED);
    let local = scene.write("local.json", r#"{"shared": "reserve.json"}"#);
    let asked = std::cell::RefCell::new(Vec::new());
    let permit = |path: &Path| {
        asked.borrow_mut().push(path.file_name().unwrap().to_owned());
        Ok(())
    };
    Places::parse_with(&local, &permit).unwrap();
    assert_eq!(*asked.borrow(), ["local.json", "reserve.json"]);
    let refuses = |_: &Path| Err(lifeboat_core::Error::busy("no"));
    assert_eq!(Places::parse_with(&local, &refuses).unwrap_err().kind(), ErrorKind::Busy);
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::fs::{chown, symlink};

    fn error(text: &str) -> String {
        Places::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn what_others_may_write_is_refused() {
        let scene = Scene::new();
        let text = scene.write("reserve.json", SHARED);
        let path = scene.path("reserve.json");
        for (mode, shown) in [(0o664, "664"), (0o646, "646"), (0o777, "777")] {
            set_mode(&path, mode);
            let error = error(&text);
            let remedy = format!("run: chmod go-w '{}'", path.display());
            assert!(error.contains("others may write") && error.contains(shown) && error.contains(&remedy), "{error}");
        }
        set_mode(&path, 0o600);
        Places::parse(&text).unwrap();
        // A directory in which others may put another file.
        set_mode(scene.0.path(), 0o777);
        let remedy = format!("run: chmod go-w '{}'", scene.0.path().display());
        assert!(error(&text).contains(&remedy), "{}", error(&text));
        // Where each may only change what is their own, they cannot.
        set_mode(scene.0.path(), 0o1777);
        Places::parse(&text).unwrap();
        set_mode(scene.0.path(), 0o700);
    }

    #[test]
    fn a_link_is_followed_and_each_place_on_the_way_is_checked() {
        let scene = Scene::new();
        for directory in ["open", "closed", "closed/deep"] {
            std::fs::create_dir(scene.path(directory)).unwrap();
            set_mode(&scene.path(directory), 0o755);
        }
        scene.write("open/reserve.json", SHARED);
        scene.write("closed/deep/reserve.json", SHARED);
        symlink("closed/deep/reserve.json", scene.path("good")).unwrap();
        let places = Places::parse(&format!("file:{}", scene.path("good").display())).unwrap();
        // Paths in it begin where the file is.
        let office = std::fs::canonicalize(scene.path("closed/deep")).unwrap().join("boxes/office");
        assert_eq!(places.places()[0], Place::Dir(office));
        set_mode(&scene.path("open"), 0o777);
        symlink(scene.path("open/reserve.json"), scene.path("bad")).unwrap();
        symlink("../closed/deep/../deep/reserve.json", scene.path("open/there")).unwrap();
        symlink("open/there", scene.path("twice")).unwrap();
        symlink("open", scene.path("folder")).unwrap();
        for name in ["bad", "twice", "folder/reserve.json", "closed/../open/reserve.json"] {
            let error = error(&format!("file:{}", scene.path(name).display()));
            assert!(error.contains("others may write the directory") && error.contains("/open'"), "{name}: {error}");
        }
        symlink("loop", scene.path("loop")).unwrap();
        let error = error(&format!("file:{}", scene.path("loop").display()));
        assert!(error.contains("too many links"), "{error}");
    }

    #[test]
    fn another_owner_is_refused() {
        if !rustix::process::geteuid().is_root() {
            // Only root can give files away.
            return;
        }
        let scene = Scene::new();
        let text = scene.write("reserve.json", SHARED);
        chown(scene.path("reserve.json"), Some(12_345), None).unwrap();
        let found = error(&text);
        assert!(found.contains("belongs to user 12345") && found.contains("chown 0 '"), "{found}");
        chown(scene.path("reserve.json"), Some(0), None).unwrap();
        chown(scene.0.path(), Some(12_345), None).unwrap();
        let found = error(&text);
        assert!(found.contains("on the way to") && found.contains("belongs to user 12345"), "{found}");
        chown(scene.0.path(), Some(0), None).unwrap();
        Places::parse(&text).unwrap();
    }

    #[test]
    fn only_a_regular_file_is_opened() {
        let scene = Scene::new();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            scene.path("fifo"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let error = error(&format!("file:{}", scene.path("fifo").display()));
        assert!(error.contains("no regular file"), "{error}");
    }
}
