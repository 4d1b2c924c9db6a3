//! The recovery sheet: what is on it brings the database back, and fits on one page.

mod common;

use common::Scene;
use std::fs;
use std::process::Command;

/// What stands between two texts.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = page.split_once(from).unwrap_or_else(|| panic!("no {from} in {page}"));
    rest.split_once(to).unwrap().0
}

/// The key as a person types it from the sheet.
fn typed(page: &str) -> String {
    between(page, "<p class=\"key\">", "</p>").to_owned()
}

/// What a camera reads: the code is drawn as squares, with a rim of four.
fn scanned(page: &str) -> String {
    let svg = between(page, "aria-label=\"The key as a QR code\"", "</svg>");
    let size: usize = between(svg, "viewBox=\"0 0 ", " ").parse().unwrap();
    let mut dark = vec![false; size * size];
    for square in between(svg, "d=\"M", "\"").split('M') {
        let (place, width) = square.split_once('h').unwrap();
        let (x, y) = place.split_once(' ').unwrap();
        let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
        let (width, rest) = width.split_once('v').unwrap();
        let (width, height): (usize, usize) =
            (width.parse().unwrap(), rest.split_once('H').unwrap().0.parse().unwrap());
        for line in y..y + height {
            dark[line * size + x..][..width].fill(true);
        }
    }
    const DOTS: usize = 4;
    let dot = |x: usize, y: usize| if dark[y / DOTS * size + x / DOTS] { 0 } else { 255 };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(size * DOTS, size * DOTS, dot);
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1);
    grids[0].decode().unwrap().1
}

#[test]
fn the_sheet_brings_the_database_back() {
    let scene = Scene::new();
    fs::create_dir(scene.path("disk")).unwrap();
    scene.run(&["save", "app.db", "dir:disk/copy"]).lines();
    let report = scene.run(&["sheet", "dir:disk/copy", "--out", "sheet.html", "--json"]).json();
    assert_eq!(report, serde_json::json!({"path": "sheet.html"}));
    let page = scene.page("sheet.html");
    let key = fs::read_to_string(scene.path("recovery.key")).unwrap();
    assert_eq!(scanned(&page), key.trim());
    assert_eq!(typed(&page).split_whitespace().collect::<String>(), key.trim());
    // A person may type it as it stands there, or all in capitals.
    fs::write(scene.path("typed.key"), typed(&page).to_uppercase()).unwrap();
    let verify_key = scene.run(&["verify-key", "--key-file", "typed.key"]).out;
    assert!(page.contains(&format!("<strong>default</strong> (save 1): <code>{}</code>", verify_key.trim())), "{page}");
    assert!(page.contains(&format!("<code>dir:{}</code>", scene.path("disk/copy").display())), "{page}");
    let restored = ["restore-all", "dir:disk/copy", "--out", "restored", "--key-file", "typed.key", "--json"];
    assert_eq!(scene.run(&restored).json()["restored"], 1);
    let db = rusqlite::Connection::open(scene.path("restored/default")).unwrap();
    assert_eq!(db.query_row("SELECT count(*) FROM notes", [], |row| row.get::<_, i64>(0)).unwrap(), 2);
}

#[test]
fn each_kind_of_key_has_a_sheet() {
    let scene = Scene::new();
    for kind in ["write", "read"] {
        let (made, file) = (format!("{kind}-key"), format!("{kind}.key"));
        scene.run(&[&made, "--out", &file, "--domain", "notes"]).lines();
        let out = format!("{kind}.html");
        let sheet = ["sheet", "--out", &out, "--key-file", &file, "--domain"];
        scene.run(&[&sheet[..], &["<b>notes</b>"]].concat()).lines();
        let page = scene.page(&out);
        let key = fs::read_to_string(scene.path(&file)).unwrap();
        assert_eq!(scanned(&page), key.trim());
        assert!(page.contains(&format!("The {kind} key</h2>")) && page.contains("&lt;b&gt;notes&lt;/b&gt;"), "{page}");
        scene.run(&[&sheet[..], &["a", "--domain", "b"]].concat()).refused(2, "give --domain once at most");
    }
    let verify = scene.run(&["verify-key"]).out;
    fs::write(scene.path("verify.key"), verify).unwrap();
    scene.run(&["sheet", "--out", "x", "--key-file", "verify.key"]).refused(2, "lifeboat sheet: misuse: ");
}

#[test]
fn domains_and_stores_are_those_of_the_key() {
    let scene = Scene::new();
    for domain in ["default", "papers", "other"] {
        let local = format!("{domain}-state");
        scene.run(&["save", "app.db", "dir:copy", "--domain", domain, "--local", &local]).lines();
    }
    let sheet = ["sheet", "dir:copy", "dir:away/copy", "--domain", "papers", "--domain", "new", "--out", "sheet.html"];
    let said = scene.run(&sheet);
    assert!(said.lines()[0].ends_with("(1 of the domains have no name there: give --domain NAME)"), "{said:?}");
    let page = scene.page("sheet.html");
    for domain in ["default", "papers", "new", "other"] {
        let key = scene.run(&["verify-key", "--domain", domain]).out;
        let known = if domain == "new" { "" } else { " (save 1)" };
        let line = format!("</strong>{known}: <code>{}</code>", key.trim());
        assert!(page.contains(&line) == (domain != "other") && page.contains(key.trim()), "{domain}: {page}");
    }
    // On paper a path is a whole one. Of a store that is no help it is said.
    assert!(page.contains(&format!("dir:{}", scene.path("away/copy").display())), "{page}");
    assert!(said.lines()[0].contains("/away/copy did not answer)"), "{said:?}");
    let mistyped = ["sheet", "dir:copy", "dir:copi", "--out", "mistyped.html"];
    let said = scene.run(&mistyped);
    assert!(said.lines()[0].contains("/copi holds nothing of this key: is the name right?)"), "{said:?}");
    assert!(!said.lines()[0].contains("/copy "), "{said:?}");
    // Nobody shall keep the wrong paper.
    // What one that was killed has left goes with the next one.
    #[cfg(target_os = "linux")]
    fs::write(scene.path(".other.key.lifeboat-7-0.tmp"), "lifeboatkey1").unwrap();
    scene.run(&["keygen", "--out", "other.key"]).lines();
    assert!(!scene.path(".other.key.lifeboat-7-0.tmp").exists());
    let other = ["sheet", "dir:copy", "--out", "other.html", "--key-file", "other.key"];
    scene.run(&other).refused(3, "look for the right key");
    scene.run(&sheet).refused(2, "'sheet.html' already exists, and a key is never written over a file");
    for (store, said) in [("s3://me:secret@bucket/a", "password"), ("disk", "write 'dir:PATH'"), ("file:lost", "lost")]
    {
        let run = scene.run(&["sheet", store, "--out", "other.html"]);
        assert!(run.code != 0 && run.err.contains(said) && !run.err.contains("me:secret"), "{run:?}");
    }
    assert!(!scene.path("other.html").exists());
    scene.run_without_key(&["sheet", "--out", "other.html"]).refused(2, "this needs a key");
    scene.run(&["sheet", "--out", "x", "--key-file", "lost.key"]).refused(1, "the key cannot be read");
}

/// Chromium prints it on one sheet of A4, with many names, too.
#[test]
fn it_is_one_page() {
    let scene = Scene::new();
    let domains: Vec<String> = (0..8).map(|number| format!("a domain with a long name: {number}")).collect();
    let stores: Vec<String> =
        (0..4).map(|number| format!("dir:away/a-store-with-a-rather-long-path/{number}")).collect();
    let mut sheet = vec!["sheet", "--out", "sheet.html"];
    sheet.extend(domains.iter().flat_map(|domain| ["--domain", domain]));
    sheet.extend(stores.iter().map(String::as_str));
    scene.run(&sheet).lines();
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]);
    chromium.arg(format!("--user-data-dir={}", scene.path("profile").display()));
    chromium.arg(format!("--print-to-pdf={}", scene.path("sheet.pdf").display()));
    let output = chromium.arg(scene.path("sheet.html")).output().expect("chromium is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let pdf = fs::read(scene.path("sheet.pdf")).unwrap();
    let pdf = String::from_utf8_lossy(&pdf);
    assert_eq!(pdf.matches("/Type /Page\n").count(), 1, "pages");
    assert!(pdf.contains("/Count 1"));
}
