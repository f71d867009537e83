//! How far a request has come.

use otel_rs_core::context::Token;
use otel_rs_core::text::Text;
use otel_rs_core::trace::Span;
use pyo3::prelude::*;

/// Where a request was met first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// In `wsgi_app`, inside of any middleware.
    Inside,
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
    /// Held from the start of the span to the teardown.
    pub token: Option<Token>,
    /// The context with the span, for the chunks of a stream.
    pub context: Option<Py<PyAny>>,
    /// Address of the request context that the span was started in: copies of it are torn down too.
    pub request_context: usize,
    pub route: Option<Text>,
    pub status: Option<Text>,
    /// The URL is excluded.
    pub excluded: bool,
    pub counted: bool,
    pub answered: bool,
    pub streamed: bool,
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
