//! The OpenTelemetry context inside of a coroutine, and the one outside.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::context::{self, ContextValues, Token};

/// Two contexts that belong together between two steps: where the one is current outside, the other is inside.
pub(super) struct Contexts {
    outside: Py<PyAny>,
    inside: Py<PyAny>,
}

/// The contexts of a step that is being taken.
pub(super) struct Entered<'py> {
    outside: Bound<'py, PyAny>,
    inside: Bound<'py, PyAny>,
    token: Token,
}

impl Contexts {
    /// `inside`, where what is current now is current outside.
    pub(super) fn new(inside: Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { outside: context::current(inside.py())?.unbind(), inside: inside.unbind() })
    }

    /// Makes the inner context current. If another one than before is current outside, its values hold inside too, but
    /// for the span.
    pub(super) fn enter(self, py: Python<'_>) -> PyResult<Entered<'_>> {
        let outside = context::current(py)?;
        let mut inside = self.inside.into_bound(py);
        if !outside.is(&self.outside) {
            inside = with_span_of(&outside, &inside)?;
        }
        let token = context::attach(&inside)?;
        Ok(Entered { outside, inside, token })
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.outside)?;
        visit.call(&self.inside)
    }
}

impl Entered<'_> {
    /// Restores the outer context. What the coroutine has attached and not detached stays current, as it would without
    /// us; only our span does not leave the coroutine.
    pub(super) fn leave(self, py: Python<'_>) -> PyResult<Contexts> {
        let now = context::current(py)?;
        if now.is(&self.inside) {
            context::detach(py, self.token);
            return Ok(Contexts { outside: self.outside.unbind(), inside: self.inside.unbind() });
        }
        let mut outside = now.clone();
        if same(context::span_in(&now)?.as_ref(), context::span_in(&self.inside)?.as_ref()) {
            outside = with_span_of(&now, &self.outside)?;
            context::attach(&outside)?;
        }
        Ok(Contexts { outside: outside.unbind(), inside: now.unbind() })
    }
}

/// The values of `base` with the span of `other`.
fn with_span_of<'py>(base: &Bound<'py, PyAny>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = base.py();
    let span = context::span_in(other)?;
    let span = Some(span.as_ref().unwrap_or(context::invalid_span(py)?));
    context::derive(py, Some(base), ContextValues { span, ..ContextValues::default() })
}

fn same(one: Option<&Bound<'_, PyAny>>, other: Option<&Bound<'_, PyAny>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.is(other),
        (None, None) => true,
        _ => false,
    }
}
