//! A host of the recovery component: wasmtime, with nothing to import and a cap on memory. The component is compiled once
//! in each test program.
#![allow(dead_code, unused_imports, reason = "each program uses its part of this")]

use std::sync::OnceLock;

use lifeboat_host_tests::host::dist;
use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Config, Engine, Store, StoreLimits, StoreLimitsBuilder};

pub use bindings::exports::lifeboat::recovery::recovery::{
    Encoding, Error, ErrorKind, KeyValue, Layout, Missing, MissingRange, Place, Plan, RangeKey, Recovered, Remarks,
    Report, Salvaged, SalvagedDatabase, Save, SchemaKind, Standing, StatePart, StoredText, Summary, Value, Wanted,
    Which,
};

#[allow(missing_docs)]
mod bindings {
    wasmtime::component::bindgen!({ path: "../wit", world: "lifeboat" });
}

/// The largest piece that the component takes, in bytes.
pub const PIECE: usize = 1 << 20;

/// The compiled component.
pub fn component() -> &'static Component {
    static COMPONENT: OnceLock<Component> = OnceLock::new();
    COMPONENT.get_or_init(|| {
        let engine = Engine::new(&Config::new()).expect("the host can compile");
        Component::from_file(&engine, dist("lifeboat-recovery.wasm")).expect("it is a component")
    })
}

/// One instance. Each method is a call into it; a trap is a panic here, since none is allowed.
pub struct Instance {
    store: Store<StoreLimits>,
    lifeboat: bindings::Lifeboat,
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident = $resource:ident . $call:ident ($($arg:ident : $type:ty),*) -> $result:ty;)*) => {$(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(&mut self, $($arg: $type),*) -> Result<$result, Error> {
            let resource = self.lifeboat.lifeboat_recovery_recovery().$resource();
            resource.$call(&mut self.store, $($arg),*).expect("no call traps")
        }
    )*};
}

impl Instance {
    /// An instance that may have this many bytes of memory.
    pub fn new(memory: usize) -> Self {
        let mut store = Store::new(component().engine(), StoreLimitsBuilder::new().memory_size(memory).build());
        store.limiter(|limits| limits);
        let linker = Linker::new(component().engine());
        let lifeboat = bindings::Lifeboat::instantiate(&mut store, component(), &linker);
        Self { store, lifeboat: lifeboat.expect("it needs no imports") }
    }

    calls! {
        audit_open = audit.call_open(verify_key: Option<&str>, expect: Option<&str>) -> ResourceAny;
        audit_push = audit.call_push(audit: ResourceAny, piece: &[u8]) -> ();
        audit_finish = audit.call_finish(audit: ResourceAny) -> Report;
        inspection_open = inspection.call_open(key: &str, expect: Option<&str>) -> ResourceAny;
        inspection_begin_delta = inspection.call_begin_delta(inspection: ResourceAny) -> ();
        inspection_push_delta = inspection.call_push_delta(inspection: ResourceAny, piece: &[u8]) -> ();
        inspection_push = inspection.call_push(inspection: ResourceAny, piece: &[u8]) -> ();
        inspection_finish = inspection.call_finish(inspection: ResourceAny) -> Summary;
        database_open = database.call_open(key: &str, expect: Option<&str>, layout: Option<Layout>) -> ResourceAny;
        database_begin_delta = database.call_begin_delta(database: ResourceAny) -> ();
        database_push_delta = database.call_push_delta(database: ResourceAny, piece: &[u8]) -> ();
        database_push = database.call_push(database: ResourceAny, piece: &[u8]) -> ();
        database_finish = database.call_finish(database: ResourceAny) -> Recovered;
        database_pull = database.call_pull(database: ResourceAny) -> Option<Vec<u8>>;
        rows_open = rows.call_open(key: &str, expect: Option<&str>) -> ResourceAny;
        rows_begin_delta = rows.call_begin_delta(rows: ResourceAny) -> ();
        rows_push_delta = rows.call_push_delta(rows: ResourceAny, piece: &[u8]) -> ();
        rows_push = rows.call_push(rows: ResourceAny, piece: &[u8]) -> ();
        rows_next = rows.call_next(rows: ResourceAny) -> Option<Batch>;
        rows_pull = rows.call_pull(rows: ResourceAny) -> Option<Vec<u8>>;
        rows_finish = rows.call_finish(rows: ResourceAny) -> Summary;
        salvage_open = salvage.call_open(key: &str) -> ResourceAny;
        salvage_begin_bundle = salvage.call_begin_bundle(salvage: ResourceAny) -> ();
        salvage_push = salvage.call_push(salvage: ResourceAny, piece: &[u8]) -> ();
        salvage_finish = salvage.call_finish(salvage: ResourceAny) -> Salvaged;
        salvage_next = salvage.call_next(salvage: ResourceAny) -> Option<Batch>;
        salvage_pull = salvage.call_pull(salvage: ResourceAny) -> Option<Vec<u8>>;
        salvage_build = salvage.call_build(salvage: ResourceAny, layout: Option<Layout>) -> SalvagedDatabase;
        salvage_pull_file = salvage.call_pull_file(salvage: ResourceAny) -> Option<Vec<u8>>;
        copies_open = copies.call_open(key: &str, domain: Option<&str>, which: &Which) -> ResourceAny;
        copies_add_names = copies.call_add_names(copies: ResourceAny, copy: u32, names: &[String]) -> ();
        copies_next = copies.call_next(copies: ResourceAny) -> Option<Wanted>;
        copies_push = copies.call_push(copies: ResourceAny, piece: &[u8]) -> bool;
        copies_absent = copies.call_absent(copies: ResourceAny, why: &str) -> ();
        copies_saves = copies.call_saves(copies: ResourceAny) -> Vec<Save>;
        copies_plan = copies.call_plan(copies: ResourceAny) -> Option<Plan>;
        copies_remarks = copies.call_remarks(copies: ResourceAny) -> Remarks;
    }

    /// Checks that bundles are a chain.
    #[track_caller]
    pub fn check_links(&mut self, reports: &[Report]) -> Result<(), Error> {
        self.lifeboat.lifeboat_recovery_recovery().call_check_links(&mut self.store, reports).expect("no call traps")
    }

    /// Recovers a whole database file from a bundle given in pieces of this size, and hands out its pieces.
    #[track_caller]
    pub fn recover(
        &mut self,
        bundle: &[u8],
        key: &str,
        piece: usize,
        out: impl FnMut(&[u8]),
    ) -> Result<Recovered, Error> {
        self.recover_chain(&[bundle], key, piece, out)
    }

    /// The same from a chain, oldest first.
    #[track_caller]
    pub fn recover_chain(
        &mut self,
        bundles: &[impl AsRef<[u8]>],
        key: &str,
        piece: usize,
        mut out: impl FnMut(&[u8]),
    ) -> Result<Recovered, Error> {
        let bundles: Vec<&[u8]> = bundles.iter().map(AsRef::as_ref).collect();
        let (full, deltas) = bundles.split_first().expect("a chain has a bundle");
        let database = self.database_open(key, None, None)?;
        for delta in deltas {
            self.database_begin_delta(database)?;
            delta.chunks(piece).try_for_each(|piece| self.database_push_delta(database, piece))?;
        }
        for piece in full.chunks(piece) {
            self.database_push(database, piece)?;
        }
        let recovered = self.database_finish(database)?;
        while let Some(piece) = self.database_pull(database)? {
            assert!(!piece.is_empty() && piece.len() <= PIECE, "a piece of {} bytes", piece.len());
            out(&piece);
        }
        self.drop(database);
        Ok(recovered)
    }

    /// Lets go of a resource.
    pub fn drop(&mut self, resource: ResourceAny) {
        resource.resource_drop(&mut self.store).expect("no call traps");
    }
}

pub use bindings::exports::lifeboat::recovery::recovery::Batch;

/// The kind of an error, as the interface names it, and its text.
pub fn case(error: &Error) -> (&'static str, &str) {
    let kind = match error.kind {
        ErrorKind::WrongKey => "wrong-key",
        ErrorKind::Corrupt => "corrupt",
        ErrorKind::Truncated => "truncated",
        ErrorKind::Unsupported => "unsupported",
        ErrorKind::TooBig => "too-big",
        ErrorKind::Misuse => "misuse",
        ErrorKind::Mismatch => "mismatch",
        ErrorKind::Host => "host",
    };
    (kind, &error.text)
}
