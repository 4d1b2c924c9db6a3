//! Events are sent: in order, each at least once, to receivers that fail in each way.

use super::faults::{Fault, FaultyFiles, Steps};
use super::receiver::{Answer, Receiver};
use super::support::{Database, Place, dynamic, fast_directory, memory_stores};
use super::{events, settings};
use lifeboat_store::StoreErrorKind;
use lifeboat_store::events::{About, Delivered, Events, Kind, Level, Settings, read};
use lifeboat_store::save::{Files, SystemFiles};
use serde_json::json;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub const TIME: Duration = Duration::from_secs(10);

fn webhook(receiver: &Receiver) -> Settings {
    settings(json!({"notify": {"webhook": receiver.url()}}))
}

pub fn deliver(files: &dyn Files, local: &Path, settings: &Settings, now: u64, time: Duration) -> Delivered {
    let events = Events { files, local, settings, now };
    let delivered = events.deliver(true, time, &|| false).unwrap();
    let shown = format!("{delivered:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("/hook"), "{shown}");
    delivered
}

pub fn once(local: &Path, now: u64) {
    let settings = Settings::default();
    let events = Events { files: &SystemFiles, local, settings: &settings, now };
    events.once(Kind::Saved, Level::Normal, About::new()).unwrap();
}

#[test]
fn what_a_save_tells_is_sent_in_order() {
    let directory = fast_directory();
    let receiver = Receiver::new(Answer::Status(204));
    let stores = memory_stores(2);
    let (mut place, mut database) = (Place::new(directory.path().join("local"), 2), Database::new(1));
    place.settings = webhook(&receiver);
    place.save(&dynamic(&stores), &mut database).unwrap();
    stores[0].away(Some(StoreErrorKind::Absent));
    database.live = 2;
    place.save(&dynamic(&stores), &mut database).unwrap_err();
    let delivered = deliver(&SystemFiles, &place.local, &place.settings, place.now, TIME);
    assert_eq!(delivered, Delivered { sent: 5, waiting: 0, why: None });
    let (asked, all) = (receiver.asked(), events(&place));
    assert_eq!(asked.len(), 5);
    for (asked, event) in asked.iter().zip(&all) {
        assert_eq!(asked.body, event.to_json());
        assert_eq!(asked.line, "POST /hook/hunter2 HTTP/1.1");
        assert_eq!(asked.header("content-type"), Some("application/json"));
        let key = asked.header("idempotency-key").unwrap();
        assert!(key.starts_with(&format!("{}-{}-", event.log, event.number)), "{key}");
    }
    assert_eq!((all[3].kind, all[4].kind), (Kind::StoreUnreachable, Kind::BelowMinimum));
    // Nothing is sent twice without need.
    assert_eq!(deliver(&SystemFiles, &place.local, &place.settings, place.now, TIME), Delivered::default());
    assert_eq!(receiver.asked().len(), 5);
    let none = Events { files: &SystemFiles, local: &place.local, settings: &Settings::default(), now: 1 };
    assert_eq!(none.deliver(true, TIME, &|| false), None);
}

/// The device was restored from a backup. Its log gives numbers again that other events had.
#[test]
fn a_log_that_comes_back_repeats_no_key() {
    let directory = fast_directory();
    let (local, backup) = (directory.path().join("local"), directory.path().join("backup"));
    let receiver = Receiver::new(Answer::Status(200));
    let settings = webhook(&receiver);
    once(&local, 1000);
    assert_eq!(deliver(&SystemFiles, &local, &settings, 1000, TIME).sent, 1);
    copy(&local, &backup);
    once(&local, 2000);
    assert_eq!(deliver(&SystemFiles, &local, &settings, 2000, TIME).sent, 1);
    std::fs::remove_dir_all(&local).unwrap();
    copy(&backup, &local);
    once(&local, 3000);
    receiver.answers(Answer::Status(500));
    assert_eq!(deliver(&SystemFiles, &local, &settings, 3000, TIME).sent, 0);
    receiver.answers(Answer::Status(200));
    assert_eq!(deliver(&SystemFiles, &local, &settings, 3010, TIME).sent, 1);
    let keys: Vec<_> =
        receiver.asked().iter().map(|asked| asked.header("idempotency-key").unwrap().to_owned()).collect();
    assert_eq!(receiver.numbers(), [1, 2, 2, 2]);
    assert_ne!(keys[1], keys[2], "another event");
    assert_eq!(keys[2], keys[3], "the same event, sent once more");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.join("events")).unwrap();
    for entry in std::fs::read_dir(from.join("events")).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), to.join("events").join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_receiver_that_fails_gets_everything_later() {
    let elsewhere = Receiver::new(Answer::Status(200));
    let time = Duration::from_millis(800);
    for (answer, why) in [
        (Answer::Status(500), "it answers 500"),
        (Answer::Status(404), "it answers 404"),
        (Answer::Status(100 + 500), "it answers 600"),
        (Answer::Redirect(elsewhere.url()), "which is not followed"),
        (Answer::Cut, ""),
        (Answer::Silence, "no answer in time"),
        (Answer::Drips, "no answer in time"),
    ] {
        let directory = fast_directory();
        let local = directory.path().join("local");
        let receiver = Receiver::new(answer.clone());
        let settings = webhook(&receiver);
        (0..3).for_each(|_| once(&local, 1000));
        let began = Instant::now();
        let delivered = deliver(&SystemFiles, &local, &settings, 1000, time);
        assert!(began.elapsed() < time + Duration::from_secs(3), "{answer:?}: {:?}", began.elapsed());
        let said = delivered.why.unwrap();
        assert!(said.contains(why) && said.starts_with("127.0.0.1:"), "{answer:?}: {said}");
        assert_eq!((delivered.sent, delivered.waiting, receiver.numbers()), (0, 3, vec![1]), "{answer:?}");
        // Now it is well, but it is not asked again at once.
        receiver.answers(Answer::Status(200));
        let paused = deliver(&SystemFiles, &local, &settings, 1001, TIME);
        assert!(paused.sent == 0 && paused.why.unwrap().contains("asked again later"), "{answer:?}");
        once(&local, 1002);
        assert_eq!(deliver(&SystemFiles, &local, &settings, 1002, TIME).sent, 4);
        assert_eq!(receiver.numbers(), [1, 1, 2, 3, 4], "{answer:?}");
    }
    assert_eq!(elsewhere.asked(), []);
}

/// The pause begins when the wait ends. Else a save that comes at once would wait again.
#[test]
fn a_receiver_that_hangs_holds_only_one_save_up() {
    let directory = fast_directory();
    let local = directory.path().join("local");
    let receiver = Receiver::new(Answer::Silence);
    once(&local, 1000);
    let settings = webhook(&receiver);
    let first = deliver(&SystemFiles, &local, &settings, 1000, Duration::from_millis(2600));
    assert!(first.why.unwrap().contains("no answer in time"));
    let second = deliver(&SystemFiles, &local, &settings, 1002, TIME);
    assert!(second.why.as_ref().unwrap().contains("asked again later"), "{second:?}");
    assert_eq!(receiver.asked().len(), 1);
    receiver.answers(Answer::Status(200));
    assert_eq!(deliver(&SystemFiles, &local, &settings, 1004, TIME).sent, 1);
}

#[test]
fn a_receiver_that_is_not_there_loses_nothing() {
    let directory = fast_directory();
    let local = directory.path().join("local");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = settings(json!({"notify": {"webhook": format!("http://127.0.0.1:{port}/hook/hunter2")}}));
    for now in 0..20 {
        once(&local, now * 1000);
        let delivered = deliver(&SystemFiles, &local, &nobody, now * 1000, TIME);
        assert!(delivered.waiting == now + 1 && delivered.why.is_some(), "{delivered:?}");
    }
    let receiver = Receiver::new(Answer::Status(200));
    assert_eq!(deliver(&SystemFiles, &local, &webhook(&receiver), 100_000, TIME).sent, 20);
    assert_eq!(receiver.numbers(), (1..=20).collect::<Vec<_>>());
}

/// It has the event, whatever comes after the status.
#[test]
fn an_answer_without_end_is_cut() {
    for answer in [Answer::Endless, Answer::Stalled] {
        let directory = fast_directory();
        let local = directory.path().join("local");
        let receiver = Receiver::new(answer.clone());
        (0..3).for_each(|_| once(&local, 1000));
        let began = Instant::now();
        let delivered = deliver(&SystemFiles, &local, &webhook(&receiver), 1000, TIME);
        assert_eq!((delivered.sent, receiver.numbers()), (3, vec![1, 2, 3]), "{answer:?}: {delivered:?}");
        assert!(began.elapsed() < Duration::from_secs(6), "{answer:?}: {:?}", began.elapsed());
    }
}

#[test]
fn an_interrupt_ends_the_wait() {
    let directory = fast_directory();
    let local = directory.path().join("local");
    let receiver = Receiver::new(Answer::Silence);
    once(&local, 1000);
    let settings = webhook(&receiver);
    let events = Events { files: &SystemFiles, local: &local, settings: &settings, now: 1000 };
    let began = Instant::now();
    let delivered = events.deliver(false, TIME, &|| !receiver.asked().is_empty()).unwrap();
    assert!(began.elapsed() < Duration::from_secs(5) && delivered.waiting == 1, "{delivered:?}");
    // The receiver did not fail, and is asked again at once.
    let asked = receiver.asked().len();
    events.deliver(false, Duration::from_millis(900), &|| false).unwrap();
    assert_eq!(receiver.asked().len(), asked + 1);
}

/// While somebody else sends, nothing is sent, and what waits is counted all the same.
#[test]
fn what_another_process_sends_still_waits() {
    let directory = fast_directory();
    let local = directory.path().join("local");
    let receiver = Receiver::new(Answer::Status(200));
    once(&local, 1000);
    let settings = webhook(&receiver);
    let events = Events { files: &SystemFiles, local: &local, settings: &settings, now: 1000 };
    let sending = SystemFiles.lock(&local.join("events/sending")).unwrap().unwrap();
    let delivered = events.deliver(false, TIME, &|| false).unwrap();
    assert_eq!((delivered.sent, delivered.waiting, receiver.asked().len()), (0, 1, 0), "{delivered:?}");
    drop(sending);
    assert_eq!(events.deliver(false, TIME, &|| false).unwrap().sent, 1);
}

#[test]
fn a_heartbeat_follows_saves_and_is_not_asked_too_often() {
    let directory = fast_directory();
    let local = directory.path().join("local");
    let receiver = Receiver::new(Answer::Status(200));
    let settings = settings(json!({"notify": {"heartbeat": receiver.url(), "heartbeat_every": "5m"}}));
    let beats = |now: u64, is_saved: bool| {
        let events = Events { files: &SystemFiles, local: &local, settings: &settings, now };
        let delivered = events.deliver(is_saved, TIME, &|| false).unwrap();
        (receiver.asked().len(), delivered.why)
    };
    assert_eq!(beats(1000, false), (0, None));
    assert_eq!(beats(1000, true), (1, None));
    assert_eq!(receiver.asked()[0].line, "GET /hook/hunter2 HTTP/1.1");
    assert_eq!(beats(1299, true), (1, None));
    assert_eq!(beats(1300, true), (2, None));
    receiver.answers(Answer::Status(503));
    let (count, why) = beats(1600, true);
    assert!(count == 3 && why.as_deref().is_some_and(|why| why.contains("it answers 503") && !why.contains("hook")));
    receiver.answers(Answer::Status(200));
    assert_eq!(beats(1601, true), (3, None), "not at once");
    assert_eq!(beats(1602, true), (4, None));
}

#[test]
fn one_process_sends_at_a_time() {
    let directory = fast_directory();
    let local = directory.path().join("local");
    let receiver = Receiver::new(Answer::Silence);
    let settings = webhook(&receiver);
    once(&local, 1000);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| deliver(&SystemFiles, &local, &settings, 1000, Duration::from_secs(2)));
        while receiver.asked().is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let second = deliver(&SystemFiles, &local, &settings, 1000, TIME);
        assert_eq!(second.why.as_deref(), Some("another process sends the events"));
        // Meanwhile events are noted.
        once(&local, 1000);
        assert_eq!(first.join().unwrap().sent, 0);
    });
    assert_eq!(read(&SystemFiles, &local, 0).unwrap().len(), 2);
}

#[test]
fn killed_at_every_step_nothing_is_lost() {
    let mut stops = 0;
    for fault in [Fault::Killed, Fault::KilledAfter, Fault::Once, Fault::OnceAfter] {
        for at in 0.. {
            let directory = fast_directory();
            let local = directory.path().join("local");
            let receiver = Receiver::new(Answer::Status(200));
            let settings = webhook(&receiver);
            (0..3).for_each(|_| once(&local, 1000));
            let steps = Steps::new(at, fault);
            deliver(&FaultyFiles(steps.clone()), &local, &settings, 1000, TIME);
            once(&local, 1000);
            let rest = deliver(&SystemFiles, &local, &settings, 1000, TIME);
            assert_eq!((rest.waiting, rest.why), (0, None), "{fault:?} at {at}");
            check_order(&receiver.numbers(), 4, 1);
            stops += 1;
            if !steps.reached() {
                break;
            }
        }
    }
    crate::evidence::at_least("deliveries of events, stopped", stops);
}

/// All numbers up to the last one came, in order. Each may come again at once, together at most this often.
fn check_order(numbers: &[u64], last: u64, again_max: usize) {
    let mut once = numbers.to_vec();
    once.dedup();
    assert_eq!(once, (1..=last).collect::<Vec<_>>(), "{numbers:?}");
    assert!(numbers.len() - once.len() <= again_max, "{numbers:?}");
}

/// Where the child process finds its local state and its receiver.
const PLACE: &str = "LIFEBOAT_TEST_EVENTS";
const URL: &str = "LIFEBOAT_TEST_RECEIVER";

/// This is not a test of its own, but the process that is killed.
#[test]
fn child_that_sends() {
    let Some(local) = std::env::var_os(PLACE) else { return };
    let settings = settings(json!({"notify": {"webhook": std::env::var(URL).unwrap()}}));
    loop {
        once(Path::new(&local), 1000);
        deliver(&SystemFiles, Path::new(&local), &settings, 1000, TIME);
    }
}

#[test]
fn processes_that_send_are_killed_and_nothing_is_lost() {
    let directory = fast_directory();
    let local = directory.path().join("local");
    let receiver = Receiver::new(Answer::Status(200));
    let (mut random, mut kills) = (0x9e37_79b9_u64, 0);
    for _ in 0..40 {
        let before = receiver.asked().len();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "deliver::child_that_sends", "--test-threads", "1"])
            .envs([(PLACE, local.as_os_str()), (URL, receiver.url().as_ref())])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while receiver.asked().len() < before + 3 {
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_micros(random >> 33 & 0x1fff));
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    once(&local, 1000);
    let settings = webhook(&receiver);
    assert_eq!(deliver(&SystemFiles, &local, &settings, 1000, TIME).waiting, 0);
    let last = read(&SystemFiles, &local, 0).unwrap().last().unwrap().number;
    println!("{kills} kills, {last} events, {} requests", receiver.asked().len());
    check_order(&receiver.numbers(), last, kills);
    crate::evidence::at_least("processes that send events, killed", kills);
    crate::evidence::at_least("events that they sent", usize::try_from(last).unwrap());
}
