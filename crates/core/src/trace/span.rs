//! The span face.

use otel_rs_abi::{KeyValue, StatusCode, Table};
use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;

use super::{api, native::NativeSpan};
use crate::guard::Swallow;
use crate::log::{self, Level};

/// A started span. Nothing here raises into the caller: what goes wrong in a provider is logged once, and what is no
/// `Exception` is raised where the caller returns to Python.
pub struct Span {
    object: Py<PyAny>,
    native: Option<NativeSpan>,
    is_recording: bool,
}

impl Span {
    pub(super) fn native(table: &'static Table, object: Py<PyAny>, is_recording: bool) -> Self {
        Self { object, native: Some(NativeSpan(table)), is_recording }
    }

    pub(super) fn api(object: Py<PyAny>, is_recording: bool) -> Self {
        Self { object, native: None, is_recording }
    }

    /// A span that somebody else has started, an `opentelemetry.trace.Span`.
    ///
    /// # Errors
    ///
    /// What the span raises.
    pub fn adopt(span: &Bound<'_, PyAny>) -> PyResult<Self> {
        let is_recording = span.call_method0(intern!(span.py(), "is_recording"))?.is_truthy()?;
        Ok(Self::api(span.clone().unbind(), is_recording))
    }

    /// Renames the span.
    pub fn update_name(&self, py: Python<'_>, name: &str) {
        said(py, self.object.bind(py).call_method1(intern!(py, "update_name"), (name,)).map(drop));
    }

    /// The span as Python code sees it, an `opentelemetry.trace.Span`.
    pub fn object<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.object.bind(py)
    }

    /// Whether the span was recording when it was started.
    pub fn is_recording(&self) -> bool {
        self.is_recording
    }

    /// The same span once more.
    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        Self { object: self.object.clone_ref(py), native: self.native, is_recording: self.is_recording }
    }

    /// Sets attributes; the last write of a key wins. Does nothing if there are none.
    pub fn set_attributes(&self, py: Python<'_>, attributes: &[KeyValue<'_>]) {
        if self.is_recording && !attributes.is_empty() {
            let span = self.object.bind(py);
            match self.native {
                Some(native) => native.set_attributes(span, attributes),
                None => said(py, api::set_attributes(span, attributes)),
            };
        }
    }

    /// Sets the status, by the rules of `Span.set_status`; an empty description is an absent one.
    pub fn set_status(&self, py: Python<'_>, code: StatusCode, description: &str) {
        if self.is_recording {
            let span = self.object.bind(py);
            match self.native {
                Some(native) => native.set_status(span, code, description),
                None => said(py, api::set_status(span, code, description)),
            };
        }
    }

    /// Adds an event that happens now.
    pub fn add_event(&self, py: Python<'_>, name: &'static str, attributes: &[KeyValue<'_>]) {
        if self.is_recording {
            let span = self.object.bind(py);
            match self.native {
                Some(native) => native.add_event(span, name, attributes),
                None => said(py, api::add_event(span, name, attributes)),
            };
        }
    }

    /// Records an exception as an event and as the status `Type: message`, as `opentelemetry.trace.use_span` does. What
    /// is no `Exception` (`SystemExit`, `GeneratorExit`) is no error of the operation: nothing is recorded for it.
    pub fn record_error(&self, exception: &Bound<'_, PyAny>) {
        let py = exception.py();
        if self.is_recording && exception.is_instance_of::<PyException>() {
            self.record_exception(exception);
            let name = exception.get_type().name().swallow(py);
            let name = name.as_ref().map_or_else(Default::default, |name| name.to_string_lossy());
            self.set_status(py, StatusCode::Error, &format!("{name}: {}", message(exception)));
        }
    }

    /// Records an exception as an event; the status stays what it is.
    pub fn record_exception(&self, exception: &Bound<'_, PyAny>) {
        let py = exception.py();
        if self.is_recording {
            let recorded = self.object.bind(py).call_method1(intern!(py, "record_exception"), (exception,));
            said(py, recorded.map(drop));
        }
    }

    /// The context that a metric record of the operation carries, for providers that keep exemplars. The native SDK
    /// keeps none and needs none.
    pub(crate) fn exemplar_context<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        match self.native {
            Some(_) => None,
            None => api::exemplar_context(self.object.bind(py)).swallow(py),
        }
    }

    /// Ends the span at `time_ns` (nanoseconds since the Unix epoch), or now.
    pub fn end(&self, py: Python<'_>, time_ns: Option<u64>) {
        let span = self.object.bind(py);
        match self.native {
            Some(native) => native.end(span, time_ns),
            None => said(py, api::end(span, time_ns)),
        };
    }
}

/// Logs what a provider raised, once; answers whether it raised nothing.
fn said(py: Python<'_>, result: PyResult<()>) -> bool {
    if let Err(error) = &result {
        log::raised_once(py, Level::Warning, "span", error, "the tracer provider raised, the span goes on without it");
    }
    result.is_ok()
}

/// `str(exception)`; empty if that raises.
pub fn message(exception: &Bound<'_, PyAny>) -> String {
    let message = exception.str().swallow(exception.py());
    message.map(|message| message.to_string_lossy().into_owned()).unwrap_or_default()
}
