//! Copies that `backup_save` made, in all hosts: each finds the same save by the same path, leaves out the same, says the same,
//! and recovers the same database.

mod hosts;
mod scene;
#[path = "../wasi/mod.rs"]
mod wasi;
#[path = "../wasm/mod.rs"]
mod wasm;

use std::fs;

use hosts::{Answer, Question};
use lifeboat_host_tests::equal::assert_equal;
use lifeboat_host_tests::host::{keygen, open};
use scene::{SAVES, Scene};
use serde_json::{Value, json};

/// What has to come out.
enum Expected {
    /// This save, without these.
    Found(u64, Vec<u64>),
    /// An error of this kind, with these words.
    Refused(&'static str, String),
}

use Expected::{Found, Refused};

struct Case {
    asked: Question,
    expected: Expected,
    /// The extension says the same: the number, or the kind of the error.
    is_native: bool,
}

fn cases(scene: &Scene) -> Vec<Case> {
    scene.without_bundles("newest lost", &[SAVES]);
    scene.without_bundles("middle lost", &[36]);
    scene.without_bundles("off the path", &[20]);
    scene.without_short_cuts("short cuts lost", &[16, 32]);
    scene.without_bundles("full lost", &[1]);
    scene.damaged("newest damaged", SAVES, "/bundles/");
    scene.damaged("record damaged", SAVES, "/log/");
    scene.damaged("old record damaged", 40, "/log/");
    scene.resized("cut", SAVES, -1);
    scene.resized("grown", SAVES, 3_000_000);
    scene.with_junk("junk");
    scene.with_second("two series");
    let ends = scene.forked();
    fs::create_dir(scene.path("empty")).expect("there is room");
    let plain = |copies: &[&str], expected, is_native| Case {
        asked: Question {
            copies: copies.iter().map(|copy| (*copy).to_owned()).collect(),
            key: scene.key.clone(),
            ..Question::default()
        },
        expected,
        is_native,
    };
    let with = |mut case: Case, change: &dyn Fn(&mut Question)| {
        change(&mut case.asked);
        case
    };
    let of = |copies: &[&str], number| plain(copies, Found(number, vec![]), true);
    let refused = |copies: &[&str], kind, words: &str| plain(copies, Refused(kind, words.to_owned()), true);
    let older =
        |copies: &[&str], number: u64| plain(copies, Found(number, (number + 1..=SAVES).rev().collect()), false);
    let second: String = open(std::path::Path::new(":memory:"))
        .query_row("SELECT backup_read_key(?1, 'second')", [&scene.key], |row| row.get(0))
        .expect("it is a recovery key");
    vec![
        plain(&["sound"], Found(SAVES, vec![]), true),
        plain(&["sound", "junk"], Found(SAVES, vec![]), true),
        older(&["newest lost"], SAVES - 1),
        older(&["newest damaged"], SAVES - 1),
        older(&["cut"], SAVES - 1),
        older(&["grown"], SAVES - 1),
        older(&["middle lost"], 35),
        older(&["old record damaged"], 39),
        plain(&["off the path"], Found(SAVES, vec![]), true),
        plain(&["short cuts lost"], Found(SAVES, vec![]), true),
        plain(&["record damaged"], Found(SAVES - 1, vec![SAVES]), false),
        refused(&["full lost"], "corrupt", "cannot be recovered, nor any older save: "),
        plain(&["newest lost", "middle lost"], Found(SAVES, vec![]), true),
        plain(&["middle lost", "newest damaged"], Found(SAVES, vec![]), true),
        plain(&["record damaged", "sound"], Found(SAVES, vec![]), true),
        older(&["newest lost", "cut"], SAVES - 1),
        plain(&["junk"], Found(SAVES, vec![]), true),
        refused(&["empty"], "host", "there is no copy: no name is one of a series"),
        plain(&["empty", "sound"], Found(SAVES, vec![]), true),
        refused(&["left", "right"], "mismatch", &format!("state {}", ends[0])),
        refused(&["right", "left"], "mismatch", &format!("state {}", ends[1])),
        with(of(&["left", "right"], 41), &|asked| asked.state = Some(ends[1].clone())),
        with(of(&["left", "right"], 40), &|asked| asked.seq = Some(40)),
        with(of(&["sound"], 17), &|asked| asked.seq = Some(17)),
        with(of(&["sound"], 20), &|asked| asked.state = Some(scene.states[&20].clone())),
        with(of(&["sound"], 30), &|asked| asked.at = Some("2026-02-02".to_owned())),
        with(of(&["sound"], 29), &|asked| asked.at = Some("2026-02-02T11:59:59Z".to_owned())),
        with(refused(&["sound"], "host", "there is no record of number 46; the newest is 45"), &|asked| {
            asked.seq = Some(46);
        }),
        with(
            refused(&["sound"], "host", "the oldest save that is left is number 1, of 2026-01-01T12:00:00Z"),
            &|asked| {
                asked.at = Some("2020-01-01".to_owned());
            },
        ),
        with(plain(&["sound"], Refused("misuse", "'soon' is no date: write 2026-11-29".to_owned()), true), &|asked| {
            asked.at = Some("soon".to_owned());
        }),
        with(refused(&["sound"], "host", "no record is of the state "), &|asked| asked.state = Some("0".repeat(64))),
        with(
            refused(&["middle lost"], "corrupt", "the next older save that can is number 35 of 2026-02-07T12:00:00Z"),
            &|asked| {
                asked.seq = Some(37);
            },
        ),
        with(
            refused(&["sound"], "wrong key", "the copies hold 1 series, and none with a record of this key"),
            &|asked| {
                asked.key = keygen();
            },
        ),
        refused(&["two series"], "misuse", "the copies hold several series of this key"),
        with(of(&["two series"], SAVES), &|asked| asked.domain = Some("default".to_owned())),
        with(of(&["two series"], 1), &|asked| asked.domain = Some("second".to_owned())),
        with(of(&["two series"], 1), &|asked| asked.key.clone_from(&second)),
        with(refused(&["sound"], "host", "no copy holds a save of this domain"), &|asked| {
            asked.domain = Some("third".to_owned());
        }),
    ]
}

#[test]
fn every_host_recovers_the_same_from_copies() {
    let scene = Scene::new();
    let cases = cases(&scene);
    let questions: Vec<Question> = cases.iter().map(|case| case.asked.clone()).collect();
    let (node, python) = (hosts::node(&scene, &questions), hosts::python(&scene, &questions));
    assert_eq!((node.len(), python.len()), (cases.len(), cases.len()));
    for (place, case) in cases.iter().enumerate() {
        let name = format!("{:?}", case.asked);
        let component = hosts::component(&scene, &case.asked);
        check(&scene, case, &component);
        assert_eq!(hosts::command(&scene, &case.asked), component, "the command: {name}");
        if let Found(number, _) = case.expected {
            let state = match (number, case.asked.copies.as_slice()) {
                (1, _) => scene.path("second.db"),
                (41, _) => scene.path("right.db"),
                _ => scene.path(&format!("states/{number}.db")),
            };
            assert_equal(&state, hosts::written(&scene).as_ref());
        }
        assert_eq!(node[place], component, "Node: {name}");
        let mut told = component.clone();
        told.as_object_mut().expect("it is one").remove("steps");
        assert_eq!(python[place], told, "Python: {name}");
        if case.is_native {
            check_native(&scene, case);
        }
    }
}

fn check(scene: &Scene, case: &Case, answer: &Answer) {
    let name = format!("{:?}: {answer}", case.asked);
    match &case.expected {
        Found(number, left_out) => {
            assert_eq!(answer["number"], *number, "{name}");
            let found: Vec<Value> =
                answer["left_out"].as_array().expect("a list").iter().map(|left| left[0].clone()).collect();
            assert_eq!(json!(found), json!(left_out), "{name}");
            assert_eq!(answer["writer"].as_str().is_some(), *number != 41, "{name}");
            if case.asked.copies == ["junk"] {
                assert_eq!(answer["junk"], json!([7]), "{name}");
            }
            if case.asked.copies == ["sound"] && case.asked.seq.is_none() && *number == SAVES {
                let steps = answer["steps"].as_array().expect("a list").len();
                assert!(steps < 20, "{steps} bundles: short cuts are used");
                assert_eq!(answer["label"], format!("save {SAVES}"));
                assert_eq!(answer["state_id"], scene.states[&SAVES].as_str());
            }
        }
        Refused(kind, words) => {
            assert_eq!(answer["error"], *kind, "{name}");
            assert!(
                answer["message"].as_str().is_some_and(|message| message.contains(words.as_str())),
                "{words}: {name}"
            );
        }
    }
}

/// The extension finds the same save, or refuses in the same way.
fn check_native(scene: &Scene, case: &Case) {
    let asked = &case.asked;
    let selector = match (&asked.seq, &asked.state, &asked.at) {
        (Some(number), _, _) => format!("#seq={number}"),
        (_, Some(state), _) => format!("#state={state}"),
        (_, _, Some(date)) => format!("#at={date}"),
        _ => String::new(),
    };
    let said = scene.native(&asked.copies, &selector, asked.domain.as_deref(), &asked.key);
    match (&case.expected, said) {
        (Found(number, _), Ok(found)) => assert_eq!(found, *number, "{asked:?}"),
        (Refused(kind, _), Err(said)) => assert!(said.contains(&format!("{kind}: ")), "{asked:?}: {said}"),
        (_, said) => panic!("{asked:?}: the extension says {said:?}"),
    }
}
