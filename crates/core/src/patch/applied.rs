//! A patch that is in place.

use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use super::namespace::{self, replace_globals};
use super::point::Place;
use super::wrapper::Where;
use super::{Patch, PatchPoint, Wrapper};

/// A patch point of an imported module, with what comes back.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) point: PatchPoint,
    owner: Py<PyAny>,
    name: &'static str,
    /// What we put there.
    ours: Py<PyAny>,
    /// The wrapper in it, if it is one.
    wrapper: Option<Py<Wrapper>>,
    /// What the owner held or inherited before.
    found: Option<Py<PyAny>>,
    /// Whether it held that itself.
    is_own: bool,
}

impl Applied {
    /// What is to be put in a place; nothing if the place is not there. Nothing has changed yet.
    ///
    /// # Errors
    ///
    /// What the place raises when it is looked at.
    pub(super) fn prepare(point: PatchPoint, module: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let py = module.py();
        let Some(Place { owner, name, found, is_own }) = point.locate(module)? else { return Ok(None) };
        let (ours, wrapper) = match (point.patch, &found) {
            (Patch::Value(value), _) => (value(py), None),
            (Patch::Around(_), None) => return Ok(None),
            (Patch::Around(hook), Some(found)) => {
                let (ours, wrapper) =
                    Wrapper::around(found, hook, Where { module: Some(point.module), path: point.path })?;
                (ours, Some(wrapper))
            }
        };
        let (owner, found) = (owner.unbind(), found.map(Bound::unbind));
        Ok(Some(Self { point, owner, name, ours, wrapper, found, is_own }))
    }

    /// Whether this is the patch of that point.
    pub(super) fn is_of(&self, point: &PatchPoint) -> bool {
        self.point.path == point.path && self.point.module == point.module
    }

    /// Puts it in its place, and where other modules hold what was there as a global.
    ///
    /// # Errors
    ///
    /// What the owner or a module raised that does not take it. Other places have it then, until [`Self::restore`].
    pub(super) fn put(&self, py: Python<'_>) -> PyResult<()> {
        let ours = self.ours.bind(py);
        self.owner.bind(py).setattr(self.name, ours)?;
        match &self.found {
            Some(found) if self.point.path == self.name => {
                let found = found.bind(py);
                // A class that serves as a function too stays what it is under its own name: one may derive from it.
                let kept = found.cast::<PyType>().ok().map(|class| class.name()).transpose()?;
                let kept = kept.as_ref().map(|name: &Bound<'_, PyString>| name.to_string_lossy());
                replace_globals(found, ours, kept.as_deref(), self.point.spared)
            }
            _ => Ok(()),
        }
    }

    /// Restores exactly what was there. Where someone wrapped over a wrapper of ours it stays, as a pass-through.
    ///
    /// # Errors
    ///
    /// What the owner or a module raised that does not take it back; ours is a pass-through there.
    pub(super) fn restore(&self, py: Python<'_>) -> PyResult<()> {
        let ours = self.ours.bind(py);
        let owner = self.owner.bind(py);
        let mut globals = Ok(());
        if let Some(wrapper) = &self.wrapper {
            wrapper.get().switch_off();
            if self.point.path == self.name {
                globals = replace_globals(ours, wrapper.get().wrapped().bind(py), None, None);
            }
        }
        if namespace::own(owner, self.name)?.is_some_and(|held| held.is(ours)) {
            match &self.found {
                Some(found) if self.is_own => owner.setattr(self.name, found)?,
                _ => owner.delattr(self.name)?,
            }
        }
        globals
    }
}
