//! A host of the built component, and bundles for it.

use bindings::exports::lifeboat::recovery::recovery::{Error, Guest};
use lifeboat_core::{BundleWriter, Export, ExportOptions, RecoveryKey, Result, StateDigest, StateSink};
use lifeboat_sqlite::{Api, Connection, OpenMode, Snapshot, linked_api};
use rusqlite as _;
use std::cell::RefCell;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store, StoreLimits, StoreLimitsBuilder};

pub mod bindings {
    wasmtime::component::bindgen!({ path: "../wit", world: "lifeboat" });
}

pub const KEY: [u8; 32] = *b"a key for tests, that is no key.";
pub const PIECE: usize = 1 << 20;

/// The component of this build: `dist/lifeboat-recovery.wasm`, or the one in `$LIFEBOAT_DIST`.
pub fn component() -> &'static Component {
    static COMPONENT: OnceLock<Component> = OnceLock::new();
    COMPONENT.get_or_init(|| {
        let dist = std::env::var_os("LIFEBOAT_DIST").map(PathBuf::from);
        let dist = dist.unwrap_or_else(|| [env!("CARGO_MANIFEST_DIR"), "..", "dist"].iter().collect());
        let path = dist.join("lifeboat-recovery.wasm");
        Component::from_file(&Engine::default(), &path).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()))
    })
}

/// One instance of the component.
pub struct Host {
    pub store: Store<StoreLimits>,
    lifeboat: bindings::Lifeboat,
}

impl Host {
    pub fn new() -> Self {
        Self::with_memory(1 << 32)
    }

    /// With at most so many bytes of memory.
    pub fn with_memory(bytes: usize) -> Self {
        let component = component();
        let mut store = Store::new(component.engine(), StoreLimitsBuilder::new().memory_size(bytes).build());
        store.limiter(|limits| limits);
        let linker = Linker::new(component.engine());
        let lifeboat = bindings::Lifeboat::instantiate(&mut store, component, &linker).unwrap();
        Self { store, lifeboat }
    }

    /// The store, and what the component exports.
    pub fn parts(&mut self) -> (&mut Store<StoreLimits>, &Guest) {
        (&mut self.store, self.lifeboat.lifeboat_recovery_recovery())
    }
}

/// Drives one of the resources: `call!(host, database.pull(resource))`. A trap fails the test.
macro_rules! call {
    ($host:expr, $resource:ident . $method:ident ( $($argument:expr),* )) => {{
        let (store, guest) = $host.parts();
        guest.$resource().$method(store, $($argument),*).expect("a trap")
    }};
}

/// Opens a resource, pushes a bundle in pieces of a size, and finishes: the result, and the resource.
macro_rules! run {
    ($host:expr, $resource:ident, $bundle:expr, $size:expr, $($argument:expr),*) => {{
        let resource = call!($host, $resource.call_open($($argument),*)).expect("good arguments");
        let mut result = Ok(());
        for piece in $bundle.chunks($size) {
            result = call!($host, $resource.call_push(resource, piece));
            if result.is_err() {
                break;
            }
        }
        let result = match result {
            Ok(()) => call!($host, $resource.call_finish(resource)),
            Err(error) => Err(error),
        };
        (result, resource)
    }};
}

pub fn key() -> RecoveryKey {
    RecoveryKey::from_bytes(KEY).unwrap()
}

pub fn key_text() -> String {
    key().to_text().to_string()
}

/// A state that can be walked over.
pub trait State {
    fn walk(&self, sink: &mut impl StateSink) -> Result<()>;
}

impl State for Snapshot<'_> {
    fn walk(&self, sink: &mut impl StateSink) -> Result<()> {
        Snapshot::walk(self, sink)
    }
}

/// The bundle of a state.
pub fn bundle(state: &impl State) -> Vec<u8> {
    let key = key();
    let writer = RefCell::new(BundleWriter::new(&key, "test", Vec::new()).unwrap());
    let keys = key.domain(key.domain_id("test").unwrap());
    let mut export = Export::new(&keys, ExportOptions::default(), |chunk| writer.borrow_mut().chunk(&chunk));
    state.walk(&mut export).unwrap();
    let totals = export.finish().unwrap();
    writer.into_inner().finish(&totals).unwrap().1
}

pub fn api() -> Api {
    linked_api!()
}

/// The bundle of a database file.
pub fn bundle_of(path: &Path) -> Vec<u8> {
    let connection = Connection::open(api(), path.to_str().unwrap(), OpenMode::ReadOnly).unwrap();
    bundle(&Snapshot::open(&connection, "main").unwrap())
}

/// The state id of a database file, found by the SQLite of this test.
pub fn state_id_of(path: &Path) -> String {
    let connection = Connection::open(api(), path.to_str().unwrap(), OpenMode::ReadOnly).unwrap();
    let key = key();
    let keys = key.domain(key.domain_id("test").unwrap());
    let mut digest = StateDigest::new(&keys);
    Snapshot::open(&connection, "main").unwrap().walk(&mut digest).unwrap();
    digest.finish().unwrap().to_string()
}

/// The word for the kind of an error.
pub fn kind(error: &Error) -> &'static str {
    match error {
        Error::WrongKey(_) => "wrong key",
        Error::Corrupt(_) => "corrupt",
        Error::Truncated(_) => "truncated",
        Error::Unsupported(_) => "unsupported",
        Error::TooBig(_) => "too big",
        Error::Misuse(_) => "misuse",
        Error::Mismatch(_) => "mismatch",
        Error::Host(_) => "host",
    }
}

/// A database file that a script makes, gone at the end.
pub struct Database(PathBuf);

impl Database {
    pub fn new(script: &str) -> Self {
        let database = Self::unmade();
        rusqlite::Connection::open(&*database).unwrap().execute_batch(script).unwrap();
        database
    }

    /// A file with these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let database = Self::unmade();
        std::fs::write(&*database, bytes).unwrap();
        database
    }

    fn unmade() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("lifeboat-recovery-{}-{}.db", std::process::id(), COUNT.fetch_add(1, Relaxed));
        Self(std::env::temp_dir().join(name))
    }
}

impl Deref for Database {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
