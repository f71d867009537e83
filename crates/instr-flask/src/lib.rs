#![doc = include_str!("../README.md")]

mod apps;
mod copied;
mod flask;
mod hooks;
mod instrumentor;
mod overrides;
mod progress;
mod request;
mod serve;
mod settings;

use otel_rs_core::patch::{PatchPoint, PatchSet};
use otel_rs_core::plugin::Plugin;

/// The functions of Flask that are wrapped. Those of applications exist in Flask 1.1 to 3.2.
static FUNCTIONS: PatchSet = PatchSet::new(&[
    PatchPoint::around("flask.app", "Flask.__init__", hooks::make_app),
    PatchPoint::around("flask.app", "Flask.wsgi_app", hooks::wsgi_app),
    PatchPoint::around("flask.app", "Flask.full_dispatch_request", hooks::full_dispatch_request),
    PatchPoint::around("flask.app", "Flask.preprocess_request", hooks::preprocess_request),
    PatchPoint::around("flask.ctx", "RequestContext.copy", hooks::copy_context),
    // Flask 3.2 has one class for both contexts.
    PatchPoint::around("flask.ctx", "AppContext.copy", hooks::copy_context),
]);

/// What ends a request that one of the others has begun: it stays until all are torn down.
static TEARDOWN: PatchSet =
    PatchSet::new(&[PatchPoint::around("flask.app", "Flask.do_teardown_request", hooks::do_teardown_request)]);

/// Wrapped where exceptions are recorded that the application answers itself.
static HANDLED: PatchSet = PatchSet::new(&[
    PatchPoint::around("flask.app", "Flask.dispatch_request", hooks::dispatch_request),
    PatchPoint::around("flask.app", "Flask.handle_user_exception", hooks::handle_user_exception),
]);

/// The outermost function, wrapped for applications that may have a middleware around the `wsgi_app` of before. There is
/// none if Flask is imported later, as under the launcher, and each wrapper costs something with every request.
static ENTRY: PatchSet = PatchSet::new(&[PatchPoint::around("flask.app", "Flask.__call__", hooks::call_app)]);

/// What the stock instrumentation looks at before it instruments an application: ours all are, under `instrument()`.
static MARK: PatchSet =
    PatchSet::new(&[PatchPoint::value("flask.app", "Flask._is_instrumented_by_opentelemetry", |py| {
        otel_rs_core::pyo3::types::PyBool::new(py, true).to_owned().into_any().unbind()
    })]);

otel_rs_core::stock!(STOCK, "opentelemetry.instrumentation.flask", "FlaskInstrumentor");

otel_rs_core::inventory::submit! {
    Plugin {
        name: "flask",
        package: "otel_rs_instr_flask",
        version: env!("CARGO_PKG_VERSION"),
        instruments: &["flask >= 1.1, < 4"],
        stock: Some(&STOCK),
        instrumentor: &instrumentor::FlaskInstrumentor,
    }
}

otel_rs_core::plugin_module!(_native);
