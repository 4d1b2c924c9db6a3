//! A store over a network: what one save sends, and how long a restore over many objects takes.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use lifeboat_host_tests::corpus::workspace;
use lifeboat_host_tests::equal::assert_equal;

use super::sql;
use crate::link::{Link, Quality, Traffic};
use crate::plot::Bar;
use crate::scene::Scene;
use crate::section::{Outcome, Section, grouped};
use crate::way::Spread;

/// 50 ms there and back, and 100 megabits a second.
const QUALITY: Quality = Quality { round_trip: Duration::from_millis(50), bytes_per_second: 12.5e6 };
/// How many saves make a path of 40 bundles: the full one, 9 short cuts over 256 saves, 15 over 16, and 15 deltas.
const SAVES: u32 = 10 * 256 - 1;
const OBJECTS: usize = 40;
/// How long litestream may take to notice a commit, and to send it.
const SETTLED: Duration = Duration::from_secs(3);

const OWN: &str = "Lifeboat, backup_save";
const PEER: &str = "litestream 0.5.17, replicate";

const ABOUT: &str = "An S3 server (rclone) on this machine, behind a line that takes 50 ms there and back and carries 100 megabits a second. First, what one commit \
    costs: 100 tokens of the ZKAP database are spent, or one row of a small database changes. The requests and bytes of litestream are those from 3 seconds before to 3 \
    seconds after the commit, without its later compactions; its bytes are not encrypted. Then a restore over a path of 40 bundles, on a machine that has nothing but the \
    store's name and the key, beside the transfer of as many bytes by one connection over the same line.";

/// A server that ends when this is dropped.
struct Server(Child, u16);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `BENCH=network`
pub fn run(scene: &Scene, rounds: usize) -> Section {
    fs::create_dir_all(scene.path().join("s3/bucket")).expect("the disk has room");
    let credentials = "[default]\naws_access_key_id = any\naws_secret_access_key = secret\n";
    fs::write(scene.path().join("credentials"), credentials).expect("the disk has room");
    let server = serve(scene);
    let mut table = String::from(
        "| one commit | requests | of them writes | bytes sent | bytes received |\n|---|--:|--:|--:|--:|\n",
    );
    let mut sent = Vec::new();
    for (database, change) in [("ZKAP", "spend.sql"), ("small", "change.sql")] {
        for (name, traffic) in
            [(OWN, save(scene, &server, database, change)), (PEER, replicate(scene, &server, database, change))]
        {
            let Traffic { requests, writes, sent: bytes, received } = traffic;
            let (bytes_text, received) = (grouped(bytes), grouped(received));
            table += &format!("| {database}: {name} | {requests} | {writes} | {bytes_text} | {received} |\n");
            sent.push((requests, bytes));
        }
    }
    let (restores, transfers) = restore(scene, rounds);
    table += "\n| 40 bundles | s | least to most |\n|---|--:|--:|\n";
    for (name, spread) in [("Lifeboat, restored", restores), ("the same bytes in one transfer", transfers)] {
        table += &format!("| {name} | {:.2} | {:.2} to {:.2} |\n", spread.median, spread.least, spread.most);
    }
    let ratio = restores.median / transfers.median;
    let outcomes = vec![
        Outcome {
            work: "restore over 40 bundles at 50 ms",
            against: "the transfer of the same bytes",
            goal: "at most 1.5 of its time".to_owned(),
            measured: format!("{ratio:.2}"),
            is_met: ratio <= 1.5,
        },
        Outcome {
            work: "save of 100 spent tokens to S3",
            against: "-",
            goal: "at most 4 requests".to_owned(),
            measured: format!("{} requests; litestream 0.5.17 {}", sent[0].0, sent[1].0),
            is_met: sent[0].0 <= 4,
        },
    ];
    let bars = vec![
        Bar::new("Lifeboat, 40 bundles restored", restores, seconds(restores)),
        Bar::new("one transfer", transfers, seconds(transfers)),
    ];
    let lines = vec![
        (OWN, sql("app.db", &store_call("backup_save", "ZKAP", 0, ", '{\\\"local\\\": \\\"net/ZKAP\\\"}'"))),
        (PEER, "litestream replicate -config litestream-s3-ZKAP.yml".to_owned()),
    ];
    Section { name: "network", about: ABOUT, ways: Vec::new(), table, lines, plot: ("seconds", bars), outcomes }
}

fn seconds(spread: Spread) -> String {
    format!("{:.2} s", spread.median)
}

fn store_call(function: &str, prefix: &str, port: u16, more: &str) -> String {
    let store = format!("'s3://bucket/{prefix}?endpoint=http://127.0.0.1:{port}&credentials=credentials'");
    match function {
        "backup_save" => format!("backup_save('file:app.key', {store}{more})"),
        _ => format!("{function}({store}, 'file:app.key'{more})"),
    }
}

fn serve(scene: &Scene) -> Server {
    let rclone = workspace().join("target/servers/bin/rclone");
    assert!(rclone.exists(), "rclone is missing; `make bench` installs what it needs");
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("there is a free port").port();
    let mut command = scene.command(rclone);
    command.args(["serve", "s3", "--addr", &format!("127.0.0.1:{port}"), "--auth-key", "any,secret"]);
    command.args(["--config", "none", "s3"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Server(command.spawn().expect("rclone starts"), port);
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < Duration::from_secs(60), "rclone does not answer");
        std::thread::sleep(Duration::from_millis(50));
    }
    server
}

/// The database before the change.
fn prepare(scene: &Scene, database: &str) {
    scene.shell(match database {
        "ZKAP" => "mkdir -p net; cp app.db net/ZKAP.db",
        _ => {
            "mkdir -p net; cp small.db net/small.db; sqlite3 net/small.db \"UPDATE t SET x = 'before' WHERE id = 500\"; \
             echo \"UPDATE t SET x = 'after' WHERE id = 500\" >change.sql"
        }
    });
}

/// What a save of the change sends.
fn save(scene: &Scene, server: &Server, database: &str, change: &str) -> Traffic {
    prepare(scene, database);
    let link = Link::to(server.1, QUALITY);
    let options = format!(", '{{\\\"local\\\": \\\"net/{database}\\\"}}'");
    let save = sql(&format!("net/{database}.db"), &store_call("backup_save", database, link.port, &options));
    scene.shell(&save);
    scene.shell(&format!("sqlite3 -bail net/{database}.db <{change}"));
    let before = link.traffic();
    scene.shell(&save);
    link.traffic().since(before)
}

/// What litestream sends for it, while it runs all the time.
fn replicate(scene: &Scene, server: &Server, database: &str, change: &str) -> Traffic {
    prepare(scene, database);
    let link = Link::to(server.1, QUALITY);
    let directory = scene.path().display();
    let config = format!(
        "logging: {{level: error, stderr: true}}\ndbs:\n  - path: {directory}/net/{database}.db\n    replica:\n      type: s3\n      \
         bucket: bucket\n      path: litestream-{database}\n      endpoint: http://127.0.0.1:{}\n      region: us-east-1\n      \
         force-path-style: true\n      access-key-id: any\n      secret-access-key: secret\n      sync-interval: 100ms\n",
        link.port
    );
    fs::write(scene.path().join(format!("litestream-s3-{database}.yml")), config).expect("the disk has room");
    let mut command = scene.command("litestream");
    command.args(["replicate", "-config", &format!("litestream-s3-{database}.yml")]).stdin(Stdio::null());
    // It refuses a bundle of certificates of this machine, and needs none.
    command.env_remove("AWS_CA_BUNDLE");
    let mut running = Server(command.spawn().expect("litestream starts; `make bench` installs it"), 0);
    // Until the whole database is there, and nothing more comes.
    let mut seen = link.traffic();
    loop {
        std::thread::sleep(SETTLED);
        let ended = running.0.try_wait().expect("it is a child");
        assert!(ended.is_none(), "litestream ended: {ended:?}");
        let now = link.traffic();
        if now.since(seen).writes == 0 && now.writes > 0 {
            break;
        }
        seen = now;
    }
    let before = link.traffic();
    scene.shell(&format!("sqlite3 -bail net/{database}.db <{change}"));
    std::thread::sleep(SETTLED);
    let traffic = link.traffic().since(before);
    assert!(traffic.writes > 0, "litestream sent nothing");
    drop(running);
    traffic
}

/// The seconds of restores over 40 bundles, and of the transfers of their bytes.
fn restore(scene: &Scene, rounds: usize) -> (Spread, Spread) {
    eprintln!("network: {SAVES} saves");
    let saves = (2..=SAVES).map(|number| {
        format!(
            "INSERT INTO tokens VALUES ({number}, randomblob(300));\nSELECT backup_save('file:app.key', 'dir:s3/bucket/path', \
             '{{\"local\": \"net/path\"}}') ->> 'number';\n"
        )
    });
    let script = format!(
        "PRAGMA journal_mode = wal; CREATE TABLE letters(id INTEGER PRIMARY KEY, letter BLOB); CREATE TABLE tokens(id INTEGER PRIMARY \
         KEY, token BLOB);\nWITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 20000) INSERT INTO letters SELECT i, \
         randomblob(1000) FROM c;\nSELECT backup_save('file:app.key', 'dir:s3/bucket/path', '{{\"local\": \"net/path\"}}');\n{}",
        saves.collect::<String>()
    );
    fs::write(scene.path().join("path.sql"), script).expect("the disk has room");
    scene.shell("sqlite3 -bail -cmd '.load dist/liblifeboat' net/path.db <path.sql");
    // A server that was there before has not seen them.
    let server = serve(scene);
    let (mut restores, mut transfers) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        eprintln!("network: round {round} of {rounds}");
        let _ = fs::remove_file(scene.path().join("net/restored.db"));
        let link = Link::to(server.1, QUALITY);
        let call = store_call("backup_restore_file", "path", link.port, ", 'net/restored.db'");
        let start = Instant::now();
        scene.shell(&sql(":memory:", &call));
        restores.push(start.elapsed().as_secs_f64());
        let traffic = link.traffic();
        // Requests besides those for bundles are few. Each bundle takes at least one.
        assert!(traffic.requests >= OBJECTS as u64, "{traffic:?}");
        assert_equal(&scene.path().join("net/path.db"), &scene.path().join("net/restored.db"));
        transfers.push(transfer(traffic.received));
    }
    (Spread::of(restores), Spread::of(transfers))
}

/// The seconds that one connection takes for so many bytes.
fn transfer(bytes: u64) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = listener.local_addr().expect("it listens").port();
    let sender = std::thread::spawn(move || {
        let (mut client, _) = listener.accept()?;
        std::io::copy(&mut std::io::repeat(0).take(bytes), &mut client)
    });
    let link = Link::to(port, QUALITY);
    let start = Instant::now();
    let mut server = TcpStream::connect(("127.0.0.1", link.port)).expect("the link listens");
    let received = std::io::copy(&mut server, &mut std::io::sink()).expect("the bytes come");
    assert_eq!(received, bytes);
    sender.join().expect("it sends").expect("the bytes are taken");
    start.elapsed().as_secs_f64()
}
