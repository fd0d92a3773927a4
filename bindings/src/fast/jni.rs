//! The fast path for the JVM and ART: native methods of `dev.inbetween.FastPath`, registered when the library loads.
//! **Invariant:** host memory is read and written only during the call, and only within the bounds that were checked.
//! It does not throw: a panic or a refusal becomes `FAILED` and waits for `take_fast_error`.
//!
//! JNA costs microseconds and kilobytes of garbage for each call; these cost neither.
#![allow(unsafe_code)] // addresses of direct buffers
#![allow(clippy::needless_pass_by_value, clippy::too_many_arguments, clippy::unnecessary_wraps)] // what `native_method!` asks for

use std::{cell::RefCell, ffi::c_void, slice};

use inbetween::Plane;
use jni::{
    Env, JavaVM, NativeMethod, jni_str, native_method,
    objects::{JByteBuffer, JClass},
    sys::{JNI_ERR, JNI_VERSION_1_6, jint, jlong},
};

use super::{
    FAILED, FrameBlock,
    block::{self, PlaneSpan},
    kept,
};
use crate::{error::SdkError, guard::guarded};

const METHODS: &[NativeMethod<'static>] = &[
    native_method! {
        static fn handle_frame(
            session: jlong, now_nanos: jlong, captured_nanos: jlong, block: java.nio.ByteBuffer,
            plane0: java.nio.ByteBuffer, plane1: java.nio.ByteBuffer, plane2: java.nio.ByteBuffer
        ) -> jint
    },
    native_method! {
        static fn answer_into(session: jlong, display_nanos: jlong, out: java.nio.ByteBuffer) -> jint
    },
    native_method! {
        static fn handle_completion(session: jlong, now_nanos: jlong, ticket: jlong) -> jint
    },
    native_method! {
        static fn distance(one: java.nio.ByteBuffer, other: java.nio.ByteBuffer) -> jlong
    },
];

/// Called by `System.loadLibrary`. Without the class (another host than our Kotlin) there is nothing to register.
///
/// # Safety
/// The virtual machine calls it, with itself.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn JNI_OnLoad(vm: *mut jni::sys::JavaVM, _reserved: *mut c_void) -> jint {
    let registered = guarded(|| {
        // SAFETY: the virtual machine passes itself.
        let vm = unsafe { JavaVM::from_raw(vm) };
        let registered = vm.attach_current_thread(|env| {
            let class = env.find_class(jni_str!("dev/inbetween/FastPath"))?;
            // SAFETY: all methods of the table are static, and so is each `external fun` of that object.
            unsafe { env.register_native_methods(class, METHODS) }
        });
        registered.map_err(|e: jni::errors::Error| block::refused(e.to_string()))
    });
    if registered.is_ok() { JNI_VERSION_1_6 } else { JNI_ERR }
}

type Result<T> = std::result::Result<T, jni::errors::Error>;

/// A direct buffer's memory; nothing when there is no buffer, or none that is direct.
#[derive(Clone, Copy)]
struct Memory {
    start: *mut u8,
    length: usize,
}

impl Memory {
    fn of(env: &Env<'_>, buffer: &JByteBuffer<'_>) -> Option<Self> {
        if buffer.is_null() {
            return None;
        }
        let start = env.get_direct_buffer_address(buffer).ok()?;
        Some(Self { start, length: env.get_direct_buffer_capacity(buffer).ok()? })
    }

    fn required(env: &Env<'_>, buffer: &JByteBuffer<'_>) -> std::result::Result<Self, SdkError> {
        Self::of(env, buffer).ok_or_else(|| block::refused("not a direct buffer".to_owned()))
    }
}

fn handle_frame<'l>(
    env: &mut Env<'l>,
    _class: JClass<'l>,
    session: jlong,
    now_nanos: jlong,
    captured_nanos: jlong,
    frame: JByteBuffer<'l>,
    plane0: JByteBuffer<'l>,
    plane1: JByteBuffer<'l>,
    plane2: JByteBuffer<'l>,
) -> Result<jint> {
    Ok(kept(guarded(|| {
        let memory = Memory::required(env, &frame)?;
        if memory.length < block::SIZE {
            return Err(block::refused(format!("a frame block of {} bytes", memory.length)));
        }
        let mut block = FrameBlock([0; block::SIZE]);
        // SAFETY: at least that long, by the check above; the wrapper lets one thread at it.
        unsafe { memory.start.copy_to_nonoverlapping(block.0.as_mut_ptr(), block::SIZE) };
        let first = Memory::required(env, &plane0)?;
        let buffers = [Some(first), Memory::of(env, &plane1), Memory::of(env, &plane2)];
        // SAFETY: the host holds the buffers for the call and does not write them meanwhile, as for the plain path.
        let planes = unsafe { planes(&block, buffers)? };
        let result = super::handle_frame(session as u64, now_nanos, captured_nanos, &mut block, planes)?;
        // SAFETY: as above.
        unsafe { memory.start.copy_from_nonoverlapping(block.0.as_ptr(), block::SIZE) };
        Ok(result)
    })))
}

/// The planes of a frame: each in the buffer given for it, or all in the first when it is the only one.
///
/// # Safety
/// The memory is valid for `'a` and not written to.
unsafe fn planes<'a>(
    block: &FrameBlock,
    buffers: [Option<Memory>; 3],
) -> std::result::Result<[Plane<'a>; 3], SdkError> {
    let only_one = buffers[1].is_none();
    let mut planes = [Plane::default(); 3];
    for (index, plane) in planes.iter_mut().enumerate() {
        let span = block.plane(index);
        let Some(memory) = (if only_one { buffers[0] } else { buffers[index] }) else { continue };
        let length = span.length.min(memory.length.saturating_sub(span.offset));
        let data: &'a [u8] = if length == 0 {
            &[]
        } else {
            // SAFETY: offset and length are within the buffer.
            unsafe { slice::from_raw_parts(memory.start.add(span.offset), length) }
        };
        *plane = Plane { data, row_stride: span.row_stride };
    }
    if let (true, [_, Some(u), Some(v)]) = (block.is_paired(), buffers) {
        // SAFETY: as above.
        let data = unsafe { pairs(block.u_is_first(), (u, block.plane(1)), (v, block.plane(2)))? };
        planes[1] = Plane { data, row_stride: block.plane(1).row_stride };
        planes[2] = Plane::default();
    }
    Ok(planes)
}

/// The one plane that two buffers of a camera's `YUV_420_888` are views of, a byte apart. The platform gives each view
/// one byte less than the plane has.
///
/// # Safety
/// The memory is valid for `'a` and not written to.
unsafe fn pairs<'a>(
    u_is_first: bool,
    u: (Memory, PlaneSpan),
    v: (Memory, PlaneSpan),
) -> std::result::Result<&'a [u8], SdkError> {
    let view = |(memory, span): (Memory, PlaneSpan)| {
        let length = span.length.min(memory.length.saturating_sub(span.offset));
        (memory.start.wrapping_add(span.offset), length)
    };
    let ((first, length), (second, behind)) =
        if u_is_first { (view(u), view(v)) } else { (view(v), view(u)) };
    if first.wrapping_add(1) != second || length < 2 || behind < 1 {
        return Err(block::refused("the chroma planes are not pairs of one plane".to_owned()));
    }
    // SAFETY: `first` has `length` ≥ 2 bytes and `second` begins inside of them: the union is one piece of memory.
    Ok(unsafe { slice::from_raw_parts(first, length.max(behind + 1)) })
}

/// How many bytes were written; when the buffer is too short, nothing is, and the result is [`FAILED`] less that count.
fn answer_into<'l>(
    env: &mut Env<'l>,
    _class: JClass<'l>,
    session: jlong,
    display_nanos: jlong,
    out: JByteBuffer<'l>,
) -> Result<jint> {
    thread_local! {
        static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    Ok(kept(guarded(|| {
        let memory = Memory::required(env, &out)?;
        SCRATCH.with_borrow_mut(|scratch| {
            let length = super::answer_into(session as u64, display_nanos, scratch)?;
            if scratch.len() > memory.length {
                return Ok(FAILED - length);
            }
            // SAFETY: it fits, by the check above; the wrapper lets one thread at the buffer.
            unsafe { memory.start.copy_from_nonoverlapping(scratch.as_ptr(), scratch.len()) };
            Ok(length)
        })
    })))
}

fn handle_completion<'l>(
    _env: &mut Env<'l>,
    _class: JClass<'l>,
    session: jlong,
    now_nanos: jlong,
    ticket: jlong,
) -> Result<jint> {
    Ok(kept(guarded(|| super::handle_completion(session as u64, now_nanos, ticket as u64))))
}

/// How many bytes the memory of `other` begins behind that of `one`.
fn distance<'l>(
    env: &mut Env<'l>,
    _class: JClass<'l>,
    one: JByteBuffer<'l>,
    other: JByteBuffer<'l>,
) -> Result<jlong> {
    let (Some(one), Some(other)) = (Memory::of(env, &one), Memory::of(env, &other)) else {
        return Ok(jlong::MAX);
    };
    Ok((other.start as jlong).wrapping_sub(one.start as jlong))
}
