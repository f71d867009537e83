//! A set of patch points that go on and come off together.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyString, PyTuple, PyType};

use super::point::{Place, own_attribute};
use super::wrapper::Where;
use super::{Patch, PatchPoint, Wrapper};
use crate::guard::guard_or_default;
use crate::log;

/// Patch points with their state. A plugin declares it as a `static`.
#[derive(Debug)]
pub struct PatchSet {
    points: &'static [PatchPoint],
    installed: AtomicBool,
    /// Import hooks cannot be unregistered, so they are registered once.
    hooked: AtomicBool,
    applied: Mutex<Vec<Applied>>,
}

/// A patch that is in place.
#[derive(Debug)]
struct Applied {
    point: PatchPoint,
    owner: Py<PyAny>,
    name: &'static str,
    /// What we put there.
    ours: Py<PyAny>,
    /// The wrapper in it, if it is one.
    wrapper: Option<Py<Wrapper>>,
    /// What the owner itself held before; nothing if it inherited it or had none.
    original: Option<Py<PyAny>>,
}

impl PatchSet {
    /// A set that is not installed.
    pub const fn new(points: &'static [PatchPoint]) -> Self {
        Self {
            points,
            installed: AtomicBool::new(false),
            hooked: AtomicBool::new(false),
            applied: Mutex::new(Vec::new()),
        }
    }

    /// Whether the set is installed.
    pub fn is_installed(&self) -> bool {
        self.installed.load(Ordering::Relaxed)
    }

    /// Patches what is imported now and, when it is imported later, the rest. Does nothing if installed already.
    ///
    /// # Errors
    ///
    /// What registering an import hook raises; a place that cannot be patched is logged instead.
    pub fn install(&'static self, py: Python<'_>) -> PyResult<()> {
        if self.installed.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let modules = py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?;
        for name in self.modules() {
            if let Some(module) = modules.get_item(name)? {
                self.apply(name, &module);
            }
        }
        if !self.hooked.swap(true, Ordering::Relaxed) {
            self.register_import_hooks(py)?;
        }
        Ok(())
    }

    /// Restores exactly what was there. Where someone wrapped over a wrapper of ours it stays, as a pass-through.
    pub fn remove(&self, py: Python<'_>) {
        if !self.installed.swap(false, Ordering::Relaxed) {
            return;
        }
        let applied = std::mem::take(&mut *self.lock());
        for patch in applied.into_iter().rev() {
            if let Err(error) = patch.restore(py) {
                log::warning_once(py, patch.point.path, &format!("{} was not restored: {error}", patch.point.path));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Applied>> {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn modules(&self) -> impl Iterator<Item = &'static str> {
        let mut names: Vec<_> = self.points.iter().map(|point| point.module).collect();
        names.dedup();
        names.into_iter()
    }

    fn register_import_hooks(&'static self, py: Python<'_>) -> PyResult<()> {
        let register = py.import("wrapt")?.getattr("register_post_import_hook")?;
        for name in self.modules() {
            let hook = PyCFunction::new_closure(
                py,
                None,
                None,
                move |args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>| {
                    guard_or_default("import hook", || {
                        if let Ok(module) = args.get_item(0)
                            && self.is_installed()
                        {
                            self.apply(name, &module);
                        }
                    })
                },
            )?;
            register.call1((hook, name))?;
        }
        Ok(())
    }

    /// Applies the points of one imported module that are not applied yet. Never raises: it runs inside imports.
    fn apply(&self, name: &'static str, module: &Bound<'_, PyAny>) {
        let py = module.py();
        for point in self.points.iter().filter(|point| point.module == name) {
            if self.lock().iter().any(|patch| patch.point.path == point.path && patch.point.module == name) {
                continue;
            }
            match Applied::apply(*point, module) {
                Ok(Some(patch)) => self.lock().push(patch),
                Ok(None) => log::log(
                    py,
                    log::Level::Debug,
                    &format!("{}:{} does not exist in the installed version; skipped", point.module, point.path),
                ),
                Err(error) => log::warning_once(
                    py,
                    point.path,
                    &format!("{}:{} was not instrumented: {error}", point.module, point.path),
                ),
            }
        }
    }
}

impl Applied {
    fn apply(point: PatchPoint, module: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
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
        owner.setattr(name, &ours)?;
        if let (true, Some(found)) = (point.path == name, &found) {
            // A class that serves as a function too stays what it is under its own name: one may derive from it.
            let kept = found.cast::<PyType>().ok().map(|class| class.name()).transpose()?;
            replace_globals(py, found, ours.bind(py), kept.as_ref(), point.spared)?;
        }
        let original = if is_own { found.map(Bound::unbind) } else { None };
        Ok(Some(Self { point, owner: owner.unbind(), name, ours, wrapper, original }))
    }

    fn restore(&self, py: Python<'_>) -> PyResult<()> {
        let ours = self.ours.bind(py);
        let owner = self.owner.bind(py);
        if let Some(wrapper) = &self.wrapper {
            wrapper.get().switch_off();
            if self.point.path == self.name {
                replace_globals(py, ours, wrapper.get().wrapped().bind(py), None, None)?;
            }
        }
        if own_attribute(owner, self.name)?.is_some_and(|held| held.is(ours)) {
            match &self.original {
                Some(original) => owner.setattr(self.name, original)?,
                None => owner.delattr(self.name)?,
            }
        }
        Ok(())
    }
}

/// Replaces a function in every module that holds it as a global, under whatever name but the `kept` one, except in a
/// spared package.
fn replace_globals(
    py: Python<'_>,
    old: &Bound<'_, PyAny>,
    new: &Bound<'_, PyAny>,
    kept: Option<&Bound<'_, PyString>>,
    spared: Option<&str>,
) -> PyResult<()> {
    let modules = py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?;
    for (module_name, module) in modules.iter() {
        if let Some(package) = spared
            && is_in(package, &module_name)
        {
            continue;
        }
        let Ok(namespace) = module.getattr("__dict__").and_then(|d| Ok(d.cast_into::<PyDict>()?)) else { continue };
        let held = namespace.iter().filter(|(_, value)| value.is(old)).map(|(name, _)| name);
        let names: Vec<_> = held.filter(|name| !kept.is_some_and(|kept| name.eq(kept).unwrap_or(false))).collect();
        for name in names {
            namespace.set_item(name, new)?;
        }
    }
    Ok(())
}

/// Whether a module is `package` or in it.
fn is_in(package: &str, module: &Bound<'_, PyAny>) -> bool {
    let Ok(module) = module.cast::<PyString>() else { return false };
    let module = module.to_string_lossy();
    module.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
