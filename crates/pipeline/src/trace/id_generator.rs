//! Random trace and span ids that a forked child never shares with its parent.
//!
//! The generator is one per thread, seeded by the operating system, and seeded again when a fork lies between.

use std::cell::RefCell;

use rand::rngs::SmallRng;
use rand::{RngCore, SeedableRng};

use crate::{clock, process};

thread_local! {
    static GENERATOR: RefCell<Option<(u64, SmallRng)>> = const { RefCell::new(None) };
}

/// A random trace id, not zero.
pub fn random_trace_id() -> [u8; 16] {
    with_generator(|generator| {
        loop {
            let mut id = [0; 16];
            generator.fill_bytes(&mut id);
            if id != [0; 16] {
                return id;
            }
        }
    })
}

/// A random span id, not zero.
pub fn random_span_id() -> [u8; 8] {
    with_generator(|generator| {
        loop {
            let id = generator.next_u64();
            if id != 0 {
                return id.to_be_bytes();
            }
        }
    })
}

fn with_generator<T>(draw: impl FnOnce(&mut SmallRng) -> T) -> T {
    GENERATOR.with_borrow_mut(|slot| {
        let generation = process::generation();
        match slot {
            Some((seeded, generator)) if *seeded == generation => draw(generator),
            _ => draw(&mut slot.insert((generation, seeded())).1),
        }
    })
}

fn seeded() -> SmallRng {
    SmallRng::try_from_os_rng().unwrap_or_else(|_| {
        // No entropy source. The clock, the process and the address of a local tell threads and processes apart.
        let local = 0_u8;
        let place = std::ptr::from_ref(&local).addr() as u64;
        SmallRng::seed_from_u64(clock::now_ns() ^ u64::from(std::process::id()).rotate_left(32) ^ place.rotate_left(16))
    })
}
