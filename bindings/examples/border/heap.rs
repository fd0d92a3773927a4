//! Bytes that a thread has taken from the heap, counted by the allocator.
//! **Invariant:** what is given back is not subtracted: a call that takes and gives back counts.
//! It does not see other threads.
#![allow(unsafe_code)] // an allocator cannot be written without `unsafe`

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size.saturating_sub(layout.size()));
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn count(bytes: usize) {
    let _ = TAKEN.try_with(|taken| taken.set(taken.get() + bytes as u64)); // a thread that ends counts no more
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that this thread has taken so far.
pub fn allocated() -> u64 {
    TAKEN.with(Cell::get)
}
