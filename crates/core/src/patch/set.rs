//! A set of patch points that go on and come off together.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};

use super::applied::Applied;
use super::turns::Turns;
use super::{PatchPoint, loading, namespace};
use crate::guard::{guard, guard_or_default};
use crate::log::{self, Level};

/// Patch points with their state. A plugin declares it as a `static`.
///
/// Any thread may install and remove it at any time. The patches follow what was asked for last: who asks while another
/// thread is at it does not wait, that thread does it.
#[derive(Debug)]
pub struct PatchSet {
    points: &'static [PatchPoint],
    wanted: AtomicBool,
    /// How many have begun what these patches are to end.
    holds: AtomicUsize,
    turns: Turns,
    /// Changed by whoever has the turn, and by modules that load. No Python code runs under the lock.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Entered before they are put in their places.
    applied: Vec<Arc<Applied>>,
    /// The modules of which we hear when they load. An import hook cannot be unregistered.
    awaited: Vec<&'static str>,
    /// Those of which we have heard while the set is installed.
    loaded: Vec<&'static str>,
}

/// Keeps the patches of a set in place, also if it is removed meanwhile: they go with the last hold.
pub struct Hold(&'static PatchSet);

impl PatchSet {
    /// A set that is not installed.
    pub const fn new(points: &'static [PatchPoint]) -> Self {
        Self {
            points,
            wanted: AtomicBool::new(false),
            holds: AtomicUsize::new(0),
            turns: Turns::new(),
            state: Mutex::new(State { applied: Vec::new(), awaited: Vec::new(), loaded: Vec::new() }),
        }
    }

    /// Whether the set is to be installed.
    pub fn is_installed(&self) -> bool {
        self.wanted.load(Ordering::SeqCst)
    }

    /// Patches what is imported now and, when it is imported later, the rest. Does nothing if installed already.
    ///
    /// # Errors
    ///
    /// What registering an import hook raises: nothing is patched then. A place that cannot be patched is logged instead.
    pub fn install(&'static self, py: Python<'_>) -> PyResult<()> {
        self.wanted.store(true, Ordering::SeqCst);
        let mut result = Ok(());
        self.turns.take(|| result = self.update(py));
        result
    }

    /// Restores exactly what was there, once nobody holds it. Where someone wrapped over a wrapper of ours it stays, as a
    /// pass-through.
    pub fn remove(&'static self, py: Python<'_>) {
        self.wanted.store(false, Ordering::SeqCst);
        // What is installed anew meanwhile and fails there says so there.
        self.turns.take(|| drop(self.update(py)));
    }

    /// For who begins what these patches are to end. Nothing if the set is not installed (any more): then it is not to
    /// be begun.
    pub fn hold(&'static self) -> Option<Hold> {
        self.holds.fetch_add(1, Ordering::SeqCst);
        let hold = Hold(self);
        // In this order: who removes the set looks at the holds after it has ceased to be wanted.
        self.is_installed().then_some(hold)
    }

    /// Brings the patches to what is wanted. Run by who has the turn.
    fn update(&'static self, py: Python<'_>) -> PyResult<()> {
        if self.is_installed() {
            return self.put_all(py).inspect_err(|_| {
                self.wanted.store(false, Ordering::SeqCst);
                self.restore_all(py);
            });
        }
        if self.holds.load(Ordering::SeqCst) == 0 {
            self.restore_all(py);
        }
        Ok(())
    }

    fn put_all(&'static self, py: Python<'_>) -> PyResult<()> {
        let modules = namespace::loaded(py)?;
        let mut names: Vec<_> = self.points.iter().map(|point| point.module).collect();
        names.dedup();
        for name in names {
            let module = modules.get_item(name)?.filter(|module| !module.is_none());
            let (awaited, loaded) = self.state(|state| (state.awaited.contains(&name), state.loaded.contains(&name)));
            let unloaded = match &module {
                Some(module) if !loaded => loading::specification_of_unloaded(module)?,
                _ => None,
            };
            let hear_of_it = || match &unloaded {
                Some(spec) => loading::watch(spec, name, self),
                None => self.register_import_hook(py, name),
            };
            if !awaited && (module.is_none() || unloaded.is_some()) {
                self.state(|state| state.awaited.push(name));
                hear_of_it().inspect_err(|_| {
                    self.state(|state| state.awaited.retain(|awaited| *awaited != name));
                })?;
            }
            if let (Some(module), None) = (&module, &unloaded) {
                self.put(py, name, module);
            }
        }
        Ok(())
    }

    fn register_import_hook(&'static self, py: Python<'_>, name: &'static str) -> PyResult<()> {
        let register = py.import("wrapt")?.getattr("register_post_import_hook")?;
        let hook = PyCFunction::new_closure(
            py,
            None,
            None,
            move |args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>| {
                guard_or_default("import hook", || self.has_loaded(args.py(), name))
            },
        )?;
        register.call1((hook, name)).map(drop)
    }

    /// A module that was awaited has loaded. Never raises an `Exception`: it runs inside imports.
    pub(super) fn has_loaded(&'static self, py: Python<'_>, name: &'static str) {
        self.state(|state| {
            state.awaited.retain(|awaited| *awaited != name);
            state.loaded.push(name);
        });
        self.turns.take(|| {
            if let Err(error) = self.update(py) {
                log::raised_once(py, Level::Warning, name, &error, &format!("{name} was not instrumented"));
            }
        });
    }

    /// Applies the points of one loaded module that are not applied yet.
    fn put(&self, py: Python<'_>, name: &'static str, module: &Bound<'_, PyAny>) {
        for point in self.points.iter().filter(|point| point.module == name) {
            if self.state(|state| state.applied.iter().any(|patch| patch.is_of(point))) {
                continue;
            }
            let put = match Applied::prepare(*point, module) {
                Ok(Some(patch)) => {
                    let patch = Arc::new(patch);
                    self.state(|state| state.applied.push(Arc::clone(&patch)));
                    patch.put(py)
                }
                Ok(None) => {
                    let message = format!("{name}:{} does not exist in the installed version; skipped", point.path);
                    log::log(py, Level::Debug, &message);
                    Ok(())
                }
                Err(error) => Err(error),
            };
            if let Err(error) = put {
                let message = format!("{name}:{} was not instrumented everywhere", point.path);
                log::raised_once(py, Level::Warning, point.path, &error, &message);
            }
        }
    }

    fn restore_all(&self, py: Python<'_>) {
        let applied = self.state(|state| {
            state.loaded.clear();
            std::mem::take(&mut state.applied)
        });
        for patch in applied.into_iter().rev() {
            if let Err(error) = patch.restore(py) {
                let path = patch.point.path;
                log::raised_once(py, Level::Warning, path, &error, &format!("{path} was not restored everywhere"));
            }
        }
    }

    fn state<T>(&self, body: impl FnOnce(&mut State) -> T) -> T {
        let mut state: MutexGuard<'_, State> = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        body(&mut state)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let set = self.0;
        if set.holds.fetch_sub(1, Ordering::SeqCst) != 1 || set.is_installed() {
            return;
        }
        guard("the last hold of a patch", || {
            Python::try_attach(|py| {
                // It may go with the object that has it, while an exception is under way.
                let pending = PyErr::take(py);
                set.turns.take(|| drop(set.update(py)));
                if let Some(pending) = pending {
                    pending.restore(py);
                }
            });
        });
    }
}
