//! A host of the built component.

use bindings::exports::lifeboat::recovery::recovery::{Error, ErrorKind, Guest};
use std::path::PathBuf;
use std::sync::OnceLock;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store, StoreLimits, StoreLimitsBuilder};

pub mod bindings {
    wasmtime::component::bindgen!({ path: "../wit", world: "lifeboat" });
}

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
        Self::try_with_memory(bytes).expect("memory enough to begin with")
    }

    /// The same; none where it cannot even begin.
    pub fn try_with_memory(bytes: usize) -> Option<Self> {
        let component = component();
        let mut store = Store::new(component.engine(), StoreLimitsBuilder::new().memory_size(bytes).build());
        store.limiter(|limits| limits);
        let linker = Linker::new(component.engine());
        let lifeboat = bindings::Lifeboat::instantiate(&mut store, component, &linker).ok()?;
        Some(Self { store, lifeboat })
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
        (finish!($host, $resource, resource, $bundle, $size), resource)
    }};
}

/// The same for a chain: its deltas, then its full bundle.
macro_rules! run_chain {
    ($host:expr, $resource:ident, $bundles:expr, $size:expr, $($argument:expr),*) => {{
        let resource = call!($host, $resource.call_open($($argument),*)).expect("good arguments");
        let given = &$bundles;
        let bundles: Vec<&[u8]> = given.iter().map(|bundle| bundle.as_ref()).collect();
        let (full, deltas) = bundles.split_first().expect("a chain");
        let result = deltas.iter().try_for_each(|delta| {
            call!($host, $resource.call_begin_delta(resource))?;
            delta.chunks($size).try_for_each(|piece| call!($host, $resource.call_push_delta(resource, piece)))
        });
        let result = match result {
            Ok(()) => finish!($host, $resource, resource, full, $size),
            Err(error) => Err(error),
        };
        (result, resource)
    }};
}

/// Pushes a bundle in pieces of a size, and finishes.
macro_rules! finish {
    ($host:expr, $resource:ident, $open:expr, $bundle:expr, $size:expr) => {{
        let resource = $open;
        let mut result = Ok(());
        for piece in $bundle.chunks($size) {
            result = call!($host, $resource.call_push(resource, piece));
            if result.is_err() {
                break;
            }
        }
        match result {
            Ok(()) => call!($host, $resource.call_finish(resource)),
            Err(error) => Err(error),
        }
    }};
}

/// The word for the kind of an error.
pub fn kind(error: &Error) -> &'static str {
    match error.kind {
        ErrorKind::WrongKey => "wrong key",
        ErrorKind::Corrupt => "corrupt",
        ErrorKind::Truncated => "truncated",
        ErrorKind::Unsupported => "unsupported",
        ErrorKind::TooBig => "too big",
        ErrorKind::Misuse => "misuse",
        ErrorKind::Mismatch => "mismatch",
        ErrorKind::Host => "host",
    }
}
