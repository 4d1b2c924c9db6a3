//! A bucket in memory that counts: just as much of S3 as Lifeboat asks for.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request and its answer: how many bytes they have, heads and bodies.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub kind: Kind,
    pub sent: usize,
    pub received: usize,
    /// Bytes that are stored now, and were not before.
    pub stored: usize,
}

/// What has a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Put,
    List,
    Get,
    Head,
}

#[derive(Default)]
struct Bucket {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    exchanges: Mutex<Vec<Exchange>>,
    /// How many milliseconds each answer waits.
    latency: AtomicU64,
}

/// It serves until the test ends.
pub struct Counting {
    pub port: u16,
    bucket: Arc<Bucket>,
}

impl Counting {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, bucket) = (listener.local_addr().unwrap().port(), Arc::new(Bucket::default()));
        let shared = bucket.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let bucket = shared.clone();
                thread::spawn(move || while serve(&client, &bucket).is_some() {});
            }
        });
        Self { port, bucket }
    }

    /// Each answer waits so long from now on, as over a network.
    pub fn answer_after(&self, latency: Duration) {
        self.bucket.latency.store(u64::try_from(latency.as_millis()).unwrap(), Ordering::Relaxed);
    }

    /// What was asked since the last call of this.
    pub fn exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.bucket.exchanges.lock().unwrap())
    }
}

struct Request {
    method: String,
    /// The name of the object, without the bucket.
    name: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
    length: usize,
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => (bytes.push(byte), rest = &tail[2..]).0,
            None => (bytes.push(*first), rest = tail).0,
        }
    }
    String::from_utf8(bytes).unwrap()
}

impl Request {
    fn read(client: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(client);
        let (mut lines, mut length) = (Vec::new(), 0);
        loop {
            let mut line = String::new();
            length += reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let mut first = lines.first()?.split(' ').map(str::to_owned);
        let (method, target) = (first.next()?, first.next()?);
        let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
        let headers: BTreeMap<_, _> = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
        // Nobody sends a second request before the answer to the first, so nothing else is in the buffer.
        reader.read_exact(&mut body).ok()?;
        length += body.len();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let name = path.trim_start_matches('/').split_once('/').map_or("", |(_, name)| name);
        let query = query.split('&').filter_map(|part| part.split_once('='));
        let query = query.map(|(name, value)| (name.to_owned(), unescaped(value))).collect();
        Some(Self { method, name: unescaped(name), query, headers, body, length })
    }

    /// The bytes that it asks for, of so many.
    fn range(&self, length: usize) -> std::ops::Range<usize> {
        let Some(range) = self.headers.get("range") else { return 0..length };
        let (start, end) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        start.parse().unwrap()..end.parse::<usize>().unwrap().saturating_add(1).min(length)
    }
}

fn serve(mut client: &TcpStream, bucket: &Bucket) -> Option<()> {
    let request = Request::read(client)?;
    thread::sleep(Duration::from_millis(bucket.latency.load(Ordering::Relaxed)));
    let mut objects = bucket.objects.lock().unwrap();
    let found = objects.get(&request.name);
    let headers = "ETag: \"5d41402abc4b2a76b9719d911017c592\"\r\nLast-Modified: Mon, 30 Nov 2026 00:00:00 GMT\r\n";
    let absent = ("404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>".to_vec());
    let mut stored = 0;
    let (kind, (status, mut answer)) = match request.method.as_str() {
        "PUT" if found.is_some() && request.headers.contains_key("if-none-match") => {
            (Kind::Put, ("412 Precondition Failed", b"<Error><Code>PreconditionFailed</Code></Error>".to_vec()))
        }
        "PUT" => {
            stored = request.body.len();
            objects.insert(request.name.clone(), request.body.clone());
            (Kind::Put, ("200 OK", Vec::new()))
        }
        "GET" if request.query.contains_key("list-type") => (Kind::List, ("200 OK", list(&objects, &request))),
        "GET" => {
            let part = |bytes: &Vec<u8>| ("206 Partial Content", bytes[request.range(bytes.len())].to_vec());
            (Kind::Get, found.map_or(absent, part))
        }
        "HEAD" => (Kind::Head, found.map_or(absent, |bytes| ("200 OK", bytes.clone()))),
        other => panic!("nobody should ask for {other}"),
    };
    let ranges = match (found_length(&objects, &request), kind) {
        (Some(length), Kind::Get) => {
            let range = request.range(length);
            format!("Content-Range: bytes {}-{}/{length}\r\n", range.start, range.end.saturating_sub(1))
        }
        _ => String::new(),
    };
    drop(objects);
    let mut head = format!("HTTP/1.1 {status}\r\n{headers}{ranges}Content-Length: {}\r\n\r\n", answer.len());
    if kind == Kind::Head {
        answer.clear();
    }
    let received = head.len() + answer.len();
    bucket.exchanges.lock().unwrap().push(Exchange { kind, sent: request.length, received, stored });
    let mut bytes = std::mem::take(&mut head).into_bytes();
    bytes.extend(answer);
    client.write_all(&bytes).ok()
}

fn found_length(objects: &BTreeMap<String, Vec<u8>>, request: &Request) -> Option<usize> {
    objects.get(&request.name).map(Vec::len)
}

/// One page of a list.
fn list(objects: &BTreeMap<String, Vec<u8>>, request: &Request) -> Vec<u8> {
    let asked = |name: &str| request.query.get(name).cloned();
    let prefix = asked("prefix").unwrap_or_default();
    let after = asked("continuation-token").or_else(|| asked("start-after")).unwrap_or_default();
    let most = asked("max-keys").map_or(1000, |most| most.parse().unwrap());
    let mut found = objects.iter().filter(|(name, _)| name.starts_with(&prefix) && **name > after);
    let page: Vec<_> = found.by_ref().take(most).collect();
    let mut answer = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult>".to_owned();
    for (name, bytes) in &page {
        write!(
            answer,
            "<Contents><Key>{name}</Key><LastModified>2026-11-30T00:00:00.000Z</LastModified>\
             <ETag>&quot;5d41402abc4b2a76b9719d911017c592&quot;</ETag><Size>{}</Size>\
             <StorageClass>STANDARD</StorageClass></Contents>",
            bytes.len()
        )
        .unwrap();
    }
    let next = found.next().and(page.last());
    if let Some((name, _)) = next {
        write!(answer, "<NextContinuationToken>{name}</NextContinuationToken>").unwrap();
    }
    write!(answer, "<KeyCount>{}</KeyCount><IsTruncated>{}</IsTruncated>", page.len(), next.is_some()).unwrap();
    answer += "</ListBucketResult>";
    answer.into_bytes()
}
