//! What measuring a frame costs: no memory once a key frame is set.
//! **Invariant:** the allocator counts per thread, so that tests beside it do not disturb it.
//! It does not measure times: criterion does, in `benches`.

#[path = "gate/render.rs"]
#[allow(dead_code)]
mod render;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use inbetween_flow::{
    Image, Luma, PixelFormat, Point, Rect, TicketId, Timestamp,
    gate::{Gate, Target},
};
use render::{Object, Scene, Texture, target};

struct Counting;

thread_local! {
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = TAKEN.try_with(|t| t.set(t.get() + 1));
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Ten moving targets at 1280 × 720.
fn scene(targets: usize, moving: f32) -> (Scene, Vec<Target>) {
    let mut scene = Scene::new(1280, 720);
    scene.noise = 2.0;
    let mut list = Vec::new();
    for i in 0..targets {
        let (x, y) = (60.0 + 240.0 * (i % 5) as f32, 100.0 + 300.0 * (i / 5) as f32);
        let bounds = Rect::new(x, y, x + 120.0, y + 160.0);
        let mut object = Object::new(bounds, Texture::new(50 + i as u32, 24.0, 120.0, 80.0));
        object.moved = Point::new(moving, 0.0);
        scene.objects.push(object);
        list.push(target(i as u32, bounds));
    }
    (scene, list)
}

#[test]
fn measuring_takes_no_memory() {
    let (still, targets) = scene(10, 0.0);
    let (moved, _) = scene(10, 9.0);
    let (first, second) = (still.render(0), moved.render(1));
    let image = |b| Image::packed(PixelFormat::Gray8, 1280, 720, b);
    let mut gate = Gate::new(6.0);
    gate.keep(TicketId(1), Timestamp::ZERO, &Luma::of(&image(&first)).unwrap());
    gate.rekey(TicketId(1), &targets);
    let before = TAKEN.with(Cell::get);
    for i in 1..30 {
        let shown = if i % 3 == 0 { &second } else { &first };
        let image = image(shown);
        let e = gate.measure(Timestamp::from_millis(16 * i), &Luma::of(&image).unwrap()).unwrap();
        assert_eq!(e.fits.len(), 10);
    }
    assert_eq!(TAKEN.with(Cell::get) - before, 0);
}
