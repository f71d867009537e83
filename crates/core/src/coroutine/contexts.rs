//! The OpenTelemetry context inside of a coroutine, and the one outside.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::context::{self, ContextValues, Token};
use crate::guard::{Swallow, guard};

/// Two contexts that belong together between two steps: where the one is current outside, the other is inside.
pub(super) struct Contexts {
    outside: Py<PyAny>,
    inside: Py<PyAny>,
    spans: Spans,
}

/// The spans that differ. The application may make others current across steps; those it finds as it left them.
struct Spans {
    /// What is current inside, and must not be outside.
    ours: Option<Py<PyAny>>,
    /// What is current outside in its place.
    previous: Option<Py<PyAny>>,
}

/// The contexts of a step that is being taken.
pub(super) struct Entered<'py> {
    outside: Bound<'py, PyAny>,
    inside: Bound<'py, PyAny>,
    spans: Spans,
    token: Token,
}

impl Contexts {
    /// `inside`, where what is current now is current outside.
    pub(super) fn new(inside: Bound<'_, PyAny>) -> PyResult<Self> {
        let outside = context::current(inside.py())?;
        let spans = Spans { ours: span_in(&inside)?, previous: span_in(&outside)? };
        Ok(Self { outside: outside.unbind(), inside: inside.unbind(), spans })
    }

    /// Makes the inner context current. If another one than before is current outside, its values hold inside too, but
    /// for the span.
    pub(super) fn enter(self, py: Python<'_>) -> PyResult<Entered<'_>> {
        let Self { outside: before, inside, mut spans } = self;
        let outside = context::current(py)?;
        let mut inside = inside.into_bound(py);
        if !outside.is(&before) {
            let span = span_in(&outside)?;
            if same(&span, &span_in(before.bind(py))?) {
                inside = with_span(&outside, &span_in(&inside)?)?;
            } else {
                inside = with_span(&outside, &spans.ours)?;
                spans.previous = span;
            }
        }
        let token = context::attach(&inside)?;
        Ok(Entered { outside, inside, spans, token })
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.outside)?;
        visit.call(&self.inside)?;
        visit.call(&self.spans.ours)?;
        visit.call(&self.spans.previous)
    }
}

impl Entered<'_> {
    /// Restores the outer context. What the coroutine has attached and not detached stays current, as it would without
    /// us; only our span does not leave the coroutine.
    pub(super) fn leave(self, py: Python<'_>) -> PyResult<Contexts> {
        let Self { outside, inside, spans, token } = self;
        let now = context::current(py)?;
        if now.is(&inside) {
            context::detach(py, token);
            return Ok(Contexts { outside: outside.unbind(), inside: inside.unbind(), spans });
        }
        let mut outside = now.clone();
        if same(&span_in(&now)?, &spans.ours) {
            outside = with_span(&now, &spans.previous)?;
            context::attach(&outside)?;
        }
        Ok(Contexts { outside: outside.unbind(), inside: now.unbind(), spans })
    }
}

/// Runs `body` with `inside` current. What it has attached and not detached stays current, but not the span of `inside`.
pub(crate) fn within<T>(inside: Bound<'_, PyAny>, body: impl FnOnce() -> T) -> T {
    let py = inside.py();
    let entered =
        guard("attach", || Contexts::new(inside).and_then(|contexts| contexts.enter(py)).swallow(py)).flatten();
    let result = body();
    if let Some(entered) = entered {
        guard("detach", || entered.leave(py).swallow(py));
    }
    result
}

fn span_in(context: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
    Ok(context::span_in(context)?.map(Bound::unbind))
}

/// The values of `base` with another span, or none.
fn with_span<'py>(base: &Bound<'py, PyAny>, span: &Option<Py<PyAny>>) -> PyResult<Bound<'py, PyAny>> {
    let py = base.py();
    let span = match span {
        Some(span) => span.bind(py),
        None => context::invalid_span(py)?,
    };
    context::derive(py, Some(base), ContextValues { span: Some(span), ..ContextValues::default() })
}

fn same(one: &Option<Py<PyAny>>, other: &Option<Py<PyAny>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.is(other),
        (None, None) => true,
        _ => false,
    }
}
