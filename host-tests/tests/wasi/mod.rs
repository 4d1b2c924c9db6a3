//! A host of the command component: wasmtime with WASI, one directory and no network.
#![allow(dead_code, reason = "each program uses its part of this")]

use std::path::Path;
use std::sync::OnceLock;

use lifeboat_host_tests::host::dist;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Cache, Config, Engine, Store};
use wasmtime_wasi::p2::bindings::sync::Command;
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use wasmtime_wasi::{FsPerms, I32Exit, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// What a run of the command left.
#[derive(Debug)]
pub struct Run {
    /// 0 for success.
    pub code: i32,
    /// The standard output.
    pub out: String,
    /// The standard error.
    pub err: String,
}

struct Wasi {
    context: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Wasi {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.context, table: &mut self.table }
    }
}

/// The compiled command.
fn component() -> &'static Component {
    static COMPONENT: OnceLock<Component> = OnceLock::new();
    COMPONENT.get_or_init(|| {
        let mut config = Config::new();
        // Not compiled anew in each process.
        config.cache(Cache::from_file(None).ok());
        let engine = Engine::new(&config).expect("the host can compile");
        Component::from_file(&engine, dist("lifeboat-cli.wasm")).expect("it is a component")
    })
}

/// Runs the command with these arguments; `directory` is its current one, and the only one that it sees.
pub fn run(arguments: &[&str], directory: &Path, input: &[u8]) -> Run {
    let (out, err) = (MemoryOutputPipe::new(64 << 20), MemoryOutputPipe::new(1 << 20));
    let mut builder = WasiCtxBuilder::new();
    builder.arg("lifeboat-cli").args(arguments).stdout(out.clone()).stderr(err.clone());
    builder.stdin(MemoryInputPipe::new(input.to_vec()));
    let opened = builder.preopened_dir(directory, ".", FsPerms::ReadWrite);
    opened.expect("the directory is there");
    let engine = component().engine();
    let mut store = Store::new(engine, Wasi { context: builder.build(), table: ResourceTable::new() });
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker).expect("nothing is there twice");
    let command = Command::instantiate(&mut store, component(), &linker).expect("WASI is all that it needs");
    let code = match command.wasi_cli_run().call_run(&mut store) {
        Ok(Ok(())) => 0,
        Ok(Err(())) => 1,
        Err(error) => error.downcast_ref::<I32Exit>().unwrap_or_else(|| panic!("a trap: {error:?}")).0,
    };
    let text = |pipe: MemoryOutputPipe| String::from_utf8_lossy(&pipe.contents()).into_owned();
    Run { code, out: text(out), err: text(err) }
}
