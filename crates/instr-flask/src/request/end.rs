//! The answer to a request, and the end of its span.

use otel_rs_core::context;
use otel_rs_core::http::{Response, call_hook, inject_response_headers};
use otel_rs_core::log::{self, Level};
use otel_rs_core::text::Text;
use otel_rs_semconv::http::ResponseStatus;
use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Request, key};
use crate::flask;
use crate::progress::{Arrival, Stage};

impl Request {
    /// The response starts: its status goes on the span, and the response hook is called.
    ///
    /// # Errors
    ///
    /// What the hook raises that is no `Exception`.
    pub(crate) fn respond(&self, status: &Bound<'_, PyAny>, headers: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = headers.py();
        let (traced, span, is_server, is_open) = self.progress(|progress| {
            let span = progress.span.as_ref().map(|span| span.clone_ref(py));
            let traced = progress.stage == Stage::Taken && !progress.excluded;
            let is_open = !progress.span_ended && (span.is_some() || progress.dispatched);
            (traced, span, progress.is_server, is_open)
        });
        if !traced {
            return Ok(());
        }
        if !is_open && flask::current_context(py)?.is_none() {
            // A subclass answers by itself, and Flask knows nothing of it.
            self.progress(|progress| progress.excluded = true);
            return Ok(());
        }
        inject_response_headers(headers);
        if let (Some(span), Some(status)) = (&span, Text::from_any(status)) {
            if self.claimed.is_none() && is_open {
                self.settings.server.respond(span, is_server, &status, headers);
            }
            let previous = self.progress(|progress| progress.status.replace(status));
            drop(previous);
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

    /// Notes what the application's code has raised, or that nobody has answered it. It is recorded if the answer is a
    /// 5xx nevertheless.
    pub(crate) fn note_raised(&self, exception: Option<Py<PyAny>>) {
        if self.settings.handled_exceptions {
            let previous = self.progress(|progress| std::mem::replace(&mut progress.raised, exception));
            drop(previous);
        }
    }

    /// The request context is torn down: the span ends, unless the answer is still to come or is a stream, or the span
    /// lasts until `wsgi_app` returns.
    pub(crate) fn tear_down(
        &self,
        py: Python<'_>,
        request_context: &Bound<'_, PyAny>,
        exception: Option<&Bound<'_, PyAny>>,
    ) {
        let address = request_context.as_ptr() as usize;
        let mine = self.progress(|progress| {
            let mine = progress.request_context == address || (progress.at_arrival && !progress.dispatched);
            if mine {
                progress.request_context = 0;
                progress.torn_down = true;
            }
            mine
        });
        if !mine {
            return;
        }
        // Until it has ended the teardown is ours, also if the instrumentation has gone.
        let _until_teardown = self.progress(|progress| progress.until_teardown.take());
        let (at_arrival, is_open) = self.progress(|progress| {
            let is_answered = progress.answered || progress.status.is_some();
            (progress.at_arrival, self.arrival != Arrival::Pushed && (progress.streamed || !is_answered))
        });
        match exception {
            Some(exception) if at_arrival => self.record_error(py, exception),
            None if at_arrival => {}
            exception => {
                self.detach(py);
                if !is_open || exception.is_some() {
                    self.end_span(py, exception);
                }
            }
        }
    }

    /// The application has returned, or raised `error`, and its teardown was wrapped no longer: `uninstrument()` was
    /// called in between.
    pub(crate) fn miss_teardown(&self, py: Python<'_>, error: Option<&PyErr>) {
        let is_missed = self.progress(|progress| {
            let is_missed = !progress.torn_down && !progress.streamed && !progress.at_arrival;
            progress.torn_down |= is_missed;
            is_missed
        });
        if is_missed {
            self.detach(py);
            if let Some(error) = error {
                self.end_span(py, Some(error.value(py).as_any()));
            }
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

    fn record_error(&self, py: Python<'_>, exception: &Bound<'_, PyAny>) {
        let span = self.progress(|progress| {
            let span = progress.span.as_ref().filter(|_| !progress.span_ended);
            span.map(|span| span.clone_ref(py))
        });
        if let Some(span) = span {
            span.record_error(exception);
        }
        // One is enough.
        self.note_raised(None);
    }

    fn end_span(&self, py: Python<'_>, exception: Option<&Bound<'_, PyAny>>) {
        let (span, raised) = self.progress(|progress| {
            let first = !std::mem::replace(&mut progress.span_ended, true);
            let is_error = progress.status.as_ref().is_some_and(|status| status.as_str().starts_with('5'));
            (
                progress.span.as_ref().filter(|_| first).map(|span| span.clone_ref(py)),
                progress.raised.take().map(|raised| (raised, is_error)),
            )
        });
        let Some(span) = span else { return };
        // Its frames may refer to the environ, so it is not kept.
        let answered = raised.as_ref().filter(|(_, is_error)| *is_error).map(|(raised, _)| raised.bind(py));
        let exception = exception.or(answered);
        match (&self.claimed, exception) {
            (Some(claimed), Some(exception)) => {
                if let Err(error) = claimed.record_error(exception) {
                    log::raised_once(py, Level::Warning, "claim", &error, "an exception was not recorded");
                }
            }
            (Some(_), None) => {}
            (None, exception) => {
                if let Some(exception) = exception {
                    span.record_error(exception);
                }
                if self.progress(|progress| progress.at_arrival && !progress.dispatched) {
                    span.update_name(py, &self.settings.server.span_name(py, &self.facts, None));
                }
                span.end(py, None);
            }
        }
    }

    /// Takes a request out of the environ again that came into it with a request context of the application's own.
    pub(crate) fn give_back(slf: &Bound<'_, Self>, environ: &Bound<'_, PyDict>) -> PyResult<()> {
        let py = slf.py();
        let request = slf.get();
        let is_over = request.arrival == Arrival::Pushed && request.progress(|progress| progress.torn_down);
        if !is_over || !environ.get_item(key(py))?.is_some_and(|innermost| innermost.is(slf)) {
            return Ok(());
        }
        match &request.outer {
            Some(outer) => environ.set_item(key(py), outer),
            None => environ.del_item(key(py)),
        }
    }

    /// Ends the span of a request that has been torn down before it was answered.
    pub(super) fn end_if_torn_down(&self, py: Python<'_>) {
        if self.progress(|progress| progress.torn_down && !progress.streamed && !progress.at_arrival) {
            self.end_span(py, None);
        }
    }

    /// The application has returned a body that is complete.
    pub(crate) fn complete(&self, py: Python<'_>) {
        match self.progress(|progress| progress.at_arrival) {
            true => self.end_span(py, None),
            false => self.end_if_torn_down(py),
        }
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

    /// The application has raised instead of answering.
    pub(crate) fn fail(&self, py: Python<'_>, error: &PyErr) {
        let (at_arrival, torn_down) = self.progress(|progress| (progress.at_arrival, progress.torn_down));
        if at_arrival && !torn_down {
            self.record_error(py, error.value(py));
        }
        if torn_down && !at_arrival {
            self.end_span(py, None);
        }
        self.finish(py);
    }

    /// The request is over, whether it was answered or not.
    fn finish(&self, py: Python<'_>) {
        let (counted, at_arrival) = self.progress(|progress| {
            progress.answered = true;
            (std::mem::take(&mut progress.counted), progress.at_arrival)
        });
        if at_arrival {
            self.end_span(py, None);
            self.detach(py);
        }
        self.note_raised(None);
        if counted {
            self.settings.server.count(py, &self.facts, -1.0);
        }
    }

    /// The context in which the chunks of the body are made, if it is a stream.
    pub(crate) fn stream_context(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let is_stream = self.progress(|progress| {
            progress.streamed && !progress.span_ended && progress.context.is_some() && self.claimed.is_none()
        });
        if !is_stream {
            return None;
        }
        // The teardown of `stream_with_context` comes with the last chunk, and in whatever thread.
        self.detach(py);
        self.progress(|progress| progress.context.as_ref().map(|context| context.clone_ref(py)))
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
