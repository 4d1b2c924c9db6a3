//! The recovery page, `dist/lifeboat-recover.html`, in Chromium: what people do with it, and what it must not do. The tests
//! themselves are in `browser/`; here their bundles are made, and what the page saved is compared.

#[path = "copies/scene.rs"]
mod scene;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use lifeboat_host_tests::corpus::{self, package};
use lifeboat_host_tests::equal::assert_equal;
use lifeboat_host_tests::history::{History, LIFE};
use lifeboat_host_tests::host::{Host, dist, keygen, program, quote};
use lifeboat_host_tests::packages;
use lifeboat_host_tests::zkap::Size;
use scene::{SAVES, Scene};
use tempfile::{TempDir, tempdir};

/// What the tests need besides: the tests of this program run side by side.
static MODULES: LazyLock<PathBuf> = LazyLock::new(packages::browser);

/// What the page gets, and what it saves.
struct Fixtures(TempDir, String);

impl Fixtures {
    fn new() -> Self {
        let fixtures = Self(tempdir().unwrap(), keygen());
        fs::write(fixtures.path("key"), &fixtures.1).unwrap();
        fs::write(fixtures.path("other.key"), keygen()).unwrap();
        for kind in ["write", "read"] {
            let sql = format!("SELECT backup_{kind}_key({})", quote(&fixtures.1));
            fs::write(fixtures.path(&format!("{kind}.key")), Host::Shell.ok(Path::new(":memory:"), &sql)).unwrap();
        }
        fixtures
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A database that lives on, in three states: `0.bundle`, `1.bundle`, `2.bundle`.
    fn with_history(self) -> (Self, History) {
        let mut history = History::begin(self.0.path(), &corpus::zkap(Size::SMALL), &self.1);
        LIFE[..2].iter().for_each(|sql| history.live(sql));
        (self, history)
    }

    /// A bundle of this database.
    fn export(&self, database: &Path, name: &str, options: &str) {
        let arguments = [&self.1, self.path(name).to_str().unwrap(), options].map(quote).join(", ");
        Host::Shell.ok(database, &format!("SELECT length(backup_export_file({arguments}))"));
    }

    /// What the same component recovers in another host.
    fn elsewhere(&self, bundles: &[&str], name: &str) -> PathBuf {
        let mut host = Command::new(program("lifeboat-rust-host"));
        host.arg(dist("lifeboat-recovery.wasm")).args(bundles.iter().map(|name| self.path(name)));
        let output = host.arg(self.path("key")).arg(self.path(name)).output().expect("`make test` builds the example");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.path(name)
    }

    /// Runs the tests of a file in `browser/`.
    #[track_caller]
    fn run(&self, test: &str) {
        run(test, self.0.path());
    }

    /// A database with each type of value, of which the bundle leaves a table out; bundles that are damaged; what is none.
    fn with_others(self) -> Self {
        let sql = "CREATE TABLE v (x); INSERT INTO v VALUES (NULL), (-9223372036854775808), (1.0), (-9e999), (x'00ff'),
                (zeroblob(5000)), ('<b>a' || char(0, 0x202e) || '</b>'), (replace(hex(zeroblob(1000000)), '0', 'x'));
            CREATE TABLE n (k TEXT PRIMARY KEY, i) WITHOUT ROWID;
            WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 1000)
            INSERT INTO n SELECT printf('k%04d', i), i FROM i; CREATE INDEX computed ON n (round(i, 1)) WHERE i > 1;
            CREATE TABLE secret (s); INSERT INTO secret VALUES ('left out');";
        Host::Shell.ok(&self.path("values.db"), sql);
        self.export(&self.path("values.db"), "values.bundle", r#"{"exclude": ["secret"]}"#);
        let whole = fs::read(self.path("0.bundle")).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        fs::write(self.path("flipped.bundle"), flipped).unwrap();
        fs::write(self.path("cut.bundle"), &whole[..5000]).unwrap();
        let mut delta = fs::read(self.path("1.bundle")).unwrap();
        let middle = delta.len() / 2;
        delta[middle] ^= 1;
        fs::write(self.path("1.damaged.bundle"), delta).unwrap();
        fs::write(self.path("noise"), [7; 5000]).unwrap();
        fs::write(self.path("empty"), []).unwrap();
        self
    }
}

/// Runs the tests of a file in `browser/`, with the fixtures in this directory.
#[track_caller]
fn run(test: &str, fixtures: &Path) {
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec"]).arg(package().join("browser").join(test));
    node.env("LIFEBOAT_PAGE", dist("lifeboat-recover.html")).env("TZ", "UTC");
    node.env("LIFEBOAT_FIXTURES", fixtures).env("LIFEBOAT_MODULES", &*MODULES);
    let output = node.output().expect("node is installed");
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{test}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn chains_are_found() {
    let fixtures = Fixtures::new();
    fixtures.run("chain.test.mjs");
}

/// Files, chains, keys, damage, rows; and what is saved is the database, byte for byte as the component gives it elsewhere.
#[test]
fn recovery() {
    let (fixtures, history) = Fixtures::new().with_history();
    let fixtures = fixtures.with_others();
    for (state, chain) in [(0, &["0.bundle"][..]), (2, &["0.bundle", "1.bundle", "2.bundle"])] {
        assert_equal(&history.database(state), &fixtures.elsewhere(chain, &format!("elsewhere-{state}.db")));
    }
    fixtures.run("recover.test.mjs");
    for state in [0, 1, 2] {
        assert_equal(&history.database(state), &fixtures.path(&format!("saved-{state}.db")));
    }
}

/// Folders that hold copies: the newest save, an older one where that is lost, and what stands in the way.
#[test]
fn copies() {
    let scene = Scene::new();
    let write = |name: &str, content: &[u8]| fs::write(scene.path(name), content).unwrap();
    write("key", scene.key.as_bytes());
    write("other.key", keygen().as_bytes());
    write("facts.json", serde_json::json!({ "states": scene.states }).to_string().as_bytes());
    scene.without_bundles("newest lost", &[SAVES]);
    scene.without_bundles("middle lost", &[36]);
    scene.damaged("record damaged", SAVES, "/log/");
    scene.with_junk("junk");
    scene.forked();
    scene.with_second("two series");
    scene.without_bundles("place/copy", &[]);
    write("place/my.key", scene.key.as_bytes());
    fs::copy(scene.path("app.db"), scene.path("place/app.db")).unwrap();
    for directory in ["many", "empty files"] {
        fs::create_dir(scene.path(directory)).unwrap();
    }
    (0..300).for_each(|number| write(&format!("many/{number}.txt"), b"a"));
    write("empty files/nothing.bundle", b"");
    run("copies.test.mjs", scene.directory());
    assert_equal(&scene.path("states/45.db"), &scene.path("saved-sound.db"));
    assert_equal(&scene.path("states/44.db"), &scene.path("saved-older.db"));
}

#[test]
fn a_file_on_disk() {
    let (fixtures, _) = Fixtures::new().with_history();
    fixtures.elsewhere(&["0.bundle"], "elsewhere-0.db");
    fixtures.run("disk.test.mjs");
}

/// Promise 8 goes on in the page: there is no way out of it.
#[test]
fn no_network() {
    Fixtures::new().run("policy.test.mjs");
}

/// The key on paper: one page of it, and gone when it is closed.
#[test]
fn the_recovery_sheet() {
    let (fixtures, _) = Fixtures::new().with_history();
    fixtures.run("sheet.test.mjs");
    for (name, file) in [("recovery", "key"), ("dark", "key"), ("write", "write.key"), ("read", "read.key")] {
        let key = fs::read_to_string(fixtures.path(file)).unwrap();
        assert_eq!(scanned(&fixtures.path(&format!("{name}.dots"))), key.trim(), "{name}");
    }
}

/// What a camera reads of a picture: its width and height, then a byte of grey for each dot.
fn scanned(picture: &Path) -> String {
    let bytes = fs::read(picture).unwrap();
    let (size, dots) = bytes.split_at(8);
    let [width, height] = [&size[..4], &size[4..]].map(|side| u32::from_le_bytes(side.try_into().unwrap()) as usize);
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| dots[y * width + x]);
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1, "QR codes in {}", picture.display());
    grids[0].decode().unwrap().1
}

#[test]
fn what_is_cleared_is_gone() {
    let (fixtures, _) = Fixtures::new().with_history();
    fixtures.run("forget.test.mjs");
}

#[test]
fn accessible() {
    let (fixtures, _) = Fixtures::new().with_history();
    fixtures.with_others().run("access.test.mjs");
}

/// What the command `lifeboat report` writes, with texts that want to run.
#[test]
fn the_report() {
    let fixtures = Fixtures::new();
    let name = |name: &str| fixtures.path(name).to_str().unwrap().to_owned();
    let stores = ["disk", "stick"].map(|store| format!("dir:{}", name(store)));
    for (number, label) in (0..12).zip(["daily", "<script>alert('hi')</script>"].iter().cycle()) {
        let options = format!(r#"{{"label": "{label}", "date": {}}}"#, 1_790_000_000 + 86_400 * number);
        let stores = serde_json::to_string(&stores).unwrap();
        let save = [&fixtures.1, &stores, &options].map(quote).join(", ");
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS t(x); INSERT INTO t VALUES (randomblob(1000)); SELECT backup_save({save}) IS NULL"
        );
        Host::Shell.ok(&fixtures.path("app.db"), &sql);
    }
    // `make test` builds it for its own tests.
    let test = std::env::current_exe().unwrap();
    let mut command = Command::new(test.ancestors().nth(3).unwrap().join("debug/lifeboat"));
    command.arg("report").args(&stores).args(["--out", &name("report.html"), "--key-file", &name("key")]);
    let output = command
        .args(["--local", &name("app.db-lifeboat")])
        .output()
        .expect("`cargo build -p lifeboat-command` makes it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fixtures.run("report.test.mjs");
}

/// Z13, Z14: the acceptance database, while the page goes on answering.
#[test]
fn the_acceptance_database() {
    let fixtures = Fixtures::new();
    let source = corpus::zkap(Size::ACCEPTANCE);
    fixtures.export(&source, "zkap.bundle", "{}");
    fixtures.run("large.test.mjs");
    let saved = fixtures.path("saved-zkap.db");
    assert_equal(&source, &saved);
    let elsewhere = fixtures.elsewhere(&["zkap.bundle"], "elsewhere-zkap.db");
    assert!(fs::read(saved).unwrap() == fs::read(elsewhere).unwrap(), "not the bytes that it has elsewhere");
}
