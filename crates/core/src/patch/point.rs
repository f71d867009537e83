//! One place that a plugin patches.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::Call;

/// What runs in place of a patched function. It reaches the original with [`Call::proceed`].
pub type Hook = fn(&Call<'_, '_>) -> PyResult<Py<PyAny>>;

/// What is put in the place.
#[derive(Clone, Copy, Debug)]
pub enum Patch {
    /// A wrapper around the function that is there. A place that does not exist in the installed version is skipped.
    Around(Hook),
    /// A value; what was there (possibly nothing) comes back.
    Value(fn(Python<'_>) -> Py<PyAny>),
}

/// A place, `module:Class.attribute` or `module:function`, and what is put there.
#[derive(Clone, Copy, Debug)]
pub struct PatchPoint {
    /// The module that defines the owner. It is never imported by us.
    pub module: &'static str,
    /// `Class.attribute` or `function`.
    pub path: &'static str,
    /// What is put there.
    pub patch: Patch,
}

/// The owner of a place in an imported module, with what is there.
pub(super) struct Place<'py> {
    pub owner: Bound<'py, PyAny>,
    pub name: &'static str,
    /// What the owner's lookup finds, own or inherited.
    pub found: Option<Bound<'py, PyAny>>,
    /// Whether the owner holds it itself.
    pub is_own: bool,
}

impl PatchPoint {
    /// A wrapper around the function at `path` of `module`.
    pub const fn around(module: &'static str, path: &'static str, hook: Hook) -> Self {
        Self { module, path, patch: Patch::Around(hook) }
    }

    /// A value at `path` of `module`.
    pub const fn value(module: &'static str, path: &'static str, value: fn(Python<'_>) -> Py<PyAny>) -> Self {
        Self { module, path, patch: Patch::Value(value) }
    }

    pub(super) fn locate<'py>(&self, module: &Bound<'py, PyAny>) -> PyResult<Place<'py>> {
        let (parents, name) = match self.path.rsplit_once('.') {
            Some((parents, name)) => (Some(parents), name),
            None => (None, self.path),
        };
        let mut owner = module.clone();
        for parent in parents.into_iter().flat_map(|parents| parents.split('.')) {
            owner = owner.getattr(parent)?;
        }
        let own = own_attribute(&owner, name)?;
        let is_own = own.is_some();
        let found = match own {
            Some(own) => Some(own),
            None => owner.getattr_opt(name)?,
        };
        Ok(Place { owner, name, found, is_own })
    }
}

/// What `owner` itself holds under `name`, without running descriptors.
pub(super) fn own_attribute<'py>(owner: &Bound<'py, PyAny>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    let namespace = owner.getattr("__dict__")?;
    if let Ok(namespace) = namespace.cast::<PyDict>() {
        return namespace.get_item(name);
    }
    // A class shows its namespace as a mappingproxy.
    let value = namespace.call_method1("get", (name, &namespace))?;
    Ok((!value.is(&namespace)).then_some(value))
}
