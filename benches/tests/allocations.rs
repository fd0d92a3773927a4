//! The steady-state paths of the SDK allocate nothing: a skipped frame, and an answer.
//! **Invariant:** every allocation of this thread between arming and disarming is counted, whoever makes it.
//! It does not count the paths on which a run starts or ends.
#![allow(clippy::unwrap_used, missing_docs, unsafe_code)] // an allocator cannot be written without `unsafe`

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    time::Duration,
};

use inbetween_bench::workload::Workload;
use inbetween_flow::{Completion, Outcome, Plan, Value};

struct Counting;

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn note() {
    // `try_with`: the allocator is also called while the thread's own data is torn down.
    let _ = ARMED.try_with(|armed| {
        if armed.get() {
            let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        }
    });
}

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Does `work` and says how many allocations it made.
fn counted<T>(work: impl FnOnce() -> T) -> (T, u64) {
    COUNT.set(0);
    ARMED.set(true);
    let out = work();
    ARMED.set(false);
    (out, COUNT.get())
}

#[test]
fn the_counter_counts() {
    assert_eq!(counted(|| std::hint::black_box(vec![1_u8; 100]).len()), (100, 1));
    assert_eq!(counted(|| 1 + 1), (2, 0));
}

#[test]
fn a_skipped_frame_and_an_answer_allocate_nothing() {
    const WARM: u64 = 300;
    const FRAMES: u64 = 1000;
    let work = Workload::new(320, 180, 200).unwrap();
    let mut engine = Workload::engine().unwrap();
    let (mut skipped, mut shown, mut n) = (0, 0, 0);
    while skipped < WARM + FRAMES {
        n += 1;
        assert!(n < 40 * FRAMES, "only {skipped} of {n} frames were skipped");
        let (rendered, found) = work.endless(n);
        let (at, frame) = (rendered.captured, rendered.as_frame());
        let (plan, allocations) = counted(|| engine.handle_frame(at, &frame).unwrap());
        match plan {
            Plan::Skip(reason) => {
                skipped += 1;
                assert!(
                    skipped <= WARM || allocations == 0,
                    "{allocations} allocations on frame {n}, skipped: {reason:?}"
                );
            }
            Plan::Run(ticket) => {
                let outcome = Outcome::Value(Value::Boxes(found.to_vec()));
                engine.handle_completion(
                    at + Duration::from_millis(20),
                    Completion { ticket: ticket.id, outcome },
                );
            }
        }
        for refresh in [1, 17, 33] {
            let display = at + Duration::from_millis(refresh);
            let (boxes, allocations) = counted(|| match &engine.answer_at(display).value {
                Some(Value::Boxes(boxes)) => boxes.len(),
                _ => 0,
            });
            shown += boxes;
            assert!(
                skipped <= WARM || allocations == 0,
                "{allocations} allocations in an answer after frame {n}"
            );
        }
        while engine.poll_event().is_some() {}
    }
    assert!(shown as u64 > 20 * FRAMES, "hardly anything was answered: {shown} boxes");
}
