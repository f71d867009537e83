//! The start of a request's span.

use std::sync::Arc;

use otel_rs_core::context::{self, ContextValues};
use otel_rs_core::http::{EnvironFacts, ServerSpan};
use otel_rs_core::text::Text;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Request, key};
use crate::TEARDOWN;
use crate::flask::{self, Rule};
use crate::progress::{Arrival, Stage};
use crate::settings::Settings;

impl Request {
    /// Starts the span before Flask knows the route, where that is asked for, and makes it current. The name is the
    /// method's until then.
    pub(crate) fn start_at_arrival(&self, environ: &Bound<'_, PyDict>) -> PyResult<()> {
        let is_provisional = self.arrival == Arrival::Provisional;
        if !self.settings.span_at_arrival || self.claimed.is_some() || is_provisional {
            return Ok(());
        }
        let py = environ.py();
        let excluded = &self.settings.excluded_urls;
        if !excluded.is_empty() && excluded.matches(&flask::url_of(environ)?) {
            return Ok(());
        }
        let server = &self.settings.server;
        let name = server.method_name(py, &self.facts);
        let started = server.start(environ, &self.facts, &name, None, self.started_at_ns)?;
        let values = ContextValues { span: Some(started.span.object(py)), ..ContextValues::default() };
        let context = context::derive(py, Some(&started.incoming.context), values)?;
        let token = context::attach(&context).inspect_err(|_| started.span.end(py, None))?;
        let previous = self.progress(|progress| {
            progress.is_server = started.is_server;
            progress.at_arrival = true;
            let context = progress.context.replace(context.unbind());
            (progress.span.replace(started.span), progress.token.replace(token), context)
        });
        drop(previous);
        Ok(())
    }

    /// Starts the span, if the request is to have one, and makes it current. Called when the request context is there
    /// and before the application's own functions run.
    pub(crate) fn dispatch(
        app: &Bound<'_, PyAny>,
        settings: Arc<Settings>,
        request_context: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let py = app.py();
        let (flask_request, environ) = flask::request_of(request_context)?;
        let found = Self::find(&environ)?;
        if found.as_ref().is_some_and(|found| Self::in_context(found, request_context).is_some()) {
            // A subclass has a method of its own, and has called the one of its base class.
            return Ok(());
        }
        let found = match found {
            Some(found) if Arc::ptr_eq(&found.get().settings, &settings) && found.get().includes_call_of(app) => found,
            // The application's code pushes a request context itself: a span without the metrics of a request.
            outer => {
                if let Some(outer) = &outer {
                    outer.get().end_if_torn_down(py);
                }
                let pushed = Bound::new(py, Self::new(&environ, settings, Arrival::Pushed, outer)?)?;
                environ.set_item(key(py), &pushed)?;
                pushed
            }
        };
        let request = found.get();
        // Where the instrumentation has gone in another thread meanwhile, nobody would end what begins here.
        let Some(until_teardown) = TEARDOWN.hold() else { return Ok(()) };
        drop(request.progress(|progress| progress.until_teardown.replace(until_teardown)));
        let was_provisional = request.progress(|progress| {
            progress.dispatched = true;
            progress.request_context = request_context.as_ptr() as usize;
            std::mem::take(&mut progress.stage) == Stage::Provisional
        });
        if was_provisional {
            request.count(py);
        }
        let excluded = &request.settings.excluded_urls;
        let is_excluded = !excluded.is_empty() && !request.progress(|progress| progress.at_arrival);
        if is_excluded && excluded.matches(&flask_request.getattr(intern!(py, "url"))?) {
            return request.exclude(py);
        }
        // What a middleware between the two has changed is what the span shows.
        let inner_facts = match request.arrival {
            Arrival::AroundMiddleware | Arrival::Overridden | Arrival::Provisional => {
                Some(request.settings.server.read(&environ)?)
            }
            Arrival::Inside | Arrival::Pushed => None,
        };
        let facts = inner_facts.as_ref().unwrap_or(&request.facts);
        request.start_span(facts, &flask_request, &environ)
    }

    fn start_span<'py>(
        &self,
        facts: &EnvironFacts,
        flask_request: &Bound<'py, PyAny>,
        environ: &Bound<'py, PyDict>,
    ) -> PyResult<()> {
        let py = environ.py();
        let rule = Rule::of(flask_request)?;
        let route = rule.as_ref().and_then(|rule| Text::from_any(&rule.pattern));
        let server = &self.settings.server;
        let route_name = route.as_ref().map(Text::as_str);
        let name = server.span_name(py, facts, route_name);
        let arrived = self.progress(|progress| {
            let span = progress.span.as_ref().map(|span| span.clone_ref(py));
            span.map(|span| (span, progress.is_server))
        });
        let at_arrival = arrived.is_some();
        let started = match (&self.claimed, arrived) {
            (Some(claimed), _) => {
                claimed.set_route(py, &name, route_name)?;
                server.adopt(claimed.span(py)?, false, environ)?
            }
            (None, Some((span, is_server))) => {
                span.update_name(py, &name);
                server.restate(py, &span, facts, route_name);
                server.adopt(span, is_server, environ)?
            }
            (None, None) => server.start(environ, facts, &name, route_name, self.started_at_ns)?,
        };
        if !at_arrival {
            // Whatever comes now, the teardown ends it.
            let span = started.span.clone_ref(py);
            drop(self.progress(|progress| progress.span.replace(span)));
        }
        if server.call_request_hook(&started, environ)? || server.may_lose_attributes(py) {
            // The stock instrumentation lets the facts win over what its hook has set and its sampler has left.
            server.restate(py, &started.span, facts, route_name);
        }
        server.restate_request_headers(py, &started);
        let context = self.context_with(py, &started, rule.as_ref())?;
        let token = context::attach(&context)?;
        let previous = self.progress(|progress| {
            progress.is_server = started.is_server;
            let route = std::mem::replace(&mut progress.route, route);
            let token = if at_arrival { None } else { progress.token.replace(token) };
            (progress.context.replace(context.unbind()), route, token)
        });
        // Dropped here, without the lock.
        drop(previous);
        Ok(())
    }

    /// Leaves the request out. If the server's instrumentation has started a span for it, spans inside do not become
    /// its children.
    fn exclude(&self, py: Python<'_>) -> PyResult<()> {
        self.progress(|progress| progress.excluded = true);
        let Some(claimed) = &self.claimed else { return Ok(()) };
        claimed.exclude(py)?;
        let values = ContextValues { span: Some(context::invalid_span(py)?), ..ContextValues::default() };
        let token = context::attach(&context::derive(py, Some(&context::current(py)?), values)?)?;
        drop(self.progress(|progress| progress.token.replace(token)));
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
