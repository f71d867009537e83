//! Threads that the interpreter ends inside of our frames.
//!
//! CPython before 3.14 ends a thread that is still alive when the interpreter finalizes with `pthread_exit`, wherever it
//! next asks for the GIL. With glibc that is a forced unwind. It must not meet a frame of Rust: a `catch_unwind` (pyo3
//! has one around each function that Python calls) ends the process with SIGABRT, and a destructor would touch Python
//! objects without the GIL.
//!
//! So each thread that comes here registers a clean-up handler with the C library, once. `pthread_exit` runs it before
//! it unwinds the first frame; if a frame of this library is on the stack the thread waits there for the end of the
//! process, which is what CPython 3.14 does with every such thread. Any other thread ends as it would without us.
//!
//! The handler goes through `_pthread_cleanup_push`, whose buffers glibc takes for left when the frame that it looks at
//! lies above them on the stack. A buffer on the heap lies beyond all frames (addresses are compared as distances from
//! the stack's base, without a sign), so that it is left at the very first frame.
//!
//! musl and macOS do not unwind in `pthread_exit`: nothing has to be done there.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn register() {}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) use glibc::register;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use std::cell::OnceCell;
    use std::ffi::{c_int, c_void};
    use std::ptr;

    /// `struct _pthread_cleanup_buffer` of `pthread.h`.
    #[repr(C)]
    struct CleanupBuffer {
        routine: Option<extern "C" fn(*mut c_void)>,
        argument: *mut c_void,
        cancel_type: c_int,
        previous: *mut CleanupBuffer,
    }

    type Trace = extern "C" fn(*mut c_void, *mut c_void) -> c_int;

    // Declared here, as no crate does: they are exported by glibc and by libgcc_s, which Rust's own unwinding needs too.
    unsafe extern "C" {
        fn _pthread_cleanup_push(
            buffer: *mut CleanupBuffer,
            routine: extern "C" fn(*mut c_void),
            argument: *mut c_void,
        );
        fn _Unwind_Backtrace(trace: Trace, argument: *mut c_void) -> c_int;
        fn _Unwind_GetIP(context: *mut c_void) -> usize;
    }

    /// `_URC_NO_REASON` of `unwind.h`: goes on to the next frame.
    const CONTINUE: c_int = 0;
    /// `_URC_END_OF_STACK`: any other value ends the walk.
    const STOP: c_int = 5;

    /// What the walk over the stack has come to.
    struct Walk {
        /// Where this library is mapped.
        library: *mut c_void,
        /// Whether it has left the handler's own frame.
        past_handler: bool,
        /// Whether there is a frame of this library above it.
        found: bool,
    }

    thread_local! {
        /// Freed with the thread's other locals, after which no clean-up handler runs any more.
        static BUFFER: OnceCell<Box<CleanupBuffer>> = const { OnceCell::new() };
    }

    /// Registers the handler for this thread. To be called once for each.
    #[cold]
    pub(in super::super) fn register() {
        // Fails while the thread's locals are dropped: it returns from its start function then and ends by itself.
        let _ = BUFFER.try_with(|cell| {
            let buffer = Box::new(CleanupBuffer {
                routine: None,
                argument: ptr::null_mut(),
                cancel_type: 0,
                previous: ptr::null_mut(),
            });
            let buffer = cell.get_or_init(|| buffer);
            let buffer = ptr::from_ref(buffer.as_ref()).cast_mut();
            // SAFETY: glibc links the buffer into a list of this thread and fills it; it lives on the heap for as long
            // as the thread runs, and Rust code does not touch it again. Handlers that are pushed later are popped before
            // anything else can look at the list, as their scopes nest.
            unsafe { _pthread_cleanup_push(buffer, end_of_thread, ptr::null_mut()) };
        });
    }

    /// Called by `pthread_exit`, with the whole stack still in place.
    extern "C" fn end_of_thread(_argument: *mut c_void) {
        let library = library_of(end_of_thread as *const c_void);
        let mut walk = Walk { library, past_handler: false, found: false };
        // SAFETY: visits the frames that the forced unwind would visit; `walk` outlives the call.
        unsafe { _Unwind_Backtrace(visit, ptr::from_mut(&mut walk).cast()) };
        if !walk.found {
            return;
        }
        loop {
            // SAFETY: waits for signals, whose handlers run and return.
            unsafe { libc::pause() };
        }
    }

    extern "C" fn visit(context: *mut c_void, walk: *mut c_void) -> c_int {
        // SAFETY: the context is that of this step of the walk.
        let instruction = unsafe { _Unwind_GetIP(context) };
        // SAFETY: what `end_of_thread` passed, which nobody else uses meanwhile.
        let walk = unsafe { &mut *walk.cast::<Walk>() };
        if library_of(instruction as *const c_void) != walk.library {
            walk.past_handler = true;
            return CONTINUE;
        }
        walk.found = walk.past_handler;
        if walk.found { STOP } else { CONTINUE }
    }

    /// Where the library of an address is mapped; null if there is none.
    fn library_of(address: *const c_void) -> *mut c_void {
        let mut info = libc::Dl_info {
            dli_fname: ptr::null(),
            dli_fbase: ptr::null_mut(),
            dli_sname: ptr::null(),
            dli_saddr: ptr::null_mut(),
        };
        // SAFETY: looks the address up without reading from it, and fills `info` if it finds it.
        unsafe { libc::dladdr(address, &raw mut info) };
        info.dli_fbase
    }
}
