//! core
mod clock;
mod key;
mod mac;
pub mod store;

pub use self::{
    clock::{Clock, Sleep, SystemClock, Timestamp},
    key::DeliveryKey,
    mac::Algorithm,
    store::{
        Capabilities, Claim, ClaimRequest, Claimed, DedupStore, Fence, Fenced, KeyState, OnAlias,
        Owner, StoreError, StoreErrorKind, memory::MemoryStore,
    },
};
