//! The start of a request's span.

use std::sync::Arc;

use otel_rs_core::context::{self, ContextValues};
use otel_rs_core::http::{EnvironFacts, ServerSpan};
use otel_rs_core::text::Text;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Request, key};
use crate::flask::{self, Rule};
use crate::progress::{Arrival, Stage};
use crate::settings::Settings;

impl Request {
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
}
