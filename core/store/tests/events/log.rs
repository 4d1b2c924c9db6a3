//! The log of events: killed at every step, torn lines, old events that go, several writers, a full disk.

use super::*;

/// A save is stopped at each of its steps, in each way. What it saw is told once, whatever became of it.
#[test]
fn stopped_at_every_step() {
    let mut stops = 0;
    for fault in [Fault::Killed, Fault::KilledAfter, Fault::Once, Fault::OnceAfter] {
        for at in 0.. {
            let directory = fast_directory();
            let stores = memory_stores(2);
            let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
            place.save(&dynamic(&stores), &mut database).unwrap();
            stores[1].away(Some(StoreErrorKind::Unreachable));
            let steps = Steps::new(at, fault);
            database.live = 2;
            let stopped = place.save_with(&FaultyFiles(steps.clone()), &dynamic(&stores), &mut database);
            let before = read(&SystemFiles, &place.local, 0).unwrap();
            database.live = 3;
            place.save(&dynamic(&stores), &mut database).unwrap();
            stores[1].away(None);
            database.live = 4;
            // A copy that failed a moment ago is not waited for.
            place.now += 1000;
            place.save(&dynamic(&stores), &mut database).unwrap();
            let context = format!("{fault:?} at step {at}: {stopped:?}");
            let all = events(&place);
            numbers_ascend(&all);
            assert_eq!(all[0].number, 1, "{context}");
            assert_eq!(all[..before.len()], before, "{context}: what was seen stays");
            let mut told = told(&place.local);
            told.retain(|told| told.0 != Kind::NotSaved && told.0 != Kind::BelowMinimum);
            let expected = [begins(Kind::StoreUnreachable, Level::Warning), over(Kind::StoreUnreachable)];
            assert_eq!(told, expected, "{context}: {all:?}");
            assert_eq!(of_kind(&place, Kind::CopyAdded).len(), 2, "{context}");
            stops += 1;
            if !steps.reached() {
                break;
            }
        }
    }
    crate::evidence::at_least("saves that tell something, stopped", stops);
}

#[test]
fn a_torn_line_takes_no_good_one_with_it() {
    let directory = fast_directory();
    let local = directory.path().join("local");
    let settings = Settings::default();
    let events = Events { files: &SystemFiles, local: &local, settings: &settings, now: 1000 };
    std::fs::create_dir(&local).unwrap();
    let log = local.join("events/log");
    for (number, torn) in
        [&b""[..], b"{\"number\":9", b"\0\0\0\0\0\0", b"\0\0\0\n", b"{\"number\":9}\n", b"\n\n", b"\xff"]
            .iter()
            .enumerate()
    {
        let once = |kind: Kind| events.once(kind, Level::Normal, About::new()).unwrap();
        once(Kind::Saved);
        let mut bytes = std::fs::read(&log).unwrap();
        bytes.extend_from_slice(torn);
        std::fs::write(&log, bytes).unwrap();
        once(Kind::Repaired);
        let all = read(&SystemFiles, &local, 0).unwrap();
        numbers_ascend(&all);
        assert_eq!(all.len(), 2 * number + 2, "{torn:?}");
        assert!(!String::from_utf8_lossy(&std::fs::read(&log).unwrap()).contains("\"number\":9}"));
    }
    // The state is lost: the log says how it goes on. The log is lost: the state does.
    for name in ["state", "log"] {
        let before = read(&SystemFiles, &local, 0).unwrap().pop().unwrap();
        std::fs::remove_file(local.join("events").join(name)).unwrap();
        events.once(Kind::Saved, Level::Normal, About::new()).unwrap();
        let after = read(&SystemFiles, &local, 0).unwrap().pop().unwrap();
        assert_eq!((after.number, &after.log), (before.number + 1, &before.log), "without {name}");
    }
    std::fs::write(local.join("events/state"), "{\"version\":1,\"x\":").unwrap();
    events.once(Kind::Saved, Level::Normal, About::new()).unwrap();
    std::fs::write(local.join("events/state"), "{\"version\":2}").unwrap();
    let error = events.once(Kind::Saved, Level::Normal, About::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn old_events_go_and_readers_are_told_how_many() {
    let directory = fast_directory();
    let local = directory.path().join("local");
    std::fs::create_dir(&local).unwrap();
    let settings = Settings::default();
    let events = Events { files: &SystemFiles, local: &local, settings: &settings, now: 1000 };
    let about: About = (0..8).map(|number| (format!("x{number}"), json!("y".repeat(390)))).collect();
    for _ in 0..1000 {
        events.once(Kind::Saved, Level::Normal, about.clone()).unwrap();
    }
    let bytes: u64 =
        ["log", "log.old"].map(|name| std::fs::metadata(local.join("events").join(name)).unwrap().len()).iter().sum();
    assert!((1 << 20..=2 << 20).contains(&bytes), "{bytes}");
    let all = read(&SystemFiles, &local, 0).unwrap();
    let gone = all[0].about["gone"].as_u64().unwrap();
    assert_eq!((all[0].kind, all[0].number, all[1].number), (Kind::Gone, gone, gone + 1));
    assert_eq!(all.last().unwrap().number, 1000);
    numbers_ascend(&all);
    // The cursor of a reader who was told is the number of what it was told.
    assert_eq!(read(&SystemFiles, &local, gone).unwrap(), all[1..]);
    assert_eq!(read(&SystemFiles, &local, 10).unwrap()[0].about["gone"], json!(gone - 10));
    assert_eq!(read(&SystemFiles, &local, 990).unwrap().len(), 10);
    assert_eq!(read(&SystemFiles, &local, 1000).unwrap(), []);
    // A number that does not exist yet: the log was deleted.
    let anew = read(&SystemFiles, &local, 5000).unwrap();
    assert_eq!((anew[0].kind, anew.len()), (Kind::Gone, all.len()));
    assert!(text(&anew[0], "why").contains("began anew after number 5000"), "{:?}", anew[0]);
    assert_eq!(read(&SystemFiles, &directory.path().join("none"), 7).unwrap(), []);
    assert!(!directory.path().join("none").exists(), "looking makes nothing");
}

/// Who may not look must not take that for a log without events.
#[cfg(unix)]
#[test]
fn a_log_that_cannot_be_looked_at_is_an_error() {
    let directory = fast_directory();
    assert_eq!(read(&SystemFiles, &directory.path().join("none"), 0), Ok(Vec::new()));
    // Rights would not hinder the administrator. A link to itself hinders everybody.
    let local = directory.path().join("local");
    std::os::unix::fs::symlink("local", &local).unwrap();
    let error = read(&SystemFiles, &local, 0).unwrap_err();
    assert!(error.kind() == ErrorKind::Host && error.message().contains("local' cannot be read"), "{error}");
    std::fs::remove_file(&local).unwrap();
    std::fs::create_dir(&local).unwrap();
    assert_eq!(read(&SystemFiles, &local, 0), Ok(Vec::new()));
    std::os::unix::fs::symlink("events", local.join("events")).unwrap();
    assert_eq!(read(&SystemFiles, &local, 0).unwrap_err().kind(), ErrorKind::Host);
}

#[test]
fn several_writers_lose_nothing() {
    let directory = fast_directory();
    let local = directory.path().join("local");
    std::fs::create_dir(&local).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let settings = Settings::default();
                let events = Events { files: &SystemFiles, local: &local, settings: &settings, now: 1000 };
                (0..100).for_each(|_| events.once(Kind::Saved, Level::Normal, About::new()).unwrap());
            });
        }
        scope.spawn(|| {
            let mut cursor = 0;
            while cursor < 400 {
                for event in read(&SystemFiles, &local, cursor).unwrap() {
                    assert_eq!(event.number, cursor + 1);
                    cursor = event.number;
                }
            }
        });
    });
    let all = read(&SystemFiles, &local, 0).unwrap();
    numbers_ascend(&all);
    assert_eq!(all.len(), 400);
}

/// A file system that has no room for events.
struct Full;

impl Full {
    fn room(path: &Path) -> io::Result<()> {
        match path.components().any(|part| part.as_os_str() == "events") {
            true => Err(io::Error::from(io::ErrorKind::StorageFull)),
            false => Ok(()),
        }
    }
}

impl Files for Full {
    fn make_directory(&self, path: &Path) -> io::Result<()> {
        SystemFiles.make_directory(path)
    }

    fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        SystemFiles.names(path)
    }

    fn read(&self, path: &Path, longest: u64) -> io::Result<Vec<u8>> {
        SystemFiles.read(path, longest)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        Self::room(path).and_then(|()| SystemFiles.write(path, bytes))
    }

    fn append(&self, path: &Path, at: u64, bytes: &[u8]) -> io::Result<()> {
        Self::room(path).and_then(|()| SystemFiles.append(path, at, bytes))
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        SystemFiles.sync(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        SystemFiles.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemFiles.remove(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<File>> {
        SystemFiles.lock(path)
    }

    fn share(&self, path: &Path) -> io::Result<Option<File>> {
        SystemFiles.share(path)
    }
}

#[test]
fn a_save_does_not_fail_because_an_event_cannot_be_written() {
    let directory = fast_directory();
    let stores: Vec<MemoryStore> = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 1), Database::new(1));
    stores[1].away(None);
    let summary = place.save_with(&Full, &dynamic(&stores), &mut database).unwrap();
    let why = summary.events.unwrap();
    assert!(why.contains("events/state") && why.contains("free some space"), "{why}");
    assert_eq!(restore(&stores[0]), Some(1));
    stores[1].away(Some(StoreErrorKind::Unreachable));
    database.live = 2;
    place.save_with(&Full, &dynamic(&stores), &mut database).unwrap();
    assert_eq!(told(&place.local), []);
    // What still holds is told once there is room.
    database.live = 3;
    assert_eq!(place.save(&dynamic(&stores), &mut database).unwrap().events, None);
    assert_eq!(told(&place.local), [begins(Kind::StoreUnreachable, Level::Warning)]);
}
