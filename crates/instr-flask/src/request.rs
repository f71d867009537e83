//! A request on its way through Flask.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use otel_rs_core::context::{self, ContextValues};
use otel_rs_core::guard::guarded;
use otel_rs_core::http::{ClaimedRequest, EnvironFacts, Response, ServerSpan, call_hook, inject_response_headers};
use otel_rs_core::log;
use otel_rs_core::text::Text;
use otel_rs_semconv::http::ResponseStatus;
use pyo3::exceptions::PyBaseException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::flask::{self, Rule};
use crate::progress::{Arrival, Progress, Stage};
use crate::settings::Settings;

/// The state of one request, kept in its environ so that every wrapped method finds it.
#[guarded]
#[pyclass(frozen, module = "otel_rs_instr_flask")]
pub(crate) struct Request {
    pub settings: Arc<Settings>,
    facts: EnvironFacts,
    started_at_ns: Option<u64>,
    started: Instant,
    arrival: Arrival,
    /// The request as the instrumentation of the server has taken it on: its span and metrics are not ours then.
    claimed: Option<ClaimedRequest>,
    progress: Mutex<Progress>,
}

/// The key of the environ.
fn key(py: Python<'_>) -> &Bound<'_, pyo3::types::PyString> {
    intern!(py, "otel_rs.flask.request")
}

impl Request {
    /// A request that has just arrived. It counts as active unless it is provisional.
    pub(crate) fn arrive(environ: &Bound<'_, PyDict>, settings: Arc<Settings>, arrival: Arrival) -> PyResult<Py<Self>> {
        let py = environ.py();
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let request = Self::new(environ, settings, u64::try_from(since_epoch.as_nanos()).ok(), arrival)?;
        if arrival == Arrival::Provisional {
            request.progress(|progress| progress.stage = Stage::Provisional);
        } else {
            request.count(py);
        }
        Py::new(py, request)
    }

    fn new(
        environ: &Bound<'_, PyDict>,
        settings: Arc<Settings>,
        started_at_ns: Option<u64>,
        arrival: Arrival,
    ) -> PyResult<Self> {
        let facts = settings.server.read(environ)?;
        let claimed = ClaimedRequest::find(environ)?;
        Ok(Self {
            settings,
            facts,
            started_at_ns,
            started: Instant::now(),
            arrival,
            claimed,
            progress: Mutex::default(),
        })
    }

    /// Puts the request into the environ and returns what was there.
    pub(crate) fn enter<'py>(slf: &Py<Self>, environ: &Bound<'py, PyDict>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = environ.py();
        let previous = environ.get_item(key(py))?;
        environ.set_item(key(py), slf)?;
        Ok(previous)
    }

    /// Gives the environ back to the request that it came with, if that is still being handled (one application has
    /// called another). Otherwise ours stays for a late teardown.
    pub(crate) fn leave(environ: &Bound<'_, PyDict>, previous: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        match previous.and_then(|previous| previous.cast_into::<Self>().ok()) {
            Some(previous) if previous.get().progress(|progress| progress.counted) => {
                environ.set_item(key(environ.py()), previous)
            }
            _ => Ok(()),
        }
    }

    /// The request in an environ, if it is not over.
    pub(crate) fn find<'py>(environ: &Bound<'py, PyDict>) -> PyResult<Option<Bound<'py, Self>>> {
        let found = environ.get_item(key(environ.py()))?.and_then(|found| found.cast_into::<Self>().ok());
        Ok(found.filter(|request| request.get().progress(|progress| progress.stage != Stage::Over)))
    }

    /// Ends a provisional request for the sake of the real one.
    pub(crate) fn supersede(&self) {
        self.progress(|progress| {
            if progress.stage == Stage::Provisional {
                progress.stage = Stage::Over;
            }
        });
    }

    /// Whether the wrapped methods have taken it on and it is not over.
    pub(crate) fn is_taken(&self) -> bool {
        self.progress(|progress| progress.stage == Stage::Taken)
    }

    /// Whether it has been taken on and not been answered.
    pub(crate) fn is_under_way(&self) -> bool {
        self.progress(|progress| progress.stage == Stage::Taken && !progress.answered)
    }

    /// No Python code runs under the lock.
    fn progress<T>(&self, body: impl FnOnce(&mut Progress) -> T) -> T {
        body(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn count(&self, py: Python<'_>) {
        if self.claimed.is_none() && !self.progress(|progress| std::mem::replace(&mut progress.counted, true)) {
            self.settings.server.count(py, &self.facts, 1.0);
        }
    }

    /// Starts the span, if the request is to have one, and makes it current. Called when the request context is there
    /// and before the application's own functions run.
    pub(crate) fn dispatch(settings: Arc<Settings>, request_context: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = request_context.py();
        let (flask_request, environ) = flask::request_of(request_context)?;
        let found = Self::find(&environ)?.filter(|found| {
            let request = found.get();
            Arc::ptr_eq(&request.settings, &settings) && request.progress(|progress| progress.span.is_none())
        });
        let request = match found {
            Some(request) => request,
            // The application's code pushes a request context itself: a span without the metrics of a request.
            None => {
                let request = Bound::new(py, Self::new(&environ, settings, None, Arrival::Pushed)?)?;
                environ.set_item(key(py), &request)?;
                request
            }
        };
        let request = request.get();
        let was_provisional = request.progress(|progress| std::mem::take(&mut progress.stage) == Stage::Provisional);
        if was_provisional {
            request.count(py);
        }
        let excluded = &request.settings.excluded_urls;
        if !excluded.is_empty() && excluded.matches(&flask_request.getattr(intern!(py, "url"))?) {
            return request.exclude(py, request_context);
        }
        // What a middleware between the two has changed is what the span shows.
        let inner_facts = match request.arrival {
            Arrival::AroundMiddleware | Arrival::Provisional => Some(request.settings.server.read(&environ)?),
            Arrival::Inside | Arrival::Pushed => None,
        };
        let facts = inner_facts.as_ref().unwrap_or(&request.facts);
        request.start_span(facts, &flask_request, &environ, request_context)
    }

    fn start_span<'py>(
        &self,
        facts: &EnvironFacts,
        flask_request: &Bound<'py, PyAny>,
        environ: &Bound<'py, PyDict>,
        request_context: &Bound<'py, PyAny>,
    ) -> PyResult<()> {
        let py = environ.py();
        let rule = Rule::of(flask_request)?;
        let route = rule.as_ref().and_then(|rule| Text::from_any(&rule.pattern));
        let server = &self.settings.server;
        let route_name = route.as_ref().map(Text::as_str);
        let name = server.span_name(py, facts, route_name);
        let started = match &self.claimed {
            None => server.start(environ, facts, &name, route_name, self.started_at_ns)?,
            Some(claimed) => {
                claimed.set_route(py, &name, route_name)?;
                ServerSpan::adopted(claimed.span(py)?, context::current(py)?)
            }
        };
        if server.call_request_hook(&started, environ)? {
            // The stock instrumentation lets the facts win over what its hook has set.
            server.restate(py, &started.span, facts, route_name);
        }
        server.restate_request_headers(py, &started);
        let context = self.context_with(py, &started, rule.as_ref())?;
        let token = context::attach(&context)?;
        self.progress(|progress| {
            progress.span = Some(started.span);
            progress.is_server = started.is_server;
            progress.token = Some(token);
            progress.context = Some(context.unbind());
            progress.request_context = request_context.as_ptr() as usize;
            progress.route = route;
        });
        Ok(())
    }

    /// Leaves the request out. If the server's instrumentation has started a span for it, spans inside do not become
    /// its children.
    fn exclude(&self, py: Python<'_>, request_context: &Bound<'_, PyAny>) -> PyResult<()> {
        self.progress(|progress| progress.excluded = true);
        let Some(claimed) = &self.claimed else { return Ok(()) };
        claimed.exclude(py)?;
        let values = ContextValues { span: Some(context::invalid_span(py)?), ..ContextValues::default() };
        let token = context::attach(&context::derive(py, Some(&context::current(py)?), values)?)?;
        self.progress(|progress| {
            progress.token = Some(token);
            progress.request_context = request_context.as_ptr() as usize;
        });
        Ok(())
    }

    /// The context of the request: the span, and the tags that SQL commenters look for.
    fn context_with<'py>(
        &self,
        py: Python<'py>,
        started: &ServerSpan<'py>,
        rule: Option<&Rule<'py>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let tags = PyDict::new(py);
        let mut other = Vec::with_capacity(1);
        if let Some(commenter) = self.settings.commenter {
            if commenter.framework {
                tags.set_item(intern!(py, "framework"), flask::framework(py)?)?;
            }
            if let Some(rule) = rule {
                if commenter.controller && rule.endpoint.is_truthy()? {
                    tags.set_item(intern!(py, "controller"), &rule.endpoint)?;
                }
                if commenter.route && rule.pattern.is_truthy()? {
                    tags.set_item(intern!(py, "route"), &rule.pattern)?;
                }
            }
            other.push((intern!(py, "SQLCOMMENTER_ORM_TAGS_AND_VALUES"), tags.as_any()));
        }
        let values = ContextValues { span: Some(started.span.object(py)), baggage: None, other: &other };
        context::derive(py, Some(&started.incoming.context), values)
    }

    /// The response starts: its status goes on the span, and the response hook is called.
    ///
    /// # Errors
    ///
    /// What the hook raises that is no `Exception`.
    pub(crate) fn respond(&self, status: &Bound<'_, PyAny>, headers: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = headers.py();
        let (traced, span, is_server) = self.progress(|progress| {
            let span = progress.span.as_ref().map(|span| span.clone_ref(py));
            (progress.stage == Stage::Taken && !progress.excluded, span, progress.is_server)
        });
        if !traced {
            return Ok(());
        }
        inject_response_headers(headers);
        if let (Some(span), Some(status)) = (&span, Text::from_any(status)) {
            if self.claimed.is_none() {
                self.settings.server.respond(span, is_server, &status, headers);
            }
            self.progress(|progress| progress.status = Some(status));
        }
        match self.settings.server.response_hook(py) {
            None => Ok(()),
            Some(hook) => {
                let span = span.as_ref().map(|span| span.object(py));
                call_hook(hook, "response_hook", (span, status, headers))
            }
        }
    }

    /// Notes that the response is made while it is sent, so that the span lasts as long.
    pub(crate) fn stream(&self) {
        self.progress(|progress| progress.streamed = true);
    }

    /// The request context is torn down: the span ends, unless its response is a stream.
    pub(crate) fn tear_down(
        &self,
        py: Python<'_>,
        request_context: &Bound<'_, PyAny>,
        exception: Option<&Bound<'_, PyAny>>,
    ) {
        let address = request_context.as_ptr() as usize;
        let mine = self.progress(|progress| progress.request_context == address);
        if !mine {
            return;
        }
        self.detach(py);
        let streamed = self.progress(|progress| progress.streamed);
        if !streamed || exception.is_some() {
            self.end_span(py, exception);
        }
    }

    /// What is current in the end is so again in the body of a stream: the view may have opened a span for it.
    fn detach(&self, py: Python<'_>) {
        match self.progress(|progress| (progress.token.take(), progress.streamed && progress.context.is_some())) {
            (None, _) => {}
            (Some(token), false) => context::detach(py, token),
            (Some(token), true) => {
                let left = context::leave(py, token).map(Bound::unbind);
                let previous = left.and_then(|left| self.progress(|progress| progress.context.replace(left)));
                drop(previous);
            }
        }
    }

    fn end_span(&self, py: Python<'_>, exception: Option<&Bound<'_, PyAny>>) {
        let span = self.progress(|progress| {
            let first = !std::mem::replace(&mut progress.span_ended, true);
            progress.span.as_ref().filter(|_| first).map(|span| span.clone_ref(py))
        });
        let Some(span) = span else { return };
        match (&self.claimed, exception) {
            (Some(claimed), Some(exception)) => {
                if let Err(error) = claimed.record_error(exception) {
                    log::warning_once(py, "claim", &format!("an exception was not recorded: {error}"));
                }
            }
            (Some(_), None) => {}
            (None, exception) => {
                if let Some(exception) = exception {
                    span.record_error(exception);
                }
                span.end(py, None);
            }
        }
    }

    /// The application has returned a body that is complete.
    pub(crate) fn complete(&self, py: Python<'_>) {
        if self.claimed.is_none() && !self.progress(|progress| progress.excluded) {
            self.record_duration(py);
        }
        self.finish(py);
    }

    /// The body of a stream has ended, with the exception that it raised, if it raised one.
    pub(crate) fn complete_stream(&self, py: Python<'_>, exception: Option<&Bound<'_, PyBaseException>>) {
        self.end_span(py, exception.map(Bound::as_any));
        self.complete(py);
    }

    /// The request is over, whether it was answered or not.
    pub(crate) fn finish(&self, py: Python<'_>) {
        let counted = self.progress(|progress| {
            progress.answered = true;
            std::mem::take(&mut progress.counted)
        });
        if counted {
            self.settings.server.count(py, &self.facts, -1.0);
        }
    }

    /// The context in which the chunks of the body are made, if it is a stream.
    pub(crate) fn stream_context(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let context = self.progress(|progress| {
            let streamed = progress.streamed && !progress.span_ended && self.claimed.is_none();
            let context = progress.context.as_ref().filter(|_| streamed);
            context.map(|context| context.clone_ref(py))
        });
        if context.is_some() {
            // The teardown of `stream_with_context` comes with the last chunk, and in whatever thread.
            self.detach(py);
        }
        context
    }

    fn record_duration(&self, py: Python<'_>) {
        let elapsed = self.started.elapsed();
        let (route, status, span) = self.progress(|progress| {
            let span = progress.span.as_ref().map(|span| span.clone_ref(py));
            (progress.route.take(), progress.status.take(), span)
        });
        let response = Response {
            status: status.as_ref().map(|status| ResponseStatus::parse(status.as_str())),
            route: route.as_ref().map(Text::as_str),
            error_type: None,
        };
        self.settings.server.record_duration(py, &self.facts, &response, elapsed, span.as_ref());
    }
}
