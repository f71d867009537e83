#![doc = include_str!("../README.md")]

mod collection;
mod coroutine;
mod future;
mod hooks;
mod instrumentor;
mod instruments;
mod process;
mod seen;
mod settings;
mod state;
mod thread;
mod types;

use otel_rs_core::patch::{Hook, PatchPoint, PatchSet};
use otel_rs_core::plugin::Plugin;

/// The functions of asyncio that are wrapped. `TaskGroup` came with Python 3.11.
static FUNCTIONS: PatchSet = PatchSet::new(&[
    function("create_task", |call| hooks::one(call, "coro")),
    function("ensure_future", |call| hooks::one(call, "coro_or_future")),
    function("wait_for", |call| hooks::one(call, "fut")),
    function("wait", hooks::several),
    function("as_completed", hooks::several),
    function("run_coroutine_threadsafe", |call| hooks::one(call, "coro")),
    function("gather", hooks::every_argument),
    function("to_thread", hooks::thread_function),
    PatchPoint::around("asyncio", "TaskGroup.create_task", hooks::task_of_a_group),
]);

/// What asyncio calls inside stays as it is: `wait_for` makes a task of what has been measured already.
const fn function(name: &'static str, hook: Hook) -> PatchPoint {
    PatchPoint::around("asyncio", name, hook).sparing("asyncio")
}

otel_rs_core::stock!(STOCK, "opentelemetry.instrumentation.asyncio", "AsyncioInstrumentor");

otel_rs_core::inventory::submit! {
    Plugin {
        name: "asyncio",
        package: "otel_rs_instr_asyncio",
        version: env!("CARGO_PKG_VERSION"),
        instruments: &[],
        stock: Some(&STOCK),
        instrumentor: &instrumentor::AsyncioInstrumentor,
    }
}

otel_rs_core::plugin_module!(_native);
