//! A receiver of events on this machine, that answers as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With this status, and a short body.
    Status(u16),
    /// It redirects to this place.
    Redirect(String),
    /// It takes the request, and closes the connection.
    Cut,
    /// It takes the request, and says nothing.
    Silence,
    /// It says 200, and then sends bytes without end.
    Endless,
    /// It says 200, and that a few bytes follow, which never come.
    Stalled,
    /// It sends its answer byte by byte, and does not come to an end.
    Drips,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The first line: method and path.
    pub line: String,
    /// Lines of the head, with names in lower case.
    pub head: Vec<String>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The number of the event in the body.
    pub fn number(&self) -> u64 {
        serde_json::from_str::<serde_json::Value>(&self.body).unwrap()["number"].as_u64().unwrap()
    }
}

/// A connection, with or without encryption.
pub trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// What makes a connection of one that was just accepted.
type Over = Box<dyn Fn(TcpStream) -> Box<dyn Stream> + Send + Sync>;

struct Shared {
    over: Over,
    answer: Mutex<Answer>,
    asked: Mutex<Vec<Asked>>,
    ends: AtomicBool,
}

/// Listens until it is dropped.
pub struct Receiver {
    pub port: u16,
    scheme: &'static str,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    pub fn new(answer: Answer) -> Self {
        Self::over("http", Box::new(|client| Box::new(client)), answer)
    }

    /// One that is reached by this scheme.
    pub fn over(scheme: &'static str, over: Over, answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Shared { over, answer: Mutex::new(answer), asked: Mutex::default(), ends: AtomicBool::default() };
        let shared = Arc::new(shared);
        let own = shared.clone();
        let thread = std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if own.ends.load(Ordering::SeqCst) {
                    break;
                }
                let own = own.clone();
                std::thread::spawn(move || {
                    let mut client = BufReader::new((own.over)(client));
                    while serve(&mut client, &own).is_some() {}
                });
            }
        });
        Self { port, scheme, shared, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}/hook/hunter2", self.scheme, self.port)
    }

    pub fn answers(&self, answer: Answer) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    pub fn numbers(&self) -> Vec<u64> {
        self.asked().iter().map(Asked::number).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Takes one request and answers it. None: the connection ends.
fn serve(reader: &mut BufReader<Box<dyn Stream>>, shared: &Shared) -> Option<()> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let line = lines.remove(0);
    let lower =
        |line: String| line.split_once(':').map_or(line.clone(), |(name, value)| name.to_lowercase() + ":" + value);
    let head: Vec<_> = lines.into_iter().map(lower).collect();
    let mut asked = Asked { line, head, body: String::new() };
    let mut body = vec![0; asked.header("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8(body).unwrap();
    shared.asked.lock().unwrap().push(asked);
    let answer = shared.answer.lock().unwrap().clone();
    let wait = || {
        while !shared.ends.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    let client = reader.get_mut();
    match answer {
        Answer::Status(status) => {
            client.write_all(format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok").as_bytes()).ok()
        }
        Answer::Redirect(place) => {
            let head = format!("HTTP/1.1 307 X\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n");
            client.write_all(head.as_bytes()).ok()
        }
        Answer::Cut => None,
        Answer::Silence => {
            wait();
            None
        }
        Answer::Endless => {
            client.write_all(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n").ok()?;
            while !shared.ends.load(Ordering::SeqCst) {
                client.write_all(b"10000\r\n").ok()?;
                client.write_all(&[b'x'; 65536]).ok()?;
                client.write_all(b"\r\n").ok()?;
            }
            None
        }
        Answer::Stalled => {
            client.write_all(b"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n").ok()?;
            wait();
            None
        }
        Answer::Drips => {
            client.write_all(b"HTTP/1.1 200 X\r\n").ok()?;
            while !shared.ends.load(Ordering::SeqCst) {
                client.write_all(b"X-More: x\r\n").ok()?;
                std::thread::sleep(Duration::from_millis(100));
            }
            None
        }
    }
}
