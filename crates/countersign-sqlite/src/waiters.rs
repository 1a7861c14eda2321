//! Tasks of this process that wait for a delivery to be settled.

use core::fmt;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use countersign_core::DeliveryKey;
use futures_channel::oneshot;

/// Who waits for what. The writer wakes after the commit.
#[derive(Default)]
pub(crate) struct Waiters {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    by_key: HashMap<DeliveryKey, Vec<(u64, oneshot::Sender<()>)>>,
}

/// A place among the waiters, given up when it is dropped.
pub(crate) struct Waiter<'a> {
    waiters: &'a Waiters,
    key: DeliveryKey,
    id: u64,
    pub(crate) woken: oneshot::Receiver<()>,
}

impl Waiters {
    /// Registers for the next change of a key. Read the key's state after this, not before.
    pub(crate) fn register(&self, key: &DeliveryKey) -> Waiter<'_> {
        let (wake, woken) = oneshot::channel();
        let mut waiting = self.lock();
        let id = waiting.next;
        waiting.next = id.wrapping_add(1);
        waiting.by_key.entry(*key).or_default().push((id, wake));
        drop(waiting);
        Waiter {
            waiters: self,
            key: *key,
            id,
            woken,
        }
    }

    /// Wakes all who wait for one of these.
    pub(crate) fn wake(&self, keys: &[DeliveryKey]) {
        let mut woken = Vec::new();
        let mut waiting = self.lock();
        if !waiting.by_key.is_empty() {
            woken.extend(keys.iter().filter_map(|key| waiting.by_key.remove(key)));
        }
        drop(waiting);
        for (_, wake) in woken.into_iter().flatten() {
            // Nobody there means that the waiting was given up.
            let _ = wake.send(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Waiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiters").finish_non_exhaustive()
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut waiting = self.waiters.lock();
        if let Some(of_key) = waiting.by_key.get_mut(&self.key) {
            of_key.retain(|(id, _)| *id != self.id);
            if of_key.is_empty() {
                waiting.by_key.remove(&self.key);
            }
        }
    }
}
