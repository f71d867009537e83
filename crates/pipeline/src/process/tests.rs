use std::sync::{Mutex, MutexGuard, PoisonError};

use super::*;

/// The generation is one per process: tests that move it take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `child` in a forked child and gives its exit code.
fn in_fork(child: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child only touches atomics and the heap of a test process, then leaves without destructors.
    match unsafe { libc::fork() } {
        0 => {
            let code = child();
            // SAFETY: leaves the child at once.
            unsafe { libc::_exit(code) }
        }
        pid => {
            let mut status = 0;
            // SAFETY: `pid` is the child just made, `status` is ours.
            unsafe { libc::waitpid(pid, &mut status, 0) };
            libc::WEXITSTATUS(status)
        }
    }
}

#[test]
fn a_fork_in_c_starts_a_generation_and_a_nested_one_another() {
    let _turn = alone();
    watch();
    let parent = generation();
    let nested = in_fork(|| {
        let child = generation();
        forked();
        let told_twice = generation();
        let grandchild = in_fork(|| i32::from(generation() == child + 1));
        i32::from(child == parent + 1 && told_twice == child && grandchild == 1)
    });
    assert_eq!(nested, 1);
    assert_eq!(generation(), parent);
}

#[test]
fn a_child_builds_its_own_and_never_locks_what_it_inherits() {
    let _turn = alone();
    watch();
    let value = PerProcess::new();
    let inherited: &Mutex<u32> = value.get_or_build(|| Mutex::new(1));
    let guard = inherited.lock().unwrap();
    let child = in_fork(|| match value.get() {
        Some(_) => 0,
        None => i32::try_from(*value.get_or_build(|| Mutex::new(2)).lock().unwrap()).unwrap(),
    });
    drop(guard);
    assert_eq!(child, 2);
    assert_eq!(*value.get_or_build(|| Mutex::new(3)).lock().unwrap(), 1);
}
