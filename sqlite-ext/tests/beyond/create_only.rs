//! A key that can create and not delete, in a bucket with versions that retains each object: what `manual/buckets.md` says of
//! it, with the policy from that page.

use crate::app::{Expected, change, content, counter, create};
use crate::common::*;
use crate::servers::Server;
use lifeboat_store::{Cancel, Place, StoreErrorKind};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

const PAGE: &str = include_str!("../../manual/buckets.md");
const BUCKET: &str = "locked";

/// The policy of the page, for this bucket.
fn policy() -> Value {
    let block =
        PAGE.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the page has a policy");
    serde_json::from_str(&block.replace("BUCKET", BUCKET)).unwrap()
}

/// A server with the bucket, the key that can create, and a key that may do all.
struct Bucket {
    server: Server,
    app: String,
    admin: String,
    /// With these headers, a request without a signature may do all.
    headers: Vec<(&'static str, &'static str)>,
}

/// Without an `Authorization`, moto takes a request for a stranger's. And a put has to name a checksum.
const ANY: &str =
    "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=none";

/// Writes a file of credentials, and gives the name of the bucket with it.
fn store(server: &Server, name: &str, key: &str, secret: &str) -> String {
    let file = server.directory.path().join(name);
    let text = format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n");
    fs::write(&file, text).unwrap();
    format!("s3://{BUCKET}/p?endpoint=http://127.0.0.1:{}&credentials={}", server.port, file.display())
}

/// SeaweedFS, whose configuration gives the policy to the key `app`.
fn seaweedfs() -> Bucket {
    let identity = json!({
        "name": "app",
        "credentials": [{ "accessKey": "app", "secretKey": "appsecret" }],
        "policyNames": ["create-only"],
    });
    let policies = json!([{ "name": "create-only", "content": policy().to_string() }]);
    let server = Server::seaweedfs_with(&format!(",{identity}],\"policies\":{policies}"));
    lock(&server);
    let (app, admin) = (store(&server, "app", "app", "appsecret"), store(&server, "admin", "any", "secret"));
    Bucket { server, app, admin, headers: Vec::new() }
}

/// moto, where a user has the policy.
fn moto() -> Bucket {
    let server = Server::moto();
    lock(&server);
    let all = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }],
    });
    let [app, admin] = [("app", policy()), ("admin", all)].map(|(user, policy)| {
        let iam = |action: &str| {
            let headers = [
                ("Content-Type", "application/x-www-form-urlencoded"),
                (
                    "Authorization",
                    "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/iam/aws4_request, Signature=none",
                ),
            ];
            let query = format!("Version=2010-05-08&UserName={user}&Action={action}");
            let (status, answer) = server.ask("POST", "/", &headers, query.as_bytes());
            assert_eq!(status, 200, "{answer}");
            answer
        };
        iam("CreateUser");
        let policy: String = policy.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
        iam(&format!("PutUserPolicy&PolicyName=p&PolicyDocument={policy}"));
        let made = iam("CreateAccessKey");
        let field = |name: &str| made.split_once(&format!("<{name}>")).unwrap().1.split('<').next().unwrap();
        store(&server, user, field("AccessKeyId"), field("SecretAccessKey"))
    });
    Bucket { server, app, admin, headers: vec![("Authorization", ANY), ("x-amz-sdk-checksum-algorithm", "SHA256")] }
}

impl Bucket {
    /// A request of somebody who may do all. moto asks nobody who he is meanwhile.
    fn ask(&self, method: &str, path: &str, more: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        self.asks_who(false);
        let headers = [&self.headers, more].concat();
        let answer = self.server.ask(method, &format!("/{BUCKET}{path}"), &headers, body);
        self.asks_who(true);
        answer
    }

    /// From now on moto asks who somebody is, or it does not. SeaweedFS always knows.
    fn asks_who(&self, asks: bool) {
        let count: &[u8] = if asks { b"0" } else { b"inf" };
        self.server.ask("POST", "/moto-api/reset-auth", &[("Content-Type", "text/plain")], count);
    }

    /// The versions of an object, the newest first.
    fn versions(&self, name: &str) -> Vec<String> {
        let (status, answer) = self.ask("GET", &format!("?versions&prefix=p/{name}"), &[], b"");
        assert_eq!(status, 200, "{answer}");
        let versions = answer.split("<Version>").skip(1);
        let id = |version: &str| version.split_once("<VersionId>").unwrap().1.split('<').next().unwrap().to_owned();
        versions.map(id).collect()
    }
}

/// The bucket retains each version of each object for a day, whoever asks.
fn lock(server: &Server) {
    server.bucket(BUCKET, &[("x-amz-bucket-object-lock-enabled", "true")]);
    let rule = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
                <Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>";
    let (status, answer) = server.ask("PUT", &format!("/{BUCKET}?object-lock"), &[], rule.as_bytes());
    assert_eq!(status, 200, "{answer}");
}

/// A database that is saved to the bucket and to a directory, with the key that can create.
struct Scene {
    bucket: Bucket,
    directory: TempDir,
    db: Connection,
    key: String,
    stores: String,
    expected: Expected,
}

impl Scene {
    fn new(bucket: Bucket) -> Self {
        bucket.asks_who(true);
        let directory = directory();
        let db = open(&directory.path().join("app.db"));
        create(&db);
        let key = key(&db);
        let stores = json!([bucket.app, format!("dir:{}", directory.path().join("copy").display())]).to_string();
        Self { bucket, directory, db, key, stores, expected: Expected::new() }
    }

    fn save(&self) -> Value {
        json(&self.db, "SELECT backup_save(?, ?)", params![self.key, self.stores])
    }

    fn scrub(&self, options: &str) -> Value {
        json(&self.db, "SELECT backup_scrub(?, ?, ?)", params![self.stores, self.key, options])
    }

    /// Keeps the last two saves.
    fn prune(&self, bucket: &str) -> Value {
        let stores = self.stores.replace(&self.bucket.app, bucket);
        let options = r#"{"keep": {"last": 2}, "dry_run": false, "force": true}"#;
        json(&self.db, "SELECT backup_prune(?, ?, ?)", params![stores, self.key, options])
    }

    /// What the bucket alone restores is what the database was then.
    fn check(&mut self, number: i64, counter: i64) {
        let target = self.directory.path().join("restored.db");
        let _ = fs::remove_file(&target);
        let store = format!("{}#seq={number}", self.bucket.app);
        json(&memory(), "SELECT backup_restore_file(?, ?, ?)", params![store, self.key, target.to_str()]);
        let restored = content(&Connection::open(&target).unwrap());
        assert!(restored == self.expected.of(counter), "save {number}");
    }

    /// An object of the bucket, of this save: the record, or its bundle.
    fn object(&self, number: i64, kind: &str) -> String {
        let domain: String =
            one(&self.db, "SELECT backup_scrub(?, ?) ->> '$.series[0].domain_id'", [&self.stores, &self.key]);
        let sql = "SELECT record, sha256 FROM backup_log(?, ?) WHERE number = ?";
        let parameters = params![self.bucket.app, self.key, number];
        let (record, bundle) = self.db.query_row(sql, parameters, |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let hash: String = if kind == "log" { record } else { bundle };
        let found = crate::common::files_below(&self.directory.path().join("copy"));
        let found = found.into_iter().find(|name| name.contains(&format!("{kind}/")) && name.ends_with(&hash));
        found.filter(|name| name.starts_with(&domain)).expect("the directory has it, too")
    }
}

/// Everything that the page promises of such a key.
fn keeps(bucket: Bucket) {
    let mut scene = Scene::new(bucket);
    // The 16th save has a short cut.
    let saves = 18;
    for number in 1..=saves {
        let saved = scene.save();
        assert_eq!((&saved["number"], &saved["done"]), (&json!(number), &json!(2)), "{saved}");
        change(&scene.db);
    }
    let saved = scene.save();
    assert_eq!((&saved["number"], &saved["done"]), (&json!(saves + 1), &json!(2)), "{saved}");
    let last = counter(&scene.db);
    assert_eq!(scene.save()["changed"], false);
    for (number, counter) in [(1, 0), (16, 15), (saves + 1, last)] {
        scene.check(number, counter);
    }
    for level in ["list", "hashes"] {
        let report = scene.scrub(&format!(r#"{{"level": "{level}"}}"#));
        assert_eq!(report["sound"], true, "{report}");
    }

    // It deletes nothing.
    let (record, bundle) = (scene.object(2, "log"), scene.object(2, "bundles"));
    let cancel = Cancel::never();
    let open = |name: &str| Place::parse(name).unwrap().open().unwrap();
    let error = open(&scene.bucket.app).delete(&record, &cancel).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
    assert!(error.to_string().ends_with("AccessDenied: the access key may not do this, or the object is retained"));

    // A damaged object is replaced. The versions before stay.
    let damages = || {
        let mut bytes = fs::read(scene.directory.path().join("copy").join(&bundle)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let (status, answer) = scene.bucket.ask("PUT", &format!("/p/{bundle}"), &[], &bytes);
        assert_eq!(status, 200, "{answer}");
        let found = scene.scrub(r#"{"level": "hashes"}"#);
        assert_eq!(found["series"][0]["copies"][0]["damaged"]["count"], 1, "{found}");
    };
    damages();
    let healed = scene.scrub(r#"{"level": "hashes", "repair": true}"#);
    let damaged = &healed["series"][0]["copies"][0]["damaged"];
    assert_eq!((&damaged["repaired"], &healed["sound"]), (&json!(1), &json!(true)), "{healed}");
    let versions = scene.bucket.versions(&bundle);
    assert_eq!(versions.len(), 3);
    // Or, without another copy, by hand: the oldest version is the right one.
    damages();
    let source = format!("/{BUCKET}/p/{bundle}?versionId={}", versions[2]);
    let (status, answer) = scene.bucket.ask("PUT", &format!("/p/{bundle}"), &[("x-amz-copy-source", &source)], b"");
    assert_eq!(status, 200, "{answer}");
    assert_eq!(scene.scrub(r#"{"level": "hashes"}"#)["sound"], true);
    assert_eq!(scene.bucket.versions(&bundle).len(), 5);

    // Somebody who may delete hides an object, and no more.
    open(&scene.bucket.admin).delete(&record, &cancel).unwrap();
    let found = scene.scrub("{}");
    assert_eq!(found["series"][0]["copies"][0]["missing"]["count"], 1, "{found}");
    assert_eq!(scene.scrub(r#"{"repair": true}"#)["sound"], true);
    assert_eq!(scene.bucket.versions(&record).len(), 2);

    // A prune with this key deletes nothing in the bucket, and says so.
    let report = scene.prune(&scene.bucket.app);
    let copy = &report["copies"][0];
    assert!(copy["retained"]["bundles"].as_u64() > Some(0) && copy["removed"]["bundles"] == 0, "{report}");
    assert!(copy["removed"]["records"] == 0 && report["done"] == false, "{report}");
    assert!(report["copies"][1]["removed"]["records"].as_u64() > Some(0), "{report}");
    for number in 1..=saves {
        scene.check(number, number - 1);
    }
    assert_eq!(scene.scrub(r#"{"level": "hashes"}"#)["sound"], true);

    // With a key that may delete it does. What it deletes is hidden, and stays in the bucket until the lock ends.
    let report = scene.prune(&scene.bucket.admin);
    assert!(report["copies"][0]["removed"]["records"].as_u64() > Some(0) && report["done"] == true, "{report}");
    assert_eq!(scene.bucket.versions(&record).len(), 2);
    let version = &scene.bucket.versions(&record)[0];
    let (status, answer) = scene.bucket.ask("DELETE", &format!("/p/{record}?versionId={version}"), &[], b"");
    assert_eq!(status, 403, "{answer}");
    change(&scene.db);
    let saved = scene.save();
    assert_eq!((&saved["number"], &saved["done"]), (&json!(saves + 2), &json!(2)), "{saved}");
    scene.check(saves + 2, last + 1);
}

#[test]
fn a_key_that_can_only_create_on_seaweedfs() {
    keeps(seaweedfs());
}

#[test]
fn a_key_that_can_only_create_on_moto() {
    keeps(moto());
}
