//! The answer to a request, and the end of its span.

use otel_rs_core::context;
use otel_rs_core::http::{Response, call_hook, inject_response_headers};
use otel_rs_core::log;
use otel_rs_core::text::Text;
use otel_rs_semconv::http::ResponseStatus;
use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;

use super::Request;
use crate::progress::Stage;

impl Request {
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
