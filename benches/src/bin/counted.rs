//! One measurement of allocations, with an allocator that counts; what it says of time is of no use.

use std::alloc::System;

use lifecycle_benches::sample::{self, Heap};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), String> {
    sample::main(Some(count))
}

fn count() -> Heap {
    let stats = HEAP.stats();
    Heap {
        allocations: stats.allocations + stats.reallocations,
        live: stats.bytes_allocated - stats.bytes_deallocated,
    }
}
