//! The report: its numbers are those of the functions, and nothing in it is obeyed.

mod common;

use common::Scene;
use serde_json::Value;
use std::fs;

const DAY: i64 = 86_400;
const BEGIN: i64 = 1_790_000_000;

/// Two copies with a save each day.
fn scene(days: i64) -> Scene {
    let scene = Scene::new();
    for store in ["disk", "stick"] {
        fs::create_dir(scene.path(store)).unwrap();
    }
    for day in 0..days {
        scene.sql(&format!("INSERT INTO notes VALUES ({}, hex(randomblob(200)), NULL)", day + 10));
        let date = (BEGIN + day * DAY).to_string();
        let label = if day == 1 { "<script>alert('hi')</script>\u{202e}" } else { "daily" };
        let save = ["save", "app.db", "dir:disk/copy", "dir:stick/copy", "--date", &date, "--label", label];
        scene.run(&save).lines();
    }
    scene
}

/// The texts of the cells of each row of the table with this label.
fn rows(page: &str, label: &str) -> Vec<Vec<String>> {
    let start = format!("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Table: {label}\">");
    let table = page.split_once(&start).unwrap_or_else(|| panic!("no table {label}: {page}")).1;
    let body = table.split_once("<tbody>").unwrap().1.split_once("</tbody>").unwrap().0;
    let text = |cell: &str| {
        let inside = cell.split_once('>').unwrap().1;
        let mut shown = String::new();
        for part in inside.split('<') {
            // What stands before the first tag, or behind the end of one.
            shown += part.split_once('>').map_or(if inside.starts_with(part) { part } else { "" }, |(_, text)| text);
        }
        shown
    };
    let cells = |row: &str| {
        let row = row.replace("<th", "<td");
        row.split("<td").skip(1).map(|cell| text(&cell.replace("</th>", "</td>").replace("</td>", ""))).collect()
    };
    body.split("<tr>").skip(1).map(cells).collect()
}

fn number(text: &str) -> u64 {
    text.replace(',', "").parse().unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn the_numbers_are_those_of_the_functions() {
    let scene = scene(4);
    let settings = r#"{"limits": {"saves": 14, "series_bytes": {"value": 1, "window": "7d"}, "objects": 1000000, "free_bytes": 1}}"#;
    fs::write(scene.path("limits.json"), settings).unwrap();
    let stores = ["dir:disk/copy", "dir:stick/copy"];
    let report = [
        "report",
        stores[0],
        stores[1],
        "--out",
        "report.html",
        "--local",
        "app.db-lifeboat",
        "--events",
        "limits.json",
    ];
    let said = scene.run(&report);
    assert_eq!(said.lines(), ["wrote the report to 'report.html': all copies are sound"]);
    let page = scene.page("report.html");

    let log = scene.run(&["log", stores[0], stores[1], "--json"]);
    let log: Vec<Value> = log.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let saves = rows(&page, "Saves");
    assert_eq!((saves.len(), log.len()), (4, 4));
    let mut sum: u64 = log.iter().map(|save| save["bytes"].as_u64().unwrap()).sum();
    for (row, save) in saves.iter().zip(&log) {
        assert_eq!(number(&row[0]), save["number"].as_u64().unwrap());
        assert_eq!((&*row[1], &*row[2]), (save["date"].as_str().unwrap(), save["type"].as_str().unwrap()));
        assert_eq!((number(&row[3]), number(&row[4])), (save["bytes"].as_u64().unwrap(), sum));
        assert_eq!(number(&row[5]), 2);
        sum -= save["bytes"].as_u64().unwrap();
    }
    let check = scene.run(&["scrub", stores[0], stores[1], "--json"]).json();
    for (row, copy) in rows(&page, "Copies").iter().zip(check["series"][0]["copies"].as_array().unwrap()) {
        assert_eq!((&*row[0], &*row[1]), (copy["store"].as_str().unwrap(), "current"));
        assert_eq!(number(&row[2]), copy["number"].as_u64().unwrap());
        assert_eq!(number(&row[3]), copy["bytes"].as_u64().unwrap());
    }
    let told = scene.run(&["events", "app.db", "--json"]);
    let events = rows(&page, "Events");
    assert_eq!(events.len(), told.lines().len());
    assert!(
        events.iter().any(|row| row[3] == "copy added") && events.iter().any(|row| row[3] == "saved"),
        "{events:?}"
    );

    let limits = rows(&page, "Limits");
    let limit = |name: &str| limits.iter().find(|row| row[0].starts_with(name)).unwrap();
    // One save a day: ten days after the last one, it is the fourteenth.
    let reached = lifeboat_store::date_text((BEGIN + 13 * DAY) * 1000);
    assert_eq!(limit("saves")[1..6], ["14", "4", "29 %", "1", &reached[..10]]);
    assert_eq!(limit("series bytes")[5], "reached");
    assert_eq!(limit("free bytes")[5], "-");
    // In words, too: three pictures, each in two shapes.
    assert_eq!(page.matches("role=\"img\" aria-label=\"").count(), 6);
    assert!(
        page.contains("Bars: saves in each day, from 2026-09-21 to 2026-09-24. 4 in all; the highest bar is 1."),
        "{page}"
    );
    // Names come from others.
    assert!(page.contains("&lt;script&gt;alert('hi')&lt;/script&gt;\\u{202e}") && !page.contains('\u{202e}'), "{page}");
    let key = fs::read_to_string(scene.path("recovery.key")).unwrap();
    assert!(!page.contains(&key[20..40]));
}

#[test]
fn what_is_shown_depends_on_the_key() {
    let scene = scene(3);
    fs::write(scene.path("verify.key"), scene.run(&["verify-key"]).out).unwrap();
    let stores = ["dir:disk/copy", "dir:stick/copy"];
    scene.run(&["report", stores[0], stores[1], "--out", "keeper.html", "--key-file", "verify.key"]).lines();
    let page = scene.page("keeper.html");
    assert!(rows(&page, "Saves").iter().all(|row| row[1] == "-" && row[7] == "-"), "{page}");
    assert_eq!(rows(&page, "Copies")[1][1], "current");
    assert_eq!(page.matches("role=\"img\"").count(), 4);
    assert!(page.contains("from save 1 to save 3") && !page.contains("script&gt;"), "{page}");

    let said = scene.run_without_key(&["report", stores[0], stores[1], "--out", "anybody.html"]);
    assert!(said.lines()[0].ends_with("without a key, the copies were not checked"), "{said:?}");
    let page = scene.page("anybody.html");
    let copies = rows(&page, "Copies");
    assert!(copies.len() == 2 && copies[0][1..3] == ["3", "3"] && number(&copies[0][3]) > 1000, "{copies:?}");

    // Something is wrong, and somebody is away.
    let bundles = fs::read_dir(scene.path("stick/copy")).unwrap().next().unwrap().unwrap().path().join("bundles");
    fs::remove_dir_all(bundles).unwrap();
    let report = ["report", stores[0], stores[1], "dir:away/copy", "--out", "keeper.html", "--key-file", "verify.key"];
    scene.run(&report).refused(2, "'keeper.html' already exists; give another path, or --replace");
    let said = scene.run(&[&report[..], &["--replace"]].concat());
    assert!(said.lines()[0].ends_with("NOT ALL COPIES ARE SOUND"), "{said:?}");
    let copies = rows(&scene.page("keeper.html"), "Copies");
    assert!(copies[1][6].starts_with("3 objects missing"), "{copies:?}");
    assert!(copies.len() == 3 && copies[2][1] == "absent", "{copies:?}");
}

#[test]
fn one_series_and_no_other_file() {
    let scene = scene(1);
    scene.run(&["save", "app.db", "dir:disk/copy", "--domain", "papers", "--local", "papers"]).lines();
    let report = ["report", "dir:disk/copy", "--out", "report.html"];
    scene.run(&report).refused(2, "give --domain NAME");
    scene.run(&[&report[..], &["--domain", "papers"]].concat()).lines();
    assert!(scene.page("report.html").contains("<h1>Backup report: papers</h1>"));
    let mut again = report.to_vec();
    again.extend(["--domain", "default", "--limit", "1", "--replace"]);
    // One that was killed has left this, and nobody holds its lock.
    #[cfg(target_os = "linux")]
    fs::write(scene.path(".report.html.lifeboat-7-0.tmp"), "a part").unwrap();
    scene.run(&again).lines();
    let saves = rows(&scene.page("report.html"), "Saves");
    assert_eq!(saves.len(), 1);
    // A limit that is not understood is not left out.
    fs::write(scene.path("limits.json"), r#"{"limits": {"save": 14}}"#).unwrap();
    let wrong = scene.run(&[&again[..], &["--events", "limits.json"]].concat());
    wrong.refused(2, "--events: 'limits.json': there is no field `save` in `limits`; known are");
    // A database is not a report.
    again[3] = "app.db";
    scene.run(&again).refused(2, "'app.db' is not a report");
    again[3] = "lost/report.html";
    scene.run(&again).refused(1, "its directory must exist");
    let names = scene.names();
    assert!(names.iter().all(|name| !name.contains(".tmp")), "{names:?}");
}
