#![doc = include_str!("../README.md")]

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
    function("create_task", hooks::first_argument),
    function("ensure_future", hooks::first_argument),
    function("wait_for", hooks::first_argument),
    function("wait", hooks::first_argument),
    function("as_completed", hooks::first_argument),
    function("run_coroutine_threadsafe", hooks::first_argument),
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
