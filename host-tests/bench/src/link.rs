//! A network between a client and a server on this machine: it takes time, and it carries so many bytes a second.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How many bytes go together.
const PIECE: usize = 16 << 10;
/// How many pieces of one connection are on the way.
const ON_THE_WAY: usize = 1024;

/// What a line is like.
#[derive(Clone, Copy)]
pub struct Quality {
    /// From one end to the other and back.
    pub round_trip: Duration,
    /// In each direction, of all connections together.
    pub bytes_per_second: f64,
}

/// What went over it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// Requests of HTTP.
    pub requests: u64,
    /// Of them those that write.
    pub writes: u64,
    /// To the server, with all heads.
    pub sent: u64,
    /// From the server, with all heads.
    pub received: u64,
}

/// It listens on a free port until it is dropped.
pub struct Link {
    /// The client's end.
    pub port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    quality: Quality,
    is_over: AtomicBool,
    requests: AtomicU64,
    writes: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    /// When each direction has carried all that was given to it.
    free: [Mutex<Instant>; 2],
}

#[derive(Clone, Copy)]
enum Direction {
    ToServer,
    ToClient,
}

impl Link {
    /// To a server on this port.
    pub fn to(server: u16, quality: Quality) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let port = listener.local_addr().expect("it listens").port();
        let shared = Arc::new(Shared {
            quality,
            is_over: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            free: [Mutex::new(Instant::now()), Mutex::new(Instant::now())],
        });
        let all = shared.clone();
        let thread = std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if all.is_over.load(Ordering::SeqCst) {
                    break;
                }
                all.connect(client, server);
            }
        });
        Self { port, shared, thread: Some(thread) }
    }

    /// What went over it since it is there.
    pub fn traffic(&self) -> Traffic {
        let read = |value: &AtomicU64| value.load(Ordering::SeqCst);
        let Shared { requests, writes, sent, received, .. } = &*self.shared;
        Traffic { requests: read(requests), writes: read(writes), sent: read(sent), received: read(received) }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // This wakes the thread that listens.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Traffic {
    /// What came since then.
    pub fn since(self, before: Self) -> Self {
        Self {
            requests: self.requests - before.requests,
            writes: self.writes - before.writes,
            sent: self.sent - before.sent,
            received: self.received - before.received,
        }
    }
}

impl Shared {
    fn connect(self: &Arc<Self>, client: TcpStream, server: u16) {
        // The client sees that nobody is there.
        let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { return };
        let again = |stream: &TcpStream| stream.try_clone().expect("a socket has a second handle");
        for stream in [&client, &server] {
            let _ = stream.set_nodelay(true);
        }
        self.carry(again(&client), again(&server), Direction::ToServer);
        self.carry(server, client, Direction::ToClient);
    }

    /// Carries bytes in one direction, until one end closes.
    fn carry(self: &Arc<Self>, mut from: TcpStream, to: TcpStream, direction: Direction) {
        let (sender, receiver) = sync_channel(ON_THE_WAY);
        let shared = self.clone();
        std::thread::spawn(move || arrive(&receiver, to));
        std::thread::spawn(move || shared.depart(&mut from, direction, &sender));
    }

    fn depart(&self, from: &mut TcpStream, direction: Direction, sender: &SyncSender<(Instant, Vec<u8>)>) {
        let mut piece = vec![0; PIECE];
        while let Ok(length) = from.read(&mut piece) {
            if length == 0 {
                break;
            }
            self.count(&piece[..length], direction);
            let carried = {
                let mut free = self.free[direction as usize].lock().expect("nobody panics with it");
                let time = Duration::from_secs_f64(length as f64 / self.quality.bytes_per_second);
                *free = (*free).max(Instant::now()) + time;
                *free
            };
            if sender.send((carried + self.quality.round_trip / 2, piece[..length].to_vec())).is_err() {
                break;
            }
        }
    }

    fn count(&self, piece: &[u8], direction: Direction) {
        let length = piece.len() as u64;
        match direction {
            Direction::ToClient => self.received.fetch_add(length, Ordering::SeqCst),
            Direction::ToServer => {
                let begins = |methods: &[&str]| methods.iter().any(|method| piece.starts_with(method.as_bytes()));
                let is_write = begins(&["PUT /", "POST /", "DELETE /"]);
                // A client sends one request after the other on a connection, and the head of each alone or first.
                self.requests.fetch_add(u64::from(is_write || begins(&["GET /", "HEAD /"])), Ordering::SeqCst);
                self.writes.fetch_add(u64::from(is_write), Ordering::SeqCst);
                self.sent.fetch_add(length, Ordering::SeqCst)
            }
        };
    }
}

fn arrive(receiver: &Receiver<(Instant, Vec<u8>)>, mut to: TcpStream) {
    while let Ok((at, piece)) = receiver.recv() {
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        if to.write_all(&piece).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
