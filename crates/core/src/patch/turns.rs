//! Work that any thread may ask for and one does at a time, without anybody waiting.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes turns at a piece of work that brings a state to what is wanted. Who asks while another one is at work (another
/// thread, another greenlet, or this thread further down its stack) leaves it to them: they look again before they stop.
/// So the state ends as the last one wanted it, and nothing is locked while the work runs Python code.
#[derive(Debug)]
pub(crate) struct Turns(Mutex<State>);

#[derive(Debug)]
struct State {
    /// How often it was asked for.
    asked: u64,
    /// The process in which somebody is at work. A child of it that was forked meanwhile has nobody.
    busy_in: Option<u32>,
}

impl Turns {
    /// Nobody is at work.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(State { asked: 0, busy_in: None }))
    }

    /// Runs `work` until nobody asks any more; does nothing if somebody is at work, who will run it.
    pub(crate) fn take(&self, mut work: impl FnMut()) {
        let process = std::process::id();
        let mut asked = {
            let mut state = self.lock();
            state.asked += 1;
            if state.busy_in == Some(process) {
                return;
            }
            state.busy_in = Some(process);
            state.asked
        };
        let turn = Turn(self);
        loop {
            work();
            let mut state = self.lock();
            if state.asked == asked {
                state.busy_in = None;
                break;
            }
            asked = state.asked;
        }
        std::mem::forget(turn);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a turn in which the work panicked.
struct Turn<'a>(&'a Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().busy_in = None;
    }
}
