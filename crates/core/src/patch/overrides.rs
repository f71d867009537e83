//! Methods that subclasses of a patched class replace.
//!
//! A subclass may replace a method instead of extending it, and then nothing calls the patched one. Its own is wrapped
//! with the same hook, so a method that does call the one of the base class has the hook around it twice.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyType, PyWeakrefReference};

use super::wrapper::Where;
use super::{Hook, Wrapper, namespace};
use crate::log::{self, Level};

/// Methods of one class, with the hooks around those of its subclasses. A plugin declares it as a `static`.
#[derive(Debug)]
pub struct Overrides {
    methods: &'static [(&'static str, Hook)],
    covered: Mutex<Vec<Covered>>,
}

/// A wrapper in a subclass. It keeps neither: what an application no longer uses is freed.
#[derive(Debug)]
struct Covered {
    class: Py<PyWeakrefReference>,
    wrapper: Py<PyWeakrefReference>,
    name: &'static str,
    /// Whether the subclass held the method itself.
    is_own: bool,
}

impl Overrides {
    /// Wraps nothing yet.
    pub const fn new(methods: &'static [(&'static str, Hook)]) -> Self {
        Self { methods, covered: Mutex::new(Vec::new()) }
    }

    /// Wraps the methods that a subclass of `base` has in place of those of `base`. A class that refuses is logged.
    pub fn cover(&self, class: &Bound<'_, PyType>, base: &Bound<'_, PyType>) {
        if class.is(base) {
            return;
        }
        for (name, hook) in self.methods {
            if let Err(error) = self.cover_method(class, base, name, *hook) {
                let message = format!("{name} of a class derived from {base} was not instrumented");
                log::raised_once(class.py(), Level::Warning, name, &error, &message);
            }
        }
    }

    /// The same for every class that is derived from `base` by now.
    ///
    /// # Errors
    ///
    /// What a class raises that is asked for its subclasses.
    pub fn cover_all(&self, base: &Bound<'_, PyType>) -> PyResult<()> {
        let mut classes = subclasses(base)?;
        while let Some(class) = classes.pop() {
            self.cover(&class, base);
            classes.extend(subclasses(&class)?);
        }
        Ok(())
    }

    /// Restores exactly what was there. Where someone wrapped over a wrapper of ours it stays, as a pass-through.
    pub fn remove(&self, py: Python<'_>) {
        let covered = std::mem::take(&mut *self.lock());
        for method in covered.into_iter().rev() {
            if let Err(error) = method.restore(py) {
                let message = format!("{} was not restored", method.name);
                log::raised_once(py, Level::Warning, method.name, &error, &message);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Covered>> {
        self.covered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cover_method(
        &self,
        class: &Bound<'_, PyType>,
        base: &Bound<'_, PyType>,
        name: &'static str,
        hook: Hook,
    ) -> PyResult<()> {
        let py = class.py();
        let Some((holder, found)) = replaced(class, base, name)? else { return Ok(()) };
        if found.is_instance_of::<Wrapper>() || !found.is_callable() {
            return Ok(());
        }
        // Other classes may have a mixin's method too.
        let owner = if holder.is_subclass(base)? { &holder } else { class };
        let (ours, wrapper) = Wrapper::around(&found, hook, Where { module: None, path: name })?;
        if !ours.is(&wrapper) {
            // A static method, say: nothing that is called like the one of `base`.
            return Ok(());
        }
        let covered = Covered {
            class: PyWeakrefReference::new(owner)?.unbind(),
            wrapper: PyWeakrefReference::new(wrapper.bind(py))?.unbind(),
            name,
            is_own: owner.is(&holder),
        };
        owner.setattr(name, ours)?;
        self.lock().push(covered);
        self.forget_freed(py);
        Ok(())
    }

    /// Forgets the classes that an application has made and no longer uses.
    fn forget_freed(&self, py: Python<'_>) {
        let classes: Vec<_> = self.lock().iter().map(|covered| covered.class.clone_ref(py)).collect();
        let freed: Vec<_> = classes.iter().filter(|class| class.bind(py).upgrade().is_none()).collect();
        let is_freed = |covered: &Covered| freed.iter().any(|class| class.is(&covered.class));
        let gone: Vec<Covered> = {
            let mut all = self.lock();
            let (gone, kept) = std::mem::take(&mut *all).into_iter().partition(is_freed);
            *all = kept;
            gone
        };
        drop(gone);
    }
}

impl Covered {
    fn restore(&self, py: Python<'_>) -> PyResult<()> {
        let Some(wrapper) = self.wrapper.bind(py).upgrade_as::<Wrapper>()? else { return Ok(()) };
        wrapper.get().switch_off();
        let Some(class) = self.class.bind(py).upgrade() else { return Ok(()) };
        if namespace::own(&class, self.name)?.is_some_and(|held| held.is(&wrapper)) {
            match self.is_own {
                true => class.setattr(self.name, wrapper.get().wrapped())?,
                false => class.delattr(self.name)?,
            }
        }
        Ok(())
    }
}

/// Who holds the method that `class` has in place of that of `base`, and the method.
fn replaced<'py>(
    class: &Bound<'py, PyType>,
    base: &Bound<'py, PyType>,
    name: &str,
) -> PyResult<Option<(Bound<'py, PyType>, Bound<'py, PyAny>)>> {
    for holder in class.mro().iter() {
        let holder = holder.cast_into::<PyType>()?;
        if holder.is(base) {
            return Ok(None);
        }
        if let Some(found) = namespace::own(&holder, name)? {
            return Ok(Some((holder, found)));
        }
    }
    Ok(None)
}

fn subclasses<'py>(class: &Bound<'py, PyType>) -> PyResult<Vec<Bound<'py, PyType>>> {
    // Of `type` itself: a metaclass may have a `__subclasses__` of its own.
    let found = class.py().get_type::<PyType>().call_method1("__subclasses__", (class,))?;
    found.extract()
}
