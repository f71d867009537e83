//! What every HTTP server instrumentation does with a request: its span, its metrics, its hooks.

use std::time::Duration;

use otel_rs_abi::KeyValue;
use otel_rs_semconv::http::attributes::{ERROR_TYPE, HTTP_ROUTE};
use otel_rs_semconv::http::instruments::ServerInstruments;
use otel_rs_semconv::http::{Request, ResponseStatus, default_span_name, route_span_name};
use otel_rs_semconv::{Convention, Stability};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use super::headers::{Captured, set_on};
use super::{CapturedHeaders, EnvironFacts, call_hook};
use crate::Scope;
use crate::context;
use crate::environment;
use crate::metrics::{Instrument, Meter};
use crate::propagation::Incoming;
use crate::text::Text;
use crate::trace::{Span, SpanBuilder, SpanKind, StatusCode, Tracer};

/// An instrumented HTTP server: its settings, read when it starts to instrument, its tracer and its instruments.
pub struct HttpServer {
    stability: Stability,
    low_cardinality_names: bool,
    capture: PyOnceLock<Capture>,
    tracer: Tracer,
    active_requests: Instrument,
    duration_old: Option<Instrument>,
    duration_new: Option<Instrument>,
    request_hook: Option<Py<PyAny>>,
    response_hook: Option<Py<PyAny>>,
}

/// What is captured of requests, by the variables that the stock instrumentations read with each one. They are read
/// here at the first request, so that what a program sets after `instrument()` still counts.
struct Capture {
    all_methods: bool,
    headers: CapturedHeaders,
}

/// The span of a request, as it was started.
pub struct ServerSpan<'py> {
    /// The span.
    pub span: Span,
    /// Whether it is the server span of its process; it is internal under an outer span.
    pub is_server: bool,
    /// The context that it was started in.
    pub incoming: Incoming<'py>,
    /// Its captured request headers, which it was started with.
    captured: Vec<Captured>,
}

/// What a duration says of the response.
pub struct Response<'a> {
    /// The status, if the response started.
    pub status: Option<ResponseStatus<'a>>,
    /// The route, if one matched.
    pub route: Option<&'a str>,
    /// Qualified name of the exception that the application raised instead of answering, where that is reported.
    pub error_type: Option<&'a str>,
}

impl HttpServer {
    /// Reads `OTEL_SEMCONV_STABILITY_OPT_IN` and the keyword arguments `tracer_provider`, `meter_provider`, `request_hook` and
    /// `response_hook`. The providers are bound late.
    ///
    /// # Errors
    ///
    /// What looking into the options raises.
    pub fn new(
        name: &'static str,
        version: &'static str,
        instruments: fn(Stability) -> ServerInstruments,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let py = options.py();
        let hook = |name: &str| -> PyResult<Option<Py<PyAny>>> {
            Ok(options.get_item(name)?.filter(|hook| hook.is_callable()).map(Bound::unbind))
        };
        let stability = Stability::from_opt_in(std::env::var(Stability::VARIABLE).ok().as_deref());
        let scope = Scope { name, version, schema_url: stability.schema_url() };
        let meter = Meter::from_options(scope, options)?;
        let instruments = instruments(stability);
        Ok(Self {
            stability,
            low_cardinality_names: environment::switched_on(py, "OTEL_RS_HTTP_LOW_CARDINALITY_SPAN_NAMES"),
            capture: PyOnceLock::new(),
            tracer: Tracer::from_options(scope, options)?,
            active_requests: meter.instrument(py, instruments.active_requests),
            duration_old: instruments.duration_old.map(|definition| meter.instrument(py, definition)),
            duration_new: instruments.duration_new.map(|definition| meter.instrument(py, definition)),
            request_hook: hook("request_hook")?,
            response_hook: hook("response_hook")?,
        })
    }

    /// Which conventions are reported.
    pub fn stability(&self) -> Stability {
        self.stability
    }

    /// Whether unknown methods are reported as they are.
    pub fn captures_all_methods(&self, py: Python<'_>) -> bool {
        self.capture(py).all_methods
    }

    fn capture(&self, py: Python<'_>) -> &Capture {
        if let Some(capture) = self.capture.get(py) {
            return capture;
        }
        // Compiling a pattern runs Python code, and may log: the value is made before it is set.
        let capture = Capture { all_methods: captures_all_methods(), headers: CapturedHeaders::from_environment(py) };
        self.capture.get_or_init(py, || capture)
    }

    /// The name of a request's span: `{method} {route}`, or without a route `{method} {path}`. With
    /// `OTEL_RS_HTTP_LOW_CARDINALITY_SPAN_NAMES` it is the method alone without a route, since clients choose paths.
    pub fn span_name(&self, py: Python<'_>, facts: &EnvironFacts, route: Option<&str>) -> String {
        let all_methods = self.captures_all_methods(py);
        match route {
            Some(route) => route_span_name(facts.method(), all_methods, route),
            None if self.low_cardinality_names => default_span_name(facts.method(), all_methods, ""),
            None => default_span_name(facts.method(), all_methods, facts.path()),
        }
    }

    /// The name of a request of which nothing else is known: its method.
    pub fn method_name(&self, py: Python<'_>, facts: &EnvironFacts) -> String {
        default_span_name(facts.method(), self.captures_all_methods(py), "")
    }

    /// Reads the facts of a request.
    ///
    /// # Errors
    ///
    /// As [`EnvironFacts::read`].
    pub fn read(&self, environ: &Bound<'_, PyDict>) -> PyResult<EnvironFacts> {
        EnvironFacts::read(environ, self.stability, self.captures_all_methods(environ.py()))
    }

    /// Changes the number of active requests.
    pub fn count(&self, py: Python<'_>, facts: &EnvironFacts, change: f64) {
        let request = facts.request();
        let mut attributes = Vec::with_capacity(8);
        request.active_request_attributes(self.stability, &mut attributes);
        self.active_requests.record(py, change, &attributes, None);
    }

    /// Starts the span of a request; it does not become current. It is the server span, with the remote parent that the
    /// environ names, unless there is a current span: then it is internal.
    ///
    /// # Errors
    ///
    /// What the provider raises.
    pub fn start<'py>(
        &self,
        environ: &Bound<'py, PyDict>,
        facts: &EnvironFacts,
        name: &str,
        route: Option<&str>,
        start_time_ns: Option<u64>,
    ) -> PyResult<ServerSpan<'py>> {
        let py = environ.py();
        let current = context::current(py)?;
        let is_server = context::span_in(&current)?.is_none();
        let incoming = match is_server {
            true => Incoming::from_environ(environ)?,
            false => Incoming { parent: None, context: current },
        };
        // A server span's captured headers are there before the sampler is asked.
        let captured = match is_server {
            true => self.capture(py).headers.request_headers(environ),
            false => Vec::new(),
        };
        let values: Vec<_> = captured.iter().map(Captured::values).collect();
        let request = facts.request();
        let mut attributes = self.span_attributes(&request, route);
        attributes.extend(captured.iter().zip(&values).map(|(header, values)| header.attribute(values)));
        let builder = SpanBuilder {
            name,
            kind: if is_server { SpanKind::Server } else { SpanKind::Internal },
            start_time_ns,
            remote_parent: incoming.parent.as_ref(),
            context: &incoming.context,
            attributes: &attributes,
        };
        let span = self.tracer.start(py, &builder)?;
        Ok(ServerSpan { span, is_server, incoming, captured })
    }

    /// A span that has started before, in its own context, which is the current one.
    ///
    /// # Errors
    ///
    /// What the runtime context raises.
    pub fn adopt<'py>(&self, span: Span, is_server: bool, environ: &Bound<'py, PyDict>) -> PyResult<ServerSpan<'py>> {
        let py = environ.py();
        let captured = match is_server {
            true => self.capture(py).headers.request_headers(environ),
            false => Vec::new(),
        };
        Ok(ServerSpan {
            span,
            is_server,
            incoming: Incoming { parent: None, context: context::current(py)? },
            captured,
        })
    }

    /// Calls the request hook, if there is one. The hook sees the remote context as the current one; answers whether
    /// it was called.
    ///
    /// # Errors
    ///
    /// What the hook raises that is no `Exception`, or what the context does.
    pub fn call_request_hook(&self, started: &ServerSpan<'_>, environ: &Bound<'_, PyDict>) -> PyResult<bool> {
        let py = environ.py();
        let Some(hook) = &self.request_hook else { return Ok(false) };
        let token = match started.is_server {
            true => Some(context::attach(&started.incoming.with_parent()?)?),
            false => None,
        };
        let result = call_hook(hook.bind(py), "request_hook", (started.span.object(py), environ));
        if let Some(token) = token {
            context::detach(py, token);
        }
        result.map(|()| true)
    }

    /// Whether the sampler may have taken away attributes that the span started with.
    pub fn may_lose_attributes(&self, py: Python<'_>) -> bool {
        self.tracer.may_lose_attributes(py)
    }

    /// Sets the attributes that the span started with once more, over what a hook has set.
    pub fn restate(&self, py: Python<'_>, span: &Span, facts: &EnvironFacts, route: Option<&str>) {
        let request = facts.request();
        span.set_attributes(py, &self.span_attributes(&request, route));
    }

    /// Puts the captured request headers on a server span once more: over what a hook has set, and whatever the sampler
    /// has made of the attributes that it was asked with.
    pub fn restate_request_headers(&self, py: Python<'_>, started: &ServerSpan<'_>) {
        set_on(py, &started.span, &started.captured);
    }

    /// Puts the status of the response, and on a server span its captured headers, on the span.
    pub fn respond(&self, span: &Span, is_server: bool, status: &Text, headers: &Bound<'_, PyAny>) {
        let py = headers.py();
        let status = ResponseStatus::parse(status.as_str());
        let mut attributes = Vec::with_capacity(3);
        status.span_attributes(self.stability, &mut attributes);
        span.set_attributes(py, &attributes);
        let (code, description) = status.span_status();
        if code != StatusCode::Unset {
            span.set_status(py, code, &description);
        }
        if is_server && span.is_recording() {
            self.capture(py).headers.record_response(span, headers);
        }
    }

    /// The response hook, if there is one.
    pub fn response_hook<'py>(&self, py: Python<'py>) -> Option<&Bound<'py, PyAny>> {
        self.response_hook.as_ref().map(|hook| hook.bind(py))
    }

    /// Records how long a request took, with its span as the exemplar where the provider keeps them.
    pub fn record_duration(
        &self,
        py: Python<'_>,
        facts: &EnvironFacts,
        response: &Response<'_>,
        elapsed: Duration,
        span: Option<&Span>,
    ) {
        let request = facts.request();
        let context = span.and_then(|span| span.exemplar_context(py));
        let record = |instrument: &Option<Instrument>, convention, value: f64| {
            let Some(instrument) = instrument else { return };
            let mut attributes = Vec::with_capacity(12);
            request.duration_attributes(convention, response.status.as_ref(), response.route, &mut attributes);
            if let (Convention::New, Some(error_type)) = (convention, response.error_type) {
                attributes.retain(|attribute| attribute.key.as_str() != ERROR_TYPE);
                attributes.push(KeyValue::new(ERROR_TYPE, error_type));
            }
            instrument.record(py, value, &attributes, context.as_ref());
        };
        let seconds = elapsed.as_secs_f64();
        record(&self.duration_old, Convention::Old, (seconds * 1000.0).round_ties_even());
        record(&self.duration_new, Convention::New, seconds);
    }

    fn span_attributes<'a>(&self, request: &'a Request<'a>, route: Option<&'a str>) -> Vec<KeyValue<'a>> {
        let mut attributes = Vec::with_capacity(20);
        request.span_attributes(self.stability, &mut attributes);
        attributes.extend(route.map(|route| KeyValue::new(HTTP_ROUTE, route)));
        attributes
    }
}

/// Whether unknown methods are reported as they are (`OTEL_PYTHON_INSTRUMENTATION_HTTP_CAPTURE_ALL_METHODS`).
pub fn captures_all_methods() -> bool {
    std::env::var_os("OTEL_PYTHON_INSTRUMENTATION_HTTP_CAPTURE_ALL_METHODS").is_some_and(|value| !value.is_empty())
}
