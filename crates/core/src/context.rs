//! The OpenTelemetry context of Python code: OpenTelemetry's own `Context` in its own `ContextVar`, so that other
//! instrumentations and user code see what we attach and we see what they do.
//!
//! The `ContextVar` is reached directly where the default runtime context is in use; `OTEL_PYTHON_CONTEXT` may have
//! replaced it, and then (as whenever the probe fails) the public functions of `opentelemetry.context` are called.

use crate::guard::{Swallow, guard};
use crate::once;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};

/// How the current context is read, set and reset, with what else is needed from the API.
struct Runtime {
    get: Py<PyAny>,
    attach: Py<PyAny>,
    detach: Py<PyAny>,
    context_type: Py<PyAny>,
    span_key: Py<PyString>,
    baggage_key: Py<PyString>,
    span_type: Py<PyAny>,
    invalid_span: Py<PyAny>,
    /// The type of our SDK's spans is known to be a span; this remembers the last type that was found to be one.
    seen_span_type: PyOnceLock<Py<PyAny>>,
}

static RUNTIME: PyOnceLock<Runtime> = PyOnceLock::new();

/// What [`attach`] gives and [`detach`] takes: the token of the runtime context.
#[derive(Debug)]
pub struct Token(Py<PyAny>);

fn runtime(py: Python<'_>) -> PyResult<&Runtime> {
    once::get_or_compute(&RUNTIME, py, || Runtime::probe(py))
}

impl Runtime {
    fn probe(py: Python<'_>) -> PyResult<Self> {
        let api = py.import("opentelemetry.context")?;
        let trace = py.import("opentelemetry.trace")?;
        let context_type = api.getattr("Context")?;
        let (get, attach, detach) = match Self::context_var(&api) {
            Some(var) => (var.getattr("get")?, var.getattr("set")?, var.getattr("reset")?),
            None => (api.getattr("get_current")?, api.getattr("attach")?, api.getattr("detach")?),
        };
        let invalid_span = trace.getattr("INVALID_SPAN")?;
        // The keys are made anew in every process; the public setters reveal them.
        let with_span = trace.call_method1("set_span_in_context", (&invalid_span, context_type.call0()?))?;
        let with_baggage =
            py.import("opentelemetry.baggage")?.call_method1("set_baggage", ("key", "value", context_type.call0()?))?;
        Ok(Self {
            get: get.unbind(),
            attach: attach.unbind(),
            detach: detach.unbind(),
            span_key: Self::only_key(&with_span)?,
            baggage_key: Self::only_key(&with_baggage)?,
            context_type: context_type.unbind(),
            span_type: trace.getattr("Span")?.unbind(),
            invalid_span: invalid_span.unbind(),
            seen_span_type: PyOnceLock::new(),
        })
    }

    fn only_key(context: &Bound<'_, PyAny>) -> PyResult<Py<PyString>> {
        let key = context.try_iter()?.next().ok_or_else(|| {
            pyo3::exceptions::PyRuntimeError::new_err("the OpenTelemetry API did not keep what was put in a context")
        })??;
        Ok(key.cast_into::<PyString>()?.unbind())
    }

    /// The `ContextVar` of the default runtime context, if that is what is in use and it behaves as expected.
    fn context_var<'py>(api: &Bound<'py, PyModule>) -> Option<Bound<'py, PyAny>> {
        let py = api.py();
        let probe = || -> PyResult<_> {
            let runtime = api.getattr("_RUNTIME_CONTEXT")?;
            let default_type =
                py.import("opentelemetry.context.contextvars_context")?.getattr("ContextVarsRuntimeContext")?;
            if !runtime.get_type().is(&default_type) {
                return Ok(None);
            }
            let var = runtime.getattr("_current_context")?;
            let same = var.call_method0("get")?.is(&api.call_method0("get_current")?);
            Ok(same.then_some(var))
        };
        probe().swallow(py).flatten()
    }
}

/// The current context, a `Context` (a `dict`).
///
/// # Errors
///
/// What the runtime context raises.
pub fn current(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    runtime(py)?.get.bind(py).call0()
}

/// Makes `context` current. The token must be given to [`detach`] in the execution context of the caller.
///
/// # Errors
///
/// What the runtime context raises.
pub fn attach(context: &Bound<'_, PyAny>) -> PyResult<Token> {
    let py = context.py();
    Ok(Token(runtime(py)?.attach.bind(py).call1((context,))?.unbind()))
}

/// Restores what was current before the [`attach`] that gave `token`.
///
/// A token of another execution context (a response finished by another thread) cannot be reset there; nothing is
/// changed then, and nothing raised; what is no `Exception` goes on ([`crate::guard::pass_on`]).
pub fn detach(py: Python<'_>, token: Token) {
    let detached = runtime(py).and_then(|runtime| runtime.detach.bind(py).call1((token.0,)));
    detached.swallow(py);
}

/// The same where it is not known whether the token is of this execution context: gives it back if it is not.
pub fn try_detach(py: Python<'_>, token: Token) -> Option<Token> {
    let detached = runtime(py).and_then(|runtime| runtime.detach.bind(py).call1((&token.0,)));
    match detached.swallow(py) {
        Some(_) => None,
        None => Some(token),
    }
}

/// Runs `body` with `context` current. Returns with its result what it has left current, for what goes on later where
/// it stopped: a generator that was suspended inside of a span of its own.
pub fn run_in<'py, T>(context: &Bound<'py, PyAny>, body: impl FnOnce() -> T) -> (T, Bound<'py, PyAny>) {
    let py = context.py();
    let token = guard("attach", || attach(context).swallow(py)).flatten();
    let result = body();
    let left = token.and_then(|token| guard("detach", || leave(py, token)).flatten());
    (result, left.unwrap_or_else(|| context.clone()))
}

/// Detaches, and returns what was current until then.
pub fn leave(py: Python<'_>, token: Token) -> Option<Bound<'_, PyAny>> {
    let left = current(py).swallow(py);
    detach(py, token);
    left
}

/// The span in `context`, unless there is none or it is the API's `INVALID_SPAN`.
///
/// # Errors
///
/// What the API raises.
pub fn span_in<'py>(context: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = context.py();
    let runtime = runtime(py)?;
    let Some(span) = get_value(context, runtime.span_key.bind(py))? else { return Ok(None) };
    if span.is(&runtime.invalid_span) {
        return Ok(None);
    }
    let span_type = span.get_type();
    if let Some(seen) = runtime.seen_span_type.get(py)
        && span_type.is(seen)
    {
        return Ok(Some(span));
    }
    if !span.is_instance(runtime.span_type.bind(py))? {
        return Ok(None);
    }
    let _ = runtime.seen_span_type.set(py, span_type.into_any().unbind());
    Ok(Some(span))
}

/// A context of `base`'s values (none: the root context) changed by `values`.
///
/// # Errors
///
/// What the API raises.
pub fn derive<'py>(
    py: Python<'py>,
    base: Option<&Bound<'py, PyAny>>,
    values: ContextValues<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let runtime = runtime(py)?;
    // A `Context` refuses changes from Python code, so this one is filled behind its own `__setitem__`.
    let context = match base {
        None => runtime.context_type.bind(py).call0()?,
        Some(base) => runtime.context_type.bind(py).call1((base,))?,
    };
    let entries = context.cast::<PyDict>()?;
    if let Some(span) = values.span {
        entries.set_item(&runtime.span_key, span)?;
    }
    if let Some(baggage) = values.baggage {
        entries.set_item(&runtime.baggage_key, baggage)?;
    }
    for (key, value) in values.other {
        entries.set_item(key, value)?;
    }
    Ok(context)
}

/// The root context: empty, and one object for the life of the process.
///
/// # Errors
///
/// What the API raises.
pub fn root(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static ROOT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let root = once::get_or_compute(&ROOT, py, || derive(py, None, ContextValues::default()).map(Bound::unbind))?;
    Ok(root.bind(py).clone())
}

/// The API's `INVALID_SPAN`: as the current span it makes the next one a root.
///
/// # Errors
///
/// What the API raises.
pub fn invalid_span(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    Ok(runtime(py)?.invalid_span.bind(py))
}

/// What [`derive`] sets.
#[derive(Default)]
pub struct ContextValues<'a, 'py> {
    /// The current span.
    pub span: Option<&'a Bound<'py, PyAny>>,
    /// The baggage, name to value.
    pub baggage: Option<&'a Bound<'py, PyDict>>,
    /// Other entries.
    pub other: &'a [(&'a Bound<'py, PyString>, &'a Bound<'py, PyAny>)],
}

fn get_value<'py>(context: &Bound<'py, PyAny>, key: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
    match context.cast::<PyDict>() {
        Ok(entries) => entries.get_item(key),
        Err(_) => {
            let value = context.call_method1(intern!(context.py(), "get"), (key,))?;
            Ok((!value.is_none()).then_some(value))
        }
    }
}
