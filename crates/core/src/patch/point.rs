//! One place that a plugin patches.

use pyo3::prelude::*;
use pyo3::types::{PyType, PyTypeMethods};

use super::{Call, namespace};

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
    /// The module that defines the owner. It is never imported by us, also if it is there and loads with its first use.
    pub module: &'static str,
    /// `Class.attribute` or `function`.
    pub path: &'static str,
    /// What is put there.
    pub patch: Patch,
    /// A package whose modules keep the function that they hold as a global.
    pub spared: Option<&'static str>,
}

/// The owner of a place in an imported module, with what is there.
pub(super) struct Place<'py> {
    pub owner: Bound<'py, PyAny>,
    pub name: &'static str,
    /// What the owner holds or inherits: of a method its descriptor, not what it binds to.
    pub found: Option<Bound<'py, PyAny>>,
    /// Whether the owner holds it itself.
    pub is_own: bool,
}

impl PatchPoint {
    /// A wrapper around the function at `path` of `module`.
    pub const fn around(module: &'static str, path: &'static str, hook: Hook) -> Self {
        Self { module, path, patch: Patch::Around(hook), spared: None }
    }

    /// A value at `path` of `module`.
    pub const fn value(module: &'static str, path: &'static str, value: fn(Python<'_>) -> Py<PyAny>) -> Self {
        Self { module, path, patch: Patch::Value(value), spared: None }
    }

    /// The same, but modules of `package` keep the function that they imported from each other: only what the
    /// application calls is patched, not what the library calls inside.
    pub const fn sparing(self, package: &'static str) -> Self {
        Self { spared: Some(package), ..self }
    }

    /// The place in the imported module; nothing if the installed version has no such owner.
    pub(super) fn locate<'py>(&self, module: &Bound<'py, PyAny>) -> PyResult<Option<Place<'py>>> {
        let (parents, name) = match self.path.rsplit_once('.') {
            Some((parents, name)) => (Some(parents), name),
            None => (None, self.path),
        };
        let mut owner = module.clone();
        for parent in parents.into_iter().flat_map(|parents| parents.split('.')) {
            let inner = match namespace::of(&owner) {
                Some(namespace) => namespace.get_item(parent)?,
                None => owner.getattr_opt(parent)?,
            };
            match inner {
                Some(inner) => owner = inner,
                None => return Ok(None),
            }
        }
        let own = namespace::own(&owner, name)?;
        let is_own = own.is_some();
        let found = match own {
            Some(own) => Some(own),
            None => inherited_attribute(&owner, name)?,
        };
        Ok(Some(Place { owner, name, found, is_own }))
    }
}

/// What a base class of `owner` holds under `name`, without running descriptors.
fn inherited_attribute<'py>(owner: &Bound<'py, PyAny>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Ok(class) = owner.cast::<PyType>() else { return Ok(None) };
    for base in class.mro().iter().skip(1) {
        if let Some(found) = namespace::own(&base, name)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
