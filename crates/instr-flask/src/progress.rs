//! How far a request has come.

use otel_rs_core::context::Token;
use otel_rs_core::patch::Hold;
use otel_rs_core::text::Text;
use otel_rs_core::trace::Span;
use pyo3::prelude::*;

/// Where a request was met first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// In `wsgi_app`, inside of any middleware.
    Inside,
    /// In the `wsgi_app` that a subclass has in place of Flask's.
    Overridden,
    /// In `__call__` of an application that is measured around its middleware.
    AroundMiddleware,
    /// In `__call__`; it may be met inside of the middleware yet.
    Provisional,
    /// In a request context that the application's code has pushed itself.
    Pushed,
}

/// What has happened to a request so far.
#[derive(Default)]
pub(crate) struct Progress {
    pub stage: Stage,
    pub span: Option<Span>,
    pub is_server: bool,
    /// Held from the start of the span to the teardown, or to the return of `wsgi_app` if it has started at arrival.
    pub token: Option<Token>,
    /// Keeps the teardown ours until it has come.
    pub until_teardown: Option<Hold>,
    /// The context with the span, for the chunks of a stream.
    pub context: Option<Py<PyAny>>,
    /// Address of the request context that it is handled in, until that is torn down: copies of it are torn down too.
    pub request_context: usize,
    /// A request context for it has reached the application's own functions.
    pub dispatched: bool,
    pub torn_down: bool,
    /// The span has started when the request arrived.
    pub at_arrival: bool,
    pub route: Option<Text>,
    pub status: Option<Text>,
    /// The URL is excluded.
    pub excluded: bool,
    pub counted: bool,
    pub answered: bool,
    pub streamed: bool,
    /// What the application has raised and may answer, where that is to be recorded.
    pub raised: Option<Py<PyAny>>,
    pub span_ended: bool,
}

/// Who measures the request.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stage {
    /// A request that the wrapped methods have taken on.
    #[default]
    Taken,
    /// `__call__` of an application with a middleware around its `wsgi_app` keeps this in case that the middleware goes
    /// around our wrapper.
    Provisional,
    /// The inner `wsgi_app` has taken on the request after all, or it is over.
    Over,
}
