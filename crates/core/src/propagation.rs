//! The context that arrives with a request.
//!
//! W3C Trace Context and Baggage are read in Rust where the global propagator is the API's default composite of these
//! two; any other global propagator is called as it is.

use std::sync::Mutex;

use crate::once;
use otel_rs_propagation::{Excerpt, RemoteContext, extract_traceparent, parse_baggage};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString};

use crate::context::{self, ContextValues};
use crate::guard::{Swallow, guarded};
use crate::log::{self, Level};
use crate::module_global::ModuleGlobal;
use crate::text::Text;

/// What arrived.
pub struct Incoming<'py> {
    /// The remote parent, if it is not in `context` already.
    pub parent: Option<RemoteContext>,
    /// The context: remote baggage, and whatever else a propagator of the user's put there. Never the local one.
    pub context: Bound<'py, PyAny>,
}

impl<'py> Incoming<'py> {
    /// Reads the headers of a WSGI environ. What a propagator of the user's raises is logged once, and the request
    /// goes on as a root.
    ///
    /// # Errors
    ///
    /// What making a `Context` raises.
    pub fn from_environ(environ: &Bound<'py, PyDict>) -> PyResult<Self> {
        let py = environ.py();
        match custom_propagator(py)? {
            None => Self::read_w3c(environ),
            Some(propagator) => Self::read_custom(environ, &propagator),
        }
    }

    /// The context with the remote parent as its current span.
    ///
    /// # Errors
    ///
    /// What the API raises.
    pub fn with_parent(&self) -> PyResult<Bound<'py, PyAny>> {
        match &self.parent {
            None => Ok(self.context.clone()),
            Some(parent) => remote_context(&self.context, parent),
        }
    }

    fn read_w3c(environ: &Bound<'py, PyDict>) -> PyResult<Self> {
        let py = environ.py();
        let parent = match header(environ, intern!(py, "HTTP_TRACEPARENT"))? {
            None => None,
            Some(traceparent) => {
                let tracestate = header(environ, intern!(py, "HTTP_TRACESTATE"))?;
                extract_traceparent(traceparent.as_str(), tracestate.as_ref().map(Text::as_str))
            }
        };
        let parent = parent.map(|(parent, warning)| {
            if let Some(warning) = warning {
                log::warning_once(py, "tracestate", &format!("a tracestate header was dropped: {warning}"));
            }
            parent
        });
        let baggage = match header(environ, intern!(py, "HTTP_BAGGAGE"))? {
            None => None,
            Some(header) => read_baggage(py, header.as_str())?,
        };
        let context = match &baggage {
            None => context::root(py)?,
            Some(baggage) => {
                context::derive(py, None, ContextValues { baggage: Some(baggage), ..ContextValues::default() })?
            }
        };
        Ok(Self { parent, context })
    }

    fn read_custom(environ: &Bound<'py, PyDict>, propagator: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = environ.py();
        let options = PyDict::new(py);
        options.set_item("getter", Bound::new(py, EnvironGetter)?)?;
        let context = match propagator.call_method("extract", (environ,), Some(&options)) {
            Ok(context) => context,
            Err(error) => {
                let message = "the global propagator raised in extract(), the request starts a new trace";
                log::raised_once(py, Level::Warning, "propagator", &error, message);
                context::root(py)?
            }
        };
        Ok(Self { parent: None, context })
    }
}

fn header(environ: &Bound<'_, PyDict>, key: &Bound<'_, PyString>) -> PyResult<Option<Text>> {
    let value = environ.get_item(key)?.filter(|value| !value.is_none());
    Ok(value.and_then(|value| Text::from_any(&value)).filter(|text| !text.as_str().is_empty()))
}

/// Nothing if the header holds no valid entry.
fn read_baggage<'py>(py: Python<'py>, header: &str) -> PyResult<Option<Bound<'py, PyDict>>> {
    let (entries, warnings) = parse_baggage(header);
    if let Some(warning) = warnings.first() {
        log::warning_once(
            py,
            "baggage",
            &format!("a baggage header was not used as a whole: {warning}; the header: {}", Excerpt::new(header)),
        );
    }
    if entries.is_empty() {
        return Ok(None);
    }
    let baggage = PyDict::new(py);
    for (name, value) in entries {
        baggage.set_item(name, value)?;
    }
    Ok(Some(baggage))
}

/// The global propagator, unless it is the default composite.
fn custom_propagator(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    static GLOBAL: ModuleGlobal =
        ModuleGlobal::new("opentelemetry.propagate", "get_global_textmap", "_HTTP_TEXT_FORMAT");
    /// The propagator that was looked at last, and whether it is the default one.
    static LAST: Mutex<Option<(Py<PyAny>, bool)>> = Mutex::new(None);
    let propagator = GLOBAL.get(py)?;
    let known = match LAST.lock().as_deref() {
        Ok(Some((last, is_default))) if propagator.is(last) => Some(*is_default),
        _ => None,
    };
    let is_default = match known {
        Some(is_default) => is_default,
        None => {
            let Some(is_default) = is_default_composite(&propagator).swallow(py) else { return Ok(Some(propagator)) };
            let previous = match LAST.lock() {
                Ok(mut last) => last.replace((propagator.clone().unbind(), is_default)),
                Err(_) => None,
            };
            // Dropped here, without the lock: a finalizer may run Python code.
            drop(previous);
            is_default
        }
    };
    Ok((!is_default).then_some(propagator))
}

fn is_default_composite(propagator: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = propagator.py();
    let composite = py.import("opentelemetry.propagators.composite")?.getattr("CompositePropagator")?;
    if !propagator.get_type().is(&composite) {
        return Ok(false);
    }
    let parts: Vec<Bound<'_, PyAny>> = propagator.getattr("_propagators")?.extract()?;
    let [first, second] = parts.as_slice() else { return Ok(false) };
    let trace_context =
        py.import("opentelemetry.trace.propagation.tracecontext")?.getattr("TraceContextTextMapPropagator")?;
    let baggage = py.import("opentelemetry.baggage.propagation")?.getattr("W3CBaggagePropagator")?;
    Ok(first.get_type().is(&trace_context) && second.get_type().is(&baggage))
}

/// `context` with a remote parent as its current span.
pub(crate) fn remote_context<'py>(context: &Bound<'py, PyAny>, remote: &RemoteContext) -> PyResult<Bound<'py, PyAny>> {
    static NON_RECORDING_SPAN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static SPAN_CONTEXT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static TRACE_FLAGS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static TRACE_STATE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = context.py();
    let api = "opentelemetry.trace";
    let state_type = once::import(&TRACE_STATE, py, api, "TraceState")?;
    let state = match remote.trace_state.as_str() {
        "" => state_type.call0()?,
        header => state_type.call_method1("from_header", ([header],))?,
    };
    let span_context = once::import(&SPAN_CONTEXT, py, api, "SpanContext")?.call1((
        u128::from_be_bytes(remote.trace_id),
        u64::from_be_bytes(remote.span_id),
        true,
        once::import(&TRACE_FLAGS, py, api, "TraceFlags")?.call1((remote.trace_flags,))?,
        state,
    ))?;
    let span = once::import(&NON_RECORDING_SPAN, py, api, "NonRecordingSpan")?.call1((span_context,))?;
    context::derive(py, Some(context), ContextValues { span: Some(&span), ..ContextValues::default() })
}

/// Reads headers from a WSGI environ for propagators (`opentelemetry.propagators.textmap.Getter`).
#[guarded]
#[pyclass(frozen, module = "otel_rs")]
pub struct EnvironGetter;

#[guarded]
#[pymethods]
impl EnvironGetter {
    /// A list with the header's value, or `None`.
    #[staticmethod]
    fn get<'py>(carrier: &Bound<'py, PyDict>, key: &str) -> PyResult<Option<Bound<'py, PyList>>> {
        let name = format!("HTTP_{}", key.to_uppercase().replace('-', "_"));
        let value = carrier.get_item(name)?.filter(|value| !value.is_none());
        value.map(|value| PyList::new(carrier.py(), [value])).transpose()
    }

    /// The names of all headers.
    #[staticmethod]
    fn keys(carrier: &Bound<'_, PyDict>) -> Vec<String> {
        carrier
            .keys()
            .iter()
            .filter_map(|key| key.cast_into::<PyString>().ok()?.extract::<String>().swallow(carrier.py()))
            .filter_map(|key| Some(key.strip_prefix("HTTP_")?.to_lowercase().replace('_', "-")))
            .collect()
    }
}
