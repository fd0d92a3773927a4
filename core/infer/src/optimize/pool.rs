//! Memory of values between operators, used again from run to run.
//! **Invariant:** what is handed out belongs to nobody else; what it holds is left over and must be overwritten.
//! It does not grow beyond what one run needs of each size at a time, for each runner that runs at the same time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tract_core::internal::*;

type Shelves = BTreeMap<usize, Vec<Arc<Tensor>>>;

/// Tensors by how many floats they hold. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool(Arc<Mutex<Shelves>>);

impl Pool {
    /// A tensor of floats; new ones hold zeros.
    pub(super) fn take(&self, shape: &[usize]) -> TractResult<Tensor> {
        let size = shape.iter().product();
        let free = |tensor: &Arc<Tensor>| Arc::strong_count(tensor) == 1;
        let found = self.shelves().get_mut(&size).and_then(|shelf| {
            let at = shelf.iter().position(free)?;
            Arc::into_inner(shelf.swap_remove(at))
        });
        match found {
            Some(tensor) => tensor.into_shape(shape),
            None => Tensor::zero::<f32>(shape),
        }
    }

    /// The value of a tensor that comes back when nobody reads it any more.
    pub(super) fn lend(&self, tensor: Tensor) -> TValue {
        let tensor = Arc::new(tensor);
        self.shelves().entry(tensor.len()).or_default().push(Arc::clone(&tensor));
        TValue::from_const(tensor)
    }

    /// Nothing is half-done while the lock is held, so a panic elsewhere leaves it sound.
    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
