//! The numbers of `manual/many-clients.md`: the requests are counted and the bytes measured at a server, and the rest is
//! computed from these and from the prices on the page.

use crate::common::*;
use crate::counting::{Counting, Exchange, Kind};
use crate::random::Random;
use rusqlite::{Connection, params};
use std::fmt::Write;
use std::time::Duration;

const PAGE: &str = include_str!("../../manual/many-clients.md");
const GB: f64 = 1e9;
/// The saves of a month with a change are taken for so many of those that were measured together.
const SAVES: usize = 256;
/// Of the server during a restore: what is asked side by side is then asked before the first answer, as over a network.
const LATENCY: Duration = Duration::from_millis(100);

/// What one act costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Cost {
    puts: f64,
    lists: f64,
    gets: f64,
    heads: f64,
    sent: f64,
    received: f64,
    stored: f64,
}

impl Cost {
    fn of(exchanges: &[Exchange]) -> Self {
        let mut cost = Self::default();
        for exchange in exchanges {
            match exchange.kind {
                Kind::Put => cost.puts += 1.0,
                Kind::List => cost.lists += 1.0,
                Kind::Get => cost.gets += 1.0,
                Kind::Head => cost.heads += 1.0,
            }
            cost.stored += exchange.stored as f64;
            cost.sent += exchange.sent as f64;
            cost.received += exchange.received as f64;
        }
        cost
    }

    fn requests(self) -> [f64; 4] {
        [self.puts, self.lists, self.gets, self.heads]
    }

    fn bytes(self) -> [f64; 3] {
        [self.sent, self.received, self.stored]
    }

    fn times(self, factor: f64) -> Self {
        let [puts, lists, gets, heads] = self.requests().map(|value| value * factor);
        let [sent, received, stored] = self.bytes().map(|value| value * factor);
        Self { puts, lists, gets, heads, sent, received, stored }
    }

    fn and(self, other: Self) -> Self {
        let sum = |a: f64, b: f64| a + b;
        Self {
            puts: sum(self.puts, other.puts),
            lists: sum(self.lists, other.lists),
            gets: sum(self.gets, other.gets),
            heads: sum(self.heads, other.heads),
            sent: sum(self.sent, other.sent),
            received: sum(self.received, other.received),
            stored: sum(self.stored, other.stored),
        }
    }
}

/// The acts, in the order of the page.
const ACTS: [&str; 8] = [
    "the first save",
    "a save of a small change",
    "a save without a change",
    "256 saves of small changes, together",
    "a status that asks the bucket",
    "a check of the list",
    "a check of all hashes",
    "a restore",
];

/// A wallet of 5,000 tokens. Each change spends 20 of them, and gets 20 new ones.
fn wallet(db: &Connection, random: &mut Random) {
    db.execute_batch("CREATE TABLE tokens(token TEXT PRIMARY KEY, worth REAL)").unwrap();
    get(db, random, 5_000);
}

fn get(db: &Connection, random: &mut Random, count: usize) {
    db.execute_batch("BEGIN").unwrap();
    for _ in 0..count {
        let token = random.bytes::<32>();
        db.execute("INSERT INTO tokens VALUES (hex(?), ?)", params![token, random.below(100) as f64 / 4.0]).unwrap();
    }
    db.execute_batch("COMMIT").unwrap();
}

fn spend(db: &Connection, random: &mut Random) {
    let spent = "DELETE FROM tokens WHERE token IN (SELECT token FROM tokens ORDER BY token LIMIT 20 OFFSET ?)";
    db.execute(spent, [random.below(4_000).cast_signed()]).unwrap();
    get(db, random, 20);
}

/// What each act costs, as a server sees it.
fn measured() -> Vec<Cost> {
    // In memory: the time that a disk takes for 256 saves tells nothing here.
    let (server, directory) = (Counting::start(), tempfile::tempdir_in("/dev/shm").unwrap());
    let credentials = directory.path().join("credentials");
    std::fs::write(&credentials, "[default]\naws_access_key_id = any\naws_secret_access_key = secret\n").unwrap();
    let endpoint = format!("http://127.0.0.1:{}", server.port);
    let store = format!("s3://clients/one?endpoint={endpoint}&credentials={}", credentials.display());
    let db = open(&directory.path().join("wallet.db"));
    let mut random = Random::new(7);
    wallet(&db, &mut random);
    let key = key(&db);
    let call = |sql: &str, parameters: &[&str]| {
        let _: String = one(&db, sql, rusqlite::params_from_iter(parameters));
        Cost::of(&server.exchanges())
    };
    let save = || call("SELECT backup_save(?, ?)", &[&key, &store]);
    let mut costs = vec![save()];
    let mut together = Cost::default();
    for number in 0..SAVES {
        spend(&db, &mut random);
        let cost = save();
        together = together.and(cost);
        if number == 0 {
            costs.extend([cost, save()]);
        }
    }
    let target = directory.path().join("restored.db");
    costs.extend([
        together,
        call("SELECT backup_status(?, ?)", &[&store, &key]),
        call("SELECT backup_scrub(?, ?)", &[&store, &key]),
        call("SELECT backup_scrub(?, ?, '{\"level\": \"hashes\"}')", &[&store, &key]),
    ]);
    server.answer_after(LATENCY);
    costs.push(call("SELECT backup_restore_file(?, ?, ?)", &[&store, &key, target.to_str().unwrap()]));
    costs
}

/// The rows of the table below a heading.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let (_, part) = PAGE.split_once(heading).unwrap_or_else(|| panic!("the page has no {heading}"));
    let part = part.split("\n## ").next().unwrap();
    let rows = part.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

fn number(text: &str) -> f64 {
    text.replace([',', '$'], "").parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

/// What the page says that each act costs.
fn told() -> Vec<Cost> {
    let rows = rows("## What was measured");
    assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), ACTS);
    let cost = |row: Vec<&str>| {
        let [puts, lists, gets, heads, sent, received, stored] = [1, 2, 3, 4, 5, 6, 7].map(|cell| number(row[cell]));
        Cost { puts, lists, gets, heads, sent, received, stored }
    };
    rows.into_iter().map(cost).collect()
}

fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn what_acts_cost_is_what_the_page_says() {
    let (measured, told) = (measured(), told());
    let mut table = String::new();
    for (act, cost) in ACTS.iter().zip(&measured) {
        let cells = cost.requests().into_iter().chain(cost.bytes()).map(grouped).collect::<Vec<_>>();
        writeln!(table, "| {act} | {} |", cells.join(" | ")).unwrap();
    }
    // Where an export cuts its pieces depends on the key, which is another one each time: so sizes differ a little, and which
    // saves put a full bundle.
    // How far a restore looks ahead depends on where the last full bundle stands.
    for ((act, measured), told) in ACTS.iter().zip(&measured).zip(&told) {
        let part = if *act == ACTS[7] { 0.4 } else { 0.05 };
        let is_near = |(a, b): (f64, f64)| (a - b).abs() <= part * b;
        let varies = [ACTS[3], ACTS[7]].contains(act);
        let near = measured.requests().into_iter().zip(told.requests()).all(is_near);
        let requests = if varies { near } else { measured.requests() == told.requests() };
        let bytes = measured.bytes().into_iter().zip(told.bytes()).all(is_near);
        assert!(bytes && requests, "{act}; the page should say:\n{table}");
    }
}

/// One client in a month of 30 days, from the acts of the page.
fn month(acts: &[Cost]) -> Cost {
    let [_, _, unchanged, together, status, _, hashes, restore] = acts else { unreachable!() };
    let changed = together.times(240.0 / SAVES as f64);
    let saves = changed.and(unchanged.times(480.0));
    saves.and(status.times(30.0)).and(*hashes).and(restore.times(1.0 / 12.0))
}

#[test]
fn a_month_is_what_the_page_says() {
    let acts = told();
    let month = month(&acts);
    let expected = [
        ("PUT", grouped(month.puts)),
        ("LIST", grouped(month.lists)),
        ("GET and HEAD", grouped(month.gets + month.heads)),
        ("bytes sent", grouped(month.sent)),
        ("bytes received", grouped(month.received)),
        ("bytes stored", grouped(month.stored)),
    ];
    let wrong = |column: &str, day: f64| format!("the month should be {expected:?}; {column}: {day}");
    let rows = rows("## A client's month");
    assert_eq!(rows.len(), expected.len());
    let each = [month.puts, month.lists, month.gets + month.heads, month.sent, month.received, month.stored];
    for ((row, (name, text)), value) in rows.iter().zip(&expected).zip(each) {
        let (day, million) = (grouped(value / 30.0), grouped(value / 30.0 * 1e6 / 86_400.0));
        assert!(
            row[0] == *name && row[1] == day && row[2] == *text && row[3] == million,
            "{}",
            wrong(&format!("{name}: {day}, {text}, {million}"), value / 30.0)
        );
    }
}

#[test]
fn what_a_million_clients_pay_is_what_the_page_says() {
    let acts = told();
    let (month, first) = (month(&acts), acts[0]);
    let prices = rows("## Prices");
    let bills = rows("## A million clients");
    assert!(prices.len() == bills.len() && prices.len() >= 3, "{prices:?}, {bills:?}");
    let mut wrong = Vec::new();
    for (price, bill) in prices.iter().zip(&bills) {
        let [put, list, get, storage, out] = [1, 2, 3, 4, 5].map(|cell| number(price[cell]));
        let million = 1e6;
        let requests = (month.puts * put + month.lists * list + (month.gets + month.heads) * get) / 1e6 * million;
        // At the end of the first month.
        let stored = (first.stored + month.stored) / GB * million;
        let traffic = month.received / GB * million * out;
        let all = requests + stored * storage + traffic;
        let cells = [requests, stored * storage, traffic, all].map(|dollars| format!("${}", grouped(dollars)));
        let one = format!("${:.4}", all / million);
        let row = format!("| {} | {} | {one} |", price[0], cells.join(" | "));
        if bill.join(" | ") != row.trim_matches(['|', ' ']) {
            wrong.push(row);
        }
    }
    assert!(wrong.is_empty(), "the page should say:\n{}", wrong.join("\n"));
}
