//! A faulty connection to a server. It hands requests on, and breaks some of them.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What happens to one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The connection ends before the request reaches the server.
    Lost,
    /// The server carries out the request, but the connection ends before the answer.
    AnswerLost,
    /// The connection ends after this many bytes of the answer's body.
    Cut(usize),
    /// This many bytes of the answer's body come, then nothing more.
    Stall(usize),
    /// The request does not reach the server, and no answer comes.
    Silence,
    /// Each byte of the body comes alone.
    Slow,
    /// The request does not reach the server. The answer seems to be the server's: this status and
    /// this code.
    Status(u16, &'static str),
    /// The server seems to redirect to another place.
    Redirect(String),
    /// In the answer's body, one bit of this byte is wrong.
    Wrong(usize),
    /// The answer to the first request of this kind comes again.
    Old,
    /// The answer says that it has this many bytes, and it does.
    Long(u64),
}

#[derive(Default)]
struct Plan {
    faults: Mutex<BTreeMap<usize, Fault>>,
    always: Mutex<Option<Fault>>,
    requests: Mutex<Vec<String>>,
    old: Mutex<BTreeMap<String, Vec<u8>>>,
    count: AtomicUsize,
    end: AtomicBool,
}

/// Listens on a free port until it is dropped.
pub struct Proxy {
    pub port: u16,
    plan: Arc<Plan>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let plan = Arc::new(Plan::default());
        let shared = plan.clone();
        let thread = std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.end.load(Ordering::SeqCst) {
                    break;
                }
                let plan = shared.clone();
                std::thread::spawn(move || serve(client, server, &plan));
            }
        });
        Self { port, plan, thread: Some(thread) }
    }

    /// The request with this number fails like this. Numbers count from 0, from this call on.
    pub fn fail(&self, number: usize, fault: Fault) {
        let number = self.plan.count.load(Ordering::SeqCst) + number;
        self.plan.faults.lock().unwrap().insert(number, fault);
    }

    /// No request fails any more, unless all do.
    pub fn sound(&self) {
        self.plan.faults.lock().unwrap().clear();
    }

    /// All requests fail like this. None: they no longer fail.
    pub fn always(&self, fault: Option<Fault>) {
        *self.plan.always.lock().unwrap() = fault;
    }

    /// How many requests there were.
    pub fn count(&self) -> usize {
        self.plan.count.load(Ordering::SeqCst)
    }

    /// The heads of all requests.
    pub fn heads(&self) -> Vec<String> {
        self.plan.requests.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.plan.end.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        self.thread.take().unwrap().join().unwrap();
    }
}

/// The head and the body of one message. The head gives the length of the body.
fn message(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// Asks the server, and reads its answer to the end.
fn ask(server: u16, head: &str, body: &[u8]) -> Option<(String, Vec<u8>)> {
    let mut stream = TcpStream::connect(("127.0.0.1", server)).ok()?;
    let (first, rest) = head.split_once("\r\n")?;
    stream.write_all(format!("{first}\r\nConnection: close\r\n{rest}").as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    Some((head, answer.split_off(end)))
}

fn serve(mut client: TcpStream, server: u16, plan: &Plan) -> Option<()> {
    let (head, body) = message(&mut client)?;
    let number = plan.count.fetch_add(1, Ordering::SeqCst);
    plan.requests.lock().unwrap().push(head.clone());
    let fault = plan.faults.lock().unwrap().remove(&number).or_else(|| plan.always.lock().unwrap().clone());
    let line = head.lines().next()?.to_owned();
    match &fault {
        Some(Fault::Lost) => return None,
        Some(Fault::Silence) => {
            while !plan.end.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(20));
            }
            return None;
        }
        Some(Fault::Status(status, code)) => {
            let body = if line.starts_with("HEAD") {
                String::new()
            } else {
                format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>secret</Message></Error>")
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 {status} No\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
            return client.write_all(answer.as_bytes()).ok();
        }
        Some(Fault::Redirect(place)) => {
            let head = format!(
                "HTTP/1.1 307 Elsewhere\r\nLocation: {place}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            );
            return client.write_all(head.as_bytes()).ok();
        }
        Some(Fault::Long(length)) => {
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
            client.write_all(head.as_bytes()).ok()?;
            while !plan.end.load(Ordering::SeqCst) {
                client.write_all(&[b' '; 65536]).ok()?;
            }
            return None;
        }
        _ => {}
    }
    let (answer_head, mut answer) = ask(server, &head, &body)?;
    let first = plan.old.lock().unwrap().entry(line).or_insert_with(|| answer.clone()).clone();
    match fault {
        Some(Fault::AnswerLost) => return None,
        Some(Fault::Wrong(at)) => *answer.get_mut(at)? ^= 1,
        Some(Fault::Old) => {
            let lines = answer_head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("content-length"));
            let head = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\r\n");
            client.write_all(format!("{head}\r\nContent-Length: {}\r\n\r\n", first.len()).as_bytes()).ok()?;
            return client.write_all(&first).ok();
        }
        Some(Fault::Cut(length)) => {
            client.write_all(answer_head.as_bytes()).ok()?;
            return client.write_all(&answer[..length.min(answer.len())]).ok();
        }
        Some(Fault::Stall(length)) => {
            client.write_all(answer_head.as_bytes()).ok()?;
            client.write_all(&answer[..length.min(answer.len())]).ok()?;
            while !plan.end.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(20));
            }
            return None;
        }
        Some(Fault::Slow) => {
            client.set_nodelay(true).ok()?;
            client.write_all(answer_head.as_bytes()).ok()?;
            return answer.iter().try_for_each(|byte| {
                std::thread::sleep(Duration::from_micros(100));
                client.write_all(&[*byte]).ok()
            });
        }
        _ => {}
    }
    client.write_all(answer_head.as_bytes()).ok()?;
    client.write_all(&answer).ok()
}
